"""Sealing: gives entries their place in the tree, in the order of their events, and writes checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipemgr.errors import SealBroken
from pipemgr.model.ledger import Checkpoint

from . import sign
from .change import entry_row
from .tables import checkpoint as checkpoints
from .tables import ledger_entry as entries
from .tables import outbox
from .tables import seal as seals
from .tree import Tree, leaf

BATCH = 10_000
"""Entries sealed in one transaction: other writers get in between."""
_SEAL_LOCK = 0x70697067


def seal(engine: sa.Engine, clock: Callable[[], datetime], key: Path | None) -> Checkpoint | None:
    """Seal all that is committed, batch by batch; see `Store.seal`.

    Checkpoints are durable: they may be kept elsewhere to prove later that nothing was rewritten, so they must not
    be lost to a power failure, nor may anything that they cover.
    """
    while True:
        with engine.connect().execution_options(write=True, durable=True) as database, database.begin():
            if engine.dialect.name == "postgresql":
                database.execute(sa.select(sa.func.pg_advisory_xact_lock(_SEAL_LOCK)))
            last = _last(database)
            rows = _unsealed(database)
            if not rows:
                return last and as_checkpoint(last)
            last_sealed = _batch(database, last, rows, clock(), key)
        if len(rows) < BATCH:
            return last_sealed


def _last(database: sa.Connection) -> Any:
    """The newest checkpoint, or None."""
    return database.execute(sa.select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1)).one_or_none()


def grown(row: Any) -> Tree:
    """The tree to go on from at a checkpoint; raises `SealBroken` when its peaks don't give its root."""
    try:
        tree = Tree(row.size, map(bytes.fromhex, json.loads(row.peaks)))
    except ValueError:
        tree = Tree()
    if tree.root().hex() != row.root:
        raise SealBroken(
            "the last checkpoint does not fit its own tree",
            where=f"checkpoint {row.size}",
            remedy="run `pipemgr ledger verify` and restore the ledger from a backup",
        )
    return tree


def _unsealed(database: sa.Connection) -> Sequence[Any]:
    """The next entries without a seal, in the order of their events.

    Events become visible in the order of their numbers, so everything past the last sealed one is new.
    """
    last = sa.select(seals.c.sequence).order_by(seals.c.position.desc()).limit(1)
    done = database.execute(last).scalar() or 0
    query = (
        sa.select(outbox.c.sequence, *entries.c)
        .join(entries, entries.c.id == outbox.c.id)
        .where(outbox.c.sequence > done)
        .order_by(outbox.c.sequence)
        .limit(BATCH)
    )
    return database.execute(query).all()


def _batch(
    database: sa.Connection, last: Any, rows: Sequence[Any], now: datetime, key: Path | None
) -> Checkpoint:
    tree = grown(last) if last else Tree()
    sealed = []
    for row in rows:
        hashed = leaf(entry_row(row).canonical().encode())
        sealed.append(
            {"position": tree.size, "entry": row.id, "sequence": row.sequence, "leaf": hashed.hex()}
        )
        tree.append(hashed)
    database.execute(sa.insert(seals), sealed)
    made = Checkpoint(size=tree.size, root=tree.root().hex(), time=now)
    made = sign.signed(made, key) if key else made
    peaks = json.dumps([peak.hex() for peak in tree.peaks])
    database.execute(sa.insert(checkpoints), {**made.model_dump(), "peaks": peaks})
    return made


def as_checkpoint(row: Any) -> Checkpoint:
    """The checkpoint in a row of the table."""
    return Checkpoint(size=row.size, root=row.root, time=row.time, key=row.key, signature=row.signature)
