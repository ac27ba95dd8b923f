"""Views: what the ledger's readers hand out, small and frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pipemgr.model import runs
from pipemgr.model.base import Value
from pipemgr.model.events import Kind
from pipemgr.model.ledger import LedgerEntry
from pipemgr.model.status import Status

MODELS: dict[Kind, type[Value]] = {
    Kind.BUILD: runs.Build,
    Kind.BUILD_INSTANCE: runs.BuildInstance,
    Kind.STAGE_INSTANCE: runs.StageInstance,
    Kind.STEP_INSTANCE: runs.StepInstance,
    Kind.BUILD_LOG: runs.BuildLog,
    Kind.ARTIFACT: runs.Artifact,
    Kind.DELIVERABLE: runs.Deliverable,
}
"""The classes of runs, whose fields an object's data has among others."""


@dataclass(frozen=True, slots=True)
class Record:
    """One object as last recorded; `data` has its fields, its `key` and the ids of its associations."""

    kind: Kind
    id: UUID
    connection: str
    key: str
    data: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    destroyed_at: datetime | None

    @property
    def name(self) -> str:
        """What to call it."""
        return str(self.data.get("name") or self.data.get("external_id") or self.key)

    @property
    def status(self) -> Status | None:
        """Its status, of classes that have one."""
        found = self.data.get("status")
        return Status.model_validate(found) if found else None

    def fields(self) -> dict[str, Any]:
        """The fields that its class in `model.runs` has, as JSON."""
        known = MODELS[self.kind].model_fields
        return {name: value for name, value in self.data.items() if name in known}


@dataclass(frozen=True, slots=True)
class BuildRow:
    """A build with its newest attempt."""

    build: Record
    instance: Record
    pipeline: str


@dataclass(frozen=True, slots=True)
class StageView:
    """An executed stage and its steps."""

    stage: Record
    steps: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class InstanceView:
    """One attempt of a build, whole."""

    build: Record
    instance: Record
    ledger: Record | None = None
    stages: tuple[StageView, ...] = ()
    logs: tuple[Record, ...] = ()
    artifacts: tuple[Record, ...] = ()
    deliverables: tuple[Record, ...] = ()

    def snapshot(self) -> runs.BuildInstance:
        """The attempt as an adapter would hand it on."""
        return runs.BuildInstance.model_validate(
            {
                **self.instance.fields(),
                "build": self.build.fields(),
                "stages": [
                    {**one.stage.fields(), "steps": [step.fields() for step in one.steps]}
                    for one in self.stages
                ],
                "logs": [one.fields() for one in self.logs],
                "artifacts": [one.fields() for one in self.artifacts],
                "deliverables": [one.fields() for one in self.deliverables],
            }
        )


@dataclass(frozen=True, slots=True)
class BuildView:
    """A build with all its attempts, the first one first."""

    build: Record
    instances: tuple[InstanceView, ...]


@dataclass(frozen=True, slots=True)
class EntryView:
    """A ledger entry and its place in the tree; `position` is None until it is sealed."""

    entry: LedgerEntry
    position: int | None


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """How a connection's polling stands."""

    name: str
    adapter: str
    due_at: datetime
    lease_until: datetime | None
    owner: str | None
    fence: int
    cursor: dict[str, Any]
    last_success_at: datetime | None
    last_error: str | None
    claimed_at: datetime | None = None
    hinted_at: datetime | None = None
    health: str = "ok"
    health_since: datetime | None = None
    failures: int = 0
    changed_at: datetime | None = None
    walk: str | None = None
    walk_since: datetime | None = None
    walked_at: datetime | None = None
    refusals: int = 0
    skipped_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """What was last applied for a pipeline: `model` is its normal form, `documents` what was published."""

    connection: str
    pipeline: str
    fingerprint: str
    model: dict[str, Any]
    documents: Any
    url: str | None
    applied_at: datetime
    applied_by: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is: objects by class (destroyed ones not), entries, those not yet sealed, and events."""

    objects: dict[Kind, int] = field(default_factory=dict)
    entries: int = 0
    unsealed: int = 0
    events: int = 0
