"""Caches in: what CircleCI knows of a cache when it restores it, and others have to be told.

A restored cache needs no path, for it goes where it came from, and its keys are beginnings of saved keys
(https://circleci.com/docs/reference/configuration-reference/#restorecache).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import JsonValue

from pipemgr.model.definitions import Data, Stage, Step

SAVE: Final = "cache.save"
RESTORE: Final = "cache.restore"


def completed(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """The stages, whose restored caches say the path that the same cache is saved from, wherever that is."""
    every = [step for stage in stages for step in stage.steps if step.action == SAVE]
    return tuple(_stage(stage, every) for stage in stages)


def _stage(stage: Stage, every: list[Step]) -> Stage:
    if all(step.action != RESTORE for step in stage.steps):
        return stage
    first = [step for step in stage.steps if step.action == SAVE]
    steps = tuple(_step(step, [*first, *every]) if step.action == RESTORE else step for step in stage.steps)
    return stage.model_copy(update={"steps": steps})


def _step(step: Step, saves: list[Step]) -> Step:
    keys = list(_keys(step))
    found = next(iter(_saved(keys, saves)), None)
    if found is None or "path" in step.inputs:
        return step
    inputs: Data = {**step.inputs, "path": found.inputs.get("path", "")}
    if keys[0] not in {save.inputs.get("key") for save in saves}:
        inputs["restore-keys"] = "\n".join(keys)
    return step.model_copy(update={"inputs": inputs})


def _saved(keys: list[str], saves: list[Step]) -> Iterator[Step]:
    """The steps that save what one of the keys finds, those first that the first key finds."""
    for key in keys:
        yield from (save for save in saves if save.inputs.get("key") == key)
        yield from (save for save in saves if str(save.inputs.get("key", "")).startswith(key))


def _keys(step: Step) -> Iterable[str]:
    others: JsonValue = step.inputs.get("restore-keys")
    texts = [str(step.inputs.get("key", "")), *str(others or "").splitlines()]
    return dict.fromkeys(text for text in texts if text)
