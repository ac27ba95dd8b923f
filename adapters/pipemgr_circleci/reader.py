"""The reader: a definition becomes a pipeline, with everything that it defines for itself written out."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import (
    Document,
    DocumentSet,
    Fidelity,
    Fields,
    Kept,
    Node,
    ParseError,
    Reader,
    Reading,
    Tables,
    compose,
    refuse_problems,
)
from pipemgr.model.definitions import HINTS, OPAQUE, Parameter, Pipeline, Stage

from .calls import CallReader
from .conditions import ConditionReader
from .config import KINDS, Library
from .echoes import Echoes
from .filters import FilterReader, Filters
from .invocations import Invocation, InvocationReader
from .job_reader import JobReader
from .parameters import Scope
from .texts import Texts
from .words import VENDOR, Words
from .workflows import WorkflowReader

VERSIONS: Final = ("2", "2.0", "2.1")
PLAIN: Final = frozenset({"2", "2.0"})
"""Versions without `<< >>`, commands, executors, orbs and parameters."""
BUILD: Final = "build"
"""The job that a definition without workflows executes."""
_TYPES: Final = {"string": "string", "boolean": "boolean", "integer": "number", "enum": "choice"}


class CircleCIReader(Reader):
    """Reads a definition (`.circleci/config.yml`).

    What the model has no word for is kept in `vendor`, in CircleCI's own words, so that CircleCI gets it back.
    """

    def __init__(self, tables: Tables | None = None) -> None:
        self.words = Words(tables)

    def read(self, documents: DocumentSet) -> Reading:
        """The pipeline of the one definition in `documents`."""
        document = _first(documents)
        root = compose(document.text, document.path)
        if root.kind != "mapping":
            found = "nothing: the file is empty" if root.kind == "null" else f"a {root.kind}"
            raise ParseError(f"a definition is a mapping, not {found}", where=root.where)
        pipeline = _Config(self.words, root).read(PurePosixPath(document.path).stem)
        source = root.origin
        if not source.problems and pipeline is not None:
            source.problems += [(source.place(path), message) for path, message in pipeline.problems()]
        refuse_problems(source)
        if pipeline is None:
            raise AssertionError("a definition without a pipeline has a problem")
        return Reading(pipeline, source)


def _first(documents: DocumentSet) -> Document:
    found = tuple(documents)
    if len(found) != 1:
        where = found[1].path if found else "the definition"
        raise ParseError(f"{len(found)} documents, and a definition is one", where=where)
    return found[0]


class _Config:
    """One definition, while it is being read."""

    def __init__(self, words: Words, root: Node) -> None:
        self.root = root
        self.kept = Kept("", VENDOR)
        self.fields = Fields(root, "", self.kept)
        self.filled = self._version()
        self.texts = Texts(words, filled=self.filled)
        self.echoes = Echoes(root.origin)
        self.library = Library(root, self.echoes, filled=self.filled)
        self.conditions = ConditionReader(self.texts)
        self.calls = CallReader(self.conditions)
        groups = self.fields.take("job-groups", "stages")
        self.groups = dict(groups.items()) if groups is not None else {}
        scope = Scope(self.echoes, {}, filled=self.filled)
        self.invocations = InvocationReader(self.library, scope, self.groups)
        jobs = JobReader(self.texts, self.calls, self.echoes, self.library)
        self.workflows = WorkflowReader(self.conditions, jobs, self.invocations)

    def _version(self) -> bool:
        """Whether this version has `<< >>`."""
        node = self.fields.take("version", f"vendor.{VENDOR}.{HINTS}.version")
        if node is None:
            self.root.problem("a definition needs its `version`: write `version: 2.1`")
            return True
        text = node.text()
        if text not in VERSIONS:
            node.problem(f"version {text!r} is none that is understood; these are: {', '.join(VERSIONS)}")
        elif text != VERSIONS[-1]:
            self.kept.put(text, HINTS, "version")
        return text not in PLAIN

    def read(self, stem: str) -> Pipeline | None:
        """The pipeline; `stem` is its name where several workflows share it. None where there is nothing to do."""
        parameters = self._parameters()
        for kind in (*KINDS, "orbs"):
            self.fields.take(kind, "stages" if kind == "jobs" else "")
        names = self._read_workflows()
        if self.root.origin.problems:
            self.workflows.check()
            return None
        stages, triggers = self.workflows.finish(grouped=len(names) > 1)
        self.echoes.settle()
        self.calls.tell_skipped()
        self._unused()
        self._orbs(stages)
        if (setup := self.fields.peek("setup")) is not None and setup.value is False:
            self.fields.take("setup", f"vendor.{VENDOR}.{HINTS}.setup")
            self.kept.put(setup.flag(), HINTS, "setup")
        elif setup is not None:
            self.fields.keep(setup, "setup")
            self.fields.take("setup", f"vendor.{VENDOR}.setup")
        self._stores()
        return Pipeline(
            name=names[0] if len(names) == 1 and names[0] else stem,
            triggers=triggers,
            parameters=parameters,
            stages=stages,
            vendor=self.kept.said(),
        )

    # Workflows -----------------------------------------------------------------------------------------

    def _read_workflows(self) -> list[str]:
        node = self.fields.take("workflows", "stages")
        if node is None or node.is_null:
            return self._single(node)
        fields = Fields(node, "", self.kept, "workflows")
        if (version := fields.take("version", f"vendor.{VENDOR}.{HINTS}.workflows-version")) is not None:
            if version.kind == "mapping":
                self._workflow("version", version, fields)
            else:
                self.kept.put(version.plain(), HINTS, "workflows-version")
        names: list[str] = []
        for name, one in fields.drain():
            if one.kind == "mapping":
                names.append(name)
                self._workflow(name, one.feeds("name" if len(names) == 1 else "stages"), fields)
            else:
                one.take_all()
                one.problem(f"the workflow {name!r} needs a mapping with its `jobs`")
        if not names:
            return self._single(node)
        return names

    def _workflow(self, name: str, node: Node, around: Fields) -> None:
        self.workflows.read(name, around.below(node, name, ""))

    def _single(self, node: Node | None) -> list[str]:
        """The job `build`, where there are no workflows."""
        job = self.library.defined["jobs"].get(BUILD)
        if job is None:
            place = node if node is not None else self.root
            place.problem(
                "there is no workflow and no job `build`, so nothing is ever executed; "
                "read the definition that this one is a part of, or an orb of"
            )
            return []
        entry = self.echoes.copy(job, job.parent, job.key, self.library)
        one = Invocation(entry, BUILD, "workflow", whole=True, id=self.invocations.take(BUILD))
        branches = entry.items().get("branches") if entry.kind == "mapping" else None
        filters: Filters | None = None
        if branches is not None:
            filters = Filters(branches=FilterReader.names(branches))
        self.workflows.single("workflow", job, one, filters)
        return [""]

    # What else there is ----------------------------------------------------------------------------------

    def _parameters(self) -> dict[str, Parameter]:
        node = self.fields.take("parameters", "parameters")
        found: dict[str, Parameter] = {}
        for name, one in node.items().items() if node is not None else ():
            fields = Fields(one, f"parameters.{name}", self.kept, "parameters", name)
            data: dict[str, Any] = {}
            if (kind := fields.take("type", "type")) is not None:
                if (word := kind.text()) not in _TYPES:
                    kind.problem(f"a parameter of a pipeline is one of {', '.join(_TYPES)}, not {word!r}")
                data["type"] = _TYPES.get(word, "string")
            else:
                one.problem(f"the parameter {name!r} needs a `type`")
            if (text := fields.take("description", "description")) is not None:
                data["description"] = text.text()
            if (choices := fields.take("enum", "choices")) is not None:
                data["choices"] = tuple(choice.plain() for choice in choices.entries())
            default = fields.take("default", "default")
            if default is not None:
                data["default"] = self.texts.data(default)
            fields.rest()
            found[name] = Parameter(required=default is None, **data)
        return found

    def _unused(self) -> None:
        """What is defined and never used: no meaning, but CircleCI gets it back."""
        self._keep_unused(self.library.tell_unused(f"vendor.{VENDOR}.{HINTS}"))
        for name, node in self.groups.items():
            if name not in self.invocations.used_groups:
                self._keep_unused({"job-groups": {name: node.plain()}})
                node.finding(
                    Fidelity.EQUIVALENT, f"the job group {name!r}", "no workflow uses it", "remove it"
                )

    def _keep_unused(self, found: dict[str, dict[str, JsonValue]]) -> None:
        for kind, entries in found.items():
            for name, value in entries.items():
                self.kept.put(value, HINTS, kind, name)

    def _orbs(self, stages: tuple[Stage, ...]) -> None:
        """Imports: those that only CircleCI understands, and those that it alone needs to write the same again."""
        node = self.root.items().get("orbs")
        if node is None:
            return
        node.take()
        needed = set(_aliases(stages))
        for name, one in node.items().items():
            orb = self.library.orbs[name]
            if isinstance(orb, Library):
                one.take()
                for kind in (*KINDS, "orbs", "description", "version", "display"):
                    if (part := one.items().get(kind)) is not None:
                        part.take()
                for kind, entries in orb.tell_unused(f"vendor.{VENDOR}.{HINTS}.orbs.{name}").items():
                    for key, value in entries.items():
                        self.kept.put(value, HINTS, "orbs", name, kind, key)
                continue
            one.feeds(f"vendor.{VENDOR}.{HINTS}.orbs.{name}")
            self.kept.put(one.plain(), HINTS, "orbs", name)
            if name in needed:
                one.finding(
                    Fidelity.EQUIVALENT,
                    f"the import of the orb {name!r}",
                    "an import does nothing by itself; each use of what no row knows is told where it stands",
                    "map what is used with rows of your own tables",
                )

    def _stores(self) -> None:
        """Keys at the top that CircleCI ignores: people keep anchors there."""
        for key, node in self.fields.drain():
            self.kept.put(node.plain(), HINTS, "top", key)
            node.feeds(f"vendor.{VENDOR}.{HINTS}.top.{key}").finding(
                Fidelity.EQUIVALENT,
                f"the key {key!r}",
                "CircleCI ignores it; where aliases name what stands there, that is read where they stand",
                "nothing to do",
            )


def _aliases(stages: tuple[Stage, ...]) -> list[str]:
    """The names of orbs that something needs which only CircleCI understands."""
    found: list[str] = []
    for stage in stages:
        own = stage.vendor.get(VENDOR, {})
        named: list[Any] = [own.get("job"), own.get("executor"), own.get("override-with")]
        opaque = (step.inputs for step in stage.steps if step.action == OPAQUE)
        named += [inputs.get("value") for inputs in opaque if "steps" not in inputs]
        for one in named:
            text = one.get("name", next(iter(one), "")) if isinstance(one, dict) else one
            if isinstance(text, str):
                found.append(text.partition("/")[0])
    return found
