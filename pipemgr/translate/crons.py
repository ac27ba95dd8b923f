"""Cron texts: whether five fields say a time, as POSIX has them with names, ranges, lists and steps."""

from __future__ import annotations

import re
from typing import Final

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Final[tuple[tuple[str, int, int, tuple[str, ...]], ...]] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
_ELEMENT: Final = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\w+))?")


def cron_problem(text: str) -> str | None:
    """What is wrong with a cron text; None where nothing is."""
    fields = text.split()
    if len(fields) != len(_FIELDS):
        return f"a time is five fields (minute, hour, day, month, day of the week), not {len(fields)}"
    problems = (_field(field, *known) for field, known in zip(fields, _FIELDS, strict=True))
    return next((problem for problem in problems if problem), None)


def _field(text: str, title: str, low: int, high: int, words: tuple[str, ...]) -> str | None:
    for element in text.split(","):
        match = _ELEMENT.fullmatch(element)
        if match is None or (match[1] == "*" and match[2]):
            return f"{element!r} is no {title}"
        ends = [_number(word, low, words) for word in match.groups()[:2] if word and word != "*"]
        if not all(one is not None and low <= one <= high for one in ends):
            return f"{element!r} is no {title}: they go from {low} to {high}"
        if len(ends) == 2 and (ends[0] or 0) > (ends[1] or 0):  # noqa: PLR2004 - both ends of a range
            return f"{element!r} ends before it begins"
        if match[3] is not None and not (match[3].isdecimal() and int(match[3])):
            return f"{element!r} has no number for its step"
    return None


def _number(word: str, low: int, words: tuple[str, ...]) -> int | None:
    if word.isdecimal():
        return int(word)
    return words.index(word.lower()) + low if word.lower() in words else None
