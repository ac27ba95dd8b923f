"""Connections and adapters: what is configured, what answers, what is installed."""

from __future__ import annotations

from dataclasses import dataclass

from pipemgr.adapter.base import ServerInfo
from pipemgr.errors import PipemgrError

from .runtime import Runtime


@dataclass(frozen=True)
class Probe:
    """What a connection answered: who it is, or why not."""

    connection: str
    adapter: str
    server: ServerInfo | None = None
    error: PipemgrError | None = None


def probe(runtime: Runtime, connection: str) -> Probe:
    """Ask a connection's vendor who it is. A failure is an answer, not an exception."""
    adapter = runtime.workspace.config.connections[connection].adapter
    try:
        return Probe(connection, adapter, server=runtime.adapter(connection).probe())
    except PipemgrError as error:
        return Probe(connection, adapter, error=error)
