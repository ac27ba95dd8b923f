"""Windows: stages whose scripts only its shells read, and that say no machine, run on one with Windows."""

from __future__ import annotations

from typing import Any, Final

from pipemgr.model.definitions import Pipeline, Runner, Stage

from .base import Dialect
from .report import Fidelity, Finding
from .tree import change_stages

_SHELLS: Final = frozenset({"cmd", "powershell"})
_RUNNER: Final = "windows"


def on_windows(pipeline: Pipeline, target: Dialect) -> tuple[Pipeline, tuple[Finding, ...]]:
    """The pipeline with a runner for such stages, where the target has such machines."""
    known = target.tables is not None and target.tables.has("runners")
    if target.foreign or not known or pipeline.runner is not None:
        return pipeline, ()
    found = [stage.id for stage in pipeline.stages if _needs_it(stage)]
    if not found:
        return pipeline, ()

    def change(stage: Stage) -> Stage:
        return stage.model_copy(update={"runner": Runner(name=_RUNNER)}) if stage.id in found else stage

    return change_stages(pipeline, change), tuple(map(_finding, found))


def _needs_it(stage: Stage) -> bool:
    if stage.runner is not None or stage.container is not None:
        return False
    default: Any = stage.defaults.shell if stage.defaults else None
    shells = {step.inputs.get("shell") or default for step in stage.steps if step.action == "run"}
    return bool(shells) and shells <= _SHELLS


def _finding(stage: str) -> Finding:
    return Finding(
        fidelity=Fidelity.APPROXIMATE,
        path=f"stages.{stage}.runner",
        source="",
        what=f"runner {_RUNNER}",
        why="the stage names no machine, and only shells of Windows read its scripts",
        remedy="name the machine that it needs",
    )
