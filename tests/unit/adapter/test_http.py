"""HTTP against a server that misbehaves: every failure is one of ours, in time, and tells no secret."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from werkzeug.wrappers import Response

from pipemgr.adapter.http import PATIENCE, Purpose, Session, asking_for, data, patience, quota, shown
from pipemgr.errors import (
    AuthenticationFailed,
    Conflict,
    NotAllowed,
    NotFound,
    RateLimited,
    Refused,
    Retryable,
    Unreachable,
)
from pipemgr.secrets import SecretRef
from pipemgr.testing.fakes.server import Call, FakeServer, answer, route

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
SECRET = "s3cret/of-ours"


class Vendor(FakeServer):
    """Answers, repeats what it was told in headers, and sends elsewhere."""

    elsewhere = ""

    @route("/ok", query=("token",))
    def ok(self, _call: Call) -> Response:
        """All is well."""
        return answer({"fine": True})

    @route("/big")
    def big(self, _call: Call) -> Response:
        """A megabyte."""
        return Response(b"x" * (1 << 20))

    @route("/same")
    def same(self, _call: Call) -> Response:
        """As it was."""
        return Response(status=304)

    @route("/away")
    def away(self, _call: Call) -> Response:
        """To another host."""
        return Response(status=302, headers={"Location": f"{self.elsewhere}/ok"})

    @route("/near")
    def near(self, _call: Call) -> Response:
        """To another path."""
        return Response(status=302, headers={"Location": "/ok"})


class Recorded:
    """A budget that remembers."""

    def __init__(self) -> None:
        self.taken: list[Purpose] = []
        self.known: dict[str, Any] = {}

    def take(self, purpose: Purpose) -> None:
        self.taken.append(purpose)

    def learn(self, **known: Any) -> None:
        self.known.update(known)


@pytest.fixture
def vendor():
    with Vendor() as fake:
        yield fake


@pytest.fixture
def budget():
    return Recorded()


@pytest.fixture
def session(budget):
    with Session("here", budget, deadline=2.0) as made:
        yield made


@pytest.fixture
def secret(monkeypatch):
    monkeypatch.setenv("HTTP_SECRET", SECRET)
    return SecretRef("env:HTTP_SECRET").resolve()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Refused),
        (401, AuthenticationFailed),
        (403, NotAllowed),
        (404, NotFound),
        (408, Unreachable),
        (409, Conflict),
        (410, NotFound),
        (412, Conflict),
        (418, Refused),
        (429, RateLimited),
        (500, Unreachable),
        (502, Unreachable),
        (503, Unreachable),
        (504, Unreachable),
    ],
)
def test_what_a_status_means_is_in_the_error(vendor, session, status, error):
    vendor.fail("/ok", status=status, body='{"message": "because"}')
    with pytest.raises(error) as caught:
        session.get(f"{vendor.url}/ok?token=abc")
    told = caught.value
    assert type(told) is error
    assert told.message == f"{vendor.url}/ok answered {status}: because"
    assert (told.where, bool(told.remedy)) == ("here", True)
    assert len(vendor.calls) == 1  # it is the hub that tries again


def test_what_is_well_and_what_is_unchanged_are_answers(vendor, session):
    assert data(session.get(f"{vendor.url}/ok"), "here") == {"fine": True}
    assert session.get(f"{vendor.url}/same").status_code == 304


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17),
        ({"Retry-After": format_datetime(NOW + timedelta(minutes=2), usegmt=True)}, 120),
        ({"Retry-After": format_datetime(NOW - timedelta(minutes=2), usegmt=True)}, 0),
        ({"Retry-After": "soon"}, PATIENCE),
        ({"Retry-After": ""}, PATIENCE),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 90)}, 90),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "45"}, 45),
        ({"x-ratelimit-remaining": "9", "x-ratelimit-reset": str(int(NOW.timestamp()) + 90)}, PATIENCE),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" * 40}, PATIENCE),
        ({}, PATIENCE),
    ],
)
def test_how_long_a_vendor_wants_to_be_left_alone(headers, seconds):
    assert patience(headers, NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (429, {}, ""),
        (403, {"Retry-After": "60"}, ""),
        (403, {"X-RateLimit-Remaining": "0"}, ""),
        (403, {}, '{"message": "You have exceeded a secondary Rate Limit"}'),
        (503, {"Retry-After": "60"}, ""),
    ],
    ids=["429", "wait", "empty", "secondary", "maintenance"],
)
def test_too_much_is_told_from_not_allowed(vendor, session, budget, status, headers, body):
    vendor.fail("/ok", status=status, headers=headers, body=body)
    with pytest.raises(RateLimited) as caught:
        session.get(f"{vendor.url}/ok")
    assert caught.value.retry_after == 60
    until = budget.known["blocked_until"] - datetime.now(UTC)
    assert timedelta(seconds=55) < until <= timedelta(seconds=60)


def test_the_budget_hears_of_every_request_and_of_the_quota(vendor, session, budget):
    reset = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    limits = {
        "X-RateLimit-Limit": "5000",
        "X-RateLimit-Remaining": "4321",
        "X-RateLimit-Reset": str(int(reset.timestamp())),
    }
    vendor.fail("/ok", status=200, headers=limits, body="{}")
    session.get(f"{vendor.url}/ok")
    with asking_for(Purpose.BACKFILL):
        session.get(f"{vendor.url}/ok")
    assert budget.taken == [Purpose.LIVE, Purpose.BACKFILL]
    assert (budget.known["limit"], budget.known["remaining"]) == (5000, 4321)
    assert budget.known["reset_at"] == reset


def test_a_request_that_the_budget_refuses_is_not_sent(vendor, budget):
    def refuse(_purpose: Purpose) -> None:
        raise RateLimited("nothing left", retry_after=5)

    budget.take = refuse
    with Session("here", budget) as session, pytest.raises(RateLimited, match="nothing left"):
        session.get(f"{vendor.url}/ok")
    assert vendor.calls == []


def test_quotas_in_the_newer_form():
    assert quota({"ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "7"}, NOW) == {
        "limit": 100,
        "remaining": 7,
    }


@pytest.mark.parametrize("knobs", [{"drip": 0.25}, {"pause": 4.0}], ids=["byte by byte", "not at all"])
def test_an_answer_takes_no_longer_than_it_may(vendor, session, knobs):
    vendor.fail("/ok", times=9, **knobs)
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"slower than allowed|no answer in time"):
        session.get(f"{vendor.url}/ok", timeout=(1, 1) if "pause" in knobs else None)
    assert time.monotonic() - began < 8


@contextlib.contextmanager
def serving(head: str, seconds: float = 0) -> Iterator[str]:
    """The address of a server that answers once with this head, then with bytes, one in so many seconds."""

    def serve() -> None:
        with server.accept()[0] as client, contextlib.suppress(OSError):
            client.recv(65536)
            client.sendall(f"HTTP/1.1 {head}\r\n\r\n".encode())
            for _ in range(100 if seconds else 0):
                client.sendall(b" ")
                time.sleep(seconds)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


@pytest.mark.parametrize("header", ["Content-Length: 1000", "Connection: close"])
def test_an_answer_whose_length_is_told_takes_no_longer_either(session, header):
    with serving(f"200 OK\r\n{header}", 0.1) as url:
        began = time.monotonic()
        with pytest.raises(Unreachable, match="slower than allowed"):
            session.get(url)
        assert time.monotonic() - began < 6
        session.close()


def test_an_answer_is_no_larger_than_it_may_be(vendor, budget):
    with Session("here", budget, largest=100_000) as session:
        with pytest.raises(Unreachable, match="more than 100,000 bytes"):
            session.get(f"{vendor.url}/big")
        streamed = session.get(f"{vendor.url}/big", stream=True)
        assert sum(map(len, streamed.iter_content(65536))) == 1 << 20


@pytest.mark.parametrize("knobs", [{"cut": 3}, {"lost": True}])
def test_an_answer_that_breaks_off_is_tried_later(vendor, session, knobs):
    vendor.fail("/ok", **knobs)
    with pytest.raises(Unreachable, match="broke off"):
        session.get(f"{vendor.url}/ok")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("<html>Please log in</html>", "text/html"),
        ('{"half": ', "application/json"),
        ("", "application/json"),
        ("[" * 100_000, "application/json"),
    ],
    ids=["login page", "cut", "empty", "deep"],
)
def test_what_is_no_json_is_told_with_how_it_begins(vendor, session, body, kind):
    vendor.fail("/ok", status=200, body=body, kind=kind)
    response = session.get(f"{vendor.url}/ok")
    with pytest.raises(Retryable, match=f"expected JSON, got {kind}") as caught:
        data(response, "here")
    assert body[:6] in caught.value.message
    assert len(caught.value.message) < 300


def test_json_of_another_content_type_is_json(vendor, session):
    vendor.fail("/ok", kind="text/plain")
    assert data(session.get(f"{vendor.url}/ok"), "here") == {"fine": True}


def test_nobody_there_and_no_such_host(session):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Unreachable, match=r"[Rr]efused") as caught:
        session.get(f"http://127.0.0.1:{port}/ok")
    assert "0x" not in caught.value.message
    with pytest.raises(Unreachable):
        session.get("http://no-such-host.invalid/")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://", "nonsense"])
def test_what_is_no_address_is_refused(session, url):
    with pytest.raises(Refused):
        session.get(url)


@pytest.fixture
def impostor(tmp_path: Path):
    """A server whose certificate nobody signed."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    words = f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout {key} -out {certificate}"
    subprocess.run(words.split(), check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def shake() -> None:
            for _ in range(3):
                with contextlib.suppress(OSError):
                    caller, _ = listening.accept()
                    with caller, context.wrap_socket(caller, server_side=True):
                        pass

        thread = threading.Thread(target=shake)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}/"
        for _ in range(3):
            with contextlib.suppress(OSError):
                socket.create_connection(listening.getsockname(), 1).close()
        thread.join(10)


