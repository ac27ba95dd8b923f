"""Templates: texts with `${{ }}` in them, taken apart and put together again."""

from __future__ import annotations

import re
from collections.abc import Callable

from .expressions import MAX_LENGTH, Expression, ExpressionError, parse, quote

Part = str | Expression
_OPEN, _CLOSE = "${{", "}}"
_BODY = re.compile(r"(?:[^'}]|'(?:[^']|'')*'|\}(?!\}))*")


def template(text: str) -> tuple[Part, ...]:
    """The parts of a text with `${{ }}` in it, in order: plain strings and expressions.

    Raises `ExpressionError` for an opening mark without its end and for a body that is no expression.
    """
    parts: list[Part] = []
    at = 0
    while (start := text.find(_OPEN, at)) >= 0:
        if start > at:
            parts.append(text[at:start])
        body = _BODY.match(text, start + len(_OPEN), start + MAX_LENGTH)
        end = body.end() if body else start
        if not text.startswith(_CLOSE, end):
            raise ExpressionError(f"{_OPEN} without its {_CLOSE}", start)
        try:
            parts.append(parse(text[start + len(_OPEN) : end]))
        except ExpressionError as error:
            raise ExpressionError(str(error), start + len(_OPEN) + error.offset) from None
        at = end + len(_CLOSE)
    if at < len(text):
        parts.append(text[at:])
    return tuple(parts)


def untemplate(parts: tuple[Part, ...]) -> str:
    """The text of `parts`; a plain `${{` in a string is written as an expression, so that it stays plain."""
    return "".join(
        part.replace(_OPEN, f"{_OPEN} {quote(_OPEN)} {_CLOSE}")
        if isinstance(part, str)
        else f"{_OPEN} {part} {_CLOSE}"
        for part in parts
    )


def rewrite(text: str, change: Callable[[Expression], Expression]) -> str:
    """`text` with `change` applied to each of its expressions; plain text stays as it is."""
    if _OPEN not in text:
        return text
    return "".join(
        part if isinstance(part, str) else f"{_OPEN} {change(part)} {_CLOSE}" for part in template(text)
    )
