"""Scripted pipelines in: the usual shapes of Groovy around steps become a pipeline, and all else stays as it is.

In `vendor.jenkins`, beside what `declarative.py` keeps: `before` and `after` have the code that only defines something,
and declarations of the variables that stages share.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from pipemgr.adapter import Node
from pipemgr.model.definitions import HINTS, Pipeline, Stage
from pipemgr_jenkins.groovy.syntax import Assignment, Call, Declaration, Items, Part

from .declarative import PIPELINE_TARGET, DeclarativeReader
from .needs import settled
from .nodes import Spot
from .options import OptionReader, Options
from .scope import Scope, Words
from .scripted_around import Around
from .scripted_levels import block_of
from .scripted_shapes import Shapes, mapped
from .scripted_stages import ScriptedStages
from .sections_reader import SectionReader
from .slugs import Slugs
from .statements import Statements
from .tree import Jenkinsfile

_NOTHING = (
    "nothing is executed: the file only defines methods or classes; take the Jenkinsfile that uses them"
)
_EMPTY = "nothing is executed: the file is empty; write pipeline { ... } into it"
_PARTS = {"parameters": "parameters", "pipelineTriggers": "triggers"}


class ScriptedReader(DeclarativeReader):
    """Reads one scripted pipeline."""

    def __init__(self, file: Jenkinsfile, words: Words) -> None:
        super().__init__(file, words)
        self.shapes = Shapes(file.script)

    def read(self, name: str) -> Pipeline:
        """The pipeline, by that name."""
        root = self.file.root.items()
        before, nodes, after = self._outside(root["script"].take().entries())
        if not nodes:  # what variables are set to may be all that is done
            nodes = [one for one in before if not self.shapes.defines(self.file.syntax(one))]
            before = [one for one in before if one not in nodes]
        if not nodes:
            root["script"].problem(_NOTHING if root["script"].entries() else _EMPTY)
        properties = [one for one in nodes if self._is_properties(one)]
        nodes = [one for one in nodes if one not in properties]
        calls = self._properties(properties)
        parameters = self._parameters(calls["parameters"])
        triggers = self._triggers(calls["triggers"])
        options = OptionReader(self._values(), PIPELINE_TARGET).read(calls["options"])
        stages = self._script(nodes, options, before, after)
        return Pipeline(
            name=name,
            triggers=triggers,
            parameters=parameters,
            stages=stages,
            vendor=self.kept.said(),
            **options.fields,
        )

    # What is outside of stages ---------------------------------------------------------------------------------

    def _outside(self, nodes: Sequence[Node]) -> tuple[list[Node], list[Node], list[Node]]:
        """What stands before the first stage or step, all that is done, and definitions that stand behind that."""
        used = {mapped(self.file.syntax(one)) for one in nodes}
        makers = self.shapes.collect_from_outside(self.file.script.statements)
        done = False
        before: list[Node] = []
        inside: list[Node] = []
        after: list[Node] = []
        for at, node in enumerate(nodes):
            part = self.file.syntax(node)
            if at in makers:
                node.take_all().feeds("stages")
            elif self.shapes.defines(part):
                (after if done else before).append(node)
            elif isinstance(part, Declaration) and part.name in used:
                inside.append(node)
                done = True
            elif not done and isinstance(part, Declaration | Assignment) and not self.shapes.holds(part):
                before.append(node)
            else:
                inside.append(node)
                done = done or not self._is_properties(node)
        return before, inside, after

    def _is_properties(self, node: Node) -> bool:
        return _properties(self.file.syntax(node)) is not None

    def _properties(self, nodes: Sequence[Node]) -> dict[str, Node | None]:
        """`properties([...])` as the sections that declarative pipelines have for it."""
        made = Statements(self.file.script, self.file.root.origin.name)
        made.source = self.file.root.origin
        sections = made.root().take()
        found: dict[str, Node | None] = {"parameters": None, "triggers": None, "options": None}
        for node in nodes:
            node.take_all().feeds("parameters")
            for part in _properties(self.file.syntax(node)) or ():
                key = _PARTS.get(part.name, "options") if isinstance(part, Call) else "options"
                inner = (
                    part.plain[0].value
                    if isinstance(part, Call) and key != "options" and part.plain
                    else None
                )
                section = found[key] or made.sequence(Spot(sections, key), part)
                found[key] = section
                for one in inner.items if isinstance(inner, Items) else (part,):
                    made.statement(section, one)
        self.file.parts.update(made.parts)
        return found

    # Stages ------------------------------------------------------------------------------------------------------

    def _script(
        self, nodes: Sequence[Node], options: Options, before: list[Node], after: list[Node]
    ) -> tuple[Stage, ...]:
        names = [part.name for one in before if isinstance(part := self.file.syntax(one), Declaration)]
        scope = Scope.of(self.file, self.words).inner(names=names, parameters=self.block.scope.parameters)
        reader = ScriptedStages(SectionReader(self.file, self.words.tables), Slugs(), self.shapes)
        around = Around(scope, fetches=False)
        while len(nodes) == 1 and _is_option(self.file.syntax(nodes[0])):
            around = reader.surroundings.entered(nodes[0], around, "")
            nodes = block_of(nodes[0])
        options.fields |= around.limits
        reader.level(nodes, around.change(limits={}), ())
        reader.settle_feeds(self.file.root)
        self._keep(reader, options)
        self.put_code("before", before, reader.body_steps.before)
        self.put_code("after", after)
        return settled(reader.drafts, reader.opened)

    def _keep(self, reader: ScriptedStages, options: Options) -> None:
        shown: list[JsonValue] = [*options.hints, *reader.surroundings.options]
        if options.kept:
            self.kept.put([*options.kept], "options")
        if reader.kept:
            self.kept.put(reader.kept, "blocks")
        if reader.main:
            self.kept.put(reader.main, "agent")
        if shown:
            self.kept.put(shown, HINTS, "options")
        if reader.hints:
            self.kept.put(reader.hints, HINTS, "blocks")


def _is_option(part: Part | None) -> bool:
    """Whether a block around the whole pipeline is an option of it."""
    if not isinstance(part, Call) or part.target is not None or part.block is None:
        return False
    return part.name in ("timeout", "timestamps", "ansiColor")


def _properties(part: Part | None) -> tuple[Part, ...] | None:
    """The calls in `properties([...])`."""
    if (
        not isinstance(part, Call)
        or part.name != "properties"
        or part.target is not None
        or len(part.plain) != 1
    ):
        return None
    value = part.plain[0].value
    return value.items if isinstance(value, Items) else None
