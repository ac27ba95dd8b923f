"""Round trips: what a language writes is read back, and every difference has been told.

    trip = round_trip(pipeline, dialect)
    assert trip.untold() == ()

Equal or reported: a writer may change what its language can't say, but never without a finding at that place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pipemgr.mapping.catalogue import catalogue
from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import HINTS, OPAQUE, Definition, Pipeline, Stage, Step
from pipemgr.model.expressions import Access, Expression, Literal, Name, transform
from pipemgr.translate.base import Dialect, Reading, Writer, Writing
from pipemgr.translate.convert import read, write
from pipemgr.translate.node import prefixes
from pipemgr.translate.report import Finding
from pipemgr.translate.rewriting import rewritten
from pipemgr.translate.tree import rebuild, walk

ABSENT: Final = "(absent)"
"""What a difference has on the side where nothing stands."""


@dataclass(frozen=True)
class Difference:
    """One place of the model where what was read back is not what was written."""

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        """For people."""
        return f"{self.path}: {self.before!r} came back as {self.after!r}"


@dataclass(frozen=True)
class RoundTrip:
    """A pipeline written and read back."""

    given: Pipeline
    """What the writer was given: lowered to what its language can say."""
    writing: Writing
    """What the writer made and said; without what the hub said while it lowered."""
    reading: Reading
    scripts: frozenset[str] = frozenset()
    """Paths of the steps that a row of the tables writes as a script: they come back as one."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that was said of the way there and back."""
        return (*self.writing.findings, *self.reading.findings)

    def untold(self, *, names: bool = False) -> tuple[Difference, ...]:
        """The differences that no finding names: none, if the dialect is sound.

        With `names` the language has names of stages only and makes ids of them, and an order of its own for triggers.
        """
        told = self.scripts.union(finding.path for finding in self.findings)
        after = self.reading.pipeline
        return tuple(differences(self.given, _as_before(self.given, after) if names else after, told))


class _Watched(Writer):
    """A writer that remembers what it was given, and what it made of it."""

    def __init__(self, inner: Writer) -> None:
        self.inner = inner
        self.given: list[tuple[Pipeline, Writing]] = []

    def write(self, pipeline: Pipeline) -> Writing:
        """What the inner writer writes."""
        writing = self.inner.write(pipeline)
        self.given.append((pipeline, writing))
        return writing


def round_trip(pipeline: Pipeline, dialect: Dialect) -> RoundTrip:
    """`pipeline` as `dialect` writes it and reads it back.

    Raises `DefinitionError` where the writer refuses it, or the reader refuses what was written.
    """
    watched = _Watched(dialect.writer)
    documents = write(pipeline, replace(dialect, writer=watched)).documents
    given, writing = watched.given[-1]
    return RoundTrip(given, writing, read(documents, dialect), frozenset(_scripts(given, dialect.tables)))


def _scripts(pipeline: Pipeline, tables: Tables | None) -> Iterator[str]:
    rows = tables.steps if tables is not None and tables.has("steps") else None
    for path, value in walk(pipeline):
        row = rows.write(value.action) if rows is not None and isinstance(value, Step) else None
        if row is not None and row.run is not None:
            yield path


def differences(
    before: Pipeline, after: Pipeline, told: frozenset[str] = frozenset()
) -> Iterator[Difference]:
    """Where two pipelines differ, by model path, but for hints, defaults and what lies at paths that were `told`."""
    yield from _compare(_plain(before), _plain(after), "", told)


