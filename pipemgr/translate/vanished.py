"""Vanished steps: what is asked of steps that were taken out. Nothing went wrong in them, and they have no outputs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pipemgr.model.definitions import Pipeline, Stage
from pipemgr.model.expressions import Access, Binary, Expression, Literal, Name, Not, transform

from .rewriting import rewritten

_STEPS: Final = Name("steps")
_ENDS: Final = frozenset({"outcome", "conclusion"})
_TRUE, _FALSE = Literal(True), Literal(False)


def without_vanished(before: Pipeline, after: Pipeline) -> Pipeline:
    """The pipeline `after` steps were taken out of it, in which nothing asks for these any more."""
    known = {stage.id: {step.id for step in stage.steps if step.id} for stage in before.stages}

    def stage(one: Stage) -> Stage:
        left = {step.id for step in one.steps}
        gone = known.get(one.id, set()) - left
        return rewritten(one, lambda node: transform(node, lambda part: _known(part, gone))) if gone else one

    stages = tuple(map(stage, after.stages))
    return after if stages == after.stages else after.model_copy(update={"stages": stages})


def _known(node: Expression, gone: Collection[str]) -> Expression:
    match node:
        case Access(Access(target, Literal(str(name))), Literal(str(key))) if (
            target == _STEPS and name in gone
        ):
            return Literal("success" if key in _ENDS else None)
        case Access(Literal(None)):
            return Literal(None)
        case Binary("==" | "!=" as sign, Literal(), Literal()):
            return Literal((node.left == node.right) is (sign == "=="))
        case Not(Literal(value)):
            return Literal(not value)
        case Binary("&&" | "||" as operator, left, right):
            return _joined(operator, left, right)
    return node


def _joined(operator: str, left: Expression, right: Expression) -> Expression:
    neutral, final = (_TRUE, _FALSE) if operator == "&&" else (_FALSE, _TRUE)
    if final in (left, right):
        return final
    return right if left == neutral else left if right == neutral else Binary(operator, left, right)