def test_a_certificate_that_nobody_signed_is_told(session, impostor):
    with pytest.raises(Unreachable, match=r"not to be trusted: .*self.signed") as caught:
        session.get(impostor)
    assert "authority" in caught.value.remedy


def test_a_credential_goes_to_no_other_host(vendor, session):
    with Vendor() as other:
        vendor.elsewhere = other.url.replace("127.0.0.1", "localhost")
        session.headers["Authorization"] = "Bearer abc"
        session.get(f"{vendor.url}/near")
        session.get(f"{vendor.url}/away")
        assert [call.headers.get("authorization") for call in vendor.calls] == ["Bearer abc"] * 3
        assert [call.headers.get("authorization") for call in other.calls] == [None]


def test_no_header_of_its_own_goes_to_another_host(vendor, session, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login ada password lovelace\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with Vendor() as other:
        vendor.elsewhere = other.url.replace("127.0.0.1", "localhost")
        session.get(f"{vendor.url}/near", headers={"Vendor-Token": "abc"})
        session.get(f"{vendor.url}/away", headers={"Vendor-Token": "abc"})
        assert [call.headers.get("vendor-token") for call in vendor.calls] == ["abc"] * 3
        assert {"vendor-token", "authorization"}.isdisjoint(other.calls[0].headers)


@pytest.mark.parametrize("place", ["http://127.0.0.1:999999/", "http://[::1"])
def test_a_redirect_to_no_address_is_refused(session, place):
    with (
        serving(f"302 Found\r\nLocation: {place}\r\nContent-Length: 0") as url,
        pytest.raises(Refused, match="leads to no address"),
    ):
        session.get(url)


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "9" * 30},
        {"Retry-After": "31536000"},
        {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999"},
    ],
)
def test_no_vendor_is_left_alone_for_longer_than_a_day(headers):
    assert patience(headers, NOW) == 86_400


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({"x-ratelimit-remaining": "9" * 30}, {"remaining": 10**9}),
        ({"x-ratelimit-reset": "99999999999"}, {"reset_at": NOW + timedelta(days=1)}),
        ({"x-ratelimit-limit": "-1", "x-ratelimit-remaining": "many", "x-ratelimit-reset": "9" * 30}, {}),
    ],
)
def test_quotas_that_no_vendor_means(headers, known):
    assert quota(headers, NOW) == known


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 -1200", "yesterday"])
def test_a_date_that_is_none_changes_no_clock(vendor, session, date):
    vendor.fail("/ok", status=200, headers={"Date": date}, body="{}")
    session.get(f"{vendor.url}/ok")
    assert session.skew == 0


