"""Regular expressions taken apart: the ways in which a simple one can be met, each a row of pieces.

The common subset of all vendors' dialects: characters, classes, `.`, groups, `|`, `? * + {n}`, anchors at the ends. A
pattern with anything else, or with too many ways, has none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

TEXT, CLASS, ANY, SEGMENT, FOLDERS = "text", "class", "any", "segment", "folders"
FOLDERS_PATTERN: Final = "(?:.+/)?"
"""What `**/` means: any folders, or none."""
MAX_WAYS: Final = 64
MAX_REPEAT: Final = 20
MAX_PATTERN: Final = 1000
"""Characters of a pattern: names of branches have at most a few hundred."""
MAX_NESTED: Final = 20
MAX_PIECES: Final = 10_000
"""Of all ways together."""
MAX_TEXT: Final = 250
MAX_GAPS: Final = 3
"""Repetitions of a pattern that is tried on a text: each one multiplies what there is to try."""
_DIGITS: Final = "0123456789"
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SETS: Final = {"d": _DIGITS, "w": _DIGITS + _LETTERS + "_"}
_COUNT: Final = re.compile(r"([?*+])|\{(\d+)(?:,(\d*))?\}")
_CLASS_ITEM: Final = re.compile(r"\\(.)|([^\]\\])", re.DOTALL)


@dataclass(frozen=True)
class Piece:
    """One character, or a class of characters, or any text: as often as `low`, or with `many` at least so often."""

    kind: str
    text: str = ""
    """The character, or all characters of the class."""
    low: int = 1
    many: bool = False

    @property
    def plain(self) -> bool:
        """Whether it is one certain character."""
        return self.kind == TEXT and self.low == 1 and not self.many


Way = tuple[Piece, ...]


class _Unsaid(Exception):
    """The pattern has something that pieces can't say."""


def ways(pattern: str) -> tuple[Way, ...] | None:
    """All ways to meet a pattern, which stands for the whole text; None where pieces can't say it."""
    if len(pattern) > MAX_PATTERN:
        return None
    try:
        parser = _Parser(pattern)
        found = parser.alternatives()
        parser.expect_end()
        return tuple(dict.fromkeys(_anchored(way) for way in found))
    except _Unsaid:
        return None


def regex_fits(text: str, pattern: str) -> bool | None:
    """Whether a pattern takes the whole of a text; None where finding out could take long, or ways can't say."""
    found = ways(pattern) if len(text) <= MAX_TEXT else None
    if not found or any(sum(piece.many for piece in way) > MAX_GAPS for way in found):
        return None
    return re.fullmatch(pattern, text) is not None


_BEGIN, _END = Piece("begin"), Piece("end")


def _anchored(way: Way) -> Way:
    """A way without its anchors, which say nothing at the ends and can't be met elsewhere."""
    while way and way[0] == _BEGIN:
        way = way[1:]
    while way and way[-1] == _END:
        way = way[:-1]
    if _BEGIN in way or _END in way:
        raise _Unsaid
    return way


