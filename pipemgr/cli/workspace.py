"""`pipemgr init`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from pipemgr.service.workspace import create

from .render import json_option, plain, print_json


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path))
@json_option
def init(folder: Path, as_json: bool) -> None:
    """Make a workspace: pipemgr.toml and a first pipeline.

    In DIR, or here. It starts with a connection that runs pipelines on this machine.
    """
    written = create(folder)
    if as_json:
        print_json({"folder": str(folder), "written": [str(path) for path in written]})
        return
    for path in written:
        click.echo(f"wrote {plain(str(path))}")
    there = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    click.echo(f"\nNext: {there}pipemgr plan")
