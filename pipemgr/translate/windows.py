"""Windows: stages that have scripts only its shells read, and that say no machine, run on one with Windows."""

from __future__ import annotations

from typing import Any, Final

from pipemgr.model.definitions import Pipeline, Runner, Stage, Step
from pipemgr.model.expressions import parse

from .base import Dialect
from .report import Fidelity, Finding
from .tree import change_stages, change_steps

_SHELLS: Final = frozenset({"cmd", "powershell"})
_RUNNER: Final = "windows"
_POSIX: Final = "bash"
"""What reads the scripts of other systems' shells there."""
_RUN: Final = "run"
_SYSTEM: Final = parse("runner.os")


def on_windows(pipeline: Pipeline, target: Dialect) -> tuple[Pipeline, tuple[Finding, ...]]:
    """The pipeline with a runner for such stages, and for those that share a machine with them.

    Only where the target has such machines.
    """
    known = target.tables is not None and target.tables.has("runners")
    if target.foreign or not known or pipeline.runner is not None:
        return pipeline, ()
    found = [stage.id for stage in pipeline.stages if _needs_it(stage)]
    if not found:
        return pipeline, ()
    shared = {stage.workspace for stage in pipeline.stages if stage.id in found} - {None}

    def change(stage: Stage) -> Stage:
        if stage.id not in found and not (stage.workspace in shared and _nowhere(stage)):
            return stage
        moved = stage.model_copy(update={"runner": Runner(name=_RUNNER)})
        return moved if _default(stage) else change_steps(moved, _with_shell)

    return change_stages(pipeline, change), tuple(map(_finding, found))


def _nowhere(stage: Stage) -> bool:
    return stage.runner is None and stage.container is None


def _needs_it(stage: Stage) -> bool:
    if not _nowhere(stage):
        return False
    asked = (one for one in stage.steps if one.action == _RUN and not _asks_system(one))
    return any((step.inputs.get("shell") or _default(stage)) in _SHELLS for step in asked)


def _default(stage: Stage) -> Any:
    return stage.defaults.shell if stage.defaults else None


def _asks_system(step: Step) -> bool:
    """Whether a step is meant for one of several systems."""
    return step.when is not None and any(node == _SYSTEM for node in step.when.walk())


def _with_shell(step: Step) -> Step:
    """A step whose script named no shell, because it is for the one that other systems have anyway."""
    if step.action != _RUN or step.inputs.get("shell"):
        return step
    return step.model_copy(update={"inputs": {**step.inputs, "shell": _POSIX}})


def _finding(stage: str) -> Finding:
    return Finding(
        fidelity=Fidelity.APPROXIMATE,
        path=f"stages.{stage}.runner",
        source="",
        what=f"runner {_RUNNER}",
        why="the stage names no machine, and only shells of Windows read its scripts",
        remedy="name the machine that it needs",
    )
