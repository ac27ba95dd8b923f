"""Nothing is asked for before a machine knows it."""

from dataclasses import replace
from typing import Any

import pytest

from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import Pipeline
from pipemgr.translate.base import Dialect
from pipemgr.translate.early import asked_in_time, filled_in, plain_defaults
from pipemgr.translate.report import Fidelity

TABLE = """
source: [https://acme.example]
checked: 2026-11-23
late: [matrix, variables, runner.name]
plain-defaults: true
"""


@pytest.fixture
def early(poor: Any, tmp_path: Any) -> Dialect:
    """A target whose stages are asked about before they have machines."""
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "variables.yaml").write_text(TABLE, encoding="utf-8")
    dialect: Dialect = replace(poor(name="acme"), tables=Tables.of("acme", overlay=tmp_path))
    return dialect


def pipeline(stage: dict[str, Any], **more: Any) -> Pipeline:
    steps = [{"action": "run", "inputs": {"script": "make"}}, {"action": "checkout", "when": "always()"}]
    return Pipeline.model_validate({"name": "x", "stages": [{"id": "s", "steps": steps, **stage}], **more})


def test_variables_that_the_definition_gives_are_filled_in(early: Dialect) -> None:
    given = {
        "OS": "linux",
        "LABEL": "${{ variables.OS }}-${{ tag }}",
        "A": "${{ variables.B }}",
        "B": "${{ branch }}",
    }
    stage = {
        "runner": {"labels": ["${{ variables.LABEL }}"]},
        "when": "variables.OS == 'linux' && variables.A == 'main'",
        "variables": {"OWN": "x ${{ variables.LABEL }}"},
    }
    made = filled_in(pipeline(stage, variables=given), early)
    (one,) = made.stages
    assert made.variables == given | {"LABEL": "linux-${{ tag }}", "A": "${{ branch }}"}
    assert one.runner is not None
    assert one.runner.labels == ("${{ format('linux-{0}', tag) }}",)
    assert str(one.when) == "'linux' == 'linux' && branch == 'main'"
    assert one.variables == {"OWN": "x linux-${{ tag }}"}


def test_steps_keep_their_variables(early: Dialect) -> None:
    whole = pipeline({"steps": [{"action": "run", "when": "variables.A == 'x'"}]}, variables={"A": "x"})
    assert filled_in(whole, early).stages == whole.stages


def test_a_condition_goes_to_the_steps_that_can_ask_for_it(early: Dialect) -> None:
    made = asked_in_time(pipeline({"when": "tag != '' && matrix.v == '1' && always()"}), early)
    (one,) = made.pipeline.stages
    assert str(one.when) == "always() && tag != ''"
    assert [str(step.when) for step in one.steps] == ["matrix.v == '1'", "matrix.v == '1' && always()"]
    assert [(one.fidelity, one.path) for one in made.findings] == [(Fidelity.EQUIVALENT, "stages.s.when")]


def test_it_is_told_where_others_wait_for_the_stage(early: Dialect) -> None:
    whole = pipeline({"when": "matrix.v == '1'"})
    after = whole.stages[0].model_copy(update={"id": "t", "needs": ("s",), "when": None})
    whole = whole.model_copy(update={"stages": (*whole.stages, after)})
    assert [one.fidelity for one in asked_in_time(whole, early).findings] == [Fidelity.APPROXIMATE]


def test_variables_made_of_what_a_machine_knows_are_set_by_a_step(early: Dialect) -> None:
    own = {"JOBS": "-j ${{ variables.CPUS }}", "PLAIN": "1"}
    made = asked_in_time(pipeline({"variables": own}, variables={"NODE": "${{ runner.name }}"}), early)
    (one,) = made.pipeline.stages
    assert (made.pipeline.variables, one.variables) == ({}, {"PLAIN": "1"})
    assert {**one.steps[0].variables, "ENVIRONMENT": ""} == {
        "NODE": "${{ runner.name }}",
        "ENVIRONMENT": "",
    }
    assert str(one.steps[0].inputs["script"]).endswith('put NODE "$NODE"\nput JOBS "-j $CPUS"\n')
    assert made.moved.path("stages.s.steps[1].when") == "stages.s.steps[0].when"
    assert [one.path for one in made.findings] == ["variables.NODE", "stages.s.variables.JOBS"]


def test_a_variable_that_names_itself_means_the_one_further_out(early: Dialect) -> None:
    own = {"PATH": "/y:${{ variables.PATH }}", "REGION": "eu.${{ variables.REGION }}"}
    made = filled_in(pipeline({"variables": own}, variables={"REGION": "a"}), early)
    assert made.stages[0].variables == {"PATH": "/y:${{ variables.PATH }}", "REGION": "eu.a"}
    late = asked_in_time(made, early).pipeline.stages[0]
    assert str(late.steps[0].inputs["script"]).endswith('put PATH "/y:$PATH"\n')


def test_a_step_adds_to_what_the_machine_knows_by_its_script(early: Dialect) -> None:
    step = {
        "action": "run",
        "inputs": {"script": "make"},
        "variables": {"PATH": "/y:${{ variables.PATH }}", "A": "1"},
    }
    made = asked_in_time(pipeline({"steps": [step, step | {"action": "checkout", "inputs": {}}]}), early)
    (one,) = made.pipeline.stages
    assert one.steps[0].inputs == {"script": 'export PATH="/y:$PATH"\nmake'}
    assert one.steps[0].variables == {"A": "1"}
    assert (one.steps[1].variables, made.findings) == (step["variables"], ())


def test_a_machine_that_nobody_can_name_in_time_is_the_usual_one(early: Dialect) -> None:
    made = asked_in_time(pipeline({"runner": {"labels": ["${{ variables.AGENT }}"]}}), early)
    assert made.pipeline.stages[0].runner is None
    assert [(one.fidelity, one.what) for one in made.findings] == [
        (Fidelity.MANUAL, "runner variables.AGENT")
    ]


def test_who_asks_in_time_keeps_all(poor: Any) -> None:
    whole = pipeline({"when": "matrix.v == '1'"}, variables={"A": "${{ variables.B }}"})
    assert filled_in(whole, poor()) is whole
    assert asked_in_time(whole, poor()).pipeline is whole
    assert plain_defaults(whole, poor()) == (whole, ())


def test_defaults_that_are_computed_are_for_people_to_choose(early: Dialect) -> None:
    whole = pipeline({}, parameters={"a": {"default": "${{ branch }}"}, "b": {"default": "x"}})
    made, (finding,) = plain_defaults(whole, early)
    assert [one.default for one in made.parameters.values()] == [None, "x"]
    assert (finding.path, finding.fidelity) == ("parameters.a.default", Fidelity.MANUAL)
