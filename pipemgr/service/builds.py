"""Builds: finding, starting and reading them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from pipemgr.errors import NoSuchObject
from pipemgr.ledger.views import InstanceView, Record
from pipemgr.model.runs import BuildInstance, BuildLog, BuildRef
from pipemgr.model.status import Status

from .runtime import Runtime

CHUNK = 64 * 1024


@dataclass(frozen=True)
class Started:
    """A build that was just started."""

    connection: str
    ref: BuildRef


def where_published(runtime: Runtime, pipeline: str, connection: str | None = None) -> str:
    """The connection at which to start a pipeline.

    Raises `NoSuchObject` when it is published nowhere (or not at the connection named), or at several.
    """
    found = [
        one.connection
        for one in runtime.ledger.queries.publications(pipeline=pipeline)
        if connection in (None, one.connection)
    ]
    if not found:
        place = f" at {connection}" if connection else ""
        raise NoSuchObject(
            f"no pipeline {pipeline!r} is published{place}",
            remedy="`pipemgr plan` shows what is defined, `pipemgr apply` publishes it",
        )
    if len(found) > 1:
        raise NoSuchObject(
            f"pipeline {pipeline!r} is published at {', '.join(found)}",
            remedy=f"name one: --connection {found[0]}",
        )
    return found[0]


def start(
    runtime: Runtime, pipeline: str, parameters: Mapping[str, JsonValue], connection: str | None = None
) -> Started:
    """Start a build of a published pipeline, and say exactly which one it is."""
    where = where_published(runtime, pipeline, connection)
    return Started(where, runtime.adapter(where).start(pipeline, parameters))


def look(
    runtime: Runtime, reference: str, *, attempt: int | None = None, connection: str | None = None
) -> InstanceView:
    """One attempt (the newest unless named) of the build that `reference` names, of any connection or of one."""
    view = runtime.ledger.queries.build(reference, connection=connection)
    for one in reversed(view.instances):
        if attempt in (None, one.instance.data["attempt"]):
            return one
    raise NoSuchObject(f"build {reference} has no attempt {attempt}")


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
        with runtime.ledger.blobs.open(log.digest) as file:
            while piece := file.read(CHUNK):
                yield piece.decode("utf-8", "replace")
    else:
        yield from _live(runtime, view, log)


def _live(runtime: Runtime, view: InstanceView, log: BuildLog) -> Iterator[str]:
    adapter = runtime.adapter(view.build.connection)
    offset = 0
    while True:
        chunk = adapter.logs(view.snapshot().ref, log.name, offset)
        yield chunk.text
        if chunk.complete or not chunk.text or chunk.offset <= offset:
            return
        offset = chunk.offset


def tail(text: str, lines: int) -> str:
    """The last lines of a text."""
    return "\n".join(text.rstrip("\n").splitlines()[-lines:])


def title(build: Record) -> str:
    """What people call a build: `release#3`."""
    number = build.data.get("number")
    return f"{build.data['pipeline']}#{number if number is not None else build.data['external_id']}"
