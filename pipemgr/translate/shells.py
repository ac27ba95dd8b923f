"""Shells: what reads scripts that name no shell, said where another vendor would read them differently.

A vendor's default shell may end a script at the first failing part of a pipe (`pipefail`) or only at the last one, so
scripts with a pipe in them are concerned. In a container it may be another shell than on a machine (sh, not bash), so
those in bash's own words are concerned there.
"""

from __future__ import annotations

import re
from typing import Final

from pipemgr.model.definitions import Defaults, Pipeline, Runner, Stage, Step

from .base import Dialect
from .report import Fidelity, Finding
from .scripts import piped
from .tree import change_stages

_BASH: Final = re.compile(
    r"(?m)(?:^|[\s;(])(?:\[\[ |source |pushd |popd\b|shopt |declare |mapfile |readarray |function \w)"
    r"|<<<|[<>]\(|&>|^\s*\w+\+?=\(|\$\{\w+(?:\[|//|:\d|\^|,)"
)
"""What bash understands and sh does not."""
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
        if shell or ours is None or ours == theirs or _on_windows(stage.runner or pipeline.runner):
            return stage
        steps = enumerate(stage.steps)
        concerned = [(at, found) for at, step in steps if (found := _concern(step, stage, ours, theirs))]
        if not concerned:
            return stage
        at, (what, difference) = concerned[0]
        why = f"{source.title} reads it with {ours}, which is now the stage's default: {difference}"
        findings.append(_finding(stage, at, f"{what} that names no shell", why))
        return _with(stage, ours)

    if pipeline.defaults is not None and pipeline.defaults.shell:
        return pipeline, ()
    return change_stages(pipeline, change), tuple(findings)


def _default(dialect: Dialect) -> str | None:
    return dialect.tables.shell if dialect.tables is not None and dialect.tables.has("runners") else None


def _concern(step: Step, stage: Stage, ours: str, theirs: str | None) -> tuple[str, str] | None:
    """What of a script without a shell makes a difference, and which."""
    script = step.inputs.get("script")
    if step.action != _RUN or step.inputs.get("shell") or not isinstance(script, str):
        return None
    if piped(script) and (theirs is None or _ends_in_pipes(ours) != _ends_in_pipes(theirs)):
        return "a script with a pipe", "shells differ in whether a failure within a pipe counts"
    if stage.container is not None and _BASH.search(script) and ours.startswith("bash"):
        return "a script in bash's own words", "in a container it may be read with sh otherwise"
    return None


def _ends_in_pipes(shell: str) -> bool:
    """Whether any failing part of a pipe ends a script; `bash` alone stands for `bash -eo pipefail`."""
    return shell == "bash" or "pipefail" in shell


def _on_windows(runner: Runner | None) -> bool:
    words = (runner.name or "", *runner.labels) if runner else ()
    return any(_WINDOWS in word.lower() for word in words)


def _with(stage: Stage, shell: str | None) -> Stage:
    defaults = Defaults(shell=shell, directory=stage.defaults.directory if stage.defaults else None)
    return stage.model_copy(update={"defaults": None if defaults == Defaults() else defaults})


def _finding(stage: Stage, step: int, what: str, why: str) -> Finding:
    return Finding(
        fidelity=Fidelity.EQUIVALENT,
        path=f"stages.{stage.id}.steps[{step}].inputs.script",
        source="",
        what=what,
        why=why,
    )
