"""Shells: GitHub knows some by a word; of any other it wants the command, with `{0}` for the file of the script."""

from __future__ import annotations

from typing import Final

FILE: Final = " {0}"


def from_github(shell: str) -> str:
    """The command alone: `bash -l {0}` is `bash -l`."""
    command = shell.removesuffix(FILE)
    return command if _is_command(command) else shell


def to_github(shell: str) -> str:
    """The command with the place of the file: `/bin/sh` is `/bin/sh {0}`."""
    return shell + FILE if _is_command(shell) else shell


def _is_command(shell: str) -> bool:
    """Whether it is more than a word, and does not say itself where the file goes."""
    return any(one in shell for one in " /") and not any(one in shell for one in ("{0}", "${{"))
