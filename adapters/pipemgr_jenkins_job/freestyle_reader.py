"""Freestyle jobs in: a pipeline of one stage, with everything that surrounds it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

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

from . import axes, injected, maven, parameters, wrappers
from .elements import Element, flat
from .fields import is_default
from .kept import keep, kept_text
from .rendering import rendered
from .repository import REPOSITORY, repository
from .scm import SCM, branches, read_source
from .step_reader import StepReader, listed_in
from .tree import Tree
from .triggers import TriggerReader
from .words import JOB, OWN, VENDOR, Words, literal

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

    injects = True
    """Whether variables of the job are those of its one stage."""
    works = True
    """Whether its items have work of their own."""

    def __init__(self, words: Words, tree: Tree, job: str) -> None:
        self.words = words
        self.tree = tree
        self.root = tree.root
        self.job_kind = job
        self.kept: Data = {}
        self.hints: Data = {JOB: job}
        self.injected: dict[str, str] = {}
        """Variables of the job."""
        self.skipped: list[Element] = []
        """Properties that are read already."""
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
        triggers = TriggerReader(self.words, self.tree, self.hints, self.kept, names).read(
            self.children("triggers")
        )
        reader = StepReader(self.words, self.tree, asked)
        around = wrappers.read(self.children("buildWrappers"), reader, len(steps), self.kept, self.hints)
        steps += around.steps
        steps += self.steps(reader, len(steps))
        steps = [wrappers.limited(one, around.idle) for one in steps]
        cells = axes.read(self.children(axes.SECTION), self.tree, STAGE, self.kept, self.hints)
        given: dict[str, Any] = {
            "runner": self.runner(),
            "timeout": around.timeout,
            "max_parallel": self.in_sequence(),
            **cells,
            "variables": {**self.injected, **cells.get("variables", {}), **around.variables},  # type: ignore[dict-item]
        }
        stage = Stage(id=STAGE, steps=tuple(steps), **given)
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
            if any(one is other for other in self.skipped):
                continue
            definitions = one.child(parameters.LIST)
            if one.tag == parameters.PROPERTY and definitions is not None:
                self.tree.node(one).take()
                self.tree.node(definitions).take().feeds("parameters")
                asked += definitions.children
                continue
            variables = injected.understood(one) if self.works and self.injects else None
            if variables is not None:
                self.tree.take(one, f"stages.{STAGE}.variables")
                self.injected |= {name: literal(text) for name, text in variables.items()}
                keep(self.hints, f"properties/{one.tag}", rendered(one))
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
        self.about(element)
        return [step] if step is not None else []

    def about(self, source: Element | None) -> None:
        """Keep which repository the job is about."""
        found = repository(source) if source is not None else None
        if found is not None:
            self.kept[REPOSITORY] = found[0]
            self.tree.node(found[1]).feeds(f"{OWN}.{REPOSITORY}")

    def steps(self, reader: StepReader, at: int) -> list[Step]:
        """Builders and publishers, in the order in which Jenkins executes them."""
        found: list[Step] = []
        for tag, place in STEPS.items():
            if tag == "builders" and self.job_kind == maven.JOB:
                found.append(self.goals(f"stages.{STAGE}.steps[{at + len(found)}]"))
            for one in self.children(tag):
                step = reader.read(one, place, f"stages.{STAGE}.steps[{at + len(found)}]")
                usual = tag == "publishers" or (tag == "builders") is (self.job_kind != maven.JOB)
                found.append(step if usual and tag != "reporters" else listed_in(step, tag))
        return found

    def goals(self, path: str) -> Step:
        """The step of a Maven project."""
        goals, pom = self.take("goals"), self.take("rootPOM")
        for one in (goals, pom):
            if one is not None:
                self.tree.take(one, f"{path}.inputs.script")
        return maven.read(goals, pom)

    def in_sequence(self) -> int | None:
        """How many combinations run at a time, if the project says that and nothing else of it."""
        strategy = self.root.child(axes.STRATEGY)
        if strategy is None or not axes.is_sequential(strategy):
            return None
        self.take(axes.STRATEGY)
        self.tree.take(strategy, f"stages.{STAGE}.max-parallel")
        return 1

    def runner(self) -> Runner | None:
        """The machine that the job is tied to."""
        if (roams := self.take("canRoam")) is not None:
            self.tree.node(roams).take()
        node = self.take("assignedNode")
        if node is None or not node.text:
            return None
        self.tree.take(node, f"stages.{STAGE}.runner")
        return Runner(labels=labels(node.text))

    def concurrency(self) -> Concurrency | None:
        """One build at a time, unless the job allows more."""
        element = self.take("concurrentBuild")
        if element is not None:
            self.tree.take(element, "concurrency")
        return None if element is not None and element.text == "true" else Concurrency(group=LANE)

    def rest(self) -> None:
        """Keep what is left: fields that say what they say by themselves are nothing to keep."""
        usual = self.words.usual(self.root.tag)
        harmless = self.words.tables.elements.harmless
        for tag, one in self.left.items():
            where = self.hints if tag in harmless else self.kept
            self.tree.take(one, f"{OWN}.{HINTS}.{tag}" if tag in harmless else f"{OWN}.{tag}")
            if tag != "actions" and not _is_usual(one, usual):
                where[tag] = kept_text(one)


def _is_usual(one: Element, usual: Mapping[str, object]) -> bool:
    """Whether a field says what it says by itself."""
    if not one.children and not one.attributes:
        return is_default(usual, one.tag, one.text)
    said = flat(one)
    if said is None or not any(path.startswith(f"{one.tag}/") for path in usual):
        return False
    paths = {f"{one.tag}/{path}": text for path, text in said.items()}
    if "class" in one.attributes:
        paths[f"{one.tag}/@class"] = one.attributes["class"]
    return all(is_default(usual, path, text) for path, text in paths.items())


__all__ = ["LANE", "STAGE", "STEPS", "Fidelity", "FreestyleReader", "labels"]
