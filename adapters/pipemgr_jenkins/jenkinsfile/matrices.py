"""Matrices in: axes and what is left out of them.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#declarative-matrix
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from pydantic import JsonValue

from pipemgr.adapter import Node
from pipemgr.model.definitions import Data, Matrix

from .values import Values

Axes = dict[str, tuple[JsonValue, ...]]


def read(node: Node, values: Values, model: str) -> Matrix:
    """The matrix of a `matrix` section; `model` is the first stage inside."""
    items = node.items()
    axes: Axes = {}
    if (listed := items.get("axes")) is not None:
        for one in listed.feeds(f"{model}.matrix.axes").entries():
            name, found = _axis(one, values)
            one.feeds(f"{model}.matrix.axes.{name}")
            axes[name] = found
    exclude: list[Data] = []
    if (left_out := items.get("excludes")) is not None:
        for one in left_out.feeds(f"{model}.matrix.exclude").entries():
            exclude += _rows(one, axes, values)
    return Matrix(axes={**axes}, exclude=tuple(exclude))


def _axis(node: Node, values: Values) -> tuple[str, tuple[JsonValue, ...]]:
    items = node.items()
    name = items.get("name")
    listed = items.get("values") or items.get("notValues")
    found = tuple(values.data(one) for one in listed.entries()) if listed is not None else ()
    return (name.text() if name is not None else ""), found


def _rows(node: Node, axes: Axes, values: Values) -> Iterator[Data]:
    """The combinations that one `exclude` names."""
    known: Axes = {}
    for one in node.entries():
        name, found = _axis(one, values)
        if "notValues" in one.items():
            found = tuple(value for value in axes.get(name, ()) if value not in found)
        known[name] = found
    for row in product(*known.values()):
        yield dict(zip(known, row, strict=True))
