"""Surplus: parameters beyond those that a target can ask a person for keep their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Final

from pipemgr.model.definitions import Parameter, Pipeline
from pipemgr.model.expressions import Access, Expression, Literal, Name, transform

from .base import Dialect
from .report import Fidelity, Finding
from .rewriting import rewritten

_PARAMETERS: Final = Name("parameters")
_MANUAL: Final = "manual"


def few_parameters(pipeline: Pipeline, target: Dialect) -> tuple[Pipeline, tuple[Finding, ...]]:
    """The pipeline with as many parameters as the target can have; in place of others stand their defaults."""
    most = target.tables.variables.most_parameters if target.tables is not None else None
    asks = any(trigger.event == _MANUAL for trigger in pipeline.triggers)
    if most is None or not asks or len(pipeline.parameters) <= most:
        return pipeline, ()
    surplus = dict(islice(pipeline.parameters.items(), most, None))
    kept = dict(islice(pipeline.parameters.items(), most))
    changed = rewritten(pipeline, lambda node: transform(node, lambda one: _default(one, surplus)))
    found = tuple(_finding(name, most, target.title) for name in surplus)
    return changed.model_copy(update={"parameters": kept}), found


def _default(node: Expression, surplus: Mapping[str, Parameter]) -> Expression:
    match node:
        case Access(target, Literal(str(name))) if target == _PARAMETERS and name in surplus:
            default = surplus[name].default
            return Literal(default if isinstance(default, bool | int | float | str) else "")
    return node


def _finding(name: str, most: int, title: str) -> Finding:
    return Finding(
        fidelity=Fidelity.MANUAL,
        path=f"parameters.{name}",
        source="",
        what=f"parameter {name}",
        why=f"{title} asks a person for {most} values at most; its default stands in its place",
        remedy="put several parameters into one, or values that hardly change into variables of the repository",
    )
