"""The relay: tails the outbox from a cursor and hands every event on, in order."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from pipemgr.ledger.queries import Queries
from pipemgr.model.events import Event

from .sinks import Sink

PAGE = 1000
"""Events that are read at once."""


def follow(
    queries: Queries, after: int = 0, *, poll_seconds: float = 1.0, stop: threading.Event | None = None
) -> Iterator[Event]:
    """Every event past the number `after`, then each new one as it comes, until `stop` is set.

    Without `stop` it ends with the events there are now.
    """
    while stop is None or not stop.is_set():
        page = queries.events(after, PAGE)
        for event in page:
            yield event
            after = event.sequence
        if page:
            continue
        if stop is None or stop.wait(poll_seconds):
            return


def relay(queries: Queries, sinks: Sequence[Sink], after: int = 0, *, limit: int = PAGE) -> int:
    """Hand the next events past `after` to every sink; the number to go on from.

    Keep that number once the sinks have the events. After a crash in between, some come again, with the same ids:
    at least once, never a gap.
    """
    page = queries.events(after, limit)
    for sink in sinks:
        if page:
            sink.send(page)
    return page[-1].sequence if page else after
