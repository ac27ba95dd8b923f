"""Attempts: what is read of one, whole: its snapshot, the logs that are complete, and its tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from pipemgr.adapter.base import Adapter
from pipemgr.errors import (
    AdapterError,
    AuthenticationFailed,
    NotFound,
    RateLimited,
    Retryable,
    UnsupportedCapability,
)
from pipemgr.ledger import Ledger
from pipemgr.ledger.keys import attempt_key
from pipemgr.ledger.pending import Source
from pipemgr.model.events import Kind
from pipemgr.model.runs import Artifact, BuildInstance, BuildLog, BuildRef

from .gone import closed, never_seen
from .schedule import Pace

TESTS, TESTS_TYPE = "pipemgr-tests", "application/vnd.pipemgr.tests+json"
"""The name and type of the artifact that has an attempt's test cases: a `TestReport` as JSON."""
GONE = "the vendor has it no longer: "
"""What the error of an attempt in quarantine begins with that was not found: the second time, it is closed."""


@dataclass(frozen=True)
class Look:
    """What came of looking at one attempt: a snapshot, an error, or both when a part of it could not be read."""

    ref: BuildRef
    source: Source
    snapshot: BuildInstance | None = None
    error: str | None = None
    """Why it has to be looked at again."""
    failure: AdapterError | None = None
    given_up: bool = False

    @property
    def size(self) -> int:
        """About how many characters it keeps in memory."""
        return sum(len(log.text or "") for log in self.snapshot.logs) if self.snapshot else 0


class Watch(Protocol):
    """What goes on while attempts are read."""

    problems: list[str]

    def hold(self) -> None:
        """Called before everything that may take long."""


class Attempts:
    """Reads attempts from one adapter, keeps the lease meanwhile, and tells what it could not read."""

    def __init__(self, connection: str, adapter: Adapter, ledger: Ledger, pace: Pace, watch: Watch) -> None:
        self.problems = watch.problems
        self._connection = connection
        self._adapter = adapter
        self._ledger = ledger
        self._pace = pace
        self._hold = watch.hold
        self._can_tell_tests = True

    def look(self, ref: BuildRef, source: Source, before: str | None) -> Look:
        """Look at an attempt, whose last error was `before`.

        Raises what is not about this attempt: `RateLimited`, `AuthenticationFailed`, and errors of the ledger.
        """
        self._hold()
        try:
            return self.complete(self._adapter.snapshot(ref), source)
        except (RateLimited, AuthenticationFailed):
            raise
        except NotFound as error:
            self._tell(ref, error.message)
            if before is None or not before.startswith(GONE):
                return Look(ref, source, error=GONE + error.message, failure=error)
            return Look(ref, source, self._closed(ref, source, error), given_up=True)
        except AdapterError as error:
            self._tell(ref, error.message)
            return Look(ref, source, error=str(error.message), failure=error)

    def complete(self, build: BuildInstance, source: Source, *, settled: bool = False) -> Look:
        """The snapshot with its logs and tests, unless the ledger has its end already (`settled`).

        One that can't be stored comes to nothing but its error.
        """
        try:
            json.loads(build.model_dump_json())
        except ValueError as error:
            self.problems.append(f"{build.build.pipeline} {build.build.external_id} can't be kept: {error}")
            return Look(build.ref, source, error=f"can't be kept: {error}")
        if settled:
            return Look(build.ref, source, build.model_copy(update={"logs": ()}))
        left: list[str] = []
        build = self._with_logs(build, left)
        build = self._with_tests(build, left) if build.status.finished else build
        return Look(build.ref, source, build, error="; ".join(left) or None)

    def _with_logs(self, build: BuildInstance, left: list[str]) -> BuildInstance:
        """The snapshot with the text of each log that is complete; one that is kept already is not read again."""
        if not build.logs:
            return build
        kept = self._ledger.queries.kept_logs(self._connection, build.ref)
        wanted = self._wants_logs(build)
        logs = tuple(
            self._read(build, log, left) if wanted else log.model_copy(update={"complete": False})
            for log in build.logs
            if log.name not in kept
        )
        return build.model_copy(update={"logs": logs})

    def _wants_logs(self, build: BuildInstance) -> bool:
        if self._pace.logs == "failed":
            return build.status.finished and not build.status.good
        return self._pace.logs == "all"

    def _read(self, build: BuildInstance, log: BuildLog, left: list[str]) -> BuildLog:
        if not log.complete:
            return log
        try:
            return self._whole(build, log)
        except (RateLimited, AuthenticationFailed):
            raise
        except AdapterError as error:
            self._tell(build.ref, f"log {log.name}: {error.message}", sign=",")
            if isinstance(error, Retryable):
                left.append(f"log {log.name}: {error.message}")
            return log.model_copy(update={"complete": False})

    def _whole(self, build: BuildInstance, log: BuildLog) -> BuildLog:
        """The log with the digest of its text, which goes into a file piece by piece: it is never held whole."""
        digest, size = self._ledger.blobs.put(self._pieces(build, log))
        return log.model_copy(update={"digest": digest, "offset": size, "text": None, "uri": None})

    def _pieces(self, build: BuildInstance, log: BuildLog) -> Iterator[bytes]:
        offset = 0
        while True:
            self._hold()
            chunk = self._adapter.logs(build.ref, log.name, offset)
            if chunk.text:
                yield chunk.text.encode("utf-8", "replace")
            if chunk.complete:
                return
            if not chunk.text or chunk.offset <= offset:
                raise AdapterError(f"ends at byte {offset}, although it is said to be complete")
            offset = chunk.offset

    def _with_tests(self, build: BuildInstance, left: list[str]) -> BuildInstance:
        """The snapshot with how its tests ended, and their cases as an artifact."""
        if not self._can_tell_tests:
            return build
        try:
            report = self._adapter.tests(build.ref)
        except UnsupportedCapability:
            self._can_tell_tests = False
            return build
        except (RateLimited, AuthenticationFailed):
            raise
        except AdapterError as error:
            self._tell(build.ref, f"tests: {error.message}", sign=",")
            if isinstance(error, Retryable):
                left.append(f"tests: {error.message}")
            return build
        if report is None:
            return build
        digest, size = self._ledger.blobs.put([report.model_dump_json().encode("utf-8", "replace")])
        cases = Artifact(name=TESTS, digest=digest, size=size, media_type=TESTS_TYPE)
        others = tuple(one for one in build.artifacts if one.name != TESTS)
        return build.model_copy(update={"tests": report.counts, "artifacts": (*others, cases)})

    def _closed(self, ref: BuildRef, source: Source, error: NotFound) -> BuildInstance | None:
        """What remains of an attempt that is gone; None when nothing is known of it but a hint."""
        found = self._ledger.queries.by_key(Kind.BUILD_INSTANCE, self._connection, attempt_key(ref))
        if found is not None:
            return closed(self._ledger.queries.instance(found.id).snapshot(), error.message)
        return None if source is Source.HINT else never_seen(ref, error.message)

    def _tell(self, ref: BuildRef, message: str, sign: str = ":") -> None:
        self.problems.append(f"{ref.pipeline} {ref.build}{sign} {message}")
