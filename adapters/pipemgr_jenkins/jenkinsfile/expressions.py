"""Expressions: Groovy expressions become expressions of the model.

Groovy's truth is that of the model (empty texts, null and false are not true), so a condition is an expression whose
texts are compared with the empty text. What is not understood stays as it is, as `opaque`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from pipemgr.adapter import regex_to_expression
from pipemgr.model.expressions import (
    MAX_DEPTH,
    Access,
    Atom,
    Binary,
    Call,
    Expression,
    Literal,
    Name,
    Not,
    Opaque,
    chained,
)
from pipemgr_jenkins.groovy import syntax
from pipemgr_jenkins.groovy.syntax import Part

from .pieces import flat, formatted
from .scope import Scope

EMPTY: Final = Literal("")
TRUE: Final = Literal(value=True)
FALSE: Final = Literal(value=False)
_NEGATED: Final = {"==": "!=", "!=": "=="}
_MIRRORED: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_TESTS: Final = {"contains": "contains", "startsWith": "starts_with", "endsWith": "ends_with"}
_PLAIN_METHODS: Final = frozenset({"toString", "trim", "toInteger", "toLong", "toLowerCase", "toUpperCase"})
"""Methods that make no difference for comparisons of the model."""
_RESULTS: Final[Mapping[str, Expression]] = {
    "SUCCESS": Call("success"),
    "FAILURE": Call("failure"),
    "ABORTED": Call("canceled"),
    "UNSTABLE": Opaque("jenkins", "unstable"),
}
"""What a result of a build means: https://javadoc.jenkins.io/hudson/model/Result.html"""


def expression(part: Part, scope: Scope) -> Expression:
    """What a Groovy expression is worth."""
    return _Phrases(scope).value(part, 0)


def truth(part: Part, scope: Scope) -> Expression:
    """When a Groovy expression counts as true."""
    return _Phrases(scope).truth(part, 0)


def negated(node: Expression) -> Expression:
    """The opposite of a condition."""
    match node:
        case Literal(value):
            return Literal(not value)
        case Not(operand):
            return operand
        case Binary(("==" | "!=") as operator, left, right):
            return Binary(_NEGATED[operator], left, right)
    return Not(node)


def joined(operator: str, conditions: Iterable[Expression]) -> Expression:
    """Conditions joined by `&&` or `||`, each once; without any, what joining none means."""
    found = list(dict.fromkeys(conditions))
    return chained(operator, found) if found else Literal(operator == "&&")


def matches(subject: Expression, pattern: str) -> Expression:
    """A regular expression for a whole text; as a plain comparison where that says the same."""
    plain = regex_to_expression(subject, pattern)
    match plain:
        case Binary("==") | Call():
            return plain
    return Call("matches", (subject, Literal(pattern)))


def found(pattern: str) -> str:
    """The regular expression for the whole of a text in which `pattern` is found."""
    split = "|" in re.sub(r"\\.|\([^()]*\)|\[[^\[\]]*\]", "", pattern)
    if split:
        return f".*(?:{pattern}).*"
    begin, end = pattern.startswith("^"), bool(re.search(r"(?<!\\)(?:\\\\)*\$\Z", pattern))
    body = pattern[begin : len(pattern) - end]
    return f"{'' if begin else '.*'}{body}{'' if end else '.*'}"


