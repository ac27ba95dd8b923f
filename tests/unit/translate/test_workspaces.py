"""Stages that share a folder: joined where they run one after another, handed files where they don't."""

from collections import Counter
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipemgr.model.definitions import Pipeline, Stage
from pipemgr.translate.report import Fidelity
from pipemgr.translate.workspaces import Shared, without_workspaces

FAILED = "steps.lint.outcome != 'skipped' && (steps.lint.outcome == 'failure' || steps.lint-2.outcome == 'failure')"
CHECKOUT: dict[str, Any] = {"action": "checkout"}


def run(script: str, **more: Any) -> dict[str, Any]:
    return {"action": "run", "inputs": {"script": script}, **more}


def stage(identity: str, *needs: str, **more: Any) -> dict[str, Any]:
    return {"id": identity, "workspace": "main", "needs": list(needs), "steps": [run(identity)], **more}


def share(poor: Any, *stages: dict[str, Any]) -> Shared:
    pipeline = Pipeline.model_validate({"name": "x", "stages": stages})
    return without_workspaces(pipeline, poor("stage.workspace", "stage.retry"))


def ids(shared: Shared) -> list[str]:
    return [one.id for one in shared.pipeline.stages]


def scripts(one: Stage) -> list[str]:
    return [str(step.inputs.get("script", step.action)) for step in one.steps]


def conditions(one: Stage) -> list[str | None]:
    return [str(step.when) if step.when is not None else None for step in one.steps]


def test_what_runs_one_after_another_becomes_one_stage(poor: Any) -> None:
    shared = share(
        poor,
        stage("build", steps=[CHECKOUT, run("make")], name="Build"),
        stage("test", "build", name="Test"),
        stage("deploy", "test", name="Deploy", when="branch == 'main'"),
    )
    (one,) = shared.pipeline.stages
    assert (one.id, one.name, one.needs, one.workspace) == ("build", "Build, Test and Deploy", (), None)
    assert scripts(one) == ["checkout", "make", "test", "deploy"]
    assert conditions(one) == [None, None, None, "branch == 'main'"]
    assert [step.name for step in one.steps] == [None, "Build: make", "Test", "Deploy"]
    assert [shared.moved.path(f"stages.build.steps[{at}].name") for at in (1, 2, 3)] == [
        "stages.build.steps[1].name",
        "stages.test.steps[0].name",
        "stages.deploy.steps[0].name",
    ]
    assert [(one.fidelity, one.path) for one in shared.findings] == [
        (Fidelity.EQUIVALENT, "stages.build.workspace")
    ]


def test_nothing_changes_for_who_knows_workspaces_or_has_none(poor: Any) -> None:
    pipeline = Pipeline.model_validate({"name": "x", "stages": [stage("a"), stage("b", "a")]})
    assert without_workspaces(pipeline, poor()).pipeline is pipeline
    plain = Pipeline.model_validate({"name": "x", "stages": [{"id": "a"}]})
    assert without_workspaces(plain, poor("stage.workspace")).pipeline is plain


def test_a_stage_alone_in_its_folder_loses_nothing(poor: Any) -> None:
    shared = share(poor, stage("build"), {"id": "other", "needs": ["build"]})
    assert shared.findings == ()
    assert [one.workspace for one in shared.pipeline.stages] == [None, None]


def test_what_waits_for_a_condition_that_was_left_out_is_left_out_too(poor: Any) -> None:
    shared = share(
        poor,
        stage("build"),
        stage("pack", "build", when="tag != ''"),
        stage("push", "pack"),
        stage("tell", "push", when="!failure() && !canceled()"),
    )
    (one,) = shared.pipeline.stages
    assert one.when is None
    assert conditions(one) == [None, "tag != ''", "tag != ''", None]


def test_a_condition_of_all_stays_one_of_the_stage(poor: Any) -> None:
    shared = share(poor, stage("pack", when="tag != ''"), stage("push", "pack", when="event == 'push'"))
    (one,) = shared.pipeline.stages
    assert str(one.when) == "tag != ''"
    assert conditions(one) == [None, "event == 'push'"]


def test_steps_after_a_failure_only_follow_a_stage_that_began(poor: Any) -> None:
    late = [run("make"), run("tell", when="failure()"), run("tidy", when="always()")]
    (one,) = share(poor, stage("build", steps=late), stage("test", "build", steps=late)).pipeline.stages
    assert conditions(one) == [
        None,
        "failure()",
        "always()",
        None,
        "steps.test.outcome != 'skipped' && failure()",
        "steps.test.outcome != 'skipped' && always()",
    ]
    assert one.steps[3].id == "test"


