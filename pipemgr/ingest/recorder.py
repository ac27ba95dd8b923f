"""The recorder: the one door into the ledger for what vendors say and what was published."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from pipemgr.errors import NoSuchObject
from pipemgr.ledger import Ledger
from pipemgr.ledger.change import ObjectChange
from pipemgr.ledger.keys import key
from pipemgr.ledger.leases import Lease
from pipemgr.ledger.store import Transaction
from pipemgr.model.definitions import Data, Pipeline
from pipemgr.model.events import HubEvent, event_name
from pipemgr.model.runs import BuildInstance, BuildLog

from .delta import define, delta, forget


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a recording changed: how many objects, and how many of each event (without those of the entries)."""

    changes: int = 0
    events: Mapping[str, int] = field(default_factory=dict)


class Recorder:
    """Compares what was seen with what the ledger has, and writes the difference. Sealing is the caller's."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def record(  # noqa: PLR0913 - a poll writes all of this at once
        self,
        connection: str,
        snapshots: Iterable[BuildInstance],
        *,
        lease: Lease | None = None,
        cursor: Mapping[str, Any] | None = None,
        due_at: datetime | None = None,
        observer: str | None = None,
        also: Callable[[Transaction], None] = lambda _transaction: None,
    ) -> Recorded:
        """Record snapshots of a connection in one transaction, with the cursor they came under.

        With a lease, `cursor` and `due_at` are written too (see `Store.claim`, `Transaction.commit_poll`); raises
        `Busy`, and nothing is written, when another worker has taken it. `observer` is the connection's name
        unless given; `also` writes more in the same transaction.
        """
        events: dict[str, int] = {}
        seen = [self._shelve(one) for one in snapshots]
        with self._ledger.store.transaction(connection) as transaction:
            if lease is not None:
                # First, so that a worker that lost its lease neither reads nor computes in vain.
                transaction.commit_poll(lease, cursor, due_at)
            changes = delta(connection, seen, _prior(transaction, connection, seen))
            who = connection if observer is None else observer
            transaction.apply(_counted(changes, events), observer=who)
            also(transaction)
        return _recorded(events)

    def _shelve(self, snapshot: BuildInstance) -> BuildInstance:
        """The snapshot with the texts of its logs put away as blobs.

        What is in a row is in its events too, for ever; a text has to be able to go (`[retention] logs`).
        """
        if all(log.text is None for log in snapshot.logs):
            return snapshot
        return snapshot.model_copy(update={"logs": tuple(map(self._filed, snapshot.logs))})

    def _filed(self, log: BuildLog) -> BuildLog:
        if log.text is None:
            return log
        digest, size = self._ledger.blobs.put([log.text.encode()])
        return log.model_copy(update={"text": None, "digest": digest, "offset": max(size, log.offset)})

    def record_definition(  # noqa: PLR0913 - a publication is all of this
        self,
        connection: str,
        pipeline: Pipeline,
        *,
        name: str | None = None,
        fingerprint: str | None = None,
        model: Data | None = None,
        documents: Any = None,
        url: str | None = None,
        observer: str = "",
    ) -> Recorded:
        """Record `pipeline` as the definition of the vendor's pipeline `name` (its own name unless given).

        With `fingerprint` (of the live documents) it is also what was last applied: `model` (its normal form, the
        pipeline's own data unless given) and `documents` are kept for the next plan.
        """
        name = pipeline.name if name is None else name
        events: dict[str, int] = {}
        with self._ledger.store.transaction(connection, durable=True) as transaction:
            changes = define(connection, name, pipeline, transaction.definition(connection, key(name)))
            transaction.apply(_counted(changes, events), observer=observer)
            if fingerprint is not None:
                transaction.save_publication(
                    connection,
                    name,
                    fingerprint=fingerprint,
                    model=pipeline.data() if model is None else model,
                    documents=documents.model_dump(mode="json")
                    if isinstance(documents, BaseModel)
                    else documents,
                    url=url,
                    observer=observer,
                )
                applied = {
                    "connection": connection,
                    "pipeline": name,
                    "fingerprint": fingerprint,
                    "by": observer,
                }
                transaction.event(HubEvent.PLAN_APPLIED, f"{connection}/{name}", applied)
        return _recorded(events)

    def forget(self, connection: str, name: str, *, observer: str = "") -> Recorded:
        """Destroy a pipeline with its stages and steps; its builds stay. Raises `NoSuchObject`."""
        events: dict[str, int] = {}
        with self._ledger.store.transaction(connection, durable=True) as transaction:
            prior = transaction.definition(connection, key(name))
            changes = forget(prior)
            if not changes:
                raise NoSuchObject(f"the ledger has no pipeline {name!r}", where=connection)
            transaction.apply(_counted(changes, events), observer=observer)
            transaction.drop_publication(connection, name)
        return _recorded(events)


def _prior(transaction: Transaction, connection: str, snapshots: Sequence[BuildInstance]) -> Any:
    pipelines, builds, instances = set(), set(), set()
    for one in snapshots:
        pipelines.add(key(one.build.pipeline))
        builds.add(key(one.build.pipeline, one.build.external_id))
        instances.add(key(one.build.pipeline, one.build.external_id, str(one.attempt)))
    return transaction.runs(connection, sorted(pipelines), sorted(builds), sorted(instances))


def _counted(changes: Iterable[ObjectChange], events: dict[str, int]) -> Iterator[ObjectChange]:
    """The same changes, each counted in `events` as it passes."""
    for one in changes:
        name = event_name(one.kind, one.change)
        events[name] = events.get(name, 0) + 1
        yield one


def _recorded(events: Mapping[str, int]) -> Recorded:
    return Recorded(sum(events.values()), events)
