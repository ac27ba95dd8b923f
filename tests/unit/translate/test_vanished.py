"""What is asked of steps that only another vendor understood, once these are gone."""

from typing import Any

import pytest

from pipemgr.model.definitions import Pipeline
from pipemgr.translate.foreign import without_foreign


def made(poor: Any, *conditions: str) -> Pipeline:
    gone = {"action": "opaque", "id": "tried", "inputs": {"vendor": "acme", "value": "x"}}
    steps = [gone, *({"action": "run", "inputs": {"script": "make"}, "when": one} for one in conditions)]
    whole = Pipeline.model_validate({"name": "x", "stages": [{"id": "s", "steps": steps}]})
    return without_foreign(whole, poor())[0]


@pytest.mark.parametrize(
    ("when", "left"),
    [
        ("steps.tried.outcome == 'failure'", "false"),
        ("always() && steps.tried.conclusion != 'failure'", "always()"),
        ("steps.tried.outcome == 'success' || failure()", "true"),
        ("!(steps.tried.outcome == 'skipped') && tag != ''", "tag != ''"),
        ("steps.tried.outputs.value == 'x'", "false"),
        ("steps.other.outcome == 'failure'", "steps.other.outcome == 'failure'"),
    ],
)
def test_a_step_that_is_gone_did_not_fail(poor: Any, when: str, left: str) -> None:
    (step,) = made(poor, when).stages[0].steps
    assert str(step.when) == left


def test_steps_that_stay_are_asked_as_before(poor: Any) -> None:
    step = {"action": "run", "id": "tried", "when": "steps.tried.outcome == 'failure'"}
    whole = Pipeline.model_validate({"name": "x", "stages": [{"id": "s", "steps": [step]}]})
    assert without_foreign(whole, poor())[0].stages == whole.stages
