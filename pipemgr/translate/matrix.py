"""Matrices: their combinations, and a stage with a matrix as several stages without one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import count, product
from math import prod
from typing import Any, Final

from pydantic import JsonValue, ValidationError

from pipemgr.model.definitions import OPAQUE, Data, Matrix, Pipeline, Stage
from pipemgr.model.expressions import (
    Access,
    Atom,
    Expression,
    ExpressionError,
    Literal,
    Name,
    parse,
    transform,
)
from pipemgr.model.identity import canonical
from pipemgr.model.templates import template, untemplate

from .tree import expressions

Cell = Mapping[str, JsonValue]
"""One combination: a value for each axis, and what `include` adds."""

MAX_CELLS: Final = 256
"""Larger matrices are not expanded: no vendor runs them."""
_MOST: Final = 2000
"""Combinations that are looked at before `exclude` takes some away."""
_MATRIX: Final = Name("matrix")
_NO_TEXT: Final = frozenset({"allow-failure", "max-parallel", "cancel-running"})
"""Keys whose templates give a boolean or a number."""


class _Dynamic(Exception):
    """Only a run knows the combinations, or something asks for more than a value of one."""


def cells(matrix: Matrix) -> tuple[Cell, ...] | None:
    """The combinations in order; None where a template decides at run time, or there are more than anybody runs.

    Rows of `exclude` match when all they say is in the combination. Then each row of `include` extends every
    combination whose axis values it does not change (values that an earlier row added may change), and is a
    combination of its own where there is none.
    """
    if matrix.expression is not None or _dynamic((matrix.axes, matrix.include, matrix.exclude)):
        return None
    axes: Any = matrix.axes
    exclude: Any = matrix.exclude
    include: Any = matrix.include
    if prod(map(len, axes.values())) > _MOST:
        return None
    rows = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())] if axes else []
    rows = [row for row in rows if not any(_agree(one, row, one) for one in exclude)]
    found = [dict(row) for row in rows]
    alone = []
    for more in include:
        fitting = [at for at, row in enumerate(rows) if _agree(more, row, more.keys() & row.keys())]
        for at in fitting:
            found[at].update(more)
        if not fitting:
            alone.append(more)
    return (*found, *alone)


def _agree(first: Cell, second: Cell, keys: Any) -> bool:
    """Whether both have the same values for `keys`; 1 is not true."""
    return all(key in second and canonical(first[key]) == canonical(second[key]) for key in keys)


def _dynamic(value: Any) -> bool:
    """Whether a template is anywhere in it."""
    match value:
        case str():
            return "${{" in value
        case dict():
            return any(map(_dynamic, value.values()))
        case list() | tuple():
            return any(map(_dynamic, value))
    return False


def expand(pipeline: Pipeline, wanted: Callable[[Stage], bool]) -> Pipeline:
    """The pipeline with each wanted stage that has a matrix as one stage a combination.

    A stage stays as it is where only a run knows the combinations, where a text of it wants more than a value of
    its combination, where a value does not fit its place, or where others read its outputs.
    """
    asked = _asked(pipeline)
    known = {stage.id for stage in pipeline.stages}
    into: dict[str, tuple[Stage, ...]] = {}
    for stage in pipeline.stages:
        several = _expanded(stage, known) if wanted(stage) and stage.id not in asked else None
        into[stage.id] = several or (stage,)
        known.update(one.id for one in into[stage.id])
    ids = {name: tuple(one.id for one in stages) for name, stages in into.items()}
    stages = tuple(_rewired(one, ids) for several in into.values() for one in several)
    return pipeline.model_copy(update={"stages": stages})


def _asked(pipeline: Pipeline) -> set[str]:
    """The stages that expressions ask for by `needs.<id>`."""
    return {
        node.key.value
        for _, expression in expressions(pipeline)
        for node in expression.walk()
        if isinstance(node, Access) and node.target == Name("needs") and isinstance(node.key, Literal)
        if isinstance(node.key.value, str)
    }


def _rewired(stage: Stage, ids: Mapping[str, tuple[str, ...]]) -> Stage:
    needs = tuple(new for need in stage.needs for new in ids.get(need, (need,)))
    return stage.model_copy(update={"needs": needs})


def _expanded(stage: Stage, known: set[str]) -> tuple[Stage, ...] | None:
    found = cells(stage.matrix) if stage.matrix else None
    if not found or len(found) > MAX_CELLS:
        return None
    data = stage.data() | {"matrix": None, "fail-fast": None, "max-parallel": None}
    taken = set(known)
    try:
        return tuple(_cell(stage, data, cell, _fresh(stage.id, cell, taken)) for cell in found)
    except (
        _Dynamic,
        ExpressionError,
        ValidationError,
    ):  # the last: no boolean where one is wanted, or the like
        return None


def _cell(stage: Stage, data: Data, cell: Cell, name: str) -> Stage:
    shown = ", ".join(_text(value) for value in cell.values() if not isinstance(value, dict | list))
    filled = _definition(data, cell)
    title = filled.get("name") or stage.id
    plain = title == (stage.name or stage.id)
    return Stage.model_validate(
        {**filled, "id": name, "name": f"{title} ({shown})" if plain and shown else title}
    )


def _fresh(stage: str, cell: Cell, taken: set[str]) -> str:
    """An id made of the stage's and the combination's values."""
    words = (_text(value) for value in cell.values() if not isinstance(value, dict | list))
    slug = "-".join(re.sub(r"[^A-Za-z0-9]+", "_", word).strip("_") for word in words)
    wish = f"{stage}-{slug}"[:80] if slug else stage
    free = next(
        name for number in count(1) if (name := wish if number == 1 else f"{wish}-{number}") not in taken
    )
    taken.add(free)
    return free


# Filling in --------------------------------------------------------------------------------------------


def _definition(data: Any, cell: Cell) -> Any:
    """A stage's or a step's data with `matrix.<axis>` replaced everywhere but in what is another vendor's."""
    if data.get("action") == OPAQUE:
        return data
    return {key: _field(key, value, cell) for key, value in data.items()}


