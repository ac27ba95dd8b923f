"""Verification: shows whether the ledger is what was sealed, and its objects what their entries say.

Three things must agree, and each is recomputed from the columns: the events in order with the entries they belong
to, the seals in order with the tree over them, and the objects with their newest entries. Rows are streamed, so
memory does not grow with the ledger.

What nobody can see without help from outside: a ledger rewritten as a whole, or cut off at its end (events, entries,
seals and checkpoints together). A checkpoint kept elsewhere (`against`) shows both; a signing key stops whoever has
the database but not the key. Events of the hub itself and the schedule are not sealed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from pipemgr.errors import SealBroken
from pipemgr.model.events import OBJECT_EVENTS, Change, HubEvent, Kind, event_name
from pipemgr.model.ledger import Checkpoint

from . import sign
from .change import EntryRow, own_event
from .engine import reading
from .objects import fault as object_fault
from .objects import missing, objects
from .raw import checkpoint_of, dashed, digest, entry_beside, hashed, integer, number, raw, stream, time
from .tables import OBJECTS, checkpoint, ledger_entry, outbox, seal
from .tree import Tree, leaf

MOST = 100
"""Problems after which verification stops: by then more of them tell nothing new."""
_CREATED = event_name(Kind.LEDGER_ENTRY, Change.CREATE)
_NAMES = frozenset(OBJECT_EVENTS)
_HUB = frozenset(event.value for event in HubEvent)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was written: the entry, its position in the tree if sealed, and what is wrong."""

    entry: UUID | None
    position: int | None
    message: str

    def __str__(self) -> str:
        """In one line."""
        place = "" if self.position is None else f" at position {self.position}"
        return f"entry {self.entry}{place}: {self.message}" if self.entry else self.message


@dataclass(frozen=True, slots=True)
class Verification:
    """What verification found: how many entries there are, the size and root of the tree, and the problems.

    The first problem names the first bad entry.
    """

    entries: int
    size: int
    root: str
    unsealed: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def check(self) -> None:
        """Raise `SealBroken`, naming the first problem, when something is wrong."""
        if self.problems:
            raise SealBroken(
                str(self.problems[0]), remedy="restore the ledger from a backup, and find out who wrote to it"
            )


def verify(
    engine: sa.Engine, public_key: Path | None = None, against: Checkpoint | None = None
) -> Verification:
    """Verify a ledger as it is at this moment.

    With the PEM file of a public key the newest checkpoint must be signed, and every signature must hold. With
    a checkpoint kept elsewhere the ledger must have grown from it. Raises `ConfigurationError` when the key can't
    be used, and `LedgerError` when the database can't be read.
    """
    with reading(engine) as database, contextlib.ExitStack() as opened:
        verifier = _Verifier(database, opened, public_key, against)
        with contextlib.suppress(_EnoughError):
            verifier.history()
            verifier.objects()
        return verifier.result()


class _EnoughError(Exception):
    """There are `MOST` problems."""


