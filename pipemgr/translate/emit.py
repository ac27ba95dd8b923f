"""YAML out: plain data becomes text as a person would write it, read alike by YAML 1.2 and 1.1.

Block style, keys in their order, quotes only where a reader of either version could mistake a text for something
else, `|` for texts of several lines, and a blank line between long neighbours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from .yaml import MAX_DEPTH, resolve

_WIDTH: Final = 100
"""Lists of short values stay in one line up to here."""
_LONG: Final = 4
"""An entry of so many lines or more is set off by a blank line at the two outer levels."""
_KEY: Final = 120
"""Longer keys are written after a question mark: parsers give up looking for the colon at 1024."""
_SPACED_LEVELS: Final = 2

_PLAIN = re.compile(r"[A-Za-z0-9_./$(<+~\\^;=-](?:[^\n]*[^\s:])?|[^\W\d_][^\n]*[^\s:]|[^\W\d_]")
_UNSAFE = re.compile(
    r": | #|:$|^(?:---|\.\.\.|- |<<$|=$|-$|\? )|[\t\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff]"
)
_FLOW_UNSAFE = re.compile(r"[,\[\]{}:]")
_ESCAPED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_BLOCK_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_OLD: Any = yaml.SafeLoader.yaml_implicit_resolvers
"""What YAML 1.1 takes for something else than a text, by first character."""


@dataclass(frozen=True)
class Style:
    """How far things stand below their key, in columns."""

    indent: int = 2
    """Mappings and texts of several lines."""
    dash: int = 2
    """Lists."""

    def of(self, data: Any) -> int:
        """How far `data` stands below its key."""
        return self.dash if isinstance(data, list | tuple) else self.indent


_STYLE: Final = Style()


def emit(data: Any) -> str:
    """The YAML of `data`: JSON values, with tuples as lists.

    Raises `ValueError` for what YAML cannot hold: halves of surrogate pairs, infinity, other types, and nesting
    beyond what is read.
    """
    return "\n".join(_value(data, 0, _STYLE)).lstrip() + "\n"


def behind_key(data: Any, style: Style, level: int) -> list[str]:
    """The lines of a value below a key: the first goes behind the colon, the others are indented as a whole.

    `level` counts the collections around it. Raises as `emit`.
    """
    first, *rest = _value(data, level, style)
    return [first, *_indented(rest, style.of(data))]


def behind_dash(data: Any, style: Style, level: int) -> list[str]:
    """The lines of an element of a list: the first goes behind the dash, the others stand as they are."""
    first, *rest = _element(data, level, style)
    return [first, *_indented(rest)]


def in_flow(data: Any) -> str:
    """The value in one line, as it stands inside of brackets. Raises as `emit`."""
    match data:
        case Mapping():
            return "{" + ", ".join(f"{key_text(key)}: {in_flow(one)}" for key, one in data.items()) + "}"
        case list() | tuple():
            return f"[{', '.join(map(in_flow, data))}]"
    return _inline(data, flow=True) or "null"


def _value(data: Any, level: int, style: Style, width: int | None = None) -> Iterator[str]:
    """The lines of a value; the first one goes behind its key or dash, so it begins with a space or is empty."""
    if level >= MAX_DEPTH and isinstance(data, Mapping | list | tuple):
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    inline = _inline(data, flow=False)
    if inline is not None:
        yield f" {inline}" if inline else ""
    elif isinstance(data, str):
        yield from _literal(data, width or style.indent) if level else [f" {in_double_quotes(data)}"]
    elif isinstance(data, Mapping):
        yield ""
        yield from _entries(data, level, style)
    else:
        yield ""
        for element in data:
            first, *rest = _element(element, level, style)
            yield f"-{first}"
            yield from _indented(rest)


def _element(element: Any, level: int, style: Style) -> Iterator[str]:
    """The lines of an element of a list; what begins below its dash moves up beside it."""
    lines = _value(element, level + 1, style, 2) if element is not None else iter([" null"])
    first = next(lines)
    yield first or f" {next(lines)}"
    yield from lines


def _entries(data: Mapping[str, Any], level: int, style: Style) -> Iterator[str]:
    before = 0
    for at, (key, value) in enumerate(data.items()):
        name = key_text(key)
        first, *rest = behind_key(value, style, level + 1)
        lines = [f"{name}:{first}", *rest] if len(name) <= _KEY else [f"? {name}", f":{first}", *rest]
        if at and level < _SPACED_LEVELS and max(before, len(lines)) >= _LONG:
            yield ""
        yield from lines
        before = len(lines)


def _indented(lines: list[str], width: int = 2) -> list[str]:
    return [f"{' ' * width}{line}" if line else "" for line in lines]


# Scalars -----------------------------------------------------------------------------------------------


def _inline(data: Any, *, flow: bool) -> str | None:
    """The value in one line, or None where it takes several."""
    match data:
        case None:
            return "null" if flow else ""
        case bool():
            return "true" if data else "false"
        case int():
            return str(data)
        case float():
            return _float(data)
        case str():
            return _text(data, flow=flow)
        case Mapping():
            return None if data else "{}"
        case list() | tuple():
            return _short_list(data)
    raise ValueError(f"{type(data).__name__} is no JSON value")


def _short_list(data: list[Any] | tuple[Any, ...]) -> str | None:
    if any(isinstance(one, Mapping | list | tuple) for one in data) or len(data) > _WIDTH:
        return None if data else "[]"
    parts = [_inline(one, flow=True) for one in data]
    line = None if None in parts else f"[{', '.join(part for part in parts if part is not None)}]"
    return line if line is not None and len(line) <= _WIDTH else None


def _float(number: float) -> str:
    if number - number != 0:
        raise ValueError(f"{number} is no JSON value")
    mantissa, mark, exponent = repr(number).partition("e")
    return f"{mantissa}{'' if '.' in mantissa else '.0'}{mark}{exponent}"


def key_text(key: Any) -> str:
    """The key as it stands before its colon. Raises `ValueError` for what is no text."""
    if not isinstance(key, str):
        raise ValueError(f"{key!r} is no text, as a key must be")  # noqa: TRY004 - one error for all bad data
    if is_plain(key, flow=True) or key in _WORD_KEYS:
        return key
    return _quoted(key)


_WORD_KEYS: Final = frozenset({"on", "off", "yes", "no", "y", "n"})
"""Keys that only YAML 1.1 takes for booleans; vendors' files have them without quotes."""


