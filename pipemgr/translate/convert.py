"""Conversion: documents of one language become documents of another, and a report tells what became of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipemgr.errors import DefinitionError, InvalidPipeline, LanguageFault, ParseError, TranslationRefused
from pipemgr.model.definitions import Pipeline

from .base import Dialect, Reading, Writing
from .between import carried
from .document import DocumentSet
from .edit import edit
from .manual import Need
from .node import Source
from .report import RANK, Accounting, Fidelity, Finding, Outcome, Strictness, TranslationReport
from .ways import read, write, written

__all__ = ["Conversion", "convert", "failed", "placed", "read", "write"]

_UNREADABLE = {ParseError: "not readable", LanguageFault: "a fault of an adapter"}
_PLACE = re.compile(r":\d+:\d+$")


@dataclass(frozen=True)
class Conversion:
    """What a conversion made: documents (none where it failed), the report, and the pipeline in between."""

    documents: DocumentSet
    report: TranslationReport
    pipeline: Pipeline | None = None


def convert(
    documents: DocumentSet,
    source: Dialect,
    target: Dialect,
    strictness: Strictness = Strictness.REPORT,
    *,
    onto: DocumentSet | None = None,
) -> Conversion:
    """Convert documents from one language to another; afresh, or as the smallest change of documents there are.

    `onto` has documents in the target's language: comments and layout of what needs no change are kept.
    What can't be read or written is no error here but a report with the outcome `failed`. Raises
    `TranslationRefused`, with the report, when anything is lost and `strictness` is `refuse`.
    """
    try:
        reading = read(documents, source)
        way = carried(reading.pipeline, source, target)
        made, writing = _made(way.pipeline, target, onto)
    except DefinitionError as error:
        return failed(error, _name(documents), source, target)
    if onto is not None and documents and writing.documents == documents:
        return Conversion(documents, _untouched(documents, source, target, reading), reading.pipeline)
    report = _report(documents, source, target, reading, made, way.told(writing), way.needs)
    lost = report.worse_than(Fidelity.EQUIVALENT)
    if strictness is Strictness.REFUSE and lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        raise TranslationRefused(
            f"{lost[0].source}: {lost[0].what} would be {lost[0].fidelity}{more}",
            report=report,
            remedy="read the report; accept the loss with --strictness report, or change the pipeline",
        )
    return Conversion(writing.documents, report, reading.pipeline)


def _made(pipeline: Pipeline, target: Dialect, onto: DocumentSet | None) -> tuple[Pipeline, Writing]:
    """The pipeline as the target can say it, and the writing."""
    if onto is None:
        return written(pipeline, target)
    writing = edit(pipeline, target, onto)
    return (written(pipeline, target)[0] if writing.findings else pipeline), writing


def _untouched(
    documents: DocumentSet, source: Dialect, target: Dialect, reading: Reading
) -> TranslationReport:
    """The report on documents that come back as they were: what nobody understands is still in them."""
    nodes = len(reading.source.nodes)
    return TranslationReport(
        source=_name(documents),
        origin=source.name,
        target=target.name,
        outcome=Outcome.SUCCESSFUL,
        accounting=Accounting(nodes=nodes, exact=nodes),
    )


def _report(  # noqa: PLR0913 - all that is known of one translation
    documents: DocumentSet,
    source: Dialect,
    target: Dialect,
    reading: Reading,
    written: Pipeline,
    writing: Writing,
    by_hand: tuple[Need, ...],
) -> TranslationReport:
    losses = _worst(
        (
            *((finding.path, finding.fidelity) for finding in writing.findings),
            *((path, Fidelity.MANUAL) for need in by_hand for path in need.paths),
        )
    )
    findings = (
        *reading.findings,
        *(_placed(finding, reading.source) for finding in writing.findings),
        *(need.finding(reading.source, target) for need in by_hand),
    )
    return TranslationReport(
        source=_name(documents),
        origin=source.name,
        target=target.name,
        outcome=_outcome(findings, reading.pipeline, written),
        findings=findings,
        accounting=reading.source.accounting(losses),
    )


def _placed(finding: Finding, source: Source) -> Finding:
    return finding if finding.source else finding.model_copy(update={"source": source.place(finding.path)})


def _worst(losses: Iterable[tuple[str, Fidelity]]) -> dict[str, Fidelity]:
    found: dict[str, Fidelity] = {}
    for path, fidelity in losses:
        found[path] = max(found.get(path, fidelity), fidelity, key=RANK.__getitem__)
    return found


def _outcome(findings: tuple[Finding, ...], before: Pipeline, after: Pipeline) -> Outcome:
    if all(RANK[finding.fidelity] <= RANK[Fidelity.EQUIVALENT] for finding in findings):
        return Outcome.SUCCESSFUL
    return Outcome.UNSUPPORTED if _works(before) and not _works(after) else Outcome.PARTIAL


def _works(pipeline: Pipeline) -> bool:
    """Whether there is any work to do, a vendor's own kind included."""
    return any(stage.steps or stage.vendor for stage in pipeline.stages)


def failed(error: DefinitionError, path: str, source: Dialect, target: Dialect) -> Conversion:
    """The conversion that came to nothing, for a document at `path` that can't be read or written."""
    report = TranslationReport(
        source=path,
        origin=source.name,
        target=target.name,
        outcome=Outcome.FAILED,
        findings=tuple(_failures(error, path)),
    )
    return Conversion(DocumentSet(), report)


def _failures(error: DefinitionError, name: str) -> Iterator[Finding]:
    problems = error.problems if isinstance(error, InvalidPipeline) else ()
    for where, message in problems or ((error.where or name, error.message),):
        yield Finding(
            fidelity=Fidelity.DROPPED,
            path="",
            source=placed(where),
            what=_UNREADABLE.get(type(error), "no valid pipeline"),
            why=message,
            remedy=error.remedy or "",
        )


def placed(where: str) -> str:
    """A place as `file:line:column`; what is wrong with a whole file stands at its beginning."""
    return where if _PLACE.search(where) else f"{where}:1:1"


def _name(documents: DocumentSet) -> str:
    return documents.documents[0].path if documents else ""
