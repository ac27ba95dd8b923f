"""The schedule: one poller at a time, none lost, and a zombie writes nothing."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from pipemgr.errors import Busy, NoSuchObject
from pipemgr.ingest.recorder import Recorder
from pipemgr.ledger.store import Store
from pipemgr.model.events import HubEvent

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def pass_by(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(ledger, clock):
    made = Store(ledger.engine, clock=clock)
    made.register("ci", "local")
    return made


def test_a_lease_keeps_others_out_until_it_ends(store, clock):
    first = store.claim("ci", "ann", 60)
    assert (first.owner, first.fence, first.until) == ("ann", 1, NOW + timedelta(seconds=60))
    assert store.claim("ci", "bob", 60) is None
    clock.pass_by(61)
    assert store.claim("ci", "bob", 60).fence == 2


def test_a_renewed_lease_lasts(store, clock):
    lease = store.claim("ci", "ann", 60)
    clock.pass_by(50)
    renewed = store.renew(lease, 60)
    clock.pass_by(50)
    assert store.claim("ci", "bob", 60) is None
    assert renewed.fence == lease.fence


def test_the_cursor_goes_on_where_the_last_commit_left_it(ledger, store, clock):
    lease = store.claim("ci", "ann", 60)
    assert lease.cursor == {}
    with store.transaction() as transaction:
        transaction.commit_poll(lease, {"page": 1})
    assert store.claim("ci", "bob", 60) is None
    with store.transaction() as transaction:
        transaction.commit_poll(lease, {"page": 2}, NOW + timedelta(minutes=5))
    (row,) = ledger.queries.connections()
    assert (row.cursor, row.due_at, row.last_success_at, row.owner) == (
        {"page": 2},
        NOW + timedelta(minutes=5),
        NOW,
        None,
    )
    assert store.claim("ci", "bob", 60, due_only=True) is None
    assert store.claim("ci", "bob", 60).cursor == {"page": 2}


def test_due_connections_are_those_that_are_free_and_late(ledger, store, clock):
    store.register("other", "local")
    lease = store.claim("ci", "ann", 60)
    assert [row.name for row in ledger.queries.connections(due=NOW)] == ["other"]
    store.fail_poll(lease, "no answer", NOW + timedelta(seconds=30))
    assert [row.name for row in ledger.queries.connections(due=NOW)] == ["other"]
    late = ledger.queries.connections(due=NOW + timedelta(seconds=30))
    assert {row.name: row.last_error for row in late} == {"ci": "no answer", "other": None}


def test_a_zombie_writes_nothing(ledger, store, clock, snapshot):
    zombie = store.claim("ci", "ann", 60)
    clock.pass_by(61)
    store.claim("ci", "bob", 60)
    with pytest.raises(Busy, match="took over"):
        Recorder(ledger).record("ci", [snapshot()], lease=zombie, cursor={"page": 9}, due_at=NOW)
    with pytest.raises(Busy):
        store.renew(zombie, 60)
    with pytest.raises(Busy):
        store.fail_poll(zombie, "x", NOW)
    counts = ledger.queries.counts()
    assert (counts.entries, counts.events) == (0, 0)
    assert ledger.queries.connections()[0].cursor == {}


def test_even_a_zombie_that_notices_late_writes_nothing(ledger, store, clock, snapshot):
    """The fence is looked at in the same transaction as the rows, whichever comes first."""
    zombie = store.claim("ci", "ann", 60)
    with pytest.raises(Busy), store.transaction() as transaction:  # noqa: PT012
        transaction.event(HubEvent.CONNECTION_RESTORED, "ci", {})
        transaction.flush()
        transaction.commit_poll(zombie.__class__(zombie.name, "ann", 0, zombie.until, {}), {}, NOW)
    assert ledger.queries.events() == ()


def test_of_many_that_claim_at_once_one_wins(ledger):
    ledger.store.register("ci", "local")
    for turn in range(5):
        barrier, leases = threading.Barrier(6), []

        def claim(name, barrier=barrier, leases=leases):
            barrier.wait()
            leases.append(ledger.store.claim("ci", name, 60))

        workers = [threading.Thread(target=claim, args=(f"worker {number}",)) for number in range(6)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        (lease,) = [one for one in leases if one is not None]
        assert lease.fence == turn + 1
        ledger.store.fail_poll(lease, "next", NOW)


def test_a_connection_that_was_never_registered_is_named(ledger):
    with pytest.raises(NoSuchObject, match="'nowhere'"):
        ledger.store.claim("nowhere", "ann", 60)


def test_registering_twice_keeps_what_is_there(ledger, store):
    lease = store.claim("ci", "ann", 60)
    with store.transaction() as transaction:
        transaction.commit_poll(lease, {"page": 1})
    store.register("ci", "other-adapter")
    (row,) = ledger.queries.connections()
    assert (row.adapter, row.cursor, row.owner) == ("other-adapter", {"page": 1}, "ann")
