"""Pipeline jobs in: the script by the language of Jenkinsfiles, and what the job says besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipemgr.adapter import Dialects, DocumentSet, Fidelity, Reading, single
from pipemgr.model.definitions import HINTS, OPAQUE, Concurrency, Parameter, Pipeline, Stage, Step, Trigger

from .elements import Element
from .freestyle_reader import LANE, FreestyleReader
from .kept import keep
from .rendering import rendered
from .scripts import Places, adopt, renumber, within
from .tree import Tree
from .triggers import MANUAL, TriggerReader
from .words import DIALECT, OWN, PIPELINE, VENDOR, Words

INLINE: Final = "org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition"
TRIGGERS: Final = "org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty"
ALONE: Final = "org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty"
SCRIPT: Final = "script"
OUTSIDE: Final = "triggers"
"""The hint that the triggers stand in the job itself, where Jenkins 2.4 and older had them."""
REPEATED: Final = "repeated"
"""The hint that names what both say, the job and its script."""
DEFINITION: Final = "definition"
PATH: Final = "Jenkinsfile"
IMPLICIT: Final = ("push", "pull_request", "manual")
"""Triggers that a Jenkinsfile has by itself: its job says which of them are true."""


def script_path(root: Element) -> str | None:
    """The path of the Jenkinsfile that a job or a multibranch project names; None where it has none."""
    for way in (DEFINITION, "factory"):
        element = root.child(way)
        if element is not None and element.kind != INLINE and not element.child(SCRIPT):
            return element.find("scriptPath") or PATH
    return None


def implicit(one: Trigger) -> bool:
    """Whether a trigger is what every Jenkinsfile has."""
    return one.event in IMPLICIT and one == Trigger(event=one.event)


class PipelineReader(FreestyleReader):
    """Reads one job whose work is a script."""

    injects = False

    def __init__(self, words: Words, tree: Tree, job: str, dialects: Dialects | None) -> None:
        super().__init__(words, tree, job)
        self.dialects = dialects

    def job(self, name: str, more: DocumentSet) -> Pipeline:
        """The pipeline; `more` has the Jenkinsfile, where it is at hand."""
        listed, alone = self._special()
        asked = self.properties()
        outside = self.children("triggers")
        if outside and self.job_kind == PIPELINE:
            self.hints[OUTSIDE] = True
        listed += outside
        reader = TriggerReader(self.words, self.tree, self.hints, self.kept)
        reading = self._reading(name, more)
        mine = reader.read(listed, len(self._told(reading)))
        pipeline = self._joined(name, reading, mine) if reading is not None else self._named(name, mine)
        self.rest()
        self.about(self.root.child("sources"))
        self._remember(pipeline, asked, alone, [one for one in mine if one in self._said(reading)])
        concurrency = pipeline.concurrency or alone
        data = {**self.kept, **({HINTS: self.hints} if self.hints else {})}
        return pipeline.model_copy(
            update={
                "name": name,
                "parameters": {**asked, **pipeline.parameters},
                "concurrency": concurrency,
                "vendor": {**pipeline.vendor, VENDOR: data},
            }
        )

    @staticmethod
    def _said(reading: Reading | None) -> list[Trigger]:
        return [one for one in reading.pipeline.triggers if not implicit(one)] if reading is not None else []

    def _remember(
        self,
        pipeline: Pipeline,
        asked: Mapping[str, Parameter],
        alone: Concurrency | None,
        twice: list[Trigger],
    ) -> None:
        """Remember what the job says and its script as well: Jenkins copies it there when it executes the script."""
        found = [f"parameters.{name}" for name in asked if name in pipeline.parameters]
        found += ["concurrency"] * (alone is not None and pipeline.concurrency is not None)
        found += ["triggers"] * bool(twice)
        if found:
            self.hints[REPEATED] = [*found]

    def _special(self) -> tuple[list[Element], Concurrency | None]:
        """The triggers among the properties, and what one says of builds side by side."""
        around = self.root.child("properties")
        listed: list[Element] = []
        alone: Concurrency | None = None
        for one in list(around.children) if around is not None else []:
            inner = one.child("triggers")
            if one.tag == TRIGGERS and inner is not None:
                self.tree.node(one).take()
                self.tree.node(inner).take()
                listed += inner.children
            elif one.tag == ALONE:
                self.tree.take(one, "concurrency")
                alone = Concurrency(group=LANE, cancel_running=one.find("abortPrevious").lower() == "true")
            else:
                continue
            self.skipped.append(one)
        return listed, alone

    # The script -----------------------------------------------------------------------------------------------

    def _reading(self, name: str, more: DocumentSet) -> Reading | None:
        """What the language of Jenkinsfiles makes of the script; None where it is not at hand."""
        definition = self.take(DEFINITION) or self.root.child("factory")
        if definition is None:
            return None
        script = definition.child(SCRIPT)
        if definition.kind == INLINE and script is not None:
            return self._inline(definition, script)
        if definition.tag == DEFINITION:
            self.about(definition.child("scm"))
            self.tree.take(definition, f"{OWN}.{HINTS}.{DEFINITION}")
            self.hints[DEFINITION] = rendered(definition)
        if not more or self.dialects is None:
            return None
        reading = self.dialects(DIALECT).reader.read(more)
        self.hints[SCRIPT] = more.documents[0].text
        adopt(reading, self.tree.source, self.tree.node(definition), None)
        return reading

    def _inline(self, definition: Element, script: Element) -> Reading | None:
        """The script that stands in the job."""
        node = self.tree.node(definition).take()
        self.tree.take(script, f"{OWN}.{HINTS}.{SCRIPT}")
        for one in definition.children:
            if one is not script:
                self.tree.take(one, f"{OWN}.{DEFINITION}/{one.tag}")
                if one.text != "true":
                    keep(self.kept, f"{DEFINITION}/{one.tag}", one.text or "")
        text = script.text or ""
        self.hints[SCRIPT] = text
        if not text.strip() or self.dialects is None:
            return None
        reader = self.dialects(DIALECT).reader
        name = self.tree.source.name
        places = Places(script, self.tree.source.text)
        reading = within(places, lambda: reader.read(single(name, text)))
        adopt(reading, self.tree.source, node, places)
        return reading

    @staticmethod
    def _told(reading: Reading | None) -> list[tuple[int, Trigger]]:
        """The triggers that the script itself says, with their places."""
        said = enumerate(reading.pipeline.triggers if reading is not None else ())
        return [(at, one) for at, one in said if not implicit(one)]

    def _joined(self, name: str, reading: Reading, mine: tuple[Trigger, ...]) -> Pipeline:
        """The pipeline of the script, started by what the script and the job say."""
        told = self._told(reading)
        kept = [one for _, one in told]
        if self.job_kind == "multibranch":
            kept = [*reading.pipeline.triggers]
            told = list(enumerate(kept))
        renumber(reading, {before: now for now, (before, _) in enumerate(told)})
        more = [one for one in mine if one not in kept]
        return reading.pipeline.model_copy(update={"name": name, "triggers": (*kept, *more)})

    def _named(self, name: str, mine: tuple[Trigger, ...]) -> Pipeline:
        """A pipeline of one stage that tells where the script lies."""
        path = script_path(self.root)
        if path is None:
            return Pipeline(name=name, triggers=mine)
        around = self.root.child(DEFINITION) or self.root.child("factory")
        named = around.child("scriptPath") if around is not None else None
        node = self.tree.node(named or around or self.root)
        node.feeds("stages.jenkinsfile.steps[0]")
        node.finding(
            Fidelity.MANUAL,
            f"the Jenkinsfile {path}",
            "what the job does is said there, in the repository that it builds, and that file was not given",
            f"give {path} along with the configuration",
        )
        step = Step(action=OPAQUE, inputs={"vendor": VENDOR, "value": path})
        stages = (Stage(id="jenkinsfile", name=path, steps=(step,)),)
        return Pipeline(name=name, triggers=mine, stages=stages)


__all__ = ["IMPLICIT", "MANUAL", "PipelineReader", "implicit", "script_path"]
