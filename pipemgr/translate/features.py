"""Language features: what a pipeline may say, taken from the model itself, so that none can be forgotten.

Every optional field of a definition is a feature (`stage.services`, `trigger.paths-ignore`), and so is every
value of a field that only few vendors know (`parameter.choice`, `trigger.opaque`). A new field of the model is at
once a feature that each `adapter.yaml` has to answer.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Final, Literal, get_args, get_origin

from pipemgr.model import definitions
from pipemgr.model.definitions import OPAQUE, Definition, Pipeline, Step, Trigger

from .tree import defaults, parts, rebuild, spelling

_STRUCTURE: Final = frozenset({"pipeline.stages", "stage.steps", "step.inputs", "matrix.axes"})
"""What a definition consists of: no language can do without."""


@dataclass(frozen=True)
class Feature:
    """One thing that a pipeline may say; with a `value`, only that value of the field."""

    name: str
    kind: type[Definition]
    field: str
    value: str | None = None

    @property
    def description(self) -> str:
        """What it is, in one line."""
        text = descriptions().get((self.kind.__name__, self.field), "")
        return text if self.value is None else f"The {self.field} {self.value!r}. {text}"

    def used_by(self, definition: Definition) -> bool:
        """Whether the definition, by itself, says it."""
        if type(definition) is not self.kind:
            return False
        found = getattr(definition, self.field)
        return bool(found == self.value if self.value else found != defaults(self.kind)[self.field])


def _kinds() -> Iterator[type[Definition]]:
    """The classes of the model, from the pipeline inwards, in the order of their first mention."""
    known: list[type[Definition]] = [Pipeline]
    for kind in known:
        for field in kind.model_fields.values():
            known.extend(one for one in _mentioned(field.annotation) if one not in known)
    yield from known


def _mentioned(annotation: Any) -> Iterator[type[Definition]]:
    if inspect.isclass(annotation) and issubclass(annotation, Definition):
        yield annotation
    for argument in get_args(annotation):
        yield from _mentioned(argument)


def _of(kind: type[Definition]) -> Iterator[Feature]:
    prefix = kind.__name__.lower()
    for field, default in defaults(kind).items():
        annotation = kind.model_fields[field].annotation
        if get_origin(annotation) is Literal:
            values = (value for value in get_args(annotation) if value != default)
            yield from (Feature(f"{prefix}.{value}", kind, field, value) for value in values)
        elif (name := f"{prefix}.{spelling(kind)[field]}") not in _STRUCTURE:
            yield Feature(name, kind, field)


def _all() -> Iterator[Feature]:
    for kind in _kinds():
        yield from _of(kind)
    yield Feature("trigger.opaque", Trigger, "event", OPAQUE)
    yield Feature("step.opaque", Step, "action", OPAQUE)


FEATURES: Final[Mapping[str, Feature]] = {feature.name: feature for feature in _all()}
"""Every language feature by name, from the pipeline inwards."""


@cache
def descriptions() -> Mapping[tuple[str, str], str]:
    """The first line below each field of the model, by class and field: read when documentation is made."""
    found = {}
    for kind in ast.parse(inspect.getsource(definitions)).body:
        body = kind.body if isinstance(kind, ast.ClassDef) else []
        for field, below in pairwise(body):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[kind.name, name] = " ".join(text.split())  # type: ignore[attr-defined]
    return found


def used(pipeline: Pipeline) -> dict[str, tuple[str, ...]]:
    """The features that the pipeline uses, each with the model paths of its uses."""
    found: dict[str, list[str]] = {}
    for path, value in parts(pipeline):
        said = vars(value)
        for field, default, features in _by_field()[type(value)]:
            if said[field] != default:
                for feature in features:
                    if feature.used_by(value):
                        found.setdefault(feature.name, []).append(_at(path, feature))
    return {name: tuple(found[name]) for name in FEATURES if name in found}


def _at(path: str, feature: Feature) -> str:
    """Where a feature is used by the definition at a path."""
    shown = spelling(feature.kind)[feature.field]
    return path if feature.value == OPAQUE else f"{path}.{shown}" if path else shown


@cache
def _by_field() -> Mapping[type[Definition], tuple[tuple[str, Any, tuple[Feature, ...]], ...]]:
    """The features of each class, by their fields; with the default, which uses none of them."""
    found: dict[type[Definition], dict[str, list[Feature]]] = {kind: {} for kind in _kinds()}
    for one in FEATURES.values():
        found[one.kind].setdefault(one.field, []).append(one)
    return {
        kind: tuple((name, defaults(kind).get(name), tuple(several)) for name, several in fields.items())
        for kind, fields in found.items()
    }


def without(pipeline: Pipeline, name: str) -> Pipeline:
    """The pipeline with a feature taken out: its field at the default, opaque steps and triggers gone."""
    feature = FEATURES[name]

    def change(value: Any) -> Definition | None:
        if not feature.used_by(value):
            return value  # type: ignore[no-any-return]
        if feature.value == OPAQUE:
            return None
        return value.model_copy(update={feature.field: defaults(feature.kind)[feature.field]})  # type: ignore[no-any-return]

    return rebuild(pipeline, change)
