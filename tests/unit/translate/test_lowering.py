"""Lowering: the same said with less, each loss told once, and the rest untouched."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipemgr.model.definitions import Approval, Environment, Pipeline, Stage
from pipemgr.model.support import Answer, Support
from pipemgr.testing.strategies import pipelines
from pipemgr.translate.features import FEATURES, used
from pipemgr.translate.lowering import PASSES, lower
from pipemgr.translate.report import Fidelity, Finding

NO = Answer(support=Support.UNSUPPORTED, note="not there")
lacking = st.lists(st.sampled_from(sorted(FEATURES)), max_size=12).map(lambda names: dict.fromkeys(names, NO))


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(pipelines(), lacking)
def test_what_is_left_is_what_the_target_has(pipeline: Pipeline, features: dict[str, Answer]) -> None:
    lowered, findings = lower(pipeline, features)
    assert not used(lowered).keys() & features.keys()
    assert lowered.problems() == ()
    assert lower(lowered, features) == (lowered, ())
    assert bool(findings) >= bool(used(pipeline).keys() & features.keys())


@given(pipelines())
def test_nothing_changes_where_nothing_lacks(pipeline: Pipeline) -> None:
    assert lower(pipeline, {}) == (pipeline, ())
    full = dict.fromkeys(FEATURES, Answer(support=Support.PARTIAL, note="mostly"))
    assert lower(pipeline, full) == (pipeline, ())


@given(pipelines(), st.sampled_from(PASSES))
def test_each_pass_is_idempotent(pipeline: Pipeline, one: Any) -> None:
    once = one.apply(pipeline)
    assert one.apply(once) == once
    assert one.removes in FEATURES
    assert set(one.needs) <= FEATURES.keys()


def _lower(data: dict[str, Any], *names: str) -> tuple[Pipeline, tuple[Finding, ...]]:
    return lower(Pipeline.model_validate({"name": "x", **data}), dict.fromkeys(names, NO))


def _said(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(finding.fidelity.value, finding.path) for finding in findings]


RUN = {"action": "run", "inputs": {"script": "make"}}


@pytest.mark.parametrize("field", ["runner", "permissions"])
def test_what_a_pipeline_says_for_all_stages_each_of_them_says(field: str) -> None:
    outer, own = ({"name": "a"}, {"name": "b"}) if field == "runner" else ({"x": "read"}, {})
    data = {field: outer, "stages": [{"id": "s"}, {"id": "t", field: own}]}
    lowered, findings = _lower(data, f"pipeline.{field}")
    assert [stage.data()[field] for stage in lowered.stages] == [outer, own]
    assert _said(findings) == [("equivalent", field)]


def test_variables_go_inwards_as_far_as_needed_and_inner_ones_win() -> None:
    data = {
        "variables": {"A": "1", "B": "1", "C": "1"},
        "stages": [
            {"id": "s", "variables": {"B": "2", "C": "2"}, "steps": [{**RUN, "variables": {"C": "3"}}]}
        ],
    }
    lowered, findings = _lower(data, "pipeline.variables", "stage.variables")
    assert lowered.stages[0].steps[0].variables == {"A": "1", "B": "2", "C": "3"}
    assert _said(findings) == [("equivalent", "variables"), ("equivalent", "stages.s.variables")]


def test_variables_with_nowhere_to_go_are_dropped() -> None:
    _, findings = _lower({"variables": {"A": "1"}}, "pipeline.variables", "stage.variables", "step.variables")
    [finding] = findings
    assert (finding.fidelity, finding.path, finding.why) == (Fidelity.DROPPED, "variables", "not there")
    assert finding.remedy


def test_defaults_end_in_run_steps_only() -> None:
    data = {
        "defaults": {"shell": "bash", "directory": "a"},
        "stages": [{"id": "s", "defaults": {"directory": "b"}, "steps": [RUN, {"action": "checkout"}]}],
    }
    lowered, findings = _lower(data, "pipeline.defaults", "stage.defaults")
    run, checkout = lowered.stages[0].steps
    assert run.inputs == {"shell": "bash", "directory": "b", "script": "make"}
    assert checkout.inputs == {}
    assert _said(findings) == [("equivalent", "defaults"), ("equivalent", "stages.s.defaults")]


def test_a_matrix_becomes_stages_and_nothing_made_up_is_reported() -> None:
    data = {
        "runner": {"name": "l"},
        "stages": [{"id": "s", "matrix": {"axes": {"a": [1, 2]}}, "steps": [RUN]}],
    }
    lowered, findings = _lower(data, "pipeline.runner", "stage.matrix", "stage.name")
    assert [(stage.id, stage.name) for stage in lowered.stages] == [("s-1", None), ("s-2", None)]
    assert _said(findings) == [("equivalent", "runner"), ("approximate", "stages.s.matrix")]


def test_only_stages_that_use_what_lacks_are_expanded() -> None:
    both = {"axes": {"a": [1, 2]}}
    data = {"stages": [{"id": "s", "matrix": both}, {"id": "t", "matrix": {**both, "include": [{"b": 1}]}}]}
    lowered, _ = _lower(data, "matrix.include")
    assert [stage.id for stage in lowered.stages] == ["s", "t-1-1", "t-2-1"]


def test_a_matrix_that_only_a_run_knows_is_dropped() -> None:
    data = {"stages": [{"id": "s", "matrix": {"expression": "${{ x }}"}}]}
    lowered, findings = _lower(data, "stage.matrix")
    assert lowered.stages == (Stage(id="s"),)
    assert _said(findings) == [("dropped", "stages.s.matrix")]


def test_an_approval_becomes_an_environment_that_a_person_protects() -> None:
    data = {
        "stages": [{"id": "s", "approval": {}}, {"id": "t", "approval": {}, "environment": {"name": "e"}}]
    }
    lowered, findings = _lower(data, "stage.approval")
    assert [stage.environment for stage in lowered.stages] == [Environment(name="s"), Environment(name="e")]
    assert [finding.fidelity for finding in findings] == [Fidelity.MANUAL] * 2
    _, findings = _lower(data, "stage.approval", "stage.environment", "stage.contexts")
    assert {finding.fidelity for finding in findings} == {Fidelity.DROPPED}


def test_no_set_of_secrets_takes_the_place_of_an_approval() -> None:
    lowered, findings = _lower(
        {"stages": [{"id": "s", "approval": {}}]}, "stage.approval", "stage.environment"
    )
    assert lowered.stages == (Stage(id="s"),)
    assert _said(findings) == [("dropped", "stages.s.approval")]
    assert "without asking anybody" in findings[0].why


def test_an_approval_may_lose_its_message() -> None:
    lowered, findings = _lower({"stages": [{"id": "s", "approval": {"message": "go?"}}]}, "approval.message")
    assert lowered.stages[0].approval == Approval()
    assert _said(findings) == [("approximate", "stages.s.approval.message")]


@pytest.mark.parametrize(
    ("given_", "default"),
    [
        ({"type": "boolean", "default": True}, "true"),
        ({"type": "number", "default": 1.0}, "1"),
        ({"type": "choice", "choices": ["a"], "default": "a"}, "a"),
    ],
)
def test_parameters_become_texts(given_: dict[str, Any], default: str) -> None:
    lowered, findings = _lower({"parameters": {"p": given_}}, f"parameter.{given_['type']}")
    assert lowered.parameters["p"].data() == {"default": default}
    assert _said(findings) == [("approximate", "parameters.p.type")]


def test_what_goes_with_its_parent_is_told_once() -> None:
    data = {"stages": [{"id": "s", "services": {"db": {"image": "i", "ports": ["1"]}}}]}
    _, findings = _lower(data, "container.ports", "stage.services")
    assert _said(findings) == [("dropped", "stages.s.services")]


def test_a_loss_that_changes_what_happens_says_so() -> None:
    _, findings = _lower({"stages": [{"id": "s", "when": "failure()"}]}, "stage.when")
    assert findings[0].why == "not there; the stage is now always executed"


def test_an_environment_becomes_a_set_of_secrets_that_a_person_creates() -> None:
    data = {
        "stages": [
            {"id": "s", "environment": {"name": "live"}, "contexts": ["a"]},
            {"id": "t", "environment": {"name": "${{ branch }}"}},
        ]
    }
    lowered, findings = _lower(data, "stage.environment")
    assert [stage.contexts for stage in lowered.stages] == [("a", "live"), ()]
    assert _said(findings) == [("manual", "stages.s.environment"), ("dropped", "stages.t.environment")]


def test_each_context_is_named_with_what_to_do_about_it() -> None:
    _, findings = _lower({"stages": [{"id": "s", "contexts": ["hub", "cloud"]}]}, "stage.contexts")
    assert [finding.what for finding in findings] == ["context hub", "context cloud"]
    assert {finding.fidelity for finding in findings} == {Fidelity.MANUAL}
    assert all("create its secrets" in finding.remedy for finding in findings)


SHARE = "echo ${{ stage.index }} of ${{ stage.total }}"


def _share(**more: Any) -> dict[str, Any]:
    return {"stages": [{"id": "s", "steps": [{"action": "run", "inputs": {"script": SHARE}}], **more}]}


def test_the_machines_of_a_stage_become_combinations() -> None:
    lowered, findings = _lower(_share(parallelism=2), "stage.parallelism")
    [stage] = lowered.stages
    assert (stage.matrix and stage.matrix.axes, stage.fail_fast) == ({"index": (0, 1)}, False)
    assert stage.steps[0].inputs["script"] == "echo ${{ matrix.index }} of 2"
    assert _said(findings) == [("equivalent", "stages.s.parallelism")]
    lowered, findings = _lower(_share(parallelism=2), "stage.parallelism", "stage.matrix")
    scripts = [stage.steps[0].inputs["script"] for stage in lowered.stages]
    assert scripts == ["echo 0 of 2", "echo 1 of 2"]


@pytest.mark.parametrize("more", [{}, {"parallelism": 1}])
def test_a_stage_on_one_machine_is_the_first_of_one(more: dict[str, Any]) -> None:
    lowered, _ = _lower(_share(**more), "stage.parallelism")
    assert lowered.stages[0].steps[0].inputs["script"] == "echo 0 of 1"
    assert lowered.stages[0].matrix is None


@pytest.mark.parametrize("more", [{}, {"matrix": {"axes": {"index": ["a"]}}}])
def test_an_axis_more_never_takes_the_name_of_another(more: dict[str, Any]) -> None:
    lowered, _ = _lower(_share(parallelism=3, **more), "stage.parallelism")
    matrix = lowered.stages[0].matrix
    assert matrix is not None
    assert (0, 1, 2) in matrix.axes.values()
    assert len(matrix.axes) == len(more) + 1


def test_how_many_machines_only_a_run_knows_is_lost_with_its_effect() -> None:
    _, findings = _lower(_share(parallelism="${{ parameters.n }}"), "stage.parallelism")
    assert _said(findings) == [("dropped", "stages.s.parallelism")]
    assert "one machine" in findings[0].why


def test_a_script_in_the_background_is_started_by_its_shell() -> None:
    step = {"action": "run", "name": "The server", "background": True, "inputs": {"script": "serve # now\n"}}
    other = {"action": "checkout", "background": True}
    lowered, findings = _lower({"stages": [{"id": "s", "steps": [step, other]}]}, "step.background")
    script = lowered.stages[0].steps[0].inputs["script"]
    assert script == '(\nserve # now\n) > "${TMPDIR:-/tmp}/the-server.log" 2>&1 &\n'
    assert _said(findings) == [
        ("approximate", "stages.s.steps[0].background"),
        ("dropped", "stages.s.steps[1].background"),
    ]


@pytest.mark.parametrize(
    ("name", "stage", "fidelity"),
    [
        ("stage.group", {"group": "build/linux"}, "equivalent"),
        ("stage.retry", {"retry": 2}, "approximate"),
        ("runner.size", {"runner": {"size": "large"}}, "approximate"),
        ("step.idle-timeout", {"steps": [{**RUN, "idle_timeout": "10m"}]}, "approximate"),
        ("stage.timeout", {"timeout": "10m"}, "approximate"),
        ("stage.concurrency", {"concurrency": {"group": "g", "cancel_running": True}}, "approximate"),
        ("stage.concurrency", {"concurrency": {"group": "g"}}, "dropped"),
        ("stage.permissions", {"permissions": {}}, "approximate"),
        ("stage.services", {"services": {"db": {"image": "i"}}}, "dropped"),
    ],
)
def test_only_what_no_longer_happens_is_dropped(name: str, stage: dict[str, Any], fidelity: str) -> None:
    _, findings = _lower({"stages": [{"id": "s", **stage}]}, name)
    assert [finding.fidelity.value for finding in findings] == [fidelity]
    assert findings[0].why.startswith("not there")


def test_rights_of_a_token_that_there_is_none_of_are_no_loss() -> None:
    pipeline = Pipeline.model_validate({"name": "x", "permissions": {"contents": "write"}})
    features = {"pipeline.permissions": NO, "stage.permissions": NO}
    _, [finding] = lower(pipeline, features, tokens=False)
    assert finding.fidelity is Fidelity.EQUIVALENT
