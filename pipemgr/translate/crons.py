"""Cron texts: whether five fields say a time, as POSIX has them with names, ranges, lists and steps; and times with `H`.

`H` stands for a number that a vendor chooses once, so that not all builds begin at the same moment: any of the field,
with `H(0-29)` one of these, with `H/15` where steps of 15 begin. `@daily` and its like are made of them. A day of the
month is never later than the 28th, for then it is in every month.
Source: the pages that tables of triggers with `spreads` name.
"""

from __future__ import annotations

import re
from hashlib import sha256
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
_LATEST: Final = {"day": 28, "day of the week": 6}
"""The last number that `H` may stand for, where that is not the last one there is."""
_ELEMENT: Final = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\w+))?")
_SPREAD: Final = re.compile(r"H(?:\((\w+)-(\w+)\))?(?:/(\w+))?")
_SHORT: Final = {
    "@yearly": "H H H H *",
    "@annually": "H H H H *",
    "@monthly": "H H H * *",
    "@weekly": "H H * * H",
    "@daily": "H H * * *",
    "@midnight": "H H(0-2) * * *",
    "@hourly": "H * * * *",
}
_DIGITS: Final = 9
"""Longer numbers are none of a time."""
_LISTED: Final = 6
"""More numbers than these are written as steps."""


def cron_problem(text: str, *, spreads: bool = False) -> str | None:
    """What is wrong with a cron text; None where nothing is. With `spreads` it may have `H`."""
    fields = (_SHORT.get(text.strip(), text) if spreads else text).split()
    if len(fields) != len(_FIELDS):
        return f"a time is five fields (minute, hour, day, month, day of the week), not {len(fields)}"
    problems = (_field(field, *known, spreads) for field, known in zip(fields, _FIELDS, strict=True))
    return next((problem for problem in problems if problem), None)


def _field(  # noqa: PLR0913 - what is known of a field
    text: str, title: str, low: int, high: int, words: tuple[str, ...], spreads: bool
) -> str | None:
    for element in text.split(","):
        spread = _SPREAD.fullmatch(element) if spreads else None
        match = spread or _ELEMENT.fullmatch(element)
        if match is None or (match[1] == "*" and match[2]):
            return f"{element!r} is no {title}"
        ends = [_number(word, low, words) for word in match.groups()[:2] if word and word != "*"]
        if not all(one is not None and low <= one <= high for one in ends):
            return f"{element!r} is no {title}: they go from {low} to {high}"
        if len(ends) == 2 and (ends[0] or 0) > (ends[1] or 0):  # noqa: PLR2004 - both ends of a range
            return f"{element!r} ends before it begins"
        if match[3] is not None and not _number(match[3], low, ()):
            return f"{element!r} has no number for its step"
    return None


def _number(word: str, low: int, words: tuple[str, ...]) -> int | None:
    if word.isdecimal() and len(word) <= _DIGITS:
        return int(word)
    return words.index(word.lower()) + low if word.lower() in words else None


# Times with H -------------------------------------------------------------------------------------------


def certain(text: str, name: str) -> str:
    """A cron text without `H`: each is a number that `name` decides, the same one whenever this is asked.

    A text that is no time, or has none, comes back as it is.
    """
    if cron_problem(text, spreads=True) is not None:
        return text
    fields = _SHORT.get(text.strip(), text).split()
    if not any("H" in field for field in fields):
        return text
    return " ".join(
        ",".join(_chosen(element, *known, name) for element in field.split(","))
        for field, known in zip(fields, _FIELDS, strict=True)
    )


def _chosen(  # noqa: PLR0913 - what is known of a field
    element: str, title: str, low: int, high: int, words: tuple[str, ...], name: str
) -> str:
    match = _SPREAD.fullmatch(element)
    if match is None:
        return element
    first = _number(match[1] or "", low, words)
    last = _number(match[2] or "", low, words)
    first = low if first is None else first
    last = _LATEST.get(title, high) if last is None else last
    step = int(match[3]) if match[3] else last + 1 - first
    start = first + _draw(f"{title} of {name}", min(step, last + 1 - first))
    numbers = range(start, last + 1, step)
    if match[3] is None:
        return str(start)
    return ",".join(map(str, numbers)) if len(numbers) <= _LISTED else f"{start}-{last}/{step}"


def _draw(text: str, count: int) -> int:
    """A number from 0 below `count`, always the same one for a text."""
    return int.from_bytes(sha256(text.encode()).digest()[:8]) % count
