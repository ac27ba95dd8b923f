"""Polling: what is new, as cheaply as CircleCI allows. It knows no ETags, so a look costs a request.

With API v2 a project is looked at by two requests: the newest page of its pipelines, and the newest page of its jobs
(v1.1). The second is what finds re-runs of old pipelines, whatever their age: whatever runs again gets new jobs, with
higher numbers. With API v3 (`search.py`) two requests look at all projects together.

A pipeline may get workflows later (dynamic configuration). It is watched, which costs a request a look, until its
state says that no more will be made, and some time longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from pipemgr.adapter import (
    AdapterError,
    AuthenticationFailed,
    Cursor,
    Gap,
    NotFound,
    PollPage,
    RateLimited,
    Refused,
    Statuses,
    Unread,
)
from pipemgr.model.runs import BuildRef

from .client import Client
from .depth import Depth
from .steps import Data, moment

TODAY: Final = timedelta(hours=24)
"""How far back a first poll looks; the rest is for `history`."""
YOUNG: Final = timedelta(seconds=3)
"""An attempt so young waits for the next look: its time is in seconds, and another one of that second may follow."""
WATCHED: Final = timedelta(minutes=2)
"""How long a pipeline is watched after its state said that all its workflows are made."""
LONGEST: Final = timedelta(days=1)
"""How long one is watched that never says so."""
MOST: Final = 50
"""How many pipelines of a project are watched at most; beyond it `history` finds what they get later."""
JOBS: Final = 30
"""How many jobs a page of API v1.1 has."""
PAGES: Final = 10
"""How many pages of jobs one look reads at most."""
KNOWN: Final = 100
"""How many workflows a cursor remembers to have seen, so that their next jobs cost nothing."""


class Finder:
    """Turns pipelines into the references of their attempts, and keeps going when one can't be read."""

    def __init__(self, client: Client, depth: Depth) -> None:
        self.client = client
        self.depth = depth
        self.seen: list[BuildRef] = []
        self.unread: list[Unread] = []
        self.workflows: list[str] = []

    def find(self, slug: str, pipeline: str) -> bool:
        """Find the attempts of a pipeline; False when it has to be looked at again soon.

        Some are too young to be counted, or it could not be read, which a page tells as `unread`.
        """
        try:
            found = self.depth.workflows(pipeline)
        except (RateLimited, AuthenticationFailed):
            raise
        except NotFound:
            return True  # expired or deleted: there is nothing to see any more
        except AdapterError as error:
            self.unread.append(Unread(ref=BuildRef(pipeline=slug, build=pipeline), reason=str(error)))
            return False
        until = self.client.now() - YOUNG
        settled = [one for one in found if (moment(one.get("created_at")) or until) <= until]
        self.workflows += [str(one["id"]) for one in settled]
        if settled or not found:
            self.seen += [
                BuildRef(pipeline=slug, build=pipeline, attempt=number)
                for number in range(1, max(1, len(settled)) + 1)
            ]
        return len(settled) == len(found)

    def page(self, cursor: Cursor, *, more: bool = False, gaps: Iterable[Gap] = ()) -> PollPage:
        """What was found, as a page."""
        return PollPage(
            seen=tuple(dict.fromkeys(self.seen)),
            unread=tuple(self.unread),
            gaps=tuple(gaps),
            cursor=cursor,
            more=more,
        )


class Projects:
    """Polls the projects one after another by API v2, one page of a list a page."""

    def __init__(self, client: Client, depth: Depth, statuses: Statuses, projects: tuple[str, ...]) -> None:
        self.client = client
        self.depth = depth
        self.statuses = statuses
        self.projects = projects

    def poll(self, cursor: Cursor) -> PollPage:
        """The next page of the next project. One that can't be listed is told and passed over."""
        turn = _number(cursor.get("turn")) % len(self.projects)
        slug = self.projects[turn]
        places: dict[str, Any] = {name: _dict(_dict(cursor.get("at")).get(name)) for name in self.projects}
        finder, look = Finder(self.client, self.depth), _Look(self, slug, dict(places[slug]))
        failed = cursor.get("failed") or []
        gaps: list[Gap] = []
        try:
            done = look.take(finder)
            places[slug] = look.place
        except (RateLimited, AuthenticationFailed):
            raise
        except AdapterError as error:
            failed = [*(failed if isinstance(failed, list) else []), slug]
            if len(self.projects) == len(failed):
                raise
            done = True  # what was read of it before is kept, and the rest comes at the next look
            if isinstance(error, Refused):
                gaps.append(Gap(pipeline=slug, expected=0, found=0, reason=error.message))
        turn += done
        last = turn == len(self.projects)
        state: Cursor = {"at": {name: place for name, place in places.items() if place}}
        if not last:
            state |= {"turn": turn, "failed": failed}
        return finder.page(state, more=not last, gaps=gaps)


