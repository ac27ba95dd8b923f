"""HTTP as adapters speak it: bounded in time and size, within a budget, and with errors that say what to do.

Every client library takes a `requests.Session`; give it a `Session` of this file, and whatever it asks is limited,
counted and, when it fails, told by the type of the error.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util import Retry

from pipemgr.errors import (
    AdapterError,
    AuthenticationFailed,
    Conflict,
    NotAllowed,
    NotFound,
    RateLimited,
    Refused,
    Retryable,
    Unreachable,
)
from pipemgr.secrets import redacted

if TYPE_CHECKING:
    from requests.adapters import HTTPAdapter

CONNECT_SECONDS, READ_SECONDS, DEADLINE_SECONDS = 10.0, 30.0, 120.0
"""To reach a server, between two pieces of an answer, and for a whole answer."""
LARGEST = 64 << 20
"""Bytes of an answer that is read as a whole; what may be longer is streamed."""
PATIENCE = 60.0
"""How long to leave a vendor alone that says no more than that it is too much; in seconds."""
LONGEST = timedelta(days=1)
"""How long a vendor is left alone at most, whatever it says: then one request asks whether it still holds."""
_PIECE = 1 << 16
_SHOWN = 300
_MANY = 10**9
"""More requests than any vendor grants."""
_HARMLESS = frozenset({"accept", "accept-encoding", "connection", "host", "range", "user-agent"})
"""Headers of a request that may follow a redirect to another host: any other may be a credential."""


class Purpose(StrEnum):
    """What a request is for, the most urgent first: each leaves the ones before it something of the budget."""

    LIVE = "live"
    """Somebody is waiting for it."""
    POLL = "poll"
    """To see what is new."""
    BACKFILL = "backfill"
    """To read what is old."""


_purpose: ContextVar[Purpose] = ContextVar("purpose", default=Purpose.LIVE)


@contextlib.contextmanager
def asking_for(purpose: Purpose) -> Iterator[None]:
    """All requests made inside, by this thread, are for this purpose."""
    token = _purpose.set(purpose)
    try:
        yield
    finally:
        _purpose.reset(token)


class Budget(Protocol):
    """How much a credential may ask of its vendor, shared by every process that uses it."""

    def take(self, purpose: Purpose) -> None:
        """Count one request; raises `RateLimited` when there is none left for this purpose."""

    def learn(
        self,
        *,
        limit: int | None = None,
        remaining: int | None = None,
        reset_at: datetime | None = None,
        blocked_until: datetime | None = None,
    ) -> None:
        """Take the vendor's word for what is left, and until when it wants to be left alone."""


class Unlimited:
    """The budget of who needs none."""

    def take(self, purpose: Purpose) -> None:
        """Count nothing."""

    def learn(self, **_known: Any) -> None:
        """Remember nothing."""


