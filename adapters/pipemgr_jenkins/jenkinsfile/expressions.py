"""Expressions in: Groovy expressions become expressions of the model.

Groovy's truth is that of the model (empty texts, null and false are not true), so a condition is an expression whose
texts are compared with the empty text. `==` of the model takes no account of letter case; where Groovy does not either,
the constant comes first: `'main' == branch`. What is not understood stays as it is, as `opaque`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name, Opaque
from pipemgr_jenkins.groovy import syntax
from pipemgr_jenkins.groovy.syntax import Part

from .logic import EMPTY, found, in_any_case, joined, matches, negated, path, spelled, spine
from .pieces import flat, formatted
from .references import pushed
from .scope import TRIGGER, Scope

MAX_DEPTH: Final = 40
"""Groovy that is nested deeper stays as it is."""
MAX_CONSTANT: Final = 5_000
"""The longest text in an expression, in characters; longer ones are nothing that is compared."""
_MIRRORED: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_TESTS: Final = {"contains": "contains", "startsWith": "starts_with", "endsWith": "ends_with"}
_CASES: Final = ("toLowerCase", "toUpperCase")
_PLAIN: Final = frozenset({*_CASES, "toString", "trim", "toInteger", "toLong", "toBigDecimal"})
"""Methods that make no difference for comparisons of the model."""
GIT_BRANCH: Final = Access(Name("variables"), Literal("GIT_BRANCH"))
"""It has the remote's name in front but in multibranch projects, where it is the branch."""
_RESULT: Final = (("currentBuild", "result"), ("currentBuild", "currentResult"))
_TEXTS: Final = frozenset({"config", "matrix", "pull_request", "variables"})


def expression(part: Part, scope: Scope) -> Expression:
    """What a Groovy expression is worth."""
    return Reader(scope).value(part, 0)


def truth(part: Part, scope: Scope) -> Expression:
    """When a Groovy expression counts as true."""
    return Reader(scope).truth(part, 0)


def is_text(value: Expression, scope: Scope) -> bool:
    """Whether a value is a text, which may be empty."""
    match value:
        case Access(Name("parameters"), Literal(str(name))):
            return scope.parameters.get(name, "boolean") not in ("boolean", "number")
        case Access(Name(context), _) if context in _TEXTS:
            return True
    return value in scope.words.given.values()


