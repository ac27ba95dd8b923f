"""Stages: what a source says of a commit in one environment, as a stage with its evidence."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pipemgr.model.runs import Confidence, Evidence, StageInstance, StepInstance
from pipemgr.model.status import Status

SYNCED, HEALTHY, SEEN = "synced", "healthy", "seen"


def lane(environment: str, subject: str) -> str:
    """The name of a lane: who tells, in which environment."""
    return f"{environment}\n{subject}"


def stage(  # noqa: PLR0913 - what is told of a stage is all of this
    phase: str,
    status: Status,
    *,
    where: str,
    source: str,
    confidence: Confidence = Confidence.CERTAIN,
    started: datetime | None = None,
    finished: datetime | None = None,
    steps: Iterable[StepInstance] = (),
) -> StageInstance:
    """One stage of a lane (`where`), named after its environment; an end without its time is told without."""
    environment, _, subject = where.partition("\n")
    return StageInstance(
        external_id="/".join(part for part in (environment, subject, phase) if part),
        name=f"{phase} in {environment}" if environment else phase,
        stage=phase,
        status=status,
        started_at=started,
        finished_at=finished if status.finished else None,
        evidence=Evidence(source=source, confidence=confidence),
        steps=tuple(steps),
    )
