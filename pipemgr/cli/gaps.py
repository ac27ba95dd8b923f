"""`pipemgr gaps`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from pipemgr.ledger.gaps import GapRow
from pipemgr.service import losses
from pipemgr.service.runtime import opened

from . import complete
from .render import connection_option, json_option, plain, print_json, table

FOUND = 1
COLUMNS = ("id", "connection", "pipeline", "since", "until", "expected", "found", "reason", "detected")
HOLES = ("connection", "pipeline", "first", "last", "numbers")


@click.command()
@connection_option()
@click.option("--all", "closed", is_flag=True, help="Also those that were closed.")
@click.option(
    "--close",
    "close",
    metavar="ID",
    help="Close this one: its builds were found, or are given up.",
    shell_complete=complete.gaps,
)
@click.option("--holes", is_flag=True, help="Numbers that no known build has, instead; not always a loss.")
@json_option
def gaps(connection: str | None, closed: bool, close: str | None, holes: bool, as_json: bool) -> None:
    """List builds that are missing for sure. Leaves with 1 when there are open gaps.

    A gap is what a vendor counts and does not tell, or what was found late. ID may be the beginning of one.
    """
    with opened() as runtime:
        runtime.connections(connection)
        if close is not None:
            _closed(losses.close_gap(runtime, close), as_json=as_json)
            return
        if holes:
            _show_holes(
                [{**asdict(one), "numbers": one.size} for one in runtime.ledger.queries.holes(connection)],
                as_json=as_json,
            )
            return
        found = runtime.ledger.queries.gaps(connection, closed=closed)
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        table([_row(one) for one in found], COLUMNS, empty="No gaps: nothing is known to be missing.")
    raise SystemExit(FOUND if any(one.closed_at is None for one in found) else 0)


def _closed(gap: GapRow, *, as_json: bool) -> None:
    if as_json:
        print_json({"closed": str(gap.id)})
    else:
        click.echo(plain(f"closed the gap of {gap.pipeline} at {gap.connection}: {gap.reason}"))


def _show_holes(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        table(found, HOLES, empty="No holes: the numbers of all builds follow one another.")


def _row(gap: GapRow) -> dict[str, Any]:
    return {
        **asdict(gap),
        "id": str(gap.id),
        "detected": gap.detected_at,
        "reason": gap.reason + (" (closed)" if gap.closed_at else ""),
    }
