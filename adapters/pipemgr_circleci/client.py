"""The client: requests over our `Session`, and nothing else speaks HTTP to CircleCI.

The token goes to CircleCI's own API, and for artifacts to the hosts that CircleCI keeps them on; no redirect takes it
anywhere else. API v3 takes it as a bearer's, v2 and v1.1 in a header of their own (docs: "API V3 conventions", "API
v2 introduction").
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urljoin, urlsplit

import requests

from pipemgr.adapter import Connection, Refused, Retryable, Session, Unreachable, data

from .settings import CircleCISettings

Data = dict[str, Any]

PAGES: Final = 200
"""More pages than any list of one build has: a list that does not end is a fault."""
MOVED: Final = (301, 302, 303, 307, 308)
HOPS: Final = 5
PIECE: Final = 1 << 16
LARGEST: Final = 1 << 20
"""How much of a log is read at once, in bytes."""
PATIENCE: Final = 900.0
"""How long a download may take, in seconds."""
ARTIFACTS: Final = ".circle-artifacts.com"
"""Where CircleCI keeps artifacts, which takes the token (docs: "Security", "Store and access artifacts")."""


class Output(NamedTuple):
    """A piece of what a step printed, and whether the step prints no more."""

    content: bytes
    complete: bool


def part(text: object) -> str:
    """A text as one part of a path."""
    return quote(str(text), safe="")


class Client:
    """One account's way to one CircleCI, for one thread at a time."""

    def __init__(self, connection: Connection, settings: CircleCISettings) -> None:
        self.where = connection.name
        self.url = settings.url
        self._host = urlsplit(settings.url).netloc
        self._token = settings.token.resolve(connection.workspace)
        self.session = Session(self.where, connection.budget(f"{self._host} {settings.token}"))
        self._elsewhere = Session(self.where)
        if settings.ca_bundle:
            self.session.verify = self._elsewhere.verify = str(connection.workspace / settings.ca_bundle)

    def close(self) -> None:
        """Close the connections that are kept open."""
        self.session.close()
        self._elsewhere.close()

    def now(self) -> datetime:
        """The time by CircleCI's clock, as far as its last answer told."""
        return datetime.now(UTC) + timedelta(seconds=self.session.skew)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at a path such as `v2/me`. Raises subclasses of `AdapterError`."""
        return data(self._ask("GET", path, params=query), self.where)

    def one(self, path: str, **query: Any) -> Data:
        """An object; raises `Retryable` when the answer is none."""
        found = self.get(path, **query)
        if not isinstance(found, dict):
            raise Retryable(f"the answer to {path} is no object", where=self.where)
        return found

    def rows(self, path: str, **query: Any) -> list[Data]:
        """A plain list, as API v1.1 gives it."""
        return self._rows(self.get(path, **query), path)

    def page(self, path: str, token: str | None = None) -> tuple[list[Data], str | None]:
        """One page of a list of API v2, and what to ask the next one with (`next_page_token`, `page-token`)."""
        answer = self.one(path, **({"page-token": token} if token else {}))
        following = answer.get("next_page_token")
        return self._rows(answer.get("items"), path), following if isinstance(following, str) else None

    def all(self, path: str) -> list[Data]:
        """Every row of a list of API v2."""
        found, token = self.page(path)
        for _ in range(PAGES):
            if not token:
                return found
            more, token = self.page(path, token)
            found += more
        raise Retryable(f"the list {path} does not end", where=self.where)

    def post(self, path: str, body: Data | None = None) -> Data:
        """Ask for something to be done."""
        answer = data(self._ask("POST", path, json=body or {}), self.where)
        return answer if isinstance(answer, dict) else {}

    def search(self, body: Data) -> tuple[list[Data], str | None]:
        """Runs by API v3's search, and the cursor of its next page (`page.next`)."""
        answer = self.post("v3/runs/search", body)
        page = answer.get("page")
        following = page.get("next") if isinstance(page, dict) else None
        rows = self._rows(answer.get("data"), "v3/runs/search")
        return rows, following if isinstance(following, str) else None

    def stdout(self, job: str, execution: int, step: int, offset: int) -> Output:
        """What a step has printed from byte `offset` on; API v3 says by `X-Terminal` that no more will come."""
        try:
            return self._range(job, execution, step, offset)
        except Refused as error:
            if "answered 416" not in error.message or not offset:
                raise
        # Nothing lies behind the last byte that is known; asked for with that byte, it says whether anything will.
        last = self._range(job, execution, step, offset - 1)
        return last._replace(content=last.content[1:])

    def _range(self, job: str, execution: int, step: int, offset: int) -> Output:
        query = {"filter[execution]": execution, "filter[step_num]": step}
        headers = {"Range": f"bytes={offset}-", "Accept": "*/*"}
        path = f"v3/jobs/{part(job)}/stdout"
        content = b""
        with self._broken(path), self._ask("GET", path, params=query, headers=headers, stream=True) as answer:
            pieces = answer.iter_content(PIECE)
            while len(content) < LARGEST and (piece := next(pieces, None)) is not None:
                content += piece
            whole = len(content) < LARGEST
            return Output(content, complete=whole and answer.headers.get("X-Terminal") == "true")

    @contextlib.contextmanager
    def _broken(self, what: str) -> Iterator[None]:
        """An answer that breaks off while it is read piece by piece is one that is tried again."""
        try:
            yield
        except requests.exceptions.RequestException as error:
            reason = type(error).__name__
            raise Unreachable(f"{what}: the answer broke off ({reason})", where=self.where) from None

    def lines(self, path: str) -> Iterator[bytes]:
        """The lines of an answer that is one JSON value a line."""
        return iter(self._ask("GET", path, headers={"Accept": "*/*"}).content.splitlines())

    def outside(self, url: str) -> Any:
        """The JSON at an address that is signed by itself: read without the token."""
        return data(self._elsewhere.get(url), self.where)

    def download(self, url: str) -> Iterator[bytes]:
        """The pieces of an artifact. Raises `Unreachable` when it takes too long."""
        began = time.monotonic()
        with self._broken("an artifact"), self._follow(url) as response:
            for piece in response.iter_content(PIECE):
                if time.monotonic() - began > PATIENCE:
                    raise Unreachable(f"an artifact took longer than {PATIENCE:.0f} s", where=self.where)
                yield piece

    def _follow(self, url: str) -> requests.Response:
        for _ in range(HOPS):
            own = self._own(url)
            session = self.session if own else self._elsewhere
            headers = {"Circle-Token": self._token} if own else {}
            response = session.get(url, headers=headers, stream=True, allow_redirects=False)
            if response.status_code not in MOVED:
                return response
            response.close()
            url = urljoin(url, response.headers.get("Location", ""))
        raise Retryable("an artifact is redirected in circles", where=self.where)

    def _own(self, url: str) -> bool:
        """Whether an address is CircleCI's own, so that the token may go there."""
        parts, own = urlsplit(url), urlsplit(self.url)
        if (parts.scheme, parts.netloc) == (own.scheme, own.netloc):
            return True
        return parts.scheme == "https" and (parts.hostname or "").endswith(ARTIFACTS)

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        credential = (
            {"Authorization": f"Bearer {self._token}"}
            if path.startswith("v3/")
            else {"Circle-Token": self._token}
        )
        headers = {"Accept": "application/json", **credential, **options.pop("headers", {})}
        address = f"{self.url}/api/{path}"
        answer = self.session.request(method, address, headers=headers, allow_redirects=False, **options)
        if answer.status_code in MOVED:
            raise Retryable(f"{path} is redirected: a login page or a proxy is in between", where=self.where)
        return answer

    def _rows(self, found: Any, path: str) -> list[Data]:
        """The objects in a list; a row that is none tells nothing and stops no other."""
        if not isinstance(found, list):
            raise Retryable(f"the answer to {path} has no list", where=self.where)
        return [one for one in found if isinstance(one, dict)]
