"""Planning and applying: from definition files to what vendors have."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from pipemgr.adapter.base import Published
from pipemgr.errors import (
    AuthenticationFailed,
    ConfigurationError,
    DefinitionError,
    InvalidPipeline,
    LanguageFault,
    NoSuchObject,
    Refused,
)
from pipemgr.ingest.recorder import Recorder
from pipemgr.plan.apply import Applied, Fate, apply
from pipemgr.plan.plan import Change, Desired, Invalid, Orphan, Plan, Unplanned, change
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import placed, read
from pipemgr.translate.document import DocumentSet, load

from .runtime import Runtime
from .translation import problems as all_problems


def definitions(runtime: Runtime) -> tuple[Desired, ...]:
    """Every pipeline of the workspace, in the order of its files.

    Raises `InvalidPipeline` with the problems of all files at once, and when two files define one pipeline.
    """
    found, problems = valid_definitions(runtime)
    refuse(problems)
    return found


def valid_definitions(runtime: Runtime) -> tuple[tuple[Desired, ...], tuple[Invalid, ...]]:
    """Every pipeline of the workspace that is defined once and well, and what is wrong with the other files."""
    found: dict[str, Desired] = {}
    twice: set[str] = set()
    problems: list[Invalid] = []
    for path in _files(runtime):
        try:
            desired = _read(runtime, path)
        except DefinitionError as error:
            several = all_problems(error, _relative(path))
            problems += [Invalid(where=where, message=message) for where, message in several]
            continue
        name = desired.pipeline.name
        first = found.setdefault(name, desired)
        if first is not desired:
            twice.add(name)
            message = f"pipeline {name!r} is already defined in {first.source}"
            problems.append(Invalid(where=placed(desired.source), message=message))
    return tuple(one for name, one in found.items() if name not in twice), tuple(problems)


def refuse(problems: tuple[Invalid, ...]) -> None:
    """Raise `InvalidPipeline` with all problems, if there are any."""
    if problems:
        pairs = tuple((one.where, one.message) for one in problems)
        raise InvalidPipeline(pairs[0][1], where=pairs[0][0], problems=pairs)


def _files(runtime: Runtime) -> Iterator[Path]:
    root = runtime.workspace.root
    seen: set[Path] = set()
    for pattern in runtime.workspace.config.definitions.files:
        for path in _glob(root, pattern, runtime.workspace.path):
            if not path.is_dir() and path not in seen:
                seen.add(path)
                yield path


def _glob(root: Path, pattern: str, where: Path) -> list[Path]:
    try:
        return sorted(root.glob(pattern))
    except (NotImplementedError, ValueError) as error:
        raise ConfigurationError(
            f"definitions.files: {pattern!r} can't be used: {error}",
            where=str(where),
            remedy='name files relative to this one, such as "pipelines/*.yaml"',
        ) from None


def _read(runtime: Runtime, path: Path) -> Desired:
    shown = _relative(path)
    languages = runtime.languages
    reading = read(DocumentSet(documents=(load(path, shown),)), languages.get(languages.guess(shown)))
    return Desired(pipeline=reading.pipeline, source=shown)


def _relative(path: Path) -> str:
    """The path as a user would type it from where they are."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def plan(runtime: Runtime, only: str | None = None) -> Plan:
    """What applying would change, at all connections or at the one named.

    A file that is invalid is told in the plan, and the others are planned; raises `InvalidPipeline` when none is left.
    """
    desired, invalid = valid_definitions(runtime)
    if not desired:
        refuse(invalid)
    names = runtime.connections(only)
    found = tuple(one for name in names for one in _changes(runtime, name, desired))
    return Plan(
        made_at=datetime.now(UTC),
        changes=tuple(one for one in found if isinstance(one, Change)),
        orphans=() if invalid else tuple(one for name in names for one in _orphans(runtime, name, found)),
        failures=tuple(one for one in found if isinstance(one, Unplanned)),
        invalid=invalid,
    )


def _orphans(runtime: Runtime, connection: str, found: tuple[Change | Unplanned, ...]) -> Iterator[Orphan]:
    defined = {one.pipeline for one in found if one.connection == connection}
    for published in runtime.ledger.queries.publications(connection=connection):
        if published.pipeline not in defined:
            yield Orphan(connection=connection, pipeline=published.pipeline)


def _changes(runtime: Runtime, connection: str, desired: tuple[Desired, ...]) -> Iterator[Change | Unplanned]:
    configured = runtime.workspace.config.connections[connection]
    adapter = runtime.adapter(connection)
    dialect = runtime.languages.get(configured.adapter)
    for one in desired:
        name = one.pipeline.name
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in configured.pipelines):
            try:
                live = adapter.fetch(name)
            except AuthenticationFailed:
                raise  # not about this one pipeline
            except Refused as error:
                remedy = error.remedy or ""
                yield Unplanned(connection=connection, pipeline=name, error=error.message, remedy=remedy)
                continue
            yield _change(runtime, connection, one, dialect, live)


def _change(
    runtime: Runtime, connection: str, desired: Desired, dialect: Dialect, live: DocumentSet
) -> Change | Unplanned:
    """What applying one pipeline would change, or what broke down over it."""
    name = desired.pipeline.name
    publication = runtime.ledger.queries.publication(connection, name)
    applied = publication.model if publication else None
    try:
        return change(connection, desired, dialect=dialect, applied=applied, live=live)
    except LanguageFault as error:
        remedy = error.remedy or ""
        return Unplanned(connection=connection, pipeline=name, error=error.message, remedy=remedy)


def carry_out(runtime: Runtime, planned: Plan) -> Iterator[Applied]:
    """Apply a plan, change by change; what was published is recorded and sealed as it happens."""
    recorder = Recorder(runtime.ledger)

    def record(one: Change, published: Published) -> None:
        recorder.record_definition(
            one.connection,
            one.definition,
            model=one.wanted,
            documents=one.documents,
            fingerprint=published.fingerprint,
            url=published.url,
            observer=runtime.observer,
        )

    for one in planned.changes:
        if one.connection not in runtime.workspace.config.connections:
            raise NoSuchObject(f"the plan names a connection {one.connection!r} that is not configured")
        yield apply(one, runtime.adapter(one.connection), record)
    for failure in planned.failures:
        yield Applied(fate=Fate.FAILED, **failure.model_dump())
    runtime.ledger.store.seal()


def load_plan(path: Path) -> Plan:
    """A plan saved by `pipemgr plan -o`."""
    try:
        return Plan.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"can't be read: {error.strerror}", where=str(path)) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigurationError(
            f"is no plan: {place}: {first['msg']}",
            where=str(path),
            remedy="make one with `pipemgr plan -o FILE`",
        ) from None
