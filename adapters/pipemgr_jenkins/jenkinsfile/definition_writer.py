"""Definitions out: imports, methods and classes can't stand in a step, so they stand before the pipeline."""

from __future__ import annotations

import re
from typing import Final

from pipemgr.adapter import Fidelity, Losses
from pipemgr.model.definitions import OPAQUE, Pipeline, Step
from pipemgr_jenkins.groovy.parser import parse
from pipemgr_jenkins.groovy.syntax import Call, Code, Method, Part, Script

from .layout import dedented
from .scope import VENDOR

_DEFINES: Final = re.compile(
    r"(?:@\w+(?:\([^)]*\))?\s*)*(?:import|package|(?:\w+\s+)*(?:class|interface|enum|trait))\b"
)


def hoisted(pipeline: Pipeline, losses: Losses) -> tuple[Pipeline, list[str]]:
    """The pipeline without definitions in its steps, and these."""
    found: list[str] = []
    stages = []
    for stage in pipeline.stages:
        steps = []
        for at, step in enumerate(stage.steps):
            left, more = _split(step)
            if more:
                why = "definitions stand before the pipeline in a declarative one"
                losses.add(
                    Fidelity.EQUIVALENT,
                    f"stages.{stage.id}.steps[{at}]",
                    "methods and imports of Groovy",
                    why,
                )
                losses.add(Fidelity.EQUIVALENT, f"vendor.{VENDOR}.before", "code before the pipeline", why)
            found += more
            steps += [left] if left is not None else []
        stages.append(stage.model_copy(update={"steps": tuple(steps)}) if len(stage.steps) else stage)
    return pipeline.model_copy(update={"stages": tuple(stages)}), found


def _split(step: Step) -> tuple[Step | None, list[str]]:
    """A step without the definitions in its Groovy (None if that is all), and these."""
    value = step.inputs.get("value")
    if step.action != OPAQUE or step.inputs.get("vendor") != VENDOR or not isinstance(value, str):
        return step, []
    script = parse(value, "step")
    parts = _inner(script)
    defining = [part for part in parts if _defines(part, script)]
    if not defining:
        return step, []
    kept = [dedented(script.text(part)) for part in parts if part not in defining]
    texts = [dedented(script.text(part)) for part in defining]
    if not kept:
        return None, texts
    text = "script {\n" + "\n".join(kept) + "\n}"
    return step.model_copy(update={"inputs": {**step.inputs, "value": text}}), texts


def _inner(script: Script) -> tuple[Part, ...]:
    """The statements of a step; those in a `script` where that is all there is."""
    match script.statements:
        case (Call(name="script", target=None) as only,) if only.block is not None:
            return only.block.statements
    return script.statements


def _defines(part: Part, script: Script) -> bool:
    return isinstance(part, Method) or (isinstance(part, Code) and bool(_DEFINES.match(script.text(part))))
