"""The delta: nothing twice, nothing lost, nothing backwards. Values only; no database."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.ingest.delta import define, delta, forget
from pipemgr.ledger.change import Known
from pipemgr.ledger.keys import key
from pipemgr.model.definitions import Pipeline, Stage, Step
from pipemgr.model.events import Change, Kind
from pipemgr.model.runs import (
    Artifact,
    Build,
    BuildInstance,
    BuildLog,
    Deliverable,
    StageInstance,
    StepInstance,
)
from pipemgr.model.status import Result, State, Status

START = datetime(2026, 3, 1, tzinfo=UTC)
RUNNING = Status(state=State.RUNNING, raw="in_progress")
GOOD = Status(state=State.FINISHED, result=Result.SUCCESS, raw="completed")


def after(prior, changes):
    """What is known once the changes are written."""
    known = dict(prior)
    for one in changes:
        known[one.kind, one.key] = Known(one.id, one.text, one.change is Change.DESTROY)
    return known


def run(prior, *snapshots):
    changes = list(delta("ci", snapshots, prior))
    return changes, after(prior, changes)


def attempt(status=RUNNING, **fields):
    build = fields.pop("build", Build(pipeline="web", external_id="7", number=7, branch="main"))
    ended = START + timedelta(minutes=1) if status.finished else None
    return BuildInstance(
        **{
            "build": build,
            "external_id": "a7",
            "status": status,
            "started_at": START,
            "finished_at": ended,
            **fields,
        }
    )


def stage(name="test", status=RUNNING, **fields):
    return StageInstance(external_id=name, name=name, stage=name, status=status, **fields)


def data(known, kind, name):
    return json.loads(known[kind, name].text)


def kinds(changes):
    return [(one.kind, one.change) for one in changes]


# Snapshots of any shape.

names = st.text(max_size=8)
moments = st.none() | st.datetimes(
    min_value=START.replace(year=2020, tzinfo=None),
    max_value=START.replace(year=2030, tzinfo=None),
    timezones=st.just(UTC),
)
statuses = st.sampled_from(State).flatmap(
    lambda state: st.builds(
        Status,
        state=st.just(state),
        result=st.sampled_from(Result) if state is State.FINISHED else st.none(),
        raw=names,
    )
)
steps = st.builds(StepInstance, external_id=names, name=names, step=st.none() | names, status=statuses)
stages = st.builds(
    StageInstance,
    external_id=names,
    name=names,
    stage=st.none() | names,
    matrix=st.dictionaries(names, st.none() | names | st.integers(), max_size=2),
    status=statuses,
    started_at=moments,
    finished_at=moments,
    steps=st.lists(steps, max_size=3).map(tuple),
)
logs = st.builds(
    BuildLog,
    name=names,
    stage=st.none() | names,
    text=st.none() | names,
    offset=st.integers(0, 9),
    complete=st.booleans(),
)
artifacts = st.builds(Artifact, name=names, stage=st.none() | names, consumed=st.booleans(), digest=names)
builds = st.builds(
    Build, pipeline=names, external_id=names, number=st.none() | st.integers(), branch=st.none() | names
)
snapshots = st.builds(
    BuildInstance,
    build=builds,
    attempt=st.integers(1, 3),
    external_id=names,
    status=statuses,
    started_at=moments,
    finished_at=moments,
    stages=st.lists(stages, max_size=3).map(tuple),
    logs=st.lists(logs, max_size=3).map(tuple),
    artifacts=st.lists(artifacts, max_size=3).map(tuple),
    deliverables=st.lists(st.builds(Deliverable, name=names, image=st.none() | names), max_size=2).map(tuple),
)


@given(snapshots)
def test_the_same_snapshot_twice_changes_nothing(snapshot):
    first, known = run({}, snapshot)
    assert first
    assert run(known, snapshot)[0] == []


@given(snapshots)
def test_nothing_is_hidden_behind_another_of_the_same_name(snapshot):
    changes, _ = run({}, snapshot)
    count = {kind: sum(one.kind is kind for one in changes) for kind in Kind}
    assert count[Kind.STAGE_INSTANCE] == len(snapshot.stages)
    assert count[Kind.STEP_INSTANCE] == sum(len(one.steps) for one in snapshot.stages)
    assert count[Kind.BUILD_LOG] == len(snapshot.logs)
    assert count[Kind.ARTIFACT] == len(snapshot.artifacts)
    assert count[Kind.DELIVERABLE] == len(snapshot.deliverables)
    assert len({(one.kind, one.key) for one in changes}) == len(changes)


@given(st.lists(snapshots, max_size=4))
def test_one_object_is_created_once_and_what_is_written_fits(many):
    known = {}
    created = set()
    for snapshot in many:
        changes, known = run(known, snapshot)
        for one in changes:
            told = json.loads(one.text)
            assert (told["id"], told["connection"], told["key"]) == (one.id, "ci", one.key)
            assert (one.change is Change.UPDATED) == bool(one.changed)
            if one.change is Change.CREATE:
                assert one.id not in created
                created.add(one.id)
            assert one.change is not Change.DESTROY


@given(st.lists(snapshots, max_size=3))
def test_many_snapshots_at_once_are_as_good_as_one_by_one(many):
    _, together = run({}, *many)
    known = {}
    for snapshot in many:
        _, known = run(known, snapshot)
    ids = {
        "id",
        "pipeline_id",
        "build_id",
        "instance_id",
        "ledger_id",
        "stage_instance_id",
        "step_instance_id",
        "image_id",
    }

    def content(objects):
        return {
            name: {field: value for field, value in json.loads(one.text).items() if field not in ids}
            for name, one in objects.items()
        }

    assert content(together) == content(known)


@given(snapshots)
def test_associations_lead_to_objects_that_are_there(snapshot):
    _, known = run({}, snapshot)
    there = {one.id for one in known.values()}
    for one in known.values():
        for field, value in json.loads(one.text).items():
            if field.endswith("_id") and field != "external_id" and value is not None:
                assert value in there


def test_a_first_snapshot_makes_everything_parents_first():
    snapshot = attempt(
        stages=(stage(steps=(StepInstance(external_id="0", name="make", status=RUNNING),)),),
        logs=(BuildLog(name="out", stage="test", step="0", text="x", offset=1),),
        artifacts=(Artifact(name="wheel", stage="test", step="0"),),
        deliverables=(Deliverable(name="web", image="wheel"),),
    )
    changes, known = run({}, snapshot)
    assert kinds(changes) == [
        (kind, Change.CREATE)
        for kind in (
            Kind.PIPELINE,
            Kind.BUILD,
            Kind.BUILD_INSTANCE,
            Kind.BUILD_LEDGER,
            Kind.STAGE_INSTANCE,
            Kind.STEP_INSTANCE,
            Kind.BUILD_LOG,
            Kind.ARTIFACT,
            Kind.DELIVERABLE,
        )
    ]
    step = known[Kind.STEP_INSTANCE, "web/7/1/test/0"].id
    log, wheel, web = (
        next(one for one in changes if one.kind is kind)
        for kind in (Kind.BUILD_LOG, Kind.ARTIFACT, Kind.DELIVERABLE)
    )
    ledger = known[Kind.BUILD_LEDGER, "web/7/1"].id
    assert {one.ledger for one in changes} == {ledger}
    assert (log.step, wheel.step, wheel.outputs, wheel.inputs) == (step, step, (wheel.id,), ())
    assert json.loads(web.text)["image_id"] == wheel.id


def test_an_update_names_what_changed():
    _, known = run({}, attempt(stages=(stage(),)))
    changes, _ = run(known, attempt(GOOD, stages=(stage(status=GOOD),)))
    instance, one = changes
    assert instance.changed == ("finished_at", "status.raw", "status.result", "status.state")
    assert one.changed == ("status.raw", "status.result", "status.state")
    assert one.message == "stage test: finished success"


def test_an_artifact_that_was_used_is_an_input():
    changes, _ = run({}, attempt(artifacts=(Artifact(name="base", consumed=True),)))
    used = changes[-1]
    assert (used.inputs, used.outputs) == ((used.id,), ())


def test_a_partial_answer_erases_nothing():
    whole = attempt(
        GOOD,
        stages=(stage(status=GOOD, runner="r1"),),
        logs=(BuildLog(name="out", text="all of it", offset=9, complete=True),),
        artifacts=(Artifact(name="wheel", digest="sha256:1"),),
    )
    _, known = run({}, whole)
    bare = attempt(
        GOOD, stages=(stage(status=GOOD),), logs=(BuildLog(name="out"),), artifacts=(Artifact(name="wheel"),)
    )
    assert run(known, bare)[0] == []
    assert run(known, attempt(GOOD, build=Build(pipeline="web", external_id="7")))[0] == []


@pytest.mark.parametrize("state", [State.QUEUED, State.WAITING, State.RUNNING])
def test_what_is_finished_stays_finished(state):
    _, known = run({}, attempt(GOOD, stages=(stage(status=GOOD),)))
    late = attempt(Status(state=state), stages=(stage(), stage("new")))
    assert run(known, late)[0] == []


def test_a_stage_stays_finished_while_the_build_goes_on():
    _, known = run({}, attempt(stages=(stage(status=GOOD),)))
    assert run(known, attempt(stages=(stage(),)))[0] == []


def test_what_started_after_its_end_was_restarted():
    _, known = run({}, attempt(GOOD))
    again = attempt(RUNNING, started_at=START + timedelta(hours=1))
    changes, known = run(known, again)
    assert "status.state" in changes[0].changed
    assert data(known, Kind.BUILD_INSTANCE, "web/7/1")["finished_at"] is None


def test_a_result_may_still_be_corrected():
    _, known = run({}, attempt(GOOD))
    bad = Status(state=State.FINISHED, result=Result.FAILURE, raw="completed")
    changes, _ = run(known, attempt(bad))
    assert changes[0].changed == ("status.result",)


def test_a_log_grows_and_never_shrinks():
    def log(text, *, complete=False):
        return attempt(logs=(BuildLog(name="out", text=text, offset=len(text), complete=complete),))

    _, known = run({}, log("one"))
    changes, known = run(known, log("one two"))
    assert changes[0].changed == ("offset", "text")
    assert run(known, log("on"))[0] == []
    _, known = run(known, log("one two", complete=True))
    assert run(known, log("one two"))[0] == []


def test_a_log_that_became_a_file_has_its_text_no_more():
    _, known = run({}, attempt(logs=(BuildLog(name="out", text="one", offset=3),)))
    changes, known = run(known, attempt(logs=(BuildLog(name="out", digest="sha256:1", offset=90_000),)))
    assert changes[0].changed == ("digest", "offset", "text")
    assert data(known, Kind.BUILD_LOG, "web/7/1/out")["text"] is None


def test_attempts_are_instances_of_one_build_described_by_the_newest():
    first = attempt(GOOD, build=Build(pipeline="web", external_id="7", actor="ann"))
    second = attempt(attempt=2, build=Build(pipeline="web", external_id="7", actor="bob"))
    changes, known = run({}, first, second)
    assert kinds(changes).count((Kind.BUILD, Change.CREATE)) == 1
    assert data(known, Kind.BUILD, "web/7")["actor"] == "bob"
    assert run(known, first)[0] == []
    assert run(known, second, first, second)[0] == []


def test_the_source_of_each_entry_is_the_answer_it_came_from():
    changes, known = run({}, attempt(source_digest="sha256:a"))
    assert {one.source for one in changes} == {"sha256:a"}
    assert run(known, attempt(source_digest="sha256:b"))[0] == []


# Definitions.


def pipeline(*stages_, name="web"):
    return Pipeline(name=name, stages=stages_)


def test_a_definition_is_a_pipeline_with_its_stages_and_steps():
    changes = define("ci", "web", pipeline(Stage(id="test", steps=(Step(action="checkout"),))), {})
    assert [(one.kind, one.change, one.key) for one in changes] == [
        (Kind.PIPELINE, Change.CREATE, "web"),
        (Kind.STAGE, Change.CREATE, "web/test"),
        (Kind.STEP, Change.CREATE, "web/test/0"),
    ]
    known = after({}, changes)
    assert data(known, Kind.STEP, "web/test/0")["definition"] == {"action": "checkout"}
    assert data(known, Kind.STEP, "web/test/0")["stage_id"] == known[Kind.STAGE, "web/test"].id
    assert define("ci", "web", pipeline(Stage(id="test", steps=(Step(action="checkout"),))), known) == []


def test_what_a_definition_has_no_more_is_destroyed_steps_first():
    known = after(
        {}, define("ci", "web", pipeline(Stage(id="a", steps=(Step(action="run"),)), Stage(id="b")), {})
    )
    changes = define("ci", "web", pipeline(Stage(id="b")), known)
    destroyed = [one.key for one in changes if one.change is Change.DESTROY]
    assert destroyed == ["web/a/0", "web/a"]
    updated = {one.key: one.changed for one in changes if one.change is Change.UPDATED}
    assert updated == {"web": ("fingerprint",), "web/b": ("position",)}


def test_what_comes_back_is_the_same_object_again():
    one, two = pipeline(Stage(id="a")), pipeline(Stage(id="b"))
    known = after({}, define("ci", "web", one, {}))
    known = after(known, define("ci", "web", two, known))
    back = next(change for change in define("ci", "web", one, known) if change.key == "web/a")
    assert (back.change, back.again, back.id) == (Change.CREATE, True, known[Kind.STAGE, "web/a"].id)


def test_a_value_taken_out_of_a_definition_is_gone():
    before = pipeline(Stage(id="a", runner={"name": "linux"}, timeout="5m"))
    known = after({}, define("ci", "web", before, {}))
    changes = define("ci", "web", pipeline(Stage(id="a")), known)
    assert changes[-1].changed == ("definition.runner", "definition.timeout")


def test_runs_find_the_definitions_they_are_of():
    step = Step(action="run", id="unit")
    known = after({}, define("ci", "web", pipeline(Stage(id="test", steps=(step, Step(action="run")))), {}))
    steps_ = tuple(
        StepInstance(external_id=name, name=name, step=told, status=GOOD)
        for name, told in (("x", "unit"), ("y", "1"))
    )
    _, known = run(known, attempt(stages=(stage(steps=steps_),)))
    assert data(known, Kind.BUILD, "web/7")["pipeline_id"] == known[Kind.PIPELINE, "web"].id
    assert data(known, Kind.STAGE_INSTANCE, "web/7/1/test")["stage_id"] == known[Kind.STAGE, "web/test"].id
    found = [data(known, Kind.STEP_INSTANCE, f"web/7/1/test/{name}")["step_id"] for name in ("x", "y")]
    assert found == [known[Kind.STEP, "web/test/unit"].id, known[Kind.STEP, "web/test/1"].id]


def test_forgetting_destroys_from_below_and_only_once():
    known = after({}, define("ci", "web", pipeline(Stage(id="a", steps=(Step(action="run"),))), {}))
    changes = forget(known)
    assert [one.kind for one in changes] == [Kind.STEP, Kind.STAGE, Kind.PIPELINE]
    assert all(one.connection == "ci" for one in changes)
    assert forget(after(known, changes)) == []


# Keys.


@given(st.lists(names, min_size=1, max_size=4), st.lists(names, min_size=1, max_size=4))
def test_keys_are_equal_only_for_equal_names(one, other):
    assert (key(*one) == key(*other)) == (one == other)


def test_a_key_is_bounded_and_still_tells_names_apart():
    long = "x" * 100_000
    assert len(key(long)) < 300
    assert key(long) != key(long + "y")
    assert "\x00" not in key("a\x00b")
