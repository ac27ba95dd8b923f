"""Queries: builds found by every name they have, newest first, their stages in the order they began."""

from datetime import datetime, timedelta

import pytest

from pipemgr.errors import NoSuchObject
from pipemgr.ingest.recorder import Recorder
from pipemgr.model.status import Result, State


def test_builds_come_newest_first_a_page_at_a_time(ledger, snapshot):
    Recorder(ledger).record("c", [snapshot(number) for number in (1, 2, 3)])
    first, second = ledger.queries.builds(limit=2)
    (third,) = ledger.queries.builds(limit=2, before=second.build.id)
    assert [row.build.data["number"] for row in (first, second, third)] == [3, 2, 1]


def test_filters_go_by_the_newest_attempt(ledger, snapshot):
    Recorder(ledger).record("c", [snapshot(1), snapshot(1, attempt=2, running=True), snapshot(2)])
    running = ledger.queries.builds(state=State.RUNNING)
    good = ledger.queries.builds(result=Result.SUCCESS)
    assert [(row.build.data["number"], row.instance.data["attempt"]) for row in running] == [(1, 2)]
    assert [row.build.data["number"] for row in good] == [2]
    assert ledger.queries.builds(branch="other") == ledger.queries.builds(connection="other") == ()


def changed(snapshot, **fields):
    return snapshot.model_copy(update={"build": snapshot.build.model_copy(update=fields)})


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ({"pipeline": "web"}, [3, 2, 1]),
        ({"pipeline": "w*"}, [4, 3, 2, 1]),
        ({"pipeline": "W*"}, []),
        ({"pipeline": "w[!e]?[x-z-a]*"}, []),
        ({"pipeline": "w?b.[ab]"}, [4]),
        ({"pipeline": "w?b.[!a]"}, []),
        ({"pipeline": "w[z-a]*"}, []),
        ({"branch": "release/*"}, [4, 3]),
        ({"commit": "ab12"}, [3]),
        ({"commit": "ab%"}, []),
        ({"actor": "grace"}, [2]),
        ({"trigger": "schedule"}, [2]),
        ({"trigger": "schedule", "actor": "ada"}, []),
    ],
)
def test_builds_are_found_by_what_they_are_about(ledger, snapshot, filters, numbers):
    builds = [
        changed(snapshot(1), actor=None),
        changed(snapshot(2), actor="grace", trigger="schedule"),
        changed(snapshot(3), branch="release/1", commit="ab12cd"),
        changed(snapshot(4), branch="release/2", pipeline="web.a", commit="cd"),
    ]
    Recorder(ledger).record("c", builds)
    assert [row.build.data["number"] for row in ledger.queries.builds(**filters)] == numbers


def test_builds_are_found_by_when_they_were_queued(ledger, snapshot):
    Recorder(ledger).record("c", [snapshot(number) for number in (1, 2, 3)])
    first, second, third = reversed(ledger.queries.builds())
    moment = datetime.fromisoformat(second.instance.data["queued_at"])
    assert ledger.queries.builds(since=moment) == (third, second)
    assert ledger.queries.builds(until=moment) == (first,)


def test_every_attempt_is_a_row_when_asked_for(ledger, snapshot):
    Recorder(ledger).record("c", [snapshot(1), snapshot(1, attempt=2, running=True), snapshot(2)])
    rows = ledger.queries.builds(every_attempt=True)
    assert {(row.build.data["number"], row.instance.data["attempt"]) for row in rows} == {
        (1, 1),
        (1, 2),
        (2, 1),
    }


@pytest.mark.parametrize("name", ["2", "web#2"])
def test_a_build_has_several_names(ledger, snapshot, name):
    Recorder(ledger).record("c", [snapshot(1), snapshot(2)])
    found = ledger.queries.build(name)
    assert found.build.data["external_id"] == "r2"
    assert ledger.queries.build(str(found.build.id)) == found
    assert ledger.queries.build(str(found.instances[0].instance.id)).build == found.build


def test_no_such_build_and_too_many_of_them(ledger, snapshot):
    Recorder(ledger).record("c", [snapshot(1)])
    Recorder(ledger).record("d", [snapshot(1)])
    with pytest.raises(NoSuchObject, match="no build 'web#9'"):
        ledger.queries.build("web#9")
    with pytest.raises(NoSuchObject, match="several builds"):
        ledger.queries.build("web#1")
    assert ledger.queries.build("web#1", connection="d").build.connection == "d"


def test_stages_stand_in_the_order_they_began(ledger, snapshot):
    made = snapshot()
    first, second = made.stages
    later = first.model_copy(update={"started_at": second.started_at + timedelta(seconds=1)})
    never = first.model_copy(update={"external_id": "never", "name": "never", "started_at": None})
    Recorder(ledger).record("c", [made.model_copy(update={"stages": (never, later, second)})])
    (attempt,) = ledger.queries.build("web#1").instances
    names = [one.external_id for one in attempt.snapshot().stages]
    assert names == [second.external_id, later.external_id, "never"]


def test_open_attempts_are_found_until_they_are_finished(ledger, snapshot):
    Recorder(ledger).record("c", [snapshot(1), snapshot(2, running=True)])
    (open_one,) = ledger.queries.open_instances("c")
    assert open_one == snapshot(2).ref
    Recorder(ledger).record("c", [snapshot(2)])
    assert ledger.queries.open_instances("c") == ()


def test_a_build_without_a_number_goes_by_the_vendors_id(ledger, snapshot):
    made = snapshot(1)
    bare = made.model_copy(update={"build": made.build.model_copy(update={"number": None})})
    Recorder(ledger).record("c", [bare, snapshot(2)])
    assert ledger.queries.build("web#r1").build.data["external_id"] == "r1"
