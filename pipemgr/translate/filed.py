"""Files by which scripts hand values on, where a step names one itself: by the name that the target has for it."""

from __future__ import annotations

import re
from typing import Final

from pipemgr.model.definitions import Pipeline, Stage, Step

from .base import Dialect
from .tree import change_stages

_FILE: Final = re.compile(r"\$\{\{ files\.\w+ \}\}")
_RUN: Final = "run"


def filed(pipeline: Pipeline, target: Dialect) -> Pipeline:
    """The pipeline with such variables of steps said by their stages, as writers look for them."""
    if not any(_names_file(step) for stage in pipeline.stages for step in stage.steps):
        return pipeline
    rows = target.tables.variables.given.values() if target.tables and target.tables.has("variables") else ()
    there = {row.template: row.variable for row in rows}

    def change(stage: Stage) -> Stage:
        variables = dict(stage.variables)
        steps = tuple(_step(step, there, variables) for step in stage.steps)
        if steps == stage.steps:
            return stage
        return stage.model_copy(update={"steps": steps, "variables": variables})

    return change_stages(pipeline, change)


def _names_file(step: Step) -> bool:
    return any(map(_FILE.fullmatch, step.variables.values()))


def _step(step: Step, there: dict[str, str], variables: dict[str, str]) -> Step:
    """A step whose script goes by the target's names; `variables` gets what its stage has to say."""
    files = {name: value for name, value in step.variables.items() if _FILE.fullmatch(value)}
    if not files:
        return step
    script = step.inputs.get("script") if step.action == _RUN else None
    inputs = dict(step.inputs)
    for name, value in files.items():
        known = there.get(value, name)
        if value not in there:  # otherwise every script has it by itself
            variables[known] = value
        if isinstance(script, str):
            script = re.sub(rf"\$(?:{name}\b|\{{{name}\}})", f"${known}", script)
            inputs["script"] = script
    rest = {name: value for name, value in step.variables.items() if name not in files}
    return step.model_copy(update={"inputs": inputs, "variables": rest})
