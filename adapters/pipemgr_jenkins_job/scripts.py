"""Scripts: what the language of Jenkinsfiles reads, with its places led back into the configuration around it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from pipemgr.adapter import Finding, InvalidPipeline, Node, ParseError, Reading, Source

from .elements import Element

_REFERENCE: Final = re.compile(r"&#?\w+;")
_CDATA: Final = "<![CDATA["
_PLACE: Final = re.compile(r":(\d+):(\d+)$")
Place = tuple[int, int]


class Places:
    """Where each character of an element's text stands in the document."""

    def __init__(self, element: Element, text: str) -> None:
        self.line, self.column = element.begin if element.begin[0] else (element.line, element.column)
        self.lines = text.split("\n")
        before = self.lines[self.line - 1][: self.column - 1] if self.line <= len(self.lines) else ""
        self.escaped = not before.endswith(_CDATA)

    def __call__(self, line: int, column: int) -> Place:
        """The place of a line and column of the script, all counted from 1."""
        at = self.column - 1 if line == 1 else 0
        row = self.line + line - 1
        raw = self.lines[row - 1] if row <= len(self.lines) else ""
        for _ in range(column - 1):
            match = _REFERENCE.match(raw, at) if self.escaped else None
            at = match.end() if match else at + 1
        return row, at + 1

    def where(self, where: str | None) -> str | None:
        """A place as text, led back."""
        match = _PLACE.search(where or "")
        if match is None or where is None:
            return where
        line, column = self(int(match[1]), int(match[2]))
        return f"{where[: match.start()]}:{line}:{column}"


def within(places: Places, read: Callable[[], Reading]) -> Reading:
    """A reading of the script, or what is wrong with it: told with places in the configuration."""
    try:
        return read()
    except ParseError as error:
        raise ParseError(error.message, where=places.where(error.where), remedy=error.remedy) from None
    except InvalidPipeline as error:
        problems = tuple((places.where(where) or where, message) for where, message in error.problems)
        raise InvalidPipeline(
            error.message, where=places.where(error.where), remedy=error.remedy, problems=problems
        ) from None


def adopt(reading: Reading, source: Source, parent: Node, places: Places | None) -> None:
    """Make the nodes and findings of a script part of the configuration that it stands in (or that names it)."""
    theirs = reading.source
    for node in theirs.nodes:
        if node.parent is None:
            node.parent, node.key = parent, "script"
        if places is not None:
            node.line, node.column = places(node.line, node.column)
            node.start = places(*node.start)
            node.origin = source
    source.nodes += theirs.nodes
    source.findings += [_led(one, places) for one in theirs.findings]


def _led(finding: Finding, places: Places | None) -> Finding:
    if places is None:
        return finding
    return finding.model_copy(update={"source": places.where(finding.source)})


def renumber(reading: Reading, places: dict[int, int]) -> None:
    """Lead what became the triggers of the script to where they stand among all triggers."""
    for node in reading.source.nodes:
        if (match := re.match(r"triggers\[(\d+)\]", node.fed or "")) is not None:
            at = places.get(int(match[1]))
            node.fed = "" if at is None else f"triggers[{at}]{(node.fed or '')[match.end() :]}"