def _field(key: str, value: Any, cell: Cell) -> Any:
    match key, value:
        case "vendor", _:
            return value
        case "steps", list():
            return [_definition(one, cell) for one in value]
        case "when", str():
            return str(_known(parse(value), cell))
    return _fill(value, cell, key)


def _fill(value: Any, cell: Cell, key: str = "") -> Any:
    match value:
        case dict():
            return {name: _fill(one, cell, name) for name, one in value.items()}
        case list():
            return [_fill(one, cell) for one in value]
        case str() if "${{" in value:
            return _filled(value, cell, key)
    return value


def _filled(text: str, cell: Cell, key: str) -> Atom:
    parts = [one if isinstance(one, str) else _known(one, cell) for one in template(text)]
    match parts:
        case [Literal(value)] if key in _NO_TEXT:
            return value
    return untemplate(tuple(_text(one.value) if isinstance(one, Literal) else one for one in parts))


def _known(expression: Expression, cell: Cell) -> Expression:
    """The expression with the combination's values in it."""
    filled = transform(expression, lambda node: _looked_up(node, cell))
    if any(node == _MATRIX for node in filled.walk()):
        raise _Dynamic
    return filled


def _looked_up(node: Expression, cell: Cell) -> Expression:
    if isinstance(node, Access) and isinstance(node.target, Literal):
        return Literal(None)
    keys: list[Any] = []
    root = node
    while isinstance(root, Access) and isinstance(root.key, Literal):
        keys.append(root.key.value)
        root = root.target
    if root != _MATRIX or not keys:
        return node
    value: Any = cell
    for key in reversed(keys):
        value = value.get(key) if isinstance(value, Mapping) else None
    return node if isinstance(value, dict | list) else Literal(value)


def _text(value: Atom) -> str:
    """A literal as templates show it."""
    return value if isinstance(value, str) else "" if value is None else canonical(value).decode()
