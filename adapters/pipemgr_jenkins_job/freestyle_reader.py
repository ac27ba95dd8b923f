"""Freestyle jobs in: a pipeline of one stage, with everything that surrounds it."""

from __future__ import annotations

import re
from typing import Final

from pipemgr.adapter import Fidelity
from pipemgr.model.definitions import (
    HINTS,
    Concurrency,
    Data,
    Parameter,
    Pipeline,
    Runner,
    Stage,
    Step,
    Trigger,
)

from . import parameters, wrappers
from .elements import Element
from .kept import keep, kept_text
from .rendering import rendered
from .scm import SCM, branches, read_source
from .step_reader import StepReader
from .tree import Tree
from .triggers import TriggerReader
from .words import OWN, VENDOR, Words

STAGE: Final = "build"
LANE: Final = "${{ pipeline.name }}"
"""What a job that takes one build at a time shares with its other builds."""
STEPS: Final = {
    "prebuilders": "builder",
    "builders": "builder",
    "postbuilders": "builder",
    "reporters": "publisher",
    "publishers": "publisher",
}
_ATOMS: Final = re.compile(r"[\w./@-]+(?:\s*&&\s*[\w./@-]+)*")


def labels(expression: str) -> tuple[str, ...]:
    """The labels that a machine must have; an expression with more than `&&` in it is one of its own."""
    if _ATOMS.fullmatch(expression):
        return tuple(one.strip() for one in expression.split("&&"))
    return (expression,)


class FreestyleReader:
    """Reads one job of builders and publishers."""

    def __init__(self, words: Words, tree: Tree, job: str) -> None:
        self.words = words
        self.tree = tree
        self.root = tree.root
        self.kept: Data = {"job": job}
        self.hints: Data = {}
        self.left = {one.tag: one for one in self.root.children}
        tree.node(self.root).take()

    def take(self, tag: str) -> Element | None:
        """A field of the job, which is then taken."""
        return self.left.pop(tag, None)

    def children(self, tag: str) -> list[Element]:
        """What stands in a list of the job."""
        around = self.take(tag)
        if around is None:
            return []
        self.tree.node(around).take()
        return around.children

    def read(self, name: str) -> Pipeline:
        """The pipeline."""
        asked = self.properties()
        steps = self.source()
        names = branches(self.root.child(SCM))
        triggers = TriggerReader(self.words, self.tree, self.hints, names).read(self.children("triggers"))
        around = wrappers.read(self.children("buildWrappers"), self.words, self.tree, self.kept, self.hints)
        steps += self.steps(len(steps))
        stage = Stage(
            id=STAGE,
            steps=tuple(steps),
            runner=self.runner(),
            timeout=around.timeout,
            variables=around.variables,
        )
        return self.pipeline(name, (stage,), triggers, asked)

    def pipeline(
        self, name: str, stages: tuple[Stage, ...], triggers: tuple[Trigger, ...], asked: dict[str, Parameter]
    ) -> Pipeline:
        """The pipeline of these parts, with all that is left of the job kept."""
        concurrency = self.concurrency()
        self.rest()
        data = {**self.kept, **({HINTS: self.hints} if self.hints else {})}
        return Pipeline(
            name=name,
            triggers=triggers,
            parameters=asked,
            concurrency=concurrency,
            stages=stages,
            vendor={VENDOR: data},
        )

    # Parts of a job ------------------------------------------------------------------------------------------

    def properties(self) -> dict[str, Parameter]:
        """The parameters; all other properties are kept."""
        asked: list[Element] = []
        for one in self.children("properties"):
            definitions = one.child(parameters.LIST)
            if one.tag == parameters.PROPERTY and definitions is not None:
                self.tree.node(one).take()
                self.tree.node(definitions).take().feeds("parameters")
                asked += definitions.children
                continue
            row = self.words.row("property", one.tag)
            harmless = row is not None and (row.harmless or row.added)
            self.tree.take(one, f"{OWN}.properties/{one.tag}")
            keep(self.hints if harmless else self.kept, f"properties/{one.tag}", rendered(one))
        return parameters.read(asked, self.tree, self.words, self.kept, self.hints)

    def source(self) -> list[Step]:
        """The step that gets the source, if there is one."""
        element = self.take(SCM)
        step = read_source(element, self.tree, f"stages.{STAGE}.steps[0]") if element is not None else None
        return [step] if step is not None else []

    def steps(self, at: int) -> list[Step]:
        """Builders and publishers, in the order in which Jenkins executes them."""
        reader = StepReader(self.words, self.tree)
        found: list[Step] = []
        for tag, place in STEPS.items():
            for one in self.children(tag):
                found.append(reader.read(one, place, f"stages.{STAGE}.steps[{at + len(found)}]"))
        return found

    def runner(self) -> Runner | None:
        """The machine that the job is tied to."""
        if (roams := self.take("canRoam")) is not None:
            self.tree.node(roams).take()
        node = self.take("assignedNode")
        if node is None or not node.text:
            return None
        self.tree.take(node, f"stages.{STAGE}.runner.labels")
        return Runner(labels=labels(node.text))

    def concurrency(self) -> Concurrency | None:
        """One build at a time, unless the job allows more."""
        element = self.take("concurrentBuild")
        if element is not None:
            self.tree.take(element, "concurrency")
        return None if element is not None and element.text == "true" else Concurrency(group=LANE)

    def rest(self) -> None:
        """Keep what is left: fields that say what they say by themselves are nothing to keep."""
        row = self.words.root(self.root.tag)
        if self.root.attributes.get("plugin") and row is None:
            self.hints["plugin"] = self.root.attributes["plugin"]
        for tag, one in self.left.items():
            default = row.fields.get(tag) if row is not None else None
            self.tree.take(one, f"{OWN}.{tag}")
            text = one.text or ""
            if tag == "actions" or (not one.children and not one.attributes and text in (default or "", "")):
                continue
            self.kept[tag] = kept_text(one)


__all__ = ["LANE", "STAGE", "STEPS", "Fidelity", "FreestyleReader", "labels"]
