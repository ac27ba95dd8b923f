"""Started: conditions on branch, tag and event that all workflows share, as triggers.

The writer turns triggers into such conditions; here they become triggers again, as do those that people write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pipemgr.adapter import regex_to_globs
from pipemgr.model.definitions import Trigger
from pipemgr.model.expressions import Binary, Call, Expression, Literal, Name, Not

from .filters import ALL, BRANCH, TAG, literal_glob

EVENT: Final = Name("trigger")
PUSH: Final = "push"
EVENTS: Final = ("manual", "pull_request")
"""What may start a pipeline besides pushes and schedules."""
_SIDES: Final[dict[Expression, str]] = {BRANCH: "branches", TAG: "tags"}


@dataclass
class Limits:
    """Which branches and tags count, and which other events."""

    push: dict[str, tuple[str, ...]] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)

    def triggers(self) -> list[Trigger]:
        """The triggers that say so; anything may be started by hand too."""
        limits: dict[str, Any] = self.push if self.push != {"branches": ALL, "tags": ALL} else {}
        found = [Trigger(event=PUSH, **limits)] if self.push else []
        found += [Trigger(event=one) for one in self.events if one != "manual"]
        return [*found, Trigger(event="manual")]


def flat(operator: str, node: Expression) -> Iterator[Expression]:
    """The operands of a chain of one operator."""
    match node:
        case Binary(found, left, right) if found == operator:
            yield from flat(operator, left)
            yield from flat(operator, right)
        case _:
            yield node


def limits(condition: Expression) -> Limits | None:
    """The triggers that a condition means; None where it says something else, or more than globs can."""
    found = Limits()
    for one in flat("||", condition):
        event = _event(one)
        if event is not None:
            found.events.append(event)
            continue
        side = _side(one)
        if side is None or any(key.startswith(_SIDES[side[0]]) and side[2] for key in found.push):
            return None
        subject, globs, ignored = side
        word = _SIDES[subject]
        if f"{word}_ignore" in found.push:
            return None
        if ignored and globs == ALL:
            found.push[f"{word}_ignore"] = ignored
        elif ignored:
            return None
        else:
            found.push[word] = (*found.push.get(word, ()), *globs)
    return found


def _event(node: Expression) -> str | None:
    match node:
        case Binary("==", left, Literal(str(word))) if left == EVENT and word in EVENTS:
            return word
    return None


def _side(node: Expression) -> tuple[Expression, tuple[str, ...], tuple[str, ...]] | None:
    """Branches or tags: the globs of one of which a name must be, and of which it must not be."""
    first, *others = flat("&&", node)
    taken = [_fits(one) for one in flat("||", first)]
    subjects = {one[0] for one in taken if one is not None}
    if None in taken or len(subjects) != 1:
        negative = _refused(first)
        if negative is None:
            return None
        taken, others, subjects = [(negative[0], ALL)], [first, *others], {negative[0]}
    (subject,) = subjects
    refused = [_refused(one) for one in others]
    if any(one is None or one[0] != subject for one in refused):
        return None
    globs = tuple(glob for one in taken if one is not None for glob in one[1])
    return subject, globs, tuple(glob for one in refused if one is not None for glob in one[1])


def _fits(node: Expression) -> tuple[Expression, tuple[str, ...]] | None:
    match node:
        case Binary("==", subject, Literal(str(name))) if subject in _SIDES and name:
            return subject, (literal_glob(name),)
        case Binary("!=", subject, Literal("")) if subject in _SIDES:
            return subject, ALL
        case Call("starts_with", (subject, Literal(str(text)))) if subject in _SIDES:
            return subject, (f"{literal_glob(text)}**",)
        case Call("matches", (subject, Literal(str(pattern)))) if subject in _SIDES:
            globs = regex_to_globs(pattern)
            return (subject, globs) if globs is not None else None
    return None


def _refused(node: Expression) -> tuple[Expression, tuple[str, ...]] | None:
    match node:
        case Not(operand):
            found = _fits(operand)
            return found if found is not None and found[1] != ALL else None
        case Binary("!=", subject, Literal(str(name))) if name:
            return _fits(Binary("==", subject, Literal(name)))
    return None


def common(conditions: Iterable[Expression]) -> tuple[Expression, Limits] | None:
    """A condition that all have in common and that means triggers, with these."""
    every = [list(flat("&&", one)) for one in conditions]
    for whole in ([_all(one) for one in every], *zip(*every, strict=False)):
        if whole and all(one == whole[0] for one in whole):
            found = limits(whole[0])
            if found is not None and all(whole[0] in [*rest, _all(rest)] for rest in every):
                return whole[0], found
    return None


def _all(parts: list[Expression]) -> Expression:
    node, *others = parts
    for one in others:
        node = Binary("&&", node, one)
    return node
