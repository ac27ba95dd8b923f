"""Computed variables: values that are what a command prints, worked out by a first step for vendors without such values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pipemgr.model.definitions import Pipeline, Stage, Step
from pipemgr.model.expressions import Access, Expression, ExpressionError, Literal, Name, Opaque
from pipemgr.model.templates import template, untemplate

from .base import Dialect
from .in_shell import in_quotes
from .origins import Moved
from .report import Fidelity, Finding
from .shown import words
from .tree import change_stages

CHECKOUT: Final = "checkout"
ENVIRONMENT: Final = "${{ files.environment }}"
_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*")
_VARIABLES: Final = Name("variables")


@dataclass(frozen=True)
class Worked:
    """The pipeline without such variables, what was told of that, and where its steps stood."""

    pipeline: Pipeline
    findings: tuple[Finding, ...] = ()
    moved: Moved = field(default_factory=Moved)


def worked_out(pipeline: Pipeline, source: Dialect, target: Dialect) -> Worked:
    """The pipeline with a step in place of each variable whose value `source` gets from a command."""
    if target.foreign:
        return Worked(pipeline)
    working = _Working(source, {target.name, *target.understands})
    outer = working.steps(pipeline.variables)
    own = {stage.id: working.steps(stage.variables) for stage in pipeline.stages}
    if not outer and not any(own.values()):
        return Worked(pipeline)
    asking = [stage.id for stage in pipeline.stages if words([stage.data()]) & outer.keys()]
    places: dict[str, tuple[str, ...]] = {}

    def change(stage: Stage) -> Stage:
        there = outer if stage.id in asking or not asking else {}
        steps = {name: one for name, one in there.items() if name not in stage.variables} | own[stage.id]
        rest = {name: text for name, text in stage.variables.items() if name not in own[stage.id]}
        at = next((at for at, one in enumerate(stage.steps) if one.action != CHECKOUT), len(stage.steps))
        if not steps or not stage.steps:
            return stage.model_copy(update={"variables": rest})
        paths = [f"stages.{stage.id}.steps[{place}]" for place in range(len(stage.steps))]
        new = (
            f"stages.{stage.id}.variables.{name}" if name in own[stage.id] else f"variables.{name}"
            for name in steps
        )
        places[stage.id] = (*paths[:at], *new, *paths[at:])
        every = (*stage.steps[:at], *steps.values(), *stage.steps[at:])
        return stage.model_copy(update={"steps": every, "variables": rest})

    left = {name: text for name, text in pipeline.variables.items() if name not in outer}
    changed = change_stages(pipeline.model_copy(update={"variables": left}), change)
    paths = [f"variables.{name}" for name in outer]
    paths += [f"stages.{stage}.variables.{name}" for stage, found in own.items() for name in found]
    return Worked(changed, tuple(_finding(path, target) for path in paths), Moved(places))


class _Working:
    def __init__(self, source: Dialect, mine: set[str]) -> None:
        self.source = source
        self.mine = mine

    def steps(self, variables: Mapping[str, str]) -> dict[str, Step]:
        """By variable: the step that works it out."""
        found = ((name, self._step(name, text)) for name, text in variables.items() if "opaque(" in text)
        return {name: step for name, step in found if step is not None}

    def _step(self, name: str, text: str) -> Step | None:
        try:
            parts = template(text)
        except ExpressionError:
            return None
        lines: list[str] = []
        said = [self._said(part, lines) for part in parts]
        if not lines or not _IDENTIFIER.fullmatch(name) or any(map(_is_opaque, said)):
            return None
        value, more = in_quotes(name, untemplate(tuple(said)))
        lines.append(f'printf "%s\\n" {name}={value} >> "$ENVIRONMENT"\n')
        return Step(
            action="run",
            name=f"Set {name}",
            inputs={"script": "\n".join(lines), "shell": "sh"},
            variables={**more, "ENVIRONMENT": ENVIRONMENT},
        )

    def _said(self, part: str | Expression, lines: list[str]) -> str | Expression:
        """A part of a value; what a command prints is put into a variable of the shell first."""
        if not isinstance(part, Opaque) or part.vendor in self.mine:
            return part
        script = self.source.reader.printed(part.text)
        if script is None:
            return part
        name = f"VALUE_{len(lines) + 1}" if lines else "VALUE"
        lines.append(f'{name}="$(\n{script}\n)"')
        return Access(_VARIABLES, Literal(name))


def _is_opaque(part: str | Expression) -> bool:
    return isinstance(part, Expression) and any(isinstance(node, Opaque) for node in part.walk())


def sets(step: Step) -> str | None:
    """What to know a step by that only sets variables for those that follow; None for all others."""
    only = step.action == "run" and step.variables.get("ENVIRONMENT") == ENVIRONMENT
    return step.name if only else None


def _finding(path: str, target: Dialect) -> Finding:
    name = path.rpartition(".")[2]
    return Finding(
        fidelity=Fidelity.EQUIVALENT,
        path=path,
        source="",
        what=f"variable {name}",
        why=f"{target.title} takes no output of a command for a value, so a first step executes it and hands the value on",
    )
