"""Pipeline jobs out: the script as it was where it still says the same, else by the language of Jenkinsfiles."""

from __future__ import annotations

from typing import Final

from pipemgr.adapter import Dialects, Document, DocumentSet, Fidelity, Losses, PipemgrError, single
from pipemgr.model.definitions import OPAQUE, Concurrency, Parameter, Pipeline, Trigger

from . import parameters, triggers
from .elements import Element
from .freestyle_reader import LANE
from .freestyle_writer import FreestyleWriter
from .kept import each
from .pipeline_reader import (
    ALONE,
    DEFINITION,
    IMPLICIT,
    INLINE,
    OUTSIDE,
    PATH,
    REPEATED,
    SCRIPT,
    TRIGGERS,
    implicit,
    script_path,
)
from .words import DIALECT, PIPELINE, VENDOR, Words, hints, own

_SHARED: Final = (
    "variables", "runner", "defaults", "timeout", "build_name", "permissions", "stages",
)  # fmt: skip
"""What a script says of a pipeline, besides triggers and parameters, which a job says as well."""


class PipelineWriter(FreestyleWriter):
    """Writes one job whose work is a script."""

    dialects: Dialects | None = None

    def job(self, pipeline: Pipeline, dialects: Dialects | None) -> tuple[Element, tuple[Document, ...]]:
        """The outermost element, and the Jenkinsfile where it is a file of its own."""
        self.dialects = dialects
        self.kept, self.hints = own(pipeline.vendor), hints(pipeline.vendor)
        self.names = None
        script, said = self._script(pipeline)
        twice = self.hints.get(REPEATED)
        repeated = frozenset(map(str, twice)) if isinstance(twice, list) else frozenset()
        before = {**self.hints, **self.kept}
        theirs = [] if "triggers" in repeated else [one for one in said.triggers if not implicit(one)]
        told = self.kept_triggers()
        mine = tuple(
            one for one in pipeline.triggers if one not in theirs and (one in told or not self._moot(one))
        )
        asked = {
            name: one
            for name, one in pipeline.parameters.items()
            if name not in said.parameters or f"parameters.{name}" in repeated
        }
        made: dict[str, Element] = {}
        definition, more = self._definition(script)
        if definition is not None:
            made[DEFINITION] = definition
        listed = list(triggers.as_before(mine, before, self.words, None, self.grower))
        properties = self.properties(pipeline.model_copy(update={"parameters": asked}))
        if pipeline.concurrency is not None and (said.concurrency is None or "concurrency" in repeated):
            properties.append(self._alone(pipeline.concurrency, repeated="concurrency" in repeated))
        if self.row.job != PIPELINE or self.hints.get(OUTSIDE):
            made["triggers"] = Element("triggers", children=listed)
        elif listed:
            properties.append(Element(TRIGGERS, children=[Element("triggers", children=listed)]))
        made["properties"] = Element("properties", children=properties)
        return self.root(made), more

    def _alone(self, concurrency: Concurrency, *, repeated: bool) -> Element:
        """The property that lets one build of the job go on at a time."""
        if concurrency.group != LANE and not repeated:
            self.losses.add(
                Fidelity.APPROXIMATE,
                "concurrency.group",
                f"group {concurrency.group}",
                "one build of a job goes on at a time, whatever the group",
                "use `lock` of the plugin Lockable Resources for what several jobs share",
            )
        cancel = "true" if concurrency.cancel_running is True else "false"
        return Element(ALONE, children=[Element("abortPrevious", text=cancel)])

    # The script -----------------------------------------------------------------------------------------------

    def _script(self, pipeline: Pipeline) -> tuple[str | None, Pipeline]:
        """The text of the script, and what it says; None where the job only names it."""
        before = self.hints.get(SCRIPT)
        if isinstance(before, str):
            said = self._read(before, pipeline.name)
            if said is not None and _agree(said, pipeline):
                return before, said
        elif DEFINITION in self.hints or self._only_names(pipeline):
            return None, Pipeline(name=pipeline.name)
        return self._written(pipeline)

    def _only_names(self, pipeline: Pipeline) -> bool:
        """Whether the pipeline's one step is to find its script."""
        steps = [step for stage in pipeline.stages for step in stage.steps]
        return all(step.action == OPAQUE and step.inputs.get("vendor") == VENDOR for step in steps)

    def _read(self, text: str, name: str) -> Pipeline | None:
        if self.dialects is None or not text.strip():
            return Pipeline(name=name)
        try:
            return self.dialects(DIALECT).reader.read(single(PATH, text)).pipeline
        except PipemgrError:
            return None  # somebody changed the text: it is written anew

    def _written(self, pipeline: Pipeline) -> tuple[str, Pipeline]:
        """The script as the language of Jenkinsfiles writes it; triggers and parameters are the job's, if they can be."""
        if self.dialects is None:
            return "", Pipeline(name=pipeline.name)
        known = {row.trigger for row in self.words.rows("trigger") if row.writes} - {"push"}
        theirs = [one for one in pipeline.triggers if not implicit(one) and not self._mine(one, known)]
        special = pipeline.vendor.get(DIALECT, {}).get("parameters")
        named = special if isinstance(special, dict) else {}
        asked: dict[str, Parameter] = {n: one for n, one in pipeline.parameters.items() if n in named}
        left = {vendor: data for vendor, data in pipeline.vendor.items() if vendor != VENDOR}
        implied = tuple(Trigger(event=event) for event in IMPLICIT)
        part = pipeline.model_copy(
            update={"triggers": (*theirs, *implied), "parameters": asked, "vendor": left, "concurrency": None}
        )
        self._tell(pipeline)
        writing = self.dialects(DIALECT).writer.write(part)
        self.losses.findings += writing.findings
        return writing.documents.documents[0].text, part

    def _tell(self, pipeline: Pipeline) -> None:
        """What a script in a job can't do, and one in a repository could."""
        for at, one in enumerate(pipeline.triggers):
            if one.event in IMPLICIT[:2]:
                self.losses.add(
                    Fidelity.APPROXIMATE,
                    f"triggers[{at}]",
                    f"trigger {one.event}",
                    "a job whose script stands in itself has no repository that could start it",
                    "keep the script as a Jenkinsfile in the repository, for a multibranch project",
                )
        for stage in pipeline.stages:
            for at, step in enumerate(stage.steps):
                if step.action == "checkout" and not step.inputs.get("repository"):
                    self.losses.add(
                        Fidelity.MANUAL,
                        f"stages.{stage.id}.steps[{at}]",
                        "checkout",
                        "a job whose script stands in itself has no repository to check out",
                        "say `repository:` in the step, or keep the script as a Jenkinsfile in the repository",
                    )
            if stage.max_parallel is not None:
                path = f"stages.{stage.id}.max-parallel"
                why = "as many combinations run at a time as there are executors"
                self.losses.add(Fidelity.DROPPED, path, "max-parallel", why)

    def _moot(self, one: Trigger) -> bool:
        """Whether a trigger is said by the kind of job, or can't be said at all (which is told)."""
        return implicit(one) or (one.event == "push" and not one.options and SCRIPT not in self.hints)

    @staticmethod
    def _mine(one: Trigger, known: set[str | None]) -> bool:
        """Whether a trigger is one that the job says."""
        return one.event in known or (one.event == OPAQUE and one.options.get("vendor") == VENDOR)

    def _definition(self, script: str | None) -> tuple[Element | None, tuple[Document, ...]]:
        """The definition of the job: the script in it, or where it lies; and then the file."""
        before = self.hints.get(DEFINITION)
        if isinstance(before, str):
            element = self.grower.element(before, f"vendor.{VENDOR}.hints.{DEFINITION}")
            if element is not None:
                around = Element("job", children=[element])
                path = script_path(around) or PATH
                return element, () if script is None else (Document(path=path, text=script),)
        if self.row.job != PIPELINE:
            factory = self.grower.field("factory", str(self.kept.get("factory", "")), "")
            path = (factory.find("scriptPath") if factory is not None else "") or PATH
            return None, () if script is None else (Document(path=path, text=script),)
        if script is None:
            return None, ()
        fields = {"script": script, "sandbox": "true"}
        for path, text in self.kept.items():
            if path.startswith(f"{DEFINITION}/"):
                fields[path.partition("/")[2]] = each(text)[0]
        children = [Element(tag, text=text) for tag, text in fields.items()]
        return Element(DEFINITION, {"class": INLINE, "plugin": "workflow-cps"}, children=children), ()


def _agree(said: Pipeline, wanted: Pipeline) -> bool:
    """Whether a script says what is wanted of it."""
    return (
        all(getattr(said, name) == getattr(wanted, name) for name in _SHARED)
        and said.vendor.get(DIALECT) == wanted.vendor.get(DIALECT)
        and all(one in wanted.triggers for one in said.triggers if not implicit(one))
        and all(wanted.parameters.get(name) == one for name, one in said.parameters.items())
        and (said.concurrency is None or said.concurrency == wanted.concurrency)
    )


__all__ = ["DocumentSet", "Losses", "PipelineWriter", "Words", "parameters"]