class Reader:
    """Reads the expressions of one scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._parts: Mapping[type[Part], Callable[[Any, int], Expression | None]] = {
            syntax.Block: self._only,
            syntax.Call: self._call,
            syntax.Closure: self._only,
            syntax.Constant: self._constant,
            syntax.Index: self._property,
            syntax.Name: self._name,
            syntax.Operation: self._operation,
            syntax.Property: self._property,
            syntax.Return: self._returned,
            syntax.Text: self._text,
        }

    # When something is true ----------------------------------------------------------------------------

    def truth(self, part: Part, depth: int) -> Expression:
        """When a part counts as true."""
        value = self._logic(part, depth) if depth <= MAX_DEPTH else None
        if value is None:
            value = self.value(part, depth)
        match value:
            case Literal(known):
                return Literal(bool(known))
        return Binary("!=", value, EMPTY) if is_text(value, self.scope) else value

    def _logic(self, part: Part, depth: int) -> Expression | None:
        match part:
            case syntax.Operation(operator="!", operands=(operand,)):
                return negated(self.truth(operand, depth + 1))
            case syntax.Operation(operator=("&&" | "||" | "?:") as operator) if len(part.operands) > 1:
                operands = [self.truth(one, depth + 1) for one in spine(part)]
                return pushed(joined("&&" if operator == "&&" else "||", operands))
            case syntax.Call(name="trim", target=Part() as target, arguments=()):
                return self.truth(target, depth + 1)
        return None

    def boolean(self, part: Part, depth: int) -> Expression:
        """What `toBoolean()` gives: whether a text is `true`, in any letter case."""
        value = self.value(part, depth + 1)
        match value:
            case Access(Name("parameters"), Literal(str(name))):
                if self.scope.parameters.get(name, "boolean") == "boolean":
                    return value
        return Binary("==", Literal("true"), value)

    # Values --------------------------------------------------------------------------------------------

    def value(self, part: Part, depth: int) -> Expression:
        """What a part is worth."""
        read = self._parts.get(type(part))
        known = read(part, depth) if read and depth <= MAX_DEPTH else None
        return self.scope.opaque(part) if known is None else known

    def _constant(self, part: syntax.Constant, _depth: int) -> Expression | None:
        return None if part.end - part.start > MAX_CONSTANT else Literal(part.value)

    def _name(self, part: syntax.Name, _depth: int) -> Expression | None:
        return self.scope.bare(part.name)

    def _text(self, part: Part, depth: int) -> Expression | None:
        pieces = flat(part)
        if pieces is None or part.end - part.start > MAX_CONSTANT:
            return None
        return formatted(
            [piece if isinstance(piece, str) else self.value(piece, depth + 1) for piece in pieces]
        )

    def _only(self, part: syntax.Closure | syntax.Block, depth: int) -> Expression | None:
        return self.value(part.statements[0], depth + 1) if len(part.statements) == 1 else None

    def _returned(self, part: syntax.Return, depth: int) -> Expression | None:
        return Literal(None) if part.value is None else self.value(part.value, depth + 1)

    def _property(self, part: Part, _depth: int) -> Expression | None:
        words = path(part)
        match words:
            case ("env", str(name)):
                return self.scope.variable(name)
            case ("params", str(name)):
                return Access(Name("parameters"), Literal(name))
        return self.scope.words.spoken.get(spelled(words)) if words else None

    # Operators -----------------------------------------------------------------------------------------

    def _operation(self, part: syntax.Operation, depth: int) -> Expression | None:
        if part.operator in ("!", "&&", "||"):
            return self._logic(part, depth)
        if part.operator == "+":
            return self._text(part, depth)
        if len(part.operands) == 3:  # noqa: PLR2004 - a condition and two values
            test, *values = part.operands
            return Call(
                "case", (self.truth(test, depth + 1), *(self.value(one, depth + 1) for one in values))
            )
        return self._binary(part.operator, part.operands, depth + 1)

    def _binary(self, operator: str, operands: tuple[Part, ...], depth: int) -> Expression | None:
        match operator, operands:
            case (("==" | "!=" | "<" | ">" | "<=" | ">="), (left, right)):
                return self.compared(operator, left, right, depth)
            case (("in" | "!in"), (left, syntax.Items(items=items))):
                one_of = self.one_of(left, items, depth)
                return one_of if operator == "in" else negated(one_of)
            case "==~", (left, right):
                return self.fits(left, right, depth)
            case "=~", (left, syntax.Constant(value=str(pattern))):
                return matches(self.value(left, depth), found(pattern))
            case "?:", (left, right):
                return Binary("||", self.value(left, depth), self.value(right, depth))
            case "as", (left, syntax.Name(name="String" | "Integer" | "int" | "Long")):
                return self.value(left, depth)
        return None

    def fits(self, left: Part, right: Part, depth: int) -> Expression:
        """Whether the whole of a text fits a pattern."""
        subject, pattern = self.subject(left, depth), self.value(right, depth)
        match pattern:
            case Literal(str(text)):
                return matches(subject, text)
        return Call("matches", (subject, pattern))

    def one_of(self, left: Part, items: Iterable[Part], depth: int) -> Expression:
        """Whether a value is one of several."""
        subject = self.subject(left, depth)
        return joined("||", [self._same(subject, self.value(one, depth)) for one in items])

    # Comparisons ---------------------------------------------------------------------------------------

    def compared(self, operator: str, left: Part, right: Part, depth: int) -> Expression:
        """A comparison; the constant, if there is one, on the right."""
        if isinstance(left, syntax.Constant) and not isinstance(right, syntax.Constant):
            return self.compared(_MIRRORED.get(operator, operator), right, left, depth)
        if operator not in ("==", "!="):
            return Binary(operator, self._number(left, depth), self._number(right, depth))
        same = self._result(left, right)
        if same is None:
            subject = self.subject(left, depth)
            same = self._same(subject, self.subject(right, depth))
            if isinstance(left, syntax.Call) and left.name in _CASES and not isinstance(subject, Opaque):
                same = in_any_case(same)
        return same if operator == "==" else negated(same)

    def subject(self, part: Part, depth: int) -> Expression:
        """A value without methods that make no difference when it is compared."""
        inner = part
        while (
            isinstance(inner, syntax.Call) and inner.name in _PLAIN and inner.target and not inner.arguments
        ):
            inner = inner.target
        value = self.value(inner, depth)
        return self.scope.opaque(part) if isinstance(value, Opaque) else value

    def _number(self, part: Part, depth: int) -> Expression:
        """A value that is compared as a number; what is missing counts as 0 anyway."""
        value = self.subject(part, depth)
        match value:
            case Binary("||", left, Literal("0" | 0)):
                return left
        return value

    def _same(self, left: Expression, right: Expression) -> Expression:
        match right:
            case Literal(None) if is_text(left, self.scope):
                return Binary("==", left, EMPTY)
            case Literal(str(word)) if left == GIT_BRANCH and not word.startswith("origin/"):
                return Binary("==", Name("branch"), right)
            case Literal("true" | "false" as word) if self._is_flag(left):
                return Binary("==", left, Literal(word == "true"))
        return Binary("==", left, right)

    def _is_flag(self, value: Expression) -> bool:
        match value:
            case Access(Name("parameters"), Literal(str(name))):
                return self.scope.parameters.get(name) == "boolean"
        return False

    def _result(self, left: Part, right: Part) -> Expression | None:
        """What the result of the build is compared with, as a condition; none means success so far."""
        if path(left) not in _RESULT or not isinstance(right, syntax.Constant):
            return None
        return self.scope.words.results.get("SUCCESS" if right.value is None else str(right.value))

    # Calls ---------------------------------------------------------------------------------------------

    def _call(self, call: syntax.Call, depth: int) -> Expression | None:
        arguments = tuple(one.value for one in call.arguments if one.key is None)
        if len(arguments) < len(call.arguments):
            return None
        if call.target is None:
            known = call.name == "isUnix" and not arguments
            return Binary("!=", Access(Name("runner"), Literal("os")), Literal("Windows")) if known else None
        return self._method(call, call.target, arguments, depth + 1)

    def _method(
        self, call: syntax.Call, target: Part, arguments: tuple[Part, ...], depth: int
    ) -> Expression | None:
        match call.name, arguments:
            case ("contains", (only,)) if isinstance(target, syntax.Items):
                return self.one_of(only, target.items, depth)
            case (name, ()):
                return self._asked(name, target, depth)
            case (("get" | "getProperty"), (syntax.Constant(value=str(word)),)):
                return self._looked_up(target, word)
            case (name, (syntax.Constant(value=str(word)),)) if path(target) == ("currentBuild",):
                return self._better(name, word)
            case (name, (only,)):
                return self._tested(name, target, only, depth)
        return None

    def _tested(self, method: str, target: Part, argument: Part, depth: int) -> Expression | None:
        match method:
            case "matches":
                return self.fits(target, argument, depth)
            case "equals":
                return self.compared("==", target, argument, depth)
            case "equalsIgnoreCase":
                return in_any_case(self.compared("==", target, argument, depth))
            case name if name in _TESTS:
                return Call(_TESTS[name], (self.subject(target, depth), self.value(argument, depth)))
        return None

    def _asked(self, method: str, target: Part, depth: int) -> Expression | None:
        match method:
            case "isEmpty":
                return self._empty(self.subject(target, depth))
            case "toBoolean":
                return self.boolean(target, depth)
            case "toString" | "trim":
                value = self.value(target, depth)
                return None if method == "trim" and isinstance(value, Opaque) else value
        words = path(target)
        if words is None or not method.startswith("get"):
            return None
        name = method[3:4].lower() + method[4:]
        return self.scope.words.spoken.get(spelled((*words, name)))

    @staticmethod
    def _empty(value: Expression) -> Expression | None:
        """Whether a text is empty, or a list of causes; None for what may be another list."""
        match value:
            case Binary("==", subject, _) if subject == TRIGGER:
                return negated(value)
        return None if isinstance(value, Opaque) else Binary("==", value, EMPTY)

    def _looked_up(self, target: Part, word: str) -> Expression | None:
        match path(target):
            case ("env",):
                return self.scope.variable(word)
            case ("params",):
                return Access(Name("parameters"), Literal(word))
        return None

    def _better(self, method: str, word: str) -> Expression | None:
        """What caused the build, or how its result so far compares with another one."""
        trigger = self.scope.words.trigger(word) if method == "getBuildCauses" else None
        if trigger is not None:
            return Binary("==", TRIGGER, Literal(trigger))
        results = self.scope.words.results
        success, failed = results["SUCCESS"], joined("||", [results["FAILURE"], results["ABORTED"]])
        better: Mapping[str, Expression] = {"SUCCESS": success, "UNSTABLE": negated(failed)}
        worse: Mapping[str, Expression] = {"UNSTABLE": negated(success), "FAILURE": failed}
        return {"resultIsBetterOrEqualTo": better, "resultIsWorseOrEqualTo": worse}.get(method, {}).get(word)
