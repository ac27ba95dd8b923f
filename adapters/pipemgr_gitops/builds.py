"""Builds: an entry of the journal becomes the attempts of a build."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipemgr.adapter import Statuses
from pipemgr.model.runs import Build, BuildInstance, Confidence, Evidence, StageInstance
from pipemgr.model.status import Result, State, Status, worst

from .journal import Entry, Episode

PUSHED, WAITING, RUNNING = "pushed", "waiting", "running"


class Told:
    """How entries are told, by the table of statuses and the configured environments."""

    def __init__(self, statuses: Statuses, environments: tuple[str, ...]) -> None:
        self.statuses = statuses
        self.environments = environments

    def attempts(self, entry: Entry) -> Iterator[BuildInstance]:
        """Every attempt of a build, from the first."""
        return (self.attempt(entry, number) for number in range(1, entry.attempts + 1))

    def attempt(self, entry: Entry, number: int) -> BuildInstance:
        """One attempt; the caller knows that there are so many."""
        episodes = [lane[number - 1] for _, lane in sorted(entry.lanes.items()) if len(lane) >= number]
        stages = [stage for one in episodes for stage in one.stages]
        status = self._status(entry, number, episodes)
        began = [at for one in stages for at in (one.started_at, one.finished_at) if at]
        ended = [one.finished_at for one in stages if one.finished_at]
        done = max(ended, default=entry.closed_at or max(began, default=None)) if status.finished else None
        return BuildInstance(
            build=self._build(entry),
            attempt=number,
            external_id=f"{entry.commit.sha}-{number}",
            status=status,
            queued_at=entry.commit.committed_at if number == 1 else min(began, default=None),
            started_at=min(began, default=None),
            finished_at=done,
            url=next((one.url for one in episodes if one.url), None),
            stages=(self._pushed(entry), *stages),
            logs=tuple(log for one in episodes for log in one.logs),
        )

    def open(self, entry: Entry) -> bool:
        """Whether anything of it is still waited for."""
        return any(not one.status.finished for one in self.attempts(entry))

    def _build(self, entry: Entry) -> Build:
        commit = entry.commit
        return Build(
            pipeline=entry.pipeline,
            external_id=commit.sha,
            name=commit.subject[:200],
            commit=commit.sha,
            branch=entry.branch,
            trigger="push",
            actor=commit.author or None,
        )

    def _pushed(self, entry: Entry) -> StageInstance:
        return StageInstance(
            external_id=PUSHED,
            name=PUSHED,
            stage=PUSHED,
            status=self.statuses.status("git", PUSHED),
            started_at=entry.commit.committed_at,
            finished_at=entry.commit.committed_at,
            evidence=Evidence(source=f"git branch {entry.branch}", confidence=Confidence.CERTAIN),
        )

    def _status(self, entry: Entry, number: int, episodes: list[Episode]) -> Status:
        told = [one for episode in episodes for one in episode.stages if one.stage != "seen" or episode.begun]
        missing = self._missing(entry) if number == 1 else []
        if not told:
            return self.statuses.status("git", entry.closed or WAITING)
        going = [one.status for one in told if not one.status.finished]
        if going and not entry.closed:
            return _going(going[0], told)
        if missing and not entry.closed:
            return _going(
                self.statuses.status("git", RUNNING, reason=f"not told yet: {', '.join(missing)}"), told
            )
        if going:
            return self.statuses.status("git", entry.closed)
        return _worst(told)

    def _missing(self, entry: Entry) -> list[str]:
        begun = {lane.split("\n")[0] for lane, episodes in entry.lanes.items() if episodes[0].begun}
        return [one for one in self.environments if one not in begun]


def _going(status: Status, told: Iterable[StageInstance]) -> Status:
    results = [one.status.result for one in told if one.status.result]
    return status.model_copy(update={"provisional": _fold(results) if results else status.provisional})


def _worst(told: list[StageInstance]) -> Status:
    result = _fold([one.status.result for one in told if one.status.result])
    deciding = next(one for one in told if one.status.result is result)
    reason = deciding.status.reason
    good = deciding.status.good
    return deciding.status.model_copy(
        update={
            "reason": reason if good or not reason else f"{deciding.name}: {reason}",
            "state": State.FINISHED,
        }
    )


def _fold(results: list[Result]) -> Result:
    found = results[0]
    for one in results[1:]:
        found = worst(found, one)
    return found
