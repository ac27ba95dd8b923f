"""Item 4: executed equally."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from .equality import WAYS, compared, gaps, unexpected
from .executing import workflows
from .figures import Figure
from .ways import CIRCLECI

LEAST = 40
NAMES = {"fresh": "written again", "native": "through our own format", CIRCLECI: "through the other vendor"}


def figures() -> Iterator[Figure]:
    """The rows of the table."""
    yield Figure(4, "workflows that are executed here", len(workflows()), goal=LEAST)
    for name in WAYS:
        with tempfile.TemporaryDirectory() as folder:
            short, same = [], 0
            for path in workflows():
                try:
                    went, found = compared(path, name, Path(folder) / path.stem)
                except AssertionError as error:
                    short.append(f"{path.stem}: {' '.join(str(error).split())[:300]}")
                    continue
                same += not found
                told = unexpected(path, went, found) + (gaps(path) if name == CIRCLECI else [])
                short += [f"{path.stem}: {one}" for one in told]
        what = f"{NAMES[name]}: same jobs, cells, steps and outcomes"
        yield Figure(4, what, same, of=len(workflows()), goal=None if name == CIRCLECI else 1.0)
        if name == CIRCLECI:
            wrong = len({one.partition(":")[0] for one in short})
            what = f"{NAMES[name]}: the same, or announced by a finding"
            yield Figure(4, what, len(workflows()) - wrong, of=len(workflows()), goal=1.0, short=tuple(short))
