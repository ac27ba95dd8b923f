"""The adapter: each verb in a few lines, on top of the mirror, the journal and the sources."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final

from pipemgr.adapter import (
    Adapter,
    Connection,
    Cursor,
    LogChunk,
    NotFound,
    PollPage,
    Refused,
    Remote,
    Repository,
    ServerInfo,
)
from pipemgr.model.reports import NOTES
from pipemgr.model.runs import BuildInstance, BuildRef

from . import forge, reported
from .builds import Told
from .cluster import Cluster
from .journal import Entry, Journal, Observation
from .layout import Layout
from .poll import Work, page, past
from .settings import GitOpsSettings

VENDOR: Final = "gitops"


class GitOpsAdapter(Adapter):
    """Follows what becomes of the commits of a repository: pushed, seen, synced, healthy."""

    name: ClassVar[str] = VENDOR
    Settings = GitOpsSettings
    settings: GitOpsSettings

    def __init__(self, connection: Connection, settings: GitOpsSettings) -> None:
        super().__init__(connection, settings)
        self.layout = Layout(settings)
        self.journal = Journal(connection.state / "journal")
        self.told = Told(connection.tables.statuses, tuple(settings.environments))

    @cached_property
    def repository(self) -> Repository:
        """The mirror of the repository."""
        settings, home = self.settings, self.connection.workspace
        key = str(home / Path(settings.ssh_key).expanduser()) if settings.ssh_key else None
        secret = settings.credential.resolve(home) if settings.credential else None
        remote = Remote(settings.repository, settings.user, secret, key, settings.depth)
        hydrated = [one.branch for one in settings.environments.values() if one.branch]
        return Repository(
            self.connection.state / "mirror.git",
            remote,
            branches=tuple(dict.fromkeys([settings.branch, *hydrated])),
            notes=(NOTES, reported.HYDRATOR),
            where=self.connection.name,
        )

    @cached_property
    def cluster(self) -> Cluster | None:
        """The cluster, when one is configured."""
        if self.settings.kubernetes is None:
            return None
        return Cluster(self.settings.kubernetes, self.connection.workspace, self.connection.name)

    def probe(self) -> ServerInfo:
        """Whether the repository answers and has the branch; which other sources answer."""
        refs = self.repository.refs()
        if refs and f"refs/heads/{self.settings.branch}" not in refs:
            raise Refused(
                f"the repository has no branch {self.settings.branch!r}",
                where=self.connection.name,
                remedy="set `branch` in the connection's settings",
            )
        notes = [f"branch: {self.settings.branch}" if refs else "the repository is empty"]
        if self.settings.forge and (client := self._client({})):
            client.deployments()
            notes.append(f"forge: {self.settings.forge.repository}")
        notes += [f"cluster: {', '.join(self.cluster.kinds())}"] if self.cluster else []
        return ServerInfo(name="git", identity=self.settings.user, notes=tuple(notes))

    def pipelines(self) -> tuple[str, ...]:
        """The pipelines that have manifests at the head of the branch."""
        self.repository.fetch()
        head = self.repository.head(self.settings.branch)
        return self.layout.pipelines(self.repository.files(head)) if head else ()

    def poll(self, cursor: Cursor) -> PollPage:
        """New commits of the branch, and what became of the ones before."""
        kept = cursor.get("etags")
        etags = {key: str(value) for key, value in kept.items()} if isinstance(kept, dict) else {}
        return page(self._work(etags, self._resources()), cursor)

    def history(self, cursor: Cursor, since: datetime) -> PollPage:
        """Older commits, with the reports about them."""
        return past(self._work({}, ()), cursor, since)

    def snapshot(self, ref: BuildRef) -> BuildInstance:
        """One attempt as the last poll found it: a poll asks every source about every open build."""
        return self.told.attempt(self._entry(ref), ref.attempt)

    def logs(self, ref: BuildRef, log: str, offset: int) -> LogChunk:
        """Part of the log of a container of a run."""
        attempt = self.snapshot(ref)
        known = next((one for one in attempt.logs if one.name == log), None)
        if known is None or self.cluster is None:
            raise NotFound(f"build {ref.build} of {ref.pipeline!r} has no log {log!r}")
        return self.cluster.log(log, offset, complete=known.complete)

    def _entry(self, ref: BuildRef) -> Entry:
        entry = self.journal.load(ref.pipeline, ref.build)
        if entry is None or ref.attempt > entry.attempts:
            raise NotFound(
                f"{ref.pipeline!r} has no attempt {ref.attempt} of {ref.build!r}", where=self.connection.name
            )
        return entry

    def _client(self, etags: dict[str, str]) -> forge.ForgeClient | None:
        settings = self.settings.forge
        if settings is None:
            return None
        token = settings.token.resolve(self.connection.workspace) if settings.token else None
        budget = self.connection.budget(settings.token or f"{settings.url} anonymous")
        return forge.ForgeClient(settings, forge.session(self.connection.name, budget, token), etags)

    def _resources(self) -> Iterable[Observation]:
        return (
            self.cluster.observations(self.layout, self.settings, self.connection.tables.statuses)
            if self.cluster
            else ()
        )

    def _work(self, etags: dict[str, str], resources: Iterable[Observation]) -> Work:
        return Work(
            self.repository,
            self.journal,
            self.layout,
            self.told,
            self.settings,
            self.connection.tables.statuses,
            self._client(etags),
            resources,
        )
