"""`pipemgr init`."""

from __future__ import annotations

from pathlib import Path

import click

from pipemgr.service.workspace import create


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path))
def init(folder: Path) -> None:
    """Make a workspace: pipemgr.toml and a first pipeline.

    In DIR, or here. It starts with a connection that runs pipelines on this machine.
    """
    for path in create(folder):
        click.echo(f"wrote {path}")
    there = "" if folder == Path() else f"cd {folder} && "
    click.echo(f"\nNext: {there}pipemgr plan")
