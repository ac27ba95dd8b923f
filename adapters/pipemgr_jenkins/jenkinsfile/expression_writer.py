"""Expressions out: any expression of the model as Groovy.

Every value of Jenkins is a text that may be missing, so methods are called with `?.`. What Jenkins has no word for is
told and written as null, which is not true and equals nothing.
"""

from __future__ import annotations

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
)
from pipemgr_jenkins.groovy import quoting
from pipemgr_jenkins.groovy.quoting import interpolated, quoted

from .scope import VENDOR
from .terms import Terms

ATOM, NOT, ORDER, EQUAL, MATCH, AND, OR, CASE = 9, 8, 7, 6, 5, 4, 3, 2
"""How tightly operators bind (https://groovy-lang.org/operators.html#_operator_precedence)."""
_BINDING: Final = {"&&": AND, "||": OR, "==": EQUAL, "!=": EQUAL}
_METHODS: Final = ("contains", "starts_with", "ends_with")
_STATUSES: Final = ("success", "failure", "canceled")
_STATUS: Final = Access(Name("stage"), Literal("status"))
_TRIGGER: Final = Name("trigger")
_WINDOWS: Final = "Windows"
_NULL: Final = ("null", ATOM)
_HOLE: Final = re.compile(r"(\{\{|\}\}|\{(\d+)\}|[^{}]+|[{}])")
_BRACES: Final = {"{{": "{", "}}": "}"}
Written = tuple[str, int]
"""Groovy, and how tightly its outermost operator binds."""


def groovy(node: Expression, terms: Terms) -> str:
    """An expression as Groovy."""
    return _Writer(terms).value(node)[0]


def condition(node: Expression, terms: Terms) -> str:
    """An expression as Groovy, where all that counts is whether it is true."""
    return _Writer(terms).truth(node)[0]


def piece(node: Expression, terms: Terms) -> str:
    """An expression as a piece of a string: a constant as text, anything else as Groovy."""
    return _Writer(terms).piece(node)


