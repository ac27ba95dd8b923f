"""The strings of Groovy: how each kind begins, goes on and ends, and what its escapes stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass

# The escapes of quoted strings (Groovy's grammar, ESC; octal ones are of Java's kind).
ESCAPE = re.compile(r"\\(u+[0-9a-fA-F]{4}|[0-3]?[0-7]{1,2}|\r\n|.)", re.DOTALL)
_KNOWN = re.compile(r"(?:[^\\]++|\\(?:[nrtbf\"'\\$0-7\r\n]|u+[0-9a-fA-F]{4}))*+")
UNICODE = re.compile(r"\\u+([0-9a-fA-F]{4})")
LINE_END = re.compile(r"\r\n?")
SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
IGNORED = {"\n", "\r", "\r\n"}
UNINTERPOLATED = r"\$(?![^\W\d]|\{)"


@dataclass(frozen=True, slots=True)
class Quotes:
    """A kind of string: its first and last characters, what it holds up to them or an interpolation."""

    first: str
    last: str
    chunk: re.Pattern[str]
    escapes: str = "all"
    interpolates: bool = False

    def stranger(self, raw: str) -> int:
        """Where in the characters of such a string an escape stands that Groovy does not know; -1 for nowhere."""
        if self.escapes != "all" or "\\" not in raw:
            return -1
        known = _KNOWN.match(raw)
        end = known.end() if known else 0
        return end if end < len(raw) else -1

    def plain(self, raw: str) -> str:
        """The text that the characters `raw` of such a string stand for."""
        if "\\" not in raw and "$" not in raw and "\r" not in raw:
            return raw
        text = LINE_END.sub("\n", raw)
        if self.escapes == "all":
            return _united(ESCAPE.sub(_escaped, text)) if "\\" in text else text
        text = text.replace("\\/", "/") if self.escapes == "slash" else _dollars(text)
        return _united(UNICODE.sub(lambda found: chr(int(found[1], 16)), text))


def _escaped(found: re.Match[str]) -> str:
    """The character of one escape."""
    what = found[1]
    if what[0] == "u" and len(what) > 1:
        return chr(int(what.lstrip("u"), 16))
    if what[0] in "01234567":
        return chr(int(what, 8))
    if what in SIMPLE:
        return SIMPLE[what]
    if what in IGNORED:
        return ""
    return what


def _dollars(text: str) -> str:
    """Dollar slashy strings escape a dollar and a slash by a dollar."""
    return re.sub(r"\$([$/])", r"\1", text)


def _united(text: str) -> str:
    """Two halves of a character (Java's surrogates), written one by one, as the character."""
    if not any("\ud800" <= one <= "\udbff" for one in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _chunk(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL)


_KINDS = (
    Quotes("'''", "'''", _chunk(r"(?:[^'\\]++|\\.|'(?!''))*+")),
    Quotes("'", "'", _chunk(r"(?:[^'\\\r\n]++|\\(?:\r\n|.))*+")),
    Quotes('"""', '"""', _chunk(r'(?:[^"\\$]++|\\.|"(?!""))*+'), interpolates=True),
    Quotes('"', '"', _chunk(r'(?:[^"\\$\r\n]++|\\(?:\r\n|.))*+'), interpolates=True),
    Quotes("/", "/", _chunk(rf"(?:[^/\\$]++|\\/|\\|{UNINTERPOLATED})*+"), "slash", interpolates=True),
    Quotes(
        "$/", "/$", _chunk(rf"(?:[^/$]++|\$[$/]|/(?!\$)|{UNINTERPOLATED})*+"), "dollar", interpolates=True
    ),
)
QUOTES = {one.first: one for one in _KINDS}
"""The kinds of strings by their first characters."""