class _Patient(Retry):
    """Tries again what did not come across; who was silent for so long once would be again."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,
        error: Exception | None = None,
        *args: Any,
        **known: Any,
    ) -> Self:
        """The next try, or the error."""
        if isinstance(error, ReadTimeoutError):
            raise error
        return super().increment(method, url, response, error, *args, **known)


class Session(requests.Session):
    """A `requests.Session` for one vendor, used from one thread at a time.

    An answer of 400 and more is an error here, by `refusal`; 304 is an answer. What is not streamed is read within
    `deadline` seconds and `largest` bytes. `where` is the connection that errors name. `skew` is how many seconds the
    vendor's clock was ahead of ours at its last answer. It never reads `.netrc`, and repeats only what a GET or HEAD
    could not bring across the network at all.
    """

    def __init__(
        self,
        where: str,
        budget: Budget | None = None,
        *,
        deadline: float = DEADLINE_SECONDS,
        largest: int = LARGEST,
    ) -> None:
        super().__init__()
        self.where = where
        self.budget = budget or Unlimited()
        self.deadline = deadline
        self.largest = largest
        self.skew = 0.0
        self.auth = _as_it_is
        retry = _Patient(
            total=2,
            status=0,
            other=0,
            redirect=0,
            backoff_factor=0.2,
            backoff_jitter=0.2,
            allowed_methods={"GET", "HEAD"},
            raise_on_status=False,
            respect_retry_after_header=False,
        )
        for scheme in ("https://", "http://"):
            adapter: HTTPAdapter = requests.adapters.HTTPAdapter(max_retries=retry)
            self.mount(scheme, adapter)

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Make a request ready to be sent; raises `Refused` for one that can't be."""
        try:
            return super().prepare_request(request)
        except requests.exceptions.RequestException as error:
            raise Refused(
                f"this can't be asked: {redacted(str(error))[:_SHOWN]}", where=self.where, remedy=_ADDRESS
            ) from None

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send one request. Raises only subclasses of `AdapterError`."""
        streamed = bool(options.pop("stream", False))
        if options.get("timeout") is None:
            options["timeout"] = (CONNECT_SECONDS, READ_SECONDS)
        began = time.monotonic()
        self.budget.take(_purpose.get())
        with self._told(request):
            response = super().send(request, stream=True, **options)
            if not streamed or response.status_code >= requests.codes.bad_request:
                self._read(response, began)
            self._learn(response)
        if response.status_code >= requests.codes.bad_request:
            raise refusal(response, self.where)
        return response

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Let nothing that may be a credential follow a redirect to another host; requests leaves all but one."""
        there = (response.request.url or "", prepared_request.url or "")
        if self.should_strip_auth(*there):  # type: ignore[no-untyped-call]
            for name in [one for one in prepared_request.headers if one.lower() not in _HARMLESS]:
                del prepared_request.headers[name]

    @contextlib.contextmanager
    def _told(self, request: requests.PreparedRequest) -> Iterator[None]:
        """Turn what goes wrong on the way into `AdapterError`s."""
        place = shown(request.url or "")
        try:
            yield
        except requests.exceptions.SSLError as error:
            raise Unreachable(
                f"{place}: the TLS certificate or connection is not to be trusted: {_reason(error)}",
                where=self.where,
                remedy="mend the certificate, or give the connection the authority that signed it",
            ) from None
        except requests.exceptions.Timeout:
            raise Unreachable(f"{place}: no answer in time", where=self.where, remedy=_LATER) from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise Refused(f"{place}: {_reason(error)}", where=self.where, remedy=_ADDRESS) from None
        except requests.exceptions.ConnectionError as error:
            raise Unreachable(f"{place}: {_reason(error)}", where=self.where, remedy=_LATER) from None
        except requests.exceptions.RequestException as error:
            message = f"{place}: the answer broke off or is not HTTP: {_reason(error)}"
            raise Unreachable(message, where=self.where, remedy=_LATER) from None
        except ValueError as error:  # of urllib, for where a redirect leads
            raise Refused(
                f"{place} leads to no address: {_reason(error)}", where=self.where, remedy=_ADDRESS
            ) from None

    def _learn(self, response: requests.Response) -> None:
        headers = response.headers
        now = datetime.now(UTC)
        if (said := _date(headers.get("Date"))) is not None:
            self.skew = (said - now).total_seconds()
        known = quota(headers, now)
        if limits_out(response):
            known["blocked_until"] = now + timedelta(seconds=patience(headers, now))
        if known:
            self.budget.learn(**known)

    def _read(self, response: requests.Response, began: float) -> None:
        """Read an answer whole, but neither for ever nor without end."""
        pieces, size = [], 0
        for piece in _as_they_come(response):
            pieces.append(piece)
            size += len(piece)
            if size > self.largest or time.monotonic() - began > self.deadline:
                response.close()
                what = f"more than {self.largest:,} bytes" if size > self.largest else "slower than allowed"
                raise Unreachable(f"{shown(response.url)}: the answer is {what}", where=self.where)
        # As requests itself does with what it has read.
        response._content, response._content_consumed = b"".join(pieces), True  # type: ignore[attr-defined]  # noqa: SLF001


def _as_they_come(response: requests.Response) -> Iterator[bytes]:
    """The pieces of an answer as the network brings them; `iter_content` would wait until one is full.

    Its errors are those of requests.
    """
    try:
        while piece := response.raw.read1(_PIECE, decode_content=True):
            yield piece
    except ReadTimeoutError as error:
        raise requests.exceptions.ReadTimeout(error) from None
    except HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from None


_ADDRESS = "correct the address"
_LATER = "it is tried again by itself; check the address and the network if it stays so"


def data(response: requests.Response, where: str) -> Any:
    """The JSON of an answer. Raises `Retryable` when it is none: a proxy, a login page, an answer cut short."""
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        kind = response.headers.get("Content-Type", "nothing named").split(";")[0]
        start = response.content[:60].decode("utf-8", "replace").strip()
        raise Retryable(
            f"{shown(response.url)}: expected JSON, got {kind} ({redacted(start)!r}...)",
            where=where,
            remedy="a proxy or a login page may be in between; it is tried again by itself",
        ) from None


def refusal(response: requests.Response, where: str) -> AdapterError:
    """What an answer of 400 and more means to a caller, as an error to raise."""
    status, now = response.status_code, datetime.now(UTC)
    message = f"{shown(response.url)} answered {status}{_said(response)}"
    if limits_out(response):
        return RateLimited(message, retry_after=patience(response.headers, now), where=where)
    match status:
        case 401:
            return AuthenticationFailed(message, where=where, remedy="renew the connection's credential")
        case 403:
            return NotAllowed(message, where=where, remedy="give the credential the right that is missing")
        case 404 | 410:
            return NotFound(
                message, where=where, remedy="it does not exist, or the credential may not see it"
            )
        case 409 | 412:
            return Conflict(message, where=where, remedy="look at it again and repeat")
        case _ if status >= requests.codes.server_error or status == requests.codes.request_timeout:
            return Unreachable(message, where=where, remedy=_LATER)
    return Refused(message, where=where, remedy="the vendor refuses this request as it is")


