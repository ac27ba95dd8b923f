"""Expanding: steps that a target does not know, replaced by the neutral steps that do the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from pipemgr.mapping.expansion import expand
from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import OPAQUE, Pipeline, Stage, Step
from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name, transform

from .origins import Origins
from .report import Fidelity, Finding
from .rewriting import rewritten
from .tree import change_stages, expressions

MAX_DEPTH: Final = 10
"""Steps that do steps that do steps are opened so far."""
_STATUS: Final = frozenset({"always", "canceled", "failure"})
_ALWAYS: Final = Call("always", ())
_STEPS: Final = Name("steps")


@dataclass(frozen=True)
class Opened:
    """The steps that take the place of one, and what is not the same."""

    steps: tuple[Step, ...]
    differs: tuple[str, ...] = ()


def expanded(
    pipeline: Pipeline, foreign: Callable[[Step], bool], tables: Tables | None
) -> tuple[Pipeline, tuple[Finding, ...], Origins]:
    """The pipeline with its foreign steps, and actions that the target's tables only have steps for, opened.

    With a finding for each, by the path where it was read, and with where each step stood.
    """
    findings: list[Finding] = []
    places: dict[str, tuple[int, ...]] = {}
    asked = _asked(pipeline)

    def change(stage: Stage) -> Stage:
        opened = [_opened(step, foreign, tables) for step in stage.steps]
        if not any(opened):
            return stage
        taken = {step.id for step, other in zip(stage.steps, opened, strict=True) if step.id and not other}
        steps: list[Step] = []
        origin: list[int] = []
        for at, (step, other) in enumerate(zip(stage.steps, opened, strict=True)):
            new = _fitted(step, other, taken, asked) if other else Opened((step,))
            steps += new.steps
            origin += [at] * len(new.steps)
            if other:
                findings.append(_finding(f"stages.{stage.id}.steps[{at}]", step, new))
        places[stage.id] = tuple(origin)
        return stage.model_copy(update={"steps": tuple(steps)})

    return change_stages(pipeline, change), tuple(findings), Origins(places)


def _asked(pipeline: Pipeline) -> frozenset[str]:
    """The steps that expressions ask for by `steps.<id>`."""
    return frozenset(
        str(node.key.value)
        for _, expression in expressions(pipeline)
        for node in expression.walk()
        if isinstance(node, Access) and node.target == _STEPS and isinstance(node.key, Literal)
    )


def _opened(
    step: Step, foreign: Callable[[Step], bool], tables: Tables | None, depth: int = 0
) -> Opened | None:
    """What takes the place of a step; None where it stays (or nobody knows what it does)."""
    found = _said(step, foreign, tables)
    if found is None or depth == MAX_DEPTH:
        return None
    steps: list[Step] = []
    differs = list(found.differs)
    opened = [_opened(one, foreign, tables, depth + 1) for one in found.steps]
    taken = {one.id for one, inner in zip(found.steps, opened, strict=True) if one.id and not inner}
    for one, inner in zip(found.steps, opened, strict=True):
        fitted = _fitted(one, inner, taken, frozenset()) if inner else Opened((one,))
        steps += fitted.steps
        differs += fitted.differs
    return Opened(tuple(steps), tuple(dict.fromkeys(differs)))


def _said(step: Step, foreign: Callable[[Step], bool], tables: Tables | None) -> Opened | None:
    data: Any = None
    differs: tuple[str, ...] = ()
    if step.action == OPAQUE:
        data = step.inputs.get("steps") if foreign(step) else None
        note = step.inputs.get("note")
        differs = (note,) if isinstance(note, str) else ()
    elif tables and tables.vendor not in step.vendor and (row := tables.steps.lowered(step.action)):
        data = expand(row, step.inputs)
        said = str(row.steps)
        lost = sorted(name for name in step.inputs if f"inputs.{name}" not in said)
        differs = (row.note,) * bool(row.note) + (f"{', '.join(lost)} is lost",) * bool(lost)
    if not isinstance(data, list):
        return None
    try:
        return Opened(tuple(map(Step.model_validate, data)), differs)
    except ValidationError:
        return None


def _fitted(step: Step, opened: Opened, taken: set[str], asked: frozenset[str]) -> Opened:
    """The opened steps with what was said of the step that they take the place of."""
    steps, differs = _unique(step, opened.steps, taken), list(opened.differs)
    several = len(steps) > 1
    if several and step.when is not None and _asks_status(step.when):
        differs.append("each step now goes by its condition alone, also when one before it failed")
    if several and step.allow_failure:
        differs.append("after a failure the steps that follow are executed too")
    if several and step.background:
        differs.append("the steps run one after another, and the next ones wait for them")
    if several and (step.timeout or step.idle_timeout):
        differs.append("the time limit holds for each step")
    if several and step.id in asked:
        differs.append(f"what others ask of {step.id!r} is answered by its last step")
    return Opened(tuple(_carried(step, one, several=several) for one in steps), tuple(differs))


def _asks_status(condition: Expression) -> bool:
    return any(isinstance(node, Call) and node.name in _STATUS for node in condition.walk())


def _carried(outer: Step, inner: Step, *, several: bool) -> Step:
    return inner.model_copy(
        update={
            "name": inner.name or (None if several else outer.name),
            "when": _both(outer.when, inner.when),
            "variables": {**outer.variables, **inner.variables},
            "timeout": inner.timeout or outer.timeout,
            "idle_timeout": inner.idle_timeout or outer.idle_timeout,
            "allow_failure": inner.allow_failure or outer.allow_failure,
            "background": inner.background or (outer.background and not several),
        }
    )


def _both(outer: Expression | None, inner: Expression | None) -> Expression | None:
    if outer == _ALWAYS and inner is not None and _asks_status(inner):
        return inner  # it says itself that it is executed after failures, and after which
    return Binary("&&", outer, inner) if outer is not None and inner is not None else outer or inner


def _unique(step: Step, steps: tuple[Step, ...], taken: set[str]) -> tuple[Step, ...]:
    """The steps with ids that nobody else in the stage has; the last one answers for the step that they replace."""
    names: dict[str, str] = {}
    own = step.id if step.id not in taken else None
    taken.update([own] if own else [])
    for one in steps:
        if one.id:
            names[one.id] = own if own and one is steps[-1] else _fresh(one.id, step.id, taken)
            taken.add(names[one.id])
    named = [_renamed(one, names) for one in steps]
    if named and own and named[-1].id is None:
        named[-1] = named[-1].model_copy(update={"id": own})
    return tuple(named)


def _fresh(name: str, outer: str | None, taken: set[str]) -> str:
    wishes: Iterator[str] = (
        f"{outer or 'step'}-{name}" + (f"-{count}" if count else "") for count in range(999)
    )
    return name if name not in taken else next(one for one in wishes if one not in taken)


def _renamed(step: Step, names: dict[str, str]) -> Step:
    changed = {old: new for old, new in names.items() if old != new}
    renamed = step.model_copy(update={"id": changed.get(step.id or "", step.id)})
    return (
        rewritten(renamed, lambda one: transform(one, lambda node: _asked_anew(node, changed)))
        if changed
        else renamed
    )


def _asked_anew(node: Expression, names: dict[str, str]) -> Expression:
    match node:
        case Access(target, Literal(str(name))) if target == _STEPS and name in names:
            return Access(target, Literal(names[name]))
    return node


def _finding(path: str, step: Step, opened: Opened) -> Finding:
    count = len(opened.steps)
    return Finding(
        fidelity=Fidelity.APPROXIMATE if opened.differs else Fidelity.EQUIVALENT,
        path=path,
        source="",
        what=step_name(step),
        why="; ".join((f"expanded into {count} step{'s' * (count != 1)}", *opened.differs)),
        remedy="compare the steps with what the source did" if opened.differs else "",
    )


def step_name(step: Step) -> str:
    """What to call a step: what it calls, in the vendor's words, or its action."""
    if step.action != OPAQUE:
        return step.action
    return first_word(step.inputs.get("value")) or "a step"


def first_word(value: Any) -> str:
    """The first word of a vendor's own data that says anything: the name of what is called."""
    match value:
        case dict() if value:
            key, inner = next(iter(value.items()))
            return first_word(inner) if isinstance(inner, str) else str(key)
        case str():
            return _opening(value.strip().splitlines())
    return ""


def _opening(lines: list[str]) -> str:
    """The first line of a text, with the one below where it only opens a block."""
    if lines[1:] and lines[0].endswith("{"):
        return shorten(f"{lines[0]} {lines[1].strip()}")
    return shorten(lines[0]) if lines else ""


def shorten(text: str, most: int = 80) -> str:
    """A text that says where it was cut."""
    return text if len(text) <= most else text[: most - 3] + "..."
