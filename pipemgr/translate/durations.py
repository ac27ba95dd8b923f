"""Durations: which of two time limits ends something first."""

from __future__ import annotations

from pipemgr.model.definitions import Duration, seconds


def shorter(one: Duration | None, other: Duration | None) -> Duration | None:
    """The shorter limit; where only a build knows, the first."""
    if one is None or other is None:
        return one or other
    first, second = seconds(one), seconds(other)
    return other if first is not None and second is not None and second < first else one
