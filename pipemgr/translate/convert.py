"""Conversion: documents of one language become documents of another, and a report tells what became of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from pipemgr.errors import DefinitionError, InvalidPipeline, ParseError, TranslationRefused
from pipemgr.model.definitions import Pipeline

from .base import Dialect, Reading, Writing
from .document import DocumentSet
from .foreign import without_foreign
from .lowering import lower
from .manual import manual
from .matching import without_matches
from .node import Source
from .report import RANK, Fidelity, Finding, Outcome, Strictness, TranslationReport

_PLACE = re.compile(r":\d+:\d+$")


@dataclass(frozen=True)
class Conversion:
    """What a conversion made: documents (none where it failed), the report, and the pipeline in between."""

    documents: DocumentSet
    report: TranslationReport
    pipeline: Pipeline | None = None


def read(documents: DocumentSet, dialect: Dialect) -> Reading:
    """The pipeline that documents define.

    Raises `ParseError` and `InvalidPipeline` as readers do, the latter also for a reader's own slip: a value that
    the model refuses.
    """
    try:
        return dialect.reader.read(documents)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidPipeline(
            f"makes no valid pipeline: {'.'.join(map(str, first['loc']))}: {first['msg']}",
            where=_name(documents),
        ) from None


def write(pipeline: Pipeline, dialect: Dialect) -> Writing:
    """The documents that define `pipeline`; what the language cannot say is lowered or taken out, with findings."""
    return _write(pipeline, dialect)[1]


def _write(pipeline: Pipeline, dialect: Dialect) -> tuple[Pipeline, Writing]:
    """The pipeline as it was written, and the writing."""
    own, foreign, origins = without_foreign(pipeline, dialect)
    plain, matches = without_matches(own, dialect)
    lowered, findings = lower(plain, dialect.features, tokens=_has_tokens(dialect))
    writing = dialect.writer.write(lowered)
    told = map(origins.placed, (*matches, *findings, *writing.findings))
    return lowered, Writing(writing.documents, (*foreign, *told))


def _has_tokens(dialect: Dialect) -> bool:
    """Whether builds have a token of their own there."""
    tables = dialect.tables
    return tables is None or any(row.name == "token" for row, _ in tables.variables.contexts)


def convert(
    documents: DocumentSet, source: Dialect, target: Dialect, strictness: Strictness = Strictness.REPORT
) -> Conversion:
    """Convert documents from one language to another.

    What can't be read or written is no error here but a report with the outcome `failed`. Raises
    `TranslationRefused`, with the report, when anything is lost and `strictness` is `refuse`.
    """
    try:
        reading = read(documents, source)
        written, writing = _write(reading.pipeline, target)
    except DefinitionError as error:
        return failed(error, _name(documents), source, target)
    report = _report(documents, source, target, reading, written, writing)
    lost = report.worse_than(Fidelity.EQUIVALENT)
    if strictness is Strictness.REFUSE and lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        raise TranslationRefused(
            f"{lost[0].source}: {lost[0].what} would be {lost[0].fidelity}{more}",
            report=report,
            remedy="read the report; accept the loss with --strictness report, or change the pipeline",
        )
    return Conversion(writing.documents, report, reading.pipeline)


def _report(  # noqa: PLR0913 - all that is known of one translation
    documents: DocumentSet,
    source: Dialect,
    target: Dialect,
    reading: Reading,
    written: Pipeline,
    writing: Writing,
) -> TranslationReport:
    by_hand = manual(reading.pipeline, target) if source.name != target.name and not target.foreign else ()
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
            what="not readable" if isinstance(error, ParseError) else "no valid pipeline",
            why=message,
            remedy=error.remedy or "",
        )


def placed(where: str) -> str:
    """A place as `file:line:column`; what is wrong with a whole file stands at its beginning."""
    return where if _PLACE.search(where) else f"{where}:1:1"


def _name(documents: DocumentSet) -> str:
    return documents.documents[0].path if documents else ""
