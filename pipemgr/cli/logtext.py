"""Log texts on a terminal: what a build printed, with its colours and without anything that could do harm."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

import click

LONGEST_LINE = 1024 * 1024
"""Characters after which a line is printed although its end has not come."""
_RESET = "\x1b[0m"
# ECMA-48: control sequences, strings (which set titles and clipboards) up to their terminator, and the rest.
_ESCAPE = re.compile(
    "(?P<colour>\x1b\\[[0-9;:]*m)|\x1b\\[[0-?]*[ -/]*[@-~]|\x1b[\\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)?"
    "|\x1b[ -/]*[0-~]?|\x9b[0-?]*[ -/]*[@-~]"
)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(line: str, *, colours: bool) -> str:
    """A line without what moves the cursor or changes the terminal; other control characters become escapes."""

    def kept(found: re.Match[str]) -> str:
        return (found["colour"] or "") if colours else ""

    line = _ESCAPE.sub(kept, line)
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), line)


def colours_wanted() -> bool:
    """Whether colours are printed: as NO_COLOR and the like say, else on terminals."""
    context = click.get_current_context(silent=True)
    if context is not None and context.color is not None:
        return context.color
    return sys.stdout.isatty()


class LogText:
    """Prints a log that comes in pieces, line by line."""

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self._colours = colours_wanted()
        self._write = write or (lambda text: click.echo(text, nl=False, color=self._colours))
        self._rest = ""

    def feed(self, piece: str) -> None:
        """Print the lines that are whole by now."""
        text = self._rest + piece
        whole, end, self._rest = text.rpartition("\n")
        if end:
            self._print(whole)
        if len(self._rest) > LONGEST_LINE:
            self.end()

    def end(self) -> None:
        """Print what has no end."""
        if self._rest:
            self._print(self._rest)
        self._rest = ""

    def _print(self, text: str) -> None:
        # A lone carriage return overwrites what was there: each version becomes a line of its own.
        lines = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        shown = [harmless(line, colours=self._colours) for line in lines]
        reset = _RESET if self._colours and any("\x1b" in line for line in shown) else ""
        self._write("\n".join(shown) + reset + "\n")
        if sys.stdout is not None:
            sys.stdout.flush()
