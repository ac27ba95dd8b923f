"""Freestyle jobs out: a pipeline of one stage as a job of builders and publishers."""

from __future__ import annotations

from typing import Final

from pipemgr.adapter import Fidelity, Losses, RootRow
from pipemgr.model.definitions import HINTS, OPAQUE, Pipeline, Stage, Step

from . import parameters, scm, triggers, wrappers
from .elements import Element, grown
from .freestyle_reader import STEPS
from .kept import Grower, section
from .normal import same
from .step_writer import StepWriter, Unfit
from .tree import Tree
from .words import VENDOR, Words, hints, own

_SECTIONS: Final = (*STEPS, "triggers", "buildWrappers", "properties", "scm")
_ONLY: Final = (
    "max_parallel", "parallelism", "container", "services", "environment", "approval", "contexts",
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
        lists = self._steps(stage)
        made: dict[str, Element] = {tag: Element(tag, children=found) for tag, found in lists.items()}
        source = self._source(stage)
        if source is not None:
            made["scm"] = source
        made["properties"] = Element("properties", children=self.properties(pipeline))
        made["triggers"] = Element("triggers", children=self._triggers(pipeline))
        around = wrappers.as_before(stage, self.kept, self.hints, self.words, self.grower)
        made["buildWrappers"] = Element("buildWrappers", children=list(around))
        made |= self._machine(stage)
        if pipeline.concurrency is None:
            made["concurrentBuild"] = Element("concurrentBuild", text="true")
        return self.root(made)

    def root(self, made: dict[str, Element]) -> Element:
        """The job with these fields and those that are kept, in Jenkins' order."""
        root = Element(self.row.root, {"plugin": self.row.plugin} if self.row.plugin else {})
        for path, text in self.kept.items():
            if "/" not in path and path != "job" and path not in made:
                if (element := self.grower.field(path, str(text), f"vendor.{VENDOR}.{path}")) is not None:
                    made[path] = element
        order = dict.fromkeys(path.partition("/")[0] for path in self.row.fields)
        for tag in (*order, *(one for one in made if one not in order)):
            element = made[tag] if tag in made else self._default(tag)
            if element is not None:
                root.children.append(element)
        return root

    def _default(self, tag: str) -> Element | None:
        """What a field says by itself; None where it is then absent."""
        said = {path: one for path, one in self.row.fields.items() if path.partition("/")[0] == tag}
        texts = {path: one if isinstance(one, str) else None for path, one in said.items() if one is not None}
        return grown("root", texts).children[0] if texts else None

    # Parts of a job ------------------------------------------------------------------------------------------

    def _stage(self, pipeline: Pipeline) -> Stage:
        if len(pipeline.stages) > 1:
            raise Unfit(f"{len(pipeline.stages)} stages")
        if pipeline.variables or pipeline.timeout or pipeline.build_name:
            raise Unfit("variables, a time limit or a build name of the whole pipeline")
        stage = pipeline.stages[0] if pipeline.stages else Stage(id="build")
        said = [name for name in _ONLY if getattr(stage, name)]
        if stage.when is not None:
            said.append("when")
        if stage.variables.keys() - {n for n, t in stage.variables.items() if wrappers.credential(t)}:
            said.append("variables")
        if stage.matrix is not None:
            said.append("matrix")
        if said:
            raise Unfit(f"{', '.join(said)} of the stage {stage.id}")
        return stage

    def _names(self, pipeline: Pipeline) -> tuple[str, ...] | None:
        """The branches whose changes start the job."""
        return next((one.branches for one in pipeline.triggers if one.event == "push"), None)

    def _steps(self, stage: Stage) -> dict[str, list[Element]]:
        writer = StepWriter(self.words, self.grower)
        found: dict[str, list[Element]] = {"builders": [], "publishers": []}
        for at, step in enumerate(stage.steps):
            if at == 0 and _gets_source(step):
                continue
            place = writer.place(step)
            element = writer.write(step, f"stages.{stage.id}.steps[{at}]")
            if element is None:
                continue
            if place == "builder" and found["publishers"]:
                raise Unfit("a step that follows what is published")
            found[f"{place}s"].append(element)
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

    def _triggers(self, pipeline: Pipeline) -> list[Element]:
        known = {row.trigger for row in self.words.rows("trigger") if row.writes} | {"manual", OPAQUE}
        for one in pipeline.triggers:
            if one.event not in known:
                raise Unfit(f"the trigger {one.event}")
        return list(triggers.as_before(pipeline.triggers, self.hints, self.words, self.names, self.grower))

    @staticmethod
    def _machine(stage: Stage) -> dict[str, Element]:
        """The machine that the job is tied to."""
        runner = stage.runner
        if runner is None or not (runner.labels or runner.name):
            return {}
        words = " && ".join(runner.labels or (runner.name or "",))
        return {
            "assignedNode": Element("assignedNode", text=words),
            "canRoam": Element("canRoam", text="false"),
        }


def _gets_source(step: Step) -> bool:
    """Whether a step is what a job does before all builders."""
    value = str(step.inputs.get("value", ""))
    mine = step.inputs.get("vendor") == VENDOR
    return step.action == "checkout" or (step.action == OPAQUE and mine and value.startswith(f"<{scm.SCM} "))


__all__ = ["FreestyleWriter", "Tree", "same"]
