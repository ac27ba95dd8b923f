"""Discovery: which builds are new since a cursor, and the walk through past ones; knows Jenkins only by two questions.

    {"since": 1795412000000, "jobs": {"team/svc": [12, 1795412692654]}}

For each job that was built lately the cursor has the number and the moment of its newest build. What it does not name
has no build that began after `since`. So it is bounded: when it names too many, the longest quiet ones are dropped and
`since` moves up to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Cursor, Gap, PollPage
from pipemgr.model.runs import BuildRef

from .builds import identify, moment
from .jobs import PAGE, Job, Row

Listing = Callable[[str, int, int], list[Row]]
"""The builds of a job from one place of its list (newest first) to another, the second not included."""
JOBS: Final = 50
"""How many jobs' builds are listed for one page of a poll."""
ENOUGH: Final = 500
"""How many builds are enough for one page of the walk."""
MOST: Final = 10_000
"""How many new builds of one job a poll lists; the walk finds what is older."""
NAMED: Final = 1_000
"""How many jobs a cursor names at most."""
FIRST: Final = 86_400_000
"""How far back a first poll looks, in milliseconds."""


@dataclass
class Known:
    """What a cursor says."""

    since: int
    jobs: dict[str, Row] = field(default_factory=dict)
    first: bool = False

    @classmethod
    def of(cls, cursor: Cursor, now: datetime) -> Known:
        """The cursor, read; an empty or strange one is a first poll, of builds that are open or of today."""
        since, jobs = cursor.get("since"), cursor.get("jobs")
        if not isinstance(since, int) or not isinstance(jobs, dict):
            return cls(int(now.timestamp() * 1000) - FIRST, first=True)
        return cls(since, {name: row for name, pair in jobs.items() if (row := _row(pair)) is not None})

    def cursor(self) -> Cursor:
        """The cursor, written; bounded."""
        if len(self.jobs) > NAMED:
            by_age = sorted(self.jobs.items(), key=lambda item: item[1].timestamp, reverse=True)
            self.since = max(self.since, by_age[NAMED // 2][1].timestamp)
            self.jobs = dict(by_age[: NAMED // 2])
        named: dict[str, JsonValue] = {
            name: [one.number, one.timestamp] for name, one in sorted(self.jobs.items())
        }
        return {"since": self.since, "jobs": named}

    def changed(self, job: Job) -> bool:
        """Whether a job's newest build is another one than it was."""
        if job.last is None:
            return False
        if (known := self.jobs.get(job.name)) is not None:
            return job.last[:2] != known[:2]
        return job.last.timestamp > self.since or (self.first and job.last.building)

    def new(self, one: Row, known: Row | None) -> bool:
        """Whether a build of a list is new, after the `known` one.

        By its moment, since numbers begin anew after a reset; or by its number, should the clock have been set back.
        """
        if known is None:
            return one.timestamp > self.since
        return one.timestamp > known.timestamp or one.number > known.number


def _row(pair: Any) -> Row | None:
    match pair:
        case [int(number), int(timestamp)]:
            return Row(number, timestamp)
    return None


def ref(job: str, one: Row) -> BuildRef:
    """How a build of a list is named."""
    return BuildRef(pipeline=job, build=identify(one.number, one.timestamp))


def poll(cursor: Cursor, jobs: Iterable[Job], listing: Listing, now: datetime) -> PollPage:
    """Builds that are new since the cursor, of some jobs; the others follow on the next page."""
    known = Known.of(cursor, now)
    everything = list(jobs)
    changed = [(job, job.last) for job in everything if job.last is not None and known.changed(job)]
    changed.sort(key=lambda pair: pair[1].timestamp)
    names = {job.name for job in everything}
    gone = {one[:2] for name, one in known.jobs.items() if name not in names}
    seen: list[tuple[Row, BuildRef]] = []
    gaps: list[Gap] = []
    for job, last in changed[:JOBS]:
        before = known.jobs.get(job.name)
        found = _new(job.name, last, known, gone, listing)
        seen += [(one, ref(job.name, one)) for one in found]
        known.jobs[job.name] = newest = max([last, *found], key=lambda one: one.timestamp)
        gaps += _gap(job.name, before, newest, found)
    seen.sort(key=lambda pair: (pair[0].timestamp, pair[0].number))
    return PollPage(
        seen=tuple(pair[1] for pair in seen),
        gaps=tuple(gaps),
        cursor=known.cursor(),
        more=len(changed) > JOBS,
    )


def _new(name: str, last: Row, known: Known, gone: set[tuple[Any, ...]], listing: Listing) -> list[Row]:
    """The new builds of a job, newest first.

    A job that was renamed or moved has builds that were seen under its former name: they are not told again, but
    for those that still go on, which nobody can ask for by that name any more.
    """
    before = known.jobs.get(name)
    if before is not None and not known.new(last, before):
        return []  # the newest build was removed
    if before is not None and last.number == before.number + 1:
        return [last]
    found: list[Row] = []
    for place in range(0, MOST, PAGE):
        page = listing(name, place, place + PAGE)
        before = before or next((one for one in page if one[:2] in gone), None)
        found += [one for one in page if known.new(one, before) or (one.building and name not in known.jobs)]
        if len(page) < PAGE or not known.new(page[-1], before):
            break
    return found


def _gap(name: str, before: Row | None, newest: Row, found: list[Row]) -> Iterator[Gap]:
    """Numbers between the last known build and the newest one that no build has."""
    if before is None or newest.number <= before.number:
        return
    expected = newest.number - before.number
    there = sum(before.number < one.number <= newest.number for one in found)
    if there < expected:
        yield Gap(
            pipeline=name,
            since=moment(before.timestamp),
            until=moment(newest.timestamp),
            expected=expected,
            found=there,
            reason="builds were removed before they were read, or their numbers were never given",
        )


# The walk ----------------------------------------------------------------------------------------------


def history(cursor: Cursor, jobs: Iterable[Job], listing: Listing, since: datetime) -> PollPage:
    """All builds that began at or after `since`, job by job in the order of names.

    The cursor has the job that was walked last and, if it was left half way, the place in its list and the number
    of the build there: builds that came or went in between move places.
    """
    floor = int(since.astimezone(UTC).timestamp() * 1000)
    after, place, number = str(cursor.get("after", "")), cursor.get("place"), cursor.get("number")
    todo = sorted(job.name for job in jobs if job.name >= after and job.last and job.last.timestamp >= floor)
    seen: list[BuildRef] = []
    for name in todo:
        if name == after and not isinstance(place, int):
            continue
        start = _resume(name, place, number, listing) if name == after and isinstance(place, int) else 0
        while len(seen) < ENOUGH:
            page = listing(name, start, start + PAGE)
            fresh = [one for one in page if one.timestamp >= floor]
            seen += [ref(name, one) for one in fresh]
            start += len(page)
            if len(page) < PAGE or page[-1].timestamp < floor:
                break
            if len(seen) >= ENOUGH:
                half: Cursor = {"after": name, "place": start, "number": page[-1].number}
                return PollPage(seen=tuple(seen), cursor=half, more=True)
        if len(seen) >= ENOUGH:
            return PollPage(seen=tuple(seen), cursor={"after": name}, more=True)
    return PollPage(seen=tuple(seen), cursor={"after": todo[-1]} if todo else {"after": after})


def _resume(name: str, place: int, number: Any, listing: Listing) -> int:
    """Where to go on in a list: at the same place, or from its beginning when builds before it were removed."""
    there = listing(name, place - 1, place)
    return place if there and isinstance(number, int) and there[0].number >= number else 0
