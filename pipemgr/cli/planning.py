"""`pipemgr plan` and `pipemgr apply`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipemgr.plan.apply import Applied, Fate
from pipemgr.plan.diff import Difference, Moved
from pipemgr.plan.plan import Change, Plan, Verb
from pipemgr.service import planning
from pipemgr.service.runtime import Runtime, opened
from pipemgr.service.translation import write_text
from pipemgr.translate.report import RANK, Fidelity

from .render import connection_option, json_option, plain, print_json

FAILED, CHANGES = 1, 2
MARKS = {Verb.CREATE: ("+", "green"), Verb.UPDATE: ("~", "yellow"), Verb.ADOPT: ("=", "cyan")}
WHO = {
    Moved.THEM: " (changed at the vendor since it was applied)",
    Moved.BOTH: " (changed here and at the vendor)",
}
SHOWN = 12
LONGEST = 70


@click.command("plan")
@connection_option()
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save the plan for `pipemgr apply FILE`.",
)
@json_option
def plan(connection: str | None, output: Path | None, as_json: bool) -> None:
    """Show what apply would change.

    Leaves with 0 when there is nothing to do and with 2 when there are changes.
    """
    with opened() as runtime:
        made = planning.plan(runtime, connection)
    if output:
        write_text(output, made.model_dump_json(indent=2, by_alias=True))
    if as_json:
        print_json(_as_json(made))
    else:
        show_plan(made)
        show_invalid(made)
    raise SystemExit(FAILED if made.failures or made.invalid else CHANGES if made.pending else 0)


def _as_json(made: Plan) -> dict[str, Any]:
    return {
        "made_at": made.made_at.isoformat(),
        "changes": len(made.pending),
        "orphans": [one.model_dump() for one in made.orphans],
        "failures": [one.model_dump() for one in made.failures],
        "invalid": [one.model_dump() for one in made.invalid],
        "pipelines": [
            one.model_dump(mode="json", exclude={"definition", "documents"}) for one in made.changes
        ],
    }


def show_plan(made: Plan) -> None:
    """A plan for people: what happens to each pipeline, and where definitions differ."""
    if not made.changes:
        click.echo(
            "No pipelines are defined. `definitions.files` in pipemgr.toml says where they are looked for."
        )
    for change in made.pending:
        _show_change(change)
    for failure in made.failures:
        click.secho(plain(f"! {failure.pipeline} at {failure.connection}: {failure.error}"), fg="red")
        if failure.remedy:
            click.echo(f"  try: {plain(failure.remedy)}")
    for orphan in made.orphans:
        head = f"? {orphan.pipeline} at {orphan.connection}"
        click.echo(f"{plain(head)}  is published, but no file defines it any more; it is left alone")
    same = len(made.changes) - len(made.pending)
    if made.changes:
        click.echo(f"{len(made.pending)} to change, {same} as they should be.")


def show_invalid(made: Plan) -> None:
    """What is wrong with files whose pipelines are left alone, as `validate` prints it."""
    for one in made.invalid:
        click.echo(plain(f"{one.where}: {one.message}"), err=True)


def _show_change(change: Change) -> None:
    mark, colour = MARKS[change.verb]
    head = f"{mark} {change.verb} {change.pipeline} at {change.connection}"
    click.echo(
        click.style(plain(head), fg=colour) + WHO.get(change.moved, "") + f"  [{plain(change.source)}]"
    )
    if change.verb is Verb.UPDATE:
        for one in change.differences[:SHOWN]:
            _show_difference(one)
        if (more := len(change.differences) - SHOWN) > 0:
            click.echo(f"    ... and {more} more (--json shows all)")
    for loss in (one for one in change.losses if RANK[one.fidelity] > RANK[Fidelity.EQUIVALENT]):
        click.echo(plain(f"    {loss.fidelity}: {loss.what}: {loss.why}"))


def _show_difference(one: Difference) -> None:
    click.echo(plain(f"    {one.path}: {_short(one.before)} -> {_short(one.after)}"))


def _short(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


@click.command("apply")
@click.argument("plan_file", metavar="[PLAN]", required=False, type=click.Path(path_type=Path))
@connection_option()
@json_option
def apply(plan_file: Path | None, connection: str | None, as_json: bool) -> None:
    """Publish what changed.

    With PLAN, a file saved by `pipemgr plan -o`, exactly that is done; a pipeline that changed at the vendor
    since then is refused.
    """
    with opened() as runtime:
        made = planning.load_plan(plan_file) if plan_file else planning.plan(runtime, connection)
        done = _carry_out(runtime, made, quiet=as_json)
    if as_json:
        invalid = [one.model_dump() for one in made.invalid]
        print_json({"applied": [one.model_dump(mode="json") for one in done], "invalid": invalid})
    else:
        show_invalid(made)
    raise SystemExit(FAILED if made.invalid or any(one.fate is Fate.FAILED for one in done) else 0)


def _carry_out(runtime: Runtime, made: Plan, *, quiet: bool) -> list[Applied]:
    done = []
    for one in planning.carry_out(runtime, made):
        done.append(one)
        if not quiet:
            show_applied(one)
    if not quiet and not made.pending:
        click.echo("Nothing to change.")
    return done


def show_applied(one: Applied) -> None:
    """One line for what became of a change; unchanged pipelines are not worth one."""
    if one.fate is Fate.FAILED:
        click.secho(plain(f"failed {one.pipeline} at {one.connection}: {one.error}"), fg="red", err=True)
        if one.remedy:
            click.echo(f"  try: {plain(one.remedy)}", err=True)
    elif one.fate is not Fate.UNCHANGED:
        url = f" ({one.url})" if one.url else ""
        click.echo(plain(f"{one.fate} {one.pipeline} at {one.connection}{url}"))
