"""Statuses: a vendor's words become the two words of the model."""

from __future__ import annotations

import logging
from datetime import datetime

from pipemgr.model.status import Result, State, Status

from .rows import StatusRow

_log = logging.getLogger(__name__)


class Statuses:
    """The status table of one vendor."""

    def __init__(self, name: str, rows: tuple[StatusRow, ...]) -> None:
        self.name = name
        """The table and its version, as statuses name it."""
        self._rows = {(kind, row.word): row for row in rows for kind in row.kinds}
        self._warned: set[tuple[str, str]] = set()

    def words(self, kind: str) -> frozenset[str]:
        """Every word that the table knows for one kind of thing."""
        return frozenset(word for known, word in self._rows if known == kind)

    def status(
        self,
        kind: str,
        *words: str | None,
        started: datetime | None = None,
        finished: datetime | None = None,
        reason: str = "",
    ) -> Status:
        """The status of a `kind` of thing for which the vendor says `words`, from how far to how it ended.

        The first word that says it is not over decides the state; the result of the words after it is then
        provisional. A word that the table does not know leaves the state to the dates and gives the result
        `unknown`; it is logged as a warning once.
        """
        said = [word for word in words if word]
        rows = [row for word in said if (row := self._find(kind, word)) is not None]
        going = next((row for row in rows if row.state is not State.FINISHED), None)
        ends = [row.result for row in rows if row.result is not None]
        state = going.state if going else State.FINISHED if rows else _state(started, finished)
        result = ends[-1] if ends and len(rows) == len(said) else Result.UNKNOWN
        hints = [row.provisional for row in rows if row.provisional] or ends[-1:]
        return Status(
            state=state,
            result=result if state is State.FINISHED else None,
            provisional=hints[0] if going and hints else None,
            raw=" ".join(said),
            reason=reason or next((row.reason for row in reversed(rows) if row.reason), ""),
            table=self.name,
        )

    def _find(self, kind: str, word: str) -> StatusRow | None:
        row = self._rows.get((kind, word))
        if row is None and (kind, word) not in self._warned:
            self._warned.add((kind, word))
            _log.warning(
                "%s: no row for the %s status %r; its result counts as unknown", self.name, kind, word
            )
        return row


def _state(started: datetime | None, finished: datetime | None) -> State:
    if finished is not None:
        return State.FINISHED
    return State.RUNNING if started is not None else State.QUEUED