def _as_before(before: Pipeline, after: Pipeline) -> Pipeline:
    """`after` with the ids that its stages had, and its triggers in the order that they had, which says nothing."""
    known, now = ({stage.id for stage in one.stages} for one in (before, after))
    lost = {stage.name: stage.id for stage in before.stages if stage.id not in now}
    new = (stage for stage in after.stages if stage.id not in known)
    ids = {stage.id: lost[stage.name] for stage in new if stage.name is not None and stage.name in lost}

    def renamed(stage: Stage) -> Stage:
        needs = tuple(ids.get(one, one) for one in stage.needs)
        return stage.model_copy(update={"id": ids.get(stage.id, stage.id), "needs": needs})

    def asked(node: Expression) -> Expression:
        match node:
            case Access(Name("needs" | "stages") as those, Literal(str(name))) if name in ids:
                return Access(those, Literal(ids[name]))
        return node

    events = list(dict.fromkeys(trigger.event for trigger in (*before.triggers, *after.triggers)))
    triggers = sorted(after.triggers, key=lambda one: events.index(one.event))
    stages = tuple(map(renamed, after.stages))
    same = after.model_copy(update={"stages": stages, "triggers": tuple(triggers)})
    return rewritten(same, lambda node: transform(node, asked)) if ids else same


def _plain(pipeline: Pipeline) -> dict[str, Any]:
    """A pipeline's data with its stages by their ids, as paths have them, and without what says nothing."""
    data: dict[str, Any] = rebuild(pipeline, _said).data()
    return {**data, "stages": {stage["id"]: stage for stage in data.get("stages", ())}}


def _said(value: Any) -> Definition:
    """A definition without hints, without inputs at their defaults, and without what opaque steps do.

    The last is for other vendors: their own works it out anew whenever it reads.
    """
    update: dict[str, Any] = {}
    if getattr(value, "vendor", None):
        own = {
            name: {key: one for key, one in kept.items() if key != HINTS}
            for name, kept in value.vendor.items()
        }
        update["vendor"] = {name: kept for name, kept in own.items() if kept}
    if isinstance(value, Step) and value.action in catalogue().actions:
        known = catalogue().actions[value.action].inputs
        update["inputs"] = {
            name: _lines(one) if name in known and known[name].type == "lines" else one
            for name, one in value.inputs.items()
            if not (name in known and one == known[name].default)
        }
    if isinstance(value, Step) and value.action == OPAQUE:
        update["inputs"].pop("steps", None)
    return value.model_copy(update=update)  # type: ignore[no-any-return]


def _lines(value: Any) -> Any:
    """A list as the text that means the same: one entry a line."""
    return "\n".join(map(str, value)) if isinstance(value, list) else value


def _told(path: str, told: frozenset[str]) -> bool:
    """Whether a finding is about the path or what it lies in."""
    return not told.isdisjoint(prefixes(path))


def _compare(before: Any, after: Any, path: str, told: frozenset[str]) -> Iterator[Difference]:
    if before == after and type(before) is type(after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in {**before, **after}:
            below = f"{path}.{key}" if path else key
            yield from _compare(before.get(key, ABSENT), after.get(key, ABSENT), below, told)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _sequences(before, after, path, told)
    elif not (_told(path, told) or _all_told(before, after, path, told)):
        yield Difference(path, before, after)


def _all_told(before: Any, after: Any, path: str, told: frozenset[str]) -> bool:
    """Whether a mapping is gone of which each entry was told."""
    entries = before if isinstance(before, Mapping) and after is ABSENT else {}
    return bool(entries) and all(_told(f"{path}.{key}", told) for key in entries)


def _sequences(before: list[Any], after: list[Any], path: str, told: frozenset[str]) -> Iterator[Difference]:
    """Two lists side by side; elements may be missing from the second one if they were told of, or be new in it."""
    at = 0
    for index, one in enumerate(before):
        while len(after) - at > len(before) - index and after[at] != one and one in after[at:]:
            yield from _compare(ABSENT, after[at], f"{path}[{at}]", told)
            at += 1
        here = f"{path}[{index}]"
        there = after[at] if at < len(after) else ABSENT
        gone = len(before) - index > len(after) - at
        if gone and there != one and _told(here, told):
            continue
        yield from _compare(one, there, here, told)
        at += 1
    for index, one in enumerate(after[at:], max(len(before), at)):
        yield from _compare(ABSENT, one, f"{path}[{index}]", told)
