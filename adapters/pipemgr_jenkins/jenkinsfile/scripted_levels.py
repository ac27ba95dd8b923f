"""Stages of scripted pipelines in: statements one after another become stages and blocks of stages.

A statement that is no stage, machine or parallel branch, and has none in a block that can be seen through, is a step of
the stage before or behind it, or of one of its own.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, Node
from pipemgr.model.definitions import Approval, Data, Step
from pipemgr_jenkins.groovy.syntax import Argument, Call, Constant, Part

from .agents import MAIN
from .scripted_around import OPEN, Around, Surroundings
from .scripted_shapes import NODE, PARALLEL, STAGE, Shapes, cut
from .scripted_steps import Steps
from .sections_reader import SectionReader
from .slugs import POST, Slugs, slug
from .stages import Draft, StageReader
from .statements import Statements

STEPS: Final = "Steps"
"""What a stage is called that the script does not name: Jenkins shows its steps in no stage."""
DEEPEST: Final = 40
"""Blocks that are taken apart, one in another; what is deeper stays in one piece."""
MOST: Final = 100
"""Calls of the file's own methods that become the stages in them."""


@dataclass
class Body:
    """Statements, and what is around them; `node` is what they belong to."""

    nodes: Sequence[Node]
    around: Around


class Levels(StageReader, ABC):
    """Reads statements of one script, level by level."""

    def __init__(self, sections: SectionReader, slugs: Slugs, shapes: Shapes) -> None:
        super().__init__(sections, slugs)
        self.shapes = shapes
        self.surroundings = Surroundings(self.file, sections.tables)
        self.body_steps = Steps(self.file, self.steps, shapes)
        self.main: Data | None = None
        """What only Jenkins understands of the machine of all stages, where there is one."""
        self._made: list[Statements] = []
        self._depth = 0
        self._calling: list[str] = []
        self._left = MOST
        self._untitled = 0
        """How many stages there are of steps that are in none."""
        self._following = 0
        """How many blocks around have something behind what is being read."""

    def syntax(self, node: Node) -> Part | None:
        """The part of the syntax tree behind a node."""
        return self.file.syntax(node)

    @property
    def upcoming(self) -> str:
        """The path of the stage that will be made next: by its number, until all of them have their ids."""
        return f"stages.{_NUMBERED}{len(self.drafts)}"

    def settle_feeds(self, root: Node) -> None:
        """Say of all nodes which stages they became, now that these have ids."""
        todo = [root]
        while todo:
            node = todo.pop()
            children = node.children or ()
            todo += children.values() if isinstance(children, dict) else children
            if node.fed:
                node.feeds(self._settled_path(node.fed))
        found = root.origin.findings
        found[:] = [one.model_copy(update={"path": self._settled_path(one.path)}) for one in found]

    def _settled_path(self, path: str) -> str:
        start, mark, rest = path.partition(_NUMBERED)
        number = NUMBER.match(rest)
        if not mark or start != "stages." or number is None:
            return path
        return f"{start}{self.drafts[min(int(number[0]), len(self.drafts) - 1)].id}{rest[number.end() :]}"

    def level(self, nodes: Sequence[Node], around: Around, needs: tuple[str, ...]) -> tuple[str, ...]:
        """The stages of statements; the stages that must have ended when all have."""
        if not nodes:
            return needs
        self._depth += 1
        whole, nodes = nodes, self._uncollected(nodes)
        if self._depth > DEEPEST or not self.body_steps.separable(nodes, around):
            last = self._simple(self._title(whole), whole, around, needs)
        else:
            around = self.body_steps.declared(nodes, around)
            last = self._level(list(nodes), around, needs)
        self._depth -= 1
        return last

    def _uncollected(self, nodes: Sequence[Node]) -> list[Node]:
        """The statements without those that only put branches into the map that `parallel` gets."""
        used = self.shapes.collect([self.syntax(one) for one in nodes])
        for at in used:
            nodes[at].take_all().feeds("stages")
        return [one for at, one in enumerate(nodes) if at not in used]

    def _level(self, nodes: list[Node], around: Around, needs: tuple[str, ...]) -> tuple[str, ...]:
        loose: list[Node] = []
        alone: Draft | None = None
        while nodes:
            node = nodes.pop(0)
            if cut(self.syntax(node)) and nodes:
                needs = self._loose(loose, around, needs, alone)
                return self._parted(node, nodes, around, needs)
            if not self.shapes.structural(self.syntax(node)):
                loose.append(node)
                continue
            body = self._open_stage(node, nodes)
            if loose and not self._takes(node, body):
                needs, loose = self._loose(loose, around, needs, alone), []
            before = len(self.drafts)
            self._following += bool(nodes)
            needs = self._structure(node, body, around, needs, loose) or needs
            self._following -= bool(nodes)
            around = around.change(approval=None)
            loose = []
            added = self.drafts[before:]
            alone = (
                added[0] if len(added) == 1 and needs == (added[0].id,) and _same(added[0], around) else None
            )
        return self._loose(loose, around, needs, alone)

    def _open_stage(self, node: Node, following: list[Node]) -> list[Node] | None:
        """The statements behind `stage 'x'` without a block, up to the next such; they are taken."""
        part = self.syntax(node)
        if not isinstance(part, Call) or part.name != STAGE or part.block is not None:
            return None
        found: list[Node] = []
        while following and not _opens(self.syntax(following[0])):
            found.append(following.pop(0))
        return found

    def _takes(self, node: Node, body: list[Node] | None) -> bool:
        """Whether steps before a stage may be its first ones: it has steps itself, where they are executed too."""
        part = self.syntax(node)
        if not isinstance(part, Call) or part.name != STAGE:
            return False
        inside = block_of(node) if body is None else body
        return not any(self.shapes.structural(self.syntax(one)) for one in inside)

    @abstractmethod
    def _parted(
        self, node: Node, rest: list[Node], around: Around, needs: tuple[str, ...]
    ) -> tuple[str, ...]:
        """`if (condition) { ...; return }` and all behind it, each for its case."""

    @abstractmethod
    def _structure(
        self,
        node: Node,
        body: list[Node] | None,
        around: Around,
        needs: tuple[str, ...],
        before: Sequence[Node],
    ) -> tuple[str, ...]:
        """The stages of a statement that is more than steps."""

    @abstractmethod
    def _branches(self, node: Node, part: Call, around: Around, needs: tuple[str, ...]) -> tuple[str, ...]:
        """The stages of parallel branches."""

    def _loose(
        self, nodes: list[Node], around: Around, needs: tuple[str, ...], alone: Draft | None
    ) -> tuple[str, ...]:
        """Steps outside of stages: the last ones of the stage before, or a stage of their own."""
        if not nodes:
            return needs
        if alone is None or any(map(self._is_dynamic, nodes)):
            return self._simple(self._title(nodes), nodes, around, needs)
        steps: tuple[Step, ...] = alone.fields["steps"]
        more = self.body_steps.read(nodes, f"stages.{alone.id}.steps", around, first=len(steps))
        alone.fields["steps"] = (*steps, *more)
        return needs

    def _title(self, nodes: Sequence[Node]) -> str:
        """What to call a stage of steps that are in none: the one call, as long as it says anything."""
        part = self.syntax(nodes[0]) if nodes else None
        if len(nodes) == 1 and isinstance(part, Call) and part.target is None and part.block is None:
            return part.name if self.steps.calls.rows.read(part.name) is None else STEPS
        return STEPS

    def _named(
        self,
        title: str,
        nodes: Sequence[Node],
        around: Around,
        needs: tuple[str, ...],
        before: Sequence[Node] = (),
    ) -> tuple[str, ...]:
        """A stage or a branch by its name: steps, or a block of further stages."""
        body = self._inside(nodes, around)
        inside = self._uncollected(body.nodes)
        approval = self._asked(inside)
        if approval is not None:
            asking = inside[0].take_all().feeds(f"{self.upcoming}.approval")
            rest = [one for one in body.nodes if one is not asking]
            body = self._inside(rest, body.around.change(approval=approval))
            inside = self._uncollected(body.nodes)
        parts = [self.syntax(one) for one in inside]
        if not any(map(self.shapes.structural, parts)):
            return self._simple(title, (*before, *inside), body.around, needs)
        path = self.slugs.path(title, around.path)
        inner = self._settled(body.around.change(path=path), path)
        if path.rpartition("/")[2] != title:
            self._hint(path, "name", title)
        following, self._following = self._following, 0
        if len(parts) == 1 and not before and isinstance(parts[0], Call) and parts[0].name == PARALLEL:
            last = self._branches(inside[0], parts[0], inner, needs)
        else:
            last = self.level((*before, *body.nodes), inner, needs)
        self._following = following
        return last

    def _asked(self, nodes: Sequence[Node]) -> Approval | None:
        """What a person is asked before anything else is done in a stage, where nothing but the question is said."""
        part = self.syntax(nodes[0]) if len(nodes) > 1 else None
        if not isinstance(part, Call) or part.name != "input" or part.target is not None:
            return None
        match part.arguments:
            case (Argument(value=Constant(value=str(message)), key=None | "message"),):
                return Approval(message=message)
        return None

    def _inside(self, nodes: Sequence[Node], around: Around) -> Body:
        """What is inside of blocks that hold all that there is."""
        while len(nodes) == 1:
            part = self.syntax(nodes[0])
            if not isinstance(part, Call) or part.block is None or part.name in (STAGE, PARALLEL):
                break
            if not (self.shapes.structural(part) or self.shapes.fields_of_stages(part)):
                break
            around = self.surroundings.entered(nodes[0], around, self.upcoming)
            nodes = block_of(nodes[0])
        return Body(nodes, around)

    def _wrapped(self, node: Node, around: Around, needs: tuple[str, ...]) -> tuple[str, ...]:
        """A machine, a container or another block around stages, or around steps that are in no stage."""
        part = self.syntax(node)
        body = self._inside([node], around)
        if not any(self.shapes.structural(self.syntax(one)) for one in body.nodes):
            return self._simple(self._title(body.nodes), body.nodes, body.around, needs)
        del part
        opened = body.around.place.workspace == OPEN
        inner, before = body.around, len(self.drafts)
        if opened:
            path = "" if self.main is None and not around.path else self.slugs.path(NODE, around.path)
            inner = self._settled(body.around.change(path=path or around.path), path or MAIN)
        last = self.level(body.nodes, inner, needs)
        if opened and len(self.drafts) == before + 1:
            self._alone(self.drafts[before], around)
        return last

    def _settled(self, around: Around, workspace: str) -> Around:
        """The name of the folder that stages share on the machine around them."""
        if around.place.workspace != OPEN:
            return around
        if workspace == MAIN:
            self.main = dict(around.kept)
        elif around.kept:
            self.kept[workspace] = {"agent": dict(around.kept)}
        return around.change(place=replace(around.place, workspace=workspace), kept={})

    def _alone(self, draft: Draft, around: Around) -> None:
        """A machine for a single stage: nothing is shared."""
        if draft.place.workspace == MAIN:
            kept: JsonValue = self.main
            self.main = None
        else:
            kept = self._kept(str(draft.place.workspace)).get("agent")
            self.kept.pop(str(draft.place.workspace), None)
        if kept:
            draft.kept["agent"] = kept
        draft.place = replace(draft.place, workspace=None)
        if around.path:
            draft.fields["group"] = around.path
        else:
            draft.fields.pop("group", None)

    def _simple(
        self, title: str, nodes: Sequence[Node], around: Around, needs: tuple[str, ...]
    ) -> tuple[str, ...]:
        """A stage with steps."""
        title = self.untitled() if title == STEPS else title
        name = self.slugs.take(slug(title))
        kept = dict(around.kept)
        if around.place.workspace == OPEN:
            around = around.change(place=replace(around.place, workspace=None))
        draft = Draft(name, needs, around.when, around.place, self._fields(around, around.path))
        if kept:
            draft.kept["agent"] = kept
        if around.place.nowhere:
            draft.hints["agent"] = "none"
        elif around.place.container is not None and around.place.workspace is not None:
            draft.hints["agent"] = {"reuseNode": True}
        if title != name:
            draft.fields["name"] = title
        for one in nodes:
            if self._is_dynamic(one) and not around.path.endswith(POST):
                one.feeds(f"stages.{name}.steps")
                one.finding(Fidelity.MANUAL, "stages made while it runs", _DYNAMIC, _REMEDY)
        draft.fields["steps"] = self.body_steps.read(nodes, f"stages.{name}.steps", around)
        self.drafts.append(draft)
        return (name,)

    def untitled(self) -> str:
        """The name of a further stage or block of steps that are in none."""
        self._untitled += 1
        return STEPS if self._untitled == 1 else f"{STEPS} ({self._untitled})"

    def _is_dynamic(self, node: Node) -> bool:
        """Whether there are stages in a statement that could not be taken out of it."""
        part = self.syntax(node)
        return part is not None and self.shapes.holds(part)

    def _hint(self, path: str, key: str, value: str) -> None:
        found = self.hints.setdefault(path, {})
        if isinstance(found, dict):
            found[key] = value

    def _kept(self, path: str) -> Data:
        found = self.kept.get(path)
        return found if isinstance(found, dict) else {}


_NUMBERED: Final = "#"
NUMBER: Final = re.compile(r"\d+")
_DYNAMIC: Final = "which stages there are is computed while it runs, and other vendors must know it before"
_REMEDY: Final = "write the stages down one by one, or as a matrix"


def _opens(part: Part | None) -> bool:
    return isinstance(part, Call) and part.name == STAGE and part.block is None and part.target is None


def _same(draft: Draft, around: Around) -> bool:
    """Whether further steps may follow in a stage: it is on the same machine, and under the same conditions."""
    return draft.place == around.place and draft.when == around.when


def block_of(node: Node) -> list[Node]:
    """The statements in the block of a call."""
    block = node.items().get("block")
    return list(block.entries()) if block is not None else []
