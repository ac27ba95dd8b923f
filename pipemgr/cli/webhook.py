"""`pipemgr webhook`: webhooks that somebody else received."""

from __future__ import annotations

import sys

import click

from pipemgr.service import webhooks
from pipemgr.service.runtime import opened

from . import complete
from .render import count, json_option, plain, print_json


@click.group()
def webhook() -> None:
    """Take webhooks that a proxy or a queue relays."""


@webhook.command()
@click.argument("connection", shell_complete=complete.connections)
@click.option(
    "-H",
    "--header",
    "headers",
    metavar="'NAME: VALUE'",
    multiple=True,
    help="A header as it came; to be repeated for each that the vendor's signature needs.",
)
@json_option
def receive(connection: str, headers: tuple[str, ...], as_json: bool) -> None:
    """Take a webhook of a connection, whose body comes from standard input.

    The signature is checked over the body as it came, byte by byte. Nothing of it is recorded: it says where to look,
    and the next poll, which is due now, does. The same delivery a second time changes nothing.
    """
    named = dict(_header(one) for one in headers)
    body = sys.stdin.buffer.read(webhooks.LARGEST + 1)
    with opened() as runtime:
        found = webhooks.receive(runtime, connection, named, body)
    if as_json:
        print_json({"connection": connection, **found.model_dump(mode="json")})
    else:
        builds = f", {count(found.builds, 'build')} to look at" if found.builds else ""
        click.echo(plain(f"{found.status}: {found.event} {found.delivery} for {connection}{builds}"))


def _header(text: str) -> tuple[str, str]:
    name, mark, value = text.partition(":")
    if not mark or not name.strip():
        raise click.BadParameter(f"{text!r}: write 'NAME: VALUE'", param_hint="--header")
    return name.strip(), value.strip()
