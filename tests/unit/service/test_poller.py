"""Polling a vendor that misbehaves: what is lost then is told, and the next poll goes on."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from pipemgr.errors import AuthenticationFailed, Busy, NotAllowed, NotFound, RateLimited, Unreachable
from pipemgr.ingest.poller import Pace, poll
from pipemgr.ingest.worker import me
from pipemgr.ledger.verify import verify
from pipemgr.model.runs import BuildRef
from pipemgr.model.status import Result

from .conftest import Vendor, build, log

EVERY = 60.0
PACE = Pace(every=EVERY)


def row(ledger):
    (one,) = ledger.queries.connections()
    return one


def results(ledger):
    return {one.build.data["number"]: one.instance.status.result for one in ledger.queries.builds(limit=1000)}


def texts(ledger):
    """The text of each log that is kept of the first build, by its name."""
    found = {}
    for name, one in ledger.queries.kept_logs("fake", build(1).ref).items():
        with ledger.blobs.open(one.digest) as file:
            found[name] = file.read().decode()
    return found


def test_a_poll_records_what_is_new_and_then_nothing(ledger):
    vendor = Vendor(build(1), build(2, Result.FAILURE))
    before = datetime.now(UTC)
    polled = poll("fake", vendor, ledger, PACE)
    assert polled.builds == 2
    assert polled.changes > 4
    assert results(ledger) == {1: "success", 2: "failure"}
    assert ledger.queries.unsealed() == 0
    assert row(ledger).owner is None
    assert row(ledger).due_at >= before + timedelta(seconds=0.9 * EVERY)
    again = poll("fake", vendor, ledger, PACE)
    assert (again.builds, again.changes) == (0, 0)


def test_an_open_build_is_followed_to_its_end(ledger):
    vendor = Vendor(build(1, None))
    poll("fake", vendor, ledger, PACE)
    assert poll("fake", vendor, ledger, PACE).changes == 0
    vendor.show(build(1))
    poll("fake", vendor, ledger, PACE)
    assert results(ledger) == {1: "success"}
    vendor.asked.clear()
    poll("fake", vendor, ledger, PACE)
    assert vendor.asked == [("poll", 1)]


@pytest.mark.parametrize("error", [NotFound("gone"), NotAllowed("not yours")])
def test_an_open_build_that_can_not_be_read_is_told_and_stops_nothing(ledger, error):
    vendor = Vendor(build(1, None), build(2, None))
    poll("fake", vendor, ledger, PACE)
    vendor.errors["snapshot", "1"] = error
    vendor.show(build(1), build(2), build(3))
    polled = poll("fake", vendor, ledger, PACE)
    assert polled.problems == (f"hello 1: {error}",)
    assert results(ledger) == {1: None, 2: "success", 3: "success"}
    vendor.errors.clear()
    assert poll("fake", vendor, ledger, PACE).problems == ()
    assert results(ledger)[1] is None  # it is left alone for a while
    ledger.store.retry("fake")
    assert poll("fake", vendor, ledger, PACE).problems == ()
    assert results(ledger)[1] == "success"
    assert ledger.queries.quarantine() == []


ABOUT_ALL = [AuthenticationFailed("token expired"), RateLimited("slow down", retry_after=5)]


@pytest.mark.parametrize(
    ("call", "error"),
    [("poll", Unreachable("no answer")), *itertools.product(["poll", "snapshot", "logs"], ABOUT_ALL)],
)
def test_an_error_of_the_vendor_is_kept_until_a_poll_goes_well(ledger, call, error):
    vendor = Vendor(build(1, None), texts={"x": "text"})
    poll("fake", vendor, ledger, PACE)
    vendor.show(build(1, logs=(log("x"),)), build(2))
    vendor.errors[call] = error
    with pytest.raises(type(error)):
        poll("fake", vendor, ledger, PACE)
    assert row(ledger).last_error == str(error)
    assert row(ledger).owner is None
    assert results(ledger)[1] is None
    vendor.errors.clear()
    poll("fake", vendor, ledger, PACE)
    assert row(ledger).last_error is None
    assert results(ledger) == {1: "success", 2: "success"}
    assert texts(ledger) == {"x": "text"}


def test_a_vendor_that_asks_for_patience_gets_it(ledger):
    vendor = Vendor()
    vendor.errors["poll"] = RateLimited("slow down", retry_after=900)
    before = datetime.now(UTC)
    with pytest.raises(RateLimited):
        poll("fake", vendor, ledger, PACE)
    assert timedelta(seconds=899) < row(ledger).due_at - before < timedelta(seconds=960)
    assert ledger.store.claim("fake", me(), 1, due_only=True) is None


@pytest.mark.parametrize("error", [KeyError("a fault of the adapter"), KeyboardInterrupt()])
def test_a_poll_that_breaks_off_gives_the_connection_back(ledger, error):
    vendor = Vendor(build(1))
    vendor.errors["poll"] = error
    with pytest.raises(type(error)):
        poll("fake", vendor, ledger, PACE)
    assert row(ledger).owner is None
    assert type(error).__name__ in row(ledger).last_error
    vendor.errors.clear()
    assert poll("fake", vendor, ledger, PACE).builds == 1


def test_a_log_that_fails_is_told_and_the_build_is_recorded(ledger):
    vendor = Vendor(build(1, logs=(log("bad"), log("good"))), texts={"good": "fine"})
    vendor.errors["logs", "bad"] = NotFound("the log is gone")
    polled = poll("fake", vendor, ledger, PACE)
    assert polled.problems == ("hello 1, log bad: the log is gone",)
    assert results(ledger) == {1: "success"}
    assert set(ledger.queries.kept_logs("fake", BuildRef(pipeline="hello", build="1"))) == {"good"}


def test_a_log_is_read_once_and_only_when_it_is_complete(ledger):
    vendor = Vendor(build(1, None, logs=(log("x", complete=False), log("y"))), texts={"x": "all", "y": "why"})
    poll("fake", vendor, ledger, PACE)
    assert ("logs", "x") not in vendor.asked
    vendor.show(build(1, logs=(log("x"), log("y"))))
    poll("fake", vendor, ledger, PACE)
    assert [call for call in vendor.asked if call[0] == "logs"] == [("logs", "y"), ("logs", "x")]
    assert texts(ledger) == {"x": "all", "y": "why"}


@pytest.mark.parametrize("size", [0, 1, 49_999, 50_000, 65_536, 65_537, 500_000])
def test_a_log_of_any_size_is_kept_whole(ledger, size):
    text = ("line of a log\n" * (size // 14 + 1))[:size]
    vendor = Vendor(build(1, logs=(log("x"),)), texts={"x": text})
    poll("fake", vendor, ledger, PACE)
    assert ledger.queries.kept_logs("fake", build(1).ref)["x"].offset == size
    assert texts(ledger) == {"x": text}
    assert verify(ledger.engine).ok


def test_pages_are_recorded_one_by_one(ledger):
    vendor = Vendor(*(build(number) for number in range(25)), size=10)
    vendor.errors["poll", 20] = Unreachable("no answer")
    with pytest.raises(Unreachable):
        poll("fake", vendor, ledger, PACE)
    assert len(results(ledger)) == 20
    assert row(ledger).cursor == {"seen": 20}
    vendor.errors.clear()
    assert poll("fake", vendor, ledger, PACE).builds == 5
    assert len(results(ledger)) == 25
    assert [call for call in vendor.asked if call[0] == "poll"] == [
        ("poll", seen) for seen in (0, 10, 20, 20)
    ]


def test_a_build_that_is_open_and_on_the_page_is_recorded_once(ledger):
    poll("fake", Vendor(build(1, None)), ledger, PACE)
    forgetful = Vendor(build(1))
    claimed = ledger.store.claim("fake", me(), 10)
    with ledger.store.transaction("fake") as transaction:
        transaction.commit_poll(claimed, {}, datetime.now(UTC))
    poll("fake", forgetful, ledger, PACE)
    assert results(ledger) == {1: "success"}
    events = [one.name for one in ledger.queries.events()]
    assert (events.count("build.create"), events.count("buildinstance.updated")) == (1, 1)


def test_a_poll_that_was_overtaken_writes_nothing(ledger):
    class Slow(Vendor):
        def poll(self, cursor):
            held = ledger.store.claim("fake", "elsewhere:1:1", 60, is_gone=lambda _: True)
            assert held is not None
            return super().poll(cursor)

    with pytest.raises(Busy):
        poll("fake", Slow(build(1)), ledger, PACE)
    assert results(ledger) == {}
    assert row(ledger).owner == "elsewhere:1:1"


def test_the_owner_of_a_busy_connection_is_named(ledger):
    assert ledger.store.claim("fake", "elsewhere:1:1", 60)
    with pytest.raises(Busy, match="elsewhere:1:1") as caught:
        poll("fake", Vendor(), ledger, PACE)
    assert "its lease ends within 120 s" in caught.value.remedy
