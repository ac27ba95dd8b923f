"""The pipeline as a tree: every definition with its path, every expression, and ways to change them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar, get_args

from pipemgr.model.definitions import OPAQUE, Definition, Pipeline, Stage, Step
from pipemgr.model.expressions import Expression, ExpressionError
from pipemgr.model.templates import template

from .latest import latest

_OPEN = "${{"
Some = TypeVar("Some", bound=Definition)
Change = Callable[[Any], Definition | None]
"""What becomes of a definition; None takes it out of the collection it is in."""


@cache
def defaults(kind: type[Definition]) -> Mapping[str, Any]:
    """The default of each field that has one."""
    return {
        name: field.get_default(call_default_factory=True)
        for name, field in kind.model_fields.items()
        if not field.is_required()
    }


@cache
def spelling(kind: type[Definition]) -> Mapping[str, str]:
    """How files and paths write each field: `paths-ignore` for `paths_ignore`."""
    return {name: field.alias or name for name, field in kind.model_fields.items()}


@cache
def _holders(kind: type[Definition]) -> tuple[tuple[str, str], ...]:
    """The fields that can hold definitions, and how paths write them: few of many."""
    return tuple(
        (name, shown)
        for name, shown in spelling(kind).items()
        if _mentions_definition(kind.model_fields[name].annotation)
    )


def _mentions_definition(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, Definition):
        return True
    return any(map(_mentions_definition, get_args(annotation)))


def walk(value: Definition, path: str = "") -> Iterator[tuple[str, Definition]]:
    """`value` and every definition below it, each with its path; stages go by their ids."""
    yield path, value
    held = vars(value)
    for name, shown in _holders(type(value)):
        inner = held[name]
        if not inner or type(inner) is str:
            continue
        below = f"{path}.{shown}" if path else shown
        for key, child in _children(inner):
            yield from walk(child, below + key)


def _children(value: Any) -> Iterator[tuple[str, Definition]]:
    match value:
        case Definition():
            yield "", value
        case tuple():
            for at, one in enumerate(value):
                if isinstance(one, Definition):
                    yield f".{one.id}" if isinstance(one, Stage) else f"[{at}]", one
        case dict():
            yield from ((f".{key}", one) for key, one in value.items() if isinstance(one, Definition))


@latest
def parts(pipeline: Pipeline) -> tuple[tuple[str, Definition], ...]:
    """The pipeline and every definition in it, as `walk` finds them."""
    return tuple(walk(pipeline))


def rebuild(value: Some, change: Change) -> Some:
    """`value` with `change` applied to each definition below it and then to itself, from the leaves up."""
    update = {}
    held = vars(value)
    for name, _ in _holders(type(value)):
        old = held[name]
        if not old or type(old) is str:
            continue
        new = _rebuilt(old, change)
        if new is not old:
            update[name] = new
    changed = change(value.model_copy(update=update) if update else value)
    return value if changed is None else changed  # type: ignore[return-value]


def _rebuilt(value: Any, change: Change) -> Any:
    match value:
        case Definition():
            return _one(value, change)
        case tuple() if any(isinstance(one, Definition) for one in value):
            several = tuple(new for one in value if (new := _one(one, change)) is not None)
            return value if _same(several, value) else several
        case dict() if any(isinstance(one, Definition) for one in value.values()):
            changed = {key: _one(one, change) for key, one in value.items()}
            kept = {key: one for key, one in changed.items() if one is not None}
            return value if _same(kept.values(), value.values()) else kept
    return value


def _same(first: Collection[object], second: Collection[object]) -> bool:
    """Whether both hold the very same objects."""
    return len(first) == len(second) and all(map(operator.is_, first, second))


def _one(value: Definition, change: Change) -> Definition | None:
    """The definition rebuilt, or None where `change` takes it out."""
    gone = False

    def watch(one: Any) -> Definition | None:
        nonlocal gone
        new = change(one)
        gone = new is None
        return new

    rebuilt = rebuild(value, watch)
    return None if gone else rebuilt


def change_stages(pipeline: Pipeline, change: Callable[[Stage], Stage]) -> Pipeline:
    """The pipeline with each stage changed; the very same one where none is."""
    stages = tuple(map(change, pipeline.stages))
    return pipeline if _same(stages, pipeline.stages) else pipeline.model_copy(update={"stages": stages})


def change_steps(stage: Stage, change: Callable[[Step], Step]) -> Stage:
    """The stage with each step changed; the very same one where none is."""
    steps = tuple(map(change, stage.steps))
    return stage if _same(steps, stage.steps) else stage.model_copy(update={"steps": steps})


@latest
def expressions(pipeline: Pipeline) -> tuple[tuple[str, Expression], ...]:
    """Every expression of the pipeline, in conditions and templates, with the path it stands at."""
    return tuple(pair for path, value in parts(pipeline) for pair in _own_expressions(path, value))


def _own_expressions(path: str, value: Definition) -> Iterator[tuple[str, Expression]]:
    """The expressions that a definition has itself, without those of definitions below."""
    said = vars(value)
    if OPAQUE in (said.get("action"), said.get("event")):
        return
    shown = spelling(type(value))
    for name, held in said.items():
        if held and name != "vendor" and (type(held) is not str or _OPEN in held):
            yield from _found(held, f"{path}.{shown[name]}" if path else shown[name])


def _found(value: Any, path: str) -> Iterator[tuple[str, Expression]]:
    match value:
        case Expression():
            yield path, value
        case str() if _OPEN in value:
            yield from ((path, part) for part in _parts(value) if isinstance(part, Expression))
        case dict():
            for key, one in value.items():
                yield from _found(one, f"{path}.{key}")
        case list() | tuple():
            for at, one in enumerate(value):
                yield from _found(one, f"{path}[{at}]")


def _parts(text: str) -> tuple[str | Expression, ...]:
    try:
        return template(text)
    except ExpressionError:
        return ()
