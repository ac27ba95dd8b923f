"""`pipemgr ledger`: verify, show and retain."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from pipemgr.errors import LedgerError
from pipemgr.ledger.views import EntryView
from pipemgr.service import builds, evidence, retention
from pipemgr.service.runtime import opened

from . import complete
from .render import json_option, plain, print_json, table

FAILED = 1
EMPTY = "The ledger is empty. `pipemgr sync` fills it."


@click.group()
def ledger() -> None:
    """Verify and show the ledger, and let go of what is old."""


@ledger.command()
@click.option(
    "--public-key",
    metavar="PEM",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Check the checkpoints' signatures with this key.",
)
@click.option(
    "--checkpoint",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Check that the ledger still holds what this checkpoint, kept from earlier, vouches for.",
)
@click.option("--logs", is_flag=True, help="Read every log that is kept too, and compare it with its digest.")
@json_option
def verify(public_key: Path | None, checkpoint: Path | None, logs: bool, as_json: bool) -> None:
    """Verify that nothing in the ledger was changed, removed, added or reordered.

    Leaves with 1 and names the first bad entry when something was.
    """
    with opened() as runtime:
        found = evidence.verified(runtime, public_key=public_key, against=checkpoint, logs=logs)
    if as_json:
        print_json({"ok": found.ok, **asdict(found)})
    elif found.ok:
        root = f", root {found.root}" if found.root else ""
        fresh = f", {found.unsealed} not yet sealed" if found.unsealed else ""
        click.echo(f"{click.style('ok', fg='green')}: {found.size} sealed entries{root}{fresh}")
    else:
        for problem in found.problems:
            click.secho(plain(str(problem)), fg="red")
    raise SystemExit(0 if found.ok else FAILED)


@ledger.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@json_option
def retain(dry_run: bool, as_json: bool) -> None:
    """Let go of logs and builds that are older than `[retention]` of pipemgr.toml says.

    Builds that are not finished stay, and what the ledger says about those that go is kept for ever.
    """
    with opened() as runtime:
        found = retention.retain(runtime, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, **asdict(found)})
        return
    verb = "would go" if dry_run else "are gone"
    files = "" if dry_run else f"; {found.files} files removed ({found.bytes:,} bytes)"
    click.echo(f"{found.builds} builds and {found.logs} logs of others {verb}{files}")


@ledger.command()
@click.argument("reference", metavar="[BUILD]", required=False, shell_complete=complete.builds)
@click.option("--after", type=int, default=-1, help="Only entries past this position.")
@click.option(
    "-n", "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many."
)
@json_option
def show(reference: str | None, after: int, limit: int, as_json: bool) -> None:
    """Show entries, of the whole ledger or of one build."""
    with opened() as runtime:
        build = builds.look(runtime, reference).build.id if reference else None
        entries = runtime.ledger.queries.entries(after=after, limit=limit, build=build)
    if as_json:
        print_json([{"position": one.position, **one.entry.model_dump(mode="json")} for one in entries])
    else:
        table(
            [_row(one) for one in entries], ("position", "time", "change", "message", "observer"), empty=EMPTY
        )


def _row(view: EntryView) -> dict[str, Any]:
    entry = view.entry
    return {
        "position": "unsealed" if view.position is None else view.position,
        "time": entry.time.isoformat(sep=" ", timespec="seconds"),
        "change": entry.change,
        "message": entry.message,
        "observer": entry.observer,
    }


@ledger.command()
@json_option
def checkpoint(as_json: bool) -> None:
    """Print the newest checkpoint, as JSON in any case.

    Keep it somewhere else: `pipemgr ledger verify --checkpoint FILE` then proves that nothing it vouches for was
    rewritten since.
    """
    del as_json  # said for clarity in scripts
    with opened() as runtime:
        newest = runtime.ledger.store.seal()
    if newest is None:
        raise LedgerError("the ledger is empty", remedy="`pipemgr sync` fills it")
    click.echo(newest.model_dump_json(indent=2))
