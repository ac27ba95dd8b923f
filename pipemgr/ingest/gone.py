"""Gone: how an attempt ends in the ledger that its vendor has no longer. Pure."""

from __future__ import annotations

from typing import TypeVar

from pipemgr.model.runs import Build, BuildInstance, BuildRef, StageInstance, StepInstance
from pipemgr.model.status import Result, State, Status

Executed = TypeVar("Executed", BuildInstance, StageInstance, StepInstance)


def closed(snapshot: BuildInstance, reason: str) -> BuildInstance:
    """An attempt as it was last seen, with everything that was not finished ended as unknown."""
    stages = tuple(
        _ended(
            stage.model_copy(update={"steps": tuple(_ended(step, reason) for step in stage.steps)}), reason
        )
        for stage in snapshot.stages
    )
    # Logs stay as they are recorded.
    return _ended(snapshot.model_copy(update={"stages": stages, "logs": ()}), reason)


def never_seen(ref: BuildRef, reason: str) -> BuildInstance:
    """An attempt that was told of, and gone before anybody looked."""
    return BuildInstance(
        build=Build(pipeline=ref.pipeline, external_id=ref.build),
        attempt=ref.attempt,
        external_id=ref.build,
        status=_unknown(Status(state=State.QUEUED), reason),
    )


def _ended(one: Executed, reason: str) -> Executed:
    if one.status.finished:
        return one
    return one.model_copy(update={"status": _unknown(one.status, reason)})


def _unknown(status: Status, reason: str) -> Status:
    """The end of something that nobody can tell the result of; the vendor's last word stays."""
    said = f"gone before its end was seen: {reason}"
    return Status(
        state=State.FINISHED, result=Result.UNKNOWN, raw=status.raw, table=status.table, reason=said
    )
