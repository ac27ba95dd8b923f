"""`pipemgr quarantine`: builds that could not be read yet."""

from __future__ import annotations

from typing import Any

import click

from pipemgr.ledger.pending import Pending
from pipemgr.service import losses
from pipemgr.service.runtime import opened

from . import complete
from .render import connection_option, count, json_option, plain, print_json, table

FOUND = 1
COLUMNS = ("build", "connection", "source", "tries", "seen", "next_try", "error")


@click.group(invoke_without_command=True)
@click.pass_context
def quarantine(ctx: click.Context) -> None:
    """List, retry and drop builds that could not be read."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_)


@quarantine.command("list")
@connection_option()
@json_option
def list_(connection: str | None = None, as_json: bool = False) -> None:
    """List builds that could not be read. Leaves with 1 when there are any.

    Each is tried again by itself, less and less often; the other builds go on meanwhile.
    """
    with opened() as runtime:
        rows = [_row(one) for one in losses.quarantined(runtime, connection)]
    if as_json:
        print_json(rows)
    else:
        table(rows, COLUMNS, empty="Nothing is in quarantine: every build that was found could be read.")
    raise SystemExit(FOUND if rows else 0)


def _row(one: Pending) -> dict[str, Any]:
    return {
        "build": losses.name(one),
        "connection": one.connection,
        "source": one.source,
        "tries": one.tries,
        "seen": one.seen_at,
        "next_try": one.due_at,
        "error": one.error,
    }


@quarantine.command()
@click.argument("references", metavar="[BUILD]...", nargs=-1, shell_complete=complete.quarantine)
@connection_option()
@json_option
def retry(references: tuple[str, ...], connection: str | None, as_json: bool) -> None:
    """Look at builds again with the next poll, which is due now.

    All of them, unless some are named as `pipemgr quarantine` lists them.
    """
    with opened() as runtime:
        number = losses.retry(runtime, connection, references)
    if as_json:
        print_json({"retried": number})
    else:
        click.echo(f"{count(number, 'attempt')} will be looked at with the next poll")


@quarantine.command()
@click.argument("references", metavar="[BUILD]...", nargs=-1, shell_complete=complete.quarantine)
@connection_option()
@click.option("--all", "every", is_flag=True, help="All that is there, or all of the connection.")
@json_option
def drop(references: tuple[str, ...], connection: str | None, every: bool, as_json: bool) -> None:
    """Give up builds: they are not recorded. `pipemgr gaps --all` keeps who gave them up."""
    if bool(references) == every:
        raise click.UsageError("name builds, or give --all")
    with opened() as runtime:
        number = losses.drop(runtime, connection, references)
    if as_json:
        print_json({"dropped": number})
    else:
        click.echo(plain(f"{count(number, 'attempt')} given up"))
