"""One poll: refs are compared, what moved is fetched, every source is asked, and the journal says what is new.

The order of commits is the branch's own, along first parents: a merge is one build, of what it brought.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pipemgr.adapter import (
    AdapterError,
    Commit,
    Cursor,
    Gap,
    NotFound,
    PollPage,
    Repository,
    Statuses,
    Unread,
)
from pipemgr.model.runs import BuildInstance, BuildRef

from . import forge, reported
from .builds import Told
from .journal import Entry, Journal, Observation, tell
from .layout import Layout
from .settings import GitOpsSettings
from .stages import SEEN, lane, stage

PAGE: Final = 100
"""Commits of one page."""
FIRST_LOOK: Final = timedelta(days=1)
"""How far a first poll looks back; `history` tells the rest."""
FOLLOWED: Final = 20
"""Commits whose statuses are asked for in one poll: the head, and the newest that are open."""
OPEN: Final = 500
"""Open builds that the cursor remembers."""
BUSY: Final = 10.0
"""When to look again while something is open, in seconds."""


@dataclass
class Work:
    """What a poll works with, and what it has found so far."""

    repository: Repository
    journal: Journal
    layout: Layout
    told: Told
    settings: GitOpsSettings
    statuses: Statuses
    client: forge.ForgeClient | None = None
    resources: Iterable[Observation] = ()
    problems: list[str] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    changed: dict[tuple[str, str], Entry] = field(default_factory=dict)
    hydrated: dict[str, str] = field(default_factory=dict)

    # Entries ---------------------------------------------------------------------------------------------

    def entry(self, pipeline: str, sha: str) -> Entry | None:
        """A build as it is known now."""
        return self.changed.get((pipeline, sha)) or self.journal.load(pipeline, sha)

    def keep(self, entry: Entry) -> None:
        """Note a build as changed; `save` writes it."""
        self.changed[entry.pipeline, entry.commit.sha] = entry

    def save(self) -> tuple[BuildInstance, ...]:
        """Write what changed, oldest commits first, and give the attempts of it."""
        entries = sorted(self.changed.values(), key=lambda one: one.commit.committed_at)
        for entry in entries:
            self.journal.save(entry)
        return tuple(one for entry in entries for one in self.told.attempts(entry))

    def add(self, commits: Iterable[Commit]) -> None:
        """A build for every pipeline that a commit (oldest first) touched."""
        for commit in commits:
            small = commit.model_copy(update={"paths": ()})
            for pipeline in self.layout.pipelines(commit.paths):
                if self.entry(pipeline, commit.sha) is None:
                    self.keep(Entry(pipeline=pipeline, commit=small, branch=self.settings.branch))

    def hear(self, observation: Observation) -> None:
        """Put an observation to the build that it is about: of its commit, or of the newest one that this contains."""
        revision = self.hydrated.get(observation.revision, observation.revision)
        entry = self._about(observation.pipeline, revision, observation.at)
        if entry is None:
            return
        still = bool(revision) and not observation.parallel and entry.commit.sha != revision
        new = tell(entry, replace(observation, still=still), self.statuses)
        if new is not entry:
            self.keep(new)

    def _about(self, pipeline: str, revision: str, at: datetime | None) -> Entry | None:
        if not revision:
            return self._of_time(pipeline, at)
        if (exact := self.entry(pipeline, revision)) is not None:
            return exact
        found = next((sha for sha in reversed(self.shas(pipeline)) if self._contains(revision, sha)), None)
        return self.entry(pipeline, found) if found else None

    def _of_time(self, pipeline: str, at: datetime | None) -> Entry | None:
        """The newest build whose commit is not later than a moment."""
        for sha in reversed(self.shas(pipeline)):
            entry = self.entry(pipeline, sha)
            if entry is not None and (at is None or entry.commit.committed_at <= at):
                return entry
        return None

    def shas(self, pipeline: str) -> list[str]:
        """The commits of a pipeline's builds, oldest first."""
        times = {sha: at for at, sha in self.journal.index(pipeline)}
        fresh = [entry for (name, _), entry in self.changed.items() if name == pipeline]
        times.update({entry.commit.sha: int(entry.commit.committed_at.timestamp()) for entry in fresh})
        return sorted(times, key=times.__getitem__)

    def _contains(self, revision: str, sha: str) -> bool:
        try:
            return self.repository.contains(revision, sha)
        except NotFound:
            return False  # no commit at all, such as the version of a chart

    def pipelines(self) -> list[str]:
        """Every pipeline that has builds."""
        return sorted({*self.journal.pipelines(), *(name for name, _ in self.changed)})

    def touched(self, sha: str) -> list[str]:
        """The pipelines that have a build of this very commit."""
        return [one for one in self.pipelines() if self.entry(one, sha) is not None]


