"""One way each: documents become a pipeline, a pipeline becomes documents."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import TypeVar

from pydantic import ValidationError

from pipemgr.errors import InvalidPipeline, LanguageFault, PipemgrError
from pipemgr.model.definitions import Pipeline

from .base import Dialect, Reading, Writing
from .crons import cron_problem
from .document import DocumentSet
from .early import asked_in_time, filled_in, plain_defaults
from .filed import filed
from .foreign import without_foreign
from .latest import latest
from .lowering import lower
from .matching import without_matches
from .names import undefined
from .report import Fidelity, Finding
from .sayable import sayable
from .secret_names import kept
from .spreading import certain_times, spreads
from .starting import only_where_started
from .surplus import few_parameters
from .workspaces import without_workspaces


def read(documents: DocumentSet, dialect: Dialect) -> Reading:
    """The pipeline that documents define.

    Raises `ParseError` and `InvalidPipeline` as readers do, the latter also for a reader's own slip: a value that
    the model refuses. Whatever else a reader may raise is a `LanguageFault`.
    """
    path = documents.documents[0].path if documents else ""
    try:
        reading = _answer(dialect.reader.read(documents), Reading, "reader", dialect)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidPipeline(
            f"makes no valid pipeline: {'.'.join(map(str, first['loc']))}: {first['msg']}",
            where=path,
        ) from None
    except PipemgrError:
        raise
    except Exception as error:
        raise _fault(error, "reader", dialect, path) from error
    reading.source.findings += _doubts(reading, spread=spreads(dialect))
    return reading


def _doubts(reading: Reading, *, spread: bool) -> Iterator[Finding]:
    """What is kept as it stands, and can hardly be meant: names that nothing defines, times that are none."""
    place, kept = reading.source.place, Fidelity.EQUIVALENT
    for path, name, instead in dict.fromkeys(undefined(reading.pipeline)):
        why = "nothing here defines it, so it is empty"
        yield Finding(fidelity=kept, path=path, source=place(path), what=name, why=why, remedy=instead)
    for at, trigger in enumerate(reading.pipeline.triggers):
        path, text = f"triggers[{at}].cron", trigger.cron
        known = text is not None and "${{" not in text
        problem = cron_problem(text, spreads=spread) if text is not None and known else None
        if problem:
            remedy = "write five fields, such as 30 4 * * 1-5"
            yield Finding(
                fidelity=kept,
                path=path,
                source=place(path),
                what=f"cron {text!r}",
                why=problem,
                remedy=remedy,
            )


def write(pipeline: Pipeline, dialect: Dialect) -> Writing:
    """The documents that define `pipeline`; what the language cannot say is lowered or taken out, with findings."""
    return written(pipeline, dialect)[1]


def written(pipeline: Pipeline, dialect: Dialect) -> tuple[Pipeline, Writing]:
    """The pipeline as it was written, and the writing. What a writer's own fault raises is a `LanguageFault`."""
    timed, times = certain_times(pipeline, dialect)
    chosen, defaults = plain_defaults(timed, dialect)
    fewer, surplus = few_parameters(chosen, dialect)
    plainer, strange = sayable(fewer, dialect)
    secrets = kept(plainer, dialect)
    shared = without_workspaces(secrets.pipeline, dialect)
    own, foreign, origins = without_foreign(shared.pipeline, dialect)
    early = asked_in_time(filled_in(own, dialect), dialect)
    known = early.pipeline if dialect.foreign else filed(early.pipeline, dialect)
    started, starts = only_where_started(known, dialect)
    plain, matches = without_matches(started, dialect)
    lowered, findings = lower(plain, dialect.features, tokens=_has_tokens(dialect))
    try:
        writing = _answer(dialect.writer.write(lowered), Writing, "writer", dialect)
    except PipemgrError:
        raise
    except Exception as error:
        raise _fault(error, "writer", dialect, None) from error
    late = map(early.moved.placed, (*starts, *matches, *findings, *writing.findings))
    told = map(origins.placed, (*early.findings, *late))
    moved = map(shared.moved.placed, (*foreign, *told))
    placed = map(secrets.moved.placed, (*shared.findings, *moved))
    return lowered, Writing(
        writing.documents, (*times, *defaults, *surplus, *strange, *secrets.findings, *placed)
    )


_Answer = TypeVar("_Answer")


def _answer(answer: object, kind: type[_Answer], role: str, dialect: Dialect) -> _Answer:
    if isinstance(answer, kind):
        return answer
    raise TypeError(
        f"the {role} of {dialect.name} answered with {type(answer).__name__}, not {kind.__name__}"
    )


def _fault(error: Exception, role: str, dialect: Dialect, where: str | None) -> LanguageFault:
    """What a fault in somebody's reader or writer looks like to a user: whose, over which file, where in the code."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return LanguageFault(
        f"the {role} of {dialect.name} broke down: {type(error).__name__}: {error} "
        f"({place.filename}:{place.lineno})",
        where=where,
        remedy=f"report it to the author of the {dialect.name} adapter, with the file; other files are not affected",
    )


@latest
def _has_tokens(dialect: Dialect) -> bool:
    """Whether builds have a token of their own there."""
    tables = dialect.tables
    return tables is None or any(row.name == "token" for row, _ in tables.variables.contexts)
