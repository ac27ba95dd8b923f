"""Connections: what is configured, what answers, and how polling stands for each."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from pipemgr.adapter.base import ServerInfo
from pipemgr.adapter.capabilities import Capability
from pipemgr.errors import PipemgrError
from pipemgr.ledger.budgets import BudgetRow
from pipemgr.ledger.health import Health
from pipemgr.ledger.views import ConnectionRow

from .asking import answer
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


@dataclass(frozen=True)
class Standing:
    """How polling stands for a connection, by the ledger; nobody is asked."""

    row: ConnectionRow
    pipelines: tuple[str, ...]
    open: int
    """Attempts that are not finished."""
    pending: int
    """Attempts that were found and not looked at yet, those in quarantine not counted."""
    quarantine: int
    gaps: int
    """Open ones."""
    walks: bool
    """Whether its adapter can walk through the past at all."""
    budgets: tuple[BudgetRow, ...]
    """What is left of the credentials that it uses."""

    @property
    def remedy(self) -> str | None:
        """What to do about the connection, if there is something."""
        return REMEDIES.get(self.row.health, "").format(name=self.row.name) or None


REMEDIES: dict[str, str] = {
    Health.LOST: "`pipemgr connection check {name}` asks it now; it is tried again by itself",
    Health.PARKED: "correct its credential, then `pipemgr connection resume {name}`",
    Health.HELD: "`pipemgr connection resume {name}` takes everything that is new; with --fast-forward, nothing of it",
}
"""What to do about a connection in each health that needs somebody."""


def rows(runtime: Runtime) -> dict[str, ConnectionRow]:
    """The schedule's rows of the configured connections, as they are configured."""
    known = {row.name: row for row in runtime.ledger.queries.connections()}
    return {name: known[name] for name in runtime.connections()}


def standing(runtime: Runtime, connection: str) -> Standing:
    """How polling stands for a connection. Raises `NoSuchObject` when it is not configured."""
    (name,) = runtime.connections(connection)
    queries = runtime.ledger.queries
    quarantine = len(queries.quarantine(name))
    return Standing(
        row=rows(runtime)[name],
        pipelines=runtime.workspace.config.connections[name].pipelines,
        open=len(queries.open_instances(name)),
        pending=sum(queries.pending_counts(name).values()) - quarantine,
        quarantine=quarantine,
        gaps=len(queries.gaps(name)),
        walks=bool(answer(runtime, name, Capability.HISTORY)),
        budgets=_budgets(runtime, name),
    )


def _budgets(runtime: Runtime, connection: str) -> tuple[BudgetRow, ...]:
    """The budgets of the credentials that a connection's adapter asks by, as far as it names them when it is made."""
    with contextlib.suppress(PipemgrError):
        runtime.adapter(connection)
    used = runtime.credentials.get(connection, set())
    return tuple(one for one in runtime.ledger.queries.budgets() if one.credential in used)


def resume(runtime: Runtime, connection: str, *, fast_forward: bool = False) -> None:
    """Poll a connection again that was parked, held or lost. Raises `NoSuchObject` when it is not configured.

    With `fast_forward` what is new by now is skipped: the next poll takes the cursor only.
    """
    (name,) = runtime.connections(connection)
    runtime.ledger.store.resume(name, fast_forward=fast_forward)
