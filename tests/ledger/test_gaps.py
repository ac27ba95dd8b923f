"""Gaps: what is missing is said once, closed when it is found, and numbers that no build has are told."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from pipemgr.errors import NoSuchObject
from pipemgr.ingest.recorder import Recorder
from pipemgr.ledger.gaps import Hole
from pipemgr.model.runs import Build

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MISSING = {
    "pipeline": "web",
    "since": NOON,
    "until": NOON + timedelta(hours=1),
    "expected": 1200,
    "found": 1000,
    "reason": "it lists no more than 1,000",
}


def note(ledger, **said):
    with ledger.store.transaction("ci") as transaction:
        transaction.gap("ci", **MISSING | said)


def told(ledger):
    return [one for one in ledger.queries.events() if one.name == "gap.detected"]


def test_a_gap_is_told_once_and_its_counts_are_kept_up_to_date(ledger):
    note(ledger)
    note(ledger, expected=1300)
    (gap,) = ledger.queries.gaps("ci")
    assert (gap.expected, gap.found, gap.closed_at) == (1300, 1000, None)
    (event,) = told(ledger)
    assert (event.subject, event.data["pipeline"], event.data["expected"]) == ("ci", "web", 1200)
    note(ledger, pipeline="api")
    note(ledger, since=None)
    assert len(told(ledger)) == 3
    assert ledger.queries.gaps("other") == []


def test_a_closed_gap_is_shown_only_when_asked_for(ledger):
    note(ledger)
    (gap,) = ledger.queries.gaps()
    ledger.store.close_gap(gap.id)
    assert ledger.queries.gaps() == []
    (closed,) = ledger.queries.gaps(closed=True)
    assert closed.closed_at is not None
    ledger.store.close_gap(gap.id)  # twice is once
    assert ledger.queries.gaps(closed=True) == [closed]
    note(ledger)  # it is there again
    assert len(told(ledger)) == 2
    with pytest.raises(NoSuchObject, match="no gap"):
        ledger.store.close_gap(uuid4())


def test_what_was_found_late_is_a_gap_that_is_closed_and_no_alarm(ledger):
    note(ledger, closed_at=NOON)
    note(ledger, closed_at=NOON)
    assert len(ledger.queries.gaps(closed=True)) == 2
    assert told(ledger) == []


def test_numbers_that_no_build_has(ledger, snapshot):
    def build(number, pipeline="web"):
        known = Build(pipeline=pipeline, external_id=f"r{number}", number=number)
        return snapshot(number or 0, build=known)

    Recorder(ledger).record("ci", [build(number) for number in (3, 4, 7, 8, 12)])
    Recorder(ledger).record("ci", [build(number, "api") for number in (1, 2, None)])
    assert ledger.queries.holes() == [Hole("ci", "web", 5, 6), Hole("ci", "web", 9, 11)]
    assert [one.size for one in ledger.queries.holes("ci", "web")] == [2, 3]
    assert ledger.queries.holes("ci", "api") == ledger.queries.holes("other") == []
    assert len(ledger.queries.holes(limit=1)) == 1
