"""Row, entry and event of a change are one: all 36 events, each exactly once, on both databases."""

import contextlib
import json
from collections import Counter
from uuid import UUID

import pytest

from pipemgr.errors import Busy, LedgerError, NoSuchObject
from pipemgr.ledger import tables
from pipemgr.ledger.change import ObjectChange, own_event
from pipemgr.ledger.verify import verify
from pipemgr.model.events import ALL_EVENTS, OBJECT_EVENTS, Change, HubEvent, Kind
from pipemgr.model.identity import digest, new_id


def change(kind, what, number, name, changed=()):
    """A change of an object that belongs to nothing."""
    text = json.dumps({"id": number, "connection": "ci", "key": f"{kind}-key", "name": name})
    return ObjectChange(kind, what, number, "ci", f"{kind}-key", text, f"{kind} {name}", changed)


def life(kind):
    number = str(new_id())
    return [
        change(kind, Change.CREATE, number, "first"),
        change(kind, Change.UPDATED, number, "second", ("name",)),
        change(kind, Change.DESTROY, number, "second"),
    ]


def all_events(ledger):
    return ledger.queries.events(0, 10_000)


@pytest.mark.parametrize("kind", tables.OBJECTS)
def test_each_change_of_an_object_fires_its_event_exactly_once(ledger, kind):
    for step in life(kind):
        with ledger.store.transaction() as transaction:
            transaction.apply([step], observer="me")
    names = Counter(event.name for event in all_events(ledger))
    expected = {f"{kind}.{one}": 1 for one in Change}
    assert names == {**expected, "ledgerentry.create": 3}
    (record,) = ledger.queries.objects(kind, destroyed=True)
    assert record.name == "second"
    assert record.destroyed_at is not None
    assert ledger.queries.objects(kind) == ()


def test_entries_are_objects_too(ledger):
    with ledger.store.transaction() as transaction:
        transaction.apply(life(Kind.BUILD)[:1], observer="me")
    (first,) = ledger.queries.entries()
    with ledger.store.transaction() as transaction:
        transaction.amend(first.entry.id, "it was the other one", observer="ann")
    with ledger.store.transaction() as transaction:
        transaction.withdraw(first.entry.id, "it never was", observer="ann")
    names = [event.name for event in all_events(ledger)]
    assert names == [
        "build.create",
        "ledgerentry.create",
        "ledgerentry.updated",
        "ledgerentry.create",
        "ledgerentry.destroy",
        "ledgerentry.create",
    ]
    amended = all_events(ledger)[2]
    assert amended.subject == str(first.entry.id)
    assert amended.data["message"] == "it was the other one"
    assert amended.changed == ("message",)
    entries = [view.entry for view in ledger.queries.entries()]
    assert [entry.amends for entry in entries] == [None, first.entry.id, first.entry.id]
    assert entries[0] == first.entry
    ledger.store.seal()
    assert verify(ledger.engine).ok


def test_all_36_events_and_those_of_the_hub_have_a_way_into_the_outbox(ledger):
    with ledger.store.transaction() as transaction:
        for kind in tables.OBJECTS:
            transaction.apply(life(kind))
        for name in HubEvent:
            transaction.event(name, "ci", {"note": "x"})
    entry = ledger.queries.entries()[0].entry.id
    with ledger.store.transaction() as transaction:
        transaction.amend(entry, "a", observer="me")
        transaction.withdraw(entry, "b", observer="me")
    events = all_events(ledger)
    assert {event.name for event in events} == set(ALL_EVENTS)
    assert len(OBJECT_EVENTS) == 36
    entries = 3 * len(tables.OBJECTS) + 2
    assert len(events) == 2 * entries + len(HubEvent)
    assert len({event.id for event in events}) == len(events)


def test_every_entry_vouches_for_its_object_and_its_event(ledger):
    with ledger.store.transaction() as transaction:
        transaction.apply(life(Kind.STAGE), observer="me", source="sha256:5")
    events = all_events(ledger)
    entries = [view.entry for view in ledger.queries.entries()]
    with ledger.engine.connect() as connection:
        texts = [
            row.data for row in connection.execute(tables.outbox.select().order_by(tables.outbox.c.sequence))
        ]
    for entry, event, own, text in zip(entries, events[::2], events[1::2], texts[::2], strict=True):
        assert event.id == entry.id
        assert str(own.id) == own_event(str(entry.id))
        assert own.subject == str(entry.id)
        assert entry.digest == digest(text.encode())
        assert (entry.observer, entry.source, str(entry.subject)) == ("me", "sha256:5", event.subject)
        assert own.data == json.loads(entry.model_dump_json())


