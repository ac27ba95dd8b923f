"""Requires out: conditions on how other stages ended, as the statuses that a job's `requires` asks for.

Source: https://circleci.com/docs/reference/configuration-reference/#requires
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Final

from pydantic import JsonValue

from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name, Not

STATUSES: Final = {"success": "success", "failure": "failed", "cancelled": "canceled", "skipped": "not_run"}
"""How a stage ended in our words, and CircleCI's status for it."""
TERMINAL: Final = "terminal"
SUCCESS: Final = frozenset({"success"})
_ANYHOW: Final = frozenset(STATUSES)
_CALLS: Final = ("always", "success", "failure", "canceled")
_STATUS: Final = Access(Name("stage"), Literal("status"))
MAX_NEEDS: Final = 5
"""With more, only conditions on all of them alike are looked at."""

Results = Mapping[str, str]
Box = Mapping[str, frozenset[str]]
"""The results of each needed stage that will do."""


class _Undecided(Exception):
    """Something else than the results decides too."""


def is_about_results(node: Expression) -> bool:
    """Whether a condition asks how other stages ended."""
    return any(_asks(one) for one in node.walk())


def _asks(node: Expression) -> bool:
    match node:
        case Call(name):
            return name in _CALLS
        case Access(Access(Name("needs"), _), Literal("result")):
            return True
    return node == _STATUS


def boxes(nodes: Sequence[Expression], needs: tuple[str, ...]) -> tuple[Box, ...] | None:
    """What each needed stage must have ended as, in as many ways as there are; None when it can't be said so.

    Without a condition that calls `always()` or the like, all must have succeeded.
    """
    if not any(_is_status(one) for node in nodes for one in node.walk()):
        nodes = [*nodes, Call("success")]
    try:
        return _boxes(nodes, needs) if len(needs) <= MAX_NEEDS else _alike(nodes, needs)
    except _Undecided:
        return None


def _is_status(node: Expression) -> bool:
    return node == _STATUS or (isinstance(node, Call) and node.name in _CALLS)


def _boxes(nodes: Sequence[Expression], needs: tuple[str, ...]) -> tuple[Box, ...] | None:
    rows = [dict(zip(needs, row, strict=True)) for row in product(STATUSES, repeat=len(needs))]
    good = [row for row in rows if all(_holds(node, row) for node in nodes)]
    if not good:
        return ()
    box = {need: frozenset(row[need] for row in good) for need in needs}
    return (box,) if len(good) == prod(map(len, box.values())) else _one_of(good, needs)


def _one_of(good: list[dict[str, str]], needs: tuple[str, ...]) -> tuple[Box, ...] | None:
    """A box for each stage whose result alone is enough, where these boxes cover all."""
    others = len(STATUSES) ** (len(needs) - 1)
    enough = {
        need: frozenset(word for word in STATUSES if sum(row[need] == word for row in good) == others)
        for need in needs
    }
    if not all(any(row[need] in enough[need] for need in needs) for row in good):
        return None
    return tuple(
        {one: words if one == need else _ANYHOW for one in needs} for need, words in enough.items() if words
    )


def _alike(nodes: Sequence[Expression], needs: tuple[str, ...]) -> tuple[Box, ...] | None:
    """A condition on many stages: the same words for each, as found for two of them."""
    if any(one == Name("needs") for node in nodes for one in node.walk()):
        return None
    found = _boxes(nodes, needs[:2])
    if not found:
        return found
    words = found[0][needs[0]]
    if len(found) == 1:
        return (dict.fromkeys(needs, words),)
    return tuple({one: words if one == need else _ANYHOW for one in needs} for need in needs)


def _holds(node: Expression, results: Results) -> bool:
    """Whether a condition holds for these results. Raises `_Undecided` when they are not all it asks for."""
    match node:
        case Literal(value):
            return bool(value)
        case Not(operand):
            return not _holds(operand, results)
        case Binary("&&", left, right):
            return _holds(left, results) and _holds(right, results)
        case Binary("||", left, right):
            return _holds(left, results) or _holds(right, results)
        case Call("contains", (subject, Literal(str(word)))) if str(subject) == "needs.*.result":
            return word in results.values()
        case Call(name, ()):
            return _called(name, results)
        case Binary(("==" | "!=") as operator, left, right):
            return (_result(left, results) == _result(right, results)) == (operator == "==")
    raise _Undecided


def _called(name: str, results: Results) -> bool:
    match name:
        case "always":
            return True
        case "success":
            return all(word == "success" for word in results.values())
        case "failure":
            return "failure" in results.values()
        case "canceled":
            return "cancelled" in results.values()
    raise _Undecided


def _result(node: Expression, results: Results) -> str:
    match node:
        case Access(Access(Name("needs"), Literal(str(need))), Literal("result")):
            return results.get(need, "skipped")
        case Literal(str(word)):
            return word
    if node != _STATUS:
        raise _Undecided
    return next((word for word in ("failure", "cancelled") if word in results.values()), "success")


def require(name: str, words: frozenset[str]) -> JsonValue:
    """An entry of `requires`."""
    if words == SUCCESS:
        return name
    if words >= _ANYHOW:
        return {name: TERMINAL}
    found: list[JsonValue] = [theirs for ours, theirs in STATUSES.items() if ours in words]
    return {name: found[0] if len(found) == 1 else found}
