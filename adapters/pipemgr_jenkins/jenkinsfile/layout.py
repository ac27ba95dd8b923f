"""Layout: a document tree of statements and blocks, printed with an indent of four; texts of several lines stay as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

INDENT: Final = 4

_TOKEN: Final = re.compile(
    r"'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"|\$/(?:\$\$|\$/|.)*?/\$"
    r"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|//[^\n]*|/\*.*?\*/",
    re.DOTALL,
)
_QUOTES: Final = ("'''", '"""', "$/", "'", '"')


@dataclass(frozen=True)
class Statement:
    """Groovy as it is; of several lines, those that no string begins in may be indented."""

    text: str


@dataclass(frozen=True)
class Block:
    """`head { body }`, and what follows its brace on the same line: `else { ... }`."""

    head: str
    body: tuple[Item, ...]
    then: Block | None = None
    parameters: str = ""
    """What the block calls what it is given: `db ->`."""


Item = Statement | Block


def block(head: str, body: Iterable[Item]) -> tuple[Block, ...]:
    """A block around items; none where there are none."""
    items = tuple(body)
    return (Block(head, items),) if items else ()


def statements(texts: Iterable[str]) -> tuple[Statement, ...]:
    """A statement for each text."""
    return tuple(map(Statement, texts))


def printed(items: Sequence[Item]) -> str:
    """The text of a document; top-level blocks and statements of several lines stand apart by an empty line."""
    parts = ["\n".join(_lines(one, 0)) for one in items]
    return "\n\n".join(parts) + "\n" if parts else ""


def _lines(item: Item, depth: int) -> Iterator[str]:
    margin = " " * (INDENT * depth)
    if isinstance(item, Statement):
        yield indented(item.text, margin) if depth else item.text
        return
    link: Block | None = item
    opening = f"{indented(item.head, margin)} {{{f' {item.parameters}' if item.parameters else ''}"
    while link is not None:
        yield opening
        for inner in link.body:
            yield from _lines(inner, depth + 1)
        link = link.then
        if link is None:
            yield f"{margin}}}"
        else:
            opening = f"{margin}}} {link.head} {{"


def indented(text: str, margin: str) -> str:
    """A text with a margin before each of its lines but empty ones and those that begin within a string."""
    kept = inside(text)
    lines = dedented(text).split("\n")
    return "\n".join(line if at in kept or not line else margin + line for at, line in enumerate(lines))


def dedented(text: str) -> str:
    """Groovy cut out of a document, without the indent that its further lines have in common.

    Lines that begin within a string are never changed: the same text whatever depth it stood at.
    """
    lines = text.split("\n")
    kept = inside(text)
    free = [at for at in range(1, len(lines)) if at not in kept and lines[at].strip()]
    margin = min((len(lines[at]) - len(lines[at].lstrip(" \t")) for at in free), default=0)
    changed = set(free)
    return "\n".join(
        line[margin:] if at in changed else (line if at in kept or at == 0 else line.strip(" \t"))
        for at, line in enumerate(lines)
    )


def inside(text: str) -> frozenset[int]:
    """The lines of a text, counted from 0, that begin within a string of several lines."""
    found: set[int] = set()
    line = at = 0
    for token in _TOKEN.finditer(text):
        word = token.group()
        line += text.count("\n", at, token.start())
        at = token.end()
        count = word.count("\n")
        if count and word.startswith(_QUOTES):
            found.update(range(line + 1, line + count + 1))
        line += count
    return frozenset(found)
