"""Retention: lets go of what `[retention]` of pipemgr.toml says is old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pipemgr.ledger import retention
from pipemgr.ledger.retention import Policy, Retained

from .runtime import Runtime


def retain(runtime: Runtime, *, dry_run: bool = False) -> Retained:
    """Let go of the logs and builds that are older than configured, and of files that nobody refers to.

    With `dry_run` it only counts. Several processes may do it at once. Raises `LedgerError`.
    """
    now, configured = datetime.now(UTC), runtime.workspace.config.retention
    policy = Policy(_before(now, configured.logs), _before(now, configured.builds))
    if dry_run:
        return retention.due(runtime.ledger.engine, policy)
    return retention.retain(runtime.ledger, policy, now)


def _before(now: datetime, seconds: float | None) -> datetime | None:
    return None if seconds is None else now - timedelta(seconds=seconds)
