"""The adapter: each verb in a few lines, on top of the client and the builds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import ClassVar, Final

from pydantic import JsonValue

from pipemgr.adapter import (
    Adapter,
    Cursor,
    Dialects,
    Hints,
    LogChunk,
    NotFound,
    PollPage,
    ServerInfo,
    Tables,
    Webhook,
)
from pipemgr.model.runs import Artifact, BuildInstance, BuildRef, TestReport

from . import discovery, hooks, jobs, reading
from .builds import PIPELINE, TREE, Data, Flow, artifacts, counts, identified, instance
from .client import Client
from .control import Control
from .jobs import Job, Row
from .overview import GRAPHS, VIEW, Overview
from .reader import JenkinsReader
from .settings import JenkinsSettings
from .writer import JenkinsWriter

VENDOR: Final = "jenkins"


class JenkinsAdapter(Adapter):
    """Observes and controls the builds of Jenkins."""

    name: ClassVar[str] = VENDOR
    Settings = JenkinsSettings
    settings: JenkinsSettings
    _sure: BuildRef | None = None
    """The build that was last looked at."""
    _untested: BuildRef | None = None
    """The same, if it had no test report then: nobody need ask for that."""

    @classmethod
    def language(cls, dialects: Dialects, tables: Tables) -> tuple[JenkinsReader, JenkinsWriter]:
        """Reads and writes Jenkinsfiles; a job's XML is read by the language `jenkins-job`."""
        return JenkinsReader(tables, dialects), JenkinsWriter(tables)

    @cached_property
    def client(self) -> Client:
        """The way to the server; made at first use, since it needs the token."""
        return Client(self.connection, self.settings)

    @cached_property
    def overview(self) -> Overview:
        """Who tells of stages."""
        return Overview(self.client, self.connection.tables.statuses)

    @cached_property
    def control(self) -> Control:
        """What can be done to builds."""
        return Control(self.client, self.overview, self._url, wait=self.settings.start_wait)

    def probe(self) -> ServerInfo:
        """Whether Jenkins answers, its version and the user that it takes us for."""
        root = self.client.api(self.client.root(""), "quietingDown,quietDownReason")
        who = self.client.api(self.client.root("whoAmI"), "name,anonymous")
        notes = [] if not root.get("quietingDown") else ["is preparing to shut down: it starts no builds"]
        notes += ["nobody is logged in: set `user` and `token`"] if who.get("anonymous") else []
        told = {**dict.fromkeys(GRAPHS, "Pipeline Graph View"), VIEW: "Stage View", "": "no plugin"}
        if (way := self.client.memory.stages) is not None:
            notes.append(f"stages are told by {told.get(way, way)}")
        return ServerInfo(
            name="Jenkins",
            version=self.client.version,
            identity=str(who.get("name") or ""),
            notes=tuple(notes),
        )

    def pipelines(self) -> tuple[str, ...]:
        """The full names of all jobs that are watched."""
        return tuple(sorted(job.name for job in self._jobs()))

    # Finding ---------------------------------------------------------------------------------------------

    def poll(self, cursor: Cursor) -> PollPage:
        """Builds that are new: one request for all jobs, and one more for each that has several new builds."""
        return discovery.poll(cursor, self._jobs(), self._listing, self._now())

    def history(self, cursor: Cursor, since: datetime) -> PollPage:
        """All builds that began since then, job by job."""
        return discovery.history(cursor, self._jobs(), self._listing, since)

    def _jobs(self) -> list[Job]:
        def ask(folder: str | None) -> Data:
            url = self.client.root("") if folder is None else self.client.job(folder)
            return self.client.api(url, jobs.tree())

        return list(jobs.walk(ask, self.settings.watch))

    def _listing(self, name: str, start: int, stop: int) -> list[Row]:
        """A part of a job's builds; `builds` would be the newest 100 only, and silently."""
        tree = f"allBuilds[{jobs.ROWS}]{{{start},{stop}}}"
        try:
            answer = self.client.api(self.client.job(name), tree)
        except NotFound:
            return []  # it was removed since it was listed
        return [row for one in answer.get("allBuilds") or () if (row := jobs.row(one)) is not None]

    def _now(self) -> datetime:
        """The present moment by the server's clock."""
        return datetime.now(UTC) + timedelta(seconds=self.client.session.skew)

    # Looking ---------------------------------------------------------------------------------------------

    def snapshot(self, ref: BuildRef) -> BuildInstance:
        """One build as it is now, with its stages if it is a pipeline's."""
        url, answer = self._look(ref)
        self._untested = ref if counts(answer) is None else None
        flow = self.overview.flow(url) if PIPELINE in str(answer.get("_class")) else Flow()
        return instance(ref, answer, flow, self.connection.tables.statuses, steps=self.settings.step_logs)

    def _look(self, ref: BuildRef, tree: str = TREE) -> tuple[str, Data]:
        """Address and answer of a build; raises `NotFound` when its number belongs to another build by now."""
        number, timestamp = identified(ref, self.connection.name)
        url = self.client.build(ref.pipeline, number)
        answer = self.client.api(url, tree)
        if timestamp is not None and answer.get("timestamp") != timestamp:
            raise NotFound(
                f"{ref.pipeline}#{number} is another build by now: its numbers began anew",
                where=self.connection.name,
            )
        self._sure = ref
        return url, answer

    def logs(self, ref: BuildRef, log: str, offset: int) -> LogChunk:
        """A piece of the log of the build (`build`) or of a step (its id)."""
        return reading.log(self.client, self._url(ref), log, offset)

    def artifacts(self, ref: BuildRef) -> tuple[Artifact, ...]:
        """The files that were archived, without digests: Jenkins has none but MD5."""
        return artifacts(self._look(ref)[1])

    def download(self, ref: BuildRef, artifact: str) -> Iterator[bytes]:
        """The content of an archived file, by its path."""
        return reading.download(self.client, self._url(ref), artifact)

    def tests(self, ref: BuildRef) -> TestReport | None:
        """The cases of its JUnit report."""
        if ref == self._untested:
            return None
        return reading.tests(self.client, self._url(ref), self.connection.tables.statuses)

    def _url(self, ref: BuildRef) -> str:
        """The address of a build, which is surely that one: the last that was looked at is not looked at again."""
        if ref != self._sure:
            return self._look(ref, "timestamp")[0]
        return self.client.build(ref.pipeline, identified(ref, self.connection.name)[0])

    # Doing -----------------------------------------------------------------------------------------------

    def start(self, ref: str, parameters: Mapping[str, JsonValue]) -> BuildRef:
        """Start a build and wait, within `start_wait`, until the queue gives it a number."""
        return self.control.start(ref, parameters)

    def cancel(self, ref: BuildRef) -> None:
        """Ask a build to stop."""
        self.control.cancel(ref)

    def rerun(self, ref: BuildRef, *, failed_only: bool = False) -> BuildRef:
        """Execute a build again, as a new build."""
        return self.control.rerun(ref, failed_only=failed_only)

    def approve(self, ref: BuildRef, stage: str, *, accept: bool = True, comment: str = "") -> None:
        """Answer the input that a stage waits for; Jenkins keeps no comment."""
        self.control.approve(ref, stage, accept=accept)

    def receive(self, webhook: Webhook) -> Hints:
        """A signed hint to poll at once."""
        reference = self.settings.webhook_secret
        secret = reference.resolve(self.connection.workspace) if reference is not None else None
        return hooks.receive(webhook, secret, self.connection.name)
