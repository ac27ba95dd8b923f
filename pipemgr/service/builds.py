"""Builds: finding, starting and reading them."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from pipemgr.adapter.capabilities import Capability
from pipemgr.errors import NoSuchObject
from pipemgr.ledger.views import BuildView, InstanceView, Record
from pipemgr.model.runs import BuildInstance, BuildLog, BuildRef
from pipemgr.model.status import Status

from .asking import answer, first_look, require
from .runtime import Runtime

CHUNK = 64 * 1024
LONGEST_LINE = 1024 * 1024
"""Characters of a line that are kept in memory; what a longer one begins with is left out."""


@dataclass(frozen=True)
class Started:
    """A build that was just started, or an attempt of it."""

    connection: str
    ref: BuildRef
    number: int | None = None
    """Its number, if the vendor told it at once."""

    @property
    def name(self) -> str:
        """What it can be called from now on: `release#3`."""
        return f"{self.ref.pipeline}#{self.ref.build if self.number is None else self.number}"


def where_published(runtime: Runtime, pipeline: str, connection: str | None = None) -> str:
    """The connection at which to start a pipeline: where it is published, or else where its builds were seen.

    Raises `NoSuchObject` when there is none (or not the connection named), or several.
    """
    places = runtime.connections(connection)
    queries = runtime.ledger.queries
    found = [one.connection for one in queries.publications(pipeline=pipeline) if one.connection in places]
    found = found or [one for one in places if queries.pipeline(one, pipeline)]
    if not found:
        place = f" at {connection}" if connection else ""
        raise NoSuchObject(
            f"no pipeline {pipeline!r} is published{place}, and no build of one was seen",
            remedy="`pipemgr plan` shows what is defined, `pipemgr apply` publishes it, `pipemgr poll` looks for builds",
        )
    if len(found) > 1:
        raise NoSuchObject(
            f"pipeline {pipeline!r} is at {', '.join(found)}", remedy=f"name one: --connection {found[0]}"
        )
    return found[0]


def start(
    runtime: Runtime, pipeline: str, parameters: Mapping[str, JsonValue], connection: str | None = None
) -> Started:
    """Start a build of a published pipeline, and say exactly which one it is.

    The ledger has it at once, with who started it, unless the vendor does not show it yet. Raises
    `UnsupportedCapability` when the connection's adapter can't.
    """
    where = where_published(runtime, pipeline, connection)
    require(runtime, where, Capability.START)
    ref = runtime.adapter(where).start(pipeline, parameters)
    return began(runtime, where, ref, "started on request")


def began(runtime: Runtime, connection: str, ref: BuildRef, how: str) -> Started:
    """What a request became; `how` it came to be is an entry of its ledger."""
    seen = first_look(runtime, connection, ref, how)
    return Started(connection, ref, seen.build.number if seen else None)


def whole(runtime: Runtime, reference: str, connection: str | None = None) -> BuildView:
    """The build that `reference` names, with all its attempts, of any connection or of one."""
    return runtime.ledger.queries.build(reference, connection=connection)


def pick(view: BuildView, attempt: int | None = None) -> InstanceView:
    """One attempt of a build, the newest unless named. Raises `NoSuchObject`."""
    for one in reversed(view.instances):
        if attempt in (None, one.instance.data["attempt"]):
            return one
    there = ", ".join(str(one.instance.data["attempt"]) for one in view.instances)
    raise NoSuchObject(f"{title(view.build)} has no attempt {attempt}", remedy=f"it has: {there}")


def look(
    runtime: Runtime, reference: str, *, attempt: int | None = None, connection: str | None = None
) -> InstanceView:
    """One attempt (the newest unless named) of the build that `reference` names, of any connection or of one."""
    return pick(whole(runtime, reference, connection), attempt)


def failures(snapshot: BuildInstance) -> Iterator[tuple[str, str, Status, int | None, str, str]]:
    """Stage name, step name, status, exit code and the external ids of each step that did not end well."""
    for stage in snapshot.stages:
        for step in stage.steps:
            if step.status.finished and not step.status.good:
                yield stage.name, step.name, step.status, step.exit_code, stage.external_id, step.external_id


def log_of(snapshot: BuildInstance, stage: str, step: str) -> BuildLog | None:
    """The log of a step, by external ids."""
    return next((log for log in snapshot.logs if (log.stage, log.step) == (stage, step)), None)


def read_log(runtime: Runtime, view: InstanceView, log: BuildLog) -> Iterator[str]:
    """The text of a log in pieces: from the ledger when it is kept there, else from the vendor as it is now."""
    if log.text is not None:
        yield log.text
    elif log.complete and log.digest:
        # By a decoder that waits for the rest of a letter when a piece ends within it.
        with io.TextIOWrapper(runtime.ledger.blobs.open(log.digest), "utf-8", "replace", newline="") as file:
            while piece := file.read(CHUNK):
                yield piece
    else:
        yield from _live(runtime, view, log)


def unwritten(runtime: Runtime, view: InstanceView, log: BuildLog) -> str:
    """Why a log can't be read yet, in the words of the adapter; empty when it can."""
    if log.complete or view.snapshot().status.finished:
        return ""
    said = answer(runtime, view.build.connection, Capability.LIVE_LOGS)
    return "" if said else said.note


