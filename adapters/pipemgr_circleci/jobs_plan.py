"""The plan of a pipeline's jobs: what each stage's jobs are called, and how workflows invoke them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, cells, ordered, said
from pipemgr.model.definitions import Data, Matrix, Pipeline, Stage
from pipemgr.model.expressions import Expression, Name

from .computed import COMPUTED, flat
from .executor_writer import ExecutorWriter, Place
from .folding import conjuncts
from .orb_writer import OrbCalls
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
    orb: Data | None = None
    """The arguments of an orb's job, which is invoked and not declared."""
    titles: tuple[str, ...] = ()
    """What each execution of a matrix is called."""
    approval: bool = False
    """Whether it is nothing but an approval."""
    before: str | None = None
    """The approval that it waits for."""
    tests: tuple[Expression, ...] = ()
    """Conditions that only a run can tell."""
    forgiven: bool = False
    """Whether others go on when it fails."""

    alias: str | None = None
    """What others call an orb's job with a matrix, where that is not the job's own name."""
    closed: bool = True
    """Whether all that the matrix has is known."""
    filled: frozenset[str] = frozenset()
    """What is in no execution empty."""
    executor: JsonValue = None
    """The executor of an orb that it runs in."""
    place: Place | None = None
    """Where it runs, when a matrix decides."""

    @property
    def invoked_only(self) -> bool:
        """Whether no job is declared for it."""
        return self.approval or self.orb is not None

    @property
    def names(self) -> tuple[str, ...]:
        """What others require to wait for it."""
        if self.cells:
            return self.titles or tuple(self._cell_name(cell) for cell in self.cells)
        if self.matrix is not None:
            return (str(self.matrix.get("alias", self.key)),)
        return (self.title or self.key,)

    def _cell_name(self, cell: Data) -> str:
        shown = [
            plain(value)
            for key, value in cell.items()
            if key not in _NOT_SHOWN and not key.startswith(COMPUTED)
        ]
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
            yield {self.key: ordered({**said({"name": self.title}), "type": "approval", **inner}, ORDER)}
        elif self.cells:
            for name, cell in zip(self.names, self.cells, strict=True):
                yield {self.key: ordered({"name": name + suffix, **inner, **cell}, ORDER)}
        elif self.matrix is not None:
            shown = self.title + suffix if self.title else None
            inner = {**said({"name": shown, "matrix": self.matrix}), **inner, **(self.orb or {})}
            yield {self.key: ordered(inner, ORDER)}
        else:
            called = self.title or (self.key if suffix else None)
            inner = {**({"name": called + suffix} if called else {}), **inner, **(self.orb or {})}
            yield {self.key: ordered(inner, ORDER)} if inner else self.key


def workflows(pipeline: Pipeline) -> dict[str, str]:
    """The workflow of each stage: its group, unless groups wait for one another."""
    where = {stage.id: stage.group or pipeline.name for stage in pipeline.stages}
    apart = all(where[need] == where[stage.id] for stage in pipeline.stages for need in stage.needs)
    return where if apart else dict.fromkeys(where, pipeline.name)