def page(work: Work, cursor: Cursor) -> PollPage:
    """One page of a poll. Idle, it costs the list of refs, and one conditional request for each list of the forge."""
    refs = work.repository.refs()
    for entry in work.journal.unkept(cursor.get("page")):
        work.keep(entry)  # the page that told of it was never recorded
    heard = cursor.get("refs")
    if refs != heard:
        work.repository.fetch()
    head, more = _commits(work, cursor)
    if refs != heard:
        _notes(work)
    _hydrators(work, refs, moved=refs != heard)
    followed = _open(cursor)
    work.layout.known = tuple(work.pipelines())
    for observation in (*work.resources, *_forge(work, head, followed)):
        work.hear(observation)
    opened = list(_close(work, [*followed, *work.changed]))
    named = work.journal.promise(work.changed) if work.changed else cursor.get("page")
    builds = work.save()
    after: dict[str, Any] = {
        "page": named,
        "refs": {} if more else dict(refs),
        "head": head,
        "open": opened[-OPEN:],
    }
    after["etags"] = dict(work.client.etags) if work.client else {}
    unread = _unread(work)
    wait = BUSY if opened else None
    return PollPage(builds=builds, unread=unread, gaps=tuple(work.gaps), cursor=after, more=more, wait=wait)


def past(work: Work, cursor: Cursor, since: datetime) -> PollPage:
    """One page of the past, newest first: commits since a moment, with the reports about them."""
    place = cursor.get("before")
    if not isinstance(place, str):
        work.repository.fetch()
        place = work.repository.head(work.settings.branch)
    if place is None:
        return PollPage()
    commits = work.repository.commits(place, since=since, limit=PAGE + 1)
    _take(work, commits[:PAGE][::-1])
    if "before" not in cursor:
        _notes(work)
    list(_close(work, list(work.changed)))
    more = len(commits) > PAGE
    known = tuple(ref for commit in commits[:PAGE] for ref in _known(work, commit))
    return PollPage(
        builds=work.save(), seen=known, cursor={"before": commits[-1].sha} if more else {}, more=more
    )


def _known(work: Work, commit: Commit) -> Iterator[BuildRef]:
    """The attempts that were known of a commit before: the hub asks for those that it has lost."""
    for pipeline in work.layout.pipelines(commit.paths):
        entry = None if (pipeline, commit.sha) in work.changed else work.entry(pipeline, commit.sha)
        for number in range(1, entry.attempts + 1) if entry else ():
            yield BuildRef(pipeline=pipeline, build=commit.sha, attempt=number)


def _commits(work: Work, cursor: Cursor) -> tuple[str | None, bool]:
    """Take the commits that are new, oldest first; how far that came, and whether there are more."""
    tip = work.repository.head(work.settings.branch)
    seen = cursor.get("head")
    if tip is None or tip == seen:
        return tip, False
    if not isinstance(seen, str):
        recent = work.repository.commits(tip, since=datetime.now(UTC) - FIRST_LOOK, limit=PAGE)
        _take(work, (recent or work.repository.commits(tip, limit=1))[::-1])
        return tip, False
    base = seen if work.repository.contains(tip, seen) else _rewritten(work, seen, tip)
    new = work.repository.revisions(tip, after=base, limit=None if base else PAGE)[::-1]
    until = new[min(len(new), PAGE) - 1] if new else tip
    _take(work, work.repository.commits(until, after=base, limit=PAGE)[::-1])
    return until, until != tip


def _take(work: Work, commits: tuple[Commit, ...]) -> None:
    work.add(commits)
    folder = work.settings.status_path.strip("/")
    for report, source in reported.files(work.repository, commits, folder, work.problems):
        work.hear(reported.observed(report, source, work.statuses))


