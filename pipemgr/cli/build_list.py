"""`pipemgr build list`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from pipemgr.ledger.views import BuildRow
from pipemgr.model.runs import BuildInstance
from pipemgr.model.status import Result, State
from pipemgr.service import builds
from pipemgr.service.moments import FORMS, Range, moments
from pipemgr.service.runtime import opened

from . import complete
from .render import connection_option, print_json, status, table, took

EMPTY = (
    "No builds are in the ledger. Start one with `pipemgr build start PIPELINE`, or poll with `pipemgr poll`."
)
NONE_FITS = "No builds fit. `pipemgr build list` without options lists the newest of all."
COLUMNS = (
    "build",
    "attempt",
    "status",
    "branch",
    "commit",
    "trigger",
    "actor",
    "took",
    "started",
    "connection",
)
MORE_COLUMNS = (*COLUMNS, "pipeline", "number", "queued", "waited", "finished", "name", "reason", "url", "id")
SHORT = 10
ALIASES: dict[str, State | Result] = {
    "completed": State.FINISHED,
    "in_progress": State.RUNNING,
    "cancelled": Result.CANCELED,
}
STATUSES: dict[str, State | Result] = {one.value: one for one in (*State, *Result)} | ALIASES


class Created(click.ParamType[Range]):
    """A range of time, as people write it."""

    name = "range"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Range:
        """Read the text."""
        if isinstance(value, tuple):
            return value
        try:
            return moments(value, datetime.now(UTC))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Names(click.ParamType[tuple[str, ...]]):
    """Names out of a list, joined by commas."""

    name = "names"

    def __init__(self, known: tuple[str, ...] = ()) -> None:
        self.known = known

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Split the text and check each name."""
        names = value if isinstance(value, tuple) else tuple(filter(None, value.split(",")))
        for name in names if self.known else ():
            if name not in self.known:
                self.fail(f"{name!r} is none of {', '.join(self.known)}", param, ctx)
        return names


@click.command("list")
@connection_option("Only builds of this connection.")
@click.option(
    "-p",
    "--pipeline",
    metavar="NAME",
    help="Only builds of this pipeline; may be a glob.",
    shell_complete=complete.pipelines_built,
)
@click.option(
    "-b",
    "--branch",
    metavar="NAME",
    help="Only builds of this branch; may be a glob.",
    shell_complete=complete.branches,
)
@click.option("--commit", metavar="SHA", help="Only builds of this commit, or of those that begin so.")
@click.option(
    "-u",
    "--actor",
    "--user",
    metavar="NAME",
    help="Only builds that this person or bot began.",
    shell_complete=complete.actors,
)
@click.option(
    "-e",
    "--trigger",
    "--event",
    metavar="NAME",
    help="Only builds begun so: push, schedule, manual, ...",
    shell_complete=complete.triggers,
)
@click.option(
    "-s",
    "--status",
    "word",
    metavar="WORD",
    type=click.Choice([*STATUSES]),
    help=f"Only builds in this state or with this result: {', '.join(STATUSES)}.",
)
@click.option("--state", type=click.Choice([one.value for one in State]), help="Only builds in this state.")
@click.option("--result", type=click.Choice([one.value for one in Result]), help="Only builds that ended so.")
@click.option("--created", metavar="RANGE", type=Created(), help=f"Only builds queued then: {FORMS}.")
@click.option("--all", "every_attempt", is_flag=True, help="A line for each attempt, not only the newest.")
@click.option(
    "-n", "-L", "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many."
)
@click.option(
    "--columns",
    metavar="NAMES",
    type=Names(MORE_COLUMNS),
    shell_complete=complete.columns(MORE_COLUMNS),
    help=f"Which columns, joined by commas, out of {', '.join(MORE_COLUMNS)}.",
)
@click.option(
    "--json",
    "fields",
    metavar="[FIELDS]",
    type=Names(),
    is_flag=False,
    flag_value=(),
    help="Print JSON for machines; with names joined by commas only these fields.",
)
def list_(  # noqa: PLR0913 - one for each option
    word: str | None,
    state: str | None,
    result: str | None,
    created: Range | None,
    columns: tuple[str, ...] | None,
    fields: tuple[str, ...] | None,
    **filters: Any,
) -> None:
    """List builds with their newest attempt, newest first."""
    wanted = _statuses(word, state, result)
    since, until = created or (None, None)
    with opened() as runtime:
        rows = runtime.ledger.queries.builds(**wanted, since=since, until=until, **filters)
    if fields is not None:
        print_json([_picked(_as_json(row), fields) for row in rows])
        return
    filtered = created or any(wanted.values()) or any(filters[name] for name in filters if name != "limit")
    table([_row(row) for row in rows], columns or COLUMNS, empty=NONE_FITS if filtered else EMPTY)


def _statuses(word: str | None, state: str | None, result: str | None) -> dict[str, Any]:
    """The state and the result that are wanted. A usage error when two options contradict each other."""
    found = STATUSES[word] if word else None
    states = {State(state) if state else None, found if isinstance(found, State) else None} - {None}
    results = {Result(result) if result else None, found if isinstance(found, Result) else None} - {None}
    if len(states) > 1 or len(results) > 1:
        raise click.UsageError("--status contradicts --state or --result: give one of them")
    return {"state": next(iter(states), None), "result": next(iter(results), None)}


def _as_json(row: BuildRow) -> dict[str, Any]:
    """A build for machines: the fields of the build, those of its attempt, and the attempt whole as `instance`."""
    instance = row.instance.data
    own = ("attempt", "queued_at", "started_at", "finished_at")
    return {
        **{name: instance[name] for name in own},
        **row.build.data,
        "title": builds.title(row.build),
        "state": instance["status"]["state"],
        "result": instance["status"]["result"],
        "url": instance["url"] or row.build.data["url"],
        "instance": instance,
    }


def _picked(data: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    unknown = [name for name in fields if name not in data]
    if unknown:
        raise click.UsageError(f"--json: {unknown[0]!r} is none of {', '.join(sorted(data))}")
    return {name: data[name] for name in fields} if fields else data


def _row(row: BuildRow) -> dict[str, Any]:
    instance = BuildInstance.model_validate({**row.instance.fields(), "build": row.build.fields()})
    build, running = instance.build, instance.status.state is State.RUNNING
    return {
        "build": builds.title(row.build),
        "attempt": instance.attempt,
        "status": status(instance.status.state, instance.status.result),
        "branch": build.branch,
        "commit": (build.commit or "")[:SHORT],
        "trigger": build.trigger,
        "actor": build.actor,
        "took": took(instance.started_at, datetime.now(UTC) if running else instance.finished_at),
        "started": instance.started_at,
        "connection": row.build.connection,
        "pipeline": row.pipeline,
        "number": build.number,
        "queued": instance.queued_at,
        "waited": took(instance.queued_at, instance.started_at),
        "finished": instance.finished_at,
        "name": build.name,
        "reason": instance.status.reason,
        "url": instance.url or build.url,
        "id": row.instance.id,
    }


COMMANDS = (list_,)