def test_netrc_is_never_read(vendor, session, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password lovelace\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    session.get(f"{vendor.url}/ok")
    assert "authorization" not in vendor.calls[0].headers


@pytest.mark.parametrize(
    "knobs",
    [
        {"status": 400, "body": f'{{"message": "no {SECRET} here"}}'},
        {"status": 200, "body": f"<{SECRET}>", "kind": "text/html"},
        {"lost": True},
        {"pause": 3.0},
    ],
    ids=["repeated", "login page", "lost", "late"],
)
def test_no_secret_is_in_an_error(vendor, session, secret, knobs):
    vendor.fail("/ok", **knobs)
    url = vendor.url.replace("http://", "http://ada:hidden@")
    with pytest.raises((Refused, Retryable)) as caught:
        data(session.get(f"{url}/ok", params={"token": secret}, timeout=(1, 1)), "here")
    told = f"{caught.value} {caught.value.remedy} {caught.value.__cause__}"
    for word in (secret, "s3cret", "hidden", "token="):
        assert word not in told


def test_an_address_is_shown_without_what_may_be_secret():
    assert shown("https://ada:pw@example.org:8443/a/b?token=x#y") == "https://example.org:8443/a/b"


def test_the_vendors_clock_is_compared_with_ours(vendor, session):
    ahead = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    vendor.fail("/ok", status=200, headers={"Date": ahead}, body="{}")
    session.get(f"{vendor.url}/ok")
    assert 3590 < session.skew < 3610


def test_of_several_limits_the_one_with_the_least_left_holds():
    headers = {
        "x-ratelimit-limit-minute": "3000",
        "x-ratelimit-remaining-minute": "12",
        "ratelimit-limit": "51",
        "ratelimit-remaining": "50",
        "ratelimit-reset": "1",
    }
    assert quota(headers, NOW) == {"limit": 3000, "remaining": 12, "reset_at": NOW + timedelta(seconds=60)}
    headers["ratelimit-remaining"] = "3"
    assert quota(headers, NOW) == {"limit": 51, "remaining": 3, "reset_at": NOW + timedelta(seconds=1)}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"message": "too old"}', "too old"),
        ('{"error": "too old"}', "too old"),
        ('{"error": {"id": "1", "title": "Bad request", "detail": "too old"}}', "Bad request: too old"),
    ],
)
def test_a_vendor_s_reason_is_told(vendor, session, body, said):
    vendor.fail("/ok", status=400, body=body)
    with pytest.raises(Refused) as told:
        session.get(f"{vendor.url}/ok")
    assert told.value.message.endswith(f"answered 400: {said}")
