"""Polling: what is new in each repository, for one conditional request when nothing is.

The first page of a repository's runs is asked for with its ETag. It holds the hundred newest runs and changes with
every one of them, re-runs included. Beyond it only a re-run can happen unseen, and only for 30 days after a run was
made; so a repository whose hundredth run is older needs nothing else. For the others, all lists by open status are
asked every few minutes, with ETags of their own. What ends between two of those sweeps is left to `history`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from pipemgr.adapter import (
    AdapterError,
    AuthenticationFailed,
    Cursor,
    Gap,
    NotAllowed,
    NotFound,
    PollPage,
    RateLimited,
    Refused,
    Retryable,
    Statuses,
)
from pipemgr.model.runs import BuildRef
from pipemgr.model.status import State

from .builds import moment
from .client import PAGE, Answer, Client
from .names import attempts
from .repositories import watched

Memory = dict[str, Any]
"""What the cursor keeps of one repository."""

AT_ONCE: Final = 20
"""How many repositories are looked at before what was found is recorded."""
MANY: Final = 500
"""How many attempts are found before they are recorded."""
SWEEP: Final = timedelta(minutes=5)
"""How often open runs beyond the newest hundred are looked for."""
RERUNS: Final = timedelta(days=36)
"""How long a run may come to life again: 30 days for re-runs; a run may take 35 (docs: Actions limits)."""
FIRST: Final = timedelta(days=1)
"""How far back the first look goes."""
LOST: Final = timedelta(minutes=10)
"""How often a repository that is not there is asked for."""
DEEPEST: Final = 390
"""Pages of a list without filters: GitHub answers 422 beyond 40,000 runs (seen by others, not documented)."""
PLACE: Final = frozenset({"next", "floor", "top", "page", "etag"})
"""What a repository's memory has of a list that is being read."""
DOWN: Final = 3
"""After so many failures, and no success, GitHub itself is taken to be down."""


