"""Freestyle jobs out: a pipeline of one stage as a job of builders and publishers."""

from __future__ import annotations

from typing import Final

from pipemgr.adapter import Fidelity, Losses, RootRow
from pipemgr.model.definitions import HINTS, OPAQUE, Data, Matrix, Pipeline, Stage, Step, Trigger

from . import axes, injected, maven, parameters, scm, triggers, wrappers
from .elements import Element
from .freestyle_reader import STEPS
from .kept import Grower, in_order, section
from .normal import same
from .repository import REPOSITORY
from .step_writer import StepWriter, Unfit
from .tree import Tree
from .words import JOB, VENDOR, Words, hints, literal, own, plain

MATRIX: Final = "matrix"
_SECTIONS: Final = (*STEPS, "triggers", "buildWrappers", "properties", "scm")
_ONLY: Final = (
    "parallelism", "container", "services", "environment", "approval", "contexts",
    "permissions", "concurrency", "outputs", "retry", "allow_failure",
)  # fmt: skip
"""What a stage may say and a freestyle job can't."""


class FreestyleWriter:
    """Writes one job of builders and publishers."""

    def __init__(self, words: Words, losses: Losses, row: RootRow) -> None:
        self.words = words
        self.losses = losses
        self.row = row
        self.grower = Grower(losses)

    def write(self, pipeline: Pipeline) -> Element:
        """The outermost element. Raises `Unfit` with the first reason why the job would not say all."""
        self.kept, self.hints = own(pipeline.vendor), hints(pipeline.vendor)
        stage = self._stage(pipeline)
        self.names = self._names(pipeline)
        self.idle = wrappers.silence(stage)
        lists = self._steps(stage)
        made: dict[str, Element] = {tag: Element(tag, children=found) for tag, found in lists.items()}
        source = self._source(stage)
        if source is not None:
            made["scm"] = source
        left = axes.own_variables(stage)
        made["properties"] = Element("properties", children=self._injecting(self.properties(pipeline), left))
        made["triggers"] = Element("triggers", children=self._triggers(pipeline))
        bare = stage.model_copy(update={"variables": left})
        around = wrappers.as_before(bare, self.kept, self.hints, self.words, self.grower)
        around = in_order([*around, *lists.get(wrappers.SECTION, ())], self.hints.get(wrappers.SECTION))
        made[wrappers.SECTION] = Element(wrappers.SECTION, children=around)
        made |= self._machine(stage)
        if self.row.job == MATRIX:
            made[axes.SECTION] = Element(
                axes.SECTION, children=list(axes.as_before(stage, self.kept, self.hints, self.grower))
            )
            if stage.max_parallel == 1:
                made[axes.STRATEGY] = axes.strategy(stage)
        made |= self.goals
        if pipeline.concurrency is None:
            made["concurrentBuild"] = Element("concurrentBuild", text="true")
        return self.root(made)

    def kept_whole(self, pipeline: Pipeline) -> Element:
        """The outermost element of what is only kept. Raises `Unfit` where it has got work to do."""
        self.kept, self.hints = own(pipeline.vendor), hints(pipeline.vendor)
        self.names = None
        if pipeline.stages:
            raise Unfit("stages")
        made = {"properties": Element("properties", children=self.properties(pipeline))}
        if listed := self._triggers(pipeline):
            made["triggers"] = Element("triggers", children=listed)
        return self.root(made)

    def root(self, made: dict[str, Element]) -> Element:
        """The job with these fields and those that are kept, in Jenkins' order."""
        root = Element(self.row.root, {"plugin": self.row.plugin} if self.row.plugin else {})
        for path, text in {**self._shown(), **self.kept}.items():
            if "/" in path or path in (JOB, REPOSITORY) or path in made:
                continue
            if (element := self.grower.field(path, str(text), f"vendor.{VENDOR}.{path}")) is not None:
                made[path] = element
        defaults = self.words.defaults(self.row)
        for tag in (*defaults, *(one for one in made if one not in defaults)):
            element = made[tag] if tag in made else defaults[tag]
            if element is not None:
                root.children.append(element)
        return root

    def _shown(self) -> Data:
        """What only changes what people see."""
        known = self.words.tables.elements.harmless
        return {path: text for path, text in self.hints.items() if path in known}

    # Parts of a job ------------------------------------------------------------------------------------------

    def _stage(self, pipeline: Pipeline) -> Stage:
        if len(pipeline.stages) > 1:
            raise Unfit(f"{len(pipeline.stages)} stages")
        if pipeline.variables or pipeline.timeout or pipeline.build_name:
            raise Unfit("variables, a time limit or a build name of the whole pipeline")
        stage = pipeline.stages[0] if pipeline.stages else Stage(id="build")
        said = [name for name in _ONLY if getattr(stage, name)]
        matrix = self.row.job == MATRIX
        own_variables = axes.own_variables(stage)
        said += ["when"] * (stage.when is not None)
        said += ["variables"] * any(not _settable(name, text) for name, text in own_variables.items())
        said += ["matrix"] * (stage.matrix is not None and not (matrix and _plain(stage.matrix)))
        said += ["max-parallel"] * (
            stage.max_parallel is not None and not (matrix and stage.max_parallel == 1)
        )
        if said:
            raise Unfit(f"{', '.join(said)} of the stage {stage.id}")
        return stage

    def _names(self, pipeline: Pipeline) -> tuple[str, ...] | None:
        """The branches whose changes start the job."""
        return next((one.branches for one in pipeline.triggers if one.event == "push"), None)

    def _steps(self, stage: Stage) -> dict[str, list[Element]]:
        axes_known = frozenset(stage.matrix.axes) if stage.matrix is not None else frozenset()
        writer = StepWriter(self.words, self.grower, axes_known)
        found: dict[str, list[Element]] = {}
        before = "prebuilders" if self.row.job == maven.JOB else "builders"
        self.goals: dict[str, Element] = {}
        for at, step in enumerate(stage.steps):
            if at == 0 and _gets_source(step):
                continue
            if self.row.job == maven.JOB and maven.is_goals(step) and not self.goals:
                self.goals, before = maven.written(step), "postbuilders"
                continue
            usual = before if writer.place(step) == "builder" else "publishers"
            into = str(hints(step.vendor).get("list", usual))
            bare = step.model_copy(update={"idle_timeout": None}) if self.idle is not None else step
            element = writer.write(bare, f"stages.{stage.id}.steps[{at}]")
            if element is None:
                continue
            if usual == before and "publishers" in found:
                raise Unfit("a step that follows what is published")
            found.setdefault(into, []).append(element)
        return found

    def _source(self, stage: Stage) -> Element | None:
        """What the first step gets, if it gets the source."""
        step = stage.steps[0] if stage.steps and _gets_source(stage.steps[0]) else None
        if step is None:
            return None
        path = f"stages.{stage.id}.steps[0]"
        if step.action == OPAQUE:
            return self.grower.element(str(step.inputs["value"]), path)
        before = step.vendor.get(VENDOR, {}).get(HINTS)
        if isinstance(before, dict) and scm.SCM in before:
            element = self.grower.element(str(before[scm.SCM]), path)
            if element is not None and scm.options(element) == step.inputs:
                return element
        if strange := step.inputs.keys() - scm.KNOWN:
            raise Unfit(f"{', '.join(sorted(strange))} of the step checkout")
        if not step.inputs.get("repository"):
            self.losses.add(
                Fidelity.MANUAL,
                path,
                "checkout",
                "a job stands in no repository, so it has to name the one that it builds",
                "say `repository:` (and `ref:`) in the step, or enter the repository in Jenkins",
            )
        return scm.made(step.inputs, self.names)

    def properties(self, pipeline: Pipeline) -> list[Element]:
        """The properties of the job, its parameters among them."""
        found = [
            element
            for kept in (self.kept, self.hints)
            for path, text in section(kept, "properties")
            if (element := self.grower.element(text, f"vendor.{VENDOR}.{path}")) is not None
        ]
        asked = list(parameters.as_before(pipeline.parameters, {**self.hints, **self.kept}, self.grower))
        if asked:
            definitions = Element(parameters.LIST, children=asked)
            found.append(Element(parameters.PROPERTY, children=[definitions]))
        return found

    @staticmethod
    def _injecting(properties: list[Element], left: dict[str, str]) -> list[Element]:
        """The properties, without those that set variables to what they are no longer; `left` is what none sets."""
        found = []
        for one in properties:
            variables = injected.understood(one)
            if variables is not None:
                said = {name: literal(text) for name, text in variables.items()}
                if not said.items() <= left.items():
                    continue
                for name in said:
                    del left[name]
            found.append(one)
        return found

    def kept_triggers(self) -> list[Trigger]:
        """The triggers whose elements are kept."""
        elements = (
            self.grower.element(text, path)
            for path, text in section({**self.hints, **self.kept}, triggers.SECTION)
        )
        return [
            one
            for element in elements
            if element is not None
            for one in triggers.understood(element, self.words, self.names)
        ]

    def _triggers(self, pipeline: Pipeline) -> list[Element]:
        known = {row.trigger for row in self.words.rows("trigger") if row.writes} | {"manual", OPAQUE}
        told = self.kept_triggers()
        for one in pipeline.triggers:
            if one.event not in known and one not in told:
                raise Unfit(f"the trigger {one.event}")
        return list(
            triggers.as_before(
                pipeline.triggers, {**self.hints, **self.kept}, self.words, self.names, self.grower
            )
        )

    @staticmethod
    def _machine(stage: Stage) -> dict[str, Element]:
        """The machine that the job is tied to."""
        runner = stage.runner
        if runner is None or not (runner.labels or runner.name) or "${{" in str(runner.labels):
            return {}
        words = " && ".join(runner.labels or (runner.name or "",))
        return {
            "assignedNode": Element("assignedNode", text=words),
            "canRoam": Element("canRoam", text="false"),
        }


def _settable(name: str, text: str) -> bool:
    """Whether a job can set a variable: to a credential, or to a text."""
    constant = plain(text)
    return wrappers.credential(text) is not None or (
        constant is not None and injected.sayable(name, constant)
    )


def _plain(matrix: Matrix) -> bool:
    """Whether a matrix has axes of values and nothing else."""
    values = [value for axis in matrix.axes.values() if not isinstance(axis, str) for value in axis]
    lists = all(not isinstance(axis, str) for axis in matrix.axes.values())
    flat = all(isinstance(one, str | int | float | bool) for one in values)
    return lists and flat and not matrix.include and not matrix.exclude and matrix.expression is None


def _gets_source(step: Step) -> bool:
    """Whether a step is what a job does before all builders."""
    value = str(step.inputs.get("value", ""))
    mine = step.inputs.get("vendor") == VENDOR
    return step.action == "checkout" or (
        step.action == OPAQUE and mine and value.startswith((f"<{scm.SCM} ", f"<{scm.SCM}>"))
    )


__all__ = ["FreestyleWriter", "Tree", "same"]
