"""Builds: what a snapshot says of stages, steps, times, causes, parameters and results."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.adapter import MASK, NotFound, Unreachable
from pipemgr.mapping.tables import Tables
from pipemgr.model.runs import BuildRef
from pipemgr.model.status import Result, State
from pipemgr_jenkins.builds import Flow, cause, instance, moment, parameters, revision
from pipemgr_jenkins.stages import exit_code, graph, matrix, stage_view

Make = Callable[..., Any]
STATUSES = Tables.of("jenkins").statuses
WAYS = ["stages", "pipeline-overview", "wfapi"]

# The words of vendors.md, section 4, by the kind of thing that has them.
WORDS = {
    "run": {"SUCCESS", "UNSTABLE", "FAILURE", "NOT_BUILT", "ABORTED"},
    "stage": {
        *("NOT_EXECUTED", "ABORTED", "SUCCESS", "IN_PROGRESS", "PAUSED_PENDING_INPUT", "FAILED", "UNSTABLE"),
        *("queued", "running", "paused", "skipped", "not_built", "finished"),
        *("success", "unstable", "failure", "unknown", "aborted"),
    },
    "color": {
        colour + going
        for colour in ("red", "yellow", "blue", "grey", "disabled", "aborted", "notbuilt", "nobuilt")
        for going in ("", "_anime")
    },
    "queue": {"WaitingItem", "BlockedItem", "BuildableItem", "LeftItem"},
    "test": {"PASSED", "FAILED", "SKIPPED", "FIXED", "REGRESSION"},
}


@pytest.mark.parametrize("kind", sorted(WORDS))
def test_every_word_of_jenkins_has_a_row(kind: str) -> None:
    assert WORDS[kind] - STATUSES.words(kind) == set()
    assert kind != "stage" or WORDS[kind] - STATUSES.words("step") == set()


def answered(**fields: Any) -> dict[str, Any]:
    return {"_class": "X", "number": 3, "timestamp": 1_795_412_700_651, "duration": 1053, **fields}


def told(answer: dict[str, Any], flow: Flow | None = None) -> Any:
    return instance(BuildRef(pipeline="a", build="3"), answer, flow or Flow(), STATUSES, steps=True)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("SUCCESS", Result.SUCCESS),
        ("UNSTABLE", Result.UNSTABLE),
        ("FAILURE", Result.FAILURE),
        ("ABORTED", Result.CANCELED),
        ("NOT_BUILT", Result.SKIPPED),
        (None, Result.UNKNOWN),
        ("EXPLODED", Result.UNKNOWN),
    ],
)
def test_results_of_builds_that_are_over(result: str | None, expected: Result) -> None:
    build = told(answered(building=False, inProgress=False, result=result))
    assert (build.status.state, build.status.result) == (State.FINISHED, expected)
    assert (build.finished_at - build.started_at).total_seconds() == 1.053
    assert build.status.good is (expected in {Result.SUCCESS, Result.SKIPPED})


def test_a_result_before_the_end_is_provisional() -> None:
    build = told(answered(building=False, inProgress=True, result="FAILURE", duration=0))
    assert (build.status.state, build.status.provisional) == (State.RUNNING, Result.FAILURE)
    assert build.finished_at is None


@given(st.text(min_size=1).filter(lambda word: word not in STATUSES.words("run") and word.strip()))
def test_an_unknown_word_is_never_a_success(word: str) -> None:
    status = told(answered(building=False, result=word)).status
    assert (status.state, status.result) == (State.FINISHED, Result.UNKNOWN)
    going = told(answered(building=True, result=word)).status
    assert (going.state, going.result, going.provisional) == (State.RUNNING, None, going.provisional)
    assert going.provisional is not Result.SUCCESS


@given(
    st.one_of(st.none(), st.booleans(), st.text(), st.integers(max_value=0), st.integers(min_value=10**18))
)
def test_what_is_no_moment_is_none(value: Any) -> None:
    assert moment(value) is None


@pytest.mark.parametrize(
    ("kind", "more", "trigger", "actor"),
    [
        ("hudson.model.Cause$UserIdCause", {"userId": "ada", "userName": "Ada"}, "manual", "ada"),
        ("hudson.model.Cause$UserIdCause", {"userId": None, "userName": "anonymous"}, "manual", "anonymous"),
        ("hudson.triggers.TimerTrigger$TimerTriggerCause", {}, "schedule", None),
        ("hudson.triggers.SCMTrigger$SCMTriggerCause", {}, "push", None),
        ("jenkins.branch.BranchIndexingCause", {}, "push", None),
        (
            "hudson.model.Cause$UpstreamCause",
            {"upstreamProject": "team/a", "upstreamBuild": 7},
            "upstream team/a#7",
            None,
        ),
        ("org.example.GerritCause", {"shortDescription": "Triggered by 12"}, "GerritCause", None),
    ],
)
def test_causes_are_trigger_and_actor(
    kind: str, more: dict[str, Any], trigger: str, actor: str | None
) -> None:
    assert cause({"actions": [{}, {"causes": [{"_class": kind, **more}]}]}) == (trigger, actor)


def test_who_stopped_it_is_no_cause() -> None:
    stopped = {
        "_class": "jenkins.model.InterruptedBuildAction",
        "causes": [
            {
                "_class": "jenkins.model.CauseOfInterruption$UserInterruption",
                "shortDescription": "Aborted by ada",
            }
        ],
    }
    answer = answered(building=False, result="ABORTED", actions=[stopped])
    assert cause(answer) == (None, None)
    assert told(answer).status.reason == "Aborted by ada"


def test_secret_parameters_are_never_kept() -> None:
    values = [
        {"_class": "hudson.model.StringParameterValue", "name": "ENV", "value": "prod"},
        {"_class": "hudson.model.PasswordParameterValue", "name": "PASS", "value": "s3cret-value"},
        {"_class": "com.michelin.cio.hudson.plugins.passwordparam.PasswordParameterValue", "name": "OTHER"},
        {"_class": "hudson.model.BooleanParameterValue", "name": "DRY", "value": False},
    ]
    answer = answered(building=False, result="SUCCESS", actions=[{"parameters": values}])
    assert parameters(answer) == {"ENV": "prod", "PASS": MASK, "OTHER": MASK, "DRY": False}
    assert "s3cret" not in told(answer).model_dump_json()


def revised(sha: str, branch: str) -> dict[str, Any]:
    return {"lastBuiltRevision": {"SHA1": sha, "branch": [{"name": branch}]}}


def test_of_several_repositories_the_one_of_the_branch_counts() -> None:
    answer = {"actions": [revised("1" * 40, "refs/remotes/origin/main"), revised("2" * 40, "feature/x")]}
    assert revision(answer, "mb/feature%2Fx") == ("2" * 40, "feature/x")
    assert revision(answer, "team/job") == ("1" * 40, "main")
    assert revision({"actions": [{}]}, "x") == (None, None)


# Stages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plugin", WAYS)
def test_stages_and_steps_by_every_plugin(jenkins: Make, plugin: str) -> None:
    ci = jenkins(plugin=plugin)
    run = ci.world.start("team/a")
    ci.world.begin(run)
    ci.world.print(run, "one\n")
    first = run.attempts[0].jobs[0]
    open_build = ci.look()
    assert [(one.name, one.status.state) for one in open_build.stages] == [("build", State.RUNNING)]
    assert open_build.stages[0].started_at == first.started_at
    ci.world.tick(3)
    ci.world.finish(run, Result.FAILURE)
    first.steps[0].exit_code = 2
    build = ci.adapter.snapshot(open_build.ref)
    bad = build.stages[0]
    assert (bad.status.result, bad.finished_at) == (Result.FAILURE, ci.world.now)
    assert (bad.steps[0].exit_code, bad.steps[0].status.result) == (2, Result.FAILURE)
    assert "exit code 2" in build.status.reason
    assert {log.name for log in build.logs} >= {"build", bad.steps[0].external_id}


@pytest.mark.parametrize("plugin", WAYS)
def test_a_build_that_waits_for_an_input(jenkins: Make, plugin: str) -> None:
    ci = jenkins(plugin=plugin)
    run = ci.world.start("a")
    ci.world.begin(run)
    ci.world.wait(run)
    build = ci.look()
    assert build.status.state is State.WAITING
    assert [one.name for one in build.stages if one.status.state is State.WAITING] == ["build"]


def test_a_pipeline_that_waits_for_an_executor_says_why(jenkins: Make) -> None:
    ci = jenkins()
    run = ci.world.start("a")
    ci.world.begin(run)
    ci.fake.blocked[run.id] = "Waiting for next available executor on linux"
    build = ci.look()
    assert build.status.state is State.RUNNING
    assert build.status.reason == "Waiting for next available executor on linux"
    assert build.stages[0].status.state is State.QUEUED


def test_which_plugin_is_there_is_found_out_once(jenkins: Make) -> None:
    ci = jenkins(plugin="wfapi")
    for _ in range(2):
        run = ci.world.start("a")
        ci.world.begin(run)
        ci.world.finish(run)
    first, second = ci.poll()
    ci.adapter.snapshot(first)
    before = len(ci.fake.calls)
    ci.make().snapshot(second)  # another process
    assert ci.asked(before) == ["GET /job/a/2/api/json", "GET /job/a/2/wfapi/describe"]


def test_after_a_restart_it_is_found_out_anew(jenkins: Make) -> None:
    ci = jenkins(plugin="wfapi")
    run = ci.world.start("a")
    ci.world.begin(run)
    build = ci.look()
    ci.fake.session, ci.fake.plugin = "0badcafe", "stages"
    before = len(ci.fake.calls)
    assert ci.adapter.snapshot(build.ref).stages
    assert "GET /job/a/1/stages/tree" in ci.asked(before)


def test_without_a_plugin_a_build_is_told_as_a_whole(jenkins: Make) -> None:
    ci = jenkins(plugin="")
    run = ci.world.start("a")
    ci.world.begin(run)
    ci.world.finish(run, Result.UNSTABLE)
    build = ci.look()
    assert (build.stages, build.status.result) == ((), Result.UNSTABLE)
    before = len(ci.fake.calls)
    ci.adapter.snapshot(build.ref)
    assert ci.asked(before) == ["GET /job/a/1/api/json"]


def test_a_freestyle_build_is_asked_for_no_stages(jenkins: Make) -> None:
    ci = jenkins(freestyle=("a",))
    run = ci.world.start("a")
    ci.world.begin(run)
    ci.world.finish(run)
    before = len(ci.fake.calls)
    assert ci.look().stages == ()
    assert ci.asked(before) == ["GET /api/json", "GET /job/a/api/json", "GET /job/a/1/api/json"]


def test_a_graph_that_can_not_be_drawn_is_told_by_the_other_plugin(jenkins: Make) -> None:
    ci = jenkins()
    run = ci.world.start("a")
    ci.world.begin(run)
    ci.world.finish(run)
    ci.fake.fail("/tree", status=500, times=100)
    ci.fake.fail("/stages/", status=404, times=1)
    assert [one.name for one in ci.look().stages] == ["build", "test"]


def test_a_build_that_goes_while_it_is_looked_at_teaches_nothing_of_plugins(jenkins: Make) -> None:
    ci = jenkins()
    run = ci.world.start("a")
    ci.world.begin(run)
    (ref,) = ci.poll()
    body = json.dumps({"number": 1, "timestamp": int(ref.build[2:]), "_class": "WorkflowRun"})
    ci.fake.fail("/1/", status=200, body=body)  # the last answer before it goes
    ci.world.delete(run)
    with pytest.raises(NotFound):
        ci.adapter.snapshot(ref)
    assert ci.adapter.client.memory.stages is None


def test_a_stage_that_an_earlier_one_kept_from_beginning_did_not_fail_itself() -> None:
    error = {"message": "script returned exit code 2", "type": "hudson.AbortException"}
    idle = {"id": "17", "name": "Get contextual object from internal APIs", "status": "SUCCESS"}
    stages = [
        {"id": "11", "name": "Test", "status": "FAILED", "error": error, "stageFlowNodes": []},
        {"id": "16", "name": "Deploy", "status": "FAILED", "error": error, "stageFlowNodes": [idle]},
    ]
    flow = stage_view({"status": "FAILED", "stages": stages}, STATUSES)
    assert [one.status.result for one in flow.stages] == [Result.FAILURE, Result.SKIPPED]
    assert [one.status.raw for one in flow.stages] == ["FAILED", "FAILED"]
    stages[1]["error"] = error | {"message": "another one"}
    flow = stage_view({"status": "FAILED", "stages": stages}, STATUSES)
    assert [one.status.result for one in flow.stages] == [Result.FAILURE, Result.FAILURE]


def test_nested_stages_follow_their_parents_and_cells_hand_their_values_down() -> None:
    def node(name: str, *children: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "id": str(abs(hash(name)) % 999),
            "name": name,
            "state": "success",
            "children": list(children),
            **more,
        }

    cell = node("M - OS = 'linux', PY = '3.12'", node("inner"), agent="node7")
    flow = graph({"stages": [node("M", cell)]}, [], STATUSES)
    assert [(one.name, one.matrix, one.runner) for one in flow.stages] == [
        ("M", {}, None),
        ("M - OS = 'linux', PY = '3.12'", {"OS": "linux", "PY": "3.12"}, "node7"),
        ("inner", {"OS": "linux", "PY": "3.12"}, "node7"),
    ]


@given(st.text())
def test_any_name_of_a_stage_is_read(name: str) -> None:
    assert isinstance(matrix(name), dict)
    assert exit_code(name) is None or "exit code" in name


def test_503_of_the_plugin_is_told_when_no_other_one_is_there(jenkins: Make) -> None:
    ci = jenkins()
    run = ci.world.start("a")
    ci.world.begin(run)
    (ref,) = ci.poll()
    ci.adapter.snapshot(ref)
    ci.fake.fail("/tree", status=503)
    ci.fake.fail("/wfapi", status=503)
    with pytest.raises(Unreachable):
        ci.adapter.snapshot(ref)
