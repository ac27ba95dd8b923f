"""Scalars rewritten in their author's style: quotes, block indicators and folds stay what they were."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any, Final

import yaml

from .emit import fits_literal, in_double_quotes, is_plain

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HEADER = re.compile(r"([|>])([0-9]?)([-+]?)([0-9]?)([ \t]*(?:#[^\n]*)?)")
_SPACES: Final = " \t"


def restyled(written: str, text: str, *, flow: bool, indent: int) -> str | None:
    """A scalar that is `written` in a document, saying `text` instead; None where its style can't hold that.

    `indent` is the column that the lines of a block begin at where the old ones don't tell.
    """
    made = _made(written, text, flow=flow, indent=indent)
    return made if made is not None and _says(made, text, flow=flow) else None


def _made(written: str, text: str, *, flow: bool, indent: int) -> str | None:
    match written[:1]:
        case '"':
            return in_double_quotes(text)
        case "'":
            return None if "\n" in text else "'" + text.replace("'", "''") + "'"
        case "|" | ">":
            return _block(written, text, indent)
    if "\n" in text or not is_plain(text, flow=flow):
        return None
    lines = written.split("\n")
    return "\n".join(_refilled(lines, text)) if "\n" not in text else None


def _says(made: str, text: str, *, flow: bool) -> bool:
    """Whether a parser reads it as the text."""
    shell = f"- [{made}]\n" if flow else f"-\n k: {made}\n"
    try:
        events = [one for one in yaml.parse(shell, Loader=_LOADER) if isinstance(one, yaml.ScalarEvent)]
    except (yaml.YAMLError, ValueError):
        return False
    return [one.value for one in events] == ([text] if flow else ["k", text])


# Blocks ------------------------------------------------------------------------------------------------


def _block(written: str, text: str, indent: int) -> str | None:
    """A block with the same indicator and the same indentation."""
    head, _, body = written.partition("\n")
    header = _HEADER.match(head)
    if header is None or not fits_literal(text) or text.lstrip("\n")[0] in _SPACES:
        return None
    mark, _, chomp, _, comment = header.groups()
    if header[2] or header[4] or (chomp == "+" and not text.endswith("\n")):
        return None
    old = body.split("\n") if body else []
    wanted = "" if text.endswith("\n") else "-"
    width = next((len(line) - len(line.lstrip(" ")) for line in old if line.strip()), indent)
    lines = (_literal if mark == "|" else _folded)(old, text.removesuffix("\n"), width)
    return "\n".join((f"{mark}{chomp if chomp == '+' else wanted}{comment}", *lines))


def _literal(old: list[str], text: str, width: int) -> Iterator[str]:
    """Lines of a `|` block; those that say the same as before stay, blanks at their end included."""
    before, after = [line[width:] for line in old], text.split("\n")
    for tag, low, high, first, last in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from old[low:high]
        else:
            yield from (line and " " * width + line for line in after[first:last])


def _folded(old: list[str], text: str, width: int) -> Iterator[str]:
    """Lines of a `>` block: those of a paragraph that says the same as before stay."""
    known = {" ".join(lines): lines for lines in _paragraphs(old, width)}
    left = [lines for words, lines in known.items() if words not in text.split("\n")]
    for at, words in enumerate(re.split(r"(\n+)", text)):
        if at % 2:
            yield from [""] * len(words)
            continue
        lines = known.get(words) or _refilled(left.pop(0) if left else [], words)
        yield from (line and " " * width + line for line in lines)


def _paragraphs(old: list[str], width: int) -> Iterator[list[str]]:
    lines: list[str] = []
    for line in (*old, ""):
        if line.strip():
            lines.append(line[width:])
        elif lines:
            yield lines
            lines = []


def _refilled(old: list[str], words: str) -> list[str]:
    """The words in lines that break where the old ones did, at the beginning and at the end."""
    head: list[str] = []
    tail: list[str] = []
    rest = words
    for line in old:
        if not rest.startswith(line.strip() + " "):
            break
        head.append(line)
        rest = rest[len(line.strip()) + 1 :]
    for line in reversed(old[len(head) :]):
        if not rest.endswith(" " + line.strip()):
            break
        tail.insert(0, line)
        rest = rest[: -len(line.strip()) - 1]
    pad = " " * (len(old[1]) - len(old[1].lstrip())) if len(old) > 1 and head else ""
    return [*head, pad + rest, *tail]


# Three texts -------------------------------------------------------------------------------------------


def rebased(text: str, old: str, new: str) -> str:
    """What changed from `old` to `new`, line by line, made in a `text` that says the old thing otherwise."""
    lines, before, after = text.split("\n"), old.split("\n"), new.split("\n")
    if text == old or len(lines) != len(before):
        return new
    made: list[str] = []
    for tag, low, high, first, last in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        made += lines[low:high] if tag == "equal" else after[first:last]
    return "\n".join(made)
