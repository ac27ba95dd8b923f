"""Options that the commands about builds have in common."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import click

from pipemgr.service.following import Rhythm

from . import complete
from .render import connection_option, plain

FAILED = 1
WHERE = connection_option("Where, if builds of several connections have this name.")


def BUILD(command: Any) -> Any:  # noqa: N802 - reads like the argument it adds
    """The argument BUILD with the options that tell builds and attempts of one name apart."""
    for add in (
        click.option(
            "-a", "--attempt", type=click.IntRange(1), help="Which attempt; the newest unless given."
        ),
        WHERE,
        click.argument("reference", metavar="BUILD", shell_complete=complete.builds),
    ):
        command = add(command)
    return command


interval_option: Callable[[Any], Any] = click.option(
    "-i",
    "--interval",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 3600),
    default=3.0,
    show_default=True,
    help="How often to ask the vendor.",
)


def rhythm(seconds: float) -> Rhythm:
    """How often to ask, by this machine's clock."""
    return Rhythm(seconds, sleep=time.sleep)


def tell(text: str) -> None:
    """Say something beside the output."""
    click.echo(plain(text), err=True)


@contextlib.contextmanager
def while_following(name: str) -> Iterator[None]:
    """Whoever stops following a build is told that the build itself goes on."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(err=True)  # behind the ^C of the terminal
        tell(f"{name} goes on; `pipemgr build watch {name}` follows it again")
        raise
