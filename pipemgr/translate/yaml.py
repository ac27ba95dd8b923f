"""YAML in: a text becomes nodes with their places, by the core schema of YAML 1.2, within limits.

So `on`, `yes` and `12:30:45` are strings and `010` is ten. Beyond the core schema, anchors, aliases and merge
keys (`<<`) are understood, because real pipelines use them:

- An alias gets nodes of its own. Its outermost node stands where the alias stands, those inside where the
  anchored text stands: that is where a person would edit each of them.
- Of two merged mappings with the same key the first one wins, in one list of a `<<` as with two `<<`; a key of
  the mapping itself wins over both.
- Keys are strings: what is written in place of one (`3.10`, `true`) counts by its text.
- Numbers are those of JSON: whole numbers from 2**53 on become floats, infinity and NaN are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import yaml

from pipemgr.errors import ParseError

from .document import MAX_BYTES
from .node import Node, Plain, Source

MAX_DEPTH: Final = 100
"""The deepest nesting that is read, aliases included."""
MAX_NODES: Final = 200_000
"""The most values that are read, after aliases and merges are expanded: real files have a few thousand."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE_TAG: Final = "tag:yaml.org,2002:"
_TEXTS: Final = ("!", f"{_CORE_TAG}str")
_MAPPINGS: Final = ("!", f"{_CORE_TAG}map")
_SEQUENCES: Final = ("!", f"{_CORE_TAG}seq")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


# Scalars -----------------------------------------------------------------------------------------------

_CONSTANTS: Final[dict[str, Plain]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER = re.compile(
    r"""(?P<int>[-+]?[0-9]+) | 0o(?P<octal>[0-7]+) | 0x(?P<hex>[0-9a-fA-F]+)
    | (?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)
    | (?P<odd>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))""",
    re.VERBOSE,
)
_BASES: Final = {"int": 10, "octal": 8, "hex": 16}
_MAYBE_NUMBER: Final = frozenset("0123456789+-.")
_EXACT: Final = 2**53 - 1
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "null": (type(None),),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
}