class _Parser:
    def __init__(self, pattern: str) -> None:
        self._left = pattern
        self._depth = 0

    def expect_end(self) -> None:
        if self._left:
            raise _Unsaid

    def _accept(self, text: str) -> bool:
        found = self._left.startswith(text)
        if found:
            self._left = self._left[len(text) :]
        return found

    def _take(self) -> str:
        if not self._left:
            raise _Unsaid
        first, self._left = self._left[0], self._left[1:]
        return first

    def alternatives(self) -> tuple[Way, ...]:
        found = self._sequence()
        while self._accept("|"):
            found = (*found, *self._sequence())
        return _few(found)

    def _sequence(self) -> tuple[Way, ...]:
        found: tuple[Way, ...] = ((),)
        while self._left and self._left[0] not in "|)":
            more = self._repeated(self._atom())
            found = _few(tuple((*first, *then) for first, then in product(found, more)))
        return found

    def _atom(self) -> tuple[Way, ...]:
        if self._accept(FOLDERS_PATTERN):
            return ((Piece(FOLDERS),),)
        if self._accept("(?:") or self._accept("("):
            self._depth += 1
            found = self.alternatives() if self._depth <= MAX_NESTED else ()
            self._depth -= 1
            if not self._accept(")"):
                raise _Unsaid
            return found
        return ((self._piece(),),)

    def _piece(self) -> Piece:
        match self._take():
            case "^":
                return _BEGIN
            case "$":
                return _END
            case ".":
                return Piece(ANY)
            case "[":
                return self._class()
            case "\\":
                return self._escaped()
            case character if character in "?*+{":
                raise _Unsaid
            case character:
                return Piece(TEXT, character)

    def _escaped(self) -> Piece:
        character = self._take()
        if character in _SETS:
            return Piece(CLASS, _SETS[character])
        if character.isalnum():
            raise _Unsaid
        return Piece(TEXT, character)

    def _class(self) -> Piece:
        if self._accept("^/]") or self._accept(r"^\/]"):
            return Piece(SEGMENT)
        if self._left.startswith(("^", "]", "[")):
            raise _Unsaid
        items: list[str] = []
        while not self._accept("]"):
            items.append(self._class_item(items))
        characters = "".join(sorted(set("".join(items))))
        return Piece(CLASS if len(characters) > 1 else TEXT, characters)

    def _class_item(self, before: list[str]) -> str:
        """The characters of one item; of a range, those after its first one."""
        item = self._one()
        if item != "-" or not before or self._left.startswith("]"):
            return item
        first, last = before[-1], self._one()
        if len(first) != 1 or len(last) != 1 or not first <= last or ord(last) - ord(first) > len(_LETTERS):
            raise _Unsaid
        return "".join(map(chr, range(ord(first), ord(last) + 1)))

    def _one(self) -> str:
        match = _CLASS_ITEM.match(self._left)
        if match is None or match[2] in ("[", "&"):
            raise _Unsaid
        self._left = self._left[match.end() :]
        if match[2] is not None:
            return match[2]
        if match[1].isalnum() and match[1] not in _SETS:
            raise _Unsaid
        return _SETS.get(match[1], match[1])

    def _repeated(self, found: tuple[Way, ...]) -> tuple[Way, ...]:
        match = _COUNT.match(self._left)
        if match is None:
            return found
        self._left = self._left[match.end() :]
        self._accept("?")  # as few as possible: the same for a whole text
        if _COUNT.match(self._left):
            raise _Unsaid
        low, high = _bounds(match)
        return _few(_times(found, low, high))


def _bounds(match: re.Match[str]) -> tuple[int, int | None]:
    """How often at least and at most; None is without end."""
    if match[1]:
        return {"?": (0, 1), "*": (0, None), "+": (1, None)}[match[1]]
    low = int(match[2])
    high = low if match[3] is None else int(match[3]) if match[3] else None
    if max(low, high or 0) > MAX_REPEAT or (high is not None and high < low):
        raise _Unsaid
    return low, high


def _times(found: tuple[Way, ...], low: int, high: int | None) -> tuple[Way, ...]:
    if high is not None:
        if sum(map(len, found)) * high * high > MAX_PIECES:
            raise _Unsaid
        several = (product(found, repeat=count) for count in range(low, high + 1))
        return tuple(sum(row, ()) for rows in several for row in _limited(rows, len(found), high))
    match found:
        case ((Piece(kind=kind, low=1, many=False) as piece,),) if kind in (ANY, SEGMENT):
            return ((*[piece] * max(0, low - 1), replace(piece, low=min(low, 1), many=True)),)
        case ((Piece(kind=kind, low=1, many=False) as piece,),) if kind in (TEXT, CLASS):
            some: Way = (*[piece] * max(0, low - 1), replace(piece, many=True))
            return (some,) if low else ((), some)
    raise _Unsaid


def _limited(rows: product[tuple[Way, ...]], kinds: int, times: int) -> product[tuple[Way, ...]]:
    if kinds**times > MAX_WAYS:
        raise _Unsaid
    return rows


def _few(found: tuple[Way, ...]) -> tuple[Way, ...]:
    if len(found) > MAX_WAYS or sum(map(len, found)) > MAX_PIECES:
        raise _Unsaid
    return found
