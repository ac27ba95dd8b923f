"""The guard: an adapter as the hub uses it, whose every failure is one that a user can be told."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import ParamSpec, TypeVar

from pydantic import JsonValue

from pipemgr.errors import AdapterError, PipemgrError
from pipemgr.model.runs import Artifact, BuildInstance, BuildRef, TestReport
from pipemgr.secrets import redacted
from pipemgr.translate.document import DocumentSet

from .base import Adapter, Connection, Cursor, Hints, LogChunk, PollPage, Published, ServerInfo, Webhook
from .settings import AdapterSettings

Answer = TypeVar("Answer")
Given = ParamSpec("Given")


def fault(error: BaseException, connection: str) -> AdapterError:
    """What a fault in somebody's code looks like to a user: what, and where in the code."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    said = f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})"
    return AdapterError(
        redacted(f"a fault of the adapter or of pipemgr: {said}"),
        where=connection,
        remedy="report it with this line; the other connections are not affected",
    )


class Guarded(Adapter):
    """Keeps the promises of `Adapter` for an adapter that anybody may have written.

    Whatever it raises is a `PipemgrError` here, without the secrets that were resolved; an answer of another type
    than the verb's is refused. Raises the same from its constructor, which makes the adapter.
    """

    def __init__(self, kind: type[Adapter], connection: Connection, settings: AdapterSettings) -> None:
        super().__init__(connection, settings)
        self._inner = self._ask(kind, kind, connection, settings)

    def probe(self) -> ServerInfo:
        """See `Adapter`, as for all that follow."""
        return self._ask(ServerInfo, self._inner.probe)

    def pipelines(self) -> tuple[str, ...]:
        """See `Adapter`."""
        return self._ask(tuple, self._inner.pipelines)

    def fetch(self, ref: str) -> DocumentSet:
        """See `Adapter`."""
        return self._ask(DocumentSet, self._inner.fetch, ref)

    def publish(self, ref: str, documents: DocumentSet, *, expected: str | None) -> Published:
        """See `Adapter`."""
        return self._ask(Published, self._inner.publish, ref, documents, expected=expected)

    def delete(self, ref: str, *, expected: str | None) -> None:
        """See `Adapter`."""
        self._ask(object, self._inner.delete, ref, expected=expected)

    def poll(self, cursor: Cursor) -> PollPage:
        """See `Adapter`."""
        return self._ask(PollPage, self._inner.poll, cursor)

    def history(self, cursor: Cursor, since: datetime) -> PollPage:
        """See `Adapter`."""
        return self._ask(PollPage, self._inner.history, cursor, since)

    def snapshot(self, ref: BuildRef) -> BuildInstance:
        """See `Adapter`; refuses the snapshot of another build than the one that was asked for."""
        found = self._ask(BuildInstance, self._inner.snapshot, ref)
        if found.ref != ref:
            raise AdapterError(
                f"asked for {_named(ref)}, the adapter tells of {_named(found.ref)}",
                where=self.connection.name,
                remedy="report it to the author of the adapter",
            )
        return found

    def start(self, ref: str, parameters: Mapping[str, JsonValue]) -> BuildRef:
        """See `Adapter`."""
        return self._ask(BuildRef, self._inner.start, ref, parameters)

    def cancel(self, ref: BuildRef) -> None:
        """See `Adapter`."""
        self._ask(object, self._inner.cancel, ref)

    def rerun(self, ref: BuildRef, *, failed_only: bool = False) -> BuildRef:
        """See `Adapter`."""
        return self._ask(BuildRef, self._inner.rerun, ref, failed_only=failed_only)

    def approve(self, ref: BuildRef, stage: str, *, accept: bool = True, comment: str = "") -> None:
        """See `Adapter`."""
        self._ask(object, self._inner.approve, ref, stage, accept=accept, comment=comment)

    def logs(self, ref: BuildRef, log: str, offset: int) -> LogChunk:
        """See `Adapter`."""
        return self._ask(LogChunk, self._inner.logs, ref, log, offset)

    def artifacts(self, ref: BuildRef) -> tuple[Artifact, ...]:
        """See `Adapter`."""
        return self._ask(tuple, self._inner.artifacts, ref)

    def download(self, ref: BuildRef, artifact: str) -> Iterator[bytes]:
        """See `Adapter`; the content is read under the guard too."""
        pieces = iter(self._ask(Iterator, self._inner.download, ref, artifact))  # type: ignore[type-abstract]  # checked, not made
        while (piece := self._ask(bytes | None, next, pieces, None)) is not None:  # type: ignore[arg-type]  # as below
            yield piece

    def tests(self, ref: BuildRef) -> TestReport | None:
        """See `Adapter`."""
        return self._ask(TestReport | None, self._inner.tests, ref)  # type: ignore[arg-type]  # isinstance takes it

    def receive(self, webhook: Webhook) -> Hints:
        """See `Adapter`."""
        return self._ask(Hints, self._inner.receive, webhook)

    def _ask(
        self,
        kind: type[Answer],
        verb: Callable[Given, Answer],
        *args: Given.args,
        **more: Given.kwargs,
    ) -> Answer:
        try:
            answer = verb(*args, **more)
        except PipemgrError as error:
            _mask(error)
            raise
        except (Exception, SystemExit) as error:
            raise fault(error, self.connection.name) from error
        if not isinstance(answer, kind):
            raise AdapterError(
                f"{verb.__qualname__}() answered with {type(answer).__name__}, "
                f"not {getattr(kind, '__name__', kind)}",
                where=self.connection.name,
                remedy="report it to the author of the adapter",
            )
        return answer


def _mask(error: PipemgrError) -> None:
    error.message = redacted(error.message)
    error.where = error.where and redacted(error.where)
    error.remedy = error.remedy and redacted(error.remedy)
    error.args = (error.message,)


def _named(ref: BuildRef) -> str:
    return f"{ref.pipeline!r} {ref.build!r}, attempt {ref.attempt}"
