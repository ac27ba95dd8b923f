"""`pipemgr sync` and `pipemgr poll`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from pipemgr.ingest.poller import Polled
from pipemgr.plan.apply import Applied, Fate
from pipemgr.service import syncing
from pipemgr.service.runtime import opened

from .planning import show_applied
from .render import NO_CONNECTIONS, connection_option, count, json_option, plain, print_json, told

FAILED = 1


@click.command()
@connection_option()
@json_option
def sync(connection: str | None, as_json: bool) -> None:
    """Publish what changed and poll what happened, once.

    The main job, to be run as often as you like: a second run right after changes nothing.
    """
    with opened() as runtime:
        _run(syncing.sync(runtime, connection), as_json=as_json)


@click.command()
@connection_option()
@click.option("--once/--watch", default=True, help="Poll once and leave, or go on until a signal.")
@click.option(
    "--engine",
    metavar="NAME",
    default="embedded",
    show_default=True,
    help="What keeps --watch going; of the entry points `pipemgr.engines`.",
)
@json_option
def poll(connection: str | None, once: bool, engine: str, as_json: bool) -> None:
    """Poll what happened, once or with --watch.

    \b
    With --watch each connection is polled when it is due, several at once ([polling] workers), until a signal:
    the first SIGTERM or Ctrl-C lets running polls finish, for 20 seconds. Prints a line for every poll that saw
    something, one for every failure until it changes; with --json each line is an object. The configuration is
    read at the start only: start again after a change.
    """  # noqa: D301 - click wants the character
    if not once:
        from .operating import watch

        watch(engine, connection, as_json=as_json)
    with opened() as runtime:
        _run(syncing.poll_all(runtime, connection), as_json=as_json)


def _run(steps: Iterable[syncing.Step], *, as_json: bool) -> None:
    done = []
    for step in steps:
        done.append(step)
        if not as_json:
            _show(step)
    if as_json:
        print_json([_as_json(step) for step in done])
    elif not done:
        click.echo(NO_CONNECTIONS)
    raise SystemExit(FAILED if any(_failed(step) for step in done) else 0)


def _failed(step: syncing.Step) -> bool:
    return isinstance(step, syncing.Failure) or (isinstance(step, Applied) and step.fate is Fate.FAILED)


def _show(step: syncing.Step) -> None:
    match step:
        case Applied():
            show_applied(step)
        case Polled():
            click.echo(
                f"polled {step.connection}: {count(step.builds, 'build')} looked at,"
                f" {count(step.changes, 'change')} recorded"
            )
            for problem in step.problems:
                click.secho(f"  {plain(problem)}", fg="yellow", err=True)
        case syncing.Failure():
            click.secho(plain(f"failed {told(step.error, step.connection)}"), fg="red", err=True)
            if step.error.remedy:
                click.echo(f"  try: {plain(step.error.remedy)}", err=True)


def _as_json(step: syncing.Step) -> dict[str, Any]:
    match step:
        case Applied():
            return {"step": "apply", **step.model_dump(mode="json")}
        case Polled():
            return {"step": "poll", **step.model_dump(mode="json")}
        case syncing.Failure():
            error = {"error": str(step.error), "remedy": step.error.remedy, "retryable": step.retryable}
            return {"step": "failure", "connection": step.connection, **error}
