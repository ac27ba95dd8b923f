"""Polling an adapter that anybody may have written: one bad build stops no other, and nothing goes on for ever."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter import Adapter, AdapterSettings, Connection, LogChunk, PollPage, RateLimited
from pipemgr.adapter.guard import Guarded
from pipemgr.adapter.registry import Registry
from pipemgr.errors import AdapterError, PipemgrError
from pipemgr.ingest.poller import LONGEST_WAIT, Pace, Polled, poll
from pipemgr.ledger import Ledger, open_ledger
from pipemgr.model.runs import Build, BuildInstance, BuildLog, BuildRef, StageInstance
from pipemgr.model.status import Result, State, Status

RUNNING = Status(state=State.RUNNING)
DONE = Status(state=State.FINISHED, result=Result.SUCCESS)


def build(number: str, status: Status = DONE, **more: Any) -> BuildInstance:
    known = Build(pipeline="p", external_id=number, number=int(number), **more.pop("build", {}))
    return BuildInstance(build=known, external_id=number, status=status, **more)


class Told(Adapter):
    name = "told"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.store.register("here", "told")
    yield ledger
    ledger.close()


@pytest.fixture
def polled(tmp_path: Path, ledger: Ledger) -> Callable[..., Polled]:
    """Poll once an adapter with these verbs."""
    place = Connection("here", tmp_path, tmp_path, Registry().dialect, Registry().tables("local"))

    def polled(**verbs: Any) -> Polled:
        kind = type("Told", (Told,), {name: staticmethod(verb) for name, verb in verbs.items()})
        return poll("here", Guarded(kind, place, AdapterSettings()), ledger, Pace())

    return polled


def numbers(ledger: Ledger, state: State | None = None) -> set[int]:
    return {row.build.data["number"] for row in ledger.queries.builds(state=state)}


def test_an_open_build_that_breaks_the_adapter_stops_no_other(polled, ledger):
    def snapshot(ref: BuildRef) -> BuildInstance:
        if ref.build == "1":
            raise KeyError("boom")
        return build(ref.build)

    polled(poll=lambda _: PollPage(builds=(build("1", RUNNING), build("2", RUNNING))))
    done = polled(poll=lambda _: PollPage(), snapshot=snapshot)
    assert [one for one in done.problems if "p 1" in one and "KeyError" in one]
    assert numbers(ledger, State.FINISHED) == {2}
    assert numbers(ledger, State.RUNNING) == {1}


@pytest.mark.parametrize("bad", [{"name": "\ud800"}, {"parameters": {"n": 10**5000}}])
def test_a_build_that_is_no_text_stops_no_other(polled, ledger, bad):
    done = polled(poll=lambda _: PollPage(builds=(build("1", build=bad), build("2"))))
    assert [one for one in done.problems if "p 1 can't be kept" in one]
    assert numbers(ledger) == {2}


def test_more_with_the_same_cursor_ends(polled):
    with pytest.raises(AdapterError, match="cursor does not move"):
        polled(poll=lambda _: PollPage(cursor={"a": 1}, more=True))


@pytest.mark.parametrize(
    "chunk",
    [
        lambda offset: LogChunk(text="", offset=offset + 1, complete=False),
        lambda offset: LogChunk(text="abc", offset=offset, complete=False),
        lambda offset: LogChunk(text="abc", offset=max(offset, 9) - 9, complete=False),
    ],
    ids=["empty for ever", "stands still", "goes backwards"],
)
def test_a_log_that_never_ends_is_told_and_not_kept_as_whole(polled, ledger, chunk):
    log = BuildLog(name="l", complete=True, offset=9)
    done = polled(
        poll=lambda _: PollPage(builds=(build("1", logs=(log,)),)),
        logs=lambda _ref, _log, offset: chunk(offset),
    )
    assert [one for one in done.problems if "log l" in one and "although it is said to be complete" in one]
    assert not ledger.queries.kept_logs("here", BuildRef(pipeline="p", build="1"))


def test_many_stages_of_one_name_are_all_kept_soon(polled, ledger):
    stages = tuple(StageInstance(external_id="same", name="x", status=DONE) for _ in range(3000))
    began = time.monotonic()
    polled(poll=lambda _: PollPage(builds=(build("1", stages=stages),)))
    assert time.monotonic() - began < 20
    (found,) = ledger.queries.build("p#1").instances
    assert len(found.snapshot().stages) == 3000


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), -5.0, 1e14])
def test_an_impossible_pause_delays_no_more_than_a_day(polled, ledger, seconds):
    def limited(_cursor: Any) -> PollPage:
        raise RateLimited("slow down", retry_after=seconds)

    with pytest.raises(PipemgrError, match="slow down"):
        polled(poll=limited)
    (row,) = ledger.queries.connections()
    assert row.last_error == "slow down"
    assert 0 <= row.due_at.timestamp() - time.time() + 60 <= LONGEST_WAIT + 60
    assert polled(poll=lambda _: PollPage()).builds == 0


def test_many_slow_builds_do_not_cost_the_lease(polled, ledger, monkeypatch):
    monkeypatch.setattr("pipemgr.ingest.poller.LEASE_SECONDS", 0.6)
    polled(poll=lambda _: PollPage(builds=tuple(build(str(number), RUNNING) for number in range(1, 5))))
    rivals = []

    def slow(ref: BuildRef) -> BuildInstance:
        time.sleep(0.35)
        rivals.append(ledger.store.claim("here", "rival", 60))
        return build(ref.build)

    polled(poll=lambda _: PollPage(), snapshot=slow)
    assert rivals == [None] * 4
    assert numbers(ledger, State.FINISHED) == {1, 2, 3, 4}
