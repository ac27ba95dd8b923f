"""Shebangs: the interpreter that a script names in its first line, which Jenkins obeys and other vendors do not."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

_USUAL: Final = ("/bin", "/usr/bin", "/usr/local/bin")
"""Folders of programs that are found by their names."""


def interpreter(script: str) -> str | None:
    """The command that reads a script by its first line, in our words (`bash -e {0}`); None where it names none.

    The step `sh` starts such a script by itself; it reads all others by `sh -xe`
    (https://www.jenkins.io/doc/pipeline/steps/workflow-durable-task-step/#sh-shell-script).
    """
    if not script.startswith("#!"):
        return None
    words = script[2:].partition("\n")[0].split()
    if words and PurePosixPath(words[0]).name == "env":
        words = [word for word in words[1:] if word != "-S"]
    if not words:
        return None
    program = PurePosixPath(words[0])
    name = program.name if str(program.parent) in _USUAL else words[0]
    return " ".join((name, *words[1:], "{0}"))
