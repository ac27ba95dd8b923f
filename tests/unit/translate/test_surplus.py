"""Parameters beyond those that a target can ask for."""

from dataclasses import replace
from typing import Any

import pytest

from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import Pipeline
from pipemgr.translate.surplus import few_parameters


def whole(count: int, event: str = "manual") -> Pipeline:
    parameters: dict[str, Any] = {f"p{at}": {"default": f"d{at}"} for at in range(count)}
    script = "${{ parameters.p0 }} ${{ parameters.p25 }} ${{ parameters.p26 }}"
    steps = [{"action": "run", "inputs": {"script": script}, "when": "parameters.p25 == 'd25'"}]
    data = {"name": "x", "triggers": [{"event": event}], "parameters": parameters}
    return Pipeline.model_validate({**data, "stages": [{"id": "s", "steps": steps}]})


def test_what_nobody_can_be_asked_for_has_its_default(poor: Any) -> None:
    target = replace(poor(), tables=Tables.of("github-actions"))
    made, findings = few_parameters(whole(27), target)
    assert list(made.parameters) == [f"p{at}" for at in range(25)]
    (step,) = made.stages[0].steps
    assert step.inputs["script"] == "${{ parameters.p0 }} d25 d26"
    assert str(step.when) == "'d25' == 'd25'"
    assert [one.path for one in findings] == ["parameters.p25", "parameters.p26"]


@pytest.mark.parametrize(("count", "event"), [(25, "manual"), (27, "call")])
def test_who_has_few_or_is_called_keeps_all(poor: Any, count: int, event: str) -> None:
    pipeline = whole(count, event)
    assert few_parameters(pipeline, replace(poor(), tables=Tables.of("github-actions"))) == (pipeline, ())
    assert few_parameters(pipeline, poor()) == (pipeline, ())
