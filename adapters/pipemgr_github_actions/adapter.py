"""The adapter: each verb in a few lines, on top of one client for each thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import JsonValue

from pipemgr.adapter import (
    Adapter,
    Connection,
    Cursor,
    Hints,
    LogChunk,
    PollPage,
    Retryable,
    ServerInfo,
    Tables,
    Webhook,
)
from pipemgr.model.runs import Artifact, BuildInstance, BuildRef, TestReport

from . import builds, webhooks
from .names import name_of, run_path
from .reader import GitHubActionsReader
from .settings import GitHubActionsSettings
from .words import VENDOR
from .writer import GitHubActionsWriter

if TYPE_CHECKING:
    from .client import Client
    from .control import Control

FRESH: Final = 600.0
"""For how long a token is used that was resolved once, in seconds: an app's installation has a new one each hour."""

# What speaks to GitHub is imported when it is first asked: translating documents needs no PyGithub, which takes
# half a second to import.


class GitHubActionsAdapter(Adapter):
    """GitHub Actions: workflow files, and the runs of repositories. A pipeline is a workflow, a build a run."""

    name: ClassVar[str] = VENDOR
    Settings = GitHubActionsSettings
    settings: GitHubActionsSettings

    def __init__(self, connection: Connection, settings: GitHubActionsSettings) -> None:
        super().__init__(connection, settings)
        self._thread = threading.local()

    @classmethod
    def reader(cls, tables: Tables) -> GitHubActionsReader:
        """Reads workflow files."""
        return GitHubActionsReader(tables)

    @classmethod
    def writer(cls, tables: Tables) -> GitHubActionsWriter:
        """Writes workflow files."""
        return GitHubActionsWriter(tables)

    @property
    def client(self) -> Client:
        """This thread's client: PyGithub mixes up the answers of threads that share one.

        It is made anew now and then, with the token as it is by then.
        """
        from .client import Client

        found: Client | None = getattr(self._thread, "client", None)
        if found is None or time.monotonic() - self._thread.made > FRESH:
            if found is not None:
                found.close()
            found = self._thread.client = Client(self.connection, self.settings)
            self._thread.made = time.monotonic()
        return found

    @property
    def control(self) -> Control:
        """What can be done to runs."""
        from .control import Control

        return Control(self.client, self.connection.tables.statuses)

    def probe(self) -> ServerInfo:
        """Whether GitHub answers, and the watched repositories can be seen."""
        from .probe import probe

        return probe(self.client, self.settings.repositories)

    def pipelines(self) -> tuple[str, ...]:
        """The workflows of all repositories; those that were deleted are not told, their builds are."""
        from .repositories import watched

        return tuple(
            name_of(repository, one, "id")
            for repository in watched(self.client, self.settings.repositories, {})
            for one in self.client.all(f"/repos/{repository}/actions/workflows", "workflows")
            if one.get("state") != "deleted"
        )

    # Builds ----------------------------------------------------------------------------------------------

    def poll(self, cursor: Cursor) -> PollPage:
        """What is new, by one conditional request for each repository where nothing is."""
        from .polling import Poll

        return Poll(self.client, self.settings.repositories, self.connection.tables.statuses, cursor).page()

    def history(self, cursor: Cursor, since: datetime) -> PollPage:
        """All runs since, with all their attempts, and the re-runs of the 30 days before."""
        from .history import History

        return History(self.client, self.settings.repositories, cursor, since).page()

    def snapshot(self, ref: BuildRef) -> BuildInstance:
        """One attempt with all its jobs: two requests, one more while an approval is awaited or at the end."""
        run = self._run(ref)
        jobs = list(self.client.all(run_path(ref, f"/attempts/{ref.attempt}/jobs"), "jobs"))
        told = builds.Told(run, jobs)
        found = builds.instance(ref, told, self.connection.tables)
        if found.status.finished:
            told.files = list(self.client.all(run_path(ref, "/artifacts"), "artifacts"))
        elif builds.held(found):
            told.pending = self.client.pending(run_path(ref))
        return builds.instance(ref, told, self.connection.tables)

    def _run(self, ref: BuildRef) -> builds.Data:
        """The attempt that was asked for: another one, from whoever answered, is none of its snapshots."""
        run = self.client.one(run_path(ref, f"/attempts/{ref.attempt}"), exclude_pull_requests="true")
        told = str(run.get("id")), run.get("run_attempt")
        if told != (ref.build, ref.attempt):
            raise Retryable(
                f"asked for run {ref.build}, attempt {ref.attempt}; GitHub tells of {told[0]}, attempt {told[1]}",
                where=self.connection.name,
            )
        return run

    def start(self, ref: str, parameters: Mapping[str, JsonValue]) -> BuildRef:
        """Dispatch a workflow. The parameter `git.ref` is the branch or tag; without it, the default branch."""
        return self.control.start(ref, parameters)

    def cancel(self, ref: BuildRef) -> None:
        """Ask a run to stop."""
        self.control.cancel(ref)

    def rerun(self, ref: BuildRef, *, failed_only: bool = False) -> BuildRef:
        """The next attempt of a run."""
        return self.control.rerun(ref, failed_only=failed_only)

    def approve(self, ref: BuildRef, stage: str, *, accept: bool = True, comment: str = "") -> None:
        """Answer for an environment that a job waits for."""
        self.control.approve(ref, stage, accept=accept, comment=comment)

    def logs(self, ref: BuildRef, log: str, offset: int) -> LogChunk:
        """The log of a job by its id, once the job is over; of a step as `JOB/NUMBER`, once the run is."""
        from .logs import Logs

        folder = self.connection.state / "logs"
        return Logs(self.client, folder, self.connection.tables.statuses).chunk(ref, log, offset)

    def artifacts(self, ref: BuildRef) -> tuple[Artifact, ...]:
        """What the attempt stored, with the digests that GitHub has of them."""
        files = self.client.all(run_path(ref, "/artifacts"), "artifacts")
        return builds.artifacts(self._run(ref), files)

    def download(self, ref: BuildRef, artifact: str) -> Iterator[bytes]:
        """The ZIP archive that an artifact is."""
        from .reports import download

        return download(self.client, ref, artifact)

    def tests(self, ref: BuildRef) -> TestReport | None:
        """What the JUnit reports say in the artifacts that the settings name."""
        from .reports import tests

        return tests(self.client, ref, self.settings.test_artifacts)

    def receive(self, webhook: Webhook) -> Hints:
        """Where a webhook says to look."""
        reference = self.settings.webhook_secret
        secret = reference and reference.resolve(self.connection.workspace)
        webhooks.verify(webhook, secret, self.connection.name)
        return webhooks.hints(webhook, self.settings.repositories, self.connection.name)
