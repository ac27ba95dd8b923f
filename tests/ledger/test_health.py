"""Health: each way from well to not well, and back, is one event, written with the row."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from pipemgr.ledger.health import LOST_AFTER, PARKED_AFTER, Health
from pipemgr.ledger.leases import Failure
from pipemgr.ledger.store import Store

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
REFUSED, WAITING = Failure(refused=True), Failure(counts=False)


@pytest.fixture
def moment():
    return [NOW]


@pytest.fixture
def store(ledger, moment):
    made = Store(ledger.engine, clock=lambda: moment[0])
    made.register("ci", "local")
    return made


def failed(store, *kinds):
    for kind in kinds:
        store.fail_poll(store.claim("ci", "me", 60), "no answer", NOW, kind=kind)


def went_well(store, due=NOW, **values):
    lease = store.claim("ci", "me", 60)
    with store.transaction("ci") as transaction:
        transaction.commit_poll(lease, None, due, **values)


def told(ledger):
    return [
        (one.name.removeprefix("connection."), one.data["health"])
        for one in ledger.queries.events()
        if one.subject == "ci" and one.name.startswith("connection.")
    ]


def row(ledger):
    (one,) = ledger.queries.connections()
    return one


def due(store, names=("ci",), limit=10, **more):
    return [one.name for one in store.claim_due("me", limit, 60, names=names, **more)]


def test_lost_after_some_failures_in_a_row_and_restored_once(ledger, store):
    failed(store, *[Failure()] * (LOST_AFTER - 1))
    assert (told(ledger), row(ledger).failures) == ([], LOST_AFTER - 1)
    failed(store, *[Failure()] * 3)
    assert told(ledger) == [("lost", "lost")]
    assert (row(ledger).health, row(ledger).health_since) == ("lost", NOW)
    went_well(store)
    went_well(store)
    assert told(ledger) == [("lost", "lost"), ("restored", "ok")]
    assert (row(ledger).health, row(ledger).failures, row(ledger).last_error) == ("ok", 0, None)


def test_being_told_to_wait_is_no_failure(ledger, store):
    failed(store, *[WAITING] * 9)
    assert (told(ledger), row(ledger).failures, row(ledger).last_error) == ([], 0, "no answer")


def test_a_credential_is_refused_some_times_before_nothing_more_is_asked(ledger, store):
    failed(store, *[Failure()] * LOST_AFTER, *[REFUSED] * (PARKED_AFTER - 1))
    assert row(ledger).health == "lost"
    assert due(store) == ["ci"]
    store.fail_poll(store.claim("ci", "me", 60, is_gone=lambda _: True), "", NOW, kind=Failure())
    failed(store, *[REFUSED] * (PARKED_AFTER - 1))
    assert row(ledger).health == "lost"  # they were not in a row
    failed(store, REFUSED)
    assert told(ledger) == [("lost", "lost"), ("lost", "parked")]
    assert due(store) == []
    assert store.claim("ci", "me", 60) is not None  # somebody who asks by hand may


def test_resuming_a_parked_connection_tries_again_and_says_so_only_when_it_answers(ledger, store):
    failed(store, *[REFUSED] * PARKED_AFTER)
    store.resume("ci")
    assert told(ledger) == [("lost", "parked")]
    failed(store, REFUSED)
    assert due(store) == ["ci"]
    assert row(ledger).health == "lost"
    store.fail_poll(store.claim("ci", "x", 60, is_gone=lambda _: True), "", NOW, kind=WAITING)
    went_well(store)
    assert told(ledger)[-1] == ("restored", "ok")


@pytest.mark.parametrize(
    ("skip", "health"), [(False, Health.ACCEPTED), (True, Health.SKIPPING)], ids=["take", "skip"]
)
def test_what_was_decided_about_a_flood_stays_decided(ledger, store, skip, health):
    failed(store, Failure(health=Health.HELD))
    assert told(ledger) == [("lost", "held")]
    assert due(store) == []
    store.resume("ci", fast_forward=skip)
    failed(store, *[Failure()] * (LOST_AFTER + 1))
    lease = store.claim("ci", "me", 60)
    assert lease.standing.health is health
    with store.transaction() as transaction:
        transaction.commit_poll(lease, None, NOW)
    assert told(ledger) == [("lost", "held"), ("restored", "ok")]


def test_only_what_is_due_free_configured_and_wanted_is_claimed(ledger, store, moment):
    for name in ("a", "b", "c", "d"):
        store.register(name, "local")
    assert store.claim("a", "other", 60)
    assert due(store, ("a", "b", "c")) == ["b", "c"]
    assert due(store, ("a", "b", "c")) == []
    assert due(store, ("a", "d"), is_gone=lambda owner: owner == "other") == ["a", "d"]
    moment[0] += timedelta(seconds=61)
    first = due(store, ("d", "c", "b", "a"), limit=2)
    rest = due(store, ("d", "c", "b", "a"))
    assert (len(first), sorted(first + rest)) == (2, ["a", "b", "c", "d"])
    assert due(store, ()) == []


def test_many_that_claim_at_once_share_what_is_due(ledger):
    names = [f"c{number}" for number in range(20)]
    for name in names:
        ledger.store.register(name, "local")
    barrier, found = threading.Barrier(5), []

    def claim(owner):
        barrier.wait()
        for _ in range(20):
            found.extend(ledger.store.claim_due(owner, 3, 60, names=names))

    workers = [threading.Thread(target=claim, args=(f"w{number}",)) for number in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(one.name for one in found) == sorted(names)
    assert {one.fence for one in found} == {1}


def test_a_hint_during_a_poll_makes_it_due_again(ledger, store, moment):
    later = NOW + timedelta(hours=1)
    went_well(store, later)
    assert due(store) == []
    with store.transaction("ci") as transaction:
        transaction.hint("ci")
    (lease,) = store.claim_due("me", 1, 60, names=("ci",), is_gone=lambda _: False)
    moment[0] += timedelta(seconds=1)
    with store.transaction("ci") as transaction:
        transaction.hint("ci")
    moment[0] += timedelta(seconds=1)
    with store.transaction("ci") as transaction:
        transaction.commit_poll(lease, None, later)
    assert row(ledger).due_at == moment[0]
    moment[0] += timedelta(seconds=1)
    went_well(store, later)
    assert row(ledger).due_at == later


def test_a_hint_shortens_no_pause_after_a_failure(ledger, store):
    pause = NOW + timedelta(minutes=15)
    store.fail_poll(store.claim("ci", "me", 60), "no answer", pause)
    with store.transaction("ci") as transaction:
        transaction.hint("ci")
    assert row(ledger).due_at == pause


def test_what_is_known_of_the_walk_comes_with_the_lease(ledger, store):
    went_well(store, walk='{"page": 2}', walk_since=NOW, changed_at=NOW)
    standing = store.claim("ci", "me", 60).standing
    assert (standing.walk, standing.walk_since, standing.walked_at) == ({"page": 2}, NOW, None)
    assert (standing.changed_at, standing.last_success_at) == (NOW, NOW)