def test_where_the_first_step_may_be_left_out_another_one_says_that_the_stage_began(poor: Any) -> None:
    late = [run("make", when="tag != ''"), run("tidy", when="always()")]
    shared = share(poor, stage("build"), stage("test", "build", steps=late, name="It's tested"))
    (one,) = shared.pipeline.stages
    assert scripts(one) == ["build", "echo 'It'\\''s tested'", "make", "tidy"]
    assert conditions(one)[2:] == ["tag != ''", "steps.test.outcome != 'skipped' && always()"]
    assert shared.moved.path("stages.build.steps[3]") == "stages.test.steps[1]"


def test_what_may_fail_stops_itself_and_not_the_rest(poor: Any) -> None:
    steps = [run("a"), run("b"), run("c", when="failure()")]
    (one,) = share(
        poor,
        stage("build"),
        stage("lint", "build", steps=steps, **{"allow-failure": True}),
        stage("end", "lint"),
    ).pipeline.stages
    assert conditions(one) == [
        None,
        None,
        "steps.lint.outcome == 'success'",
        FAILED,
        None,
    ]
    assert [step.allow_failure for step in one.steps] == [False, True, True, True, False]


def test_what_follows_all_the_rest_goes_by_how_the_whole_went(poor: Any) -> None:
    shared = share(
        poor,
        stage("build"),
        stage("post-always", "build", when="always()", steps=[run("a"), run("b")]),
        stage("post-failure", "build", "post-always", when="failure()"),
    )
    (one,) = shared.pipeline.stages
    assert one.name == "build"
    assert conditions(one) == [
        None,
        "always()",
        "always() && steps.post-always.outcome == 'success'",
        "failure()",
    ]


def test_variables_limits_and_shells_go_with_the_steps(poor: Any) -> None:
    shared = share(
        poor,
        stage("build", variables={"A": "1", "B": "1"}, timeout="5m", defaults={"shell": "bash"}, retry=2),
        stage("test", "build", variables={"A": "1", "B": "2"}, timeout="1h", steps=[run("a"), run("b")]),
    )
    (one,) = shared.pipeline.stages
    assert one.variables == {"A": "1"}
    assert [step.variables for step in one.steps] == [{"B": "1"}, {"B": "2"}, {"B": "2"}]
    assert [step.timeout for step in one.steps] == ["5m", "1h", "1h"]
    assert one.steps[0].inputs == {"shell": "bash", "script": "build"}
    assert one.timeout is None
    assert [(one.fidelity, one.path) for one in shared.findings] == [
        (Fidelity.EQUIVALENT, "stages.build.workspace"),
        (Fidelity.APPROXIMATE, "stages.test.timeout"),
        (Fidelity.APPROXIMATE, "stages.build.retry"),
    ]


def test_ids_that_two_stages_have_are_told_apart(poor: Any) -> None:
    steps = [run("a", id="x"), run("b ${{ steps.x.outputs.y }} ${{ stage.id }}")]
    (one,) = share(poor, stage("build", steps=steps), stage("test", "build", steps=steps)).pipeline.stages
    assert [step.id for step in one.steps] == ["x", None, "test-x", None]
    assert scripts(one)[1::2] == ["b ${{ steps.x.outputs.y }} build", "b ${{ steps.test-x.outputs.y }} test"]


def test_what_others_ask_of_a_stage_they_ask_of_the_one_that_has_its_steps(poor: Any) -> None:
    shared = share(
        poor,
        stage("build", outputs={"v": "${{ steps.s.outputs.v }}"}),
        stage("test", "build", steps=[run("echo ${{ needs.build.outputs.v }}")]),
        stage("maybe", "test", when="tag != '' && needs.test.result == 'success'"),
        {"id": "far", "needs": ["maybe"], "when": "needs.maybe.result == 'success'"},
    )
    one, far = shared.pipeline.stages
    assert scripts(one)[1] == "echo ${{ steps.s.outputs.v }}"
    assert far.needs == ("build",)
    assert str(far.when) == "tag != '' && needs.build.result == 'success'"
    assert conditions(one)[2] == "tag != ''"


def test_a_checkout_of_its_own_goes_where_the_files_are_wanted(poor: Any) -> None:
    shared = share(
        poor,
        stage("checkout", steps=[CHECKOUT]),
        stage("unit", "checkout"),
        stage("lint", "checkout"),
        {"id": "alone", "needs": ["checkout"], "steps": [run("x")]},
    )
    assert ids(shared) == ["unit", "lint", "alone"]
    assert [scripts(one) for one in shared.pipeline.stages] == [
        ["checkout", "unit"],
        ["checkout", "lint"],
        ["x"],
    ]
    assert {one.needs for one in shared.pipeline.stages} == {()}
    assert shared.moved.path("stages.lint.steps[0]") == "stages.checkout.steps[0]"


