"""The doctor: everything that may be wrong with an installation and a workspace, each with its cure."""

from __future__ import annotations

import contextlib
import platform
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pipemgr
from pipemgr.adapter.check import check as check_adapter
from pipemgr.config import find
from pipemgr.errors import PipemgrError
from pipemgr.ledger.health import STOPPED

from . import planning
from .connections import probe, standing
from .runtime import Runtime, registry


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at: well, or not and what to do."""

    subject: str
    well: bool
    message: str
    remedy: str = ""


def examine(folder: Path) -> Iterator[Diagnosis]:
    """Look at everything, from the outside in; one thing that is wrong does not hide the next."""
    python = (
        f"pipemgr {pipemgr.__version__}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )
    yield Diagnosis("installation", True, f"{python}, {sys.platform}")
    yield from _adapters()
    try:
        runtime = Runtime(find(folder))
    except PipemgrError as error:
        yield _ill("workspace", error)
        return
    yield Diagnosis("workspace", True, str(runtime.workspace.path))
    try:
        yield from _workspace(runtime)
    finally:
        runtime.close()


def _adapters() -> Iterator[Diagnosis]:
    for broken in registry().broken():
        yield Diagnosis(f"adapter {broken.name}", False, f"{broken.reason} ({broken.origin})", broken.remedy)
    for name in registry().names():
        problems = check_adapter(name, registry())
        message = "; ".join(f"{one.subject}: {one.message}" for one in problems) or "is what it declares"
        yield Diagnosis(f"adapter {name}", not problems, message, problems[0].remedy if problems else "")


def _workspace(runtime: Runtime) -> Iterator[Diagnosis]:
    yield _tried("definitions", lambda: _definitions(runtime))
    yield _tried("ledger", lambda: _ledger(runtime))
    for name in runtime.connections():
        found = probe(runtime, name)
        if found.server:
            yield Diagnosis(f"connection {name}", True, f"{found.server.name} {found.server.version}".strip())
        elif found.error:
            # Most errors name their connection as the place, and so does the diagnosis.
            said = found.error.message if found.error.where == name else str(found.error)
            yield Diagnosis(f"connection {name}", False, said, found.error.remedy or "")
        yield from _polling(runtime, name)


def _polling(runtime: Runtime, connection: str) -> Iterator[Diagnosis]:
    """What keeps a connection from being polled; nothing when the ledger can't tell, which was said already."""
    with contextlib.suppress(PipemgrError):
        found = standing(runtime, connection)
        if found.row.health in STOPPED:
            message = f"{found.row.health}: {found.row.last_error}"
            yield Diagnosis(f"polling {connection}", False, message, found.remedy or "")


def _definitions(runtime: Runtime) -> str:
    valid = len(planning.definitions(runtime))
    return f"{valid} pipeline{'s are' if valid != 1 else ' is'} valid"


def _ledger(runtime: Runtime) -> str:
    counts = runtime.ledger.queries.counts()
    return f"{counts.entries} entries ({counts.unsealed} not yet sealed), {counts.events} events"


def _tried(subject: str, look: Callable[[], str]) -> Diagnosis:
    try:
        return Diagnosis(subject, True, look())
    except PipemgrError as error:
        return _ill(subject, error)


def _ill(subject: str, error: PipemgrError) -> Diagnosis:
    return Diagnosis(subject, False, str(error), error.remedy or "")
