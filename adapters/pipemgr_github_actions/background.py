"""Steps in the background: which of them run at a place, and `parallel` groups, both ways."""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Node
from pipemgr.model.definitions import HINTS, Data, Step

from .words import VENDOR, hints

WAIT: Final = "wait"
STOP: Final = "stop"
CONTROL: Final = {"wait": WAIT, "cancel": STOP}
"""The keys of steps that say what becomes of steps in the background, and their actions."""
WAIT_ALL: Final = "wait-all"
PARALLEL: Final = "parallel"
UNNAMED: Final = "unnamed"
"""The hint on a step whose id the author did not write."""


def running(steps: tuple[Step, ...] | list[Step]) -> bool:
    """Whether any background step of `steps` may still run behind them: nobody waited for it."""
    active: list[Step] = []
    for step in steps:
        if step.action == WAIT:
            ids = named(step)
            active = [one for one in active if ids and one.id not in ids]
        elif step.background:
            active.append(step)
    return bool(active)


def named(step: Step) -> list[str]:
    """The ids of the steps that a step waits for or stops; none where it means all."""
    ids = step.inputs.get("steps")
    if isinstance(ids, str):
        return ids.split()
    return [str(one) for one in ids] if isinstance(ids, list) else []


# Reading -----------------------------------------------------------------------------------------------


def group_of(node: Node) -> list[Node] | None:
    """The steps of a `parallel` group; None for any other step, and for a group that has more to say."""
    children = node.children
    if not isinstance(children, dict) or not children.keys() <= {PARALLEL, "name"}:
        return None
    group = children.get(PARALLEL)
    below = group.children if group is not None else None
    if not isinstance(below, list) or not below:
        return None
    plain = all(isinstance(one.children, dict) and {"run", "uses"} & one.children.keys() for one in below)
    return node.items()[PARALLEL].entries() if plain else None


def with_id(step: Step, at: int) -> Step:
    """The step with an id that tells its place, if it has none."""
    if step.id:
        return step
    own = step.vendor.get(VENDOR, {})
    vendor = {**step.vendor, VENDOR: {**own, HINTS: {**hints(step.vendor), UNNAMED: True}}}
    return step.model_copy(update={"id": f"step-{at + 1}", "vendor": vendor})


# Writing -----------------------------------------------------------------------------------------------


def group_size(step: Step, before: list[Step]) -> int:
    """How many steps before a waiting one make a `parallel` group with it; 0 where it waits for others too."""
    size = hints(step.vendor).get(PARALLEL)
    if (
        step.action != WAIT
        or step.when is not None
        or not isinstance(size, int)
        or not 0 < size <= len(before)
    ):
        return 0
    group, ids = before[-size:], named(step)
    fits = ids == [one.id for one in group] if ids else not running(before[:-size])
    plain = all(one.background and one.action not in (WAIT, STOP) for one in group)
    return size if fits and plain else 0


def member(data: Data, step: Step) -> JsonValue:
    """A step as it stands in a `parallel` group."""
    left_out = {"background", "id"} if hints(step.vendor).get(UNNAMED) else {"background"}
    return {key: value for key, value in data.items() if key not in left_out}