class _Writer:
    def __init__(self, terms: Terms) -> None:
        self.terms = terms

    # Conditions ----------------------------------------------------------------------------------------

    def truth(self, node: Expression) -> Written:
        """What counts as true when the expression does."""
        match node:
            case Not(operand):
                return f"!{self._wrapped(self.truth(operand), NOT)}", NOT
            case Binary(("&&" | "||") as operator, left, right):
                binding = _BINDING[operator]
                first = self._wrapped(self.truth(left), binding)
                return f"{first} {operator} {self._wrapped(self.truth(right), binding + 1)}", binding
            case Binary("!=", left, Literal("")):
                return self.truth(left)
            case Binary("==", left, Literal("")):
                return f"!{self._wrapped(self.truth(left), NOT)}", NOT
            case Literal(value):
                return ("true" if value else "false"), ATOM
        return self.value(node)

    # Values --------------------------------------------------------------------------------------------

    def value(self, node: Expression) -> Written:
        """What an expression is worth."""
        match node:
            case Literal(value):
                return _literal(value), ATOM
            case Binary("||", left, right):
                return self._either(left, right)
            case Binary("&&", left, right):
                return self._case([left, right, Literal("")])
            case Not() | Binary(("==" | "!="), _, Literal("")):
                text, binding = self.truth(node)
                return (
                    (text, binding)
                    if text.startswith("!")
                    else (f"!!{self._wrapped((text, binding), NOT)}", NOT)
                )
            case Binary(operator, left, right):
                return self._compared(operator, left, right)
            case Call(name, arguments):
                return self._call(name, arguments)
            case Opaque(vendor, text) if vendor == VENDOR:
                return self._opaque(text)
            case Access() | Name():
                return self._path(node)
        return self._missing(node, "only another vendor understands it")

    def _either(self, left: Expression, right: Expression) -> Written:
        if is_condition(left) and is_condition(right):
            return self.truth(Binary("||", left, right))
        match left:
            case Binary("&&", test, Literal(value)) if value:
                return self._case([test, Literal(value), right])
        first = self._wrapped(self.value(left), CASE + 1)
        return f"{first} ?: {self._wrapped(self.value(right), CASE)}", CASE

    def _case(self, arguments: Sequence[Expression]) -> Written:
        if len(arguments) < 3:  # noqa: PLR2004 - a condition, its value, and what else
            return (
                self.value(arguments[0]) if len(arguments) == 1 else self._case([*arguments, Literal(None)])
            )
        test, yes, *others = arguments
        first = self._wrapped(self.truth(test), CASE + 1)
        second = self._wrapped(self.value(yes), CASE + 1)
        return f"{first} ? {second} : {self._wrapped(self._case(others), CASE)}", CASE

    def _compared(self, operator: str, left: Expression, right: Expression) -> Written:
        if isinstance(left, Literal) and not isinstance(right, Literal):
            mirrored = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(operator, operator)
            return self._compared(mirrored, right, left)
        if operator in ("<", "<=", ">", ">="):
            first, second = self._number(left), self._number(right)
            return f"{first} {operator} {second}", ORDER
        special = self._special(operator, left, right)
        if special is not None:
            return special
        first = self._wrapped(self.value(left), EQUAL)
        return f"{first} {operator} {self._wrapped(self.value(right), EQUAL + 1)}", EQUAL

    def _number(self, node: Expression) -> str:
        """A value that is compared as a number; environment variables are texts."""
        if isinstance(node, Literal):
            return _literal(node.value)
        if node == Access(Name("build"), Literal("number")):
            return "currentBuild.number"
        return f"({self.value(node)[0]} ?: '0').toBigDecimal()"

    def _special(self, operator: str, left: Expression, right: Expression) -> Written | None:
        """Comparisons with what Jenkins does not tell as a text."""
        match left, right:
            case Access(Name("runner"), Literal("os")), Literal(str(name)):
                windows = (name == _WINDOWS) is (operator == "==")
                return ("!isUnix()", NOT) if windows else ("isUnix()", ATOM)
            case _, Literal(str(word)) if left == _STATUS or _is_result(left):
                return self._status(word, operator, left)
            case _, Literal(str(word)) if left == _TRIGGER:
                return self._trigger(word, operator)
            case _, Literal(value) if isinstance(value, int | float) and not isinstance(value, bool):
                text = self._wrapped(self.value(left), EQUAL)
                return f"{text} {operator} {quoted(str(value))}", EQUAL
        return None

    def _status(self, word: str, operator: str, left: Expression) -> Written | None:
        name = "canceled" if word in ("canceled", "cancelled") else word
        if _is_result(left):
            why = "Jenkins knows the result of the build so far, not that of each stage"
            self.terms.lost(Fidelity.APPROXIMATE, str(left), why)
        if name not in _STATUSES:
            return ("false" if operator == "==" else "true"), ATOM
        return f"currentBuild.currentResult {operator} {quoted(self._result(name))}", EQUAL

    def _result(self, name: str) -> str:
        return self.terms.words.functions[name].upper()

    def _trigger(self, word: str, operator: str) -> Written:
        cause = self.terms.words.causes.get(word)
        if cause is None:
            self.terms.lost(Fidelity.DROPPED, f"trigger {word}", "nothing starts builds of Jenkins by it")
            return ("false" if operator == "==" else "true"), ATOM
        text = f"currentBuild.getBuildCauses({quoted(cause)})"
        return (text, ATOM) if operator == "==" else (f"!{text}", NOT)

    # Calls ---------------------------------------------------------------------------------------------

    def _call(self, name: str, arguments: tuple[Expression, ...]) -> Written:
        match name, arguments:
            case "always", ():
                return "true", ATOM
            case _, () if name in _STATUSES:
                return f"currentBuild.currentResult == {quoted(self._result(name))}", EQUAL
            case "case", (_, *_):
                return self._case(arguments)
            case "matches", (subject, pattern):
                first = self._wrapped(self.value(subject), MATCH)
                return f"{first} ==~ {self._pattern(pattern)}", MATCH
            case _, (subject, part) if name in _METHODS:
                return self._method(subject, self.terms.words.functions[name], part)
            case "join", (subject, separator):
                return self._method(subject, "join", separator)
            case "join", (subject,):
                return self._method(subject, "join", Literal(","))
            case "to_json", (subject,):
                return f"writeJSON(returnText: true, json: {self.value(subject)[0]})", ATOM
            case "from_json", (subject,):
                return f"readJSON(text: {self.value(subject)[0]})", ATOM
            case "format", (Literal(str(pattern)), *values):
                return self._format(pattern, values)
        return self._missing(Call(name, arguments), "Jenkins has no function like it")

    def _pattern(self, pattern: Expression) -> str:
        match pattern:
            case Literal(str(text)) if text and is_slashy(text):
                return f"/{text}/"
        return self._wrapped(self.value(pattern), MATCH + 1)

    def _method(self, subject: Expression, method: str, argument: Expression) -> Written:
        base = self._wrapped(self.value(subject), ATOM)
        dot = "." if isinstance(subject, Literal) else "?."
        return f"{base}{dot}{method}({self.value(argument)[0]})", ATOM

    def _format(self, pattern: str, values: Sequence[Expression]) -> Written:
        """`format` as a string with expressions in it."""
        pieces: list[str] = []
        for text, number in _HOLE.findall(pattern):
            if not number:
                pieces.append(_BRACES[text] if text in _BRACES else text)
            elif int(number) < len(values):
                pieces.append(self.piece(values[int(number)]))
        return interpolated(pieces), ATOM

    def piece(self, node: Expression) -> str:
        """A piece of a text."""
        if isinstance(node, Literal):
            return "" if node.value is None else _literal(node.value, bare=True)
        return quoting.Expression(self.value(node)[0])

    # What is left --------------------------------------------------------------------------------------

    @staticmethod
    def _opaque(text: str) -> Written:
        """Groovy as it was; in parentheses unless it is one word or call."""
        return text, ATOM if re.fullmatch(r"[\w.]+(\([^()]*\))?", text) else 0

    def _path(self, node: Expression) -> Written:
        theirs = self.terms.of(node)
        match theirs:
            case str():
                return theirs, ATOM if re.fullmatch(r"[\w.]+", theirs) else 0
            case Name(name):
                return name, ATOM
            case Access(target, key):
                return f"{self._wrapped(self.value(target), ATOM)}{self._key(key)}", ATOM
            case Expression():
                return self.value(theirs)
        return self._missing(node, "Jenkins has nothing like it")

    def _key(self, key: Expression) -> str:
        match key:
            case Literal(str(word)) if word.isidentifier() and word.isascii():
                return f".{word}"
        return f"[{self.value(key)[0]}]"

    def _missing(self, node: Expression, why: str) -> Written:
        self.terms.lost(Fidelity.DROPPED, str(node), why)
        return _NULL

    @staticmethod
    def _wrapped(written: Written, at_least: int) -> str:
        text, binding = written
        return text if binding >= at_least else f"({text})"


def is_condition(node: Expression) -> bool:
    """Whether an expression is true or false, and nothing else."""
    match node:
        case Not() | Literal(bool()):
            return True
        case Binary(operator, left, right):
            return operator not in ("&&", "||") or (is_condition(left) and is_condition(right))
        case Call(name):
            return name in (*_METHODS, *_STATUSES, "always", "matches")
    return False


def is_slashy(text: str) -> bool:
    """Whether a text can stand between slashes as it is."""
    return not re.search(r"[/\n\r]|\$[A-Za-z_{]|\\u|\\\Z|\A[*=]", text)


def _is_result(node: Expression) -> bool:
    match node:
        case Access(Access(Name("needs" | "steps"), _), Literal("result" | "outcome" | "conclusion")):
            return True
    return False


def _literal(value: Atom, *, bare: bool = False) -> str:
    match value:
        case str():
            return value if bare else quoted(value)
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
    return repr(value)
