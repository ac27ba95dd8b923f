"""Crons: what Jenkins' schedules say, line by line (https://www.jenkins.io/doc/book/pipeline/syntax/#cron-syntax)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pipemgr.model.definitions import Trigger

_ZONE: Final = "TZ="


def schedules(spec: str) -> tuple[Trigger, ...]:
    """A trigger for each line that says when; the time zone is that of the line `TZ=` before."""
    zone: str | None = None
    found: list[Trigger] = []
    for line in map(str.strip, spec.splitlines()):
        if line.startswith(_ZONE):
            zone = line[len(_ZONE) :]
        elif line and not line.startswith("#"):
            found.append(Trigger(event="schedule", cron=line, timezone=zone))
    return tuple(found)


def spec(triggers: Iterable[Trigger]) -> str:
    """The text that says all schedules of one time zone."""
    lines: list[str] = []
    zone: str | None = None
    for one in triggers:
        if one.timezone != zone:
            zone = one.timezone
            lines.append(f"{_ZONE}{zone or 'UTC'}")
        lines.append(one.cron or "")
    return "\n".join(lines)
