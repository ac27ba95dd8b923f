"""What polls find, look at, leave alone and give up, by adapters that do as they are told."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter import (
    Adapter,
    AdapterSettings,
    Connection,
    Hints,
    LogChunk,
    PollPage,
    RateLimited,
    Webhook,
)
from pipemgr.adapter.base import Gap, Unread
from pipemgr.adapter.guard import Guarded
from pipemgr.adapter.http import Purpose, _purpose
from pipemgr.adapter.registry import Registry
from pipemgr.errors import AuthenticationFailed, Busy, NoSuchObject, NotFound, Refused, Storm, Unreachable
from pipemgr.ingest import poller
from pipemgr.ingest.attempts import TESTS, TESTS_TYPE
from pipemgr.ingest.poller import Pace, Polled, poll, run
from pipemgr.ingest.webhooks import Reception, receive
from pipemgr.ledger import Ledger, open_ledger
from pipemgr.ledger.gaps import FOUND_LATE
from pipemgr.ledger.pending import Source
from pipemgr.model.runs import Build, BuildInstance, BuildLog, BuildRef, TestCase, TestReport
from pipemgr.model.status import Result, State, Status

RUNNING = Status(state=State.RUNNING)
DONE = Status(state=State.FINISHED, result=Result.SUCCESS)
BAD = Status(state=State.FINISHED, result=Result.FAILURE)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def ref(number: int, attempt: int = 1) -> BuildRef:
    return BuildRef(pipeline="p", build=str(number), attempt=attempt)


def build(one: BuildRef | int, status: Status = DONE, **more: Any) -> BuildInstance:
    one = ref(one) if isinstance(one, int) else one
    known = Build(pipeline="p", external_id=one.build, number=int(one.build), **more.pop("build", {}))
    return BuildInstance(build=known, attempt=one.attempt, external_id=one.build, status=status, **more)


def nothing(_cursor: Any) -> PollPage:
    return PollPage()


class Told(Adapter):
    name = "told"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.store.register("here", "told")
    yield ledger
    ledger.close()


@pytest.fixture
def adapter(tmp_path: Path) -> Callable[..., Adapter]:
    """An adapter with these verbs."""
    place = Connection("here", tmp_path, tmp_path, Registry().dialect, Registry().tables("local"))

    def made(**verbs: Any) -> Adapter:
        kind = type("Told", (Told,), {name: staticmethod(verb) for name, verb in verbs.items()})
        return Guarded(kind, place, AdapterSettings())

    return made


@pytest.fixture
def polled(adapter: Callable[..., Adapter], ledger: Ledger) -> Callable[..., Polled]:
    """Poll once an adapter with these verbs."""

    def polled(pace: Pace | None = None, **verbs: Any) -> Polled:
        verbs = {"poll": nothing, "snapshot": build, **verbs}
        return poll("here", adapter(**verbs), ledger, pace or Pace(history=0))

    return polled


def row(ledger: Ledger) -> Any:
    (one,) = ledger.queries.connections()
    return one


def results(ledger: Ledger) -> dict[int, str | None]:
    return {
        one.build.data["number"] or int(one.build.data["external_id"]): one.instance.data["status"]["result"]
        for one in ledger.queries.builds(limit=10_000)
    }


def events(ledger: Ledger) -> Counter[str]:
    return Counter(one.name for one in ledger.queries.events(limit=100_000))


# What was found is looked at.


def test_what_is_only_seen_is_looked_at_and_what_is_known_is_not(polled, ledger):
    asked: list[BuildRef] = []

    def snapshot(one: BuildRef) -> BuildInstance:
        asked.append(one)
        return build(one)

    page = PollPage(seen=(ref(1), ref(2), ref(1, attempt=2)), builds=(build(3),), cursor={"a": 1})
    done = polled(poll=lambda _: page, snapshot=snapshot)
    assert (done.builds, done.left, done.problems) == (4, 0, ())
    assert sorted(asked, key=str) == sorted([ref(1), ref(2), ref(1, 2)], key=str)
    polled(poll=lambda _: page, snapshot=snapshot)
    assert len(asked) == 3


def test_one_that_can_not_be_read_waits_with_its_error_and_stops_no_other(polled, ledger):
    def snapshot(one: BuildRef) -> BuildInstance:
        if one == ref(2):
            raise Unreachable("500 for this one")
        return build(one)

    done = polled(poll=lambda _: PollPage(seen=(ref(1), ref(2), ref(3))), snapshot=snapshot)
    assert done.problems == ("p 2: 500 for this one",)
    assert set(results(ledger)) == {1, 3}
    (waiting,) = ledger.queries.quarantine("here")
    assert (waiting.ref, waiting.error, waiting.tries) == (ref(2), "500 for this one", 1)
    assert polled(snapshot=snapshot).problems == ()  # not yet
    ledger.store.retry("here")
    polled()
    assert set(results(ledger)) == {1, 2, 3}
    assert ledger.queries.quarantine() == []


def test_what_the_adapter_could_not_read_itself_is_kept_too(polled, ledger):
    page = PollPage(unread=(Unread(ref=ref(1), reason="cut short"),), builds=(build(2),))
    assert polled(poll=lambda _: page).problems == ("p 1: cut short",)
    assert [one.error for one in ledger.queries.quarantine()] == ["cut short"]


def test_a_vendor_that_is_away_is_not_asked_for_every_build(polled, ledger):
    asked: list[BuildRef] = []

    def away(one: BuildRef) -> BuildInstance:
        asked.append(one)
        raise Unreachable("no answer")

    with pytest.raises(Unreachable):
        polled(poll=lambda _: PollPage(seen=tuple(map(ref, range(50)))), snapshot=away)
    assert len(asked) == poller.FRUITLESS
    assert row(ledger).failures == 1
    # Should only these be broken, the others are read at the next poll.
    polled(snapshot=build)
    assert len(results(ledger)) == 50 - poller.FRUITLESS


def test_a_limit_in_the_middle_keeps_what_was_read(polled, ledger):
    read: list[BuildRef] = []

    def limited(one: BuildRef) -> BuildInstance:
        if len(read) == 7:
            raise RateLimited("slow down", retry_after=300)
        read.append(one)
        return build(one)

    with pytest.raises(RateLimited):
        polled(poll=lambda _: PollPage(seen=tuple(map(ref, range(30)))), snapshot=limited)
    assert len(results(ledger)) == 7
    assert ledger.queries.pending_counts("here") == {Source.POLL: 23}
    assert (row(ledger).health, row(ledger).failures) == ("ok", 0)
    assert row(ledger).due_at > datetime.now(UTC) + timedelta(seconds=290)


def test_one_that_no_database_takes_waits_and_stops_no_other(polled, ledger, monkeypatch):
    record = poller.Journal._record

    def picky(self: Any, snapshots: Any, *rest: Any) -> None:
        if any(one.build.number == 2 for one in snapshots):
            raise OverflowError("too big for a column")
        record(self, snapshots, *rest)

    monkeypatch.setattr(poller.Journal, "_record", picky)
    polled(poll=lambda _: PollPage(builds=tuple(map(build, (1, 2, 3))), cursor={"a": 1}))
    assert set(results(ledger)) == {1, 3}
    assert row(ledger).cursor == {"a": 1}
    assert [one.error for one in ledger.queries.quarantine()] == ["can't be recorded: OverflowError"]


def test_a_name_that_can_not_be_kept_is_told(polled):
    page = PollPage(seen=(BuildRef(pipeline="p\x00", build="1"), ref(2)))
    done = polled(poll=lambda _: page)
    assert done.builds == 1
    assert "is no name that can be kept" in done.problems[0]


def test_much_is_worked_off_over_several_polls_and_new_things_come_first(
    polled, ledger, adapter, monkeypatch
):
    monkeypatch.setattr(poller, "SLICE_SECONDS", 0.0)
    pages = iter([PollPage(seen=tuple(map(ref, range(30))), cursor={"a": 1})])
    told = adapter(poll=lambda _: next(pages, PollPage(cursor={"a": 1})), snapshot=build)
    lease = ledger.store.claim("here", "me", 60)
    done = run(lease, told, ledger, Pace(history=0))
    assert (done.builds, done.left) == (1, 29)
    assert row(ledger).due_at <= datetime.now(UTC)
    assert row(ledger).owner is None
    assert poll("here", told, ledger, Pace(history=0)).builds == 29  # by hand, until nothing is left


# What is gone.


def test_an_open_build_that_is_gone_is_closed_at_the_second_time(polled, ledger):
    def gone(_one: BuildRef) -> BuildInstance:
        raise NotFound("no such build")

    polled(poll=lambda _: PollPage(builds=(build(1, RUNNING),)))
    polled(snapshot=gone)
    assert results(ledger) == {1: None}
    ledger.store.retry()
    assert polled(snapshot=gone).problems == ("p 1: no such build",)
    assert results(ledger) == {1: "unknown"}
    (found,) = ledger.queries.build("p#1").instances
    assert "gone before its end was seen: no such build" in found.instance.data["status"]["reason"]
    assert ledger.queries.quarantine() == []
    assert polled(snapshot=gone).builds == 0


def test_one_that_is_back_after_all_goes_on(polled, ledger):
    def gone(_one: BuildRef) -> BuildInstance:
        raise NotFound("no such build")

    polled(poll=lambda _: PollPage(builds=(build(1, RUNNING),)))
    polled(snapshot=gone)
    ledger.store.retry()
    polled(snapshot=lambda one: build(one, RUNNING))
    assert ledger.queries.quarantine() == []
    polled(snapshot=gone)  # the first time again
    assert results(ledger) == {1: None}


@pytest.mark.parametrize("source", ["poll", "hint"])
def test_one_that_was_gone_before_anybody_looked(polled, ledger, source):
    def gone(_one: BuildRef) -> BuildInstance:
        raise NotFound("no such build")

    with ledger.store.transaction("here") as transaction:
        transaction.pend("here", [ref(7)], Source(source))
    polled(snapshot=gone)
    ledger.store.retry()
    polled(snapshot=gone)
    assert ledger.queries.pending_counts("here") == {}
    assert results(ledger) == ({7: "unknown"} if source == "poll" else {})


# A flood.


def flood(count: int, *, pages: int = 1) -> Callable[[Any], PollPage]:
    def told(cursor: dict[str, Any]) -> PollPage:
        page = int(cursor.get("page", 0)) + 1
        if page > pages:
            return PollPage(cursor=cursor)
        seen = tuple(ref(1000 * page + number) for number in range(count))
        return PollPage(seen=seen, cursor={"page": page}, more=page < pages)

    return told


STORM = Pace(history=0, storm=10)


def test_a_first_poll_is_no_flood(polled, ledger):
    polled(STORM, poll=flood(25))
    assert len(results(ledger)) == 25


def test_a_flood_is_not_taken_and_polling_waits_for_a_decision(polled, ledger):
    polled(STORM)
    with pytest.raises(Storm, match="11 builds or more") as caught:
        polled(STORM, poll=flood(11))
    assert "pipemgr connection resume here --fast-forward" in caught.value.remedy
    assert (results(ledger), ledger.queries.pending_counts("here")) == ({}, {})
    assert (row(ledger).health, row(ledger).cursor) == ("held", {})
    assert ledger.store.claim_due("me", 1, 60, names=("here",)) == []
    assert events(ledger) == {"connection.lost": 1}


def test_a_flood_over_several_pages_is_one_too(polled, ledger):
    polled(STORM)
    with pytest.raises(Storm):
        polled(STORM, poll=flood(4, pages=3))
    assert ledger.queries.pending_counts("here") == {}
    assert polled(STORM, poll=flood(5, pages=2)).builds == 10


def test_what_is_known_is_no_part_of_a_flood(polled, ledger):
    polled(STORM, poll=flood(25))
    seen = tuple(ref(1000 + number) for number in range(25))
    assert polled(STORM, poll=lambda _: PollPage(seen=(*seen, ref(5)), cursor={"x": 1})).builds == 1


def test_an_error_in_the_middle_keeps_the_pages_before(polled, ledger):
    polled(STORM)

    def breaking(cursor: dict[str, Any]) -> PollPage:
        if cursor:
            raise Unreachable("no answer")
        return flood(5, pages=2)(cursor)

    with pytest.raises(Unreachable):
        polled(STORM, poll=breaking)
    assert row(ledger).cursor == {"page": 1}
    assert ledger.queries.pending_counts("here") == {Source.POLL: 5}


def test_a_flood_is_taken_when_somebody_says_so(polled, ledger):
    polled(STORM)
    with pytest.raises(Storm):
        polled(STORM, poll=flood(11))
    ledger.store.resume("here")
    polled(STORM, poll=flood(11))
    assert len(results(ledger)) == 11
    assert row(ledger).health == "ok"
    with pytest.raises(Storm):
        polled(STORM, poll=lambda _: PollPage(seen=tuple(map(ref, range(11)))))


def test_a_flood_is_left_out_when_somebody_says_so(polled, ledger):
    pace = Pace(storm=10, history_every=1e-6)

    def history(_cursor: Any, since: datetime) -> PollPage:
        return PollPage(seen=(ref(1),)) if since < LONG_AGO else PollPage()

    polled(STORM)
    with pytest.raises(Storm):
        polled(STORM, poll=flood(11))
    ledger.store.resume("here", fast_forward=True)
    polled(pace, poll=flood(11), history=history)
    assert (results(ledger), row(ledger).cursor, row(ledger).health) == ({}, {"page": 1}, "ok")
    wide = Pace(history=1e9, history_every=1e-6)
    polled(wide, poll=flood(11), history=history)
    assert results(ledger) == {}  # no walk goes back behind it
    assert events(ledger) == {"connection.lost": 1, "connection.restored": 1}


# The past.


def test_the_past_is_walked_page_by_page_and_goes_on_where_it_was(polled, ledger, adapter, monkeypatch):
    monkeypatch.setattr(poller, "WALK_PAGES", 2)
    asked: list[tuple[int, datetime, Purpose]] = []

    def history(cursor: dict[str, Any], since: datetime) -> PollPage:
        place = int(cursor.get("place", 0))
        asked.append((place, since, _purpose.get()))
        return PollPage(seen=(ref(place),), cursor={"place": place + 1}, more=place < 4)

    pace = Pace(history=86_400.0, history_every=3600.0)
    walks = []
    for _ in range(4):
        polled(pace, history=history)
        walks.append(row(ledger).walk)
    assert [place for place, _, _ in asked] == [0, 1, 2, 3, 4]
    assert walks == ['{"place": 2}', '{"place": 4}', None, None]
    assert len({since for _, since, _ in asked}) == 1
    assert {purpose for *_, purpose in asked} == {Purpose.BACKFILL}
    assert abs(datetime.now(UTC) - timedelta(days=1) - asked[0][1]) < timedelta(minutes=1)
    assert set(results(ledger)) == {0, 1, 2, 3, 4}
    assert row(ledger).walked_at is not None


def test_what_only_the_walk_finds_later_is_a_gap_that_is_closed(polled, ledger):
    pace = Pace(history_every=1e-6)
    early = {"queued_at": LONG_AGO}
    polled(pace, history=lambda *_: PollPage(seen=(ref(1),)), snapshot=lambda one: build(one, **early))
    polled(pace, history=lambda *_: PollPage(), snapshot=lambda one: build(one, **early))
    assert ledger.queries.gaps(closed=True) == []  # the first walk fills the ledger
    soon = datetime.now(UTC) + timedelta(hours=1)
    polled(pace, history=lambda *_: PollPage(seen=(ref(2), ref(3))))
    polled(
        pace,
        history=lambda *_: PollPage(),
        snapshot=lambda one: build(one, queued_at=LONG_AGO if one.build == "2" else soon),
    )
    (gap,) = ledger.queries.gaps(closed=True)
    assert (gap.pipeline, gap.expected, gap.found, gap.reason) == ("p", 1, 1, FOUND_LATE)
    assert gap.closed_at is not None
    assert events(ledger)["gap.detected"] == 0


def test_what_a_vendor_counts_and_does_not_tell_is_a_gap(polled, ledger):
    gap = Gap(pipeline="p", since=LONG_AGO, expected=1200, found=1000, reason="no more are listed")
    for _ in range(2):
        polled(Pace(history_every=1e-6), history=lambda *_: PollPage(gaps=(gap,)))
    assert [one.reason for one in ledger.queries.gaps()] == ["no more are listed"]
    assert events(ledger)["gap.detected"] == 1


@pytest.mark.parametrize(
    "error", [Unreachable("no answer"), RateLimited("later", retry_after=9), KeyError("x")]
)
def test_a_walk_that_fails_stops_nothing(polled, ledger, error):
    def history(*_: Any) -> PollPage:
        raise error

    done = polled(Pace(), poll=lambda _: PollPage(builds=(build(1),)), history=history)
    assert len(results(ledger)) == 1
    assert bool(done.problems) != isinstance(error, RateLimited)
    assert row(ledger).last_error is None


def test_broken_builds_of_the_past_do_not_lose_the_connection(polled, ledger):
    asked: list[BuildRef] = []

    def snapshot(one: BuildRef) -> BuildInstance:
        asked.append(one)
        if 100 <= int(one.build) < 109:
            raise Unreachable("answered 500")
        return build(one)

    past = PollPage(seen=tuple(map(ref, range(100, 112))))
    polled(Pace(), history=lambda *_: past, snapshot=snapshot)
    polled(snapshot=snapshot)
    assert len(asked) == poller.FRUITLESS
    assert row(ledger).due_at > datetime.now(UTC)  # the rest is not asked for at once
    for number in range(20, 22):
        polled(Pace(), poll=lambda _, new=number: PollPage(seen=(ref(new),)), snapshot=snapshot)
    assert row(ledger).failures == 0
    assert max(Counter(asked).values()) == 1  # each is left alone for a while
    polled(snapshot=snapshot)
    assert set(results(ledger)) == {20, 21, 109, 110, 111}


def test_a_walk_whose_place_is_no_longer_known_begins_again(polled, ledger, monkeypatch):
    monkeypatch.setattr(poller, "WALK_PAGES", 1)
    known = {"a"}

    def history(cursor: dict[str, Any], _since: datetime) -> PollPage:
        token = cursor.get("token")
        if token is None:
            return PollPage(seen=(ref(1),), cursor={"token": min(known)}, more=True)
        if token not in known:
            raise Refused("an unknown page token")
        return PollPage(seen=(ref(2),))

    polled(Pace(), history=history)
    known.symmetric_difference_update("ab")
    (problem,) = polled(Pace(), history=history).problems
    assert problem == "history: an unknown page token"
    for _ in range(3):
        polled(Pace(), history=history)
    assert set(results(ledger)) == {1, 2}
    assert row(ledger).walked_at is not None


# Logs and tests.


def with_logs(status: Status) -> BuildInstance:
    return build(1, status, logs=(BuildLog(name="l", complete=True),))


def read(_ref: BuildRef, _log: str, offset: int) -> LogChunk:
    return LogChunk(text="all" if not offset else "", offset=3, complete=True)


@pytest.mark.parametrize(
    ("policy", "status", "kept"),
    [
        ("all", DONE, True),
        ("all", RUNNING, True),
        ("failed", BAD, True),
        ("failed", DONE, False),
        ("failed", RUNNING, False),
        ("none", BAD, False),
    ],
)
def test_whose_logs_are_kept(polled, ledger, policy, status, kept):
    polled(Pace(history=0, logs=policy), poll=lambda _: PollPage(builds=(with_logs(status),)), logs=read)
    assert bool(ledger.queries.kept_logs("here", ref(1))) == kept


def test_a_log_that_could_not_be_read_is_read_later(polled, ledger):
    def away(*_: Any) -> LogChunk:
        raise Unreachable("no answer")

    polled(poll=lambda _: PollPage(builds=(with_logs(BAD),)), logs=away)
    assert results(ledger) == {1: "failure"}
    assert not ledger.queries.kept_logs("here", ref(1))
    ledger.store.retry()
    polled(snapshot=lambda _: with_logs(BAD), logs=read)
    assert ledger.queries.kept_logs("here", ref(1))["l"].offset == 3
    assert ledger.queries.quarantine() == []


def test_tests_are_counted_and_their_cases_are_an_artifact(polled, ledger):
    report = TestReport(
        cases=(
            TestCase(name="a", result=Result.SUCCESS),
            TestCase(name="b", result=Result.FAILURE, message="no"),
        )
    )
    asked: list[BuildRef] = []

    def tests(one: BuildRef) -> TestReport:
        asked.append(one)
        return report

    polled(poll=lambda _: PollPage(builds=(build(1, RUNNING),)), tests=tests)
    assert asked == []
    polled(snapshot=lambda one: build(one, BAD), tests=tests)
    (found,) = ledger.queries.build("p#1").instances
    assert found.instance.data["tests"] == {"passed": 1, "failed": 1, "errors": 0, "skipped": 0}
    (artifact,) = found.artifacts
    assert (artifact.name, artifact.data["media_type"]) == (TESTS, TESTS_TYPE)
    with ledger.blobs.open(artifact.data["digest"]) as file:
        assert TestReport.model_validate(json.load(file)) == report


def test_a_long_log_is_never_held_whole(polled, ledger):
    import tracemalloc

    piece, size = "0123456789abcdef" * 4096, 32 << 20

    def long(_ref: BuildRef, _log: str, offset: int) -> LogChunk:
        return LogChunk(text=piece, offset=offset + len(piece), complete=offset + len(piece) >= size)

    tracemalloc.start()
    try:
        polled(poll=lambda _: PollPage(builds=(with_logs(DONE),)), logs=long)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert ledger.queries.kept_logs("here", ref(1))["l"].offset == size
    assert most < 8 << 20


# Health, as polls make it.


def test_refused_credentials_park_and_a_poll_by_hand_restores(polled, ledger):
    def refused(_cursor: Any) -> PollPage:
        raise AuthenticationFailed("token expired")

    for _ in range(4):
        with pytest.raises(AuthenticationFailed):
            polled(poll=refused)
    assert row(ledger).health == "parked"
    polled()
    assert row(ledger).health == "ok"
    assert events(ledger) == {"connection.lost": 1, "connection.restored": 1}


def test_a_poll_in_which_nothing_happened_writes_little(polled, ledger, adapter):
    polled(poll=lambda _: PollPage(cursor={"a": 1}))
    last = ledger.queries.last_event()
    import sqlalchemy as sa

    written: list[str] = []

    def hear(_c: Any, _u: Any, statement: str, *_: Any) -> None:
        if statement.split(maxsplit=1)[0] in ("INSERT", "UPDATE", "DELETE"):
            written.append(statement)

    sa.event.listen(ledger.engine, "before_cursor_execute", hear)
    polled(poll=lambda _: PollPage(cursor={"a": 1}))
    assert len(written) == 2  # the claim and its end
    assert ledger.queries.last_event() == last


# Webhooks.


@pytest.fixture
def hear(adapter: Callable[..., Adapter], ledger: Ledger) -> Callable[..., Any]:
    def hear(connection: str = "here", body: bytes = b"", **hints: Any) -> Any:
        told = Hints(**{"delivery": "d1", "event": "done"} | hints)
        return receive(connection, adapter(receive=lambda _: told), ledger, Webhook({}, body))

    return hear


def test_a_webhook_is_taken_once_and_makes_a_poll_due(polled, ledger, hear):
    polled(poll=lambda _: PollPage(builds=(build(1),)))
    assert row(ledger).due_at > datetime.now(UTC)
    taken = hear(builds=(ref(1), ref(2)))
    assert (taken.status, taken.builds) == (Reception.TAKEN, 1)
    assert row(ledger).due_at <= datetime.now(UTC)
    assert hear(builds=(ref(3),)).status is Reception.DUPLICATE
    assert hear(delivery="d2", builds=(ref(2),)).status is Reception.TAKEN
    assert polled().builds == 1
    assert set(results(ledger)) == {1, 2}


def test_a_webhook_that_is_about_nothing_here_is_ignored(polled, ledger, hear):
    polled()
    due = row(ledger).due_at
    assert hear(relevant=False).status is Reception.IGNORED
    assert row(ledger).due_at == due
    assert hear(relevant=False).status is Reception.DUPLICATE


@pytest.mark.parametrize("delivery", ["", " ", "x" * 999, "\x00", "\ud800"])
def test_deliveries_of_any_name_are_told_apart(hear, delivery):
    assert hear(delivery=delivery, body=b"a").status is Reception.TAKEN
    assert hear(delivery=delivery, body=b"a").status is Reception.DUPLICATE


def test_a_webhook_without_the_right_signature_leaves_nothing(adapter, ledger):
    def refused(_webhook: Webhook) -> Hints:
        raise AuthenticationFailed("the signature is wrong")

    with pytest.raises(AuthenticationFailed):
        receive("here", adapter(receive=refused), ledger, Webhook({}, b""))
    assert row(ledger).hinted_at is None


def test_a_webhook_for_nobody_is_an_error_and_may_come_again(hear, ledger):
    with pytest.raises(NoSuchObject):
        hear("nowhere")
    ledger.store.register("nowhere", "told")
    assert hear("nowhere").status is Reception.TAKEN


def test_a_poll_that_is_busy_says_so(ledger, polled):
    ledger.store.claim("here", "elsewhere:1:1", 60)
    began = time.monotonic()
    with pytest.raises(Busy):
        polled()
    assert time.monotonic() - began < 5
