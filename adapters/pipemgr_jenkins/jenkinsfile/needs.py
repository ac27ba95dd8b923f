"""Needs: what stages wait for in the end, and how one goes on behind another that was left out.

In Jenkins a stage is executed whatever became of the conditions of those before it; in the model a stage is left out
with one that it needs, unless its condition says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pipemgr.model.definitions import Stage
from pipemgr.model.expressions import Call, Expression, Not, Opaque

from .posts import ORDER
from .stages import Draft, Opened

GOES_ON: Final[tuple[Expression, ...]] = (Not(Call("failure")), Not(Call("canceled")))
"""What a stage behind one that may be left out asks for besides its own condition."""
_STATUS: Final = frozenset({"always", "canceled", "failure", "success"})
_ALWAYS: Final = Call("always")


def settled(drafts: Sequence[Draft], opened: Sequence[Opened]) -> tuple[Stage, ...]:
    """The stages of drafts."""
    needs = _needs(drafts, opened)
    asked: dict[str, frozenset[Expression]] = {}
    found = []
    for one in drafts:
        above = frozenset[Expression]().union(*(asked[need] for need in needs[one.id] if need in asked))
        asked[one.id] = above.union(part for part in one.when if part != _ALWAYS)
        behind = bool(above.difference(one.when)) and not any(map(is_about_status, one.when))
        found.append(one.stage(needs[one.id], (*GOES_ON, *one.when) if behind else one.when))
    return tuple(found)


def is_about_status(condition: Expression) -> bool:
    """Whether a condition asks how the stages before have ended."""
    return any(
        (isinstance(node, Call) and node.name in _STATUS) or (isinstance(node, Opaque) and node.text in ORDER)
        for node in condition.walk()
    )


def _needs(drafts: Sequence[Draft], opened: Sequence[Opened]) -> dict[str, tuple[str, ...]]:
    """What drafts need, with the stages that fetch the source code before the first ones of a workspace."""
    found = {one.id: one.needs for one in drafts}
    for one in opened:
        if one.fetched is not None:
            for draft in drafts[one.start : one.end]:
                if draft.id != one.fetched and found[draft.id] == one.needs:
                    found[draft.id] = (one.fetched,)
    return found
