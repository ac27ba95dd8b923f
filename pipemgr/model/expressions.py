"""Expressions: the small tree behind conditions and `${{ }}` templates, its parser and its printer.

The syntax is the one most readers know already (literals, `a.b['c']`, `!`, comparisons, `&&`, `||` and
function calls, strings in single quotes); the *names* are pipemgr's own. Vendors that share the syntax share
this parser and differ only in a table of names; what the tree cannot say is `Opaque`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, InstanceOf, PlainSerializer, WithJsonSchema

Atom = bool | int | float | str | None

MAX_LENGTH: Final = 21_000
"""The longest expression accepted, in characters."""
MAX_DEPTH: Final = 100
"""The deepest nesting of parentheses and calls accepted."""
_KEPT: Final = 1024
"""So many of the texts parsed last keep their trees, which nobody changes: a definition says the same again and again."""
MAX_HEIGHT: Final = 200
"""The tallest tree accepted: a chain of operators or keys grows one too, without any nesting."""

BINARY: Final = {"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4}
"""The binary operators and how tightly each binds."""
_NOT, _LOOSE, _TIGHT = 5, 6, 7
_EXACT: Final = 2**53


class ExpressionError(ValueError):
    """The text is no expression; `offset` is the character at which that shows."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class Expression:
    """A node of the tree; `str(node)` is its text."""

    def __str__(self) -> str:
        """The text in pipemgr's own names, with no more parentheses than needed."""
        return _print(self)[0]

    def children(self) -> tuple[Expression, ...]:
        """The nodes directly below."""
        return ()

    def walk(self) -> Iterator[Expression]:
        """This node and all below, outermost first."""
        yield self
        for child in self.children():
            yield from child.walk()


@dataclass(frozen=True, eq=False)
class Literal(Expression):
    """null, a boolean, a number or a string; whole floats are integers, as in JSON."""

    value: Atom

    def __post_init__(self) -> None:
        """Keep one form of each number."""
        if isinstance(self.value, float):
            object.__setattr__(self, "value", _number_value(self.value))

    def __eq__(self, other: object) -> bool:
        """Equal in type too: 1 is not true."""
        return (
            isinstance(other, Literal) and type(self.value) is type(other.value) and self.value == other.value
        )

    def __hash__(self) -> int:
        """By type and value."""
        return hash((type(self.value), self.value))


@dataclass(frozen=True)
class Name(Expression):
    """A context: `branch`, `parameters`, `matrix` ..."""

    name: str


@dataclass(frozen=True)
class Access(Expression):
    """`target.key` or `target[key]`; the same thing when the key is a plain word."""

    target: Expression
    key: Expression

    def children(self) -> tuple[Expression, ...]:
        """Target and key."""
        return (self.target, self.key)


@dataclass(frozen=True)
class Star(Expression):
    """The key of `target.*`: every element."""


@dataclass(frozen=True)
class Call(Expression):
    """A function and its arguments."""

    name: str
    arguments: tuple[Expression, ...] = ()

    def children(self) -> tuple[Expression, ...]:
        """The arguments."""
        return self.arguments


@dataclass(frozen=True)
class Not(Expression):
    """Logical negation."""

    operand: Expression

    def children(self) -> tuple[Expression, ...]:
        """The operand."""
        return (self.operand,)


@dataclass(frozen=True)
class Binary(Expression):
    """Two operands and one of the `BINARY` operators."""

    operator: str
    left: Expression
    right: Expression

    def children(self) -> tuple[Expression, ...]:
        """Left and right."""
        return (self.left, self.right)


@dataclass(frozen=True)
class Opaque(Expression):
    """Something only `vendor` understands, kept verbatim; written `opaque('vendor', 'text')`."""

    vendor: str
    text: str


def _number_value(number: float) -> int | float:
    if number - number != 0:
        raise ValueError(f"{number} is no number that can be written")
    return int(number) if number.is_integer() and abs(number) <= _EXACT else number


