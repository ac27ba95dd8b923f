"""Raw rows: reads columns that may hold anything, because somebody may have written to them by hand."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from pipemgr.model.identity import ALGORITHM
from pipemgr.model.ledger import Checkpoint

from .change import EntryRow, written
from .tables import EPOCH

_ROWS = 2000
_DIGITS = 32


def raw(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A column without its type: what was put there by hand may not even be readable as one."""
    return sa.type_coerce(column, sa.types.NullType()).label(column.key)


def stream(database: sa.Connection, query: sa.Select[Any], opened: contextlib.ExitStack) -> Iterator[Any]:
    """The rows of a query, without holding all of them; `opened` gives its cursor back to the server."""
    result = database.execute(query.execution_options(stream_results=True, yield_per=_ROWS))
    opened.callback(result.close)
    return iter(result)


def entry_beside(row: Any) -> EntryRow | None:
    """The entry in the last columns of a row, which may hold anything."""
    values = dict(zip(EntryRow._fields, row[-len(EntryRow._fields) :], strict=True))
    if values["id"] is None:
        return None
    for name in ("id", "subject", "ledger", "step", "amends"):
        values[name] = dashed(values[name])
    values["time"] = time(values["time"])
    optional = {"ledger", "step", "source", "amends"}
    good = all(
        isinstance(value, str) or (value is None and name in optional) for name, value in values.items()
    )
    return EntryRow(**values) if good else None


def checkpoint_of(row: Any) -> Checkpoint | None:
    """The checkpoint in a row, if it is one."""
    try:
        moment = EPOCH + timedelta(microseconds=row.time)
        return Checkpoint(size=row.size, root=row.root, time=moment, key=row.key, signature=row.signature)
    except (TypeError, ValueError, OverflowError):
        return None


def integer(value: Any) -> int:
    """A number, or one that comes before all others."""
    return value if isinstance(value, int) else -1


def dashed(value: Any) -> Any:
    """An id as text: SQLite keeps it as 32 digits, PostgreSQL as what it is."""
    if isinstance(value, UUID):
        return str(value)
    if not isinstance(value, str) or len(value) != _DIGITS:
        return value
    return f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"


def undashed(value: Any) -> Any:
    """An id as 32 digits, anything else as it is."""
    if isinstance(value, UUID):
        return value.hex
    return value


def number(value: Any) -> UUID | None:
    """An id, if it is one."""
    try:
        return value if value is None or isinstance(value, UUID) else UUID(str(value))
    except ValueError:
        return None


def time(value: Any) -> Any:
    """A moment as JSON has it, if it is one."""
    try:
        return written(EPOCH + timedelta(microseconds=value))
    except (TypeError, OverflowError):
        return value


def digest(text: Any) -> str:
    """The digest of a text."""
    return f"{ALGORITHM}:{hashlib.sha256(str(text).encode()).hexdigest()}"


def hashed(text: Any) -> bytes:
    """A hash from its digits; empty when they are none."""
    try:
        return bytes.fromhex(text)
    except (TypeError, ValueError):
        return b""
