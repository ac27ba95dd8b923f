"""A place among the tokens: looking ahead, going on, and leaving what can't be taken apart as it is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from pipemgr.adapter import ParseError

from .lexer import Lexer, Token
from .syntax import Code, Part

LIMIT = 80
"""How deep expressions and statements may nest; a closure in a call counts twice. Python's stack holds that easily."""

MODIFIERS = frozenset(
    [
        "def",
        "final",
        "static",
        "private",
        "public",
        "protected",
        "abstract",
        "transient",
        "volatile",
        "synchronized",
        "var",
    ]
)
BUILTIN = frozenset(["int", "long", "short", "byte", "char", "boolean", "float", "double", "void"])
KEYWORDS = frozenset(
    [
        "if",
        "else",
        "for",
        "while",
        "do",
        "switch",
        "case",
        "default",
        "try",
        "catch",
        "finally",
        "return",
        "throw",
        "assert",
        "break",
        "continue",
        "import",
        "package",
        "class",
        "interface",
        "enum",
        "trait",
        "in",
        "instanceof",
        "as",
        "extends",
        "implements",
        "throws",
        "goto",
    ]
) | (MODIFIERS - {"var"})
# A line that ends in one of these goes on in the next one.
CONTINUING = frozenset(
    [
        "+",
        "-",
        "*",
        "/",
        "%",
        "**",
        "=",
        "==",
        "!=",
        "===",
        "!==",
        "<=>",
        "<",
        "<=",
        ">",
        ">=",
        "&&",
        "||",
        "&",
        "|",
        "^",
        "<<",
        ">>",
        ">>>",
        "?",
        ":",
        "?:",
        ".",
        "?.",
        "*.",
        ".&",
        ".@",
        "::",
        "..",
        "..<",
        "=~",
        "==~",
        ",",
        "!",
        "~",
        "+=",
        "-=",
        "*=",
        "/=",
        "%=",
        "**=",
        "<<=",
        ">>=",
        ">>>=",
        "&=",
        "|=",
        "^=",
        "->",
    ]
)
CHAINING = frozenset({".", "?.", "*.", ".&", ".@"})
ENDS = frozenset({"newline", ";", "}", "end"})


LONGEST = 100
"""How many operators or members may follow one another in an expression: its tree is that deep."""

_USUAL = 40


class Unclear(Exception):
    """The parser does not take this apart."""


class Cursor:
    """The tokens of a text, and the place in them."""

    def __init__(self, lexer: Lexer) -> None:
        self.lexer = lexer
        self.tokens = lexer.tokens
        self.partners = lexer.partners
        self.at = 0
        self.depth = 0
        self.suspicious = False

    @property
    def kind(self) -> str:
        """The kind of the next token."""
        return self.tokens[self.at].kind

    @property
    def start(self) -> int:
        """Where the next token begins."""
        return self.tokens[self.at].start

    @property
    def end(self) -> int:
        """Where the last token ended."""
        return self.tokens[self.at - 1].end

    @property
    def word(self) -> str | None:
        """The next token, if it is a word."""
        token = self.tokens[self.at]
        return token.value if token.kind == "name" else None

    def peek(self, ahead: int = 1) -> Token:
        """A later token; the last one is always `end`."""
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)]

    def take(self) -> Token:
        """The next token, and go on."""
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, kind: str) -> Token:
        """The next token, which must be of a kind."""
        if self.kind != kind:
            raise Unclear
        return self.take()

    def name(self) -> Token:
        """A word."""
        return self.expect("name")

    def skip(self, *kinds: str) -> None:
        """Go over all tokens of these kinds."""
        while self.kind in kinds:
            self.at += 1

    def seen(self, index: int | None = None) -> int:
        """The index of the first token that is no line end, from an index on."""
        index = self.at if index is None else index
        return index + 1 if self.tokens[index].kind == "newline" else index

    def deeper(self) -> None:
        """One level more; the caller takes it off again. Raises `ParseError` when it is too deep."""
        self.depth += 1
        self.suspicious = self.suspicious or self.depth > _USUAL
        if self.depth > LIMIT:
            raise self.too_deep(self.start)

    def too_deep(self, offset: int) -> ParseError:
        """The error that what stands at a character is nested too deeply."""
        return self.lexer.error(
            "nested too deeply", offset, "take parts of it out into methods, or a shared library"
        )

    def chained(self, length: int) -> None:
        """An expression has grown by one operator. Beyond all reason it is left as it is."""
        self.suspicious = self.suspicious or length > _USUAL
        if length > LONGEST:
            raise Unclear

    def jump(self) -> None:
        """Go on by one token, or by all that a bracket holds."""
        self.at = self.partners.get(self.at, self.at) + 1

    def code(self, index: int) -> Code:
        """What stands from a token up to here, as it is."""
        return Code(start=self.tokens[index].start, end=self.end)

    def leave(self, index: int, ends: frozenset[str]) -> Code:
        """As it is: all from a token to the next one of the kinds that is not in brackets."""
        self.at = index
        while self.kind not in ends and self.kind not in {")", "]", "}", "end"}:
            self.jump()
        return self.code(index) if self.at > index else Code(start=self.start, end=self.start)

    def leave_statement(self, index: int) -> Code:
        """As it is: a statement, to the end of its last line. At least one token."""
        self.at = index
        self.jump()
        while self.kind not in ENDS or self._goes_on():
            self.jump()
        return self.code(index)

    def _goes_on(self) -> bool:
        return self.kind == "newline" and (
            self.tokens[self.at - 1].kind in CONTINUING or self.peek().kind in CHAINING
        )

    def contained(self, parse: Callable[[], Part], ends: frozenset[str]) -> Part:
        """What `parse` makes of the text up to one of the kinds of tokens; the text as it is if nothing."""
        index, depth = self.at, self.depth
        with contextlib.suppress(Unclear):
            part = parse()
            if self.kind in ends:
                return part
        self.depth = depth
        return self.leave(index, ends)

    def type_end(self, index: int) -> int:
        """The index behind a type that begins at an index (`int`, `a.B<C, D>[]`), -1 where none does."""
        tokens = self.tokens
        if tokens[index].kind != "name" or tokens[index].value in KEYWORDS:
            return -1
        index += 1
        while tokens[index].kind == "." and tokens[index + 1].kind == "name":
            index += 2
        if tokens[index].kind == "<":
            index = self._generic_end(index)
        while index > 0 and tokens[index].kind == "[" and self.partners[index] == index + 1:
            index += 2
        return index

    def _generic_end(self, index: int) -> int:
        level = 0
        for place in self._generic_tokens(index):
            kind = self.tokens[place].kind
            level += {"<": 1, ">": -1, ">>": -2, ">>>": -3}.get(kind, 0)
            if level <= 0:
                return place + 1 if level == 0 else -1
        return -1

    def _generic_tokens(self, index: int) -> Iterator[int]:
        while self.tokens[index].kind in {"<", ">", ">>", ">>>", "name", ",", ".", "?", "&", "[", "]"}:
            yield index
            index += 1

    def typish(self, index: int, end: int) -> bool:
        """Whether the words between two indexes look like a type: one of Java's own, or with a capital letter."""
        words = [one.value for one in self.tokens[index:end] if one.kind == "name"]
        path = [one.value for one in self.tokens[index:end]]
        plain = path[: path.index("<")] if "<" in path else words
        last = [one for one in plain if one not in {".", "[", "]"}][-1]
        return last in BUILTIN or last[:1].isupper()
