"""Early values: what a target asks for before there is a machine, where only steps can know a variable's value.

Variables that the definition gives are filled in where they are asked for so early. A condition that asks for others is
asked by each step of its stage instead; a machine or an image that others name is for a person to name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pipemgr.model.definitions import Pipeline, Stage
from pipemgr.model.expressions import Expression, Name

from .base import Dialect
from .conditions import Asked, asked, both
from .environment import SYSTEM
from .handing import needs_files
from .in_shell import exporting, handing_step
from .known import Known, variable
from .origins import Moved
from .places import Place, place_words, unplaced
from .report import Fidelity, Finding
from .rewriting import rewritten
from .tree import change_stages, change_steps, expressions

_VARIABLES: Final = Name("variables")
_OF_MACHINES: Final = (_VARIABLES, Name("steps"), Name("runner"))
_CALL: Final = "call"
_EARLY: Final = (
    "when",
    "runner",
    "container",
    "services",
    "environment",
    "concurrency",
    "matrix",
    "name",
    "timeout",
    "max_parallel",
    "allow_failure",
)
"""What a stage says that is asked for before it has a machine."""


def filled_in(pipeline: Pipeline, target: Dialect) -> Pipeline:
    """The pipeline with the values of its own variables where steps are not there yet to know them."""
    if not _late(target):
        return pipeline
    outer = Known(pipeline.variables)

    def stage(one: Stage) -> Stage:
        known = Known(one.variables, outer)
        held = one.model_copy(update={"steps": (), "outputs": {}})
        early = rewritten(held, known.expression, known.expression)
        update = {name: getattr(early, name) for name in _EARLY}
        return one.model_copy(update={**update, "variables": known.texts()})

    changed = change_stages(pipeline, stage)
    return changed.model_copy(update={"variables": outer.texts()})


def plain_defaults(pipeline: Pipeline, target: Dialect) -> tuple[Pipeline, tuple[Finding, ...]]:
    """The pipeline without defaults of parameters that are computed, where the target can't compute them."""
    if target.tables is None or not target.tables.variables.plain_defaults:
        return pipeline, ()
    if any(one.event == _CALL for one in pipeline.triggers):
        return pipeline, ()  # a definition that is called is handed values by another build
    computed = {
        name: one.default
        for name, one in pipeline.parameters.items()
        if isinstance(one.default, str) and "${{" in one.default
    }
    if not computed:
        return pipeline, ()
    why = f"{target.title} can't compute it when a build is started; the parameter has no default now"
    findings = tuple(
        Finding(
            fidelity=Fidelity.MANUAL,
            path=f"parameters.{name}.default",
            source="",
            what=f"default {' '.join(text.split())}",
            why=why,
            remedy="choose a certain value",
        )
        for name, text in computed.items()
    )
    parameters = {
        name: one.model_copy(update={"default": None}) if name in computed else one
        for name, one in pipeline.parameters.items()
    }
    return pipeline.model_copy(update={"parameters": parameters}), findings


@dataclass(frozen=True)
class InTime:
    """A pipeline that asks for nothing too early, what was told of that, and where its steps stood."""

    pipeline: Pipeline
    findings: tuple[Finding, ...] = ()
    moved: Moved = field(default_factory=Moved)


# What is still not known --------------------------------------------------------------------------------


def of_machines(pipeline: Pipeline, source: Dialect, target: Dialect) -> Pipeline:
    """The pipeline whose stages name the machine's own variables, where only the source's expressions know them."""
    name = _VARIABLES.name
    if source.tables is None or name in _late(source) or name not in _late(target):
        return pipeline

    def stage(one: Stage) -> Stage:
        names = SYSTEM.difference(pipeline.variables, one.variables)
        machine = {name: f"${{{{ variables.{name} }}}}" for name in _asked_of_machine(one, names)}
        return one.model_copy(update={"variables": {**machine, **one.variables}}) if machine else one

    return change_stages(pipeline, stage)


