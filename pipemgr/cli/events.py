"""`pipemgr events`."""

from __future__ import annotations

import json
from difflib import get_close_matches

import click

from pipemgr.model.events import ALL_EVENTS
from pipemgr.service import evidence
from pipemgr.service.runtime import opened

from . import complete
from .render import json_option, plain


def _known(_ctx: click.Context, _param: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    """Names of events as they are given, none of them misspelt: nothing would ever match."""
    for name in names:
        if name not in ALL_EVENTS:
            near = get_close_matches(name, ALL_EVENTS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(ALL_EVENTS)}."
            raise click.BadParameter(f"there is no event {name!r}; {hint}")
    return names


@click.command()
@click.option("--after", type=click.IntRange(0), default=0, help="Only events past this number.")
@click.option("-f", "--follow", is_flag=True, help="Wait for more, until interrupted.")
@click.option("-n", "--limit", type=click.IntRange(1), help="Leave after this many.")
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="EVENT",
    callback=_known,
    help="Only events of this name, such as build.create; may be repeated.",
    shell_complete=complete.events,
)
@json_option
def events(after: int, follow: bool, limit: int | None, names: tuple[str, ...], as_json: bool) -> None:
    """Print events, from any point on.

    With --json one CloudEvents 1.0 object a line.
    """
    shown = 0
    with opened() as runtime:
        for event in evidence.events(runtime, after, follow=follow):
            if names and event.name not in names:
                continue
            if as_json:
                click.echo(json.dumps(event.cloudevent(), ensure_ascii=False))
            else:
                changed = f"  ({', '.join(event.changed)})" if event.changed else ""
                subject = event.data.get("name") or event.data.get("message") or event.subject
                first, *_ = str(subject).split("\n", 1)
                click.echo(f"{event.sequence:>8}  {event.name:<22}  {plain(first + changed)}")
            shown += 1
            if limit is not None and shown >= limit:
                return
