"""Jobs: folders, multibranch projects and organisations opened level by level, some levels with one request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from .builds import Data

LEVELS: Final = 4
"""How many levels of folders one request opens; deeper ones are asked on their own, to any depth."""
PAGE: Final = 100
"""How many builds are listed at once: `allBuilds` loads each from disk."""
_FIELDS: Final = "fullName,url,lastBuild[number,timestamp,building]"
ROWS: Final = "number,timestamp,building"


class Row(NamedTuple):
    """A build as a list tells it; `timestamp` in milliseconds since 1970."""

    number: int
    timestamp: int
    building: bool = False


@dataclass(frozen=True)
class Job:
    """A job and its newest build."""

    name: str
    last: Row | None


def tree(levels: int = LEVELS) -> str:
    """What is asked of a folder: its jobs with their newest builds, `levels` deep."""
    inner = ""
    for _ in range(levels):
        inner = f"jobs[{_FIELDS}{',' if inner else ''}{inner}]"
    return inner


def row(one: Any) -> Row | None:
    """A build of a list; None for what is none."""
    number, timestamp = (
        (one.get(name) for name in ("number", "timestamp")) if isinstance(one, dict) else (0, 0)
    )
    if not isinstance(number, int) or not isinstance(timestamp, int) or not (number > 0 and timestamp > 0):
        return None
    return Row(number, timestamp, bool(one.get("building")))


def walk(ask: Callable[[str | None], Data], watch: tuple[str, ...]) -> Iterator[Job]:
    """All jobs that one of the patterns names; `ask(None)` asks the root, `ask(name)` a folder.

    What has no `lastBuild` at all is a container: of those that the answer does not open, the content is asked for.
    """
    unopened: list[str | None] = [None]
    while unopened:
        for item in _items(ask(unopened.pop())):
            name = str(item.get("fullName") or "")
            if "lastBuild" in item:
                if any(fnmatchcase(name, pattern) for pattern in watch):
                    yield Job(name, row(item["lastBuild"]))
            elif "jobs" not in item and name:
                unopened.append(name)


def _items(answer: Data) -> Iterator[Data]:
    items = answer.get("jobs")
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            yield item
            yield from _items(item)
