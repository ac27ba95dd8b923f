"""Operating: polling that goes on by itself, by one of the engines."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

from pipemgr.config import Workspace
from pipemgr.ingest.engines import Engine, Setup, Shift, Told, load
from pipemgr.ingest.schedule import Pace

from .retention import retain
from .runtime import Runtime

CELERY = "celery"
"""The engine that `pipemgr worker` and `pipemgr beat` are parts of."""
DAILY: tuple[Callable[[Runtime], object], ...] = (retain,)
"""What is done once a day, by one of all processes that poll."""


def engine(workspace: Workspace, name: str, tell: Told, only: str | None = None) -> Engine:
    """The engine of this name for a workspace; `tell` hears of every poll, in whichever process it runs.

    The configuration is read once: who changes it starts the engine again. Raises `ConfigurationError` when
    something that the engine needs is missing, and `NoSuchObject` when the connection `only` is not configured.
    """
    Runtime(workspace).connections(only)
    return load(name, Setup(partial(_shift, workspace, tell, only), workspace.config.polling, workspace.path))


@contextlib.contextmanager
def _shift(workspace: Workspace, tell: Told, only: str | None) -> Iterator[Shift]:
    runtime = Runtime(workspace)
    try:
        configured = workspace.config.connections
        yield Shift(
            ledger=runtime.ledger,
            adapter=runtime.adapter,
            paces={name: Pace.of(configured[name]) for name in runtime.connections(only)},
            tell=tell,
            daily=partial(_daily, runtime),
        )
    finally:
        runtime.close()


def _daily(runtime: Runtime) -> None:
    for chore in DAILY:
        chore(runtime)
