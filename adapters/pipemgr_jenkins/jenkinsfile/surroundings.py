"""Surroundings: what the pipeline and its blocks hand down to the stages inside.

The model has no blocks: each stage with steps is a stage, and its `group` is the path of the blocks around it. What a
block says holds for all stages inside and is written down with each of them: its condition, variables, time limit,
tools, agent (as a shared workspace that has the block's path). What only helps to draw the block again is kept with the
pipeline, by the block's path:

- `vendor.jenkins.hints.blocks.PATH`: `name` (where the path's last word is not it), `kind` (`parallel` or `stages`,
  where one member alone does not tell), `when`, `variables`, `timeout`, `concurrency` and `tools` as they were handed
  down, `flags` of its `when`, `options` without a meaning elsewhere, and the same in `cells` for what stands within the
  block's `matrix`;
- `vendor.jenkins.blocks.PATH`: what other vendors do without: `failFast`, `options`, and what only Jenkins understands
  of its agent (`agent`) or its input (`input`); `cells` has that of its `matrix`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import JsonValue

from pipemgr.model.definitions import Approval, Data, Matrix, Stage
from pipemgr.model.expressions import Access, Binary, Expression, Literal, Name
from pipemgr.model.templates import template, untemplate

from .agents import NOWHERE, Place
from .scope import Scope


@dataclass(frozen=True)
class Block:
    """What is around a stage, with all that it hands down."""

    scope: Scope
    path: str = ""
    when: tuple[Expression, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    outer: Mapping[str, str] = field(default_factory=dict)
    """Variables of the pipeline that do not name themselves; the stages inside need not say them again."""
    place: Place = NOWHERE
    tools: Data = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    """Fields of stages: `timeout`, `concurrency`."""
    matrix: Matrix | None = None
    fail_fast: bool | None = None
    approval: Approval | None = None
    """A person must agree before the first stages inside begin."""
    fetches: bool = True
    """Whether the source code is fetched when a machine is taken."""
    is_direct: bool = True
    """Whether stages follow one another since the workspace was taken."""

    def inner(self, **changes: Any) -> Block:
        """The block with changes."""
        return replace(self, **changes)

    def with_variables(self, more: Mapping[str, str]) -> Block:
        """The block with further variables, which may name those around."""
        if not more:
            return self
        around = {**self.outer, **self.variables}
        found = {name: composed(name, text, around) for name, text in more.items()}
        return replace(self, variables={**self.variables, **found}, scope=self.scope.inner(variables=more))


@dataclass
class Said:
    """What a stage or a block says, beside what it hands down."""

    block: Block
    kept: dict[str, JsonValue] = field(default_factory=dict)
    """What only Jenkins understands."""
    hints: dict[str, JsonValue] = field(default_factory=dict)
    """What helps to write it again."""
    down: dict[str, JsonValue] = field(default_factory=dict)
    """What a block hands down, as it is: the writer takes it off again."""


def composed(name: str, text: str, around: Mapping[str, str]) -> str:
    """A variable's text, with what it names of itself from around (`PATH = "/x:${env.PATH}"`) put in its place."""
    own = Access(Name("variables"), Literal(name))
    if name not in around or "${{" not in text:
        return text
    outer = template(around[name])
    return untemplate(tuple(one for part in template(text) for one in (outer if part == own else (part,))))


def conjuncts(node: Expression) -> tuple[Expression, ...]:
    """The parts of a condition that must all hold; none of one that always holds."""
    found: list[Expression] = []
    todo = [node]
    while todo:
        one = todo.pop()
        if isinstance(one, Binary) and one.operator == "&&":
            todo += [one.right, one.left]
        elif one != Literal(True):
            found.append(one)
    return tuple(found)


def shown(blocks: Mapping[str, JsonValue], stages: Sequence[Stage]) -> dict[str, JsonValue]:
    """What helps to draw blocks again, without variables that stages inside set to something else."""
    found: dict[str, JsonValue] = {}
    for path, hints in blocks.items():
        inside = [one.variables for one in stages if f"{one.group}/".startswith(f"{path}/")]
        if kept := _used(hints, inside):
            found[path] = kept
    return found


def _used(hints: Any, inside: Sequence[Mapping[str, str]]) -> Data:
    kept: Data = dict(hints)
    said = {
        key: one for key, one in hints.get("variables", {}).items() if all(v.get(key) == one for v in inside)
    }
    for key, value in (
        ("variables", said),
        ("cells", _used(hints["cells"], inside) if "cells" in hints else {}),
    ):
        kept.pop(key, None)
        if value:
            kept[key] = value
    return kept
