"""What was found and not looked at, on both databases: nothing is lost, and nothing is asked too often."""

from datetime import UTC, datetime, timedelta

import pytest

from pipemgr.errors import NoSuchObject
from pipemgr.ingest.recorder import Recorder
from pipemgr.ledger import pending
from pipemgr.ledger.pending import Source
from pipemgr.ledger.store import Store
from pipemgr.model.runs import BuildRef

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def ref(number: int, attempt: int = 1) -> BuildRef:
    return BuildRef(pipeline="web", build=f"r{number}", attempt=attempt)


@pytest.fixture
def moment():
    return [NOW]


@pytest.fixture
def store(ledger, moment):
    made = Store(ledger.engine, clock=lambda: moment[0])
    made.register("ci", "local")
    return made


def put(store, source, *refs):
    with store.transaction("ci") as transaction:
        return transaction.pend("ci", refs, source)


def fail(store, one, error="no answer"):
    with store.transaction("ci") as transaction:
        transaction.pend_failed("ci", one, Source.POLL, error)


def due(ledger, at=NOW, limit=100):
    return [(one.ref, one.source) for one in ledger.queries.pending("ci", at, limit)]


def test_the_most_urgent_come_first_and_each_once(ledger, store):
    assert put(store, Source.HISTORY, ref(1), ref(2), ref(2)) == 2
    assert put(store, Source.POLL, ref(3), ref(1)) == 1
    assert put(store, Source.HINT, ref(4), ref(2)) == 1
    hint, poll, history = Source.HINT, Source.POLL, Source.HISTORY
    assert due(ledger) == [(ref(2), hint), (ref(4), hint), (ref(3), poll), (ref(1), history)]
    assert due(ledger, limit=3) == due(ledger)[:3]
    assert ledger.queries.pending_counts("ci") == {hint: 2, poll: 1, history: 1}
    assert due(ledger, NOW - timedelta(seconds=1)) == []


def test_what_the_ledger_knows_is_not_looked_at_again(ledger, store, snapshot):
    Recorder(ledger).record("ci", [snapshot(1), snapshot(2, running=True)])
    assert put(store, Source.POLL, ref(1), ref(2), ref(3), ref(1, attempt=2)) == 2
    assert put(store, Source.HINT, ref(1), ref(2)) == 1
    assert {one for one, _ in due(ledger)} == {ref(1, attempt=2), ref(2), ref(3)}


def test_what_fails_is_left_alone_for_longer_and_longer(ledger, store, moment):
    put(store, Source.POLL, ref(1))
    pauses = []
    for _ in range(12):
        fail(store, ref(1))
        (found,) = ledger.queries.quarantine("ci")
        pauses.append((found.due_at - moment[0]).total_seconds() / 60)
        assert due(ledger, found.due_at - timedelta(seconds=1)) == []
        moment[0] = found.due_at
        assert due(ledger, moment[0]) == [(ref(1), Source.POLL)]
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]
    assert (found.tries, found.error, found.seen_at) == (12, "no answer", NOW)


def test_a_quarantine_can_be_tried_again_or_given_up(ledger, store, moment):
    for number in (1, 2, 3):
        fail(store, ref(number), "bad \x00 text")
    assert [one.ref for one in ledger.queries.quarantine()] == [ref(1), ref(2), ref(3)]
    assert due(ledger) == []
    assert store.retry("ci", [ref(2), ref(9)]) == 1
    assert due(ledger) == [(ref(2), Source.POLL)]
    assert store.drop("ci", [ref(2), ref(9)]) == 1
    assert store.retry() == 2
    assert {one for one, _ in due(ledger)} == {ref(1), ref(3)}
    assert store.retry("other") == 0


def test_a_hint_looks_at_what_is_in_quarantine(ledger, store):
    fail(store, ref(1))
    assert put(store, Source.HINT, ref(1)) == 0
    assert due(ledger) == [(ref(1), Source.HINT)]
    assert ledger.queries.quarantine()[0].tries == 1


def test_trying_again_makes_the_connection_due(ledger, store, moment):
    lease = store.claim("ci", "me", 60)
    with store.transaction() as transaction:
        transaction.commit_poll(lease, None, LATER)
    fail(store, ref(1))
    store.retry("ci")
    assert ledger.queries.connections()[0].due_at == NOW


def test_thousands_are_one_page(ledger, store):
    many = [ref(number) for number in range(1500)]
    assert put(store, Source.POLL, *many) == 1500
    assert put(store, Source.POLL, *many) == 0
    with store.transaction("ci") as transaction:
        transaction.looked_at("ci", many[:1400])
    assert ledger.queries.pending_counts("ci", due=NOW) == {Source.POLL: 100}


@pytest.mark.parametrize(
    ("pipeline", "build", "good"),
    [
        ("web", "1", True),
        ("w\x00b", "1", False),
        ("web", "\ud800", False),
        ("w" * 1500, "1" * 600, False),
        ("ä" * 1100, "1", False),
    ],
)
def test_names_that_no_index_takes_are_told_apart(store, pipeline, build, good):
    one = BuildRef(pipeline=pipeline, build=build)
    assert pending.can_be_kept(one) == good
    if good:
        assert put(store, Source.POLL, one) == 1


def test_fast_forward_forgets_what_is_new_and_keeps_the_quarantine(ledger, store):
    put(store, Source.POLL, ref(1), ref(2))
    fail(store, ref(2))
    store.resume("ci", fast_forward=True)
    assert ledger.queries.pending_counts("ci") == {Source.POLL: 1}
    with pytest.raises(NoSuchObject, match="'nowhere'"):
        store.resume("nowhere")
