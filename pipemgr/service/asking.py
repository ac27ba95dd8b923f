"""Asking vendors for more than to be looked at: what an adapter can do, and what the ledger says of who asked."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from pipemgr.adapter.capabilities import Capability
from pipemgr.errors import AdapterError, PipemgrError, UnsupportedCapability
from pipemgr.ingest.recorder import Recorder
from pipemgr.ledger.change import ObjectChange
from pipemgr.ledger.keys import attempt_key, key
from pipemgr.ledger.pending import Source
from pipemgr.model.events import Change, Kind
from pipemgr.model.runs import BuildInstance, BuildRef
from pipemgr.model.support import Answer

from .runtime import Runtime


def answer(runtime: Runtime, connection: str, capability: Capability) -> Answer:
    """What a connection's adapter declares about a capability."""
    adapter = runtime.workspace.config.connections[connection].adapter
    return runtime.registry.manifest(adapter).capabilities[capability]


def require(runtime: Runtime, connection: str, capability: Capability) -> None:
    """Raise `UnsupportedCapability`, with the adapter's own words, unless it declares a capability."""
    runtime.connections(connection)
    said = answer(runtime, connection, capability)
    if not said:
        name = runtime.workspace.config.connections[connection].adapter
        raise UnsupportedCapability(
            f"the {name} adapter cannot {capability.verb}: {said.note}",
            where=connection,
            remedy=f"`pipemgr adapter show {name}` lists what it can do",
        )


def remark(runtime: Runtime, connection: str, ref: BuildRef, message: str) -> bool:
    """Write into the ledger of an attempt what somebody did about it; whether the ledger has that attempt.

    It is an entry that vouches for the attempt as it is, changed in no field, by whoever acts here.
    """
    name = attempt_key(ref)
    with runtime.ledger.store.transaction(connection, durable=True) as transaction:
        known = transaction.runs(connection, [], [key(ref.pipeline, ref.build)], [name])
        found = known.get((Kind.BUILD_INSTANCE, name))
        if found is None or found.destroyed:
            return False
        said = ObjectChange(
            Kind.BUILD_INSTANCE,
            Change.UPDATED,
            found.id,
            connection,
            name,
            found.text,
            message,
            ledger=json.loads(found.text)["ledger_id"],
        )
        transaction.apply([said], observer=runtime.observer)
    return True


@contextlib.contextmanager
def remarked(runtime: Runtime, connection: str, ref: BuildRef, wish: str) -> Iterator[None]:
    """The ledger says what was asked for before the vendor hears of it, and when that failed, that it did."""
    remark(runtime, connection, ref, f"{wish} asked for")
    try:
        yield
    except PipemgrError as error:
        remark(runtime, connection, ref, f"{wish} failed: {error.message}")
        raise


def first_look(runtime: Runtime, connection: str, ref: BuildRef, how: str) -> BuildInstance | None:
    """Record an attempt that was just begun, so that its ledger begins with who did it; None if it can't be seen yet.

    Polling does the rest, and is told where to look. One that is finished already is left to it as a whole: it reads
    the logs too.
    """
    with runtime.ledger.store.transaction(connection) as transaction:
        transaction.pend(connection, [ref], Source.HINT)
        transaction.hint(connection)
    try:
        seen = runtime.adapter(connection).snapshot(ref)
    except AdapterError:
        return None
    if not seen.status.finished:
        bare = seen.model_copy(update={"logs": ()})
        Recorder(runtime.ledger).record(connection, [bare], observer=runtime.observer)
        remark(runtime, connection, ref, how)
    return seen
