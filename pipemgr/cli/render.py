"""How results are shown: tables for people, JSON for machines."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from pipemgr.errors import PipemgrError

from . import complete

NO_CONNECTIONS = (
    "No connections are configured. Add one to pipemgr.toml: [connections.NAME], then `adapter = ...`"
)
NARROWEST = 8
"""Characters that a column keeps, however narrow the terminal."""
_BETWEEN = "  "
COLOURS = {
    "success": "green",
    "failure": "red",
    "error": "red",
    "timed_out": "red",
    "unstable": "yellow",
    "unknown": "yellow",
    "running": "cyan",
    "queued": "blue",
    "waiting": "magenta",
}


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: str, *, lines: bool = False) -> str:
    """A stranger's text on one line (or, with `lines`, on its own), fit for a terminal.

    Control characters, which could rewrite the screen, and what is no text are shown as escapes.
    """
    if lines:
        return "\n".join(map(plain, text.split("\n")))
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def told(error: PipemgrError, connection: str) -> str:
    """An error with its connection, which most errors name as their place already."""
    return str(error) if error.where == connection else f"{connection}: {error}"


def json_option(command: Any) -> Any:
    """The option `--json`, the same on every command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")(command)


def connection_option(text: str = "Only this connection.") -> Callable[[Any], Any]:
    """The option `--connection`."""
    return click.option("-c", "--connection", metavar="NAME", help=text, shell_complete=complete.connections)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_json))


def print_line(value: Any) -> None:
    """One JSON document on one line, for what goes on."""
    click.echo(json.dumps(value, ensure_ascii=False, default=_json))


def _json(value: Any) -> str:
    """What JSON has no type for; moments as ISO 8601 has them."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, empty: str) -> None:
    """Rows under their headings; what to do next when there are none.

    On a terminal the widest columns are cut until a line fits; piped output has no colours and is never cut.
    """
    found = list(rows)
    if not found:
        click.echo(empty)
        return
    cells = [[_cell(row.get(column)) for column in columns] for row in found]
    titles = [column.replace("_", " ").upper() for column in columns]
    widths = [max(len(line[at]) for line in (titles, *cells)) for at in range(len(columns))]
    if sys.stdout.isatty():
        widths = fitting(widths, shutil.get_terminal_size().columns)
    click.secho(_line(titles, widths), dim=True)
    for line in cells:
        click.echo(_line(line, widths))


def fitting(widths: Sequence[int], room: int) -> list[int]:
    """The widths of columns in a line of `room` characters: the widest give way, none goes below what is legible.

    The first keeps its width: it is what a row is called.
    """
    first, others = list(widths[:1]), list(widths[1:])
    excess = sum(widths) + len(_BETWEEN) * len(others) - room
    while excess > 0 and max(others, default=0) > NARROWEST:
        others[others.index(max(others))] -= 1
        excess -= 1
    return first + others


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    cut = [
        cell if len(cell) <= width else f"{cell[: width - 1]}…"
        for cell, width in zip(cells, widths, strict=True)
    ]
    padded = [coloured(cell) + " " * (width - len(cell)) for cell, width in zip(cut, widths, strict=True)]
    return _BETWEEN.join(padded).rstrip()


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return ago(value)
    return "-" if value is None or value == "" else plain(str(value).replace("\n", " "))


def coloured(word: str) -> str:
    """A status word in its colour, anything else as it is."""
    return click.style(word, fg=COLOURS[word]) if word in COLOURS else word


def count(number: int, thing: str) -> str:
    """`1 stage`, `2 stages`."""
    return f"{number:,} {thing}{'s' * (number != 1)}"


def status(state: str, result: str | None) -> str:
    """One word for a status: the result when there is one."""
    return result or state


def ago(moment: datetime) -> str:
    """How long ago, or in how long, in the largest unit that fits."""
    passed = (datetime.now(UTC) - moment).total_seconds()
    return f"{_span(passed)} ago" if passed > -1 else f"in {_span(-passed)}"


def _span(passed: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if passed >= size:
            return f"{int(passed // size)}{unit}"
    return f"{max(int(passed), 0)}s"


def took(start: datetime | None, end: datetime | None) -> str | None:
    """How long something took, or None while that is not known."""
    if start is None or end is None:
        return None
    passed = max((end - start).total_seconds(), 0.0)
    if passed < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{passed:.1f}s"
    return f"{int(passed // 60)}m{int(passed % 60):02d}s"
