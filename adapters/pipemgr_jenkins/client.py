"""The client: python-jenkins for addresses and requests, over our session; nothing else speaks HTTP to Jenkins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

import jenkins
import requests
from requests.auth import HTTPBasicAuth

from pipemgr.adapter import (
    AuthenticationFailed,
    Connection,
    NotAllowed,
    NotFound,
    Retryable,
    Session,
    data,
)

from .memory import Memory
from .settings import JenkinsSettings

JOB: Final = "%(folder_url)sjob/%(short_name)s"
RUN: Final = "X-Jenkins-Session"
"""The header that names the present run of Jenkins."""
VERSION: Final = "X-Jenkins"


class _Server(jenkins.Jenkins):
    """python-jenkins, whose every request goes through our session.

    The session raises typed errors before python-jenkins can turn any status into "does not exist" or "possibly
    authentication failed". A POST's redirect leads to a page for people: it is the answer and not followed.
    """

    def __init__(self, url: str, session: Session) -> None:
        super().__init__(url)
        self._session = session

    def _request(self, req: requests.Request, stream: bool | None = None) -> requests.Response:
        prepared = self._session.prepare_request(req)
        options = self._session.merge_environment_settings(
            prepared.url or "", {}, stream, self._session.verify, None
        )
        return self._session.send(prepared, allow_redirects=req.method in {"GET", "HEAD"}, **options)


class Client:
    """One Jenkins, asked as one user."""

    def __init__(self, connection: Connection, settings: JenkinsSettings) -> None:
        self.where = connection.name
        self.memory = Memory(connection.state)
        self.version = ""
        self.session = Session(
            self.where, connection.budget(f"{settings.user}@{urlsplit(settings.url).netloc}")
        )
        if settings.token is not None:
            secret = settings.token.resolve(connection.workspace)
            self.session.auth = HTTPBasicAuth(settings.user.encode(), secret.encode())
        self.known = settings.token is not None
        if settings.ca_bundle is not None:
            self.session.verify = str(connection.workspace / settings.ca_bundle)
        self._server = _Server(settings.url, self.session)

    # Addresses -------------------------------------------------------------------------------------------

    def root(self, path: str) -> str:
        """The address of something of the server itself."""
        return self._server.server + path

    def job(self, name: str) -> str:
        """The address of a job by its full name.

        Full names hold each part as Jenkins stores it: the branch `feature/x` is called `feature%2Fx`, and that is
        quoted once more (recorded: `/job/mb/job/feature%252Fx/`).
        """
        if not all(part not in {"", ".", ".."} for part in name.split("/")):
            raise NotFound(f"{name!r} is no name of a job", where=self.where)
        server: Any = self._server  # its only ways to an address are not in its types
        folder, short = server._get_job_folder(name)  # noqa: SLF001
        return str(server._build_url(JOB, {"folder_url": folder, "short_name": short}))  # noqa: SLF001

    def build(self, name: str, number: int) -> str:
        """The address of a build."""
        return f"{self.job(name)}/{number}"

    # Requests --------------------------------------------------------------------------------------------

    def json(self, url: str, **query: str) -> Any:
        """The JSON at an address. Raises as `Session` does."""
        return data(self._send(requests.Request("GET", url, params=query)), self.where)

    def api(self, url: str, tree: str) -> dict[str, Any]:
        """What Jenkins' own API tells of a thing: exactly the fields of `tree` (page: Remote Access API)."""
        answer = self.json(f"{url.rstrip('/')}/api/json", tree=tree)
        if not isinstance(answer, dict):
            raise Retryable(f"{url}: expected an object", where=self.where)
        return answer

    def post(self, url: str, form: Mapping[str, str] | None = None) -> requests.Response:
        """Ask for something to be done. Needs no crumb: an API token is exempt (recorded)."""
        return self._send(requests.Request("POST", url, data=dict(form or {})))

    def text(self, url: str, **query: str) -> str:
        """A text at an address."""
        return self._send(requests.Request("GET", url, params=query)).content.decode("utf-8", "replace")

    def stream(self, url: str, **query: str) -> requests.Response:
        """An answer that is read piece by piece; the caller closes it."""
        return self._send(requests.Request("GET", url, params=query), stream=True)

    def _send(self, request: requests.Request, *, stream: bool = False) -> requests.Response:
        try:
            response = self._server.jenkins_request(
                request, add_crumb=False, resolve_auth=False, stream=stream
            )
        except AuthenticationFailed:
            self._restarted()
            raise
        except NotAllowed as error:
            # Nobody is told 403, with a page that leads to the login; 401 is for a wrong token (recorded).
            if self.known:
                raise
            raise AuthenticationFailed(
                f"{error.message}: it is closed to who is not logged in",
                where=self.where,
                remedy="set `user` and `token` in the connection's settings",
            ) from None
        self.version = response.headers.get(VERSION, self.version)
        self.memory.started(response.headers.get(RUN, ""))
        return response

    def _restarted(self) -> None:
        """Raise `Retryable` when a 401 only says that Jenkins has not finished to start.

        While it starts, correct credentials are refused once between two 503 (recorded), and the refusal looks like
        any other. The login page is open to everybody: it says 503 then, or names another run than the last one.
        """
        page = requests.Request("HEAD", self.root("login"), auth=_nobody)
        response = self._server.jenkins_request(page, add_crumb=False, resolve_auth=False)
        if self.memory.started(response.headers.get(RUN, "")):
            raise Retryable(
                "refused the credential, but has just been started again",
                where=self.where,
                remedy="it is tried again by itself; a second refusal counts",
            ) from None


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def quoted(path: str) -> str:
    """A relative path of an artifact as part of an address; what leads out of its folder raises `NotFound`."""
    if any(part in {"", ".", ".."} for part in path.split("/")):
        raise NotFound(f"{path!r} is no path of an artifact")
    return quote(path)
