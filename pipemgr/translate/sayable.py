"""What can be said: conditions with parts that only another vendor understands, made to hold no more often than before.

Nobody knows whether such a part would hold. It is taken not to, also below a negation: what the target can't ask for
never lets anything run that was not meant to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from pipemgr.model.definitions import Definition, Pipeline, Stage, Step
from pipemgr.model.expressions import Binary, Expression, Literal, Not, Opaque

from .base import Dialect
from .places import place_words, unplaced
from .report import Fidelity, Finding
from .tree import expressions, rebuild, walk

_TRUE, _FALSE = Literal(True), Literal(False)
_LONGEST: Final = 80
Strange = Callable[[Expression], bool]


def sayable(pipeline: Pipeline, target: Dialect) -> tuple[Pipeline, tuple[Finding, ...]]:
    """The pipeline with such parts taken out of its conditions, and without machines that nobody can name."""
    mine = {target.name, *target.understands}

    def strange(node: Expression) -> bool:
        return any(isinstance(one, Opaque) and one.vendor not in mine for one in node.walk())

    if target.foreign or not any(strange(one) for _, one in expressions(pipeline)):
        return pipeline, ()
    findings = tuple(_told(pipeline, target, strange))
    return rebuild(pipeline, lambda value: _changed(value, strange)), findings


def least(node: Expression, strange: Strange) -> Expression:
    """What surely holds of a condition: strange parts don't."""
    return _bound(node, strange, _FALSE)


def _bound(node: Expression, strange: Strange, unknown: Literal) -> Expression:
    match node:
        case Not(operand):
            inner = _bound(operand, strange, _FALSE if unknown.value else _TRUE)
            return Literal(not inner.value) if isinstance(inner, Literal) else Not(inner)
        case Binary("&&" | "||" as operator, left, right):
            return _joined(operator, _bound(left, strange, unknown), _bound(right, strange, unknown))
    return unknown if strange(node) else node


def _joined(operator: str, left: Expression, right: Expression) -> Expression:
    neutral, final = (_TRUE, _FALSE) if operator == "&&" else (_FALSE, _TRUE)
    if final in (left, right):
        return final
    if neutral in (left, right):
        return right if left == neutral else left
    return Binary(operator, left, right)


def _changed(value: Any, strange: Strange) -> Definition | None:
    match value:
        case Step(when=Expression() as when) | Stage(when=Expression() as when) if strange(when):
            value = value.model_copy(update={"when": least(when, strange)})
    update = {field: None for field, _ in unplaced(value, strange)}
    return value.model_copy(update=update) if update else value  # type: ignore[no-any-return]


# What is told -------------------------------------------------------------------------------------------


def _told(pipeline: Pipeline, target: Dialect, strange: Strange) -> Iterator[Finding]:
    for path, value in walk(pipeline):
        match value:
            case Step(when=Expression() as when) | Stage(when=Expression() as when) if strange(when):
                yield _condition(path, value, when, target, strange)
        for field, place in unplaced(value, strange):
            yield Finding(
                fidelity=Fidelity.MANUAL,
                path=f"{path}.{field}".lstrip("."),
                source="",
                what=f"{field} {place_words(place)}",
                why=f"{target.title} can't work it out, so the stage runs on the usual machine",
                remedy=f"name the {field} that it needs",
                kind=field,
            )


def _condition(
    path: str, value: Step | Stage, when: Expression, target: Dialect, strange: Strange
) -> Finding:
    left = least(when, strange)
    kind = "step" if isinstance(value, Step) else "stage"
    never = left == _FALSE
    happens = f"the {kind} is never executed" if never else f"the {kind} is executed only if {left}"
    return Finding(
        fidelity=Fidelity.DROPPED if never else Fidelity.MANUAL,
        path=f"{path}.when",
        source="",
        what=f"condition {_words((path, one) for one in when.walk() if isinstance(one, Opaque) and strange(one))}",
        why=f"{target.title} has nothing to ask that by, so {happens}",
        remedy=f"say in {target.title}'s own way when it is to be executed, or take it out",
    )


def _words(found: Any) -> str:
    words = dict.fromkeys(one.text for _, root in found for one in root.walk() if isinstance(one, Opaque))
    shown = ", ".join(" ".join(word.split()) for word in words)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]} ..."
