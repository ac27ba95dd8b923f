"""Search: what is new in all projects together, by API v3's search over runs (its word for pipelines).

The newest twenty runs are compared with how they were at the last look, which finds what is new, what has changed and
what runs again. Older ones that run again are found by asking, one word a look in turn, for what is not over.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from pipemgr.adapter import (
    AdapterError,
    AuthenticationFailed,
    Cursor,
    Gap,
    PollPage,
    RateLimited,
    Refused,
    Statuses,
)

from .client import Client
from .depth import Depth
from .polling import TODAY, Finder
from .steps import Data, inner, moment

PAGE: Final = 20
"""As many runs as the search gives at most; asking for more is refused."""
KEPT: Final = 200
"""How many runs a cursor remembers, each in some fifty bytes."""
REACH: Final = timedelta(days=90)
"""How far back a run may still execute again, and the search be asked."""
LATE: Final = timedelta(minutes=2)
"""How much later than others of its time a run may show up."""
GROWING: Final = timedelta(hours=2)
"""How long a run that goes on is asked for new workflows at every look; later when its outcome changes."""


class Search:
    """Polls all projects together."""

    def __init__(self, client: Client, depth: Depth, statuses: Statuses, projects: tuple[str, ...]) -> None:
        self.client = client
        self.depth = depth
        self.statuses = statuses
        self.projects = projects

    def poll(self, cursor: Cursor) -> PollPage:
        """The next page of the search; the last one also asks for old runs that go on again."""
        state: dict[str, Any] = dict(cursor)
        gaps: list[Gap] = []
        state["ids"] = self._ids(state.get("ids") or {}, gaps)
        finder, now = Finder(self.client, self.depth), self.client.now()
        rows, following = self._newest(state, now)
        since = moment(state.get("since")) or self.client.now() - TODAY
        # In the middle of a walk what is known leads on to what is not, when the walk had to begin again.
        new = "top" in state or any(str(row.get("id")) not in (state.get("runs") or {}) for row in rows)
        self._take(finder, state, rows, since)
        oldest = min((_created(row) or since for row in rows), default=since)
        if following and new and oldest > since - LATE:
            state["next"] = following
            return finder.page(state, more=True, gaps=gaps)
        state.pop("next", None)
        state["since"] = state.pop("top", None) or since.isoformat()
        self._again(finder, state, now, {str(row.get("id")) for row in rows})
        state["runs"] = dict(list(state["runs"].items())[-KEPT:])
        return finder.page(state, gaps=gaps)

    def _newest(self, state: dict[str, Any], now: datetime) -> tuple[list[Data], str | None]:
        """The next page of the newest runs, from the first one again when the search no longer knows the place."""
        try:
            return self._search(state, "", now, state.get("next"))
        except AuthenticationFailed:
            raise
        except Refused:
            if state.pop("next", None) is None:
                raise
            return self._search(state, "", now, None)

    def _ids(self, known: dict[str, str], gaps: list[Gap]) -> dict[str, str]:
        """The id of each project, which the search goes by; asked once a project, as long as the cursor lives."""
        found: dict[str, str] = {}
        for slug in self.projects:
            try:
                found[slug] = known.get(slug) or str(self.client.one(f"v2/project/{slug}")["id"])
            except (RateLimited, AuthenticationFailed):
                raise
            except (AdapterError, KeyError) as error:
                if len(gaps) + 1 == len(self.projects):
                    raise
                gaps.append(Gap(pipeline=slug, expected=0, found=0, reason=f"it has no id: {error}"))
        return found

    def _search(
        self, state: dict[str, Any], wanted: str, now: datetime, cursor: str | None
    ) -> tuple[list[Data], str | None]:
        scope = {
            "project_ids": sorted(state["ids"].values()),
            "from": (now - REACH).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "to": (now + TODAY).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        page = {"cursor": cursor or "", "limit": PAGE}
        return self.client.search({"scope": scope, "filter": wanted, "page": page})

    def _take(self, finder: Finder, state: dict[str, Any], rows: list[Data], since: datetime) -> None:
        """Find the attempts of the runs that are new or have changed, the oldest first."""
        runs: dict[str, str] = state.setdefault("runs", {})
        fresh = not state.get("since")
        for row in sorted(rows, key=lambda one: str(_said(one).get("created_at"))):
            number, word = str(row.get("id")), _word(row)
            created = _created(row) or since
            ended = self.statuses.status("run", *word.split()).finished
            if fresh and ended and created < since:
                runs[number] = word  # what was over long before the first look is for `history`
                continue
            grows = not ended and created > self.client.now() - GROWING
            if (runs.get(number) != word or grows) and self._find(finder, state, row):
                runs.pop(number, None)
                runs[number] = word
        newest = max((str(_said(row).get("created_at") or "") for row in rows), default="")
        state["top"] = max(state.get("top") or "", str(state.get("since") or ""), newest)

    def _again(self, finder: Finder, state: dict[str, Any], now: datetime, just: set[str]) -> None:
        """Ask for runs that are not over, by one word that says so at a time."""
        words = sorted(self.statuses.words("search"))
        going = [word for word in words if not self.statuses.status("search", word).finished]
        turn = int(state.get("word") or 0) % len(going)
        state["word"] = (turn + 1) % len(going)
        rows, _ = self._search(state, f'pipeline.status == "{going[turn]}"', now, None)
        self._take_changed(finder, state, [row for row in rows if str(row.get("id")) not in just])

    def _take_changed(self, finder: Finder, state: dict[str, Any], rows: list[Data]) -> None:
        runs: dict[str, str] = state["runs"]
        for row in rows:
            number, word = str(row.get("id")), _word(row)
            if runs.get(number) != word and self._find(finder, state, row):
                runs[number] = word

    @staticmethod
    def _find(finder: Finder, state: dict[str, Any], row: Data) -> bool:
        """Find the attempts of a run; True when they were found, or the run is of no project that is watched."""
        project = inner(row.get("references"), "project").get("id")
        slug = next((name for name, number in state["ids"].items() if number == project), None)
        return slug is None or finder.find(slug, str(row["id"]))


def _said(row: Data) -> Data:
    said = row.get("attributes")
    return said if isinstance(said, dict) else {}


def _created(row: Data) -> datetime | None:
    return moment(_said(row).get("created_at"))


def _word(row: Data) -> str:
    """How a run is: its phase and, also when it has ended, the outcome so far, which a re-run may change."""
    said = _said(row)
    return " ".join(str(word) for word in (said.get("phase"), said.get("current_outcome")) if word)
