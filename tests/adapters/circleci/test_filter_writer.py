"""What a list of globs takes is what the condition written for it takes, names that it takes back included."""

from __future__ import annotations

import re

import pytest

from pipemgr.model.definitions import Trigger
from pipemgr.model.expressions import Binary, Call, Expression, Literal, Not
from pipemgr_circleci.filter_writer import pushed


def holds(node: Expression, branch: str) -> object:  # noqa: PLR0911 - one case a line
    match node:
        case Literal(value):
            return value
        case Not(operand):
            return not holds(operand, branch)
        case Binary("&&", left, right):
            return holds(left, branch) and holds(right, branch)
        case Binary("||", left, right):
            return holds(left, branch) or holds(right, branch)
        case Binary("==", left, right):
            return holds(left, branch) == holds(right, branch)
        case Binary("!=", left, right):
            return holds(left, branch) != holds(right, branch)
        case Call("matches", (_, Literal(pattern))):
            return re.fullmatch(str(pattern), branch) is not None
        case Call("starts_with", (_, Literal(text))):
            return branch.startswith(str(text))
    assert str(node) == "branch", node
    return branch


@pytest.mark.parametrize(
    ("globs", "taken", "refused"),
    [
        (("**", "!dev"), ("main", "a/b"), ("dev", "")),
        (("*", "!rel*", "rel-1"), ("main", "rel-1"), ("rel-2", "a/b", "")),
        (("v*", "!v2*"), ("v1",), ("v2.0", "main", "")),
        (("main", "rel/**"), ("main", "rel/1/2"), ("rel", "dev", "")),
        (("!main",), (), ("main", "dev", "")),
        (("**/*",), ("a", "a/b"), ("",)),
    ],
)
def test_globs_take_back(globs, taken, refused):
    condition = pushed(Trigger(event="push", branches=globs))
    assert [one for one in (*taken, *refused) if holds(condition, one)] == list(taken)
