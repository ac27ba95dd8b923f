"""The adapter: each verb in a few lines, on top of the client and the builds."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

from pydantic import JsonValue

from pipemgr.adapter import (
    Adapter,
    AdapterError,
    AuthenticationFailed,
    Connection,
    Cursor,
    Hints,
    LogChunk,
    NotFound,
    PollPage,
    Refused,
    ServerInfo,
    Tables,
    UnsupportedCapability,
    Webhook,
)
from pipemgr.model.runs import Artifact, BuildInstance, BuildRef, TestReport

from . import control, logs
from .builds import Job, Seen, artifacts, begun, instance
from .client import Client, part
from .depth import Depth, waiting
from .polling import Projects, history
from .reader import CircleCIReader
from .search import Search
from .settings import CircleCISettings, canonical
from .steps import Data
from .webhooks import hint
from .writer import CircleCIWriter

VENDOR: Final = "circleci"


class CircleCIAdapter(Adapter):
    """Observes and controls the builds of CircleCI."""

    name: ClassVar[str] = VENDOR
    Settings = CircleCISettings
    settings: CircleCISettings

    def __init__(self, connection: Connection, settings: CircleCISettings) -> None:
        super().__init__(connection, settings)
        self.statuses = connection.tables.statuses
        self.client = Client(connection, settings)
        self.depth = Depth(self.client, self.statuses, is_modern=settings.modern)

    @classmethod
    def reader(cls, tables: Tables) -> CircleCIReader:
        """Reads `.circleci/config.yml`."""
        return CircleCIReader(tables)

    @classmethod
    def writer(cls, tables: Tables) -> CircleCIWriter:
        """Writes `.circleci/config.yml`."""
        return CircleCIWriter(tables)

    def probe(self) -> ServerInfo:
        """Whether CircleCI answers, and as whom; with API v3 also whether that answers."""
        me = self.client.one("v2/me")
        if self.settings.modern:
            self.client.get("v3/users")
        api = "v3, v2" if self.settings.modern else "v2, v1.1"
        return ServerInfo(
            name="CircleCI",
            version=f"API {api}",
            identity=str(me.get("login") or me.get("name") or ""),
            notes=(f"projects: {', '.join(self.settings.projects)}",),
        )

    def pipelines(self) -> tuple[str, ...]:
        """The slugs of the projects that are watched, and of those that the account follows (API v1.1)."""
        followed = [control.followed(row) for row in self.client.rows("v1.1/projects")]
        return tuple(sorted({*self.settings.projects, *filter(None, followed)}))

    # Builds ----------------------------------------------------------------------------------------------

    def poll(self, cursor: Cursor) -> PollPage:
        """Pipelines that are new, and attempts that are new in known ones; see `polling.py` and `search.py`."""
        way = Search if self.settings.modern else Projects
        return way(self.client, self.depth, self.statuses, self.settings.projects).poll(cursor)

    def history(self, cursor: Cursor, since: datetime) -> PollPage:
        """All attempts of pipelines made since then."""
        return history(self.client, self.depth, self.settings.projects, cursor, since)

    def snapshot(self, ref: BuildRef) -> BuildInstance:
        """One attempt with its jobs, their steps and, when it is over, what they made."""
        seen = self._seen(ref)
        if seen.workflow is not None:
            status = self.statuses.status("workflow", seen.workflow.get("status"))
            rows = self.depth.rows(str(seen.workflow["id"]))
            jobs = tuple(self.depth.job(ref.pipeline, row, over=status.finished) for row in rows)
            seen = Seen(ref.pipeline, seen.pipeline, seen.workflow, jobs, ref.attempt)
        return instance(seen, self.connection.tables, self.settings.url, self.client.now())

    def logs(self, ref: BuildRef, log: str, offset: int) -> LogChunk:
        """A piece of what a step printed: live by API v3, else when the step has ended."""
        place = logs.Place.of(log)
        if self.settings.modern:
            job = self.depth.numbered(ref.pipeline, place.number) or self._job(ref, place.number)
            try:
                return logs.live(self.depth, ref.pipeline, job, place, offset)
            except NotFound:
                pass
        return logs.stored(self.depth, ref.pipeline, place, offset)

    def artifacts(self, ref: BuildRef) -> tuple[Artifact, ...]:
        """What the jobs of an attempt made; CircleCI gives neither digests nor sizes."""
        return tuple(made for job in self._made(ref) for made in artifacts(job))

    def download(self, ref: BuildRef, artifact: str) -> Iterator[bytes]:
        """The content of an artifact."""
        for made in self.artifacts(ref):
            if made.name == artifact and made.uri:
                return self.client.download(made.uri)
        raise NotFound(
            f"build {ref.build} of {ref.pipeline} has no artifact {artifact!r}",
            where=self.connection.name,
            remedy="CircleCI keeps artifacts for 30 days at most; `artifacts` lists what is there",
        )

    def tests(self, ref: BuildRef) -> TestReport | None:
        """The test cases that the jobs of an attempt stored."""
        found = (self.depth.tests(ref.pipeline, Job(row)) for row in self._rows(ref) if begun(row))
        cases = tuple(case for one in found for case in one)
        return TestReport(cases=cases) if cases else None

    # Control ---------------------------------------------------------------------------------------------

    def start(self, ref: str, parameters: Mapping[str, JsonValue]) -> BuildRef:
        """Start a pipeline; CircleCI answers with its id. `git.branch` and `git.tag` say what to build."""
        return BuildRef(pipeline=canonical(ref), build=control.start(self.client, canonical(ref), parameters))

    def cancel(self, ref: BuildRef) -> None:
        """Cancel an attempt's workflow, or the pipeline while it has none."""
        workflow = self._seen(ref).workflow
        if workflow is None:
            self.client.post(f"v2/pipeline/{part(ref.build)}/cancel")
        else:
            self.client.post(f"v2/workflow/{part(workflow['id'])}/cancel")

    def rerun(self, ref: BuildRef, *, failed_only: bool = False) -> BuildRef:
        """Execute an attempt's workflow again; the new one is the newest attempt of the same build.

        Should somebody else do the same within the same second, the two may change places once: see `ordered`.
        """
        workflow = self._workflow(ref)
        answer = self.client.post(f"v2/workflow/{part(workflow['id'])}/rerun", {"from_failed": failed_only})
        new = str(answer.get("workflow_id") or "")
        if not new:
            raise Refused("CircleCI did not say which workflow it started", where=self.connection.name)
        known = [str(one["id"]) for one in self.depth.workflows(ref.build)]
        attempt = 1 + (known.index(new) if new in known else len(known))
        return ref.model_copy(update={"attempt": attempt})

    def approve(self, ref: BuildRef, stage: str, *, accept: bool = True, comment: str = "") -> None:
        """Approve a job that is on hold, by its id or name."""
        if not accept:
            raise UnsupportedCapability(
                "CircleCI's API can't turn an approval down", remedy="cancel the build: pipemgr build cancel"
            )
        workflow = str(self._workflow(ref)["id"])
        row = waiting(self.depth.rows(workflow), stage, self.statuses)
        if row is None:
            raise NotFound(
                f"no job {stage!r} of build {ref.build} waits for an approval", where=self.connection.name
            )
        request = row.get("approval_request_id") or row.get("id")
        self.client.post(f"v2/workflow/{part(workflow)}/approve/{part(request)}")

    def receive(self, webhook: Webhook) -> Hints:
        """The attempt that a webhook is about; see `webhooks.py`."""
        secret = self.settings.webhook_secret
        if secret is None:
            raise AuthenticationFailed(
                "a webhook came, and no `webhook_secret` is set", where=self.connection.name
            )
        key = secret.resolve(self.connection.workspace).encode()
        sign = hmac.new(key, webhook.body, hashlib.sha256).hexdigest()
        return hint(webhook, sign, self.connection.name, self._attempt)

    # Where an attempt is ---------------------------------------------------------------------------------

    def _seen(self, ref: BuildRef) -> Seen:
        workflows = self.depth.workflows(ref.build)
        if ref.attempt > max(1, len(workflows)):
            raise NotFound(
                f"pipeline {ref.build} of {ref.pipeline} has no attempt {ref.attempt}",
                where=self.connection.name,
            )
        pipeline = self.depth.pipeline(ref.build)
        return Seen(
            project=ref.pipeline,
            pipeline=pipeline,
            workflow=workflows[ref.attempt - 1] if workflows else None,
            attempt=ref.attempt,
        )

    def _workflow(self, ref: BuildRef) -> Data:
        workflow = self._seen(ref).workflow
        if workflow is None:
            raise Refused(
                f"pipeline {ref.build} of {ref.pipeline} has no workflow", where=self.connection.name
            )
        return workflow

    def _rows(self, ref: BuildRef) -> list[Data]:
        workflow = self._seen(ref).workflow
        return [] if workflow is None else self.depth.rows(str(workflow["id"]))

    def _job(self, ref: BuildRef, number: int) -> Job:
        for row in self._rows(ref):
            if row.get("job_number") == number:
                return Job(row)
        raise NotFound(f"build {ref.build} of {ref.pipeline} has no job {number}", where=self.connection.name)

    def _made(self, ref: BuildRef) -> Iterator[Job]:
        for row in self._rows(ref):
            if begun(row):
                yield Job(row, artifacts=tuple(self.depth.artifacts(ref.pipeline, Job(row))))

    def _attempt(self, pipeline: str, workflow: str) -> int | None:
        """Which attempt of a pipeline a workflow is; None when that can't be told now."""
        try:
            known: list[Any] = [one["id"] for one in self.depth.workflows(pipeline)]
        except AdapterError:
            return None
        return known.index(workflow) + 1 if workflow in known else None
