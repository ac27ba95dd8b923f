"""Containers: options without which an image does not do a vendor's work, added for it and left out for others."""

from __future__ import annotations

from pipemgr.mapping.rows import ImageRow
from pipemgr.model.definitions import Container, Pipeline, Stage

from .base import Dialect
from .report import Fidelity, Finding
from .tree import change_stages


def fitted(pipeline: Pipeline, source: Dialect, target: Dialect) -> tuple[Pipeline, tuple[Finding, ...]]:
    """The pipeline, whose stages run in containers with the options that `target` needs and `source` did not."""
    findings: list[Finding] = []

    def stage(one: Stage) -> Stage:
        box = one.container if isinstance(one.container, Container) else None
        mine, theirs = (_row(box, dialect) for dialect in (source, target))
        if box is None or (options := _options(box.options, mine, theirs)) == box.options:
            return one
        path = f"stages.{one.id}.container"
        why = theirs.note if theirs is not None else f"only {source.title} needs them"
        what = f"options {options or box.options} of {box.image}"
        findings.append(Finding(fidelity=Fidelity.EQUIVALENT, path=path, source="", what=what, why=why))
        return one.model_copy(update={"container": box.model_copy(update={"options": options})})

    changed = change_stages(pipeline, stage)
    return (changed, tuple(findings)) if findings else (pipeline, ())


def _row(box: Container | None, dialect: Dialect) -> ImageRow | None:
    return dialect.tables.image(box.image) if box is not None and dialect.tables is not None else None


def _options(said: str | None, mine: ImageRow | None, theirs: ImageRow | None) -> str | None:
    if mine is not None and theirs is None and said == mine.options:
        return None
    return theirs.options if theirs is not None and not said else said
