"""Engines: what brings ticks and workers to the schedule, which itself is rows of the ledger.

An engine is registered by an entry point of the group `pipemgr.engines`, ours like a stranger's. All of them drive a
`Shift`; none of them knows what is due, who may poll it or what polling is. So an engine may lose everything that it
remembers, deliver twice or too late, and be there twice: the ledger's claims and fences sort it out.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from pipemgr.config import PollingConfig
from pipemgr.errors import ConfigurationError

from .shift import Shift, Told

__all__ = ["GROUP", "Engine", "Setup", "Shift", "Told", "load"]

GROUP = "pipemgr.engines"
"""The entry point group that engines register in."""


@dataclass(frozen=True)
class Setup:
    """What an engine is given.

    `shift` opens a shift, with its own connections to the database: call it in the process that works, never before a
    fork. `polling` is that part of the configuration, `path` the configuration file (for messages, and because
    references to secrets start at its folder).
    """

    shift: Callable[[], AbstractContextManager[Shift]]
    polling: PollingConfig
    path: Path


class Engine(ABC):
    """A way to keep the schedule going. `stop` may be called from a signal or from another thread."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.stopping = threading.Event()

    @abstractmethod
    def run_once(self) -> int:
        """Hand out what is due now to whoever does the work; how many connections that were."""

    @abstractmethod
    def run_forever(self) -> int:
        """Keep handing out until `stop`. How many polls had to be left unfinished: they are done again."""

    def stop(self) -> None:
        """Hand out nothing more, and leave soon."""
        self.stopping.set()

    def work_forever(self) -> int:
        """Do what another process hands out, until a signal ends it; the exit code.

        Only engines of several processes do; raises `ConfigurationError` for the others.
        """
        raise ConfigurationError(
            "this engine does its work itself and has no workers",
            where=str(self.setup.path),
            remedy="start it with `pipemgr poll --watch`",
        )


def load(name: str, setup: Setup) -> Engine:
    """The engine of this name; raises `ConfigurationError` when there is none or something that it needs is missing."""
    found = {one.name: one for one in entry_points(group=GROUP)}
    if name not in found:
        known = ", ".join(sorted(found)) or "none; install pipemgr again"
        raise ConfigurationError(f"there is no engine {name!r}", remedy=f"installed: {known}")
    try:
        kind = found[name].load()
    except ImportError as error:
        raise ConfigurationError(
            f"the engine {name!r} can't be loaded: {error}",
            where=found[name].value,
            remedy=f"pip install 'pipemgr[{name}]', if that is where it comes from",
        ) from None
    engine: Engine = kind(setup)
    return engine
