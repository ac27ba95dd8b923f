"""The sections of a declarative pipeline as nodes; what fits no section is a problem at its place.

Which sections there are, and what may stand in them: Jenkins' ModelParser (pipeline-model-definition-plugin).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pipemgr.adapter import Fidelity, Finding, Node
from pipemgr_jenkins.groovy.syntax import Assignment, Call, Closure, Constant, Entries, Name, Part

from .grammar import nearest
from .nodes import Spot, short
from .statements import Statements

Grow = Callable[[Spot, Call], None]

BARE_AGENTS: Final = ("any", "none")
"""Agents that need no block."""
GROUPS: Final = ("allOf", "anyOf", "not")
"""Conditions that hold others."""
BEFORE: Final = ("beforeAgent", "beforeInput", "beforeOptions")
"""What says when the conditions of a stage are looked at."""
RENAMED: Final = {
    "properties": "options",
    "wrappers": "options",
    "jobProperties": "options",
    "notifications": "post",
    "postBuild": "post",
}
"""Sections of early versions, and where their content belongs now."""


class Sections(Statements):
    """Makes the nodes of a declarative pipeline."""

    @property
    def _shared(self) -> dict[str, Grow]:
        return {
            "agent": self._agent,
            "environment": self._environment,
            "options": self._calls,
            "post": self._post,
            "stages": self._stages,
            "tools": self._tools,
        }

    @property
    def _pipeline(self) -> dict[str, Grow]:
        own = {"libraries": self._libraries, "parameters": self._calls, "triggers": self._calls}
        return self._shared | own

    @property
    def _inside(self) -> dict[str, Grow]:
        return self._shared | {"input": self._input, "when": self._when}

    @property
    def _stage(self) -> dict[str, Grow]:
        own = {
            "failFast": self._single,
            "matrix": self._matrix,
            "parallel": self._stages,
            "steps": self._steps,
        }
        return self._inside | own

    def pipeline(self, spot: Spot, call: Call) -> Node:
        """The `pipeline` block."""
        node = self.mapping(spot, call)
        if block := self.block(call):
            self.sections(node, block, self._pipeline, "the pipeline")
        return node

    # What all sections need ----------------------------------------------------------------------------

    def block(self, call: Call) -> Closure | None:
        """The block of a section; a problem where there is none."""
        if call.block is None:
            self.problem(call, f"{call.name!r} needs a block: write {call.name} {{ ... }}")
        return call.block

    def named(self, block: Closure, what: str) -> Iterator[Call]:
        """The statements of a block that begin with a name; a problem for each other one."""
        for part in block.statements:
            if isinstance(part, Call) and part.target is None:
                yield part
            elif isinstance(part, Name):
                self.problem(
                    part,
                    f"{part.name!r} says nothing by itself here; give it a value or a block, or remove it",
                )
            else:
                self.problem(
                    part, f"{short(self.text(part))} is nothing that {what} takes; remove it, or correct it"
                )

    def once(self, node: Node, block: Closure, what: str) -> Iterator[tuple[Spot, Call]]:
        """The statements of a block that begin with a name, each with its spot; a name may stand there once."""
        for call in self.named(block, what):
            if node.children and call.name in node.children:
                self.problem(
                    call, f"{call.name!r} stands twice in {what}; keep one of them, with the content of both"
                )
            else:
                yield Spot(node, call.name), call

    def last(self, node: Node, block: Closure, what: str) -> Iterator[tuple[Spot, Call]]:
        """The same where a name may come again, and the last one counts; a finding for each before it."""
        calls = list(self.named(block, what))
        counts = {call.name: call for call in calls}
        for call in calls:
            if call is counts[call.name]:
                yield Spot(node, call.name), call
            else:
                self.overridden(node, call, what)

    def overridden(self, node: Node, call: Call, what: str) -> None:
        """Tell of what has no effect."""
        line, column = self.place(call.start)
        finding = Finding(
            fidelity=Fidelity.EQUIVALENT,
            path=f"{node.path}.{call.name}",
            source=f"{self.source.name}:{line}:{column}",
            what=f"{call.name!r} stands in {what} more than once",
            why="Jenkins takes the last one",
            remedy="remove the others",
        )
        self.source.findings.append(finding)

    def sections(self, node: Node, block: Closure, table: dict[str, Grow], what: str) -> None:
        """The sections of a block, by a table of them."""
        for spot, call in self.once(node, block, what):
            if grow := table.get(call.name):
                grow(spot, call)
            elif call.name in RENAMED:
                now = RENAMED[call.name]
                self.problem(call, f"the section {call.name!r} is no more; write its content in {now!r}")
            else:
                near, known = nearest(call.name, list(table)), ", ".join(sorted(table))
                self.problem(call, f"{what} has no section {call.name!r}{near}; it may have {known}")

    def single(self, call: Call) -> Part | None:
        """The one value of a call; a problem where there are more or none."""
        values = call.arguments
        if not values:
            self.problem(call, f"{call.name!r} has no value; give it one, or remove it")
        elif len(values) > 1:
            self.problem(call, f"{call.name!r} takes one value, not {len(values)}; remove the others")
        elif values[0].key is not None:
            name = values[0].key
            self.problem(call, f"{call.name!r} takes a value without a name; remove '{name}:'")
        else:
            return values[0].value
        return None

    def _single(self, spot: Spot, call: Call) -> None:
        part = self.single(call)
        if part is not None:
            self.value(spot, part, at=call)

    def _calls(self, spot: Spot, call: Call) -> None:
        node = self.sequence(spot, call)
        for one in self._callable(call):
            self.call(self.mapping(Spot(node), one), one)

    def _callable(self, call: Call) -> Iterator[Call]:
        block = self.block(call)
        for part in block.statements if block else ():
            if isinstance(part, Call) and part.target is None:
                yield part
            elif isinstance(part, Entries):
                self.problem(
                    part, f"a map can't stand in {call.name!r}; write it by its name: name(key: value)"
                )
            else:
                told = short(self.text(part))
                self.problem(part, f"{told} can't stand in {call.name!r}; write name() or name(key: value)")

    # Stages --------------------------------------------------------------------------------------------

    def _stages(self, spot: Spot, call: Call) -> None:
        node = self.sequence(spot, call)
        block = self.block(call)
        for one in self.named(block, f"{call.name!r}") if block else ():
            if one.name == "stage":
                self._one_stage(self.mapping(Spot(node), one), one)
            else:
                self.problem(one, f"{call.name!r} takes only stages, not {one.name!r}; move it into a stage")

    def _one_stage(self, node: Node, call: Call) -> None:
        name = self._stage_name(node, call)
        block = self.block(call)
        if block:
            self.sections(node, block, self._stage, f"the stage {name!r}")

    def _stage_name(self, node: Node, call: Call) -> str:
        names = [one.value for one in call.plain]
        name = names[0] if len(names) == 1 and call.plain[0].key is None else call
        match name:
            case Constant(value=str(text)) | Name(name=text):
                self.scalar(Spot(node, "name"), name, text)
                return text
            case Call() if not names:
                self.problem(call, "the stage has no name; write stage('name') { ... }")
            case _:
                told = short(self.text(name))
                self.problem(name, f"a stage's name is a text in plain quotes here, not {told}")
        return ""

    def _steps(self, spot: Spot, call: Call) -> None:
        if block := self.block(call):
            self.statements(spot, block, at=call)

    def _post(self, spot: Spot, call: Call) -> None:
        node = self.mapping(spot, call)
        block = self.block(call)
        for below, one in self.once(node, block, "'post'") if block else ():
            self._steps(below, one)

    def _matrix(self, spot: Spot, call: Call) -> None:
        node = self.mapping(spot, call)
        own = {"axes": self._axes, "excludes": self._excludes}
        if block := self.block(call):
            self.sections(node, block, self._inside | own, "the matrix")

    def _axes(self, spot: Spot, call: Call) -> None:
        node = self.sequence(spot, call)
        block = self.block(call)
        for one in self.named(block, f"{call.name!r}") if block else ():
            if one.name == "axis":
                self._axis(self.mapping(Spot(node), one), one)
            else:
                self.problem(one, f"{call.name!r} takes only 'axis', not {one.name!r}; remove it")

    def _excludes(self, spot: Spot, call: Call) -> None:
        node = self.sequence(spot, call)
        block = self.block(call)
        for one in self.named(block, "'excludes'") if block else ():
            if one.name == "exclude":
                self._axes(Spot(node), one)
            else:
                self.problem(one, f"'excludes' takes only 'exclude', not {one.name!r}; remove it")

    def _axis(self, node: Node, call: Call) -> None:
        block = self.block(call)
        for spot, one in self.once(node, block, "'axis'") if block else ():
            if one.name == "name":
                self._single(spot, one)
            elif one.name in ("values", "notValues"):
                values = self.sequence(spot, one)
                for argument in one.arguments:
                    self.value(Spot(values), argument.value)
            else:
                self.problem(one, f"an axis has no {one.name!r}; it has 'name' and 'values'")

    # Agents, tools, variables --------------------------------------------------------------------------

    def _agent(self, spot: Spot, call: Call) -> None:
        node = self.mapping(spot, call)
        if call.block is None:
            kind = self.single(call)
            if kind is not None:
                self._bare_agent(node, kind)
            return
        kinds = list(self.named(call.block, "'agent'"))
        if not call.block.statements:
            self.problem(call, "the agent is empty; write one in the block, such as label 'name'")
        if len(kinds) > 1:
            self.problem(kinds[1], "an agent has one type; keep one of them")
        if kinds:
            self._typed_agent(node, kinds[0])

    def _bare_agent(self, node: Node, kind: Part) -> None:
        name = kind.name if isinstance(kind, Name) else kind.value if isinstance(kind, Constant) else None
        if name in BARE_AGENTS:
            self.scalar(Spot(node, "kind"), kind, name)
        else:
            told = short(self.text(kind))
            self.problem(kind, f"agent {told} is none; write agent any, agent none or agent {{ label ... }}")

    def _typed_agent(self, node: Node, call: Call) -> None:
        kind = "node" if call.name == "label" and call.block else call.name
        self.scalar(Spot(node, "kind"), call, kind)
        if call.block:
            self._options(node, call.block, call.name)
        elif call.arguments and all(one.key for one in call.arguments):
            for one in call.arguments:
                self.value(Spot(node, str(one.key)), one.value, at=one)
        else:
            self._single(Spot(node, "value"), call)

    def _options(self, node: Node, block: Closure, what: str) -> None:
        """Options by their names, each with a value or a block of further ones."""
        for spot, call in self.last(node, block, f"{what!r}"):
            if call.block:
                self._options(self.mapping(spot, call), call.block, call.name)
            else:
                self._single(spot, call)

    def _environment(self, spot: Spot, call: Call) -> None:
        node = self.mapping(spot, call)
        block = self.block(call)
        for part in block.statements if block else ():
            match part:
                case Assignment(target=Name(name=name), operator="=", value=value):
                    if node.children and name in node.children:
                        self.problem(part, f"the variable {name!r} is set here twice; remove one of the two")
                    else:
                        self.value(Spot(node, name), value, at=part)
                case _:
                    told = short(self.text(part))
                    self.problem(part, f"{told} sets no variable; write NAME = 'value', one in a line")

    def _tools(self, spot: Spot, call: Call) -> None:
        node = self.mapping(spot, call)
        block = self.block(call)
        for below, one in self.last(node, block, "'tools'") if block else ():
            self._single(below, one)

    def _libraries(self, spot: Spot, call: Call) -> None:
        node = self.sequence(spot, call)
        for one in self._callable(call):
            part = self.single(one) if one.name == "lib" else None
            if one.name != "lib":
                self.problem(one, f"'libraries' takes only lib('name@version'), not {one.name!r}")
            if part is not None:
                self.value(Spot(node), part)

    def _input(self, spot: Spot, call: Call) -> None:
        node = self.mapping(spot, call)
        block = self.block(call)
        for below, one in self.once(node, block, "'input'") if block else ():
            if one.name == "parameters":
                self._calls(below, one)
            else:
                self._single(below, one)

    # Conditions ----------------------------------------------------------------------------------------

    def _when(self, spot: Spot, call: Call) -> None:
        node = self.mapping(spot, call)
        conditions = self.sequence(Spot(node, "conditions"), call)
        block = self.block(call)
        for one in self.named(block, "'when'") if block else ():
            if one.name in BEFORE:
                self._single(Spot(node, one.name), one)
            else:
                self._condition(conditions, one)

    def _condition(self, parent: Node, call: Call) -> None:
        node = self.mapping(Spot(parent), call)
        if call.name == "expression":
            self._expression(node, call)
        elif call.block is None and call.name not in GROUPS:
            self.call(node, call)
        else:
            self._group(node, call)

    def _expression(self, node: Node, call: Call) -> None:
        self.scalar(Spot(node, "name"), call, call.name)
        if block := self.block(call):
            inside = block.statements
            text = self.script.source[inside[0].start : inside[-1].end] if inside else ""
            self.scalar(Spot(node, "code"), block, text)

    def _group(self, node: Node, call: Call) -> None:
        self.scalar(Spot(node, "name"), call, call.name)
        if call.plain:
            self.arguments(Spot(node, "arguments"), call.plain)
        below = self.sequence(Spot(node, "conditions"), call)
        for one in self.named(call.block, f"{call.name!r}") if call.block else ():
            self._condition(below, one)