def limits_out(response: requests.Response) -> bool:
    """Whether an answer says that it was too much, for now: 429, or a 403 or 503 that names a limit or a time."""
    if response.status_code == requests.codes.too_many_requests:
        return True
    if response.status_code not in {403, 503}:
        return False
    headers = response.headers
    if "Retry-After" in headers:
        return True
    if response.status_code == requests.codes.service_unavailable:
        return False
    body = response.content[:2000].lower() if response._content_consumed else b""  # type: ignore[attr-defined]  # noqa: SLF001
    return headers.get("x-ratelimit-remaining") == "0" or b"rate limit" in body


def patience(headers: Mapping[str, str], now: datetime) -> float:
    """How long a vendor wants to be left alone, in seconds; no longer than `LONGEST`."""
    return min(_patience(headers, now), LONGEST.total_seconds())


def _patience(headers: Mapping[str, str], now: datetime) -> float:
    said = headers.get("Retry-After", "")
    if said.strip().isdecimal():
        return float(said)
    if (until := _date(said)) is not None:
        return max(0.0, (until - now).total_seconds())
    known = quota(headers, now)
    if "reset_at" in known and known.get("remaining") == 0:
        return max(1.0, float((known["reset_at"] - now).total_seconds()))
    return PATIENCE


WINDOWS = {"": None, "-second": 1, "-minute": 60, "-hour": 3600, "-day": 86_400}
"""How some vendors name the time that a limit is for, at the end of the header's name; in seconds."""


def quota(headers: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """What an answer's headers tell of the budget: `limit`, `remaining`, `reset_at`.

    Reads `X-RateLimit-*`, whose reset is a Unix time, and `RateLimit-*`, whose reset is a number of seconds; either
    may be told for several windows (`X-RateLimit-Limit-Minute`). Of several limits the one with the least left holds.
    """
    told = [
        found
        for prefix in ("x-ratelimit-", "ratelimit-")
        for window, seconds in WINDOWS.items()
        if (found := _limit(headers, prefix, window, seconds, now))
    ]
    return min(told, key=lambda one: one.get("remaining", math.inf), default={})


def _limit(
    headers: Mapping[str, str], prefix: str, window: str, seconds: int | None, now: datetime
) -> dict[str, Any]:
    """One limit; empty when the headers do not tell of it."""
    found: dict[str, Any] = {}
    for name in ("limit", "remaining"):
        value = headers.get(prefix + name + window, "").split(",")[0].split(";")[0].strip()
        if value.isdecimal():
            found[name] = min(int(value[:10]), _MANY)
    reset = headers.get(f"{prefix}reset{window}", "").strip()
    if reset.isdecimal() and len(reset) < 12:  # noqa: PLR2004 - beyond it no date can be made
        number = int(reset)
        until = datetime.fromtimestamp(number, UTC) if number > 10**9 else now + timedelta(seconds=number)
        found["reset_at"] = min(until, now + LONGEST)
    elif found and seconds is not None:
        found["reset_at"] = now + timedelta(seconds=seconds)
    return found


def shown(url: str) -> str:
    """An address as it may be printed: no query, no user."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _said(response: requests.Response) -> str:
    """What a vendor gives as its reason: the message of a JSON answer, or nothing."""
    try:
        body = json.loads(response.content[:_PIECE])
    except (ValueError, RecursionError):
        return ""
    message = _message(body)
    return f": {redacted(message)[:_SHOWN]}" if message else ""


def _message(body: Any) -> str:
    """A `message`, or an `error` that is a text or says `title`, `detail` or a `message` of its own."""
    if not isinstance(body, dict):
        return ""
    error = body.get("error")
    if isinstance(error, dict) and not body.get("message"):
        return ": ".join(str(error[name]) for name in ("title", "detail", "message") if error.get(name))
    return str(body.get("message") or error or "")


def _reason(error: Exception) -> str:
    """The innermost reason of an error of requests or urllib3, without addresses of objects."""
    inner: Any = error
    while (below := _below(inner)) is not None:
        inner = below
    text = str(inner.args[-1] if getattr(inner, "args", None) else inner)
    return redacted(text)[:_SHOWN]


def _below(error: Any) -> Exception | None:
    """The error that an error wraps; some have a word as their reason instead."""
    ways = (getattr(error, "reason", None), *error.args[:1])
    return next((one for one in ways if isinstance(one, Exception)), None)


def _date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except (TypeError, ValueError, OverflowError):
        return None


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