class _Verifier:
    """One verification, in one moment of the ledger."""

    def __init__(
        self,
        database: sa.Connection,
        opened: contextlib.ExitStack,
        public_key: Path | None,
        against: Checkpoint | None,
    ) -> None:
        self.database = database
        self.opened = opened
        self.public_key = public_key
        self.against = against
        self.problems: list[Problem] = []
        self.entries = 0
        self.unsealed = 0
        self.tree = Tree()
        self.checkpoints = self._stream(sa.select(*map(raw, checkpoint.c)).order_by(checkpoint.c.size))
        self.mark = next(self.checkpoints, None)
        self.marked: Checkpoint | None = None
        self.seals = self._stream(sa.select(*map(raw, seal.c)).order_by(seal.c.position))
        self.sealed = next(self.seals, None)

    def _stream(self, query: sa.Select[Any]) -> Iterator[Any]:
        return stream(self.database, query, self.opened)

    def result(self) -> Verification:
        """What was found."""
        root = self.tree.root().hex()
        return Verification(self.entries, self.tree.size, root, self.unsealed, tuple(self.problems))

    def _problem(self, message: str, entry: Any = None, position: int | None = None) -> None:
        self.problems.append(Problem(number(entry), position, message))
        if len(self.problems) >= MOST:
            raise _EnoughError

    def history(self) -> None:
        """Every event with its entry, the entry's own event behind it, and its seal, all in one order."""
        expected = 1
        awaited: tuple[EntryRow, str] | None = None
        for row in self._stream(_events()):
            if row.sequence != expected:
                self._problem(_gap(expected, row.sequence), awaited and awaited[0].id)
                awaited = None
            expected = row.sequence + 1
            if awaited is not None:
                self._own_event(*awaited, row)
                awaited = None
            elif row.name in _NAMES or row.entry_id is not None:
                awaited = self._entry(row)
            elif row.name not in _HUB:
                self._problem(f"event {row.sequence} has the name {row.name!r}, which there is not")
        if awaited is not None:
            self._problem("its own event is missing", awaited[0].id)
        self._leftovers()

    def _entry(self, row: Any) -> tuple[EntryRow, str] | None:
        """Compare an object's event with its entry; the entry whose own event must come next, and its text."""
        self.entries += 1
        entry = entry_beside(row)
        if entry is None:
            named = self.sealed.entry if self.sealed and self.sealed.sequence == row.sequence else row.id
            self._sealed(row, None)
            message = f"it is missing or unreadable, or its event, number {row.sequence}, names another"
            self._problem(message, named, self._here())
            return None
        text = entry.canonical()
        fault = self._sealed(row, leaf(text.encode()).hex()) or _event_fault(entry, row)
        if fault:
            self._problem(fault, entry.id, self._here())
        return entry, text

    def _own_event(self, entry: EntryRow, text: str, row: Any) -> None:
        expected = (own_event(entry.id), _CREATED, entry.id, entry.time, "[]")
        found = (dashed(row.id), row.name, row.subject, time(row.time), row.changed)
        # Its data is the leaf that the entry is sealed as; ledgers from before m003 have the whole entry again.
        if found != expected or row.data not in (leaf(text.encode()).hex(), text):
            self._problem(
                f"event {row.sequence}, of its creation, is not as it was written", entry.id, self._here()
            )

    def _here(self) -> int | None:
        """The position of the entry that is being looked at, if it has a seal."""
        return None if self.unsealed else self.tree.size - 1

    def _sealed(self, row: Any, expected: str | None) -> str | None:
        """Take the seal that belongs to an event; what is wrong with it."""
        while self.sealed is not None and integer(self.sealed.sequence) < row.sequence:
            self._lost(self.sealed)
        if self.sealed is None:
            self.unsealed += 1
            return None
        found = self.sealed
        if found.sequence > row.sequence:
            return "it has no seal, and later ones have"
        position = self.tree.size
        self._take(found)
        if found.position != position:
            return f"its seal is at position {found.position} and not {position}"
        if dashed(found.entry) != dashed(row.id):
            return f"its seal names another entry, {dashed(found.entry)}"
        return "it is not what was sealed" if expected is not None and found.leaf != expected else None

    def _lost(self, found: Any) -> None:
        self._take(found)
        self._problem(f"event {found.sequence} or its entry is missing", found.entry, found.position)

    def _take(self, found: Any) -> None:
        """Let the tree grow by a seal, and compare it with the checkpoints of that size."""
        self.sealed = next(self.seals, None)
        self.tree.append(hashed(found.leaf))
        size = self.tree.size
        if self.mark is not None and self.mark.size == size:
            self._mark(self.mark, self.tree.root().hex())
        kept = self.against
        if kept is not None and kept.size == size and kept.root != self.tree.root().hex():
            self._problem(f"the first {size} entries are not those of the checkpoint that was kept")

    def _mark(self, row: Any, root: str) -> None:
        self.mark = next(self.checkpoints, None)
        first = self.marked.size if self.marked else 0
        self.marked = checkpoint_of(row)
        if self.marked is None:
            self._problem(f"checkpoint {row.size} is unreadable")
            return
        if row.root != root:
            self._problem(
                f"the entries at positions {first} to {row.size - 1} are not those of checkpoint {row.size}"
            )
        if row.peaks != json.dumps([peak.hex() for peak in self.tree.peaks]):
            self._problem(f"checkpoint {row.size} has other peaks than its tree")
        if self.public_key and row.signature is not None and not sign.genuine(self.marked, self.public_key):
            self._problem(f"the signature of checkpoint {row.size} does not hold")

    def _leftovers(self) -> None:
        """What is there beyond the last event, and what should be there but is not."""
        while self.sealed is not None:
            self._lost(self.sealed)
        size = self.tree.size
        if self.mark is not None:
            self._problem(f"checkpoint {self.mark.size} counts more entries than the {size} that are sealed")
        elif size != (self.marked.size if self.marked else 0):
            self._problem(f"{size} entries are sealed, but the checkpoint of that size is missing")
        elif self.public_key and self.marked and self.marked.signature is None:
            self._problem(f"checkpoint {size}, the newest, is not signed")
        if self.against is not None and self.against.size > size:
            self._problem(
                f"the checkpoint that was kept counts {self.against.size} entries, here are only {size}"
            )
        self._strangers()

    def _strangers(self) -> None:
        """Entries that no event tells of."""
        count = self.database.execute(sa.select(sa.func.count()).select_from(ledger_entry)).scalar_one()
        if count == self.entries:
            return
        joined = ledger_entry.outerjoin(outbox, outbox.c.id == ledger_entry.c.id)
        for row in self._stream(
            sa.select(raw(ledger_entry.c.id)).select_from(joined).where(outbox.c.id.is_(None))
        ):
            self._problem("it has no event", row.id)

    def objects(self) -> None:
        """Every object with its newest entry: the data, and each typed column beside it."""
        for kind in OBJECTS:
            for row in self._stream(missing(kind)):
                self._problem(f"the {kind} {dashed(row.subject)} is missing", row.id)
            for row in self._stream(objects(kind)):
                if row.of_entry is None:
                    self._problem(f"the {kind} {dashed(row.id)} has no entry")
                    continue
                fault = object_fault(kind, row)
                if fault:
                    self._problem(
                        f"the {kind} {dashed(row.id)} is not as recorded: {fault}",
                        row.of_entry,
                        row.of_position,
                    )


def _events() -> sa.Select[Any]:
    entry = [raw(ledger_entry.c[name]).label(f"entry_{name}") for name in EntryRow._fields]
    joined = outbox.outerjoin(ledger_entry, ledger_entry.c.id == outbox.c.id)
    return sa.select(*map(raw, outbox.c), *entry).select_from(joined).order_by(outbox.c.sequence)


def _gap(expected: int, found: int) -> str:
    missing = f"event {expected} is" if found == expected + 1 else f"events {expected} to {found - 1} are"
    return f"{missing} missing"


def _event_fault(entry: EntryRow, row: Any) -> str | None:
    expected = (f"{entry.kind}.{entry.change}", entry.subject, entry.time, entry.changed)
    if (row.name, row.subject, time(row.time), row.changed) != expected or digest(row.data) != entry.digest:
        return f"its event, number {row.sequence}, is not as it was written"
    return None