def resolve(text: str) -> Plain:
    """The value of a plain scalar by the core schema (YAML 1.2.2, 10.3.2); a string unless it fits another type.

    Raises `ValueError` for numbers that JSON has no way to write.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _MAYBE_NUMBER or (match := _NUMBER.fullmatch(text)) is None:
        return text
    kind = match.lastgroup or ""
    number = float("nan") if kind == "odd" else _number(match[kind], _BASES.get(kind))
    if number - number != 0:
        raise ValueError(f"{text[:40]} is no number that JSON can hold")
    return number


def _number(digits: str, base: int | None) -> int | float:
    if base is None or (base == 10 and len(digits) > 20):  # noqa: PLR2004 - 2**53 has 16 digits
        return float(digits)
    whole = int(digits[:300], base)
    if len(digits) > 300:  # noqa: PLR2004 - beyond the largest float in any base
        return float("inf")
    return whole if abs(whole) <= _EXACT else float(whole)


# Events to a graph -------------------------------------------------------------------------------------


class _Raw:
    """A value as composed: an alias adds a parent, not a copy."""

    __slots__ = ("children", "column", "line", "value")

    def __init__(self, line: int, column: int, value: Plain = None) -> None:
        self.value = value
        self.children: list[_Child] | dict[str, _Child] | None = None
        self.line = line
        self.column = column


_Child = tuple[int, int, _Raw]
"""A value below another one, and the line and column at which to show it: those of its key, if it has one."""


class _Key(_Raw):
    """A scalar, with its text, for it may yet turn out to be a key."""

    __slots__ = ("merges", "text")

    def __init__(self, event: Any, value: Plain) -> None:
        mark, text = event.start_mark, event.value
        super().__init__(mark.line + 1, mark.column + 1, value)
        self.text: str = text
        self.merges = text == "<<" and not event.style


class _Composer:
    """Builds the graph of each document from the events of a text, without recursion."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.anchors: dict[str, _Raw] = {}
        self.open: list[tuple[_Raw, list[_Child]]] = []
        self.count = 0

    def refuse(self, message: str, mark: Any, remedy: str | None = None) -> NoReturn:
        raise ParseError(message, where=f"{self.name}:{mark.line + 1}:{mark.column + 1}", remedy=remedy)

    def documents(self, text: str) -> Iterator[tuple[_Raw, Any]]:
        """The root of each document, and the mark at which the document starts."""
        root: list[_Child] = []
        for event in iter(_LOADER(text).get_event, None):
            match event:
                case yaml.ScalarEvent():
                    self.new(self.scalar(event), event.anchor)
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    self.start(event)
                case yaml.MappingEndEvent():
                    raw, children = self.open.pop()
                    raw.children = self.entries(children)
                case yaml.SequenceEndEvent():
                    raw, raw.children = self.open.pop()
                case yaml.AliasEvent():
                    mark: Any = event.start_mark
                    self.add(self.alias(event), mark.line + 1, mark.column + 1)
                case yaml.DocumentStartEvent():
                    root, start = [], event.start_mark
                    self.anchors, self.open = {}, [(_Raw(1, 1), root)]
                case yaml.DocumentEndEvent():
                    yield root[0][2], start

    def new(self, raw: _Raw, anchor: str | None) -> None:
        """Put a value below the innermost open collection, where aliases may find it."""
        self.add(raw, raw.line, raw.column)
        if anchor:
            self.anchors[anchor] = raw

    def add(self, raw: _Raw, line: int, column: int) -> None:
        """Put a value that is shown there below the innermost open collection."""
        self.spend(1, line, column)
        self.open[-1][1].append((line, column, raw))

    def spend(self, values: int, line: int, column: int) -> None:
        self.count += values
        if self.count > 2 * MAX_NODES:
            self.refuse(f"more than {MAX_NODES:,} values", _at(line, column), "is this the right file?")

    def scalar(self, event: Any) -> _Raw:
        text, tag, style = event.value, event.tag, event.style
        if style == '"' and _SURROGATE.search(text):
            self.refuse(
                "half of a surrogate pair is no character", event.start_mark, "write the character itself"
            )
        if tag is None or tag in _TEXTS:
            try:
                return _Key(event, text if style or tag else resolve(text))
            except ValueError as error:
                self.refuse(str(error), event.start_mark, "put it in quotes if it is a text")
        mark = event.start_mark
        wanted = _TYPES.get(tag.removeprefix(_CORE_TAG))
        if wanted is None:
            self.refuse(f"the tag {_shown(tag)} has no meaning here", mark, "remove the tag")
        try:
            value = resolve(text)
        except ValueError:
            value = text
        if type(value) not in wanted:
            self.refuse(f"{text!r} is no {_shown(tag)}", mark, "remove the tag, or correct the value")
        return _Key(event, value)

    def start(self, event: Any) -> None:
        mark = event.start_mark
        if len(self.open) > MAX_DEPTH:
            self.refuse(f"nested more than {MAX_DEPTH} deep", mark, "is this the right file?")
        tag = event.tag
        if tag is not None and tag not in (
            _MAPPINGS if isinstance(event, yaml.MappingStartEvent) else _SEQUENCES
        ):
            self.refuse(f"the tag {_shown(tag)} has no meaning here", mark, "remove the tag")
        raw = _Raw(mark.line + 1, mark.column + 1)
        self.new(raw, event.anchor)
        self.open.append((raw, []))

    def alias(self, event: Any) -> _Raw:
        raw = self.anchors.get(event.anchor)
        if raw is None:
            self.refuse(f"*{event.anchor} has no anchor &{event.anchor} before it", event.start_mark)
        if any(raw is one for one, _ in self.open):
            self.refuse(f"*{event.anchor} stands inside of its own anchor", event.start_mark)
        return raw

    def entries(self, children: list[_Child]) -> dict[str, _Child]:
        """The entries of a mapping from its keys and values in turn, merged ones at the place of their `<<`."""
        own: dict[str, _Child] = {}
        merges: dict[str, _Child] = {}
        entries: dict[str, _Child] = {}
        for (line, column, key), (_, _, value) in zip(children[::2], children[1::2], strict=True):
            if not isinstance(key, _Key):
                self.refuse(
                    "a mapping or a list can't be a key", _at(line, column), "write a text as the key"
                )
            if key.merges:
                for one in self.merged(value, line, column):
                    merges.update((name, child) for name, child in one.items() if name not in merges)
                entries.update(merges)
                continue
            if key.text in own:
                first = own[key.text]
                self.refuse(
                    f"the key {_short(key.text)} stands here twice, first in line {first[0]}",
                    _at(line, column),
                    "remove one of the two, or rename it",
                )
            own[key.text] = entries[key.text] = (line, column, value)
        entries.update(own)
        return entries

    def merged(self, value: _Raw, line: int, column: int) -> Iterator[dict[str, _Child]]:
        """The mappings that a merge key names."""
        several = [raw for _, _, raw in value.children] if isinstance(value.children, list) else [value]
        for raw in several:
            if not isinstance(raw.children, dict):
                self.refuse("<< takes a mapping or a list of mappings", _at(line, column))
            self.spend(len(raw.children), line, column)
            yield raw.children


class _at:  # noqa: N801 - reads as a word
    """A mark from a line and a column that are counted from 1."""

    def __init__(self, line: int, column: int) -> None:
        self.line, self.column = line - 1, column - 1


