"""History: every run since a date, in windows small enough that GitHub lists all of each.

A list with a filter has 1,000 results at most (API description, "List workflow runs for a repository"), and a list
without one ends with an error at about 40,000. So the runs *created* in a span of time are asked for, and the span is
halved until it has fewer. `created` counts whole seconds and includes both ends.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from pipemgr.adapter import Cursor, Gap, NotAllowed, NotFound, PollPage
from pipemgr.model.runs import BuildRef

from .builds import moment
from .client import PAGE, Client
from .names import attempts
from .repositories import watched

MOST: Final = 1000
"""As many results as GitHub lists of a filter."""
RERUNS: Final = timedelta(days=30)
"""How long after its making a run can be re-run (docs: re-running workflows and jobs)."""
AHEAD: Final = timedelta(minutes=5)
_SECOND: Final = timedelta(seconds=1)


class History:
    """One call of `history`: one page of one window."""

    def __init__(self, client: Client, patterns: tuple[str, ...], cursor: Cursor, since: datetime) -> None:
        self.client = client
        self.patterns = patterns
        self.cursor: dict[str, Any] = dict(cursor)
        self.since = since
        self.gaps: list[Gap] = []

    def page(self) -> PollPage:
        """What was found, and where to go on.

        A run is asked for by when it was made, so one that was made up to 30 days before `since` is looked at too:
        it may have been re-run after it.
        """
        names = watched(self.client, self.patterns, self.cursor)
        done = str(self.cursor.get("done", ""))
        name = next((one for one in names if one.lower() > done), None)
        if name is None:
            return PollPage()
        try:
            seen = self._window(name)
        except (NotFound, NotAllowed) as error:
            self.gaps.append(Gap(pipeline=name, expected=0, found=0, reason=error.message))
            self._leave(name)
            seen = ()
        more = "from" in self.cursor or name != names[-1]
        return PollPage(seen=seen, gaps=tuple(self.gaps), cursor=self.cursor if more else {}, more=more)

    def _leave(self, name: str) -> None:
        """The next repository is next."""
        for key in ("from", "to", "end", "next"):
            self.cursor.pop(key, None)
        self.cursor["done"] = name.lower()

    def _window(self, name: str) -> tuple[BuildRef, ...]:
        end = _time(self.cursor.get("end")) or _whole(self.client.now() + AHEAD)
        first = _time(self.cursor.get("from")) or _whole(self.since - RERUNS)
        last = _time(self.cursor.get("to")) or end
        self.cursor.update({"from": _text(first), "to": _text(last), "end": _text(end)})
        following = self.cursor.pop("next", None)
        answer = self.client.get(following) if following else self._ask(name, first, last)
        runs = self.client.rows(answer, "workflow_runs")
        told = answer.data.get("total_count")
        total = told if isinstance(told, int) else len(runs)
        if following is None and total >= MOST:
            if last > first:
                self.cursor["to"] = _text(first + _whole_half(last - first))
                return ()
            self._crowd(name, first, total)
        if answer.following:
            self.cursor["next"] = answer.following
        else:
            self._advance(name, first, last, end, total)
        return tuple(ref for run in reversed(runs) for ref in self._relevant(name, run))

    def _ask(self, name: str, first: datetime, last: datetime) -> Any:
        return self.client.get(
            f"/repos/{name}/actions/runs",
            per_page=PAGE,
            exclude_pull_requests="true",
            created=f"{_text(first)}..{_text(last)}",
        )

    def _advance(self, name: str, first: datetime, last: datetime, end: datetime, total: int) -> None:
        """The next window: twice as long as this one where few runs were in it."""
        start = last + _SECOND
        if start > end:
            self._leave(name)
            return
        length = (last - first) * (2 if total < MOST // 2 else 1) + _SECOND
        self.cursor.update({"from": _text(start), "to": _text(min(end, start + length))})

    def _crowd(self, name: str, second: datetime, total: int) -> None:
        reason = f"{MOST:,} runs or more were made within one second; GitHub lists no more than {MOST:,}"
        gap = Gap(
            pipeline=name, since=second, until=second, expected=total, found=min(total, MOST), reason=reason
        )
        self.gaps.append(gap)

    def _relevant(self, name: str, run: dict[str, Any]) -> list[BuildRef]:
        """The attempts of a run that may have begun since; of an older run only its re-runs."""
        made, began = moment(run.get("created_at")), moment(run.get("run_started_at"))
        found = attempts(name, run)
        if made is None or made >= self.since:
            return found
        return found[1:] if began is None or began >= self.since else []


def _whole(time: datetime) -> datetime:
    return time.replace(microsecond=0)


def _whole_half(span: timedelta) -> timedelta:
    return timedelta(seconds=int(span.total_seconds()) // 2)


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(text: Any) -> datetime | None:
    return moment(text)
