"""Rendering: elements become a text, byte for byte in the style in which Jenkins (XStream) writes it.

The escapes are those of XStream's `PrettyPrintWriter` in its XML 1.1 mode, which Jenkins uses since 2.107
(https://www.jenkins.io/changelog-old/#v2.105): quotes too, control characters as references, no line end at the end.
"""

from __future__ import annotations

import re
from typing import Final

from .elements import Element

PROLOG: Final = "<?xml version='1.1' encoding='UTF-8'?>\n"
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}
_SPECIAL: Final = re.compile("[&<>\"'\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ATTRIBUTE: Final = re.compile("[&<>\"'\x00-\x1f\x7f-\x9f]")


def escaped(text: str, special: re.Pattern[str] = _SPECIAL) -> str:
    """A text as it stands between tags."""
    return special.sub(lambda match: _ESCAPES.get(match[0]) or f"&#x{ord(match[0]):x};", text)


def rendered(element: Element) -> str:
    """The text of an element and all below, without a declaration."""
    lines: list[str] = []
    todo: list[tuple[Element | str, int]] = [(element, 0)]
    while todo:
        one, depth = todo.pop()
        indent = "  " * depth
        if isinstance(one, str):
            lines.append(f"{indent}</{one}>")
            continue
        head = f"{one.tag}{_attributes(one)}" if one.attributes else one.tag
        if one.children:
            lines.append(f"{indent}<{head}>")
            todo.append((one.tag, depth))
            todo.extend((below, depth + 1) for below in reversed(one.children))
        elif one.text is None:
            lines.append(f"{indent}<{head}/>")
        else:
            lines.append(f"{indent}<{head}>{escaped(one.text)}</{one.tag}>")
    return "\n".join(lines)


def _attributes(element: Element) -> str:
    pairs = element.attributes.items()
    return "".join(f' {name}="{escaped(value, _ATTRIBUTE)}"' for name, value in pairs)


def document(element: Element) -> str:
    """A whole configuration, as Jenkins writes its file."""
    return PROLOG + rendered(element)
