"""The plan of a pipeline's jobs: what each stage's jobs are called, and how workflows invoke them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, cells, ordered, said
from pipemgr.model.definitions import Data, Matrix, Pipeline, Stage
from pipemgr.model.expressions import Expression

from .executor_writer import ExecutorWriter, Place
from .folding import conjuncts
from .phrases import Phrases, plain
from .requires_writer import is_about_results
from .sharing import declared

ORDER: Final = ("name", "type", "matrix", "context", "serial-group", "requires", "filters")
_JOB: Final = re.compile(r"[^A-Za-z0-9_-]+")
_EXECUTOR: Final = re.compile(r"[a-z][a-z\d_-]*")
_MATRIX_LABEL: Final = re.compile(r"\$\{\{ matrix\.([\w-]+) \}\}")
_STATUS_NAME: Final = re.compile(r"[A-Za-z][A-Za-z\s\d_-]*")
"""Names that `requires` takes with a status."""


@dataclass
class Planned:
    """How a stage is written."""

    key: str
    """The job's name."""
    stage: Stage
    title: str | None = None
    """The invocation's name, where it is another."""
    parameters: dict[str, str] = field(default_factory=dict)
    """The job's parameters, by axis."""
    declared: Data = field(default_factory=dict)
    matrix: Data | None = None
    cells: tuple[Data, ...] = ()
    """The arguments of each invocation, where a matrix can't say it."""
    approval: bool = False
    """Whether it is nothing but an approval."""
    before: str | None = None
    """The approval that it waits for."""
    tests: tuple[Expression, ...] = ()
    """Conditions that only a run can tell."""
    forgiven: bool = False
    """Whether others go on when it fails."""

    place: Place | None = None
    """Where it runs, when a matrix decides."""

    @property
    def names(self) -> tuple[str, ...]:
        """What others require to wait for it."""
        if self.cells:
            return tuple(self._cell_name(cell) for cell in self.cells)
        return (self.key if self.matrix is not None else self.title or self.key,)

    def _cell_name(self, cell: Data) -> str:
        shown = [plain(value) for key, value in cell.items() if key not in _NOT_SHOWN]
        slug = "-".join(_JOB.sub("-", one).strip("-") for one in shown if one)
        return f"{self.key}-{slug}"[:100].rstrip("-")

    def invocations(self, common: Data, requires: list[JsonValue], suffix: str) -> Iterator[JsonValue]:
        """The entries of a workflow's `jobs`."""
        if self.before is not None:
            held = said({"type": "approval", "requires": requires, "filters": common.get("filters")})
            yield {self.before + suffix: held}
            requires = [self.before + suffix]
        inner: Data = {**({"requires": requires} if requires else {}), **common}
        if self.approval:
            yield {self.key: ordered({"type": "approval", **inner}, ORDER)}
        elif self.cells:
            for cell in self.cells:
                yield {self.key: ordered({"name": self._cell_name(cell) + suffix, **inner, **cell}, ORDER)}
        elif self.matrix is not None:
            yield {self.key: ordered({"matrix": self.matrix, **inner}, ORDER)}
        else:
            name = self.title or (self.key if suffix else None)
            inner = {**({"name": name + suffix} if name else {}), **inner}
            yield {self.key: ordered(inner, ORDER)} if inner else self.key


