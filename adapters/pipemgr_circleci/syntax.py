"""Syntax: CircleCI's expressions, as in `<< >>` and expression strings, parsed into the tree and printed.

Source: https://circleci.com/docs/reference/configuration-reference/#using-expressions-in-your-configuration
"""

from __future__ import annotations

import re
from typing import Final

from pipemgr.model.expressions import (
    MAX_DEPTH,
    MAX_LENGTH,
    Access,
    Atom,
    Binary,
    Call,
    Expression,
    ExpressionError,
    Literal,
    Name,
    Not,
    Token,
    tokens,
)

STARTS_WITH, MATCHES = "starts-with", "matches"
BINDING: Final = {
    "or": 1,
    "and": 2,
    "==": 3,
    "!=": 3,
    STARTS_WITH: 3,
    MATCHES: 3,
    "<": 4,
    "<=": 4,
    ">": 4,
    ">=": 4,
}
"""The binary operators and how tightly each binds."""
OURS: Final = {"and": "&&", "or": "||"}
PARAMETERS: Final = ("pipeline", "parameters")
_CONSTANTS: Final[dict[str, Atom]] = {"true": True, "false": False, "null": None}
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>-?\d+(?:\.\d+)?(?![\w.-]))
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<pattern>/(?:[^/\\]|\\.)+/)
    | (?P<word>[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*)
    | (?P<mark>==|!=|<=|>=|[<>()])
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class _Parser:
    """Precedence climbing over one list of tokens; `not` binds tighter than any of them."""

    def __init__(self, text: str) -> None:
        self._tokens = list(tokens(text, _TOKEN))
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        node = self._binary(1)
        if self._next.kind != "end":
            raise ExpressionError(f"unexpected {self._next.text!r}", self._next.offset)
        return node

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(f"nested more than {MAX_DEPTH} deep", self._next.offset)

    def _binary(self, at_least: int) -> Expression:
        self._deeper()
        left = self._unary()
        while self._next.kind in ("word", "mark") and (BINDING.get(self._next.text, 0)) >= at_least:
            operator = self._take().text
            right = self._binary(BINDING[operator] + 1)
            left = _joined(operator, left, right)
        self._depth -= 1
        return left

    def _unary(self) -> Expression:
        if self._next.kind == "word" and self._next.text == "not":
            self._take()
            self._deeper()
            node = Not(self._unary())
            self._depth -= 1
            return node
        return self._primary()

    def _primary(self) -> Expression:
        token = self._take()
        match token.kind:
            case "number":
                return Literal(float(token.text) if "." in token.text else int(token.text))
            case "string":
                return Literal(_ESCAPED.sub(r"\1", token.text[1:-1]))
            case "pattern":
                return Literal(token.text[1:-1].replace(r"\/", "/"))
            case "word" if token.text in _CONSTANTS:
                return Literal(_CONSTANTS[token.text])
            case "word" if token.text not in BINDING:
                return path(token.text)
            case "mark" if token.text == "(":
                node = self._binary(1)
                if (end := self._take()).text != ")":
                    raise ExpressionError("expected ')'", end.offset)
                return node
        raise ExpressionError(f"unexpected {token.text or 'the end'!r}", token.offset)


def _joined(operator: str, left: Expression, right: Expression) -> Expression:
    if operator in (STARTS_WITH, MATCHES):
        return Call(operator, (left, right))
    return Binary(OURS.get(operator, operator), left, right)


def path(text: str) -> Expression:
    """`a.b.c` as a tree; the name of a pipeline's parameter may have points in it."""
    words = text.split(".")
    if tuple(words[:2]) == PARAMETERS and len(words) > len(PARAMETERS):
        words = [*PARAMETERS, ".".join(words[2:])]
    node: Expression = Name(words[0])
    for word in words[1:]:
        node = Access(node, Literal(word))
    return node


def parse(text: str) -> Expression:
    """The tree of an expression, in CircleCI's names: operators that are words are calls of these words.

    Raises `ExpressionError` with the offset of the first character that does not fit.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"longer than {MAX_LENGTH} characters", MAX_LENGTH)
    return _Parser(text).whole()
