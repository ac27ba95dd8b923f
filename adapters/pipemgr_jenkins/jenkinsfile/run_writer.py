"""Scripts out: `sh`, `bat`, `powershell` and `pwsh`; other interpreters by the first line of `sh`.

Source: https://www.jenkins.io/doc/pipeline/steps/workflow-durable-task-step/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pipemgr.adapter import Fidelity
from pipemgr.model.definitions import Step

from .call_writer import statement
from .scope import hints, own
from .shebang import interpreter
from .text_writer import Texts

SH: Final = "sh"
POWERSHELL: Final = "powershell"
_SYSTEM: Final = {"sh": "sh", "bash": "sh", "cmd": "cmd", "powershell": "powershell", "pwsh": "powershell"}
"""How the shell of a step refers to variables."""
BASH: Final = "#!/bin/bash\nset -eo pipefail\n"
"""What `bash` by itself means: it stops at the first failure, also within a pipe."""
_SCRIPT: Final = re.compile(r"\s*\{0\}\s*$")
_CATCH: Final = ("catch", "within", "call")


@dataclass(frozen=True)
class Run:
    """A script as a statement, and the secrets that it refers to by variables."""

    text: str
    secrets: tuple[str, ...] = ()


class RunWriter:
    """Writes scripts for the machines of one system."""

    def __init__(self, texts: Texts, *, windows: bool = False) -> None:
        self.texts = texts
        self.windows = windows
        rows = texts.words.tables.steps.rows
        self.calls: Mapping[str, str] = {
            str(row.implied["shell"]): str(row.call)
            for row in rows
            if row.action == "run" and row.call is not None and row.implied.get("shell")
        }

    def write(self, step: Step, path: str) -> Run:
        """The step that executes a script."""
        script = str(step.inputs.get("script", ""))
        shell = str(step.inputs.get("shell") or "")
        name, first = self._interpreter(shell, script, path)
        source, secrets = self.texts.script(first + script, f"{path}.inputs.script", _SYSTEM.get(name, "sh"))
        given = {"label": self.texts.text(step.name, f"{path}.name")} if step.name else {}
        again = hints(step.vendor).get("returnStatus")
        more = {key: value for key, value in own(step.vendor).items() if key not in _CATCH}
        more |= {"returnStatus": again} if again is not None and step.allow_failure else {}
        extra = {key: self.texts.value(value, f"{path}.vendor.jenkins.{key}") for key, value in more.items()}
        for other in step.inputs.keys() - {"script", "shell", "directory"}:
            why = "a script has no such input"
            self.texts.losses.add(Fidelity.DROPPED, f"{path}.inputs.{other}", f"input {other} of run", why)
        if not given and not extra:
            return Run(statement(name, source), secrets)
        return Run(statement(name, None, {**given, "script": source, **extra}), secrets)

    def _interpreter(self, shell: str, script: str, path: str) -> tuple[str, str]:
        """The step that reads a script of a shell, and the line that has to stand before it."""
        if not shell:
            return (POWERSHELL if self.windows else SH), ""
        if shell == interpreter(script):
            return SH, ""
        word = _SCRIPT.sub("", shell)
        if word in self.calls:
            return self.calls[word], ""
        if word == SH:
            return SH, ""
        first = BASH if word == "bash" and word == shell and not script.startswith("#!") else _shebang(word)
        why = "Jenkins' step sh takes the interpreter from the script's first line"
        self.texts.losses.add(Fidelity.EQUIVALENT, f"{path}.inputs", f"shell {shell}", why)
        return SH, first


def _shebang(command: str) -> str:
    """The first line that names an interpreter."""
    words = command.split() or [SH]
    if len(words) == 1:
        return f"#!{'' if words[0].startswith('/') else '/usr/bin/env '}{words[0]}\n"
    if len(words) == 2 and words[0] in ("bash", "sh"):  # noqa: PLR2004 - systems take one argument there
        return f"#!/bin/{words[0]} {words[1]}\n"
    return f"#!/usr/bin/env -S {command}\n"