class Poll:
    """One call of `poll`: some repositories, from where the last one stopped."""

    def __init__(self, client: Client, patterns: tuple[str, ...], statuses: Statuses, cursor: Cursor) -> None:
        self.client = client
        self.patterns = patterns
        self.open = sorted(
            word for word in statuses.words("run") if statuses.status("run", word).state is not State.FINISHED
        )
        self.cursor: dict[str, Any] = dict(cursor)
        self.memories: dict[str, Memory] = dict(self.cursor.get("repositories") or {})
        self.seen: dict[BuildRef, None] = {}
        self.gaps: list[Gap] = []
        self.failures: list[AdapterError] = []
        self.problems: list[str] = []

    def page(self) -> PollPage:
        """What was found."""
        names = watched(self.client, self.patterns, self.cursor)
        done = str(self.cursor.pop("at", ""))
        fine = bool(self.cursor.pop("fine", False))
        todo = [name for name in names if name.lower() > done]
        for count, name in enumerate(todo, start=1):
            try:
                ended = self._look(name)
            except RateLimited:
                if count == 1:
                    raise
                return self._page(names, done, fine=fine)
            if not ended:
                return self._page(names, done, fine=True)
            done, fine = name.lower(), fine or len(self.failures) < count
            if not fine and len(self.failures) >= min(DOWN, len(names)):
                raise self.failures[0]
            if count < len(todo) and (count >= AT_ONCE or len(self.seen) >= MANY):
                return self._page(names, done, fine=fine)
        return self._page(names, None, fine=fine)

    def _page(self, names: list[str], done: str | None, *, fine: bool) -> PollPage:
        """The page; `done` is the last repository that was dealt with, None when all were."""
        memories = {name: self.memories[name] for name in names if name in self.memories}
        cursor: dict[str, Any] = {**self.cursor, "repositories": memories}
        if done is not None:
            cursor |= {"at": done, "fine": fine}
        # GitHub lists the newest first.
        return PollPage(
            seen=tuple(reversed(self.seen)),
            gaps=tuple(self.gaps),
            problems=tuple(self.problems),
            cursor=cursor,
            more=done is not None,
        )

    # One repository --------------------------------------------------------------------------------------

    def _look(self, name: str) -> bool:
        """Look at a repository; whether there is nothing more to look at. One that fails stops no other."""
        memory = {**self.memories.get(name, {}), "name": name}
        try:
            if self._absent(memory):
                return True
            memory.pop("lost", None)
            ended = self._walk(name, memory) if "next" in memory else self._newest(name, memory)
            if ended:
                self._sweep(name, memory)
        except (RateLimited, AuthenticationFailed):
            raise
        except (NotFound, NotAllowed) as error:
            self._lose(name, memory, error)
            ended = True
        except (Retryable, Refused) as error:
            self.problems.append(f"{name} can't be read now: {error.message}")
            self.failures.append(error)
            if isinstance(error, Refused):
                self._begin_again(name)
            return True
        memory.pop("name", None)
        self.memories[name] = memory
        return ended

    def _begin_again(self, name: str) -> None:
        """Forget the place in a list that is refused: the next look starts at its top, down to the same floor."""
        memory = self.memories.get(name, {})
        self.memories[name] = {key: value for key, value in memory.items() if key not in PLACE}

    def _absent(self, memory: Memory) -> bool:
        last = moment(memory.get("lost"))
        return last is not None and self.client.now() - last < LOST

    def _lose(self, name: str, memory: Memory, error: AdapterError) -> None:
        """A repository that was deleted, or may not be seen any more: said once, and asked for rarely."""
        if len(self.patterns) == 1 and name == self.patterns[0]:
            raise error
        if "gone" not in memory:
            self.gaps.append(Gap(pipeline=name, expected=0, found=0, reason=error.message))
        memory.clear()
        memory.update(gone=True, lost=self.client.now().isoformat(timespec="seconds"))

    def _newest(self, name: str, memory: Memory) -> bool:
        answer = self.client.get(
            f"/repos/{name}/actions/runs",
            etag=memory.get("etag"),
            per_page=PAGE,
            exclude_pull_requests="true",
        )
        memory.pop("gone", None)
        if answer.unchanged:
            return True
        runs = self._found(name, answer)
        times = [found for run in runs if (found := moment(run.get("created_at")))]
        memory["etag"] = answer.etag
        memory["oldest"] = _text(min(times)) if times and answer.following else None
        top = max(times, default=None)
        floor = moment(memory.get("newest")) or self.client.now() - FIRST
        return self._go_on(memory, answer, floor, top)

    def _walk(self, name: str, memory: Memory) -> bool:
        """The next page of runs that are new; the floor is where everything is known."""
        answer = self.client.get(memory.pop("next"))
        floor, top = moment(memory.pop("floor", None)), moment(memory.pop("top", None))
        self._found(name, answer)
        return self._go_on(memory, answer, floor, top, page=int(memory.pop("page", 1)) + 1)

    def _go_on(
        self, memory: Memory, answer: Answer, floor: datetime | None, top: datetime | None, page: int = 1
    ) -> bool:
        """Whether everything on the page after this one is known; if not, how to go on is kept."""
        times = [found for run in self._rows(answer) if (found := moment(run.get("created_at")))]
        below = not times or floor is None or min(times) < floor
        following = answer.following
        if not below and following is not None and page < DEEPEST:
            memory.update(next=following, floor=_text(floor), top=_text(top), page=page)
            return False
        if not below and following is not None:
            self._deep(memory, min(times), floor)
        memory["newest"] = _text(top) or memory.get("newest")
        return True

    def _deep(self, memory: Memory, oldest: datetime, floor: datetime | None) -> None:
        reason = "more new runs than GitHub lists without a filter; the walk through the past finds them"
        gap = Gap(pipeline=memory["name"], since=floor, until=oldest, expected=0, found=0, reason=reason)
        self.gaps.append(gap)

    # Runs that live again --------------------------------------------------------------------------------

    def _sweep(self, name: str, memory: Memory) -> None:
        now = self.client.now()
        oldest, last = moment(memory.get("oldest")), moment(memory.get("swept"))
        if oldest is None or now - oldest > RERUNS or (last is not None and now - last < SWEEP):
            return
        known = memory.get("open") or {}
        memory["open"] = {word: self._by_status(name, word, known.get(word)) for word in self.open}
        memory["swept"] = now.isoformat(timespec="seconds")

    def _by_status(self, name: str, word: str, etag: str | None) -> str | None:
        """List what has a status, if that changed. Some filters have been broken before: none is relied on alone."""
        answer = self.client.get(
            f"/repos/{name}/actions/runs", etag=etag, per_page=PAGE, exclude_pull_requests="true", status=word
        )
        if answer.unchanged:
            return etag
        first = answer.etag
        self._found(name, answer)
        for _ in range(DEEPEST):
            if answer.following is None:
                return first
            answer = self.client.get(answer.following)
            self._found(name, answer)
        return None  # an end that never comes: everything is asked for again next time

    def _found(self, name: str, answer: Answer) -> list[dict[str, Any]]:
        runs = self._rows(answer)
        for run in runs:
            self.seen.update(dict.fromkeys(reversed(attempts(name, run))))
        return runs

    def _rows(self, answer: Answer) -> list[dict[str, Any]]:
        return self.client.rows(answer, "workflow_runs")


def _text(time: datetime | None) -> str | None:
    return time.isoformat(timespec="seconds") if time else None
