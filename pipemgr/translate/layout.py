"""The layout of a YAML text: each value as its author wrote it, with its extent, style and neighbours."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import yaml

from .node import Node

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*(?:[ \t]*(?:#[^\n]*)?\n|[ \t])*[ \t]*)+")
_BLANK_END = re.compile(r"(?:\n[ \t]*)+\Z")
_REST = re.compile(r"[ \t]*(?:#[^\n]*)?(?=\n|\Z)")
_COMMENT_LINE = re.compile(r"([ \t]*)#[^\n]*\Z")
BLOCK: Final = ("|", ">")
MERGE: Final = "<<"


@dataclass(eq=False)
class Part:
    """A value as it stands in a text: offsets are in characters, `column` counts from 0."""

    kind: str
    """`scalar`, `map`, `seq` or `alias`."""
    start: int
    end: int
    column: int
    begin: int = 0
    """Where it begins behind its anchor and its tag."""
    style: str = ""
    """Of a scalar: its quote or block indicator; empty for a plain one."""
    flow: bool = False
    """Whether a collection is in brackets."""
    anchor: str = ""
    text: str = ""
    """What a scalar says; the anchor that an alias names."""
    entries: list[Entry] = field(default_factory=list)


@dataclass(eq=False)
class Entry:
    """A key and its value, or an element of a list."""

    key: Part | None
    value: Part
    head: int
    """Where it begins: at its key, its dash, or (in brackets) its value."""


@dataclass(eq=False)
class Place:
    """A node of a text, and where it stands."""

    node: Node
    part: Part
    """The text of its value; of an alias that of its anchor."""
    around: Place | None
    entry: Entry | None
    shared: bool = False
    """Whether it comes through an alias or a merge key, so that its text is not its own."""

    @property
    def own(self) -> bool:
        """Whether its entry stands in the collection around it, and nowhere else."""
        return self.entry is not None and not self.shared

    @property
    def alias(self) -> bool:
        """Whether an alias stands in its place."""
        return self.entry is not None and self.entry.value.kind == "alias"

    def uses(self, anchors: Collection[str]) -> bool:
        """Whether an alias to one of the anchors stands in its place, or is merged into it."""
        values = [entry.value for entry in self.part.entries if entry.key and entry.key.text == MERGE]
        values += [one.value for value in values for one in value.entries]
        if self.entry is not None:
            values.append(self.entry.value)
        return any(value.kind == "alias" and value.text in anchors for value in values)


class Layout:
    """A text of one YAML document, taken apart without losing a character."""

    def __init__(self, text: str) -> None:
        """Raises `yaml.YAMLError` for what is no YAML."""
        self.text = text
        self.anchors: dict[str, Part] = {}
        self.root = self._parse()
        self.parts = tuple(_walk(self.root)) if self.root else ()

    def _parse(self) -> Part | None:
        stack: list[tuple[Part, list[Part]]] = []
        for event in yaml.parse(self.text, Loader=_LOADER):
            if isinstance(event, yaml.CollectionEndEvent):
                part, children = stack.pop()
                self._close(part, children, event)
            elif isinstance(event, yaml.NodeEvent):
                part = self._part(event)
                if stack:
                    stack[-1][1].append(part)
                if isinstance(event, yaml.CollectionStartEvent):
                    stack.append((part, []))
                    continue
            else:
                continue
            if not stack:
                return part
        return None

    def _part(self, event: Any) -> Part:
        start, end = event.start_mark.index, event.end_mark.index
        part = Part("alias", start, end, event.start_mark.column, start)
        if isinstance(event, yaml.AliasEvent):
            part.text = str(event.anchor)
            return part
        properties = _PROPERTIES.match(self.text, start) if event.anchor or event.tag else None
        part.begin = properties.end() if properties else start
        part.anchor = event.anchor or ""
        if part.anchor:
            self.anchors[part.anchor] = part
        if isinstance(event, yaml.ScalarEvent):
            part.kind, part.style, part.text = "scalar", str(event.style or ""), str(event.value)
            if part.style in BLOCK:
                part.end -= self._blank_end(start, end)
            part.begin = min(part.begin, part.end)
        else:
            part.kind = "map" if isinstance(event, yaml.MappingStartEvent) else "seq"
            part.flow = bool(event.flow_style)
            if properties and not part.flow:
                part.column = part.begin - self.line_start(part.begin)
        return part

    def _blank_end(self, start: int, end: int) -> int:
        """How many characters of a block scalar's end are blank lines; with `+` they belong to it."""
        text = self.text[start:end]
        if "+" in text.partition("\n")[0].partition("#")[0]:
            return int(text.endswith("\n"))
        found = _BLANK_END.search(text)
        return len(found[0]) if found else 0

    def _close(self, part: Part, children: list[Part], event: Any) -> None:
        if part.kind == "map":
            part.entries = [
                Entry(key, value, key.start) for key, value in zip(children[::2], children[1::2], strict=True)
            ]
        elif part.flow:
            part.entries = [Entry(None, value, value.start) for value in children]
        else:
            part.entries = list(self._elements(part, children))
        part.end = event.end_mark.index if part.flow else part.entries[-1].value.end

    def _elements(self, part: Part, children: list[Part]) -> Iterator[Entry]:
        dash = re.compile(rf"^[ ]{{{part.column}}}-(?=\s|\Z)", re.MULTILINE)
        at = part.begin
        for value in children:
            if value is not children[0] and (found := dash.search(self.text, at, value.start + 1)):
                at = found.end() - 1
            yield Entry(None, value, at)
            at = value.end

    # Lines -----------------------------------------------------------------------------------------------

    def line_start(self, offset: int) -> int:
        """Where the line of a character begins."""
        return self.text.rfind("\n", 0, offset) + 1

    def tail(self, offset: int) -> int:
        """The end of a line whose rest is blank or a comment; otherwise the offset itself."""
        found = _REST.match(self.text, offset)
        return found.end() if found else offset

    def leads(self, entry: Entry) -> bool:
        """Whether an entry is the first thing in its line."""
        return not self.text[self.line_start(entry.head) : entry.head].strip()

    def top(self, entry: Entry, floor: int) -> int:
        """Where the lines of an entry begin: at the comments right above it that line up with it.

        `floor` is an offset that they can't lie before.
        """
        start = self.line_start(entry.head)
        width = entry.head - start
        while start > floor:
            above = self.line_start(start - 1)
            found = _COMMENT_LINE.match(self.text[above : start - 1])
            if above < floor or found is None or len(found[1]) != width:
                break
            start = above
        return start

    def header(self, entry: Entry) -> int:
        """Where the value of an entry may begin: behind its colon or its dash."""
        if entry.key is None:
            return entry.head + 1
        colon = re.compile(r"[ \t\n]*:").match(self.text, entry.key.end)
        return colon.end() if colon else entry.key.end

    # Habits ----------------------------------------------------------------------------------------------

    def habit(self) -> tuple[int, int]:
        """By how many columns the text indents mappings, and lists below their key."""
        found: dict[str, Counter[int]] = {"map": Counter(), "seq": Counter()}
        for part in self.parts:
            for entry in part.entries if part.kind == "map" and not part.flow else ():
                if entry.value.kind in found and not entry.value.flow:
                    found[entry.value.kind][entry.value.column - part.column] += 1
        usual = [counts.most_common(1)[0][0] if counts else 2 for counts in found.values()]
        return max(usual[0], 1), max(usual[1], 0)

    def places(self, root: Node) -> dict[int, Place]:
        """The place of each node, by the node's identity."""
        found: dict[int, Place] = {}
        if self.root is not None:
            self._place(Place(root, self.root, None, None), found)
        return found

    def _place(self, place: Place, found: dict[int, Place]) -> None:
        found[id(place.node)] = place
        children = place.node.children
        if isinstance(children, list) and len(children) == len(place.part.entries):
            for child, entry in zip(children, place.part.entries, strict=True):
                self._below(place, child, entry, found)
        elif isinstance(children, dict):
            own = {entry.key.text: entry for entry in place.part.entries if entry.key is not None}
            for name, child in children.items():
                if name in own:
                    self._below(place, child, own[name], found)
                elif (merged := self._merged(place, name)) is not None:
                    self._place(merged(child), found)

    def _merged(self, place: Place, name: str) -> Callable[[Node], Place] | None:
        """Makes the place of a value that comes into a mapping through a merge key."""
        for entry in place.part.entries:
            if entry.key is None or entry.key.text != MERGE:
                continue
            several = (
                [one.value for one in entry.value.entries] if entry.value.kind == "seq" else [entry.value]
            )
            for part in map(self._resolved, several):
                for one in part.entries:
                    if one.key is not None and one.key.text == name:
                        around = Place(place.node, part, None, None, shared=True)
                        return partial(
                            Place, part=self._resolved(one.value), around=around, entry=one, shared=True
                        )
        return None

    def _resolved(self, part: Part) -> Part:
        return self.anchors[part.text] if part.kind == "alias" else part

    def _below(self, place: Place, node: Node, entry: Entry, found: dict[int, Place]) -> None:
        part = self._resolved(entry.value)
        shared = place.shared or place.alias
        self._place(Place(node, part, place, entry, shared), found)


def _walk(part: Part) -> Iterator[Part]:
    yield part
    for entry in part.entries:
        yield from _walk(entry.value)
