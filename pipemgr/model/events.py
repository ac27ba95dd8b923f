"""Events: one for every change, named after the class that changed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from .base import Value


class Kind(StrEnum):
    """The twelve classes of the model, by the names that events and tables use."""

    PIPELINE = "pipeline"
    STAGE = "stage"
    STEP = "step"
    BUILD = "build"
    BUILD_INSTANCE = "buildinstance"
    STAGE_INSTANCE = "stageinstance"
    STEP_INSTANCE = "stepinstance"
    BUILD_LOG = "buildlog"
    BUILD_LEDGER = "buildledger"
    LEDGER_ENTRY = "ledgerentry"
    ARTIFACT = "artifact"
    DELIVERABLE = "deliverable"


class Change(StrEnum):
    """What can happen to an object."""

    CREATE = "create"
    UPDATED = "updated"
    DESTROY = "destroy"


class HubEvent(StrEnum):
    """Events of the hub itself, beside those of the twelve classes."""

    PLAN_APPLIED = "plan.applied"
    DRIFT_DETECTED = "drift.detected"
    CONNECTION_LOST = "connection.lost"
    CONNECTION_RESTORED = "connection.restored"
    GAP_DETECTED = "gap.detected"


def event_name(kind: Kind, change: Change) -> str:
    """The name of an event: `buildinstance.updated`."""
    return f"{kind}.{change}"


OBJECT_EVENTS: tuple[str, ...] = tuple(event_name(kind, change) for kind in Kind for change in Change)
"""The 36 events of the twelve classes."""

ALL_EVENTS: tuple[str, ...] = (*OBJECT_EVENTS, *HubEvent)
"""Every event name that the outbox may hold."""


class Event(Value):
    """One entry of the outbox.

    `sequence` is its place in the order of all events; `subject` the id of the object; `data` the object as
    it is after the change; `changed` the names of the fields that an update touched.
    """

    sequence: int
    id: UUID
    name: str
    subject: str
    time: datetime
    data: dict[str, Any]
    changed: tuple[str, ...] = ()

    def cloudevent(self) -> dict[str, Any]:
        """The event as a CloudEvents 1.0 JSON object (specification 1.0.2, https://cloudevents.io)."""
        data = {"object": self.data, "changed": list(self.changed)} if self.changed else {"object": self.data}
        return {
            "specversion": "1.0",
            "id": str(self.id),
            "source": "/pipemgr",
            "type": self.name,
            "subject": self.subject,
            "time": self.time.isoformat(),
            "datacontenttype": "application/json",
            "sequence": str(self.sequence),
            "data": data,
        }
