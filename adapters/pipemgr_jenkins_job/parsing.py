"""Parsing: the text of a configuration becomes elements with their places, within limits and without the network.

Jenkins writes XML 1.1, for the control characters that logs and scripts hold (`&#x1b;`); `expat` reads XML 1.0. The
declaration is overlooked, and such references are carried past the parser as characters of a private plane.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn
from xml.parsers import expat

from pipemgr.adapter import ParseError

from .elements import Element

MAX_DEPTH: Final = 100
"""The deepest nesting that is read."""
MAX_ELEMENTS: Final = 100_000
"""The most elements and attributes that are read: real configurations have a few hundred."""
MAX_CHARACTERS: Final = 5_000_000

_PROLOG: Final = re.compile(r"\s*<\?xml\s[^>]*\?>")
_CONTROL: Final = re.compile(r"&#(?:x0*([0-9a-fA-F]{1,2})|0*([0-9]{1,2}));")
_PLANE: Final = 0x10F700
_FILL: Final = chr(_PLANE + 0xFF)
_CARRIED: Final = re.compile(f"[{chr(_PLANE)}-{chr(_PLANE + 0x1F)}]{_FILL}*")
_ALLOWED: Final = frozenset((0x9, 0xA, 0xD))


def looks_like_xml(text: str) -> bool:
    """Whether a text is an XML document, at first sight."""
    return text.lstrip("\ufeff \t\r\n").startswith(("<?xml", "<!--")) or bool(
        re.match(r"[\ufeff\s]*<[A-Za-z_][\w.$-]*[\s/>]", text)
    )


def parse(text: str, name: str) -> Element:
    """The root element of `text`.

    Raises `ParseError` with the place of the first thing that is not XML, for a document type (nothing in it is
    needed, and it can name files), and beyond the limits.
    """
    if len(text) > MAX_CHARACTERS:
        raise ParseError(
            f"larger than {MAX_CHARACTERS:,} characters", where=name, remedy="is this the right file?"
        )
    return _Parser(name, text).root()


class _Parser:
    """One document, while it is being read."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = _carried_in(_without_prolog(text.removeprefix("\ufeff")))
        self.data = self.text.encode("utf-8", "surrogatepass")
        self.open: list[tuple[Element, list[str]]] = []
        self.found: Element | None = None
        self.count = 0
        self.expat = expat.ParserCreate("utf-8")
        self.expat.StartElementHandler = self.start
        self.expat.EndElementHandler = self.end
        self.expat.CharacterDataHandler = self.characters
        self.expat.StartDoctypeDeclHandler = self.doctype

    def root(self) -> Element:
        """The root element."""
        try:
            self.expat.Parse(self.data, True)
        except expat.ExpatError as error:
            message = expat.ErrorString(error.code)
            self.refuse(
                f"not XML: {message}", error.lineno, error.offset + 1, "correct it, or export it again"
            )
        if self.found is None:
            self.refuse("not XML: nothing in it", 1, 1)
        return self.found

    def refuse(self, message: str, line: int, column: int, remedy: str | None = None) -> NoReturn:
        raise ParseError(message, where=f"{self.name}:{line}:{column}", remedy=remedy)

    def here(self) -> tuple[int, int]:
        return self.expat.CurrentLineNumber, self.expat.CurrentColumnNumber + 1

    def doctype(self, *_: object) -> NoReturn:
        why = "a document type, which no configuration of Jenkins has"
        self.refuse(why, *self.here(), "take the <!DOCTYPE ...> out")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        line, column = self.here()
        self.count += 1 + len(attributes)
        if self.count > MAX_ELEMENTS:
            self.refuse(f"more than {MAX_ELEMENTS:,} elements", line, column, "is this the right file?")
        if len(self.open) >= MAX_DEPTH:
            self.refuse(f"nested more than {MAX_DEPTH} deep", line, column, "is this the right file?")
        kept = {name: _carried_out(value) for name, value in attributes.items()}
        element = Element(tag, kept, line=line, column=column)
        if self.open:
            self.open[-1][0].children.append(element)
        else:
            self.found = element
        self.open.append((element, []))

    def characters(self, text: str) -> None:
        element, texts = self.open[-1]
        if not texts:
            element.begin = self.here()
        texts.append(text)

    def end(self, _: str) -> None:
        element, texts = self.open.pop()
        text = _carried_out("".join(texts))
        if not element.children:
            at = self.expat.CurrentByteIndex
            element.text = None if not text and self.data[at - 2 : at] == b"/>" else text
        elif text.strip():
            self.refuse(
                f"a text stands between the elements of <{element.tag}>",
                *element.begin,
                "an element of Jenkins' has elements or a text, never both",
            )


def _without_prolog(text: str) -> str:
    """The text with its declaration blanked, so that every place stays the same."""
    match = _PROLOG.match(text)
    return re.sub(r"[^\n]", " ", match[0]) + text[match.end() :] if match else text


def _carried_in(text: str) -> str:
    """References to control characters as private characters, filled up to the same length."""

    def change(match: re.Match[str]) -> str:
        code = int(match[1], 16) if match[1] else int(match[2])
        if code in _ALLOWED or code > 0x1F or code == 0:  # noqa: PLR2004 - the control characters
            return match[0]
        return chr(_PLANE + code) + _FILL * (len(match[0]) - 1)

    return _CONTROL.sub(change, text) if "&#" in text else text


def _carried_out(text: str) -> str:
    return _CARRIED.sub(lambda match: chr(ord(match[0][0]) - _PLANE), text)
