"""`pipemgr doctor`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from pipemgr.service.doctor import examine

from .render import json_option, plain, print_json

FAILED = 1


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Find what is wrong with this installation and workspace.

    Leaves with 1 when something is.
    """
    found = []
    for one in examine(Path.cwd()):
        found.append(one)
        if not as_json:
            word = click.style("ok", fg="green") if one.well else click.style("WRONG", fg="red")
            click.echo(f"{word}  {plain(f'{one.subject}: {one.message}', lines=True)}")
            if one.remedy:
                click.echo(f"    try: {plain(one.remedy)}")
    if as_json:
        print_json([asdict(one) for one in found])
    raise SystemExit(0 if all(one.well for one in found) else FAILED)