def test_a_condition_does_not_hold_for_the_checkout_that_others_need_too(poor: Any) -> None:
    shared = share(
        poor,
        stage("checkout", steps=[CHECKOUT]),
        stage("maybe", "checkout", when="tag != ''"),
        stage("end", "maybe", when="!failure() && !canceled()"),
    )
    (one,) = shared.pipeline.stages
    assert (one.id, one.name, one.when) == ("maybe", "maybe and end", None)
    assert conditions(one) == [None, "tag != ''", None]


@pytest.mark.parametrize(
    "more",
    [
        {"approval": {"message": "Really?"}},
        {"container": {"image": "node"}},
        {"runner": {"name": "macos"}},
        {"matrix": {"axes": {"v": ["1", "2"]}}},
        {"environment": {"name": "production"}},
    ],
)
def test_what_needs_a_place_of_its_own_gets_the_files(poor: Any, more: dict[str, Any]) -> None:
    shared = share(poor, stage("build", steps=[CHECKOUT, run("make")]), stage("ship", "build", **more))
    assert ids(shared) == ["build", "ship"]
    assert [scripts(one) for one in shared.pipeline.stages] == [
        ["checkout", "make", "workspace.save"],
        ["workspace.restore", "ship"],
    ]
    assert shared.moved.path("stages.ship.steps[1].inputs.script") == "stages.ship.steps[0].inputs.script"
    assert [(one.fidelity, one.path) for one in shared.findings] == [
        (Fidelity.APPROXIMATE, "stages.ship.workspace")
    ]


def test_what_ran_side_by_side_is_told_to_have_folders_of_its_own(poor: Any) -> None:
    shared = share(
        poor,
        stage("build", steps=[CHECKOUT, run("make")]),
        stage("unit", "build"),
        stage("e2e", "build"),
        stage("ship", "unit", "e2e"),
    )
    assert [scripts(one) for one in shared.pipeline.stages] == [
        ["checkout", "make", "workspace.save"],
        ["workspace.restore", "unit"],
        ["workspace.restore", "e2e"],
        ["workspace.restore", "ship"],
    ]
    assert (Fidelity.MANUAL, "stages.ship.workspace") in [(one.fidelity, one.path) for one in shared.findings]


def test_telling_people_takes_no_files(poor: Any) -> None:
    shared = share(
        poor,
        stage("build", steps=[CHECKOUT, run("make")]),
        {"id": "far", "needs": ["build"]},
        stage("post", "far", when="failure()", steps=[run("echo failed"), {"action": "notify.slack"}]),
    )
    assert [scripts(one) for one in shared.pipeline.stages] == [
        ["checkout", "make"],
        [],
        ["echo failed", "notify.slack"],
    ]
    assert shared.findings == ()


# Properties ---------------------------------------------------------------------------------------------

CONDITIONS = (
    None,
    "tag != ''",
    "!failure() && !canceled()",
    "always()",
    "failure()",
    "branch == 'main' && success()",
)


@st.composite
def pipelines(draw: Any) -> Pipeline:
    """Stages in two folders and in none, drawn in any order."""
    found: list[dict[str, Any]] = []
    for at in range(draw(st.integers(1, 7))):
        name = f"s{at}"
        earlier = [one["id"] for one in found]
        needs = (
            draw(
                st.one_of(st.just(earlier[-1:]), st.lists(st.sampled_from(earlier), unique=True, max_size=2))
            )
            if found
            else []
        )
        count = draw(st.integers(0, 3))
        steps = [run(f"{name} {step}", when=draw(st.sampled_from(CONDITIONS))) for step in range(count)]
        if draw(st.booleans()):
            steps = [CHECKOUT | {"name": f"{name} checkout"}, *steps]
        more = draw(
            st.sampled_from(
                ({}, {}, {}, {"approval": {}}, {"matrix": {"axes": {"v": ["1"]}}}, {"allow-failure": True})
            )
        )
        found.append(
            {
                "id": name,
                "needs": needs,
                "steps": steps,
                "workspace": draw(st.sampled_from(("main", "main", "main", "other", None))),
                "when": draw(st.sampled_from(CONDITIONS)),
                **more,
            }
        )
    return Pipeline.model_validate({"name": "x", "stages": draw(st.permutations(found))})


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(pipelines())
def test_each_step_is_done_once_in_an_order_that_was_possible(poor: Any, pipeline: Pipeline) -> None:
    dialect = poor("stage.workspace")
    shared = without_workspaces(pipeline, dialect)
    assert shared.pipeline.problems() == ()
    assert without_workspaces(shared.pipeline, dialect).pipeline == shared.pipeline
    before = _places(pipeline)
    moved = [
        (one.id, shared.moved.path(f"stages.{one.id}.steps[{at}]"))
        for one in shared.pipeline.stages
        for at in range(len(one.steps))
    ]
    kept = Counter(path for _, path in moved if path in before)
    assert kept.keys() == before.keys()
    assert all(before[path] == "checkout" for path, count in kept.items() if count > 1)
    where = {path: (name, at) for at, (name, path) in enumerate(moved) if before.get(path) == "run"}
    now, then = _reach(shared.pipeline), _reach(pipeline)
    for (first, (one, here)), (second, (other, there)) in product(where.items(), repeat=2):
        if first.split(".")[1] in then[second.split(".")[1]]:
            assert here < there if one == other else one in now[other]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(pipelines(), st.randoms(use_true_random=False))