def _text(text: str, *, flow: bool) -> str | None:
    if is_plain(text, flow=flow):
        return text
    if "\n" in text and not flow and fits_literal(text):
        return None
    return _quoted(text)


def is_plain(text: str, *, flow: bool) -> bool:
    """Whether the text can stand without quotes."""
    if not _PLAIN.fullmatch(text) or _UNSAFE.search(text) or (flow and _FLOW_UNSAFE.search(text)):
        return False
    try:
        means_itself = resolve(text) == text
    except ValueError:
        return False
    return means_itself and not any(
        pattern.match(text) for _, pattern in (*_OLD.get(text[0], ()), *_OLD.get(None, ()))
    )


def _quoted(text: str) -> str:
    """The text in the quotes that need fewer escapes."""
    if _ESCAPED.search(text) or ("'" in text and '"' not in text and "\\" not in text):
        return in_double_quotes(text)
    return "'" + text.replace("'", "''") + "'" if '"' in text or "\\" in text else f'"{text}"'


def in_double_quotes(text: str) -> str:
    """The text in double quotes: JSON's escapes are YAML's."""
    if _SURROGATE.search(text):
        raise ValueError("half of a surrogate pair is no character")
    return _ESCAPED.sub(lambda found: json.dumps(found[0])[1:-1], json.dumps(text, ensure_ascii=False))


def fits_literal(text: str) -> bool:
    """Whether `|` keeps the text; several line ends at its end would need `|+`, which a blank line breaks."""
    return not (_BLOCK_UNSAFE.search(text) or text.endswith("\n\n") or text.strip("\n") == "")


def _literal(text: str, width: int) -> list[str]:
    """The lines of a `|` block; where the text begins with a space, the indentation is given."""
    chomp = "" if text.endswith("\n") else "-"
    lines = text.removesuffix("\n").split("\n")
    indent = str(width) if text[0].isspace() else ""
    return [f" |{indent}{chomp}", *lines]
