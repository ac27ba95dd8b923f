"""Differences between two definitions, by path: pure, and blind to what is only spelling."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.model.base import Value
from pipemgr.model.definitions import Data, Pipeline


class Moved(StrEnum):
    """Who changed a definition since it was last applied."""

    NOBODY = "nobody"
    US = "us"
    THEM = "them"
    BOTH = "both"


class Difference(Value):
    """One place where two definitions differ; None stands for absent on that side."""

    path: str
    before: JsonValue = None
    after: JsonValue = None


def normal(pipeline: Pipeline) -> Data:
    """What two definitions are compared by: stages by id, since their order in a file means nothing."""
    data = pipeline.data()
    stages = {stage.id: stage.data() for stage in pipeline.stages}
    return {**data, "stages": {name: stages[name] for name in sorted(stages)}} if stages else data


_ABSENT: Final = object()


def differences(before: JsonValue, after: JsonValue) -> tuple[Difference, ...]:
    """What must change to make `after` out of `before`; empty exactly when they are equal.

    Lists are compared by position.
    """
    return tuple(_differences(before, after, ""))


def _differences(before: Any, after: Any, path: str) -> Iterator[Difference]:
    match before, after:
        case dict(), dict():
            for key in (*before, *(key for key in after if key not in before)):
                below = f"{path}.{key}" if path else key
                yield from _differences(before.get(key, _ABSENT), after.get(key, _ABSENT), below)
        case list(), list():
            for at in range(max(len(before), len(after))):
                yield from _differences(_at(before, at), _at(after, at), f"{path}[{at}]")
        case _ if type(before) is not type(after) or before != after:
            yield Difference(path=path, before=_shown(before), after=_shown(after))


def _at(items: list[Any], at: int) -> Any:
    return items[at] if at < len(items) else _ABSENT


def _shown(value: Any) -> JsonValue:
    shown: JsonValue = None if value is _ABSENT else value
    return shown


def moved(desired: str, applied: str | None, live: str | None) -> Moved:
    """Who moved, from the fingerprints of the three: what we want, what we last applied, what is there.

    Something live that differs and that we never applied was made by them: then both moved.
    """
    if desired == live:
        return Moved.NOBODY
    us, them = desired != applied, live != applied
    if us and them:
        return Moved.BOTH
    return Moved.US if us else Moved.THEM
