"""Matrices out: those that Jenkins can say, with axes that may be names of variables; others as stages, cell by cell.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#declarative-matrix
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pipemgr.adapter import Fidelity, Losses, cell_by_cell, rewritten
from pipemgr.model.definitions import Matrix, Pipeline, Stage
from pipemgr.model.expressions import Access, Expression, Literal, Name, transform

from .graph_writer import Leaf, Parallel, Tree

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_MATRIX: Final = Name("matrix")


def fitted(pipeline: Pipeline, losses: Losses) -> Pipeline:
    """The pipeline with matrices that have axes of plain values only."""
    expanded = cell_by_cell(pipeline, lambda stage: stage.matrix is not None and _has_data(stage.matrix))
    left = {stage.id for stage in expanded.stages}
    for stage in pipeline.stages:
        if stage.id not in left:
            tell_cells(stage, "values of its axes are more than texts", losses)
    stages = tuple(_named(_plain(one, losses), losses) for one in expanded.stages)
    return expanded.model_copy(update={"stages": stages})


def tell_cells(stage: Stage, why: str, losses: Losses) -> None:
    """Say that each cell of a stage's matrix is a stage now."""
    losses.add(
        Fidelity.EQUIVALENT,
        f"stages.{stage.id}.matrix",
        "matrix",
        f"written as one stage a combination: {why}",
    )


def within_branches(tree: Tree, *, inside: bool = False) -> set[str]:
    """The stages with a matrix that stand in a branch: Jenkins has no matrix there."""
    if isinstance(tree, Leaf):
        return {tree.stage.id} if inside and tree.stage.matrix is not None else set()
    below = inside or isinstance(tree, Parallel)
    return set[str]().union(*(within_branches(part, inside=below) for part in tree.parts))


def _has_data(matrix: Matrix) -> bool:
    """Whether a value of an axis is a list or a map."""
    return any(isinstance(one, dict | list) for values in matrix.axes.values() for one in values)


def _plain(stage: Stage, losses: Losses) -> Stage:
    """A stage without a matrix that only a run knows."""
    matrix = stage.matrix
    if matrix is None:
        return stage
    dynamic = any(isinstance(one, str) for one in (*matrix.axes.values(), matrix.exclude)) or _has_data(
        matrix
    )
    if matrix.axes and all(matrix.axes.values()) and not dynamic and not _templates(matrix):
        return stage
    why = (
        "a matrix of Jenkins is complete before anything runs; the stage is executed once, without its values"
    )
    remedy = "write the values down, or let a script execute the stages"
    losses.add(Fidelity.DROPPED, f"stages.{stage.id}.matrix", "matrix", why, remedy)
    return stage.model_copy(update={"matrix": None, "fail_fast": None})


def _templates(matrix: Matrix) -> bool:
    values: list[Any] = [one for row in matrix.axes.values() for one in row]
    return any(isinstance(one, str) and "${{" in one for one in values)


def _named(stage: Stage, losses: Losses) -> Stage:
    """A stage whose axes can be variables."""
    matrix = stage.matrix
    names = {name: _word(name) for name in matrix.axes if not _NAME.match(name)} if matrix is not None else {}
    if matrix is None or not names:
        return stage
    for old, new in names.items():
        why = f"an axis is an environment variable on Jenkins: {new}"
        losses.add(Fidelity.EQUIVALENT, f"stages.{stage.id}.matrix", f"axis {old}", why)
    exclude = matrix.exclude
    rows = exclude if isinstance(exclude, str) else tuple(_renamed(row, names) for row in exclude)
    changed = Matrix(axes=_renamed(matrix.axes, names), exclude=rows)
    asked = rewritten(stage, lambda node: transform(node, lambda one: _asked(one, names)))
    return asked.model_copy(update={"matrix": changed})


def _renamed(data: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in data.items()}


def _asked(node: Expression, names: Mapping[str, str]) -> Expression:
    match node:
        case Access(target, Literal(str(name))) if target == _MATRIX and name in names:
            return Access(target, Literal(names[name]))
    return node


def _word(name: str) -> str:
    word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").upper()
    return word if _NAME.match(word) else f"AXIS_{word}"
