"""Schedules: stages that are built on branches where the target starts no schedules."""

from __future__ import annotations

from typing import Final

from pipemgr.model.definitions import Pipeline, Stage
from pipemgr.model.expressions import Binary, Expression, Literal, Name

from .base import Dialect
from .report import Fidelity, Finding

_USUAL: Final = frozenset({"main", "master"})
"""Names that the default branch of most repositories has."""
_SCHEDULED: Final = Binary("==", Name("trigger"), Literal("schedule"))


def schedules(pipeline: Pipeline, source: Dialect, target: Dialect) -> tuple[Finding, ...]:
    """A finding for each stage that a schedule starts on branches which may not be the default one."""
    mine, theirs = (one.tables and one.tables.schedules for one in (source, target))
    if (mine, theirs) != ("branches", "default-branch"):
        return ()
    return tuple(_finding(stage, names, target) for stage in pipeline.stages if (names := _elsewhere(stage)))


def _elsewhere(stage: Stage) -> list[str]:
    """The branches that a stage started by a schedule asks for, if they can't all be the default one."""
    nodes: list[Expression] = list(stage.when.walk()) if stage.when is not None else []
    if _SCHEDULED not in nodes:
        return []
    names = {
        str(one.right.value)
        for one in nodes
        if isinstance(one, Binary)
        and (one.operator, one.left) == ("==", Name("branch"))
        and isinstance(one.right, Literal)
    }
    return sorted(names) if len(names) > 1 or names - _USUAL else []


def _finding(stage: Stage, names: list[str], target: Dialect) -> Finding:
    return Finding(
        fidelity=Fidelity.APPROXIMATE,
        path=f"stages.{stage.id}.when",
        source="",
        what=f"a schedule on {', '.join(names)}",
        why=f"{target.title} starts schedules on the default branch only; other branches are no longer built by them",
        remedy="check out the other branches in steps, or start them by hand",
    )
