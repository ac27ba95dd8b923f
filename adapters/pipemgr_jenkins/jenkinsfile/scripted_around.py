"""What is around the stages of scripted pipelines: machines, containers, variables and time limits, handed down to them.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#scripted-pipeline
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Node, Tables
from pipemgr.model.definitions import Concurrency, Container
from pipemgr_jenkins.groovy.syntax import Call, Items

from .agents import AgentReader
from .calls import given
from .credentials import bindings
from .scripted_shapes import container
from .surroundings import Block
from .texts import text
from .tree import Jenkinsfile
from .values import Target, Values
from .wrappers import UNITS

OPEN: Final = "*"
"""The workspace of a machine whose stages are still being read."""
_SHOWN: Final = ("timestamps", "ansiColor")
"""Blocks that only change how a log looks: options of the pipeline."""


@dataclass(frozen=True)
class Around(Block):
    """What is around a statement, with all that it hands down."""

    heads: tuple[str, ...] = ()
    """Words of blocks that no field of a stage stands for: they are put around all that a stage does."""
    kept: dict[str, JsonValue] = field(default_factory=dict)
    """What only Jenkins understands of the machine."""

    def change(self, **changes: Any) -> Around:
        """The same with changes."""
        return replace(self, **changes)


class Surroundings:
    """Reads the calls around stages."""

    def __init__(self, file: Jenkinsfile, tables: Tables) -> None:
        self.file = file
        self.tables = tables
        self.options: list[str] = []
        """Options of the pipeline that change how it looks."""

    def entered(self, node: Node, around: Around, model: str) -> Around:
        """What is around the statements in the block of a call; `model` is the path of the first stage inside."""
        part = self.file.syntax(node)
        if not isinstance(part, Call):
            return around
        name = part.name if part.target is None else ""
        known = {
            "lock": self._lock,
            "node": self._node,
            "retry": self._retry,
            "timeout": self._timeout,
            "withCredentials": self._credentials,
            "withEnv": self._variables,
        }.get(name)
        if name in _SHOWN:
            found: Around | None = self._shown(node, part, around)
        elif name == "script":
            found = around
        elif part.target is not None:
            found = self._container(part, around, node, model)
        else:
            found = known(node, around, model) if known else None
        node.take().feeds(model)
        for one in node.children.values() if isinstance(node.children, dict) else ():
            if one.key != "block":
                one.take_all()
        return found or around.change(heads=(*around.heads, self.head(part)))

    def head(self, part: Call) -> str:
        """The words of a call before its block."""
        end = part.block.start if part.block else part.end
        return self.file.script.source[part.start : end].rstrip()

    def _values(self, around: Around) -> Values:
        return Values(self.file, around.scope)

    # Machines and containers ---------------------------------------------------------------------------------

    def _node(self, node: Node, around: Around, model: str) -> Around | None:
        label = given(node).get("label", main=True)
        items = {"value": label} if label is not None else {}
        place = AgentReader(self._values(around), self.tables).labelled(items, Target.stage(model[7:]))
        kept = dict(place.kept)
        return around.change(place=replace(place, workspace=OPEN, kept={}), kept=kept, is_direct=True)

    def _container(self, part: Call, around: Around, node: Node, model: str) -> Around | None:
        found = container(part)
        if found is None or around.place.nowhere:
            return None
        node.items()["code"].feeds(f"{model}.container")
        image = text(found.image, around.scope)
        options = text(found.options, around.scope) if found.options is not None else ""
        made = Container(image=image, options=options) if options else Container(image=image)
        return around.change(place=replace(around.place, container=made))

    # Variables ------------------------------------------------------------------------------------------------

    def _variables(self, node: Node, around: Around, model: str) -> Around | None:
        entries = given(node).get("overrides", main=True)
        if entries is None or not isinstance(self.file.syntax(entries), Items):
            return None
        values = self._values(around)
        found: dict[str, str] = {}
        for entry in entries.entries():
            name, sign, value = values.text(entry).partition("=")
            if not sign or "+" in name or "${{" in name:
                return None
            found[name] = value
            entry.feeds(f"{model}.variables.{name}")
        return _with(around, found)

    def _credentials(self, node: Node, around: Around, model: str) -> Around | None:
        entries = given(node).get("bindings", main=True)
        found = bindings(entries, around.scope) if entries is not None else None
        if found is None or entries is None:
            return None
        entries.feeds(f"{model}.variables")
        return _with(around, dict(found))

    # Limits --------------------------------------------------------------------------------------------------

    def _timeout(self, node: Node, around: Around, model: str) -> Around | None:
        call = given(node)
        time, unit = call.get("time", main=True), call.get("unit")
        letter = UNITS.get(str(unit.value) if unit is not None else "MINUTES")
        if time is None or letter is None or "activity" in call.named or "timeout" in around.limits:
            return None
        length = self._values(around).text(time.feeds(f"{model}.timeout".lstrip(".")))
        if not length.isdecimal():
            return None
        return around.change(limits={**around.limits, "timeout": f"{length}{letter}"})

    def _retry(self, node: Node, around: Around, model: str) -> Around | None:
        call = given(node)
        count = call.get("count", main=True)
        number = count.value if count is not None else None
        if not isinstance(number, int) or len(call.named) > 1 or "retry" in around.limits:
            return None
        return around.change(limits={**around.limits, "retry": max(number - 1, 0)})

    def _lock(self, node: Node, around: Around, model: str) -> Around | None:
        call = given(node)
        name = call.get("resource", main=True)
        if name is None or len(call.named) > 1 or "concurrency" in around.limits:
            return None
        group = Concurrency(group=self._values(around).text(name))
        return around.change(limits={**around.limits, "concurrency": group})

    def _shown(self, node: Node, part: Call, around: Around) -> Around:
        head = self.head(part)
        option = (
            head
            if "(" in head
            else f"{part.name}()"
            if not part.plain
            else f"{part.name}({head[len(part.name) :].strip()})"
        )
        if option not in self.options:
            node.feeds(f"vendor.jenkins.hints.options[{len(self.options)}]")
            self.options.append(option)
        return around


def _with(around: Around, found: dict[str, str]) -> Around:
    made = around.with_variables(found)
    assert isinstance(made, Around)  # noqa: S101 - `replace` keeps the class
    return made
