"""Pages: what an adapter tells of what is new, page by page, but not a flood of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipemgr.adapter.base import Adapter, PollPage
from pipemgr.errors import AdapterError, Storm
from pipemgr.model.runs import BuildRef


def asked(
    adapter: Adapter, cursor: dict[str, Any], where: str, hold: Callable[[], None]
) -> Iterator[PollPage]:
    """The pages from a cursor on; `hold` is called before each."""
    while True:
        hold()
        page = adapter.poll(cursor)
        yield page
        if not page.more:
            return
        must_move(cursor, page, where)
        cursor = page.cursor


def must_move(cursor: Mapping[str, Any], page: PollPage, where: str) -> None:
    """Refuse a page that would come again for ever."""
    if page.more and page.cursor == cursor:
        raise AdapterError(
            "the adapter says that there is more, but its cursor does not move",
            where=where,
            remedy="report it to the author of the adapter",
        )


def calm(
    pages: Iterator[PollPage], where: str, most: int, known: Callable[[list[BuildRef]], int]
) -> Iterator[PollPage]:
    """The same pages, held back until it is sure that no more than `most` attempts are new.

    `known` counts those that the ledger has. Raises `Storm`. Another error lets go what came before it, so that a
    vendor that often fails gets on; and pages that tell mostly what is known are not held for ever.
    """
    held: list[PollPage] = []
    size = new = 0
    try:
        for page in pages:
            held.append(page)
            told = refs(page)
            size += len(told)
            new += len(told) - known(told)
            if new > most:
                raise _storm(new, most, where)
            if size > 2 * most:
                yield from held
                held, size = [], 0
    except Storm:
        raise
    except AdapterError:
        yield from held
        raise
    yield from held


def refs(page: PollPage) -> list[BuildRef]:
    """All attempts that a page tells of, each once."""
    told = [*(one.ref for one in page.builds), *page.seen, *(one.ref for one in page.unread)]
    return list(dict.fromkeys(told))


def _storm(new: int, most: int, name: str) -> Storm:
    return Storm(
        f"{new} builds or more are new at once, and no more than {most} are taken without asking; "
        "nothing was recorded, and polling waits",
        where=name,
        remedy=f"take them: `pipemgr connection resume {name}`; or leave them out and go on with what comes: "
        f"`pipemgr connection resume {name} --fast-forward`",
    )
