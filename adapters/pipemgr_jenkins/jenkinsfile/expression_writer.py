"""Expressions out: any expression of the model as Groovy.

Every value of Jenkins may be missing, so methods are called with `?.`. What Jenkins has no word for is told, and written
as the empty text; a comparison with it never makes a condition hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

from pipemgr.adapter import Fidelity
from pipemgr.model.expressions import (
    Access,
    Atom,
    Binary,
    Call,
    Expression,
    Literal,
    Name,
    Not,
    Opaque,
    Star,
)
from pipemgr_jenkins.groovy import quoting
from pipemgr_jenkins.groovy.quoting import interpolated, quoted

from .comparisons import Compared, compared
from .conditions import WHEN
from .references import plain
from .scope import VENDOR, meanings
from .terms import Terms

ATOM, NOT, ORDER, EQUAL, MATCH, AND, OR, CASE, LOOSE = 9, 8, 7, 6, 5, 4, 3, 2, 0
"""How tightly operators bind (https://groovy-lang.org/operators.html#_operator_precedence)."""
_LOGIC: Final = {"&&": AND, "||": OR}
_METHODS: Final = ("contains", "starts_with", "ends_with")
STATUSES: Final = ("success", "failure", "canceled")
_CLOSED: Final = re.compile(r"[\w.?]+(?:\([^()]*\)[\w.?]*)*")
_HOLE: Final = re.compile(r"(\{\{|\}\}|\{(\d+)\}|[^{}]+|[{}])")
_BRACES: Final = {"{{": "{", "}}": "}"}
MISSING: Final = "''"
"""What stands in place of what Jenkins has no word for."""
Written = tuple[str, int]
"""Groovy, and how tightly its outermost operator binds."""


def groovy(node: Expression, terms: Terms) -> str:
    """An expression as Groovy."""
    return Writer(terms, "it is empty").value(plain(node))[0]


def condition(node: Expression, terms: Terms) -> str:
    """An expression as Groovy, where all that counts is whether it is true."""
    return Writer(terms, "what asks for it never holds").truth(plain(node))[0]


def wrapped(written: Written, at_least: int) -> str:
    """Groovy as an operand, in parentheses where it needs them."""
    text, binding = written
    return text if binding >= at_least else f"({text})"


class Writer:
    """Writes expressions at one place; `effect` says what becomes of those that Jenkins has no word for."""

    def __init__(self, terms: Terms, effect: str) -> None:
        self.terms = terms
        self.effect = effect
        self._missed = 0

    # Conditions ----------------------------------------------------------------------------------------

    def truth(self, node: Expression, *, unknown: bool = False) -> Written:
        """What counts as true when the expression does; `unknown` stands for what nobody can know."""
        match node:
            case Not(operand):
                return f"!{wrapped(self.truth(operand, unknown=not unknown), NOT)}", NOT
            case Binary(("&&" | "||") as operator, left, right):
                return self._joined(operator, left, right, unknown=unknown)
        before = self._missed
        written = self._test(node)
        return written if self._missed == before else (literal(unknown), ATOM)

    def _joined(self, operator: str, left: Expression, right: Expression, *, unknown: bool) -> Written:
        """Two conditions; what is lost of them decides at once, or says nothing beside the other."""
        before = self._missed
        first, second = self.truth(left, unknown=unknown), self.truth(right, unknown=unknown)
        decides, nothing = ("false", "true") if operator == "&&" else ("true", "false")
        texts = (first[0], second[0])
        if self._missed > before and decides in texts:
            return decides, ATOM
        if self._missed > before and nothing in texts:
            return second if first[0] == nothing else first
        binding = _LOGIC[operator]
        return f"{wrapped(first, binding)} {operator} {wrapped(second, binding + 1)}", binding

    def _test(self, node: Expression) -> Written:
        match node:
            case Binary("!=", left, Literal("")) if not isinstance(left, Opaque):
                return self.truth(left)
            case Binary("==", left, Literal("")) if not isinstance(left, Opaque):
                return f"!{wrapped(self.truth(left), NOT)}", NOT
            case Literal(value):
                return literal(bool(value)), ATOM
        return self.value(node)

    # Values --------------------------------------------------------------------------------------------

    def value(self, node: Expression) -> Written:
        """What an expression is worth."""
        match node:
            case Literal(value):
                return literal(value), ATOM
            case Binary("||", left, right):
                return self._either(left, right)
            case Binary("&&", left, right):
                return self._both(left, right)
            case Binary(("==" | "!=") as operator, Opaque() as left, right):
                return self._compared(operator, left, right)
            case Not() | Binary(("==" | "!="), _, Literal("")):
                text, binding = self.truth(node)
                return (text if text.startswith("!") else f"!!{wrapped((text, binding), NOT)}"), NOT
            case Binary(operator, left, right):
                return self._compared(operator, left, right)
        return self._named(node)

    def _named(self, node: Expression) -> Written:
        match node:
            case Call(name, arguments):
                return self._call(name, arguments)
            case Opaque(vendor, text) if vendor == VENDOR and not text.startswith(WHEN):
                return self._opaque(text)
            case Access() | Name():
                return self._path(node)
        why = (
            "only a condition of a stage can ask for it"
            if _is_own(node)
            else "only its own vendor understands it"
        )
        return self._missing(str(node), why)

    def _either(self, left: Expression, right: Expression) -> Written:
        """`||` gives the first value that counts as true; that of Groovy only gives true or false."""
        if is_condition(left) and is_condition(right):
            return self.truth(Binary("||", left, right))
        match left:
            case Literal(value):
                return self.value(left if value else right)
            case Binary("&&", test, Literal(value)) if value:
                return self._case([test, Literal(value), right])
        first = wrapped(self.value(left), CASE + 1)
        return f"{first} ?: {wrapped(self.value(right), CASE)}", CASE

    def _both(self, left: Expression, right: Expression) -> Written:
        if is_condition(left) and is_condition(right):
            return self.truth(Binary("&&", left, right))
        return self._case([left, right, Literal("")])

    def _case(self, arguments: Sequence[Expression]) -> Written:
        match arguments:
            case (test, yes, *others):
                first = wrapped(self.truth(test), CASE + 1)
                second = wrapped(self.value(yes), CASE + 1)
                return f"{first} ? {second} : {wrapped(self._case(others), CASE)}", CASE
            case (only,):
                return self.value(only)
        return literal(None), ATOM

    def _compared(self, operator: str, left: Expression, right: Expression) -> Written:
        found = compared(operator, left, right, self.terms)
        match found:
            case Compared(text, missing) if missing:
                self._missing(missing, found.why)
                return text, ATOM
            case Compared(text):
                return text, NOT if text.startswith("!") else EQUAL
        if operator not in ("==", "!="):
            return f"{self._number(left)} {operator} {self._number(right)}", ORDER
        if isinstance(left, Literal) and not isinstance(right, Literal):
            return self._in_any_case(operator, right, left.value)
        first, second = self.value(left), self.value(right)
        if isinstance(left, Access | Name) and _is_number(right):
            second = quoted(second[0]), ATOM
        return f"{wrapped(first, EQUAL)} {operator} {wrapped(second, EQUAL + 1)}", EQUAL

    def _in_any_case(self, operator: str, subject: Expression, value: Atom) -> Written:
        """A constant in front says that letter case makes no difference."""
        if not isinstance(value, str) or not value:
            return self.value(Binary(operator, subject, Literal(value)))
        base = wrapped(self.value(subject), ATOM)
        test = "toBoolean()" if value == "true" else f"equalsIgnoreCase({quoted(value)})"
        return (f"{base}?.{test}", ATOM) if operator == "==" else (f"!{base}?.{test}", NOT)

    def _number(self, node: Expression) -> str:
        """A value that is compared as a number; environment variables are texts."""
        if isinstance(node, Literal):
            return literal(node.value)
        return f"({wrapped(self.value(node), CASE + 1)} ?: '0').toBigDecimal()"

    # Calls ---------------------------------------------------------------------------------------------

    def _call(self, name: str, arguments: tuple[Expression, ...]) -> Written:
        match name, arguments:
            case "always", ():
                return literal(value=True), ATOM
            case "case", (_, *_):
                return self._case(arguments)
            case "format", (Literal(str(pattern)), *values):
                return self._format(pattern, values), ATOM
            case _, () if name in STATUSES:
                return (
                    f"currentBuild.currentResult == {quoted(self.terms.words.functions[name].upper())}",
                    EQUAL,
                )
            case _, (first,):
                return self._of_one(name, first)
            case _, (first, second):
                return self._of_two(name, first, second)
        return self._unknown(name)

    def _of_one(self, name: str, value: Expression) -> Written:
        match name:
            case "join":
                return self._method(value, "join", Literal(","))
            case "to_json":
                return f"writeJSON(returnText: true, json: {self.value(value)[0]})", ATOM
            case "from_json":
                return f"readJSON(text: {self.value(value)[0]})", ATOM
        return self._unknown(name)

    def _of_two(self, name: str, first: Expression, second: Expression) -> Written:
        if name == "matches":
            return f"{wrapped(self.value(first), MATCH)} ==~ {self._pattern(second)}", MATCH
        if name in _METHODS or name == "join":
            return self._method(first, self.terms.words.functions[name], second)
        return self._unknown(name)

    def _unknown(self, name: str) -> Written:
        return self._missing(f"{name}()", "Jenkins has no function like it")

    def _pattern(self, pattern: Expression) -> str:
        match pattern:
            case Literal(str(text)) if is_slashy(text):
                return f"/{text}/"
        return wrapped(self.value(pattern), MATCH + 1)

    def _method(self, subject: Expression, method: str, argument: Expression) -> Written:
        match subject:
            case Call("from_json", (Literal(str(text)),)):
                base = literal_list(text) or self.value(subject)[0]
            case _:
                base = wrapped(self.value(subject), ATOM)
        dot = "." if base[0] in "'[" else "?."
        return f"{base}{dot}{method}({self.value(argument)[0]})", ATOM

    def _format(self, pattern: str, values: Sequence[Expression]) -> str:
        """`format` as a string with expressions in it."""
        pieces: list[str] = []
        for text, number in _HOLE.findall(pattern):
            if not number:
                pieces.append(_BRACES.get(text, text))
            elif int(number) < len(values):
                pieces.append(self._piece(values[int(number)]))
        return interpolated(pieces)

    def _piece(self, node: Expression) -> str:
        match node:
            case Literal(None):
                return ""
            case Literal(str(text)):
                return text
            case Literal(value):
                return literal(value)
        return quoting.Expression(self.value(node)[0])

    # What is left --------------------------------------------------------------------------------------

    def _opaque(self, text: str) -> Written:
        """Groovy as it was: an expression, one of `post`'s words, or several statements in braces."""
        known = meanings()["statuses"].get(text)
        if known:
            return known, LOOSE
        if text.startswith("{"):
            return f"({text}).call()", ATOM
        return text, ATOM if _CLOSED.fullmatch(text) else LOOSE

    def _path(self, node: Expression) -> Written:
        theirs = self.terms.of(node)
        match theirs:
            case str():
                return theirs, ATOM if _CLOSED.fullmatch(theirs) else LOOSE
            case Name(name):
                return name, ATOM
            case Access(target, key) if not isinstance(key, Star):
                return f"{wrapped(self.value(target), ATOM)}{self._key(key)}", ATOM
            case Access():
                return self._missing(str(node), "Jenkins has nothing like it")
            case Expression():
                return self.value(theirs)
        return self._missing(str(node), "Jenkins has nothing like it")

    def _key(self, key: Expression) -> str:
        match key:
            case Literal(str(word)) if word.isidentifier() and word.isascii():
                return f".{word}"
        return f"[{self.value(key)[0]}]"

    def _missing(self, what: str, why: str) -> Written:
        self._missed += 1
        self.terms.lost(Fidelity.DROPPED, what, f"{why}; {self.effect}")
        return MISSING, ATOM


def is_condition(node: Expression) -> bool:
    """Whether an expression is true or false, and nothing else."""
    match node:
        case Not() | Literal(bool()):
            return True
        case Binary(operator, left, right):
            return operator not in _LOGIC or (is_condition(left) and is_condition(right))
        case Call(name):
            return name in (*_METHODS, *STATUSES, "always", "matches")
    return False


def is_slashy(text: str) -> bool:
    """Whether a text can stand between slashes as it is."""
    return bool(text) and not re.search(r"[/\n\r]|\$[A-Za-z_{]|\\u|\\\Z|\A[*= ]", text)


def _is_own(node: Expression) -> bool:
    return isinstance(node, Opaque) and node.vendor == VENDOR


def _is_number(node: Expression) -> bool:
    return (
        isinstance(node, Literal) and isinstance(node.value, int | float) and not isinstance(node.value, bool)
    )


def literal(value: Atom) -> str:
    """A constant in Groovy."""
    return quoting.value(value)


def literal_list(text: str) -> str | None:
    """A list in JSON as one of Groovy; None for what is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return quoting.value(found) if isinstance(found, list) else None
