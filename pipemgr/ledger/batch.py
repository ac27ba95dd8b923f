"""A batch: the rows of a transaction on their way to the database, sent many at a time.

How they are sent depends on how many they are and where to: SQLite takes them one by one in one statement
(executemany), as PostgreSQL does while they are few; many new rows go to PostgreSQL as a stream (COPY).
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import uuid_utils
from pydantic_core import from_json

from pipemgr.model.events import Change, Kind, event_name
from pipemgr.model.identity import ALGORITHM

from . import tables
from .change import EntryRow, ObjectChange, dense, fresh_id, written
from .engine import explaining
from .tree import leaf

COPY_FROM = 50
"""New rows of a table from which on PostgreSQL gets them by COPY: for fewer a stream is not worth opening."""
_OUTBOX_LOCK = 0x70697065
_WORDS: dict[str, str] = {one: one.value for one in (*Kind, *Change)}
"""Kinds and changes as plain text: enumerations are slow to ask."""
_CREATED = event_name(Kind.LEDGER_ENTRY, Change.CREATE)
_COMMON = ("id", "connection", "key", "created_at", "updated_at", "destroyed_at", "digest", "data")
_UPDATED = ("updated_at", "destroyed_at", "digest", "data")

Row = tuple[Any, ...]


class Batch:
    """What one transaction has yet to send. Ids are kept as digits and times as numbers, for both databases."""

    def __init__(self, database: sa.Connection, now: datetime) -> None:
        self._database = database
        self._postgres = database.dialect.name == "postgresql"
        self._moment = tables.microseconds(now)
        self._time = written(now)
        self._inserts: dict[Kind, list[Row]] = {kind: [] for kind in tables.OBJECTS}
        self._updates: dict[Kind, list[Row]] = {kind: [] for kind in tables.OBJECTS}
        self._entries: list[Row] = []
        self._events: list[Row] = []
        self._sequence: int | None = None

    def __len__(self) -> int:
        """How many entries wait."""
        return len(self._entries)

    def change(self, one: ObjectChange, observer: str, source: str | None) -> None:
        """Queue all rows of a change: the object, its entry, and the events of both."""
        digest = digested(one.text)
        self._object(one, digest)
        entry = EntryRow(
            fresh_id(),
            self._time,
            _WORDS[one.kind],
            _WORDS[one.change],
            one.id,
            clean(one.message),
            digest,
            one.ledger,
            one.step,
            dense(one.inputs) if one.inputs else "[]",
            dense(one.outputs) if one.outputs else "[]",
            dense(one.changed) if one.changed else "[]",
            observer,
            clean(one.source) if one.source else source,
            None,
        )
        self.entry(entry, one.text)

    def entry(self, entry: EntryRow, text: str) -> None:
        """Queue an entry about an object whose text is `text`, and the events of both.

        The entry's own event has no copy of the entry, but what it is to be sealed as: readers get the entry itself
        (`selects.events`), and `verify` sees whether it is still the same, sealed or not.
        """
        (id_, _, kind, change, subject, message, digest, ledger, step) = entry[:9]
        (inputs, outputs, changed, observer, source, amends) = entry[9:]
        number, moment = id_.replace("-", ""), self._moment
        self._entries.append(
            (
                number,
                moment,
                kind,
                change,
                subject.replace("-", ""),
                message,
                digest,
                ledger and ledger.replace("-", ""),
                step and step.replace("-", ""),
                inputs,
                outputs,
                changed,
                observer,
                source,
                amends and amends.replace("-", ""),
            )
        )
        leafed = leaf(entry.canonical().encode()).hex()
        self._events += (
            (number, f"{kind}.{change}", subject, moment, text, changed),
            (f"{number[:12]}8{number[13:]}", _CREATED, id_, moment, leafed, "[]"),
        )

    def event(self, name: str, subject: str, data: Mapping[str, Any]) -> None:
        """Queue an event that has no entry."""
        self._events.append((uuid_utils.uuid7().hex, name, subject, self._moment, json.dumps(data), "[]"))

    def _object(self, one: ObjectChange, digest: str) -> None:
        """Queue the row: a new one, or the new state of one (also of one that was destroyed and is back)."""
        number, text, moment = one.id.replace("-", ""), one.text, self._moment
        typed = tables.columns(one.kind, parsed(text))
        if one.change is Change.CREATE and not one.again:
            self._inserts[one.kind].append(
                (number, one.connection, one.key, moment, moment, None, digest, text, *typed)
            )
            return
        gone = moment if one.change is Change.DESTROY else None
        self._updates[one.kind].append((moment, gone, digest, text, *typed, number))

    def flush(self) -> None:
        """Send what is queued: parents first, events last and numbered."""
        for kind, table in tables.OBJECTS.items():
            extra = [name for name, _, _ in tables.COLUMNS[kind]]
            self._insert(table.name, (*_COMMON, *extra), self._inserts[kind])
            self._update(table.name, (*_UPDATED, *extra), self._updates[kind])
        self._insert("ledger_entry", tables.ledger_entry.c.keys(), self._entries)
        if self._events:
            first = self._next()
            numbered = [(first + place, *row) for place, row in enumerate(self._events)]
            self._sequence = first + len(numbered)
            self._insert("outbox", tables.outbox.c.keys(), numbered)
            self._events.clear()

    def _next(self) -> int:
        """The number of the next event; from here to the end of the transaction no one else gives numbers."""
        if self._sequence is None:
            if self._postgres:
                self._database.execute(sa.select(sa.func.pg_advisory_xact_lock(_OUTBOX_LOCK)))
            newest = sa.select(sa.func.coalesce(sa.func.max(tables.outbox.c.sequence), 0))
            self._sequence = self._database.execute(newest).scalar_one() + 1
        return self._sequence

    def _insert(self, table: str, names: Sequence[str], rows: list[Row]) -> None:
        if self._postgres and len(rows) >= COPY_FROM:
            self._copy(f"COPY {table} ({_quoted(names)}) FROM STDIN", rows)
        elif rows:
            self._many(f"INSERT INTO {table} ({_quoted(names)}) VALUES ({', '.join('?' * len(names))})", rows)  # noqa: S608 - names of our own
        rows.clear()

    def _update(self, table: str, names: Sequence[str], rows: list[Row]) -> None:
        if rows:
            assigned = ", ".join(f'"{name}"=?' for name in names)
            self._many(f"UPDATE {table} SET {assigned} WHERE id=?", rows)  # noqa: S608 - names of our own
            rows.clear()

    def _many(self, statement: str, rows: list[Row]) -> None:
        """Execute for all rows by the driver's own means."""
        self._database.exec_driver_sql(statement.replace("?", "%s") if self._postgres else statement, rows)

    def _copy(self, statement: str, rows: list[Row]) -> None:
        """Stream all rows, in the same transaction; errors come as those of any other statement."""
        driver = self._database.connection
        with explaining(self._database), driver.cursor() as cursor, cursor.copy(statement) as copy:  # type: ignore[attr-defined]  # of psycopg
            for row in rows:
                copy.write_row(row)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Let the garbage collector rest: much is made that stays and nothing that refers to itself.

    It would look at everything again and again, which takes a tenth of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def clean(text: str) -> str:
    """A text that PostgreSQL takes too."""
    return text.replace("\x00", "\ufffd") if "\x00" in text else text


def digested(text: str) -> str:
    """The digest of an object's text."""
    return f"{ALGORITHM}:{hashlib.sha256(text.encode()).hexdigest()}"


def parsed(text: str) -> Any:
    """A JSON text as a value, by the fast parser where it can: it gives up on what is nested very deeply."""
    try:
        return from_json(text)
    except ValueError:
        return json.loads(text)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