def _shown(tag: str) -> str:
    return tag.replace(_CORE_TAG, "!!")


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")  # noqa: PLR2004 - fits a line of a terminal


# The graph to nodes ------------------------------------------------------------------------------------


def _expand(source: Source, parent: Node | None, key: str | int, child: _Child, depth: int = 1) -> Node:
    """The nodes of a value; recursion goes no deeper than `MAX_DEPTH`."""
    line, column, raw = child
    node = Node(source, parent, key, raw.value, line, column, (raw.line, raw.column))
    if len(source.nodes) > MAX_NODES:
        raise ParseError(
            f"more than {MAX_NODES:,} values, with all aliases expanded",
            where=node.where,
            remedy="write fewer aliases of aliases",
        )
    if depth > MAX_DEPTH and raw.children is not None:
        raise ParseError(f"nested more than {MAX_DEPTH} deep, with all aliases expanded", where=node.where)
    match raw.children:
        case dict() as entries:
            node.children = {
                name: _expand(source, node, name, one, depth + 1) for name, one in entries.items()
            }
        case list() as elements:
            node.children = [_expand(source, node, at, one, depth + 1) for at, one in enumerate(elements)]
    return node


def compose_all(text: str, name: str) -> tuple[Node, ...]:
    """The root node of each document in `text`; all nodes belong to one source, called `name`.

    Raises `ParseError` with the place of the first thing that is not YAML, or beyond the limits.
    """
    _check_text(text, name)
    source = Source(name, text)
    try:
        roots = [root for root, _ in _Composer(name).documents(text)]
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise _clear(error, name, text) from None
    return tuple(_expand(source, None, "", (root.line, root.column, root)) for root in roots)


def compose(text: str, name: str) -> Node:
    """The root node of the one document in `text`; null where there is nothing.

    Raises `ParseError` with the place of the first thing that is not YAML, or beyond the limits, and for a
    second document.
    """
    _check_text(text, name)
    composer = _Composer(name)
    root = None
    try:
        for raw, mark in composer.documents(text):
            if root is not None:
                composer.refuse("a second document", mark, "keep one document in a file, without ---")
            root = raw
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise _clear(error, name, text) from None
    root = root or _Raw(1, 1)
    return _expand(Source(name, text), None, "", (root.line, root.column, root))


# What is wrong, in one line ----------------------------------------------------------------------------


def _check_text(text: str, name: str) -> None:
    if len(text) > MAX_BYTES:
        raise ParseError(
            f"larger than {MAX_BYTES:,} characters", where=name, remedy="is this the right file?"
        )
    if (match := _FORBIDDEN.search(text, 1 if text.startswith("\ufeff") else 0)) is not None:
        before = text[: match.start()]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        raise ParseError(
            f"the control character U+{ord(match[0]):04X} can't stand in YAML",
            where=f"{name}:{line}:{column}",
            remedy='write it as an escape in double quotes, such as "\\x1b"',
        )


_REMEDIES: Final = (
    (r"\\t|tab character|indentation space", "a tab stands where only spaces may", "indent with spaces"),
    (
        "mapping values are not allowed",
        "a second ': ' in one line, or wrong indentation",
        "put a text that holds ': ' in quotes, or line the key up with its siblings",
    ),
    ("cannot start any token", "no text begins like this", "put the text in quotes"),
    ("unexpected end of stream", "a quote is opened here and never closed", "close the quote"),
    (
        "expected ',' or|node content",
        "a [ or { is opened and not closed",
        "close it, or put the text in quotes",
    ),
    (
        "expected key|expected '-' indicator|block end",
        "this fits nothing above it",
        "check the indentation and the quotes",
    ),
    (
        "sequence entries are not allowed",
        "a list begins in the line of its key",
        "begin it in a line of its own",
    ),
    ("could not find expected ':'", "a line that is neither `key: value` nor a list element", "add the `:`"),
    ("expected alphabetic", "& and * begin an anchor or an alias", "put the text in quotes"),
    ("escape c", "an escape that means no character", "write the character itself, or use single quotes"),
)


def _clear(error: Exception, name: str, text: str) -> ParseError:
    """An error of the YAML library as one line with the place and a remedy."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or error).partition("\n")[0]
    if mark is None:
        return ParseError(f"not valid YAML: {problem}", where=name)
    where = f"{name}:{mark.line + 1}:{mark.column + 1}"
    line = "".join(text.split("\n", mark.line + 1)[mark.line : mark.line + 1])
    found = repr(line[mark.column : mark.column + 1]) + problem
    for pattern, message, remedy in _REMEDIES:
        if re.search(pattern, found):
            return ParseError(f"not valid YAML: {message}", where=where, remedy=remedy)
    return ParseError(f"not valid YAML: {problem}", where=where)
