"""Delta: what changed between what the ledger has and what was seen. Pure: values in, values out.

A snapshot is compared with the objects recorded before, by their keys. The rules, and why:

- An equal snapshot gives no change. Objects are compared by their fields, so neither the order of a vendor's keys
  nor a new version of our own writer makes a difference.
- A stage, step, log or artifact that is missing in a later snapshot stays: a vendor's partial answer, or its clean-up
  of old builds, must not erase what was seen. For the same reason a value that was known is not replaced by an
  absent one. Only a *definition* loses its stages and steps, because it is read whole.
- What is finished stays finished. A running snapshot of a finished attempt is an answer that took its time, and is
  not recorded, unless it started after the recorded end: then the vendor did restart it.
- A log only grows: a snapshot with fewer bytes than recorded is an older one.
- A build is described by its newest attempt, so that attempts polled in turn don't take turns with it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from pipemgr.ledger.change import ObjectChange, dense, fresh_id
from pipemgr.ledger.keys import key, piece
from pipemgr.model.base import Value
from pipemgr.model.definitions import Pipeline, Step
from pipemgr.model.events import Kind
from pipemgr.model.runs import Artifact, BuildInstance, BuildLog, Deliverable, StageInstance, StepInstance
from pipemgr.model.status import Result, State

from .comparison import Comparison, Name, Prior, outdated

Fresh = Callable[[], str]
_BELOW_INSTANCE = {"build", "stages", "logs", "artifacts", "deliverables", "source_digest"}


def delta(
    connection: str, snapshots: Iterable[BuildInstance], prior: Prior, *, fresh: Fresh = fresh_id
) -> Iterator[ObjectChange]:
    """The changes that bring the ledger from `prior` to what the snapshots show, in an order that can be written.

    They are found as they are asked for, snapshot by snapshot, so that thousands need not be held at once.

    `prior` must have what the ledger has of the snapshots' pipelines (with the ids of their stages and steps),
    builds with their attempts, and everything below the attempts. `fresh` makes ids.
    """
    comparison = Comparison(connection, prior, fresh)
    newest = _newest_attempts(prior)
    for snapshot in snapshots:
        attempt = _Attempt(comparison, snapshot)
        latest = max(newest.get(attempt.build, 0), snapshot.attempt)
        newest[attempt.build] = latest
        attempt.compare(newest=latest == snapshot.attempt)
        yield from comparison.take()


def _newest_attempts(prior: Prior) -> dict[str, int]:
    """The newest attempt of each build, by the build's key."""
    newest: dict[str, int] = {}
    for kind, name in prior:
        if kind is Kind.BUILD_INSTANCE:
            build, _, attempt = name.rpartition("/")
            newest[build] = max(newest.get(build, 0), int(attempt))
    return newest


def define(
    connection: str, name: str, pipeline: Pipeline, prior: Prior, *, fresh: Fresh = fresh_id
) -> list[ObjectChange]:
    """The changes that make `pipeline` the recorded definition of the vendor's pipeline `name`.

    `prior` is what the ledger has of it. Stages and steps that it no longer has are destroyed.
    """
    comparison = Comparison(connection, prior, fresh)
    seen = set(_define(comparison, name, pipeline))
    gone = [one for one in prior if one not in seen]
    comparison.destroy(sorted(gone, key=_from_below))
    return comparison.take()


def forget(prior: Prior) -> list[ObjectChange]:
    """The changes that destroy a definition, from its steps up; its builds stay, they did happen."""
    comparison = Comparison("", prior, fresh_id)
    comparison.destroy(sorted(prior, key=_from_below))
    return comparison.take()


def _from_below(name: Name) -> int:
    return [Kind.STEP, Kind.STAGE, Kind.PIPELINE].index(name[0])