class Plan:
    """How each stage of a pipeline is written, by its id."""

    def __init__(self, pipeline: Pipeline, phrases: Phrases) -> None:
        self.phrases = phrases
        self.losses = phrases.losses
        self._taken: set[str] = set()
        self._planned: dict[str, Planned] = {}
        self.executors: Data = {}
        for stage in pipeline.stages:
            self._planned[stage.id] = self._stage(stage)

    def __getitem__(self, stage: str) -> Planned:
        """How a stage is written."""
        return self._planned[stage]

    def _stage(self, stage: Stage) -> Planned:
        planned = Planned(
            self._free(stage.id), stage, approval=stage.approval is not None and not stage.steps
        )
        planned.title = self._title(stage, planned.key)
        if stage.approval is not None and stage.steps:
            planned.before = self._free(f"approve-{stage.id}")
        if stage.matrix is not None:
            self._matrix(stage, stage.matrix, planned)
        planned.tests = tuple(self._tests(stage))
        planned.forgiven = self._forgiven(stage)
        return planned

    def _free(self, name: str) -> str:
        wish = base = name.lstrip("_-") or "job"
        number = 2
        while wish.lower() in self._taken:
            wish, number = f"{base}-{number}", number + 1
        self._taken.add(wish.lower())
        return wish

    def _title(self, stage: Stage, key: str) -> str | None:
        name = stage.name
        if name is None or name == key or stage.matrix is not None:
            return None
        if not self.phrases.is_known(name) or not _STATUS_NAME.fullmatch(name) or name.lower() in self._taken:
            return None
        self._taken.add(name.lower())
        return name

    def _tests(self, stage: Stage) -> Iterator[Expression]:
        if stage.when is None:
            return
        for node in conjuncts(self.phrases.conditions.decided(stage.when)):
            if not is_about_results(node) and self.phrases.conditions.expression(node) is None:
                yield node

    def _forgiven(self, stage: Stage) -> bool:
        if not stage.allow_failure:
            return False
        path = f"stages.{stage.id}.allow-failure"
        why = "CircleCI's workflow is red when one of its jobs fails; jobs that wait for this one go on"
        self.losses.add(Fidelity.APPROXIMATE, path, "allow-failure", why)
        return True

    # Matrices ------------------------------------------------------------------------------------------

    def _matrix(self, stage: Stage, matrix: Matrix, planned: Planned) -> None:
        rows = cells(matrix)
        path = f"stages.{stage.id}.matrix"
        if rows is None:
            why = "CircleCI's matrices are complete before anything runs"
            self.losses.add(Fidelity.DROPPED, path, "matrix", why, "write its values")
            return
        flat = tuple(dict(_flat(row)) for row in rows)
        names = list(dict.fromkeys(name for row in flat for name in row))
        called = {axis: _parameter(axis) for axis in names}
        planned.parameters = {f"matrix.{axis}": name for axis, name in called.items()}
        kinds = {axis: _kind([row.get(axis) for row in flat]) for axis in names}
        planned.declared = {called[axis]: {"type": kinds[axis]} for axis in names}
        values: list[Data] = [
            {called[axis]: _value(row.get(axis), kinds[axis]) for axis in names} for row in flat
        ]
        apart = self._machines(stage, planned, flat, values)
        whole = None if apart or matrix.include else _product(values)
        if whole is None or len(values) == 1 or len(whole[1]) > len(values):
            planned.cells = tuple(values)
        else:
            planned.matrix = said({"parameters": whole[0], "exclude": whole[1]})

    def _machines(self, stage: Stage, planned: Planned, rows: tuple[Data, ...], values: list[Data]) -> bool:
        """Declare the executors of a matrix over machines; whether each cell has to name its own."""
        runner = stage.runner
        if runner is None or stage.container is not None or stage.services or "matrix." not in str(runner):
            return False
        places = [self._place(stage, row) for row in rows]
        everywhere = set.intersection(*(set(place.known.items()) for place in places))
        planned.place = Place({}, _common(places), dict(everywhere))
        axis = _MATRIX_LABEL.fullmatch(runner.labels[0]) if len(runner.labels) == 1 else None
        used = "runner.os" in str(stage.data()) or "runner.arch" in str(stage.data())
        if axis and not used and self._named_by(axis[1], places, rows):
            planned.place.data["executor"] = f"<< parameters.{planned.parameters[f'matrix.{axis[1]}']} >>"
            return False
        self._named_apart(planned, planned.place, places, values)
        return True

    def _place(self, stage: Stage, row: Data) -> Place:
        within = self.phrases.within({f"matrix.{key}": value for key, value in row.items()})
        return ExecutorWriter(within).place(stage, f"stages.{stage.id}.")

    def _named_by(self, axis: str, places: list[Place], rows: tuple[Data, ...]) -> bool:
        """Whether the values of an axis name the executors, which are then declared."""
        named: Data = {str(row.get(axis)): place.data for row, place in zip(rows, places, strict=True)}
        if not all(_EXECUTOR.fullmatch(name) for name in named):
            return False
        if any(self.executors.get(name, data) != data for name, data in named.items()):
            return False
        self.executors |= named
        return True

    def _named_apart(self, planned: Planned, common: Place, places: list[Place], values: list[Data]) -> None:
        """Declare an executor for each cell, and parameters that name it and its system."""
        common.data["executor"] = "<< parameters.executor >>"
        planned.declared["executor"] = {"type": "executor"}
        varying = sorted({key for place in places for key in place.known} - common.known.keys())
        for key in varying:
            planned.parameters[key] = name = key.replace(".", "-")
            planned.declared[name] = {"type": "string"}
        for place, value in zip(places, values, strict=True):
            value["executor"] = declared(place.data, self.executors)
            value |= {key.replace(".", "-"): place.known.get(key, "") for key in varying}


def _common(places: list[Place]) -> str:
    """The system whose shells scripts are written for."""
    systems = {place.system for place in places}
    return systems.pop() if len(systems) == 1 else "linux"


def _flat(row: Any, prefix: str = "") -> Iterator[tuple[str, JsonValue]]:
    """A cell with the keys of its mappings as axes of their own: `config.name`."""
    for key, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _parameter(axis: str) -> str:
    """An axis as a parameter's name: https://circleci.com/docs/reference/reusing-config/#parameter-syntax."""
    name = re.sub(r"[^a-z0-9_-]+", "-", axis.lower()).strip("-_")
    name = name if name[:1].isalpha() else f"axis-{name}"
    return f"{name}-value" if name in RESERVED else name


_NOT_SHOWN: Final = ("executor", "runner-os", "runner-arch")
RESERVED: Final = ("name", "requires", "context", "type", "filters", "matrix", "pre-steps", "post-steps")
"""Names that no parameter of a job may have."""


def _kind(values: list[JsonValue]) -> str:
    if all(isinstance(value, bool) for value in values):
        return "boolean"
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return "integer"
    return "string"


def _value(value: JsonValue, kind: str) -> JsonValue:
    return value if kind in ("boolean", "integer") else plain(value)


def _product(values: list[Data]) -> tuple[Data, list[Data]] | None:
    """The axes whose product has all these cells, and the cells that it has beyond; None without any axis."""
    if not values or not values[0]:
        return None
    axes: dict[str, Any] = {
        name: list({plain(row[name]): row[name] for row in values}.values()) for name in values[0]
    }
    rows: list[Data] = [{}]
    for name, several in axes.items():
        rows = [{**row, name: value} for row in rows for value in several]
        if len(rows) > 4 * len(values):
            return None
    return axes, [row for row in rows if row not in values]