class Plan:
    """How each stage of a pipeline is written, by its id."""

    def __init__(self, pipeline: Pipeline, phrases: Phrases) -> None:
        self.phrases = phrases
        self.losses = phrases.losses
        self._taken: set[str] = set()
        self._workflows = workflows(pipeline)
        self._named = {(self._workflows[stage.id], stage.id.lower()) for stage in pipeline.stages}
        """What the jobs of each workflow are called."""
        self._planned: dict[str, Planned] = {}
        self.executors: Data = {}
        self.orbs = OrbCalls(pipeline, phrases.words)
        self._asked = {
            need
            for stage in pipeline.stages
            for need in stage.needs
            if stage.when is not None and is_about_results(stage.when)
        } | {stage.id for stage in pipeline.stages if stage.allow_failure}
        """The stages whose results others ask for."""
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
        if (call := self.orbs.job(stage)) is not None:
            planned.alias = planned.key if planned.key != call[0].replace("/", "-") else None
            planned.title = planned.title or (planned.alias if stage.matrix is None else None)
            planned.key, planned.orb = call
        planned.executor = self.orbs.executor(stage)
        if stage.fail_fast not in (None, False):
            why = "one failed combination never cancels the others"
            self.losses.add(Fidelity.APPROXIMATE, f"stages.{stage.id}.fail-fast", "fail-fast", why)
        if stage.approval is not None and stage.steps:
            planned.before = self._free(f"approve-{stage.id}")
            why = f"CircleCI asks by a job of its own, {planned.before}, which this one requires"
            self.losses.add(Fidelity.EQUIVALENT, f"stages.{stage.id}.approval", "approval", why)
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
        is_plain = _STATUS_NAME.fullmatch(name) or stage.id not in self._asked
        called = (self._workflows[stage.id], name.lower())
        if not self.phrases.is_known(name) or not is_plain or called in self._named:
            why = "CircleCI's jobs are known by their names: each is the name of one job, and complete before it runs"
            self.losses.add(Fidelity.EQUIVALENT, f"stages.{stage.id}.name", f"name {name}", why)
            return None
        self._named.add(called)
        return str(self.phrases.field(name, f"stages.{stage.id}.name"))

    def _tests(self, stage: Stage) -> Iterator[Expression]:
        if stage.when is None:
            return
        for node in conjuncts(self.phrases.conditions.decided(stage.when)):
            if _is_scheduled(node) or is_about_results(node):
                continue
            if self.phrases.conditions.expression(node) is None:
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
        if stage.fail_fast not in (None, False):
            why = "one failed job never cancels the others in CircleCI"
            self.losses.add(Fidelity.APPROXIMATE, f"stages.{stage.id}.fail-fast", "fail-fast", why)
        if not rows and self._whole(matrix, planned, path):
            return
        if not rows:
            planned.closed = False
            why = "CircleCI's matrices are complete before anything runs"
            self.losses.add(Fidelity.DROPPED, path, "matrix", why, "write its values")
            return
        leaves = tuple(dict(flat(row)) for row in rows)
        names = list(dict.fromkeys(name for row in leaves for name in row))
        called = {axis: _parameter(axis) for axis in names}
        planned.parameters = {f"matrix.{axis}": name for axis, name in called.items()}
        planned.filled = frozenset(f"matrix.{name}" for name in names if all(row.get(name) for row in leaves))
        kinds = {axis: _kind([row.get(axis) for row in leaves]) for axis in names}
        planned.declared = {called[axis]: {"type": kinds[axis]} for axis in names}
        values: list[Data] = [
            {called[axis]: _value(row.get(axis), kinds[axis]) for axis in names} for row in leaves
        ]
        apart = self._machines(stage, planned, leaves, values)
        whole = None if apart or matrix.include else _product(values)
        if whole is None or len(whole[1]) > len(values):
            planned.cells = tuple(values)
        else:
            planned.matrix = said({"parameters": whole[0], "exclude": whole[1]})
        if planned.matrix is not None and planned.alias is not None:
            planned.matrix["alias"] = planned.alias
        self._titles(stage, planned, leaves)

    def _titles(self, stage: Stage, planned: Planned, rows: tuple[Data, ...]) -> None:
        """What each execution of a matrix is called: by the stage's own name, where that tells them apart."""
        if stage.name is None or "matrix." not in stage.name:
            return
        within = [self.phrases.within({f"matrix.{key}": value for key, value in row.items()}) for row in rows]
        if not all(one.is_known(stage.name) for one in within):
            return
        path = f"stages.{stage.id}.name"
        titles = tuple(str(one.field(stage.name, path)) for one in within)
        if len({*(title.lower() for title in titles), *self._taken}) < len(titles) + len(self._taken):
            return
        if not all(map(_STATUS_NAME.fullmatch, titles)) and planned.cells:
            return
        planned.titles = titles
        own_parameters = {
            text: name for text, name in planned.parameters.items() if text.startswith("matrix.")
        }
        named = self.phrases.within({}, own_parameters).field(stage.name, path)
        planned.title = str(named).replace("<< parameters.", "<< matrix.")

    def _whole(self, matrix: Matrix, planned: Planned, path: str) -> bool:
        """Write a matrix whose values parameters of the pipeline give; whether that is all it needs."""
        texts = [
            value
            for values in matrix.axes.values()
            for value in ([values] if isinstance(values, str) else values)
        ]
        if matrix.include or not texts or not all(self.phrases.is_known(plain(one)) for one in texts):
            return False
        planned.parameters = {f"matrix.{axis}": _parameter(axis) for axis in matrix.axes}
        kinds = {_parameter(axis): _kind([*values]) for axis, values in matrix.axes.items()}
        planned.declared = {name: {"type": kind} for name, kind in kinds.items()}
        axes = {_parameter(axis): self.phrases.data(values, path) for axis, values in matrix.axes.items()}
        planned.matrix = said({"parameters": axes, "exclude": self.phrases.data(matrix.exclude, path)})
        return True

    def _machines(self, stage: Stage, planned: Planned, rows: tuple[Data, ...], values: list[Data]) -> bool:
        """Declare the executors of a matrix over machines; whether each cell has to name its own."""
        runner = stage.runner
        if (
            not rows
            or runner is None
            or stage.container is not None
            or stage.services
            or "matrix." not in str(runner)
        ):
            return False
        places = [self._place(stage, row) for row in rows]
        shared = {
            key: value
            for key, value in places[0].known.items()
            if all(one.known.get(key) == value for one in places)
        }
        planned.place = Place({}, _common(places), shared)
        label = runner.name or (runner.labels[0] if len(runner.labels) == 1 else "")
        axis = _MATRIX_LABEL.fullmatch(label)
        varying = {key for place in places for key in place.known} - planned.place.known.keys()
        used = tuple(sorted(key for key in varying if key in str(stage.data())))
        if axis and not used and self._named_by(axis[1], places, rows):
            planned.place.data["executor"] = f"<< parameters.{planned.parameters[f'matrix.{axis[1]}']} >>"
            return False
        self._named_apart(planned, planned.place, list(zip(places, values, strict=True)), used)
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

    def _named_apart(
        self,
        planned: Planned,
        common: Place,
        cells: list[tuple[Place, Data]],
        used: tuple[str, ...],
    ) -> None:
        """Declare an executor for each cell, and parameters that name it and what is used of its system."""
        common.data["executor"] = "<< parameters.executor >>"
        planned.declared["executor"] = {"type": "executor"}
        for key in used:
            planned.parameters[key] = name = key.replace(".", "-")
            planned.declared[name] = {"type": "string"}
        for place, value in cells:
            value["executor"] = declared(place.data, self.executors)
            value |= {key.replace(".", "-"): place.known.get(key, "") for key in used}


def _common(places: list[Place]) -> str:
    """The system whose shells scripts are written for."""
    systems = {place.system for place in places}
    return systems.pop() if len(systems) == 1 else "linux"


def _is_scheduled(node: Expression) -> bool:
    """Whether a condition asks for a schedule: workflows have these."""
    return any(one == Name("schedule") for one in node.walk())


def _parameter(axis: str) -> str:
    """An axis as a parameter's name: https://circleci.com/docs/reference/reusing-config/#parameter-syntax."""
    name = re.sub(r"[^a-z0-9_-]+", "-", axis.lower()).strip("-_")
    name = name if name[:1].isalpha() else f"axis-{name}"
    return f"{name}-value" if name in RESERVED else name


_NOT_SHOWN: Final = ("executor", "runner-os", "runner-arch", "runner-temp")
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
