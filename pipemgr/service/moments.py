"""Moments as people write them: dates, times, ranges and spans back from now."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pipemgr.model.definitions import seconds

Range = tuple[datetime | None, datetime | None]
"""From the first on, and before the second."""
FORMS = "2026-11-01, 2026-11-01T12:00, FROM..TO with either end left out, >=DATE, <DATE, or a span back such as 7d"
_DAY = timedelta(days=1)
_SPAN = re.compile(r"\d+(\.\d+)?[smhd]")


def moments(text: str, now: datetime) -> Range:
    """The range that a text names; dates without a zone are in UTC, and the last one of a range is a whole day.

    Raises `ValueError` with a text for people.
    """
    if _SPAN.fullmatch(text):
        return _back(text, now), None
    since, dots, until = text.partition("..")
    if dots:
        return _open(since, _first), _open(until, _past)
    found = re.fullmatch(r"(>=|<=|>|<|)\s*(.+)", text)
    sign, moment = found.groups() if found else ("", text)
    first, past = _first(moment), _past(moment)
    return {">=": (first, None), ">": (past, None), "<=": (None, past), "<": (None, first)}.get(
        sign, (first, past)
    )


def _back(span: str, now: datetime) -> datetime:
    """The moment that lies a span before now, or the beginning of time."""
    try:
        return now - timedelta(seconds=seconds(span) or 0)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _open(end: str, read: Callable[[str], datetime]) -> datetime | None:
    """An end of a range; None when it was left out."""
    return None if end.strip() in ("", "*") else read(end)


def _past(text: str) -> datetime:
    """When a date or time is over: a day after a date, a microsecond after a time."""
    past = _DAY if len(text) <= len("2026-11-01") else timedelta(microseconds=1)
    return min(_first(text), datetime.max.replace(tzinfo=UTC) - past) + past


def _first(text: str) -> datetime:
    """When a date or time begins."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no date; write {FORMS}") from None
