"""What a person must provide at a new vendor: secrets, configured values, runners, environments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pipemgr.model.definitions import Environment, Pipeline, Runner
from pipemgr.model.expressions import Access, Expression, Literal, Name

from .base import Dialect
from .node import Source
from .report import Fidelity, Finding
from .tree import expressions, walk

_KEPT: Final = {"secrets": "secret", "config": "configured value"}
"""Contexts whose values a vendor keeps outside of definitions."""
_REMEDIES: Final = {
    "secret": "create the secret {name} in {target}",
    "configured value": "create the value {name} in {target}",
    "runner": "register a runner with {name} in {target}, or name another one",
    "environment": "create the environment {name} in {target}, with its protection",
}


@dataclass(frozen=True)
class Need:
    """One thing to provide, and the model paths that need it."""

    kind: str
    name: str
    paths: tuple[str, ...]

    def finding(self, source: Source, target: Dialect) -> Finding:
        """The one finding that names all its places."""
        places = dict.fromkeys(map(source.place, self.paths))
        return Finding(
            fidelity=Fidelity.MANUAL,
            path=self.paths[0],
            source=next(iter(places)),
            what=f"{self.kind} {self.name}",
            why=f"not part of the definition; needed at {', '.join(places)}",
            remedy=_REMEDIES[self.kind].format(name=self.name, target=target.title),
        )


def manual(pipeline: Pipeline) -> tuple[Need, ...]:
    """Everything that the definition only names, each thing once.

    The build's own token is no secret to create: every vendor has one.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for kind, name, path in (*_named(pipeline), *_defined(pipeline)):
        found.setdefault((kind, name), []).append(path)
    return tuple(Need(kind, name, tuple(dict.fromkeys(paths))) for (kind, name), paths in found.items())


def _named(pipeline: Pipeline) -> Iterator[tuple[str, str, str]]:
    for path, expression in expressions(pipeline):
        for node in expression.walk():
            match node:
                case Access(Name(context), key) if context in _KEPT:
                    yield _KEPT[context], _shown(key), path


def _shown(key: Expression) -> str:
    return key.value if isinstance(key, Literal) and isinstance(key.value, str) else f"(by name: {key})"


def _defined(pipeline: Pipeline) -> Iterator[tuple[str, str, str]]:
    for path, value in walk(pipeline):
        match value:
            case Runner(labels=labels, group=group) if labels or group:
                words = [f"labels {', '.join(labels)}"] * bool(labels) + [f"group {group}"] * bool(group)
                yield "runner", " and ".join(words), path
            case Environment(name=name) if "${{" not in name:
                yield "environment", name, path
