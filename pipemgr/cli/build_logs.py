"""`pipemgr build logs`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click

from pipemgr.errors import AdapterError
from pipemgr.ledger.views import InstanceView
from pipemgr.model.status import State
from pipemgr.service import builds, control
from pipemgr.service.builds import LabelledLog, Started
from pipemgr.service.following import follow_logs
from pipemgr.service.runtime import Runtime, opened

from . import complete
from .build_options import BUILD, FAILED, interval_option, rhythm, tell, while_following
from .build_show import first_line
from .logtext import LogText
from .render import json_option, plain, print_json, print_line

Piece = tuple[LabelledLog, str] | None


@click.command()
@BUILD
@click.option(
    "--stage",
    metavar="NAME",
    help="Only logs of stages with this name or id.",
    shell_complete=complete.stages,
)
@click.option(
    "--step", metavar="NAME", help="Only logs of steps with this name or id.", shell_complete=complete.steps
)
@click.option("--failed", is_flag=True, help="Only logs of steps that did not end well.")
@click.option("-n", "--tail", "lines", type=click.IntRange(1), help="Only the last lines of each log.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the build is over.")
@interval_option
@json_option
def logs(  # noqa: PLR0913 - one for each option
    reference: str,
    connection: str | None,
    attempt: int | None,
    stage: str | None,
    step: str | None,
    failed: bool,
    lines: int | None,
    follow: bool,
    interval: float,
    as_json: bool,
) -> None:
    """Print the logs of a build.

    From the ledger; a log that is still being written is read from the vendor. With --follow and --json each piece
    of text is an object on a line of its own.
    """

    def chosen(one: LabelledLog) -> bool:
        return one.of(stage, step) and (one.bad or not failed)

    with opened() as runtime:
        view = builds.look(runtime, reference, attempt=attempt, connection=connection)
        snapshot = view.snapshot()
        if follow and not snapshot.status.finished:
            started = Started(view.build.connection, snapshot.ref, snapshot.build.number)
            with while_following(started.name):
                pieces = follow_logs(runtime, started, chosen, rhythm(interval), tell)
                print_pieces(pieces, lines=lines, as_json=as_json)
            return
        snapshot = control.newest(runtime, view)
        found = [one for one in builds.labelled(snapshot) if chosen(one)]
        if as_json:
            print_json([_log_json(runtime, view, one, lines) for one in found])
        elif not found:
            click.echo(_nothing(snapshot.status.state), err=True)
            raise SystemExit(FAILED if stage or step else 0)
        else:
            read = [_print_kept(runtime, view, one, lines) for one in found]
            raise SystemExit(0 if all(read) else FAILED)


def _nothing(state: State) -> str:
    if state is State.QUEUED:
        return "It has not begun: there are no logs yet. --follow waits for them."
    return "No log fits. `pipemgr build show` lists stages and steps."


def _print_kept(runtime: Runtime, view: InstanceView, one: LabelledLog, lines: int | None) -> bool:
    """Print a log as it is now; whether it could be read. One that can't be stops no other."""
    place = f"{one.stage} / {first_line(one.step)}"
    why = builds.unwritten(runtime, view, one.log)
    if why:
        tell(f"the log of {place} can be read when it is complete: {why}")
        return True
    _head(one)
    text = LogText()
    try:
        for piece in _pieces(runtime, view, one, lines):
            text.feed(piece)
    except AdapterError as error:
        tell(f"the log of {place} can't be read: {error}")
        return False
    finally:
        text.end()
    return True


def _head(one: LabelledLog) -> None:
    click.secho(f"==> {plain(one.stage)} / {first_line(one.step)}", bold=True)


def _pieces(runtime: Runtime, view: InstanceView, one: LabelledLog, lines: int | None) -> Iterable[str]:
    pieces = builds.read_log(runtime, view, one.log)
    return pieces if lines is None else [builds.tail(pieces, lines)]


def _log_json(runtime: Runtime, view: InstanceView, one: LabelledLog, lines: int | None) -> dict[str, Any]:
    text = "".join(_pieces(runtime, view, one, lines))
    return {**_names(one), "complete": one.log.complete, "text": text}


def _names(one: LabelledLog) -> dict[str, str]:
    return {"stage": one.stage, "step": one.step, "log": one.log.name}


def print_pieces(pieces: Iterator[Piece], *, lines: int | None = None, as_json: bool) -> None:
    """Print logs as their pieces come, each under its heading; with `lines` only the end of what is there at first."""
    pieces = _without_beginning(pieces, lines) if lines is not None else pieces
    if as_json:
        for piece in pieces:
            if piece is not None:
                print_line({**_names(piece[0]), "text": piece[1]})
        return
    texts: dict[str, LogText] = {}
    last = ""
    for piece in pieces:
        if piece is None:
            continue
        one, text = piece
        if one.log.name != last:
            if last:
                texts[last].end()
            _head(one)
            last = one.log.name
        texts.setdefault(last, LogText()).feed(text)
    for rest in texts.values():
        rest.end()


def _without_beginning(pieces: Iterator[Piece], lines: int) -> Iterator[Piece]:
    """The same pieces, but of the first round only the last lines of each log."""
    kept: dict[str, tuple[LabelledLog, builds.Tail]] = {}
    for piece in pieces:
        if piece is None:
            break
        one, text = piece
        kept.setdefault(one.log.name, (one, builds.Tail(lines)))[1].feed(text)
    for one, tail in kept.values():
        yield one, tail.text()
    yield from pieces


COMMANDS = (logs,)