class _Phrases:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    # Conditions ----------------------------------------------------------------------------------------

    def truth(self, part: Part, depth: int) -> Expression:
        """When a part counts as true."""
        if depth > MAX_DEPTH:
            return self.scope.opaque(part)
        match part:
            case syntax.Operation(operator="!", operands=(operand,)):
                return negated(self.truth(operand, depth + 1))
            case syntax.Operation(operator="&&" | "||"):
                operands = _spine(part)
                return joined(part.operator, [self.truth(one, depth + 1) for one in operands])
            case syntax.Call(name="toBoolean", target=Part() as target, arguments=()):
                return self._as_boolean(self.value(target, depth + 1))
            case syntax.Call(name="trim", target=Part() as target, arguments=()):
                return self.truth(target, depth + 1)
        value = self.value(part, depth)
        match value:
            case Literal(known):
                return Literal(bool(known))
        return Binary("!=", value, EMPTY) if self._is_text(value) else value

    def _as_boolean(self, value: Expression) -> Expression:
        if _context(value) == "parameters" and not self._is_text(value):
            return value
        return Binary("==", value, Literal("true"))

    def _is_text(self, value: Expression) -> bool:
        """Whether a value is a text that may be empty."""
        match value:
            case Access(Name("parameters"), Literal(str(name))):
                return self.scope.parameters.get(name, "boolean") not in ("boolean", "number")
            case Access(Name("variables" | "matrix" | "pull_request"), _):
                return True
        return value in self.scope.words.given.values()

    # Values --------------------------------------------------------------------------------------------

    def value(self, part: Part, depth: int) -> Expression:
        """What a part is worth."""
        if depth > MAX_DEPTH:
            return self.scope.opaque(part)
        match part:
            case syntax.Constant(value=value):
                return Literal(value)
            case syntax.Text() | syntax.Operation(operator="+"):
                return self._text(part, depth)
            case syntax.Name(name=name):
                return self.scope.bare(name) or self.scope.opaque(part)
            case syntax.Property() | syntax.Index():
                return self._property(part) or self.scope.opaque(part)
            case syntax.Operation():
                return self._operation(part, depth) or self.scope.opaque(part)
            case syntax.Call():
                return self._call(part, depth) or self.scope.opaque(part)
            case syntax.Return(value=Part() as value):
                return self.value(value, depth + 1)
            case syntax.Closure(statements=(only,)) | syntax.Block(statements=(only,)):
                return self.value(only, depth + 1)
        return self.scope.opaque(part)

    def _text(self, part: Part, depth: int) -> Expression:
        pieces = flat(part)
        if pieces is None:
            return self.scope.opaque(part)
        return formatted(
            [piece if isinstance(piece, str) else self.value(piece, depth + 1) for piece in pieces]
        )

    def _property(self, part: Part) -> Expression | None:
        path = _path(part)
        match path:
            case ("env", str(name)):
                return self.scope.variable(name)
            case ("params", str(name)):
                return Access(Name("parameters"), Literal(name))
            case ("currentBuild", "number" | "id"):
                return Access(Name("build"), Literal("number"))
        return self.scope.words.spoken.get(_spelled(path)) if path else None

    def _operation(self, part: syntax.Operation, depth: int) -> Expression | None:
        match part.operator, part.operands:
            case (("!" | "&&" | "||"), _):
                return self.truth(part, depth)
            case ("==" | "!=" | "<" | ">" | "<=" | ">=") as operator, (left, right):
                return self._compared(operator, left, right, depth + 1)
            case ("in" | "!in") as operator, (left, syntax.Items(items=items)):
                subject = self.value(left, depth + 1)
                one_of = joined("||", [self._same(subject, self.value(one, depth + 1)) for one in items])
                return one_of if operator == "in" else negated(one_of)
            case ("=~" | "==~") as operator, (left, syntax.Constant(value=str(pattern))):
                whole = pattern if operator == "==~" else found(pattern)
                return matches(self.value(left, depth + 1), whole)
            case _, (left, right) if part.operator == "?:":
                return Binary("||", self.value(left, depth + 1), self.value(right, depth + 1))
            case _, (condition, yes, no):
                values = (self.value(yes, depth + 1), self.value(no, depth + 1))
                return Call("case", (self.truth(condition, depth + 1), *values))
        return None

    # Comparisons ---------------------------------------------------------------------------------------

    def _compared(self, operator: str, left: Part, right: Part, depth: int) -> Expression:
        if isinstance(left, syntax.Constant) and not isinstance(right, syntax.Constant):
            return self._compared(_MIRRORED.get(operator, operator), right, left, depth)
        if operator not in _NEGATED:
            return Binary(operator, self._subject(left, depth), self._subject(right, depth))
        same = self._result(left, right) or self._same(
            self._subject(left, depth), self._subject(right, depth)
        )
        return same if operator == "==" else negated(same)

    def _subject(self, part: Part, depth: int) -> Expression:
        """A value without methods that make no difference when it is compared."""
        match part:
            case syntax.Call(name=name, target=Part() as target, arguments=()) if name in _PLAIN_METHODS:
                return self._subject(target, depth + 1) if depth < MAX_DEPTH else self.scope.opaque(part)
        return self.value(part, depth)

    def _same(self, left: Expression, right: Expression) -> Expression:
        match right:
            case Literal(None) if self._is_text(left):
                return Binary("==", left, EMPTY)
            case Literal("true" | "false" as word) if self._is_flag(left):
                return Binary("==", left, Literal(word == "true"))
        return Binary("==", left, right)

    def _is_flag(self, value: Expression) -> bool:
        match value:
            case Access(Name("parameters"), Literal(str(name))):
                return self.scope.parameters.get(name) == "boolean"
        return False

    def _result(self, left: Part, right: Part) -> Expression | None:
        """What the result of the build is compared with, as a condition."""
        if _path(left) not in (("currentBuild", "result"), ("currentBuild", "currentResult")):
            return None
        match right:
            case syntax.Constant(value=None):
                return _RESULTS["SUCCESS"]
            case syntax.Constant(value=str(word)):
                return _RESULTS.get(word)
        return None

    # Calls ---------------------------------------------------------------------------------------------

    def _call(self, call: syntax.Call, depth: int) -> Expression | None:
        arguments = [one.value for one in call.arguments if one.key is None]
        if len(arguments) < len(call.arguments):
            return None
        match call.name, call.target, arguments:
            case "isUnix", None, ():
                return Binary("!=", Access(Name("runner"), Literal("os")), Literal("Windows"))
            case _, None, _:
                return None
            case ("contains" | "startsWith" | "endsWith") as name, Part() as target, [only]:
                subject = self._subject(target, depth + 1)
                return Call(_TESTS[name], (subject, self.value(only, depth + 1)))
            case "matches", Part() as target, [syntax.Constant(value=str(pattern))]:
                return matches(self._subject(target, depth + 1), pattern)
            case (("equals" | "equalsIgnoreCase"), Part() as target, [only]):
                return self._compared("==", target, only, depth + 1)
            case "isEmpty", Part() as target, []:
                return Binary("==", self._subject(target, depth + 1), EMPTY)
            case "toBoolean", Part(), []:
                return self.truth(call, depth)
            case (("toString" | "trim"), Part() as target, []):
                return self.value(target, depth + 1)
            case _, Part() as target, [syntax.Constant(value=str(word))]:
                return self._asked(call.name, target, word)
        return None

    def _asked(self, method: str, target: Part, word: str) -> Expression | None:
        """Values and results that are asked for by methods."""
        match _path(target), method:
            case ("env",), ("get" | "getProperty"):
                return self.scope.variable(word)
            case ("params",), ("get" | "getProperty"):
                return Access(Name("parameters"), Literal(word))
            case ("currentBuild",), "resultIsBetterOrEqualTo" if word == "SUCCESS":
                return _RESULTS["SUCCESS"]
            case ("currentBuild",), "resultIsWorseOrEqualTo" if word in ("UNSTABLE", "FAILURE"):
                failed = joined("||", [_RESULTS["FAILURE"], _RESULTS["ABORTED"]])
                return failed if word == "FAILURE" else Not(_RESULTS["SUCCESS"])
        return None


