"""A pipeline that was a composite action becomes one again."""

from __future__ import annotations

from typing import Final

from pipemgr.adapter import ordered, overlaid, said
from pipemgr.model.definitions import Data, Parameter, Pipeline

from .action_reader import ACTION, COMPOSITE
from .local_actions import NAMES
from .phrases import Phrases
from .step_writer import StepWriter
from .words import Words, hints, own

FILE: Final = NAMES[0]
ORDER: Final = ("name", "author", "description", "inputs", "outputs", "branding", "runs")


def is_action(pipeline: Pipeline) -> bool:
    """Whether a pipeline is an action's: read from one, and still of one stage."""
    return bool(hints(pipeline.vendor).get(ACTION)) and len(pipeline.stages) == 1


def write_action(pipeline: Pipeline, words: Words, phrases: Phrases) -> Data:
    """The action file's data."""
    (stage,) = pipeline.stages
    path = f"stages.{stage.id}"
    data = said(
        {
            "name": None if hints(pipeline.vendor).get("unnamed") else pipeline.name,
            "inputs": {name: _input(one, phrases, name) or None for name, one in pipeline.parameters.items()},
            "outputs": {
                name: {"value": phrases.text(value, f"{path}.outputs.{name}")}
                for name, value in stage.outputs.items()
            },
            "runs": {
                "using": COMPOSITE,
                "steps": StepWriter(phrases, words).write(stage.steps, f"{path}.steps"),
            },
        }
    )
    data = overlaid(data, own(pipeline.vendor))
    outputs = data.get("outputs")
    if isinstance(outputs, dict):
        data["outputs"] = {
            name: ordered(one, ("description", "value")) if isinstance(one, dict) else one
            for name, one in outputs.items()
        }
    return ordered(data, ORDER)


def _input(parameter: Parameter, phrases: Phrases, name: str) -> Data:
    entries: Data = {
        "description": parameter.description,
        "required": parameter.required or None,
        "default": phrases.data(parameter.default, f"parameters.{name}.default"),
    }
    return {key: value for key, value in entries.items() if value is not None}
