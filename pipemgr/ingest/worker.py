"""Workers: what this process is called among all that poll, and whether another one is gone for good."""

from __future__ import annotations

import os
import socket
from pathlib import Path

_PROC = Path("/proc")


def me() -> str:
    """This process: its host, its number there, and when it started, so that no later one is taken for it."""
    return f"{_host()}:{os.getpid()}:{_started(os.getpid())}"


def is_gone(worker: str) -> bool:
    """Whether a worker surely lives no longer. One of another host, or of another container, may always live."""
    host, _, process = worker.partition(":")
    number, _, started = process.partition(":")
    if host != _host() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        return False  # another user's process: it lives, and there is no looking at it
    return _started(int(number)) != started


def _host() -> str:
    """The host, and the space of process numbers: containers may share the name of their host."""
    try:
        space = (_PROC / "self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        space = ""
    return f"{socket.gethostname()}/{space}"


def _started(process: int) -> str:
    """When a process started, in ticks since the host did; empty for one that is dead and still listed.

    Empty also where there is no /proc. The fields are those of proc(5), behind the name, which may hold anything.
    """
    try:
        state, *fields = (
            (_PROC / str(process) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        )
    except (OSError, ValueError):
        return ""
    return "" if state in "ZX" else fields[18]
