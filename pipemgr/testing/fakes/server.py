"""A fake server: strict about what it is asked, counts it, and misbehaves on demand. On 127.0.0.1 only.

A vendor's fake is a subclass whose methods carry `@route`. What a route does not name is an error: an unknown path is
404, a wrong method 405, an unknown query parameter or a missing header 400, as `Call.wrong` tells afterwards.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

from werkzeug.exceptions import HTTPException
from werkzeug.http import http_date
from werkzeug.routing import Map, Rule
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

Route = TypeVar("Route", bound=Callable[..., Response])


@dataclass
class Call:
    """One request as it came, how it was answered, and what was wrong with it, if anything."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    status: int = 0
    wrong: str = ""


@dataclass
class Fault:
    """A misbehaviour: for the next `times` calls whose path contains `path`, instead of (or around) the answer.

    `status` with `headers` and `body` answers so. `cut` sends that many bytes of the right answer and breaks off.
    `pause` waits that many seconds first; `drip` sends the right answer one byte in so many seconds. `kind` changes
    the content type. `lost` does what is asked and then breaks off, so that the caller can't know.
    """

    path: str = ""
    method: str = ""
    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    cut: int | None = None
    pause: float = 0.0
    drip: float = 0.0
    kind: str | None = None
    lost: bool = False


def route(
    path: str,
    *,
    method: str = "GET",
    query: tuple[str, ...] = (),
    headers: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
) -> Callable[[Route], Route]:
    """Let a method of a `FakeServer` answer a path (werkzeug's syntax: `/job/<path:name>/api/json`).

    `query` are the parameters it may have, `needs` those it must have, `headers` those it must have.
    """

    def mark(function: Route) -> Route:
        routes: list[Any] = [
            *getattr(function, "routes", []),
            (path, method, (*query, *needs), needs, headers),
        ]
        function.routes = routes  # type: ignore[attr-defined]  # read by FakeServer
        return function

    return mark


def answer(value: Any, status: int = 200, **headers: str) -> Response:
    """A JSON answer; underscores in the names of headers become hyphens."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(json.dumps(value), status, named, content_type="application/json; charset=utf-8")


class FakeServer:
    """A vendor's server; a context manager. `calls` has every request, `wrong` those that no real one would take."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self._map = Map([], strict_slashes=False, merge_slashes=False)
        for name in dir(type(self)):
            function = getattr(type(self), name)
            for path, method, query, needs, headers in getattr(function, "routes", []):
                endpoint = (name, query, needs, headers)
                self._map.add(Rule(path, methods=[method], endpoint=endpoint))
        self._server = make_server("127.0.0.1", 0, self._application, threaded=True, request_handler=_Quiet)
        self._server.daemon_threads = True  # type: ignore[attr-defined]  # of socketserver.ThreadingMixIn
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def wrong(self) -> list[Call]:
        """Requests that the real vendor would refuse as malformed."""
        return [call for call in self.calls if call.wrong]

    def fail(self, path: str = "", **knobs: Any) -> None:
        """Misbehave as `Fault` says."""
        self.faults.append(Fault(path, **knobs))

    def asked(self, since: int = 0) -> list[Call]:
        """The calls after the first `since`: `before = len(fake.calls); ...; fake.asked(before)`."""
        return self.calls[since:]

    def allowed(self, _call: Call) -> Response | None:
        """An answer that refuses a call before its route is looked at (no credential, a limit), or None."""
        return None

    def finished(self, _call: Call, response: Response) -> Response:
        """The answer with what every answer of the vendor carries: quota headers, ETags."""
        return response

    def _application(self, environ: dict[str, Any], start: Any) -> Any:
        request = Request(environ)
        call = Call(
            request.method,
            request.path,
            request.args.to_dict(),
            {name.lower(): text for name, text in request.headers.items()},
            request.get_data(),
        )
        self.calls.append(call)
        fault = self._fault(call)
        response = self._faulty(fault) or self.allowed(call) or self._answer(request, call)
        response = self.finished(call, response) if fault is None or fault.status is None else response
        response.headers.setdefault("Date", http_date())
        call.status = response.status_code
        return self._sent(response, fault, environ, start)

    def _fault(self, call: Call) -> Fault | None:
        for fault in self.faults:
            if fault.path in call.path and fault.method in ("", call.method):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                time.sleep(fault.pause)
                return fault
        return None

    @staticmethod
    def _faulty(fault: Fault | None) -> Response | None:
        if fault is None or fault.status is None:
            return None
        kind = fault.kind or ("application/json" if fault.body.startswith(("{", "[")) else "text/html")
        return Response(fault.body, fault.status, fault.headers, content_type=kind)

    def _answer(self, request: Request, call: Call) -> Response:
        try:
            (name, query, needs, headers), values = self._map.bind_to_environ(request.environ).match()
        except HTTPException as error:
            call.wrong = "" if error.code == 404 else f"{call.method} is not allowed here"  # noqa: PLR2004 - not found
            return answer({"message": error.name}, error.code or 500)
        unknown = set(call.query) - set(query)
        missing = [one for one in needs if one not in call.query]
        absent = [one for one in headers if one.lower() not in call.headers]
        if unknown or missing or absent:
            call.wrong = f"unknown {sorted(unknown)}, missing {missing}, without headers {absent}"
            return answer({"message": call.wrong}, 400)
        response: Response = getattr(self, name)(call, **values)
        return response

    @staticmethod
    def _sent(response: Response, fault: Fault | None, environ: dict[str, Any], start: Any) -> Any:
        if fault is None:
            return response(environ, start)
        if fault.kind is not None:
            response.content_type = fault.kind
        if fault.lost or fault.cut is not None:
            body = response.get_data()
            response.headers["Content-Length"] = str(len(body) + 1)
            response.response = [body[: 0 if fault.lost else fault.cut]]
        if fault.drip:
            response.response = _drip(response.get_data(), fault.drip)
        return response(environ, start)


def _drip(body: bytes, seconds: float) -> Iterator[bytes]:
    for place in range(len(body)):
        time.sleep(seconds)
        yield body[place : place + 1]


class _Quiet(WSGIRequestHandler):
    """One that does not print every request, and speaks HTTP/1.1 as vendors do."""

    protocol_version = "HTTP/1.1"

    def send_response(self, code: int, message: str | None = None) -> None:
        """Send the status alone: a `Date` is the vendor's to tell, and there must be one only."""
        self.send_response_only(code, message)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Say nothing."""
