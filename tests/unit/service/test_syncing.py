"""Syncing several connections: one that fails stops none of the others."""

import pytest

from pipemgr.errors import PipemgrError, RateLimited, Unreachable
from pipemgr.ingest.poller import Polled
from pipemgr.ingest.worker import me
from pipemgr.model.runs import BuildRef
from pipemgr.service import syncing
from pipemgr.service.builds import Started
from pipemgr.service.syncing import Failure

from .conftest import Vendor, build


def failing(error: BaseException) -> Vendor:
    vendor = Vendor()
    vendor.errors["poll"] = error
    return vendor


@pytest.mark.parametrize("error", [Unreachable("no answer"), RateLimited("slow down", retry_after=5)])
def test_a_connection_that_fails_does_not_stop_the_next(vendors, error):
    runtime = vendors(first=failing(error), second=Vendor(build(1)))
    failure, polled = syncing.poll_all(runtime)
    assert isinstance(failure, Failure)
    assert (failure.connection, failure.error, failure.retryable) == ("first", error, True)
    assert isinstance(polled, Polled)
    assert (polled.connection, polled.builds) == ("second", 1)


def test_a_fault_in_an_adapter_is_told_with_its_place(vendors):
    runtime = vendors(first=failing(ZeroDivisionError("division by zero")), second=Vendor(build(1)))
    failure, polled = syncing.poll_all(runtime)
    assert isinstance(failure, Failure)
    assert "ZeroDivisionError: division by zero" in str(failure.error)
    assert "conftest.py:" in str(failure.error)
    assert not failure.retryable
    assert isinstance(polled, Polled)


def test_an_adapter_that_only_polls_is_polled(vendors):
    (polled,) = syncing.sync(vendors(only=Vendor(build(1))), "only")
    assert isinstance(polled, Polled)


def test_a_broken_definition_stops_publishing_and_not_polling(vendors):
    runtime = vendors(first=Vendor(build(1)))
    (runtime.workspace.root / "pipelines/bad.yaml").write_text("pipeline: [\n", encoding="utf-8")
    failure, polled = syncing.sync(runtime)
    assert isinstance(failure, Failure)
    assert "bad.yaml:2:1" in str(failure.error)
    assert isinstance(polled, Polled)


def test_a_connection_that_is_not_configured(vendors):
    with pytest.raises(PipemgrError, match="no connection 'nope' is configured"):
        list(syncing.sync(vendors(first=Vendor()), "nope"))


def started(number: int) -> Started:
    return Started("first", BuildRef(pipeline="hello", build=str(number)))


def test_waiting_tells_how_many_are_left_and_ends(vendors):
    vendor = Vendor(build(1, None), build(2, None))
    runtime = vendors(first=vendor)
    left: list[int] = []
    syncing.wait_for(
        runtime,
        [started(1), started(2)],
        pause=lambda: vendor.show(build(2 if build(2).status != vendor.builds[build(2).ref].status else 1)),
        tick=left.append,
    )
    assert left == [2, 1, 0]


def test_waiting_ends_at_its_limit(vendors):
    runtime = vendors(first=Vendor(build(1, None)))
    with pytest.raises(PipemgrError, match="1 build is still not finished") as caught:
        syncing.wait_for(runtime, [started(1)], pause=lambda: None, seconds=0.1)
    assert "pipemgr poll" in (caught.value.remedy or "")


def test_waiting_goes_on_while_somebody_else_polls(vendors):
    vendor = Vendor(build(1))
    runtime = vendors(first=vendor)
    lease = runtime.ledger.store.claim("first", me(), 60)
    assert lease is not None
    turns: list[int] = []

    def pause() -> None:
        turns.append(1)
        if len(turns) == 3:
            runtime.ledger.store.fail_poll(lease, "", lease.until)

    syncing.wait_for(runtime, [started(1)], pause=pause)
    assert len(turns) == 3
