"""Shells: the interpreter that a script names in its first line, which Jenkins obeys and other vendors do not."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

_USUAL: Final = ("/bin", "/usr/bin", "/usr/local/bin")


def interpreter(script: str) -> str | None:
    """The command that reads a script by its first line, in our words (`bash -e {0}`); None where it names none.

    A shell step reads all other scripts by `sh -xe` (https://javadoc.jenkins.io/hudson/tasks/Shell.html).
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