class _Look:
    """One look at one project. `place` is its part of the cursor.

    `newest` is the highest number of a pipeline that was seen, `build` that of a job; `watch` are pipelines and until
    when to watch them (Unix time); `known` workflows; `top` and `next` belong to a walk that needs several pages.
    """

    def __init__(self, projects: Projects, slug: str, place: dict[str, Any]) -> None:
        self.client = projects.client
        self.statuses = projects.statuses
        self.slug = slug
        self.place = place
        self.now = projects.client.now()

    def take(self, finder: Finder) -> bool:
        """Take one page; whether this was the last one."""
        rows, following = self._page()
        self.now = self.client.now()
        new = [row for row in rows if row.get("id") and self._new(row)]
        for row in reversed(new):
            self._watch(row)
            if not finder.find(self.slug, str(row["id"])):
                self.watch[str(row["id"])] = (self.now + LONGEST).timestamp()
        self._settle(rows)
        self.place["top"] = max(
            [_number(self.place.get("top")), *(_number(one.get("number")) for one in rows)]
        )
        if following and rows and len(new) == len(rows):
            self.place["next"] = following
            return False
        self.place["newest"] = max(_number(self.place.get("newest")), self.place.pop("top"))
        self.place.pop("next", None)
        self._again(finder, {str(row["id"]) for row in new})
        return True

    def _page(self) -> tuple[list[Data], str | None]:
        """The next page of the walk, from its beginning again when CircleCI no longer knows the place."""
        path, token = f"v2/project/{self.slug}/pipeline", self.place.get("next")
        try:
            return self.client.page(path, token)
        except (NotFound, AuthenticationFailed):
            raise
        except Refused:
            if token is None:
                raise
            return self.client.page(path)

    @property
    def watch(self) -> dict[str, float]:
        """The watched pipelines."""
        found: dict[str, float] = self.place.setdefault("watch", {})
        return found

    def _new(self, row: Data) -> bool:
        newest = _number(self.place.get("newest"))
        if newest:
            return _number(row.get("number")) > newest
        created = moment(row.get("created_at"))
        return created is None or created >= self.now - TODAY

    def _watch(self, row: Data) -> None:
        made = self.statuses.status("empty", row.get("state")).finished
        self.watch[str(row["id"])] = (self.now + (WATCHED if made else LONGEST)).timestamp()

    def _settle(self, rows: list[Data]) -> None:
        """Stop watching in a while what the list says to be complete by now, and at once what has had its time."""
        soon = (self.now + WATCHED).timestamp()
        for row in rows:
            number = str(row.get("id"))
            if number in self.watch and self.statuses.status("empty", row.get("state")).finished:
                self.watch[number] = min(self.watch[number], soon)

    def _again(self, finder: Finder, just: set[str]) -> None:
        """Look for new workflows in the pipelines that are watched, and in those whose jobs are new."""
        present = self.now.timestamp()
        kept = sorted(self.watch.items(), key=lambda one: one[1])[-MOST:]
        for pipeline, _ in kept:
            if pipeline not in just:
                finder.find(self.slug, pipeline)
        self.place["watch"] = {pipeline: until for pipeline, until in kept if until > present}
        known = [*_list(self.place.get("known")), *finder.workflows]
        for workflow in dict.fromkeys(self._active()):
            if workflow not in known:
                known.append(workflow)
                self._follow(finder, workflow)
        self.place["known"] = list(dict.fromkeys(known))[-KNOWN:]

    def _follow(self, finder: Finder, workflow: str) -> None:
        """Find the attempts of the pipeline that a workflow belongs to. One that can't be read is for `history`."""
        try:
            found = self.client.one(f"v2/workflow/{workflow}")
        except (RateLimited, AuthenticationFailed):
            raise
        except AdapterError:
            return
        pipeline = found.get("pipeline_id")
        if pipeline and not finder.find(self.slug, str(pipeline)):
            self.watch[str(pipeline)] = (self.now + WATCHED).timestamp()

    def _active(self) -> Iterator[str]:
        """The workflows of the jobs that are new, by API v1.1; none the first time, and while it has no list."""
        before = _number(self.place.get("build"))
        try:
            yield from self._jobs(before)
        except (RateLimited, AuthenticationFailed):
            raise
        except AdapterError:
            self.place["build"] = before  # the next look begins there again

    def _jobs(self, before: int) -> Iterator[str]:
        for page in range(PAGES if before else 1):
            place = {"limit": JOBS, "offset": page * JOBS, "shallow": "true"}
            rows = self.client.rows(f"v1.1/project/{self.slug}", **place)
            numbers = [_number(row.get("build_num")) for row in rows]
            self.place["build"] = max([_number(self.place.get("build")), *numbers])
            for row in rows:
                workflow = _dict(row.get("workflows")).get("workflow_id")
                if before and workflow and _number(row.get("build_num")) > before:
                    yield str(workflow)
            if len(rows) < JOBS or min(numbers) <= before:
                return


def history(
    client: Client, depth: Depth, projects: tuple[str, ...], cursor: Cursor, since: datetime
) -> PollPage:
    """The attempts of all pipelines made since then, a page of a project's list a page.

    It costs a request a page and one a pipeline: no list of CircleCI tells the workflows of several pipelines.
    """
    turn = _number(cursor.get("turn")) % len(projects)
    slug, token = projects[turn], cursor.get("next")
    finder, gaps, following = Finder(client, depth), [], None
    try:
        rows, following = client.page(
            f"v2/project/{slug}/pipeline", token if isinstance(token, str) else None
        )
    except NotFound as error:
        rows = []
        gaps.append(Gap(pipeline=slug, expected=0, found=0, reason=error.message))
    within = [row for row in rows if row.get("id") and (moment(row.get("created_at")) or since) >= since]
    for row in reversed(within):
        finder.find(slug, str(row["id"]))
    if following and rows and len(within) == len(rows):
        return finder.page({"turn": turn, "next": following}, more=True, gaps=gaps)
    last = turn + 1 == len(projects)
    return finder.page({} if last else {"turn": turn + 1}, more=not last, gaps=gaps)


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
