"""Preset: defaults of parameters said where they are asked for, for vendors that know them in builds of a person only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipemgr.model.definitions import Parameter, Pipeline
from pipemgr.model.expressions import Access, Binary, Expression, Literal, Name, transform

from .base import Dialect
from .report import Fidelity, Finding
from .rewriting import rewritten
from .tree import expressions

ASKED: Final = frozenset({"manual", "call"})
"""Triggers of builds that are given values of parameters."""
_PARAMETERS: Final = Name("parameters")
_SAID: Final = Literal("")
_BY_ITSELF: Final = Binary("!=", Name("trigger"), Literal("manual"))


def preset(pipeline: Pipeline, source: Dialect, target: Dialect) -> tuple[Pipeline, tuple[Finding, ...]]:
    """The pipeline whose parameters have their defaults in every build, in the words that `target` needs for it."""
    mine, theirs = _asked_only(source), _asked_only(target)
    if mine is theirs or source.foreign or target.foreign:
        return pipeline, ()
    known = {name: one for name, one in pipeline.parameters.items() if one.default is not None}
    if not known or all(trigger.event in ASKED for trigger in pipeline.triggers):
        return pipeline, ()
    if mine:
        left = rewritten(pipeline, lambda node: transform(node, lambda one: _bare(one, known, _SAID)))
        bare = {_name(node) for _, one in expressions(left) for node in one.walk()} & known.keys()
        found = rewritten(pipeline, lambda node: transform(node, lambda one: _bare(one, known)))
        return found, tuple(_everywhere(name, target.title) for name in sorted(bare) if known[name].default)
    asked: dict[str, None] = {}
    found = rewritten(
        pipeline,
        lambda node: transform(node, lambda one: _with_default(one, known, asked, shown=False)),
        lambda node: transform(node, lambda one: _with_default(one, known, asked, shown=True)),
    )
    return found, tuple(_finding(name, target.title) for name in asked)


def _asked_only(dialect: Dialect) -> bool:
    return dialect.tables is not None and dialect.tables.variables.asked_only


def _with_default(
    node: Expression, known: Mapping[str, Parameter], asked: dict[str, None], *, shown: bool
) -> Expression:
    """A parameter with its default; a text needs `false`, where a condition takes what is empty for it."""
    name = _name(node)
    if name not in known or (known[name].default is False and not shown):
        return node
    asked[name] = None
    return _said(node, known[name])


def _said(node: Expression, parameter: Parameter) -> Expression:
    default = parameter.default
    if default is True:
        return Binary("||", _BY_ITSELF, node)
    return Binary("||", node, Literal(default if isinstance(default, bool | int | float | str) else None))


def _bare(node: Expression, known: Mapping[str, Parameter], instead: Expression | None = None) -> Expression:
    """A parameter that stands with its default, without it; or what stands instead of both."""
    match node:
        case Binary("||", left, right):
            for one in (left, right):
                name = _name(one)
                if name in known and node == _said(one, known[name]):
                    return instead or one
    return node


def _name(node: Expression) -> str:
    match node:
        case Access(target, Literal(str(name))) if target == _PARAMETERS:
            return name
    return ""


def _everywhere(name: str, title: str) -> Finding:
    return Finding(
        fidelity=Fidelity.APPROXIMATE,
        path=f"parameters.{name}.default",
        source="",
        what=f"default of the parameter {name}",
        why=f"{title} gives it to every build; it was empty in those that no person started",
        remedy=f"compare what uses {name} with what builds of pushes and schedules need",
    )


def _finding(name: str, title: str) -> Finding:
    return Finding(
        fidelity=Fidelity.EQUIVALENT,
        path=f"parameters.{name}.default",
        source="",
        what=f"default of the parameter {name}",
        why=f"{title} gives it to builds that a person starts; for all others it is written where it is asked for",
    )
