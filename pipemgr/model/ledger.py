"""The ledger's own values: entries, seals and checkpoints."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from .base import Value
from .events import Change, Kind


class LedgerEntry(Value):
    """One thing that was done or seen; written once, then only sealed.

    `subject` is the object it is about and `digest` that object's digest as recorded, so an entry vouches for
    the row as well. `ledger` is the build ledger it belongs to (None for definitions); `step` the step instance,
    `inputs` and `outputs` the artifacts that went in and came out; `observer` the connection or person that saw
    it, and `source` the digest of the vendor's answer. `changed` are the fields that an update touched. `amends`
    names an earlier entry that this one corrects or withdraws.
    """

    id: UUID
    time: datetime
    kind: Kind
    change: Change
    subject: UUID
    message: str
    digest: str
    ledger: UUID | None = None
    step: UUID | None = None
    inputs: tuple[UUID, ...] = ()
    outputs: tuple[UUID, ...] = ()
    changed: tuple[str, ...] = ()
    observer: str = ""
    source: str | None = None
    amends: UUID | None = None


class Checkpoint(Value):
    """The sealed tree at one moment: its size and root (RFC 6962), signed when a key is configured."""

    size: int
    root: str
    time: datetime
    key: str | None = None
    signature: str | None = None
