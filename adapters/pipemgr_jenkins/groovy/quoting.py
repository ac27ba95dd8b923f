"""Writes Groovy literals: any text, texts with expressions in them, and whole values.

What is written here, `parse` reads back as the same value (a property of the tests).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
# Control characters are octal: Groovy turns \uXXXX into the character before it looks for strings.
_OCTAL = re.compile(r"[\x00-\x1f\x7f]")
_UNWRITABLE = re.compile(r"[\x80-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_WORD = re.compile(r"(?!(?:true|false|null)\Z)[A-Za-z_$][A-Za-z_$0-9]*\Z")


class Expression(str):
    """The Groovy text of an expression, among the pieces of a text."""

    __slots__ = ()


def quoted(text: str) -> str:
    """A literal for a text: single quotes, three of them where it has several lines."""
    if _in_lines(text):
        return "'''" + _block(text, "'") + "'''"
    return "'" + _line(text, "'") + "'"


def interpolated(pieces: Sequence[str | Expression]) -> str:
    """A literal for a text with expressions in it; what is no `Expression` is text as it is."""
    if not any(isinstance(one, Expression) for one in pieces):
        return quoted("".join(pieces))
    joined = _joined(pieces)
    lines = _in_lines("".join(one for one in pieces if not isinstance(one, Expression)))
    mark = '"""' if lines else '"'
    found = [_piece(one, lines=lines, first=not at, last=False) for at, one in enumerate(joined[:-1])]
    return mark + "".join(found) + _piece(joined[-1], lines=lines, first=len(joined) == 1, last=True) + mark


def _joined(pieces: Sequence[str | Expression]) -> list[str | Expression]:
    """The pieces, with texts that stand beside one another as one."""
    found: list[str | Expression] = []
    for one in pieces:
        if found and not isinstance(one, Expression) and not isinstance(found[-1], Expression):
            found[-1] += one
        else:
            found.append(one)
    return found


def _piece(one: str | Expression, *, lines: bool, first: bool, last: bool) -> str:
    if isinstance(one, Expression):
        return f"${{{one}}}"
    return (_block(one, '"', first=first, last=last) if lines else _line(one, '"')).replace("$", "\\$")


def value(data: Any) -> str:
    """A literal for a text, a number, true, false, null, a list or a map of such. Raises `TypeError` for others."""
    match data:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[data]
        case str():
            return quoted(data)
        case int() | float():
            return repr(data)
        case Mapping():
            inside = ", ".join(f"{key(str(name))}: {value(one)}" for name, one in data.items())
            return f"[{inside or ':'}]"
        case Sequence():
            return f"[{', '.join(value(one) for one in data)}]"
    message = f"no Groovy literal for a {type(data).__name__}"
    raise TypeError(message)


def key(name: str) -> str:
    """The name of an argument or of an entry of a map: bare if it is a word, else quoted."""
    return name if _WORD.match(name) else quoted(name)


def _in_lines(text: str) -> bool:
    """Whether a text is better written in several lines: one with a line end that something follows or precedes."""
    return "\n" in text.strip("\n")


def _line(text: str, mark: str) -> str:
    """A text between single marks."""
    for plain, escape in _ESCAPES.items():
        text = text.replace(plain, escape)
    return _odd(text.replace(mark, "\\" + mark))


def _block(text: str, mark: str, *, first: bool = True, last: bool = True) -> str:
    """A text between three marks: line ends stay, marks are escaped only where three might meet.

    `first` and `last` tell whether the text stands beside the three, or beside an expression.
    """
    for plain, escape in _ESCAPES.items():
        text = text if plain in "\n\t" else text.replace(plain, escape)
    ends = (rf"\A{mark}|" if first else "") + (rf"{mark}\Z|" if last else "")
    risky = rf"{ends}{mark}(?={mark})|(?<={mark}){mark}"
    return _odd(re.sub(risky, rf"\\{mark}", text))


def _odd(text: str) -> str:
    """Characters that a file can't hold, or that nobody sees."""
    text = _OCTAL.sub(lambda found: found[0] if found[0] in "\n\t" else f"\\{ord(found[0]):03o}", text)
    return _UNWRITABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
