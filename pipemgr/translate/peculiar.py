"""Peculiar words: programs and folders in scripts and paths that only the source's machines have, told to people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from pipemgr.mapping.rows import WordRow
from pipemgr.model.definitions import Pipeline, Stage

from .base import Dialect
from .report import Fidelity, Finding


def peculiar(pipeline: Pipeline, source: Dialect, target: Dialect) -> tuple[Finding, ...]:
    """A finding for each text that names what only the machines of `source` have; a neutral language keeps them."""
    if target.foreign or source.tables is None:
        return ()
    rows = source.tables.words
    places = (place for stage in pipeline.stages for place in _texts(stage)) if rows else ()
    return tuple(_finding(path, row) for path, text in places for row in _named(text, rows))


def _texts(stage: Stage) -> Iterator[tuple[str, str]]:
    path = f"stages.{stage.id}"
    for at, step in enumerate(stage.steps):
        texts = ((f"{path}.steps[{at}].inputs.{key}", value) for key, value in step.inputs.items())
        yield from ((place, value) for place, value in texts if isinstance(value, str))
        yield from ((f"{path}.steps[{at}].variables.{key}", value) for key, value in step.variables.items())
    yield from ((f"{path}.variables.{name}", value) for name, value in stage.variables.items())


def _named(text: str, rows: Iterable[WordRow]) -> Iterator[WordRow]:
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return (row for row in rows if _pattern(row.text).search(lines))


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """The text as words of their own, whatever spaces are between them."""
    words = r"\s+".join(map(re.escape, text.split()))
    return re.compile(rf"(?<![\w./-]){words}(?![\w-])" if text[-1].isalnum() else words)


def _finding(path: str, row: WordRow) -> Finding:
    return Finding(
        fidelity=Fidelity(row.fidelity),
        path=path,
        source="",
        what=row.text,
        why=row.why,
        remedy=row.remedy,
    )
