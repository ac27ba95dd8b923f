"""Known names: variables of Groovy that are given one value, and never another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Final

from pipemgr.model.expressions import Expression, Literal, Opaque
from pipemgr_jenkins.groovy import syntax
from pipemgr_jenkins.groovy.syntax import (
    Assignment,
    Catch,
    Closure,
    Code,
    Declaration,
    Loop,
    Method,
    Part,
    Script,
)

from .expressions import expression
from .pieces import flat
from .scope import LONGEST, Scope
from .texts import text

_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_GIVEN: Final = re.compile(r"\b([A-Za-z_]\w*)\s*(?:[-+*/]|<<)?=(?![=~])")
"""An assignment in Groovy that is not taken apart."""


@dataclass(frozen=True, kw_only=True)
class Bound(Scope):
    """A scope in which some names hold what is known."""

    given: Mapping[str, Expression] = field(default_factory=dict)

    @classmethod
    def over(cls, scope: Scope, given: Mapping[str, Expression]) -> Bound:
        """A scope, and what further names hold."""
        said = {one.name: getattr(scope, one.name) for one in fields(scope)}
        return cls(**{**said, "given": {**said.get("given", {}), **given}})

    def bare(self, name: str) -> Expression | None:
        """What a bare word holds."""
        return self.given.get(name) or super().bare(name)


def constants(scope: Scope) -> dict[str, Expression]:
    """What the variables of a file hold that are given one value, at its outermost level."""
    script = scope.script
    counts = Counter(name for part in script.statements for name in given_names(part, script))
    found: dict[str, Expression] = {}
    for part in script.statements:
        name, value = assigned(part)
        if name is None or value is None or counts[name] > 1:
            continue
        known = held(value, Bound.over(scope, found))
        if is_known(known):
            found[name] = known
    return found


def held(part: Part, scope: Scope) -> Expression:
    """What a part is worth; a string of nothing but known texts is one."""
    if isinstance(part, syntax.Text | syntax.Operation):
        said = text(part, scope)
        if "${{" not in said and flat(part) is not None:
            return Literal(said)
    return expression(part, scope)


def assigned(part: Part | None) -> tuple[str | None, Part | None]:
    """The variable that a statement gives a value, and the value; for other statements neither."""
    match part:
        case Declaration(name=name, value=value):
            return name, value
        case Assignment(target=syntax.Name(name=name), operator="=", value=value):
            return name, value
    return None, None


def given_names(part: Part, script: Script) -> Iterator[str]:
    """The variables that a statement and all in it give values, as often as it does."""
    for one in part.walk():
        match one:
            case Declaration(name=name) | Assignment(target=syntax.Name(name=name)):
                yield name
            case Code():
                yield from _GIVEN.findall(script.text(one))
            case Loop(head=text):
                yield from _WORD.findall(text)


def mentioned(part: Part | None, script: Script) -> Iterator[str]:
    """The words in a statement that may be variables, as often as they stand there."""
    for one in part.walk() if part is not None else ():
        match one:
            case syntax.Name(name=name) | Declaration(name=name) | Method(name=name):
                yield name
            case syntax.Call(name=name, target=None):
                yield name
            case Code():
                yield from _WORD.findall(script.text(one))
            case Loop(head=text) | Closure(parameters=text) | Catch(parameter=text):
                yield from _WORD.findall(text)


def is_known(value: Expression) -> bool:
    """Whether nothing in an expression is for Jenkins only, and it is short."""
    return is_short(value) and not any(isinstance(one, Opaque) for one in value.walk())


def is_short(value: Expression) -> bool:
    """Whether an expression may be put where its name stands: names that double one another grow without end."""
    size = 0
    for one in value.walk():
        size += len(one.value) if isinstance(one, Literal) and isinstance(one.value, str) else 1
        if size > LONGEST:
            return False
    return True
