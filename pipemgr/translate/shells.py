"""Shells: what reads scripts that name no shell, said where another vendor would read them differently.

A vendor's default shell may end a script at the first failing part of a pipe (`pipefail`) or only at the last one, so
only scripts with a pipe in them are concerned.
"""

from __future__ import annotations

from pipemgr.model.definitions import Defaults, Pipeline, Runner, Stage, Step

from .base import Dialect
from .report import Fidelity, Finding
from .scripts import piped
from .tree import change_stages

_RUN = "run"
_WINDOWS = "windows"


def shells_named(
    pipeline: Pipeline, source: Dialect, target: Dialect
) -> tuple[Pipeline, tuple[Finding, ...]]:
    """The pipeline with the source's default shell named where it matters, less what is the target's default anyway."""
    ours, theirs = _default(source), _default(target)
    findings: list[Finding] = []

    def change(stage: Stage) -> Stage:
        shell = stage.defaults.shell if stage.defaults else None
        if shell is not None and shell == theirs:
            return _with(stage, None)
        concerned = [at for at, step in enumerate(stage.steps) if _has_pipe(step)]
        if shell or ours in (None, theirs) or not concerned or _on_windows(stage.runner or pipeline.runner):
            return stage
        findings.append(_finding(stage, concerned[0], f"{source.title} reads it with {ours}"))
        return _with(stage, ours)

    if pipeline.defaults is not None and pipeline.defaults.shell:
        return pipeline, ()
    return change_stages(pipeline, change), tuple(findings)


def _default(dialect: Dialect) -> str | None:
    return dialect.tables.shell if dialect.tables is not None and dialect.tables.has("runners") else None


def _has_pipe(step: Step) -> bool:
    script = step.inputs.get("script")
    return step.action == _RUN and not step.inputs.get("shell") and isinstance(script, str) and piped(script)


def _on_windows(runner: Runner | None) -> bool:
    words = (runner.name or "", *runner.labels) if runner else ()
    return any(_WINDOWS in word.lower() for word in words)


def _with(stage: Stage, shell: str | None) -> Stage:
    defaults = Defaults(shell=shell, directory=stage.defaults.directory if stage.defaults else None)
    return stage.model_copy(update={"defaults": None if defaults == Defaults() else defaults})


def _finding(stage: Stage, step: int, why: str) -> Finding:
    return Finding(
        fidelity=Fidelity.EQUIVALENT,
        path=f"stages.{stage.id}.steps[{step}].inputs.script",
        source="",
        what="a script with a pipe that names no shell",
        why=f"{why}; now named as the stage's default, for others let failures pass within a pipe or do not",
    )
