"""Losses: builds that are missing for sure (gaps), and builds that could not be read yet (quarantine)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pipemgr.errors import NoSuchObject
from pipemgr.ledger.gaps import GapRow
from pipemgr.ledger.pending import Pending

from .runtime import Runtime

EVERY = 100_000
"""More in quarantine than this is never looked through."""


def gap_of(runtime: Runtime, reference: str) -> GapRow:
    """The open gap whose id is, or begins with, `reference`. Raises `NoSuchObject`."""
    wanted = reference.lower().replace("-", "")
    found = [one for one in runtime.ledger.queries.gaps(limit=EVERY) if one.id.hex.startswith(wanted)]
    if len(found) != 1 or not wanted:
        what = "several open gaps begin" if found else "no open gap begins"
        raise NoSuchObject(f"the id of {what} with {reference!r}", remedy="`pipemgr gaps` lists them")
    return found[0]


def close_gap(runtime: Runtime, reference: str) -> GapRow:
    """Close a gap: its builds were found elsewhere, or are given up."""
    gap = gap_of(runtime, reference)
    runtime.ledger.store.close_gap(gap.id)
    return gap


def name(one: Pending) -> str:
    """What an attempt in quarantine is called: `PIPELINE#BUILD`, with its attempt when it is not the first."""
    again = f"/{one.ref.attempt}" if one.ref.attempt > 1 else ""
    return f"{one.ref.pipeline}#{one.ref.build}{again}"


def quarantined(
    runtime: Runtime, connection: str | None = None, references: Sequence[str] = ()
) -> list[Pending]:
    """What is in quarantine, of all connections or of one; only what the `references` name, if there are any.

    A reference is as `name` gives it; one without an attempt names all of them. Raises `NoSuchObject`.
    """
    if connection is not None:
        runtime.connections(connection)
    every = runtime.ledger.queries.quarantine(connection, limit=EVERY)
    chosen = {
        one: [row for row in every if one in (name(row), name(row).rpartition("/")[0])] for one in references
    }
    for reference, rows in chosen.items():
        if not rows:
            raise NoSuchObject(
                f"nothing in quarantine is called {reference!r}",
                remedy="`pipemgr quarantine` lists what is there",
            )
    return [row for row in every if not references or any(row in rows for rows in chosen.values())]


def retry(runtime: Runtime, connection: str | None = None, references: Sequence[str] = ()) -> int:
    """Look at what is in quarantine at the next poll, which is due now; how many attempts."""
    return sum(
        runtime.ledger.store.retry(place, [row.ref for row in rows])
        for place, rows in _by_connection(quarantined(runtime, connection, references)).items()
    )


def drop(runtime: Runtime, connection: str | None = None, references: Sequence[str] = ()) -> int:
    """Give up what is in quarantine; how many attempts. Each leaves a closed gap that says who gave it up, and why."""
    dropped = 0
    for place, rows in _by_connection(quarantined(runtime, connection, references)).items():
        with runtime.ledger.store.transaction(place, durable=True) as transaction:
            for row in rows:
                transaction.gap(
                    place,
                    pipeline=row.ref.pipeline,
                    since=None,
                    until=None,
                    expected=1,
                    found=0,
                    reason=f"{name(row)} given up by {runtime.observer}: {row.error}",
                    closed_at=datetime.now(UTC),
                )
            transaction.looked_at(place, [row.ref for row in rows])
        dropped += len(rows)
    return dropped


def _by_connection(rows: Sequence[Pending]) -> dict[str, list[Pending]]:
    found: dict[str, list[Pending]] = {}
    for row in rows:
        found.setdefault(row.connection, []).append(row)
    return found