def test_the_order_of_the_definition_does_not_matter(poor: Any, pipeline: Pipeline, random: Any) -> None:
    stages = list(pipeline.stages)
    random.shuffle(stages)
    other = pipeline.model_copy(update={"stages": tuple(stages)})
    dialect = poor("stage.workspace")
    one, two = (without_workspaces(some, dialect).pipeline.stages for some in (pipeline, other))
    assert {s.id: (s.steps, set(s.needs), s.when) for s in one} == {
        s.id: (s.steps, set(s.needs), s.when) for s in two
    }


def _places(pipeline: Pipeline) -> dict[str, str]:
    return {
        f"stages.{one.id}.steps[{at}]": step.action
        for one in pipeline.stages
        for at, step in enumerate(one.steps)
    }


def _reach(pipeline: Pipeline) -> dict[str, set[str]]:
    stages = {one.id: one for one in pipeline.stages}
    found: dict[str, set[str]] = {}

    def before(name: str) -> set[str]:
        if name not in found:
            found[name] = set().union(*({need} | before(need) for need in stages[name].needs))
        return found[name]

    for name in stages:
        before(name)
    return found


def test_what_follows_a_success_is_done_though_what_follows_a_failure_was_left_out(poor: Any) -> None:
    tail = (
        stage("post-failure", "build", when="failure()"),
        stage("post-success", "build", "post-failure", when="success()"),
    )
    (one,) = share(poor, stage("build"), *tail).pipeline.stages
    assert conditions(one) == [None, "failure()", None]
    apart = [{**one, "workspace": None} for one in (stage("build"), *tail)]
    last = share(poor, *apart).pipeline.stages[-1]
    assert str(last.when) == "!failure() && !canceled()"


def test_a_tool_that_each_stage_asks_for_is_provided_once(poor: Any) -> None:
    tool = {"action": "setup.java", "inputs": {"version": "21"}}
    shared = share(
        poor,
        stage("build", steps=[tool, run("mvn")]),
        stage("test", "build", steps=[tool, run("mvn test")], when="tag != ''"),
        stage(
            "other",
            "test",
            steps=[tool | {"inputs": {"version": "8"}}, tool | {"when": "tag == ''"}, run("x")],
        ),
        stage("again", "build", "other", when="always()", steps=[tool, run("y")]),
    )
    (one,) = shared.pipeline.stages
    assert scripts(one) == [
        "setup.java",
        "mvn",
        "mvn test",
        "setup.java",
        "setup.java",
        "x",
        "setup.java",
        "y",
    ]
    assert shared.moved.path("stages.build.steps[2]") == "stages.test.steps[1]"


def test_a_folder_is_not_emptied_at_the_end_of_machines_that_end_anyway(poor: Any) -> None:
    empty = [run("find . -mindepth 1 -delete")]
    stages = (
        stage("build"),
        stage("clean", "build", when="always()", steps=empty),
        stage("tell", "build", "clean", when="failure()", steps=[{"action": "notify.slack"}]),
    )
    shared = share(poor, *stages)
    assert all("clean" not in one.needs and one.id != "clean" for one in shared.pipeline.stages)
    assert "find . -mindepth 1 -delete" not in [
        text for one in shared.pipeline.stages for text in scripts(one)
    ]
    assert [one.path for one in shared.findings if "empties" in one.why] == ["stages.clean"]
    used = share(poor, *stages[:2], stage("use", "clean", when="always()"))
    assert "find . -mindepth 1 -delete" in [text for one in used.pipeline.stages for text in scripts(one)]


def test_what_holds_for_some_cells_says_nothing_of_what_follows_the_matrix(poor: Any) -> None:
    cells = {"matrix": {"axes": {"v": ["1", "2"]}}}
    shared = share(
        poor,
        stage("build", **cells),
        stage("test", "build", when="matrix.v == '1' && tag != ''", **cells),
        {"id": "end", "needs": ["test"], "steps": [run("end")]},
    )
    assert str(shared.pipeline.stages[1].when) == "tag != ''"