def _define(comparison: Comparison, name: str, pipeline: Pipeline) -> Iterable[Name]:
    """Compare all parts of a definition; what they are called."""

    def see(kind: Kind, place: str, title: str, **fields: Any) -> tuple[str, Name]:
        tail = dense({"name": title, **fields})[1:]
        return comparison.see((kind, place), tail, f"{kind} {title} defined", whole=True), (kind, place)

    said = pipeline.data()
    said.pop("stages", None)
    fingerprint = pipeline.fingerprint
    above, seen = see(Kind.PIPELINE, key(name), name, fingerprint=fingerprint, definition=said)
    yield seen
    for position, stage in enumerate(pipeline.stages):
        here, said = key(name, stage.id), stage.data()
        said.pop("steps", None)
        links = {"pipeline_id": above, "position": position}
        owner, seen = see(Kind.STAGE, here, stage.id, **links, definition=said)
        yield seen
        for place, step in enumerate(stage.steps):
            links = {"pipeline_id": above, "stage_id": owner, "position": place}
            below = key(name, stage.id, step.id or str(place))
            yield see(Kind.STEP, below, _title(step), **links, definition=step.data())[1]


def _title(step: Step) -> str:
    return step.name or step.id or step.action


class _Attempt:
    """The comparison of one snapshot."""

    def __init__(self, comparison: Comparison, snapshot: BuildInstance) -> None:
        build = snapshot.build
        number = build.number if build.number is not None else build.external_id
        self.snapshot = snapshot
        self.comparison = comparison
        self.pipeline = piece(build.pipeline)
        self.build = f"{self.pipeline}/{piece(build.external_id)}"
        self.key = f"{self.build}/{snapshot.attempt}"
        self.title = f"{build.pipeline}#{number}"
        self.instance = comparison.identify((Kind.BUILD_INSTANCE, self.key))
        self.ledger = comparison.identify((Kind.BUILD_LEDGER, self.key))
        self.seen: set[Name] = set()
        self.repeated: Counter[Name] = Counter()

    def compare(self, *, newest: bool) -> None:
        """Compare the build, the attempt and everything below it, unless the snapshot is an older one."""
        if self._outdated():
            return
        snapshot = self.snapshot
        self._attempt(self._build(newest=newest))
        for stage in snapshot.stages:
            self._stage(stage)
        for log in snapshot.logs:
            self._log(log)
        made = {one.name: self._artifact(one) for one in snapshot.artifacts}
        for deliverable in snapshot.deliverables:
            self._deliverable(deliverable, made)

    def _outdated(self) -> bool:
        known = self.comparison.known((Kind.BUILD_INSTANCE, self.key))
        if known is not None and known.destroyed:
            return True  # let go by the retention policy: what the vendor still has must not bring it back
        if known is None or self.snapshot.status.finished:
            return False
        return outdated(
            json.loads(known.text), self.snapshot.model_dump(mode="json", exclude=_BELOW_INSTANCE)
        )

    def _see(self, name: Name, tail: str, message: str, **entry: Any) -> str:
        """Compare an object; its entry goes into the ledger of the attempt."""
        source = self.snapshot.source_digest
        return self.comparison.see(name, tail, message, ledger=self.ledger, source=source, **entry)

    def _below(self, name: Name, links: str, value: Value, message: str, **entry: Any) -> str:
        """Compare an object that belongs to the attempt."""
        tail = f'"instance_id":"{self.instance}",{links}{_fields(value)}'
        return self._see(name, tail, message, **entry)

    def _single(self, kind: Kind, key: str) -> Name:
        """The name, with a number when the snapshot has several objects of one: none may hide another."""
        first = found = (kind, key)
        while found in self.seen:
            self.repeated[first] += 1
            found = (kind, f"{key}~{self.repeated[first] + 1}")
        self.seen.add(found)
        return found

    def _build(self, *, newest: bool) -> str:
        build = self.snapshot.build
        known = self.comparison.link(Kind.BUILD, self.build)
        if known is not None and not newest:
            return known
        above = self.comparison.link(Kind.PIPELINE, self.pipeline)
        if above is None:
            # Seen before its definition was: it gets its stages when that is recorded.
            tail = dense({"name": build.pipeline, "fingerprint": None, "definition": None})[1:]
            above = self._see((Kind.PIPELINE, self.pipeline), tail, f"pipeline {build.pipeline} seen")
        tail = f'"pipeline_id":"{above}",{_fields(build)}'
        return self._see((Kind.BUILD, self.build), tail, f"build {self.title}")

    def _attempt(self, build: str) -> None:
        snapshot = self.snapshot
        bare = snapshot.model_dump_json(exclude=_BELOW_INSTANCE)
        tail = f'"build_id":"{build}","ledger_id":"{self.ledger}",{bare[1:]}'
        name = f"{self.title} attempt {snapshot.attempt}"
        self._see((Kind.BUILD_INSTANCE, self.key), tail, f"{name}: {_how(snapshot)}")
        tail = dense({"instance_id": self.instance, "name": name})[1:]
        self._see((Kind.BUILD_LEDGER, self.key), tail, f"ledger of {name}")

    def _stage(self, stage: StageInstance) -> None:
        defined = None if stage.stage is None else f"{self.pipeline}/{piece(stage.stage)}"
        link = _link("stage_id", self.comparison.link(Kind.STAGE, defined))
        tail = f'"instance_id":"{self.instance}",{link}{stage.model_dump_json(exclude={"steps"})[1:]}'
        here = self._single(Kind.STAGE_INSTANCE, f"{self.key}/{piece(stage.external_id)}")
        above = self._see(here, tail, f"stage {stage.name}: {_how(stage)}")
        for step in stage.steps:
            self._step(step, here[1], above, defined)

    def _step(self, step: StepInstance, stage: str, above: str, defined: str | None) -> None:
        told = None if defined is None or step.step is None else f"{defined}/{piece(step.step)}"
        links = f'"stage_instance_id":"{above}",{_link("step_id", self.comparison.link(Kind.STEP, told))}'
        here = self._single(Kind.STEP_INSTANCE, f"{stage}/{piece(step.external_id)}")
        code = f" (exit code {step.exit_code})" if step.exit_code else ""
        message = f"step {step.name}: {_how(step)}{code}"
        self._below(here, links, step, message, step=self.comparison.identify(here))

    def _log(self, log: BuildLog) -> None:
        within, stage, step = self._place(log.stage, log.step)
        links = _link("stage_instance_id", stage) + _link("step_instance_id", step)
        here = self._single(Kind.BUILD_LOG, f"{within}/{piece(log.name)}")
        known = self.comparison.known(here)
        if known is not None and known.destroyed:
            return  # let go by the retention policy
        message = f"log {log.name}: {log.offset} bytes{', complete' if log.complete else ''}"
        self._below(here, links, log, message, step=step)

    def _artifact(self, artifact: Artifact) -> str:
        within, _, step = self._place(artifact.stage, artifact.step)
        way, verb = ("inputs", "used") if artifact.consumed else ("outputs", "made")
        here = self._single(Kind.ARTIFACT, f"{within}/{way}/{piece(artifact.name)}")
        entry = {way: (self.comparison.identify(here),), "step": step}
        return self._below(here, "", artifact, f"artifact {artifact.name} {verb}", **entry)

    def _deliverable(self, deliverable: Deliverable, made: Mapping[str, str]) -> None:
        here = self._single(Kind.DELIVERABLE, f"{self.key}/{piece(deliverable.name)}")
        link = _link("image_id", made.get(deliverable.image or ""))
        version = f" {deliverable.version}" if deliverable.version else ""
        self._below(here, link, deliverable, f"deliverable {deliverable.name}{version}")

    def _place(self, stage: str | None, step: str | None) -> tuple[str, str | None, str | None]:
        """Where in the attempt something belongs: the key above it, and the ids of the stage and step instance."""
        if stage is None:
            return self.key, None, None
        within = f"{self.key}/{piece(stage)}"
        above = self.comparison.link(Kind.STAGE_INSTANCE, within)
        if step is None:
            return within, above, None
        inner = f"{within}/{piece(step)}"
        return inner, above, self.comparison.link(Kind.STEP_INSTANCE, inner)


def _link(name: str, number: str | None) -> str:
    """An association as JSON text, with the comma behind it."""
    return f'"{name}":"{number}",' if number else f'"{name}":null,'


def _how(value: BuildInstance | StageInstance | StepInstance) -> str:
    return _status(value.status.state, value.status.result)


@lru_cache(maxsize=256)
def _status(state: State, result: Result | None) -> str:
    return f"{state} {result}" if result else str(state)


def _fields(value: Value) -> str:
    """The fields of a value as JSON, without the brace before them: `model_dump_json`, a third faster."""
    return value.__pydantic_serializer__.to_json(value).decode()[1:]
