"""The runtime: opens configuration, adapters and ledger once for all use cases."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Iterator
from functools import cache, cached_property, partial
from pathlib import Path

from pipemgr.adapter.base import Adapter, Connection
from pipemgr.adapter.guard import Guarded
from pipemgr.adapter.registry import Registry
from pipemgr.config import Workspace, find
from pipemgr.errors import NoSuchObject, NoWorkspace
from pipemgr.ledger import Ledger, open_ledger
from pipemgr.ledger.budgets import SharedBudget

from .languages import Languages


@cache
def registry(overlay: Path | None = None) -> Registry:
    """The installed adapters; none is imported yet. `overlay` is a folder of the user's own tables."""
    return Registry(overlay=overlay)


def languages() -> Languages:
    """The languages of the installed adapters, by the tables of the workspace if this is in one."""
    return _languages(_overlay())


@cache
def _languages(overlay: Path | None) -> Languages:
    return Languages(registry(overlay), overlay)


def _overlay() -> Path | None:
    with contextlib.suppress(NoWorkspace):
        return find(Path.cwd()).overlay
    return None


class Runtime:
    """One workspace in use. Everything opens when it is first asked for; `close` ends it."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.registry = registry(workspace.overlay)
        self.languages = _languages(workspace.overlay)
        self._adapters: dict[str, Adapter] = {}
        self.credentials: dict[str, set[str]] = {}
        """The names of the credentials that each connection's adapter asks by, as far as it was made."""

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, made or migrated if need be."""
        config = self.workspace.config.ledger
        root = self.workspace.root
        ledger = open_ledger(
            self.workspace.ledger_url,
            key=root / config.signing_key if config.signing_key else None,
            blobs=root / config.blobs if config.blobs else self.workspace.state / "blobs",
        )
        # Only what is new: whoever merely looks must neither wait for a writer nor need the right to write.
        known = {one.name: one.adapter for one in ledger.queries.connections()}
        for name, connection in self.workspace.config.connections.items():
            if known.get(name) != connection.adapter:
                ledger.store.register(name, connection.adapter)
        return ledger

    @property
    def public_key(self) -> Path | None:
        """The key that checkpoints are checked with, if one is configured."""
        configured = self.workspace.config.ledger.public_key
        return self.workspace.root / configured if configured else None

    @property
    def observer(self) -> str:
        """Who acts here: the name that entries carry."""
        try:
            return f"user:{getpass.getuser()}"
        except (KeyError, OSError):
            return "user:unknown"

    def connections(self, only: str | None = None) -> tuple[str, ...]:
        """The names of the configured connections, or the one asked for.

        Raises `NoSuchObject` when it is not configured.
        """
        names = tuple(self.workspace.config.connections)
        if only is None:
            return names
        if only not in names:
            known = ", ".join(names) or "none"
            raise NoSuchObject(f"no connection {only!r} is configured", remedy=f"configured: {known}")
        return (only,)

    def adapter(self, connection: str) -> Adapter:
        """The adapter of a connection, made once. Raises `ConfigurationError` when its settings are wrong."""
        if connection not in self._adapters:
            self._adapters[connection] = self._make(connection)
        return self._adapters[connection]

    def _make(self, name: str) -> Adapter:
        (name,) = self.connections(name)
        configured = self.workspace.config.connections[name]
        kind = self.registry.load(configured.adapter)
        place = Connection(
            name=name,
            workspace=self.workspace.root,
            state=self.workspace.state / "connections" / name,
            dialect=self.languages.get,
            tables=self.registry.tables(configured.adapter),
            budget=partial(self._budget, name),
        )
        return Guarded(kind, place, self.workspace.settings(name, kind.Settings))

    def _budget(self, connection: str, credential: str) -> SharedBudget:
        """What a credential may still ask; which connection uses it is remembered, to show it there."""
        # Adapters name credentials as they like: two of them may mean different ones by the same name.
        known = f"{self.workspace.config.connections[connection].adapter}:{credential}"
        self.credentials.setdefault(connection, set()).add(known)
        return self.ledger.budgets(known)

    def close(self) -> None:
        """Give database connections back."""
        if "ledger" in self.__dict__:
            self.ledger.close()


@contextlib.contextmanager
def opened(folder: Path | None = None) -> Iterator[Runtime]:
    """The runtime of the workspace that `folder` (or the current one) lies in."""
    runtime = Runtime(find(folder or Path.cwd()))
    try:
        yield runtime
    finally:
        runtime.close()
