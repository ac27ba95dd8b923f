"""The client: PyGithub over our `Session`, and nothing else speaks HTTP to GitHub.

PyGithub sees to addresses, authentication and headers. It is given a connection of ours with every request, by the
public argument `cnx`: so nothing is patched, and its own waiting, retrying and following are never reached.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
from github import Auth, Github
from github.Requester import HTTPSRequestsConnectionClass, RequestsResponse

from pipemgr.adapter import Connection, Refused, Retryable, Session, Unreachable, data

from .settings import GitHubActionsSettings

VERSION: Final = "2022-11-28"
"""The version of the REST API this was written for."""
PAGE: Final = 100
"""As many things as GitHub puts on a page at most."""
MOST_PAGES: Final = 1000
"""After so many pages of one thing's parts, a list is taken to have no end."""
MOVED: Final = (301, 307, 308)
HOPS: Final = 5
PIECE: Final = 1 << 16
PATIENCE: Final = 900.0
"""How long a download may take, in seconds."""
_NEXT = re.compile(r'<([^>]*)>\s*;[^,<]*\brel="?next\b')

# At DEBUG it writes whole answers, and with them signed addresses that open logs for whoever reads ours.
logging.getLogger("github.Requester").setLevel(logging.INFO)

Data = dict[str, Any]


class Answer(NamedTuple):
    """What GitHub said."""

    status: int
    headers: Mapping[str, str]
    data: Any

    @property
    def unchanged(self) -> bool:
        """Whether it is as it was when its ETag was given; such an answer costs nothing of the primary limit."""
        return self.status == 304  # noqa: PLR2004 - not modified

    @property
    def etag(self) -> str | None:
        """What to ask with the next time."""
        return self.headers.get("etag")

    @property
    def following(self) -> str | None:
        """The address of the next page. Addresses of pages are GitHub's to make: they change form."""
        found = _NEXT.search(self.headers.get("link", ""))
        return found[1] if found else None


class Client:
    """One account's way to one GitHub, for one thread at a time."""

    def __init__(self, connection: Connection, settings: GitHubActionsSettings) -> None:
        self.where = connection.name
        self.anonymous = settings.token is None
        credential = f"{urlsplit(settings.url).netloc} {settings.token or 'anonymous'}"
        self.session = Session(self.where, connection.budget(credential))
        self._elsewhere = Session(self.where)
        if settings.ca_bundle:
            self.session.verify = self._elsewhere.verify = str(connection.workspace / settings.ca_bundle)
        token = settings.token and settings.token.resolve(connection.workspace)
        self._requester = Github(
            base_url=settings.url,
            auth=Auth.Token(token) if token else None,
            user_agent="pipemgr",
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            api_version=VERSION,
        ).requester
        self._wire = _Wire(self.session, settings.url)

    def close(self) -> None:
        """Let go of the network."""
        self.session.close()
        self._elsewhere.close()

    def now(self) -> datetime:
        """The time by GitHub's clock, as far as its last answer told."""
        return datetime.now(UTC) + timedelta(seconds=self.session.skew)

    def get(self, path: str, *, etag: str | None = None, **parameters: Any) -> Answer:
        """Read a path (or an address that GitHub gave), if it changed since `etag`.

        Raises subclasses of `AdapterError` for every answer of 400 and more (`pipemgr.adapter.Session`).
        """
        headers = {"If-None-Match": etag} if etag else {}
        return self._ask("GET", path, parameters, headers, None)

    def post(self, path: str, body: Data | None = None) -> Answer:
        """Ask for something to be done."""
        return self._ask("POST", path, {}, {}, body)

    def rows(self, answer: Answer, key: str = "") -> list[Data]:
        """The list in an answer, under `key` if it has one.

        Raises `Retryable` when there is none: something in between has answered for GitHub. A row that is no object
        tells nothing and stops no other.
        """
        told = answer.data
        found = (told.get(key) if isinstance(told, dict) else None) if key else told
        if not isinstance(found, list):
            raise Retryable(f"GitHub's answer has no list {key!r}", where=self.where)
        return [one for one in found if isinstance(one, dict)]

    def all(self, path: str, key: str = "", **parameters: Any) -> Iterator[Data]:
        """Every row of a list, page by page. Raises `Retryable` for one without an end."""
        answer = self.get(path, per_page=PAGE, **parameters)
        yield from self.rows(answer, key)
        for _ in range(MOST_PAGES):
            if (following := answer.following) is None:
                return
            answer = self.get(following)
            yield from self.rows(answer, key)
        raise Retryable(f"the list {path} does not end", where=self.where)

    def pending(self, run: str) -> list[Data]:
        """The environments that a run waits for; this list has no pages."""
        return self.rows(self.get(f"{run}/pending_deployments"))

    def one(self, path: str, **parameters: Any) -> Data:
        """A thing that is no list; raises `Retryable` when the answer is none."""
        found = self.get(path, **parameters).data
        if not isinstance(found, dict):
            raise Retryable(f"GitHub's answer to {path} is no object", where=self.where)
        return found

    def download(self, path: str, largest: int) -> Iterator[bytes]:
        """The pieces of a log or an artifact, which lies at a signed address that is good for a minute.

        It is fetched without our credential, and asked for again when it has expired meanwhile
        (docs: REST, workflow runs, "Download workflow run logs"). Raises `Refused` beyond `largest` bytes.
        """
        address = self._signed(path)
        try:
            response = self._elsewhere.get(address, stream=True)
        except Refused:
            response = self._elsewhere.get(self._signed(path), stream=True)
        return self._pieces(response, largest)

    def _signed(self, path: str) -> str:
        place = self.get(path).headers.get("location")
        if place is None:
            raise Retryable(f"GitHub did not say where {path} is", where=self.where)
        return urljoin(self._wire.response.url, place)

    def _pieces(self, response: requests.Response, largest: int) -> Iterator[bytes]:
        began, size = time.monotonic(), 0
        try:
            for piece in response.iter_content(PIECE):
                size += len(piece)
                if size > largest:
                    raise Refused(f"a download of more than {largest:,} bytes", where=self.where)
                if time.monotonic() - began > PATIENCE:
                    raise Unreachable(f"a download took more than {PATIENCE:.0f} s", where=self.where)
                yield piece
        except requests.exceptions.RequestException:
            raise Unreachable("a download broke off", where=self.where) from None
        finally:
            response.close()

    def _ask(
        self, verb: str, path: str, parameters: Data, headers: dict[str, Any], body: Data | None
    ) -> Answer:
        headers["Accept"] = "application/vnd.github+json"
        status, said, _ = self._requester.requestJson(verb, path, parameters, headers, body, cnx=self._wire)
        response = self._wire.response
        empty = status in (302, 304) or not response.content
        return Answer(status, said, None if empty else data(response, self.where))


class _Wire(HTTPSRequestsConnectionClass):
    """What PyGithub takes for a connection: our session, to the one host of the API."""

    def __init__(self, session: Session, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.session = session
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self.response = requests.Response()

    def getresponse(self) -> RequestsResponse:
        """Send what PyGithub prepared; a repository or user that moved is followed, with the query, on this host."""
        address = self._origin + self.url
        for _ in range(HOPS):
            response = self.session.request(
                self.verb, address, data=self.input, headers=self.headers, allow_redirects=False
            )
            if response.status_code not in MOVED:
                break
            address = urljoin(address, response.headers.get("Location", ""))
            if not address.startswith(f"{self._origin}/"):
                raise Refused("GitHub sends us to another host, which may not see the token")
        else:
            raise Refused("GitHub sends us from one address to the next without end")
        self.response = response
        return RequestsResponse(response)
