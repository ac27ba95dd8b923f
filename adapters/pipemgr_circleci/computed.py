"""Computed values: what a definition works out from the values of a matrix, worked out for each of its cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import cells, rewritten
from pipemgr.model.definitions import Data, Matrix, Pipeline, Stage
from pipemgr.model.expressions import Access, Expression, Literal, Name, Opaque

from .folding import fold

COMPUTED: Final = "computed"
"""What the axes are called that hold such values, with a number behind."""
_MATRIX: Final = Name("matrix")
_Row = dict[str, Any]


def with_computed(pipeline: Pipeline) -> Pipeline:
    """The pipeline with texts such as `${{ matrix.version || '3' }}` as axes of their own, which CircleCI can say.

    The matrix then is a row a cell. Conditions stay as they are: they have operators there too.
    """
    stages = tuple(map(_computed, pipeline.stages))
    return pipeline if stages == pipeline.stages else pipeline.model_copy(update={"stages": stages})


def _computed(stage: Stage) -> Stage:
    rows = cells(stage.matrix) if stage.matrix is not None else None
    if not rows:
        return stage
    known = [dict(flat(row)) for row in rows]
    axes = {axis for row in known for axis in row}
    found: dict[Expression, tuple[JsonValue, ...]] = {}

    def change(node: Expression) -> Expression:
        if node not in found and (values := _values(node, known, axes)):
            found[node] = values
        return Access(_MATRIX, Literal(_name(list(found).index(node)))) if node in found else node

    bare = stage.model_copy(update={"matrix": None})
    changed = rewritten(bare, lambda node: node, change)
    if not found:
        return stage
    more = [
        {_name(at): values[place] for at, values in enumerate(found.values())} for place in range(len(rows))
    ]
    include: tuple[Data, ...] = tuple({**row, **own} for row, own in zip(rows, more, strict=True))
    return changed.model_copy(update={"matrix": Matrix(include=include)})


def _name(at: int) -> str:
    return f"{COMPUTED}-{at + 1}"


def _values(node: Expression, rows: list[_Row], axes: set[str]) -> tuple[JsonValue, ...]:
    """What an expression is in each cell; nothing where it asks for more than the matrix, or for one value of it."""
    if isinstance(node, Literal | Access | Name | Opaque) or not _about_matrix(node):
        return ()
    found = [fold(node, {f"matrix.{axis}": row.get(axis) for axis in axes}) for row in rows]
    values = tuple(one.value for one in found if isinstance(one, Literal))
    return values if len(values) == len(rows) else ()


def _about_matrix(node: Expression) -> bool:
    names = {one.name for one in node.walk() if isinstance(one, Name)}
    return names == {_MATRIX.name}


def flat(row: Any, prefix: str = "") -> Iterator[tuple[str, JsonValue]]:
    """A cell with the keys of its mappings as axes of their own: `config.name`."""
    for key, value in row.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