def _rewritten(work: Work, seen: str, tip: str) -> str | None:
    """The branch does not contain any more what it was at: tell what it lost, and go on from where it forked."""
    fork = work.repository.fork(tip, seen)
    try:
        lost = work.repository.revisions(seen, after=fork, limit=10 * PAGE)
    except AdapterError:
        lost = ()
    for pipeline in work.pipelines():
        gone = [entry for sha in lost if (entry := work.entry(pipeline, sha)) is not None]
        for entry in gone:
            if work.told.open(entry):
                work.keep(_closed(entry, "rewritten"))
        if gone:
            reason = (
                f"{work.settings.branch} was rewritten by a forced push: {seen[:10]} is not in {tip[:10]}"
            )
            work.gaps.append(Gap(pipeline=pipeline, expected=len(gone), found=0, reason=reason))
    return fork


def _notes(work: Work) -> None:
    for report, source in reported.notes(work.repository, work.problems):
        work.hear(reported.observed(report, source, work.statuses))


def _hydrators(work: Work, refs: dict[str, str], *, moved: bool) -> None:
    """What the hydrator wrote: that it saw a commit, and which hydrated commit stands for it."""
    for name, environment in work.settings.environments.items():
        head = refs.get(f"refs/heads/{environment.branch}")
        if not head or not moved:
            continue
        found = reported.hydrated(work.repository, head)
        work.hydrated.update(found)
        where = lane(name, "hydrator")
        status = work.statuses.status("git", SEEN)
        made = stage(SEEN, status, where=where, source=f"{reported.HYDRATOR} of {environment.branch}")
        for dry in sorted(set(found.values())):
            for pipeline in work.touched(dry):
                work.hear(Observation(pipeline, dry, where, dry, (made,)))


def _forge(work: Work, head: str | None, followed: list[tuple[str, str]]) -> Iterator[Observation]:
    """What the forge says of the head and of the newest open commits, and of deployments."""
    if work.client is None:
        return
    shas = dict.fromkeys([sha for _, sha in reversed([*followed, *work.changed])])
    every = work.pipelines()
    for sha in list(dict.fromkeys([*([head] if head else []), *shas]))[:FOLLOWED]:
        known = (every, work.touched(sha))
        yield from forge.of_statuses(work.client.statuses(sha) or (), sha, work.layout, known, work.statuses)
        yield from forge.of_checks(work.client.checks(sha) or (), sha, work.layout, known, work.statuses)
    for row in reversed(work.client.deployments() or ()):
        names = work.touched(str(row.get("sha")))
        if names and (told := work.client.deployed(row.get("id"))) is not None:
            yield from forge.of_deployment(row, told, work.layout, names, work.statuses)


def _open(cursor: Cursor) -> list[tuple[str, str]]:
    found = cursor.get("open")
    pairs = found if isinstance(found, list) else []
    return [(str(one[0]), str(one[1])) for one in pairs if isinstance(one, list) and len(one) == 2]  # noqa: PLR2004


def _close(work: Work, keys: list[tuple[str, str]]) -> Iterator[list[str]]:
    """End what nothing more is waited for, and yield what stays open, oldest first."""
    for pipeline, sha in dict.fromkeys(keys):
        entry = work.entry(pipeline, sha)
        if entry is None or not work.told.open(entry):
            continue
        if not entry.closed and (word := _word(work, entry)):
            entry = _closed(entry, word)
            work.keep(entry)
        if not entry.closed:
            yield [pipeline, sha]


def _word(work: Work, entry: Entry) -> str:
    """Why a build that is open needs no more waiting: a later commit took its place, or nobody tells of it."""
    if any(episodes and not episodes[-1].ended and episodes[-1].begun for episodes in entry.lanes.values()):
        return ""
    known = work.shas(entry.pipeline)
    later = known[known.index(entry.commit.sha) + 1 :] if entry.commit.sha in known else []
    told = [one for sha in later if (one := work.entry(entry.pipeline, sha)) and _begun(one)]
    if told and any(one.commit.committed_at >= entry.commit.committed_at for one in told):
        return "superseded"
    age = datetime.now(UTC) - entry.commit.committed_at
    return "unreported" if age.total_seconds() > work.settings.patience else ""


def _begun(entry: Entry) -> bool:
    return any(episode.begun for episodes in entry.lanes.values() for episode in episodes)


def _closed(entry: Entry, word: str) -> Entry:
    return entry.model_copy(update={"closed": word, "closed_at": datetime.now(UTC)})


def _unread(work: Work) -> tuple[Unread, ...]:
    """Reports that are none: told once, beside the newest build, since nobody knows which one they were about."""
    newest = [BuildRef(pipeline=one, build=work.shas(one)[-1]) for one in work.pipelines()[:1]]
    return tuple(Unread(ref=ref, reason=one) for ref in newest for one in work.problems[:10])
