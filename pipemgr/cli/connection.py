"""`pipemgr connection`: what is configured, and whether it answers."""

from __future__ import annotations

from typing import Any

import click

from pipemgr.service.connections import Probe, probe
from pipemgr.service.runtime import opened

from . import complete
from .render import NO_CONNECTIONS, json_option, plain, print_json, table, told

FAILED = 1


@click.group()
def connection() -> None:
    """List and check connections."""


@connection.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the configured connections and when each was polled last."""
    with opened() as runtime:
        known = {row.name: row for row in runtime.ledger.queries.connections()}
        rows = [
            {
                "connection": name,
                "adapter": configured.adapter,
                "pipelines": ", ".join(configured.pipelines),
                "last_poll": known[name].last_success_at,
                "last_error": known[name].last_error,
            }
            for name, configured in runtime.workspace.config.connections.items()
        ]
    if as_json:
        print_json(rows)
    else:
        table(rows, ("connection", "adapter", "pipelines", "last_poll", "last_error"), empty=NO_CONNECTIONS)


@connection.command()
@click.argument("name", required=False, shell_complete=complete.connections)
@json_option
def check(name: str | None, as_json: bool) -> None:
    """Ask connections who and what they are. Leaves with 1 when one does not answer."""
    with opened() as runtime:
        probes = [probe(runtime, one) for one in runtime.connections(name)]
    if as_json:
        print_json([_as_json(one) for one in probes])
    elif not probes:
        click.echo(NO_CONNECTIONS)
    else:
        for one in probes:
            _show(one)
    raise SystemExit(FAILED if any(one.error for one in probes) else 0)


def _as_json(one: Probe) -> dict[str, Any]:
    found = {"connection": one.connection, "adapter": one.adapter, "ok": one.error is None}
    if one.server:
        return {**found, "server": one.server.model_dump()}
    return {**found, "error": str(one.error), "remedy": one.error.remedy if one.error else None}


def _show(one: Probe) -> None:
    if one.server:
        who = f" as {one.server.identity}" if one.server.identity else ""
        said = f"{one.connection}: {one.server.name} {one.server.version}{who}"
        click.echo(f"{click.style('ok', fg='green')}  {plain(said)}")
        for note in one.server.notes:
            click.echo(f"    {plain(note)}")
    elif one.error:
        click.echo(f"{click.style('failed', fg='red')}  {plain(told(one.error, one.connection), lines=True)}")
        if one.error.remedy:
            click.echo(f"    try: {plain(one.error.remedy)}")
