"""Patches: the smallest changes of a text that make its values others, in its author's layout."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from .emit import Style, behind_dash, behind_key, in_flow, key_text
from .layout import BLOCK, Entry, Layout, Part, Place
from .restyle import restyled


class Splice(NamedTuple):
    """Characters of a text that give way to others."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Fresh:
    """An entry that the text does not have yet."""

    data: Any
    key: str | None = None


Come = tuple[Entry | None, "Fresh | Entry"]
"""What comes into a collection, and the entry it comes behind (None: first); an entry moves with its comments."""


class Tangled(Exception):
    """Two changes want the same characters, or there is no way to say it here."""


class Patch:
    """Changes of one text, collected."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.text = layout.text
        self.style = Style(*layout.habit())
        self.splices: list[Splice] = []

    def applied(self) -> str:
        """The text with all changes. Raises `Tangled` when two of them don't go together."""
        made: list[str] = []
        at, last = 0, ""
        for start, end, text in sorted(dict.fromkeys(self.splices), key=lambda one: one[:2]):
            if start >= at:
                made += (self.text[at:start], text)
            elif last or text:
                raise Tangled
            at, last = max(at, end), text
        return "".join((*made, self.text[at:]))

    def _put(self, start: int, end: int, text: str) -> None:
        if text != self.text[start:end]:
            self.splices.append(Splice(start, end, text))

    # Values ----------------------------------------------------------------------------------------------

    def rewrite(self, place: Place, value: Any) -> None:
        """A scalar says something else, in its own style where that can hold it."""
        part, entry = place.part, place.entry
        flow = place.around is not None and place.around.part.flow
        if isinstance(value, str) and entry is not None and part.begin < part.end:
            column = place.around.part.column if place.around else 0
            said = restyled(
                self.text[part.begin : part.end], value, flow=flow, indent=column + self.style.indent
            )
            if said is not None:
                self._put(part.begin, part.end, said)
                return
        self.replace(place, value)

    def replace(self, place: Place, data: Any) -> None:
        """A value becomes another one, written afresh; its comments inside go with it.

        Raises `Tangled` for the whole document.
        """
        entry, around = place.entry, place.around
        if entry is None or around is None:
            raise Tangled
        if around.part.flow:
            self._put(entry.value.begin, entry.value.end, in_flow(data))
            return
        header, old = self.layout.header(entry), entry.value
        first, *rest = self._lines(data, around.part, entry, place)
        anchor = f" &{old.anchor}" if old.anchor else ""
        end, comment = self._comment(entry, header)
        first = anchor + first
        if comment:
            first = f"{first}  {comment}" if first else f" {comment}"
        self._put(header, end, "\n".join((first, *rest)))

    def _lines(self, data: Any, around: Part, entry: Entry, place: Place) -> list[str]:
        pad, level = " " * around.column, _depth(place)
        if around.kind == "seq":
            lines = behind_dash(data, self.style, level - 1)
        else:
            style, old = self.style, entry.value
            if old.kind in ("map", "seq") and not old.flow and old.column >= around.column:
                width = old.column - around.column
                style = Style(width or style.indent, style.dash) if old.kind == "map" else style
                style = Style(style.indent, width) if old.kind == "seq" else style
            lines = behind_key(data, style, level)
        return [lines[0], *(line and pad + line for line in lines[1:])]

    def _comment(self, entry: Entry, header: int) -> tuple[int, str]:
        """The end of what a new value replaces, and the comment in the line of its key."""
        value = entry.value
        line = self.text.find("\n", header, value.begin)
        if line >= 0 and value.kind != "scalar":
            comment = self.text[header:line]
            return value.end, comment[comment.find("#") :] if "#" in comment else ""
        tail = self.layout.tail(value.end) if value.style not in BLOCK else value.end
        return tail, self.text[value.end : tail].strip()

    def rename(self, entry: Entry, key: str) -> None:
        """A key of a mapping becomes another one."""
        part = entry.key
        if part is None:
            raise Tangled
        said = restyled(self.text[part.begin : part.end], key, flow=True, indent=0)
        self._put(part.begin, part.end, said or key_text(key))

    # Entries ---------------------------------------------------------------------------------------------

    def reshape(self, place: Place, gone: Collection[Entry], come: Sequence[Come]) -> None:
        """Entries leave a collection and others come. Raises `Tangled` when nothing of it stays."""
        part = place.part
        away = {id(entry) for entry in gone}
        kept = [entry for entry in part.entries if id(entry) not in away]
        if not kept:
            raise Tangled
        if part.flow:
            self._reshape_flow(part, kept, away, come)
            return
        floor = self._floor(place)
        self._remove(part, kept[0], away, floor)
        for after, new in come:
            self._insert(place, kept[0], after, new, floor)

    def _floor(self, place: Place) -> int:
        """The offset that comments of a collection's first entry can't lie before."""
        if place.entry is None:
            return 0
        newline = self.text.find("\n", self.layout.header(place.entry))
        return newline + 1 if newline >= 0 else len(self.text)

    def _remove(self, part: Part, stays: Entry, away: set[int], floor: int) -> None:
        entries, layout = part.entries, self.layout
        until = entries.index(stays)
        if until:
            first, low = entries[0], layout.tail(entries[until - 1].value.end)
            top = layout.top(stays, low)
            if layout.leads(first):
                self._put(layout.top(first, floor), top, "")
            else:
                self._put(first.head, top + _width(self.text, top), "")
        for before, entry in zip(entries[until:], entries[until + 1 :], strict=False):
            if id(entry) in away:
                tail = layout.tail(before.value.end)
                top = layout.top(entry, tail)
                start = max(tail, len(self.text[:top].rstrip(" \t\n")))
                self._put(start, layout.tail(entry.value.end), "")

    def _insert(
        self, place: Place, first: Entry, after: Entry | None, new: Fresh | Entry, floor: int
    ) -> None:
        part, layout = place.part, self.layout
        lines = self._entry(place, new)
        gap = [""] * self._gap(place, after or first, len(lines))
        if after is not None:
            at = layout.tail(after.value.end)
            self._add(at, "\n".join(("", *gap, *lines)))
        elif layout.leads(part.entries[0]):
            at = layout.line_start(first.head) if place.entry is None else layout.top(first, floor)
            self._add(at, "\n".join((*lines, *gap, "")))
        else:
            text = "\n".join((*lines, *gap, " " * part.column))
            self._add(part.entries[0].head, text.removeprefix(" " * part.column))

    def _add(self, at: int, text: str) -> None:
        """Insert behind what was inserted at the same place before."""
        for number, one in enumerate(self.splices):
            if one.start == one.end == at:
                self.splices[number] = Splice(at, at, one.text + text)
                return
        self.splices.append(Splice(at, at, text))

    def _entry(self, place: Place, new: Fresh | Entry) -> list[str]:
        """The lines of an entry, as they are to stand."""
        layout, pad = self.layout, " " * place.part.column
        if isinstance(new, Entry):
            leads, tail = layout.leads(new), layout.tail(new.value.end)
            return [self.text[layout.top(new, 0) : tail] if leads else pad + self.text[new.head : tail]]
        level = _depth(place)
        if new.key is None:
            first, *rest = behind_dash(new.data, self.style, level)
            head = "-"
        else:
            first, *rest = behind_key(new.data, self.style, level + 1)
            head = f"{key_text(new.key)}:"
        return [pad + head + first, *(line and pad + line for line in rest)]

    def _gap(self, place: Place, near: Entry, length: int) -> int:
        """How many blank lines stand between the entries of a collection, near one of them."""
        entries = place.part.entries
        at = entries.index(near)
        pairs = [(at, at + 1)] * (at + 1 < len(entries)) + [(at - 1, at)] * (at > 0)
        if not pairs:
            return int(_depth(place) < 2 and length > 3)  # noqa: PLR2004 - as fresh files are spaced
        low, high = pairs[0]
        tail = self.layout.tail(entries[low].value.end)
        lines = self.text[tail : self.layout.top(entries[high], tail)].split("\n")[1:-1]
        return sum(1 for line in lines if not line.strip())

    # Brackets --------------------------------------------------------------------------------------------

    def _reshape_flow(self, part: Part, kept: list[Entry], away: set[int], come: Sequence[Come]) -> None:
        entries, first = part.entries, part.entries.index(kept[0])
        if first:
            self._put(entries[0].head, kept[0].head, "")
        for before, entry in zip(entries[first:], entries[first + 1 :], strict=False):
            if id(entry) in away:
                self._put(before.value.end, entry.value.end, "")
        comma = self._separator(entries)
        for after, new in come:
            said = self._flow_entry(new)
            if after is None:
                self._add(kept[0].head, said + comma)
            else:
                self._add(after.value.end, comma + said)

    def _separator(self, entries: list[Entry]) -> str:
        between = [self.text[one.value.end : other.head] for one, other in pairwise(entries)]
        return next((text for text in between if "#" not in text), ", ")

    def _flow_entry(self, new: Fresh | Entry) -> str:
        if isinstance(new, Entry):
            return self.text[new.head : new.value.end]
        return in_flow(new.data) if new.key is None else f"{key_text(new.key)}: {in_flow(new.data)}"


def _width(text: str, at: int) -> int:
    """How many blanks stand at a place."""
    return len(text[at:]) - len(text[at:].lstrip(" \t\n")) if at < len(text) else 0


def _around(place: Place) -> Iterator[Place]:
    while place.around is not None:
        place = place.around
        yield place


def _depth(place: Place) -> int:
    return sum(1 for _ in _around(place))