def _context(value: Expression) -> str:
    match value:
        case Access(Name(name), _):
            return name
    return ""


def _spine(part: syntax.Operation) -> list[Part]:
    """The operands of a chain of one operator, in order."""
    operands: list[Part] = []
    todo: list[Part] = [part]
    while todo:
        match todo.pop():
            case syntax.Operation(operator=operator, operands=inner) if operator == part.operator:
                todo.extend(reversed(inner))
            case other:
                operands.append(other)
    return operands


Path = tuple[Atom, ...]


def _path(part: Part) -> Path | None:
    """The words of `a.b['c'][0]`; None for anything else."""
    keys: list[Atom] = []
    while True:
        match part:
            case syntax.Property(target=target, name=name, operator="." | "?."):
                keys.append(name)
                part = target
            case syntax.Index(target=target, key=syntax.Constant(value=key)):
                keys.append(key)
                part = target
            case syntax.Name(name=name):
                return (name, *reversed(keys))
            case _:
                return None


def _spelled(path: Sequence[Atom]) -> str:
    """A path as our own syntax spells it."""
    node: Expression = Name(str(path[0]))
    for key in path[1:]:
        node = Access(node, Literal(key))
    return str(node)


def constants(parts: Iterable[Part]) -> Iterator[Atom]:
    """The values of those parts that are constants."""
    for part in parts:
        if isinstance(part, syntax.Constant):
            yield part.value
