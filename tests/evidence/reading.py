"""Item 1: every real file is read or refused with a place, none crashes, and every node is accounted for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipemgr.errors import DefinitionError, InvalidPipeline
from pipemgr.translate.convert import Conversion

from .corpus import FOLDERS, File, conversion, files, other, outcome
from .figures import Figure
from .ways import NATIVE

PLACE = re.compile(r".+:\d+:\d+")


def figures() -> Iterator[Figure]:
    """The rows of the table."""
    for kind in FOLDERS:
        all_of = files(kind)
        read = [file for file in all_of if outcome(file).pipeline is not None]
        refused = [file for file in all_of if outcome(file).refusal is not None]
        placed = [file for file in refused if placed_refusal(outcome(file).refusal)]
        yield Figure(1, f"{kind} read", len(read), of=len(all_of))
        told = len(read) + len(placed)
        yield Figure(
            1, f"{kind} read, or refused with file:line", told, of=len(all_of), goal=1.0, short=_why(refused)
        )
        wrong = crashes(all_of)
        yield Figure(1, f"tracebacks, {kind}", len(wrong), goal=0, most=True, short=tuple(wrong))
        lacking = [file.name for file in read if not accounted(file)]
        short = tuple(lacking)
        yield Figure(
            1, f"{kind} with complete accounts", len(read) - len(lacking), of=len(read), goal=1.0, short=short
        )


def _why(refused: list[File]) -> tuple[str, ...]:
    return tuple(f"{file.name} refused: {outcome(file).refusal}" for file in refused)


def placed_refusal(error: DefinitionError | None) -> bool:
    """Whether a refusal names the line of everything that is wrong."""
    problems = error.problems if isinstance(error, InvalidPipeline) else ()
    where = [place for place, _ in problems] or [error.where if error and error.where else ""]
    return all(PLACE.fullmatch(place) for place in where)


def crashes(all_of: tuple[File, ...]) -> list[str]:
    """What must never happen, over reading and all conversions."""
    found = [f"{file.name}: {outcome(file).crash}" for file in all_of if outcome(file).crash]
    for file in all_of:
        for target in (file.language, NATIVE, other(file)):
            made = conversion(file, target)
            if isinstance(made, str):
                found.append(f"{file.name} to {target}: {made}")
    return found


def accounted(file: File) -> bool:
    """Whether each node of the source is in one bucket, and each finding has a place, in all conversions."""
    return all(
        isinstance(made, Conversion) and complete(made)
        for made in (conversion(file, target) for target in (file.language, NATIVE, other(file)))
    )


def complete(made: Conversion) -> bool:
    """Whether the accounts of one conversion are complete."""
    counts = made.report.accounting.model_dump()
    placed = all(PLACE.fullmatch(finding.source) for finding in made.report.findings)
    return bool(counts.pop("nodes") == sum(counts.values())) and placed
