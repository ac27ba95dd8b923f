"""`pipemgr worker`, `pipemgr beat` and what `pipemgr poll --watch` shares with them."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from pipemgr.config import find
from pipemgr.ingest.engines import Engine
from pipemgr.service import operating

from .render import json_option
from .watching import Lines

INTERRUPTED = 130


@click.command()
@json_option
def worker(as_json: bool) -> None:
    """Poll what a beat hands out (engine celery).

    Goes on until a signal; the first one lets running polls finish. Start as many workers as you like, on any machine
    that reaches the ledger's database and the broker. Prints a line for every poll that saw something, and one for
    every failure until it changes. The configuration is read at the start only.
    """
    lines = Lines(as_json=as_json)
    raise SystemExit(operating.engine(find(Path.cwd()), operating.CELERY, lines).work_forever())


@click.command()
@json_option
def beat(as_json: bool) -> None:
    """Hand out to workers what is due (engine celery).

    Goes on until a signal. One is enough; a second one does no harm and goes on when the first is gone. The
    configuration is read at the start only.
    """
    watch(operating.CELERY, as_json=as_json)


def watch(name: str, only: str | None = None, *, as_json: bool) -> NoReturn:
    """Keep the engine of this name going, for all connections or for one."""
    lines = Lines(as_json=as_json)
    _run(operating.engine(find(Path.cwd()), name, lines, only), lines)


def _run(engine: Engine, lines: Lines) -> NoReturn:
    """Keep an engine going until a signal; leaves with 0 after SIGTERM, 130 after Ctrl-C.

    A second signal ends the process as it stands, which costs no more than a crash: the work is done again.
    """
    came: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        if came:
            _leave(INTERRUPTED)
        came.append(number)
        engine.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    lines.begin()
    left = engine.run_forever()
    lines.end(left)
    code = INTERRUPTED if signal.SIGINT in came else 0
    if left:
        _leave(code)  # Python would wait for the threads of polls that don't end
    raise SystemExit(code)


def _leave(code: int) -> NoReturn:
    sys.stdout.flush()
    os._exit(code)
