"""The forge: commit statuses, check runs and deployments, by conditional requests, as observations.

Shapes: https://docs.github.com/en/rest/commits/statuses, .../checks/runs, .../deployments/deployments. A page holds 30
unless asked for 100, and a failure may be on any page, so all are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from pipemgr.adapter import Budget, Session, Statuses, data
from pipemgr.model.runs import Confidence

from .journal import Observation, moment
from .layout import Layout
from .settings import Forge
from .stages import SYNCED, lane, stage

PAGES: Final = 10
"""Pages of one list: the forge keeps 1,000 statuses of a context, and refuses more."""
ACCEPT: Final = "application/vnd.github+json"
VERSION: Final = "2022-11-28"


class ForgeClient:
    """The few lists that are read. `etags` is part of the cursor: an unchanged list costs a 304."""

    def __init__(self, settings: Forge, session: Session, etags: dict[str, str]) -> None:
        self.root = f"{settings.url.rstrip('/')}/repos/{settings.repository}"
        self.session = session
        self.old = etags
        self.etags: dict[str, str] = {}

    def changed(self, path: str, key: str | None = None) -> list[dict[str, Any]] | None:
        """All of a list, newest first; None when it is what it was."""
        url = f"{self.root}/{path}"
        headers = {"If-None-Match": self.old[path]} if path in self.old else {}
        response = self.session.get(url, headers=headers)
        etag = response.headers.get("ETag") or self.old.get(path)
        if etag:
            self.etags[path] = etag
        if response.status_code == 304:  # noqa: PLR2004 - not modified
            return None
        found: list[dict[str, Any]] = []
        for _ in range(PAGES):
            page = data(response, self.session.where)
            rows = page.get(key) if key and isinstance(page, dict) else page
            found += [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
            following = response.links.get("next", {}).get("url", "")
            if not following.startswith(f"{self.root}/"):
                break
            response = self.session.get(following)
        return found

    def statuses(self, sha: str) -> list[dict[str, Any]] | None:
        """Every commit status of a commit, newest first."""
        return self.changed(f"commits/{sha}/statuses?per_page=100")

    def checks(self, sha: str) -> list[dict[str, Any]] | None:
        """Every check run of a commit, also those that a re-run replaced."""
        return self.changed(f"commits/{sha}/check-runs?filter=all&per_page=100", "check_runs")

    def deployments(self) -> list[dict[str, Any]] | None:
        """The newest hundred deployments."""
        response = self.changed("deployments?per_page=100")
        return response if response is None else response[:100]

    def deployed(self, number: object) -> list[dict[str, Any]] | None:
        """The statuses of a deployment, newest first; None when they are what they were."""
        return self.changed(f"deployments/{number}/statuses?per_page=100")


def session(where: str, budget: Budget, token: str | None) -> Session:
    """A session with the headers that the forge wants."""
    made = Session(where, budget)
    made.headers.update({"Accept": ACCEPT, "X-GitHub-Api-Version": VERSION, "User-Agent": "pipemgr"})
    if token:
        made.headers["Authorization"] = f"Bearer {token}"
    return made


def of_statuses(
    rows: Iterable[dict[str, Any]], revision: str, layout: Layout, known: tuple[Iterable[str], Iterable[str]],
    words: Statuses,
) -> Iterator[Observation]:  # fmt: skip
    """What commit statuses (newest first) say. A context's statuses up to an end are one reconciliation."""
    streams: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda one: (str(one.get("created_at")), int(one.get("id") or 0))):
        streams.setdefault(str(row.get("context")), []).append(row)
    for context, told in streams.items():
        pairs = list(layout.told_by_context(context, *known))
        for operation, row, began in _folded(told, words) if pairs else ():
            status = words.status("commit", str(row.get("state")), reason=str(row.get("description") or ""))
            at = moment(row.get("created_at"))
            for environment, pipeline in pairs:
                where = lane(environment, f"status {context}")
                made = stage(
                    SYNCED, status, where=where, source=f"commit status {context}", confidence=Confidence.LIKELY,
                    started=began, finished=at,
                )  # fmt: skip
                yield Observation(
                    pipeline, revision, where, operation, (made,), url=row.get("target_url") or None
                )


def _folded(
    rows: list[dict[str, Any]], words: Statuses
) -> Iterator[tuple[str, dict[str, Any], datetime | None]]:
    """Each reconciliation of a stream: its name (the id of its first row), its last row, and when it began."""
    first: dict[str, Any] | None = None
    for row in rows:
        first = first or row
        yield str(first.get("id")), row, moment(first.get("created_at"))
        if words.status("commit", str(row.get("state"))).finished:
            first = None


def of_checks(
    rows: Iterable[dict[str, Any]], revision: str, layout: Layout, known: tuple[Iterable[str], Iterable[str]],
    words: Statuses,
) -> Iterator[Observation]:  # fmt: skip
    """What check runs say; each is one reconciliation."""
    for row in sorted(rows, key=lambda one: int(one.get("id") or 0)):
        name = str(row.get("name"))
        began, ended = moment(row.get("started_at")), moment(row.get("completed_at"))
        title = str((row.get("output") or {}).get("title") or "")
        status = words.status(
            "check", row.get("status"), row.get("conclusion"), started=began, finished=ended, reason=title
        )
        for environment, pipeline in layout.told_by_context(name, *known):
            where = lane(environment, f"check {name}")
            made = stage(
                SYNCED, status, where=where, source=f"check run {name}", confidence=Confidence.LIKELY,
                started=began, finished=ended,
            )  # fmt: skip
            yield Observation(pipeline, revision, where, str(row.get("id")), (made,), url=row.get("html_url"))


def of_deployment(
    row: dict[str, Any],
    rows: Iterable[dict[str, Any]],
    layout: Layout,
    pipelines: Iterable[str],
    words: Statuses,
) -> Iterator[Observation]:
    """What a deployment and its statuses (newest first) say: one reconciliation, in its newest state but `inactive`."""
    told = [one for one in rows if one.get("state") != "inactive"]
    newest = told[0] if told else {"state": "pending", "created_at": row.get("created_at")}
    status = words.status("deployment", str(newest.get("state")), reason=str(newest.get("description") or ""))
    name = str(row.get("environment"))
    for environment in layout.told_by_deployment(name):
        where = lane(environment, f"deployment {name}")
        made = stage(
            SYNCED, status, where=where, source=f"deployment {row.get('id')}", confidence=Confidence.LIKELY,
            started=moment(row.get("created_at")), finished=moment(newest.get("created_at")),
        )  # fmt: skip
        for pipeline in pipelines:
            url = newest.get("target_url") or None
            yield Observation(pipeline, str(row.get("sha")), where, str(row.get("id")), (made,), url=url)
