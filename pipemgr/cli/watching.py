"""Watching: a line for every poll that saw something, one for every failure until it changes."""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime
from typing import Any

import click

from pipemgr.errors import PipemgrError
from pipemgr.ingest.poller import Polled

from .render import count, plain, told

HEARTBEAT_SECONDS = 60.0
"""How often somebody who watches on a terminal hears that all is well."""


class Lines:
    """Prints what polls did, for people or as one JSON object a line. Called from any thread, also after a fork."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._lock = threading.Lock()
        self._failing: dict[str, str] = {}
        self._polls = self._changes = 0
        self._ended = threading.Event()

    def __call__(self, name: str, outcome: Polled | PipemgrError) -> None:
        """Tell of one poll, if there is something to tell."""
        with self._lock:
            if isinstance(outcome, PipemgrError):
                self._failed(name, outcome)
            else:
                self._polled(name, outcome)

    def begin(self) -> None:
        """Say on a terminal, from time to time, how it goes."""
        if sys.stdout.isatty() and not self._json:
            click.echo("Watching. Ctrl-C ends it.")
            threading.Thread(target=self._beat, daemon=True).start()

    def end(self, left: int) -> None:
        """Say what could not be finished."""
        self._ended.set()
        if left:
            polls = "1 poll was" if left == 1 else f"{left} polls were"
            self._print(
                {"step": "end", "unfinished": left}, f"{polls} broken off; the next start does it again"
            )

    def _polled(self, name: str, polled: Polled) -> None:
        self._polls += 1
        self._changes += polled.changes
        if self._failing.pop(name, None) is not None:
            self._print({"step": "restored", "connection": name}, f"{name} answers again", fg="green")
        if polled.changes or polled.problems:
            looked, changed = count(polled.builds, "build"), count(polled.changes, "change")
            text = f"{name}: {looked} looked at, {changed} recorded"
            self._print({"step": "poll", **polled.model_dump(mode="json")}, text)
            for problem in polled.problems if not self._json else ():
                click.secho(f"  {plain(problem)}", fg="yellow", err=True)

    def _failed(self, name: str, error: PipemgrError) -> None:
        if self._failing.get(name) == str(error):
            return
        self._failing[name] = str(error)
        data = {"step": "failure", "connection": name, "error": str(error), "remedy": error.remedy}
        self._print(data, f"failed {plain(told(error, name))}", fg="red")
        if error.remedy and not self._json:
            click.echo(f"  try: {plain(error.remedy)}", err=True)

    def _print(self, data: dict[str, Any], text: str, fg: str | None = None) -> None:
        now = datetime.now(UTC)
        if self._json:
            click.echo(json.dumps({"time": now.isoformat(), **data}, ensure_ascii=False))
        else:
            click.secho(f"{now:%H:%M:%S} {text}", fg=fg, err=fg == "red")
        sys.stdout.flush()

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT_SECONDS):
            with self._lock:
                failing = f", failing: {plain(', '.join(sorted(self._failing)))}" if self._failing else ""
                click.secho(
                    f"{datetime.now(UTC):%H:%M:%S} {self._polls} polls, {self._changes} changes{failing}",
                    dim=True,
                )
                self._polls = self._changes = 0
