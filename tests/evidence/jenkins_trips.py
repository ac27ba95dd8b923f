"""Items 12 and 14: Jenkinsfiles are read or refused with their lines, and mean the same when they are written again."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipemgr.translate.convert import Conversion

from .corpus import JENKINSFILES, File, conversion, files, folder, of_folder, outcome
from .figures import Figure
from .reading import complete, placed_refusal
from .round_trips import bytes_differ, model_differs
from .ways import CIRCLECI, GITHUB, JENKINS, NATIVE

READ, TRIPS = 12, 14
LEAST_EQUAL = 0.97
PAIRS = ("pmd-groovy-json", "pmd-groovy-only")
"""Jenkinsfiles of Jenkins' own tests."""
_DECLARATIVE = re.compile(r"(?m)^\s*pipeline\s*\{")


def figures() -> Iterator[Figure]:
    """The rows of the table."""
    own = files(JENKINSFILES)
    yield from _reading(own)
    root = folder()
    assert root is not None, "PIPEMGR_CORPUS is not set"
    tests = tuple(file for name in PAIRS for file in of_folder(JENKINSFILES, root / "pairs" / name))
    read = [file for file in (*own, *tests) if outcome(file).pipeline is not None]
    kinds = {
        "declarative Jenkinsfiles": [file for file in read if _DECLARATIVE.search(file.text)],
        "scripted Jenkinsfiles": [file for file in read if not _DECLARATIVE.search(file.text)],
    }
    for kind, all_of in kinds.items():
        goal = LEAST_EQUAL if kind.startswith("declarative") else None
        yield _row(f"{kind} written anew read back equal", all_of, map(model_differs, all_of), goal)
    yield _row("Jenkinsfiles unedited are byte-identical", read, map(bytes_differ, read), 1.0)


def _reading(all_of: tuple[File, ...]) -> Iterator[Figure]:
    refused = [outcome(file).refusal for file in all_of]
    placed = ("" if one is None or placed_refusal(one) else str(one) for one in refused)
    yield Figure(READ, "Jenkinsfiles read", refused.count(None), of=len(all_of))
    yield _row("Jenkinsfiles read, or refused with file:line", all_of, placed, 1.0, READ)
    crashed = (next((one for one in _made(file) if isinstance(one, str)), "") for file in all_of)
    yield _row("Jenkinsfiles without a traceback", all_of, crashed, 1.0, READ)
    read = [file for file in all_of if outcome(file).pipeline is not None]
    lacking = ("" if all(map(_accounted, _made(file))) else "incomplete" for file in read)
    yield _row("Jenkinsfiles with complete accounts", read, lacking, 1.0, READ)


def _made(file: File) -> list[Conversion | str]:
    return [conversion(file, target) for target in (JENKINS, NATIVE, GITHUB, CIRCLECI)]


def _accounted(made: Conversion | str) -> bool:
    return isinstance(made, Conversion) and complete(made)


def _row(
    what: str,
    all_of: tuple[File, ...] | list[File],
    found: Iterator[str],
    goal: float | None,
    item: int = TRIPS,
) -> Figure:
    short = tuple(f"{file.name}: {why}" for file, why in zip(all_of, found, strict=True) if why)
    return Figure(item, what, len(all_of) - len(short), of=len(all_of), goal=goal, short=short)