def asked_in_time(pipeline: Pipeline, target: Dialect) -> InTime:
    """The pipeline whose stages ask for nothing before a machine knows it."""
    late = _late(target)
    if not late:
        return InTime(pipeline)
    findings: list[Finding] = []

    def strange(node: Expression) -> bool:
        return any(isinstance(one, Name) and one.name in late for one in node.walk())

    places: dict[str, tuple[str, ...]] = {}
    outer = {key: text for key, text in pipeline.variables.items() if _is_late(text)}
    findings += [_handed(f"variables.{key}", key, target) for key in outer]

    def stage(one: Stage) -> Stage:
        own = {key: text for key, text in one.variables.items() if _is_late(text)}
        findings.extend(_handed(f"stages.{one.id}.variables.{key}", key, target) for key in own)
        there = {*pipeline.variables, *one.variables} - {*outer, *own}
        one = change_steps(one, lambda step: exporting(step, one, SYSTEM - there))
        before = len(one.steps)
        one = _set_first(one, {**outer, **own}, {*own})
        if len(one.steps) > before:
            paths = (f"stages.{one.id}.steps[{at}]" for at in range(before))
            places[one.id] = (f"stages.{one.id}", *paths)

        condition = asked(one.when)
        down = [part for part in condition.own if strange(part)]
        if down:
            findings.append(_moved(pipeline, one, down, target))
            one = _by_steps(one, condition, down)
        for name, place in unplaced(one, _variables):
            findings.append(_unknown(f"stages.{one.id}.{name}", name, place, target))
            one = one.model_copy(update={name: None})
        return one

    changed = change_stages(pipeline, stage)
    rest = {key: text for key, text in pipeline.variables.items() if key not in outer}
    if changed == pipeline:
        return InTime(pipeline)
    return InTime(changed.model_copy(update={"variables": rest}), tuple(findings), Moved(places))


def _is_late(text: str) -> bool:
    """Whether a variable is made of what only a machine knows."""
    holder = Pipeline(name="x", build_name=text)
    return any(node in _OF_MACHINES for _, one in expressions(holder) for node in one.walk())


def _asked_of_machine(stage: Stage, names: frozenset[str]) -> list[str]:
    """The variables of the machine that expressions of a stage's steps ask for."""
    found: set[str] = set()
    for step in stage.steps:
        holder = Pipeline(name="x", stages=(Stage(id="x", steps=(step,)),))
        asked_for = {variable(node) for _, one in expressions(holder) for node in one.walk()}
        found |= (names & asked_for) - step.variables.keys()
    return sorted(found)


def _set_first(stage: Stage, late: dict[str, str], own: set[str]) -> Stage:
    """The stage with a step at its beginning that gives those variables to all others."""
    rest = {key: text for key, text in stage.variables.items() if key not in own}
    wanted = {key: text for key, text in late.items() if key not in rest}
    if not wanted or not needs_files(stage):
        return stage.model_copy(update={"variables": rest})
    steps = (handing_step(wanted), *stage.steps)
    return stage.model_copy(update={"variables": rest, "steps": steps})


def _handed(path: str, name: str, target: Dialect) -> Finding:
    why = f"only steps can work it out with {target.title}, so the first one sets it for the others"
    return Finding(
        fidelity=Fidelity.EQUIVALENT, path=path, source="", what=f"variable {name}", why=why, remedy=""
    )


def _variables(node: Expression) -> bool:
    return any(one == _VARIABLES for one in node.walk())


def _late(target: Dialect) -> frozenset[str]:
    names = target.tables.variables.late if target.tables is not None else ()
    return frozenset(name.partition(".")[0] for name in names)


def _by_steps(stage: Stage, condition: Asked, down: list[Expression]) -> Stage:
    rest = (part for part in condition.own if part not in down)
    when = both(condition.status, rest)
    moved = change_steps(
        stage,
        lambda step: step.model_copy(
            update={"when": both(down, (step.when,) if step.when is not None else ())}
        ),
    )
    return moved.model_copy(update={"when": when})


def _moved(pipeline: Pipeline, stage: Stage, down: list[Expression], target: Dialect) -> Finding:
    strict = any(stage.id in one.needs and asked(one.when).strict for one in pipeline.stages)
    after = "; stages that need it now follow also where it does nothing" if strict else ""
    return Finding(
        fidelity=Fidelity.APPROXIMATE if strict else Fidelity.EQUIVALENT,
        path=f"stages.{stage.id}.when",
        source="",
        what=f"condition {both(down)}",
        why=f"only steps can ask for it with {target.title}, so each step of the stage does{after}",
        remedy="give the stages that follow the same condition" if strict else "",
    )


def _unknown(path: str, field: str, place: Place, target: Dialect) -> Finding:
    return Finding(
        fidelity=Fidelity.MANUAL,
        path=path,
        source="",
        what=f"{field} {place_words(place)}",
        why=f"{target.title} chooses it before any variable has a value, so the stage runs on the usual machine",
        remedy=f"name the {field} that it needs",
        kind=field,
    )
