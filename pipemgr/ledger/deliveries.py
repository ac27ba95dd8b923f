"""Deliveries: webhooks that were taken, so that the same one again is known."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from .tables import LONGEST
from .tables import delivery as table

KEPT = timedelta(days=7)
"""How long a delivery is remembered; vendors repeat one for three days at most."""


def put(database: sa.Connection, connection: str, delivery: str, event: str, now: datetime) -> bool:
    """Remember a delivery, and forget old ones; False when it came before."""
    mine = sa.and_(table.c.connection == connection, table.c.id == delivery)
    if database.execute(sa.select(table.c.id).where(mine)).first() is not None:
        return False
    database.execute(table.delete().where(table.c.received_at < now - KEPT))
    said = event.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")[:LONGEST]
    row = {"connection": connection, "id": delivery, "event": said, "received_at": now}
    database.execute(table.insert().values(**row))
    return True
