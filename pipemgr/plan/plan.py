"""Plans: for each pipeline of a connection, what applying would change; values that can be saved."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from pipemgr.errors import InvalidPipeline, ParseError
from pipemgr.model.base import Value
from pipemgr.model.definitions import Data, Pipeline
from pipemgr.model.identity import fingerprint
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import read, write
from pipemgr.translate.document import DocumentSet
from pipemgr.translate.edit import edit
from pipemgr.translate.report import Finding

from .diff import Difference, Moved, differences, moved, normal


class Verb(StrEnum):
    """What applying does to one definition."""

    CREATE = "create"
    UPDATE = "update"
    ADOPT = "adopt"
    """Live is as wanted, but the ledger does not say that we applied it: it is only written down."""
    NOTHING = "nothing"


class Change(Value):
    """What happens to one pipeline at one connection.

    `expected` is the fingerprint of the live documents when the plan was made; `drift` what they (somebody else)
    changed since we last applied; `losses` what the vendor's language cannot say.
    """

    connection: str
    pipeline: str
    source: str
    """The file that defines the pipeline."""
    verb: Verb
    moved: Moved
    expected: str | None
    definition: Pipeline
    documents: DocumentSet
    wanted: Data
    """The normal form of `documents`: what the ledger keeps as last applied."""
    differences: tuple[Difference, ...] = ()
    drift: tuple[Difference, ...] = ()
    losses: tuple[Finding, ...] = ()


class Orphan(Value):
    """A pipeline that we published and that no file defines any more; it is told, and left alone."""

    connection: str
    pipeline: str


class Unplanned(Value):
    """A pipeline that the vendor refused to show, so that nothing can be said of it; the others go on."""

    connection: str
    pipeline: str
    error: str
    remedy: str = ""


class Invalid(Value):
    """A problem of a definition file, which keeps only what this file defines out of a plan."""

    where: str
    """`file:line:column`."""
    message: str


class Plan(Value):
    """All changes of a workspace, made at one moment."""

    made_at: datetime
    changes: tuple[Change, ...] = ()
    orphans: tuple[Orphan, ...] = ()
    failures: tuple[Unplanned, ...] = ()
    invalid: tuple[Invalid, ...] = ()
    """Without the definitions that are invalid, nobody knows what is an orphan: there are none then."""

    @property
    def pending(self) -> tuple[Change, ...]:
        """The changes that do something at a vendor or in the ledger."""
        return tuple(change for change in self.changes if change.verb is not Verb.NOTHING)


class Desired(Value):
    """A pipeline as its file defines it, and the file."""

    pipeline: Pipeline
    source: str


def change(
    connection: str, desired: Desired, *, dialect: Dialect, applied: Data | None, live: DocumentSet
) -> Change:
    """The change that makes `live` what is desired.

    All three are compared as the vendor's language can say them: what was lost on the way is in `losses` and is
    no difference for ever after. `applied` is the normal form that the ledger keeps of the last publish. What is
    live is changed as little as possible, so that comments and layout in it survive.
    """
    written = edit(desired.pipeline, dialect, live) if live else write(desired.pipeline, dialect)
    wanted, there = _read(written.documents, dialect) or {}, _read(live, dialect)
    marks = _Marks(fingerprint(wanted), _mark(applied), _mark(there))
    who = moved(*marks)
    return Change(
        connection=connection,
        pipeline=desired.pipeline.name,
        source=desired.source,
        verb=_verb(marks, live),
        moved=who,
        expected=live.fingerprint,
        definition=desired.pipeline,
        documents=written.documents,
        wanted=wanted,
        differences=differences(there or {}, wanted),
        drift=differences(applied or {}, there or {}) if who in (Moved.THEM, Moved.BOTH) and applied else (),
        losses=written.findings,
    )


def _read(documents: DocumentSet, dialect: Dialect) -> Data | None:
    """The normal form of documents; of unreadable ones their text, which then differs from anything."""
    if not documents:
        return None
    try:
        return normal(read(documents, dialect).pipeline)
    except (ParseError, InvalidPipeline):
        return {"unreadable": [document.text for document in documents]}


class _Marks(NamedTuple):
    """The fingerprints of the three normal forms."""

    wanted: str
    applied: str | None
    there: str | None


def _mark(definition: Data | None) -> str | None:
    return None if definition is None else fingerprint(definition)


def _verb(marks: _Marks, live: DocumentSet) -> Verb:
    if marks.wanted != marks.there:
        return Verb.UPDATE if live else Verb.CREATE
    return Verb.NOTHING if marks.applied == marks.wanted else Verb.ADOPT
