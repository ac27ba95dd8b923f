"""Declarative pipelines in: the sections of `pipeline { }` become a pipeline.

What only helps to write the same again, or what only Jenkins understands, is kept in `vendor.jenkins`:

- `before`, `after`: the Groovy around the pipeline (in `hints` where it only defines names); `libraries`, `tools`, `options`, `agent`, `parameters.NAME` as the
  definition has them, `blocks` and `hints.blocks` as `surroundings.py` has it;
- `hints.options`: options of no meaning elsewhere; `hints.agent`: the pipeline's agent where no stage runs on it;
  `hints.parameters.NAME`: arguments of a parameter that change nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import JsonValue

from pipemgr.adapter import Kept, Node
from pipemgr.model.definitions import HINTS, Data, Parameter, Pipeline, Trigger
from pipemgr_jenkins.groovy.syntax import Assignment, Call, Code, Declaration, Method, Part

from .agents import MAIN, NOWHERE, AgentReader, Place
from .environments import read as read_environment
from .needs import settled
from .options import OptionReader, Options
from .parameters import Found, ParameterReader
from .scope import VENDOR, Scope, Words
from .sections_reader import SectionReader
from .slugs import Slugs
from .stages import StageReader
from .surroundings import Block, shown
from .tools import split
from .tree import Jenkinsfile
from .triggers import TriggerReader
from .values import Target, Values

PIPELINE_TARGET = Target("", f"vendor.{VENDOR}", f"vendor.{VENDOR}.{HINTS}")


class DeclarativeReader:
    """Reads one declarative pipeline."""

    def __init__(self, file: Jenkinsfile, words: Words) -> None:
        self.file = file
        self.words = words
        self.kept = Kept("", VENDOR)
        self.block = Block(Scope.of(file, words))
        self.tools: Data = {}

    def read(self, name: str) -> Pipeline:
        """The pipeline, by that name."""
        root = self.file.root.items()
        node = root["pipeline"]
        items = node.items()
        self._around(root)
        parameters = self._parameters(items.get("parameters"))
        variables = self._environment(items.get("environment"))
        options = OptionReader(self._values(), PIPELINE_TARGET).read(items.get("options"))
        self._agent(items.get("agent"))
        self._rest(items, options)
        self.block = self.block.inner(fetches=options.fetches is not False)
        if "parallelsAlwaysFailFast()" in options.kept:
            self.block = self.block.inner(fail_fast=True)
        stages = self._stages(items, options)
        triggers = self._triggers(items.get("triggers"))
        return Pipeline(
            name=name,
            triggers=triggers,
            parameters=parameters,
            variables=variables,
            stages=stages,
            vendor=self.kept.said(),
            **options.fields,
        )

    def _values(self) -> Values:
        return Values(self.file, self.block.scope)

    def _around(self, root: dict[str, Node]) -> None:
        """The code around the pipeline."""
        for key in ("before", "after"):
            if key in root:
                self.put_code(key, root[key].feeds("").entries())

    def put_code(self, key: str, nodes: Sequence[Node], more: Sequence[str] = ()) -> None:
        """Keep the code around a pipeline; what only defines names does nothing by itself, and is a hint."""
        only = all(defines(self.file.syntax(one)) for one in nodes)
        path = (HINTS, key) if only else (key,)
        for at, node in enumerate(nodes):
            node.take_all().feeds(".".join(("vendor", VENDOR, *path)) + f"[{at}]")
        texts: list[JsonValue] = [*(self.file.text(one).strip() for one in nodes), *more]
        if texts:
            self.kept.put([*texts], *path)

    def _parameters(self, node: Node | None) -> dict[str, Parameter]:
        found: dict[str, Parameter] = {}
        if node is None:
            return found
        rows: list[Found] = []
        unnamed: list[JsonValue] = []
        for call in node.feeds("parameters").entries():
            reader = ParameterReader(self._values())
            one = reader.read(call)
            if one is None:
                call.feeds(f"vendor.{VENDOR}.unnamed-parameters[{len(unnamed)}]")
                unnamed.append(reader.source(call))
            else:
                rows.append(one)
        for row in rows:
            found[row.name] = row.parameter
            if row.kept:
                self.kept.put(row.kept, "parameters", row.name)
            if row.hints:
                self.kept.put(row.hints, HINTS, "parameters", row.name)
        if unnamed:
            self.kept.put(unnamed, "unnamed-parameters")
        types = {name: one.type for name, one in found.items()}
        self.block = self.block.inner(scope=self.block.scope.inner(parameters=types))
        return found

    def _environment(self, node: Node | None) -> dict[str, str]:
        if node is None:
            return {}
        found = dict(read_environment(node, self.block, self.file, ""))
        outer = {name: text for name, text in found.items() if f"variables.{name}" not in text}
        self.block = self.block.inner(scope=self.block.scope.inner(variables=found), outer=outer)
        return found

    def _agent(self, node: Node | None) -> None:
        if node is None:
            return
        place = self._place(node, "stages")
        if place.kept:
            self.kept.put(place.kept, "agent")
        if place.hints:
            self.kept.put(place.hints, HINTS, "agent")
        shared = place if place.nowhere else replace(place, workspace=MAIN, kept={}, hints={})
        self.block = self.block.inner(place=NOWHERE if place.nowhere else shared)

    def _place(self, node: Node, model: str) -> Place:
        target = replace(PIPELINE_TARGET, model=model)
        return AgentReader(self._values(), self.words.tables).read(node, target)

    def _rest(self, items: dict[str, Node], options: Options) -> None:
        """What only Jenkins understands."""
        values = self._values()
        if options.kept:
            self.kept.put([*options.kept], "options")
        if options.hints:
            self.kept.put([*options.hints], HINTS, "options")
        if "tools" in items:
            node = items["tools"].feeds("")
            self.tools = {key: values.data(one) for key, one in node.items().items()}
            known, others = split(self.tools)
            for key, one in node.items().items():
                one.feeds(f"{PIPELINE_TARGET.kept if key in others else PIPELINE_TARGET.hints}.tools.{key}")
            for found, path in ((known, (HINTS, "tools")), (others, ("tools",))):
                if found:
                    self.kept.put(found, *path)
        if "libraries" in items:
            node = items["libraries"].feeds(f"vendor.{VENDOR}.libraries")
            self.kept.put([values.text(one) for one in node.entries()], "libraries")

    def _triggers(self, node: Node | None) -> tuple[Trigger, ...]:
        return TriggerReader(self._values()).read(node)

    def _stages(self, items: dict[str, Node], options: Options) -> Any:
        slugs = Slugs()
        nodes = items.get("stages")
        if nodes is None:
            return ()
        slugs.number(nodes)
        reader = StageReader(
            SectionReader(self.file, self.words.tables), slugs, folder=options.folder, given=self.tools
        )
        opened = reader.workspace(self.block, ())
        last = reader.sequence(nodes.feeds("stages").entries(), self.block, ())
        reader.posts(items.get("post"), self.block, last)
        reader.close(opened)
        if reader.kept:
            self.kept.put(reader.kept, "blocks")
        stages = settled(reader.drafts, reader.opened)
        if hints := shown(reader.hints, stages):
            self.kept.put(hints, HINTS, "blocks")
        if "agent" in items:
            user = next((one.id for one in stages if one.workspace == MAIN), None)
            self._settle_agent(items["agent"], user, idle=opened is not None)
        return stages

    def _settle_agent(self, node: Node, user: str | None, *, idle: bool) -> None:
        """Say which stage the pipeline's agent is for; keep it where no stage tells of it."""
        if user is not None:
            self._place(node, f"stages.{user}")
            return
        for one in (node, *node.items().values()):
            one.feeds(f"{PIPELINE_TARGET.hints}.agent" if idle else "")
        if idle:
            place = self.block.place
            found = {"runner": place.runner, "container": place.container}
            more = {key: one.data() for key, one in found.items() if one is not None}
            self.kept.put({"kind": "any", **more}, HINTS, "agent")


def defines(part: Part | None) -> bool:
    """Whether a statement around the pipeline only gives names: each use of them is told where it stands."""
    match part:
        case Declaration() | Assignment() | Method():
            return True
        case Call(name="library", target=None, block=None):
            return True
    return isinstance(part, Code)