def transform(node: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """A tree of the same shape, with `change` applied to each node from the leaves up."""
    match node:
        case Access(target, key):
            node = Access(transform(target, change), transform(key, change))
        case Call(_, arguments):
            node = replace(node, arguments=tuple(transform(one, change) for one in arguments))
        case Not(operand):
            node = Not(transform(operand, change))
        case Binary(operator, left, right):
            node = Binary(operator, transform(left, change), transform(right, change))
    return change(node)


# Printing ----------------------------------------------------------------------------------------------

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")


def chained(operator: str, operands: Sequence[Expression]) -> Expression:
    """At least one operand, joined by `&&` or `||`; long chains in halves, for no tree may grow too high."""
    if len(operands) > MAX_DEPTH:
        half = len(operands) // 2
        return Binary(operator, chained(operator, operands[:half]), chained(operator, operands[half:]))
    return reduce(lambda left, right: Binary(operator, left, right), operands)


def quote(text: str) -> str:
    """A string as the syntax writes it."""
    return "'" + text.replace("'", "''") + "'"


def _literal(value: Atom) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return quote(value)
        case _:
            return repr(value)


def _wrapped(node: Expression, at_least: int) -> str:
    text, binding = _print(node)
    return text if binding >= at_least else f"({text})"


def _access(target: Expression, key: Expression) -> str:
    base = _wrapped(target, _TIGHT)
    match key:
        case Star():
            return f"{base}.*"
        case Literal(str(word)) if _WORD.match(word):
            return f"{base}.{word}"
        case _:
            return f"{base}[{key}]"


def _print(node: Expression) -> tuple[str, int]:
    match node:
        case Literal(value):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            return _literal(value), _LOOSE if number else _TIGHT
        case Name(name):
            return name, _TIGHT
        case Access(target, key):
            return _access(target, key), _TIGHT
        case Call(name, arguments):
            return f"{name}({', '.join(map(str, arguments))})", _TIGHT
        case Opaque(vendor, text):
            return f"opaque({quote(vendor)}, {quote(text)})", _TIGHT
        case Not(operand):
            return f"!{_wrapped(operand, _NOT)}", _NOT
        case Binary(operator, left, right):
            binding = BINARY[operator]
            return f"{_wrapped(left, binding)} {operator} {_wrapped(right, binding + 1)}", binding
        case _:
            raise TypeError(f"no printer for {type(node).__name__}")


# Parsing -----------------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[+-]?0x[0-9a-fA-F]+|[+-]?0o[0-7]+|[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<string>'(?:[^']|'')*')
    | (?P<word>[A-Za-z_][A-Za-z0-9_-]*)
    | (?P<mark>&&|\|\||==|!=|<=|>=|[<>!()\[\].,*])
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_CONSTANTS: Final[dict[str, Atom]] = {"null": None, "true": True, "false": False}


@dataclass(frozen=True)
class Token:
    """A piece of an expression: the name of the group that it matched, its text, and where it stands."""

    kind: str
    text: str
    offset: int


def tokens(text: str, pattern: re.Pattern[str]) -> Iterator[Token]:
    """The tokens of a text by a pattern of named groups, of which `end` is the last; raises `ExpressionError`."""
    offset = 0
    while True:
        match = pattern.match(text, offset)
        if match is None or match.lastgroup is None:
            at = len(text) - len(text[offset:].lstrip())
            raise ExpressionError(f"unexpected {text[at]!r}", at)
        yield Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup))
        if match.lastgroup == "end":
            return
        offset = match.end()


def _number(text: str, offset: int) -> int | float:
    try:
        if "x" in text or "o" in text:
            return int(text, 0)
        return int(text) if text.lstrip("+-").isdecimal() else _number_value(float(text))
    except ValueError:
        raise ExpressionError(f"{text[:40]} is too large for a number", offset) from None


