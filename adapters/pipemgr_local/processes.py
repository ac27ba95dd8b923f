"""Processes of a build: found by a mark in their environment, so that none outlives it."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Final

MARK: Final = "PIPEMGR_BUILD_MARK"
"""The variable that every process of a build inherits."""
_PROC: Final = Path("/proc")


def marked(mark: str) -> list[int]:
    """The ids of the living processes of a build. Steps run in sessions of their own, so groups don't tell."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or belongs to somebody else
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def end(mark: str, rounds: int = 5) -> None:
    """Kill all processes of a build, and those that they start meanwhile."""
    for _ in range(rounds):
        found = marked(mark)
        if not found:
            return
        for process in found:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
