"""`pipemgr connection`: what is configured, whether it answers, and how polling stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from pipemgr.ledger.budgets import BudgetRow
from pipemgr.ledger.views import ConnectionRow
from pipemgr.service.connections import Probe, Standing, probe, resume, rows, standing
from pipemgr.service.runtime import opened

from . import complete
from .render import NO_CONNECTIONS, ago, coloured, count, json_option, plain, print_json, table, told

FAILED = 1
COLUMNS = ("connection", "adapter", "health", "pipelines", "last_poll", "next_poll", "last_error")


@click.group()
def connection() -> None:
    """List, show, check and resume connections."""


@connection.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the configured connections, how they are and when each was polled."""
    with opened() as runtime:
        configured = runtime.workspace.config.connections
        found = [
            {
                "connection": name,
                "adapter": row.adapter,
                "health": row.health,
                "pipelines": ", ".join(configured[name].pipelines),
                "last_poll": row.last_success_at,
                "next_poll": row.due_at,
                "last_error": row.last_error,
            }
            for name, row in rows(runtime).items()
        ]
    if as_json:
        print_json(found)
    else:
        table(found, COLUMNS, empty=NO_CONNECTIONS)


@connection.command()
@click.argument("name", shell_complete=complete.connections)
@json_option
def show(name: str, as_json: bool) -> None:
    """Show how polling stands for a connection: health, what is left to do, and the vendor's quota."""
    with opened() as runtime:
        found = standing(runtime, name)
    if as_json:
        print_json(_standing_json(found))
        return
    row = found.row
    click.echo(f"{click.style(name, bold=True)} ({row.adapter}): {coloured(row.health)}{_since(row)}")
    for label, value in _facts(found):
        click.echo(f"  {label}: {plain(value)}")
    for budget in found.budgets:
        click.echo(f"  quota of {plain(budget.credential)}: {_quota(budget)}")
    if found.remedy:
        click.echo(f"  try: {plain(found.remedy)}")


def _standing_json(found: Standing) -> dict[str, Any]:
    row = {
        name: value for name, value in asdict(found.row).items() if name not in ("cursor", "walk", "fence")
    }
    return {
        "connection": row.pop("name"),
        **row,
        "walking": found.row.walk is not None,
        "pipelines": found.pipelines,
        "open_builds": found.open,
        "pending": found.pending,
        "quarantine": found.quarantine,
        "open_gaps": found.gaps,
        "budgets": [asdict(one) for one in found.budgets],
        "remedy": found.remedy,
    }


def _since(row: ConnectionRow) -> str:
    return f" since {_moment(row.health_since)}" if row.health_since else ""


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC ({ago(moment)})"


def _facts(found: Standing) -> Iterator[tuple[str, str]]:
    row, now = found.row, datetime.now(UTC)
    at_work = row.owner and row.lease_until and row.lease_until > now
    yield "pipelines", ", ".join(found.pipelines)
    yield "last poll", _moment(row.last_success_at) if row.last_success_at else "never"
    yield "next poll", f"running now, by {row.owner}" if at_work else _next(row, now)
    if row.changed_at:
        yield "last change", _moment(row.changed_at)
    if row.last_error:
        failures = f" ({count(row.failures, 'failure')} in a row)" if row.failures else ""
        yield "last error", f"{row.last_error}{failures}"
    yield "open builds", f"{found.open:,}"
    yield "to be looked at", f"{found.pending:,}"
    more = " (`pipemgr quarantine` lists it)" if found.quarantine else ""
    yield "in quarantine", f"{found.quarantine:,}{more}"
    yield "open gaps", f"{found.gaps:,}" + (" (`pipemgr gaps` lists them)" if found.gaps else "")
    if found.walks:
        yield "history", _history(row)


def _next(row: ConnectionRow, now: datetime) -> str:
    if row.health in ("parked", "held"):
        return "not before somebody resumes it"
    return "due now" if row.due_at <= now else _moment(row.due_at)


def _history(row: ConnectionRow) -> str:
    """How far the walk through the past has come."""
    if row.walk is not None:
        back = f", back to {row.walk_since:%Y-%m-%d}" if row.walk_since else ""
        return f"being walked through{back}"
    return f"walked through {_moment(row.walked_at)}" if row.walked_at else "not walked through yet"


def _quota(budget: BudgetRow) -> str:
    """What a credential may still ask."""
    now = datetime.now(UTC)
    left = f"{budget.remaining:,}" if budget.remaining is not None else "unknown"
    limit = f" of {budget.limit:,}" if budget.limit is not None else ""
    reset = f", full again {ago(budget.reset_at)}" if budget.reset_at and budget.reset_at > now else ""
    blocked = budget.blocked_until and budget.blocked_until > now
    wait = f", blocked until {_moment(budget.blocked_until)}" if blocked and budget.blocked_until else ""
    return f"{left}{limit} left{reset}{wait}; asked {count(budget.asked, 'time')}"


@connection.command("resume")
@click.argument("name", shell_complete=complete.connections)
@click.option(
    "--fast-forward",
    is_flag=True,
    help="Skip what is new by now: it is not recorded, and nobody looks for it again.",
)
@json_option
def resume_(name: str, fast_forward: bool, as_json: bool) -> None:
    """Poll a connection again that was parked, held or lost. It is due at once."""
    with opened() as runtime:
        resume(runtime, name, fast_forward=fast_forward)
    if as_json:
        print_json({"connection": name, "resumed": True, "fast_forward": fast_forward})
        return
    click.echo(plain(f"{name} is polled again" + (", from what is new now on" if fast_forward else "")))
    click.echo(f"\nNext: pipemgr poll -c {plain(name)}, unless a watch or a worker is running", err=True)


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