def test_nothing_is_written_when_something_fails(ledger):
    with pytest.raises(RuntimeError, match="in the middle"), ledger.store.transaction() as transaction:  # noqa: PT012
        transaction.apply(life(Kind.BUILD))
        transaction.event(HubEvent.PLAN_APPLIED, "web", {})
        transaction.save_publication("ci", "web", fingerprint="f", model={})
        transaction.flush()
        raise RuntimeError("in the middle")
    counts = ledger.queries.counts()
    assert (counts.entries, counts.events, set(counts.objects.values())) == (0, 0, {0})
    assert ledger.queries.publications() == ()


def test_events_are_numbered_without_gaps_even_after_a_transaction_that_failed(ledger):
    for attempt in range(4):
        with contextlib.suppress(ZeroDivisionError), ledger.store.transaction() as transaction:
            transaction.event(HubEvent.GAP_DETECTED, "ci", {"attempt": attempt})
            transaction.flush()
            1 / (1 - attempt % 2)
    assert [(event.sequence, event.data["attempt"]) for event in all_events(ledger)] == [(1, 0), (2, 2)]


@pytest.mark.parametrize("table", tables.APPEND_ONLY)
@pytest.mark.parametrize("verb", ["UPDATE", "DELETE"])
def test_append_only_is_enforced_by_the_database(ledger, table, verb):
    with ledger.store.transaction() as transaction:
        transaction.apply(life(Kind.BUILD))
    ledger.store.seal()
    column = {"seal": "leaf", "checkpoint": "root"}.get(table, "changed")
    statement = f"UPDATE {table} SET {column} = ''" if verb == "UPDATE" else f"DELETE FROM {table}"
    with pytest.raises(LedgerError, match="append-only"), ledger.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert verify(ledger.engine).ok


def test_an_object_that_comes_back_is_created_again_under_its_old_id(ledger):
    steps = life(Kind.PIPELINE)
    back = steps[0]._replace(again=True)
    with ledger.store.transaction() as transaction:
        transaction.apply([*steps, back])
    (record,) = ledger.queries.objects(Kind.PIPELINE)
    assert record.destroyed_at is None
    assert [event.name for event in all_events(ledger)][::2] == [
        "pipeline.create",
        "pipeline.updated",
        "pipeline.destroy",
        "pipeline.create",
    ]
    assert verify(ledger.engine).ok


def test_there_is_no_correcting_what_is_not_there(ledger):
    with pytest.raises(NoSuchObject), ledger.store.transaction() as transaction:
        transaction.amend(new_id(), "nothing", observer="me")


def test_two_objects_never_share_a_key(ledger):
    first, second = life(Kind.BUILD)[0], life(Kind.BUILD)[0]
    assert first.id != second.id
    with pytest.raises(Busy, match="the same object"), ledger.store.transaction() as transaction:
        transaction.apply([first, second])


def test_a_big_transaction_is_sent_in_batches_and_is_still_one(ledger, monkeypatch):
    monkeypatch.setattr("pipemgr.ledger.store.BATCH", 5)
    with ledger.store.transaction() as transaction:
        for kind in tables.OBJECTS:
            transaction.apply(life(kind))
    events = all_events(ledger)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert verify(ledger.engine).ok


def test_publications_keep_the_last_only(ledger):
    for turn in ("a", "b"):
        with ledger.store.transaction() as transaction:
            transaction.save_publication(
                "ci", "web", fingerprint=turn, model={"turn": turn}, documents=[turn], observer="me"
            )
    found = ledger.queries.publication("ci", "web")
    assert (found.fingerprint, found.model, found.documents, found.applied_by) == (
        "b",
        {"turn": "b"},
        ["b"],
        "me",
    )
    assert ledger.queries.publication("ci", "other") is None
    assert len(ledger.queries.publications()) == 1


def test_nul_and_other_odd_characters_pass_through_both_databases(ledger):
    number, odd = str(new_id()), 'nul \x00 quote " back \\ line \n emoji \U0001f600 \u2028 \x7f'
    text = json.dumps({"id": number, "connection": "ci", "key": "k", "name": odd})
    with ledger.store.transaction() as transaction:
        transaction.apply(
            [ObjectChange(Kind.STEP, Change.CREATE, number, "ci", "k", text, odd)], observer=odd
        )
    assert ledger.queries.object(Kind.STEP, UUID(number)).data["name"] == odd
    assert ledger.queries.entries()[0].entry.message == odd.replace("\x00", "\ufffd")
    ledger.store.seal()
    assert verify(ledger.engine).ok