def _check_height(root: Expression) -> None:
    """Refuse trees on which a recursive function would run out of stack."""
    level = [root]
    for _ in range(MAX_HEIGHT):
        level = [child for node in level for child in node.children()]
        if not level:
            return
    raise ExpressionError(f"a chain of more than {MAX_HEIGHT} operators or keys", 0)


class _Parser:
    """Precedence climbing over one list of tokens."""

    def __init__(self, text: str) -> None:
        self._tokens = list(tokens(text, _TOKEN))
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        node = self._binary(1)
        self._expect("end", "")
        _check_height(node)
        return node

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _accept(self, mark: str) -> bool:
        if self._next.kind == "mark" and self._next.text == mark:
            self._at += 1
            return True
        return False

    def _expect(self, kind: str, text: str) -> None:
        if self._next.kind != kind or self._next.text != text:
            found = self._next.text or "the end"
            raise ExpressionError(f"expected {text or 'the end'!r}, found {found!r}", self._next.offset)
        self._at += 1

    def _binary(self, at_least: int) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(f"nested more than {MAX_DEPTH} deep", self._next.offset)
        left = self._unary()
        while (binding := BINARY.get(self._next.text, 0)) >= at_least and self._next.kind == "mark":
            operator = self._take().text
            left = Binary(operator, left, self._binary(binding + 1))
        self._depth -= 1
        return left

    def _unary(self) -> Expression:
        negations = 0
        while self._accept("!"):
            negations += 1
            if negations > MAX_DEPTH:
                raise ExpressionError(f"nested more than {MAX_DEPTH} deep", self._next.offset)
        node = self._postfix()
        for _ in range(negations):
            node = Not(node)
        return node

    def _postfix(self) -> Expression:
        node = self._primary()
        while True:
            if self._accept("."):
                node = Access(node, self._key())
            elif self._accept("["):
                node = Access(node, self._index())
            else:
                return node

    def _key(self) -> Expression:
        if self._accept("*"):
            return Star()
        if self._next.kind != "word":
            raise ExpressionError(
                f"expected a name, found {self._next.text or 'the end'!r}", self._next.offset
            )
        return Literal(self._take().text)

    def _index(self) -> Expression:
        key: Expression = Star() if self._accept("*") else self._binary(1)
        self._expect("mark", "]")
        return key

    def _primary(self) -> Expression:
        token = self._take()
        match token.kind:
            case "number":
                return Literal(_number(token.text, token.offset))
            case "string":
                return Literal(token.text[1:-1].replace("''", "'"))
            case "word" if token.text in _CONSTANTS:
                return Literal(_CONSTANTS[token.text])
            case "word":
                return self._call(token) if self._accept("(") else Name(token.text)
            case "mark" if token.text == "(":
                node = self._binary(1)
                self._expect("mark", ")")
                return node
        raise ExpressionError(f"unexpected {token.text or 'the end'!r}", token.offset)

    def _call(self, token: Token) -> Expression:
        arguments: list[Expression] = []
        while not self._accept(")"):
            if arguments:
                self._expect("mark", ",")
            arguments.append(self._binary(1))
        match (token.text, *arguments):
            case ("opaque", Literal(str(vendor)), Literal(str(text))):
                return Opaque(vendor, text)
        return Call(token.text, tuple(arguments))


@lru_cache(_KEPT)
def parse(text: str) -> Expression:
    """The tree of `text`.

    Raises `ExpressionError` with the offset of the first character that does not fit.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"longer than {MAX_LENGTH} characters", MAX_LENGTH)
    return _Parser(text).whole()


def _validate(value: Any) -> Any:
    if isinstance(value, bool):
        return Literal(value)
    return parse(value) if isinstance(value, str) else value


Condition = Annotated[
    InstanceOf[Expression],
    BeforeValidator(_validate),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": ["string", "boolean"]}),
]
"""An expression as a field: text in files and JSON, a tree in memory."""
