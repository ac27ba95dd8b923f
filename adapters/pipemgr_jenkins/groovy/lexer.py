"""Cuts Groovy into tokens: words, numbers, strings, operators and brackets, each bracket with its partner.

No recursion, whatever the nesting; one pass. Only what is no Groovy at all is refused here: strings, comments and
brackets that do not end.
"""

from __future__ import annotations

import re
from bisect import bisect
from typing import NamedTuple

from pipemgr.adapter import ParseError

from .strings import QUOTES, Quotes

_CODE = re.compile(
    r"""
      (?P<space>(?:[^\S\r\n]|\ufeff|\\\r?\n)+)
    | (?P<newline>[\r\n])
    | (?P<comment>//[^\r\n]*+)
    | (?P<block>/\*)
    | (?P<string>\"""|'''|"|'|\$/)
    | (?P<name>(?:[^\W\d]|\$)(?:\w|\$)*+)
    | (?P<number>
          0[xX][0-9a-fA-F_]+[lLgGiI]?
        | 0[bB][01_]+[lLgGiI]?
        | \d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?[lLgGiIdDfF]? )
    | (?P<bracket>[(){}\[\]])
    | (?P<op>
          >>>=|===|!==|<=>|\*\*=|<<=|>>=|>>>|\.\.\.|\.\.<|==~
        | ==|!=|<=|>=|&&|\|\||\?:|\?\.|\*\.|\.&|\.@|::|\.\.|\+\+|--|->|=~|\*\*|<<|>>|\+=|-=|\*=|/=|%=|&=|\|=|\^=
        | [-+*/%=<>!~&|^?:.,;@] )
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_INDENT = re.compile(r"^[ \t]*", re.MULTILINE)
_SHEBANG = re.compile(r"\ufeff?#![^\r\n]*")
_PATH = re.compile(r"\$([^\W\d]\w*(?:\.[^\W\d]\w*)*)")
_BRACKETS = {"(": ")", "[": "]", "{": "}", "${": "}"}
_TYPESET = frozenset("\u2018\u2019\u201a\u201c\u201d\u201e\xb4`")
"""Quotes as word processors and web pages set them."""
# After these a `/` divides (Groovy's lexer, isExpressionEndingToken); after these words a string may begin anyway.
_ENDING = {"name", "number", "string", "text end", ")", "]", "}", "++", "--"}
_BEFORE_STRINGS = {"return", "in", "case", "assert", "throw", "else", "instanceof", "as"}


class Token(NamedTuple):
    """A token: `kind` is `name`, `number`, `string` (value: its text), `newline`, `end`, or an operator or bracket itself.

    A string with interpolation is `text` (value: its quotes), `piece`s, `path`s (`$a.b`), `${` ... `}`, `text end`.
    """

    kind: str
    value: str
    start: int
    end: int


class Lexer:
    """The tokens of a text. `partners` leads from each opening bracket's token to its closing one."""

    def __init__(self, text: str, name: str, first: tuple[int, int] = (1, 1)) -> None:
        self.text = text
        self.name = name
        self.first = first
        self.tokens: list[Token] = []
        self.partners: dict[int, int] = {}
        self._open: list[int] = []

    def run(self) -> Lexer:
        """Cut the whole text. Raises `ParseError`."""
        shebang = _SHEBANG.match(self.text)
        position, end = shebang.end() if shebang else 0, len(self.text)
        match, add = _CODE.match, self.tokens.append
        while position < end:
            found = match(self.text, position)
            assert found is not None  # the last branch takes any character  # noqa: S101
            kind, value, start, position = found.lastgroup or "", found[0], position, found.end()
            if value in _TYPESET:
                raise self.error(f"`{value}` is no quote in Groovy", start, "write ' or \" in its place")
            if kind in {"name", "number", "other"}:
                add(Token(kind, value, start, position))
            elif kind == "op":
                position = self._operator(value, start)
            elif kind == "newline":
                self._newline(start)
            elif kind == "bracket":
                position = self._bracket(value, start)
            elif kind == "string":
                position = self._string(QUOTES[value], start)
            elif kind == "block":
                position = self._comment(start)
        if self._open:
            raise self._unclosed(self.tokens[self._open[-1]])
        add(Token("end", "", end, end))
        return self

    def error(self, message: str, offset: int, remedy: str) -> ParseError:
        """The error that something at a character is wrong."""
        return ParseError(message, where=self.where(offset), remedy=remedy)

    def where(self, offset: int) -> str:
        """`file:line:column` of a character."""
        line, column = self.text.count("\n", 0, offset), offset - self.text.rfind("\n", 0, offset)
        column += self.first[1] - 1 if line == 0 else 0
        return f"{self.name}:{self.first[0] + line}:{column}"

    def _newline(self, start: int) -> None:
        """Line ends count only outside of parentheses and brackets, and several are one."""
        if self._open and self.tokens[self._open[-1]].kind in "([":
            return
        if self.tokens and self.tokens[-1].kind != "newline":
            self.tokens.append(Token("newline", "\n", start, start + 1))

    def _comment(self, start: int) -> int:
        end = self.text.find("*/", start + 2)
        if end < 0:
            raise self.error("a comment that begins here does not end", start, "close it with `*/`")
        return end + 2

    def _operator(self, value: str, start: int) -> int:
        if value in {"/", "/="} and self._string_may_begin():
            return self._string(QUOTES["/"], start)
        self.tokens.append(Token(value, value, start, start + len(value)))
        return start + len(value)

    def _string_may_begin(self) -> bool:
        if not self.tokens:
            return True
        last = self.tokens[-1]
        return last.kind not in _ENDING or (last.kind == "name" and last.value in _BEFORE_STRINGS)

    def _bracket(self, value: str, start: int) -> int:
        if value in _BRACKETS:
            self._enter(value, start)
            return start + 1
        if not self._open:
            raise self.error(f"`{value}` closes nothing", start, "remove it, or open what it is to close")
        index = self._open[-1]
        opener = self.tokens[index]
        if _BRACKETS[opener.kind] != value:
            raise self._unclosed(
                opener, f" before the `{value}` at {self.where(start).removeprefix(self.name + ':')}"
            )
        self._leave(value, start)
        return self._pieces(start + 1) if opener.kind == "${" else start + 1

    def _enter(self, kind: str, start: int, value: str | None = None) -> None:
        value = kind if value is None else value
        self._open.append(len(self.tokens))
        self.tokens.append(Token(kind, value, start, start + len(value)))

    def _leave(self, kind: str, start: int, length: int = 1) -> None:
        self.partners[self._open.pop()] = len(self.tokens)
        self.tokens.append(Token(kind, kind, start, start + length))

    def _unclosed(self, opener: Token, before: str = "") -> ParseError:
        if opener.kind == "text":
            return self._endless(QUOTES[opener.value], opener.start)
        remedy = f"close it with `{_BRACKETS[opener.kind]}`"
        if opener.kind == "{" and not before and (taken := self._taken()):
            opener, closer = taken
            place = self.where(closer.start).removeprefix(f"{self.name}:")
            before = f": the `}}` at {place}, which stands further left, would have to close it"
        return self.error(f"`{opener.kind}` is not closed{before}", opener.start, remedy)

    def _taken(self) -> tuple[Token, Token] | None:
        """The first block that ends at a bracket which, by its indentation, was to close another one."""
        lines = [(found.start(), found.end()) for found in _INDENT.finditer(self.text)]
        for index, closer in sorted(self.partners.items(), key=lambda pair: pair[1]):
            opener, end = self.tokens[index], self.tokens[closer]
            above, below = (lines[bisect(lines, (one.end, 0)) - 1] for one in (opener, end))
            if opener.kind == "{" and end.start == below[1] and below[1] - below[0] < above[1] - above[0]:
                return opener, end
        return None

    def _endless(self, quotes: Quotes, start: int) -> ParseError:
        around = next((one for at in self._open[::-1] if (one := self.tokens[at]).start < start), None)
        if around is not None and around.kind == "${" and "\n" not in self.text[around.start : start]:
            return self._unclosed(around)
        where = " on its line" if len(quotes.first) == 1 and quotes.first != "/" else ""
        return self.error(
            f"a string that begins here does not end{where}",
            start,
            f"close it with `{quotes.last}`" + (", or use three quotes for several lines" if where else ""),
        )

    def _string(self, quotes: Quotes, start: int) -> int:
        """A string; the position behind it, or behind the `${` in it."""
        begin = start + len(quotes.first)
        chunk = quotes.chunk.match(self.text, begin)
        end = chunk.end() if chunk else begin
        if self.text.startswith(quotes.last, end):
            after = end + len(quotes.last)
            self.tokens.append(Token("string", self._plain(quotes, begin, end), start, after))
            return after
        if not quotes.interpolates:
            raise self._endless(quotes, start)
        self._enter("text", start, quotes.first)
        return self._pieces(begin)

    def _plain(self, quotes: Quotes, start: int, end: int) -> str:
        raw = self.text[start:end]
        if (at := quotes.stranger(raw)) >= 0:
            escape = raw[at : at + 2]
            raise self.error(
                f"Groovy has no escape `{escape}`", start + at, f"write `\\{escape}` for a backslash"
            )
        return quotes.plain(raw)

    def _pieces(self, position: int) -> int:
        """Go on in the innermost string with interpolation, up to its end or its next `${`."""
        opener = self.tokens[self._open[-1]]
        quotes = QUOTES[opener.value]
        while True:
            chunk = quotes.chunk.match(self.text, position)
            end = chunk.end() if chunk else position
            if end > position:
                self.tokens.append(Token("piece", self._plain(quotes, position, end), position, end))
            if self.text.startswith(quotes.last, end):
                self._leave("text end", end, len(quotes.last))
                return end + len(quotes.last)
            if self.text.startswith("${", end):
                self._enter("${", end)
                return end + 2
            path = _PATH.match(self.text, end)
            if path is None and self.text.startswith("$", end):
                raise self.error("a `$` that begins no expression", end, "write `\\$`, or use single quotes")
            if path is None:
                raise self._endless(quotes, opener.start)
            self.tokens.append(Token("path", path[1], end + 1, path.end()))
            position = path.end()