def _live(runtime: Runtime, view: InstanceView, log: BuildLog) -> Iterator[str]:
    adapter = runtime.adapter(view.build.connection)
    offset = 0
    while True:
        chunk = adapter.logs(view.snapshot().ref, log.name, offset)
        yield chunk.text
        if chunk.complete or not chunk.text or chunk.offset <= offset:
            return
        offset = chunk.offset


class Tail:
    """The last lines of a text that comes in pieces; no more than they are is ever in memory."""

    def __init__(self, lines: int) -> None:
        self._lines: deque[str] = deque(maxlen=lines)
        self._rest = ""

    def feed(self, piece: str) -> None:
        """Take the next piece."""
        *whole, rest = (self._rest + piece).split("\n")
        self._lines.extend(f"{line}\n" for line in whole)
        self._rest = rest[-LONGEST_LINE:]

    def text(self) -> str:
        """What the text ends with so far; a last line that is not over yet is one too."""
        if self._rest and len(self._lines) == self._lines.maxlen:
            self._lines.popleft()
        return "".join(self._lines) + self._rest


def tail(pieces: Iterable[str], lines: int) -> str:
    """The last lines of a text that comes in pieces."""
    kept = Tail(lines)
    for piece in pieces:
        kept.feed(piece)
    return kept.text()


def title(build: Record) -> str:
    """What people call a build: `release#3`."""
    number = build.data.get("number")
    return f"{build.data['pipeline']}#{number if number is not None else build.data['external_id']}"


@dataclass(frozen=True)
class LabelledLog:
    """A log, with the names and ids of the stage and the step that wrote it."""

    log: BuildLog
    stage: str
    step: str
    stage_id: str = ""
    step_id: str = ""
    bad: bool = False
    """Whether its step did not end well."""

    def of(self, stage: str | None, step: str | None) -> bool:
        """Whether it is of this stage and step, by name or id; None is any."""
        return stage in (None, self.stage, self.stage_id) and step in (None, self.step, self.step_id)


def labelled(snapshot: BuildInstance) -> Iterator[LabelledLog]:
    """The logs of an attempt, in the order of its stages and steps."""
    order: dict[tuple[str, str], int] = {}
    for stage in snapshot.stages:
        for step in ("", *(one.external_id for one in stage.steps)):
            order[stage.external_id, step] = len(order)
    place = [order.get((log.stage or "", log.step or ""), -1) for log in snapshot.logs]
    bad = {(one[4], one[5]) for one in failures(snapshot)}
    for _, log in sorted(zip(place, snapshot.logs, strict=True), key=lambda one: one[0]):
        yield _label(snapshot, log, bad=(log.stage or "", log.step or "") in bad)


def _label(snapshot: BuildInstance, log: BuildLog, *, bad: bool) -> LabelledLog:
    stage = next((one for one in snapshot.stages if one.external_id == log.stage), None)
    step = next((one for one in stage.steps if one.external_id == log.step), None) if stage else None
    if stage is None:
        return LabelledLog(log, "build", log.name)
    # A log of a whole stage is as bad as its stage.
    bad = bad or (step is None and stage.status.finished and not stage.status.good)
    return LabelledLog(
        log,
        stage.name,
        step.name if step else log.name,
        stage.stage or stage.external_id,
        (step.step or step.external_id) if step else "",
        bad,
    )
