"""What is there already: reads, inside a write transaction, the objects that new snapshots are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from pipemgr.model.events import Kind

from .change import Known
from .tables import OBJECTS

CHUNK = 500
"""Names in one query: far below what SQLite allows, enough to make the number of queries small."""
Found = dict[tuple[Kind, str], Known]

_BELOW_INSTANCE = (
    Kind.BUILD_LEDGER,
    Kind.STAGE_INSTANCE,
    Kind.STEP_INSTANCE,
    Kind.BUILD_LOG,
    Kind.ARTIFACT,
    Kind.DELIVERABLE,
)


def runs(
    database: sa.Connection,
    connection: str,
    pipelines: Sequence[str],
    builds: Sequence[str],
    instances: Sequence[str],
) -> Found:
    """The objects of these keys.

    Pipelines come with the ids of their stages and steps, builds with all their attempts, and instances with all
    that is below them.
    """
    found = _by_key(database, Kind.PIPELINE, connection, pipelines)
    above = [known.id for known in found.values()]
    for kind in (Kind.STAGE, Kind.STEP):
        found |= _below(database, kind, "pipeline_id", above, text=False)
    owners = _by_key(database, Kind.BUILD, connection, builds)
    attempts = _below(database, Kind.BUILD_INSTANCE, "build_id", [known.id for known in owners.values()])
    asked = frozenset(instances)
    ids = [known.id for (_, key), known in attempts.items() if key in asked]
    for kind in _BELOW_INSTANCE:
        found |= _below(database, kind, "instance_id", ids)
    return found | owners | attempts


def definition(database: sa.Connection, connection: str, pipeline: str) -> Found:
    """The pipeline of this key with its stages and steps, destroyed ones too."""
    found = _by_key(database, Kind.PIPELINE, connection, [pipeline])
    above = [known.id for known in found.values()]
    for kind in (Kind.STAGE, Kind.STEP):
        found |= _below(database, kind, "pipeline_id", above)
    return found


def _by_key(database: sa.Connection, kind: Kind, connection: str, keys: Sequence[str]) -> Found:
    table = OBJECTS[kind]
    mine = table.c.connection == connection
    return _all(database, kind, [sa.and_(mine, table.c.key.in_(some)) for some in _chunks(keys)])


def _below(
    database: sa.Connection, kind: Kind, column: str, parents: Sequence[str], *, text: bool = True
) -> Found:
    link = OBJECTS[kind].c[column]
    wheres = [link.in_([UUID(parent) for parent in some]) for some in _chunks(parents)]
    return _all(database, kind, wheres, text=text)


def _all(
    database: sa.Connection, kind: Kind, wheres: Sequence[sa.ColumnElement[bool]], *, text: bool = True
) -> Found:
    table = OBJECTS[kind]
    data: Any = table.c.data if text else sa.literal("")
    query = sa.select(
        table.c.key, table.c.id, data.label("data"), table.c.destroyed_at.is_not(None).label("gone")
    )
    return {
        (kind, row.key): Known(str(row.id), row.data, bool(row.gone))
        for where in wheres
        for row in database.execute(query.where(where))
    }


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
