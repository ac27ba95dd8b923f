"""Sections in: what a stage or a block says besides the stages or steps inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Node, Tables

from . import environments, inputs
from .agents import AgentReader, Place, reuses
from .calls import given
from .options import OptionReader
from .surroundings import Block, Said, conjuncts
from .tools import version
from .tree import Jenkinsfile
from .values import Target, Values

_FLAGS: Final = ("beforeAgent", "beforeInput", "beforeOptions")
_DOWN: Final = ("timeout", "concurrency")
"""Options that a block hands down to the stages inside."""

NODE: Final = "node"


class SectionReader:
    """Reads the sections that stages, blocks and matrices have in common."""

    def __init__(self, file: Jenkinsfile, tables: Tables) -> None:
        self.file = file
        self.tables = tables

    def read(self, items: Mapping[str, Node], around: Block, target: Target, *, path: str = "") -> Said:
        """What the sections say within `around`; with `path` they are those of a block."""
        said = Said(around)
        if (node := items.get("environment")) is not None:
            found = environments.read(node, said.block, self.file, target.model)
            self._hand(said, "variables", dict(found))
            said.block = said.block.with_variables(found)
        if (node := items.get("options")) is not None:
            self._options(node, said, target, path)
        if (node := items.get("agent")) is not None:
            self._agent(node, said, target, path)
        if (node := items.get("tools")) is not None:
            node.feeds(target.model)
            tools: dict[str, JsonValue] = {}
            for key, one in node.items().items():
                tools[key] = self._values(said).data(one)
                hidden = path or version(key, tools[key]) is not None
                one.feeds(f"{target.hints if hidden else target.kept}.tools.{key}")
            self._hand(said, "tools", tools)
            said.block = said.block.inner(tools={**said.block.tools, **tools})
        if (node := items.get("when")) is not None:
            self._when(node, said, target)
        if (node := items.get("input")) is not None:
            self._input(node, said, target)
        return said

    def machine(self, statements: Node, around: Block, target: Target) -> tuple[Place, Node]:
        """Where a section of `post` is executed, and its statements: those in a `node` that is around all of them."""
        found = statements.entries()
        items = found[0].items() if len(found) == 1 and found[0].kind == "mapping" else {}
        if "name" not in items or items["name"].text() != NODE or "block" not in items:
            return around.place, statements
        label = given(found[0]).get("label", main=True)
        reader = AgentReader(Values(self.file, around.scope), self.tables)
        place = reader.labelled({"value": label} if label is not None else {}, target)
        if place.kept:
            return around.place, statements
        statements.feeds(target.model)
        found[0].feeds(f"{target.model}.runner")
        return place, items["block"]

    def _values(self, said: Said) -> Values:
        return Values(self.file, said.block.scope)

    @staticmethod
    def _hand(said: Said, key: str, value: JsonValue) -> None:
        if value:
            said.down[key] = value

    def _options(self, node: Node, said: Said, target: Target, path: str) -> None:
        found = OptionReader(self._values(said), target).read(node)
        limits = found.fields
        if path:
            if retry := limits.pop("retry", None):
                found.kept.append(f"retry({retry + 1})")
            down = {key: value if isinstance(value, str) else value.data() for key, value in limits.items()}
            said.down |= down
        if found.kept:
            said.kept["options"] = list(found.kept)
        if found.hints:
            said.hints["options"] = list(found.hints)
        said.block = said.block.inner(limits={**said.block.limits, **limits})
        if found.fetches is not None:
            said.block = said.block.inner(fetches=found.fetches)

    def _agent(self, node: Node, said: Said, target: Target, path: str) -> None:
        place = AgentReader(self._values(said), self.tables).read(node, target)
        around = said.block.place
        if place.nowhere:
            said.hints["agent"] = "none"
        elif reuses(place) and not around.nowhere:
            place = replace(place, runner=around.runner, workspace=around.workspace)
        elif path:
            place = replace(place, workspace=path)
        if place.kept:
            said.kept["agent"] = dict(place.kept)
        if place.hints:
            said.hints["agent"] = dict(place.hints)
        said.block = said.block.inner(place=replace(place, kept={}, hints={}), is_direct=True)

    def _when(self, node: Node, said: Said, target: Target) -> None:
        items = node.feeds(f"{target.model}.when").items()
        condition = self._values(said).conditions(node)
        found = conjuncts(condition)
        flags: dict[str, JsonValue] = {
            key: items[key].feeds(f"{target.hints}.flags.{key}").plain() for key in _FLAGS if key in items
        }
        if flags:
            said.hints["flags"] = flags
        if found:
            said.down["when"] = str(condition)
        said.block = said.block.inner(when=(*said.block.when, *found))

    def _input(self, node: Node, said: Said, target: Target) -> None:
        asked = inputs.read(node, self._values(said), target)
        if asked.kept:
            said.kept["input"] = dict(asked.kept)
        if asked.hints:
            said.hints["input"] = dict(asked.hints)
        self._hand(said, "approval", asked.approval.message)
        said.block = said.block.with_variables(asked.variables).inner(approval=asked.approval)
