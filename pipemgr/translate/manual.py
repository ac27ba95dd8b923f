"""What a person must provide at a new vendor: secrets, configured values, runners, environments."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import Environment, Matrix, Pipeline, Runner, Stage
from pipemgr.model.expressions import Access, Expression, ExpressionError, Literal, Name
from pipemgr.model.templates import template

from .base import Dialect
from .matrix import cells
from .node import Source
from .report import Fidelity, Finding
from .secret_names import created, rule
from .tree import expressions, walk

_KEPT: Final = {"secrets": "secret", "config": "configured value"}
"""Contexts whose values a vendor keeps outside of definitions."""
_PLACES: Final = (_ENVIRONMENT := "stage.environment", _CONTEXTS := "stage.contexts")
"""Features whose values a person creates; where the target lacks one, lowering says what takes its place."""
_REMEDIES: Final = {
    "secret": "create the secret {name} in {target}",
    "configured value": "create the value {name} in {target}",
    "runner": "register a runner with {name} in {target}, or name another one",
    "context": "create the context {name} in {target}, with its secrets, and say who may use it",
    "environment": "create the environment {name} in {target}, with its protection",
}


@dataclass(frozen=True)
class Need:
    """One thing to provide, and the model paths that need it."""

    kind: str
    name: str
    paths: tuple[str, ...]

    def _remedy(self, target: Dialect) -> str:
        """What to do; secrets that have other names there are named by both."""
        names = created(self.name, rule(target)) if self.kind == "secret" else (self.name,)
        shown = " and ".join(names)
        remedy = _REMEDIES[self.kind].format(name=shown, target=target.title)
        return remedy if names == (self.name,) else f"{remedy}, with what {self.name} holds"

    def finding(self, source: Source, target: Dialect) -> Finding:
        """The one finding that names all its places."""
        places = dict.fromkeys(map(source.place, self.paths))
        return Finding(
            fidelity=Fidelity.MANUAL,
            path=self.paths[0],
            source=next(iter(places)),
            what=f"{self.kind} {self.name}",
            why=f"not part of the definition; needed at {', '.join(places)}",
            remedy=self._remedy(target),
            kind=self.kind,
            places=tuple(places),
        )


def manual(pipeline: Pipeline, target: Dialect, source: Dialect | None = None) -> tuple[Need, ...]:
    """Everything that the definition only names and the target has not by itself, each thing once.

    `source` says which labels are hosted machines at the vendor that the definition comes from.
    """
    found: dict[tuple[str, str], list[str]] = {}
    hosted = _hosted(target, source)
    for kind, name, path in (*_named(pipeline, target.tables), *_defined(pipeline, target, hosted)):
        found.setdefault((kind, name), []).append(path)
    return tuple(Need(kind, name, tuple(dict.fromkeys(paths))) for (kind, name), paths in found.items())


def _named(pipeline: Pipeline, tables: Tables | None) -> Iterator[tuple[str, str, str]]:
    given = tables.variables.secrets if tables else ()
    for path, expression in expressions(pipeline):
        for node in expression.walk():
            match node:
                case Access(Name("secrets"), Literal(str(name))) if name.lower() in given:
                    continue
                case Access(Name(context), key) if context in _KEPT:
                    yield _KEPT[context], _shown(key), path


def _shown(key: Expression) -> str:
    return key.value if isinstance(key, Literal) and isinstance(key.value, str) else f"(by name: {key})"


def _hosted(target: Dialect, source: Dialect | None) -> frozenset[str]:
    """Labels of machines that the target hosts: its own, and the source's for a machine that both have."""
    ours = target.tables.runners.ours if target.tables else {}
    theirs = source.tables.runners.ours if source and source.tables else {}
    return frozenset(ours) | {label for label, machine in theirs.items() if machine in ours.values()}


def _defined(pipeline: Pipeline, target: Dialect, hosted: Collection[str]) -> Iterator[tuple[str, str, str]]:
    has = {name for name in _PLACES if target.features.get(name, True)}
    for path, value in walk(pipeline):
        match value:
            case Pipeline(runner=Runner() as runner) | Stage(runner=Runner() as runner):
                matrix = value.matrix if isinstance(value, Stage) else None
                words = _machines(runner, matrix, hosted)
                yield from (("runner", one, f"{path}.runner".lstrip(".")) for one in words)
            case Environment(name=name) if "${{" not in name and _ENVIRONMENT in has:
                yield "environment", name, path
        if isinstance(value, Stage) and _CONTEXTS in has:
            yield from (("context", one, f"{path}.contexts[{at}]") for at, one in enumerate(value.contexts))


def _machines(runner: Runner, matrix: Matrix | None, hosted: Collection[str]) -> Iterator[str]:
    """The machines that are not hosted: those that a matrix names, one by one."""
    if any("opaque(" in label for label in runner.labels):
        return  # told where that is taken out
    if len(runner.labels) == 1 and runner.group is None:
        labels = _values(runner.labels[0], matrix)
        yield from dict.fromkeys(f"labels {label}" for label in labels if label.lower() not in hosted)
    elif runner.labels or runner.group:
        words = [f"labels {', '.join(runner.labels)}"] * bool(runner.labels)
        yield " and ".join(words + [f"group {runner.group}"] * bool(runner.group))


def _values(label: str, matrix: Matrix | None) -> tuple[str, ...]:
    """What `${{ matrix.axis }}` stands for; the label itself where that is not known."""
    match _parts(label):
        case (Access(Name("matrix"), Literal(str(axis))),):
            values = [cell.get(axis) for cell in (cells(matrix) if matrix else None) or ()]
            if values and all(isinstance(value, str) for value in values):
                return tuple(map(str, values))
    return (label,)


def _parts(text: str) -> tuple[str | Expression, ...]:
    try:
        return template(text)
    except ExpressionError:
        return ()
