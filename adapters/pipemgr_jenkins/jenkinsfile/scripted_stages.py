"""Stages of scripted pipelines in: what the script does, statement by statement, becomes a graph of stages.

A statement that is no stage, machine or parallel branch, and has none in a block that can be seen through, is a step of
the stage before or behind it, or of one of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, Node
from pipemgr.model.definitions import Data, Step
from pipemgr.model.expressions import Call as Function
from pipemgr.model.expressions import Expression
from pipemgr_jenkins.groovy.syntax import Block, Call, Catch, Closure, Code, Constant, If, Part, Try

from .agents import MAIN
from .expressions import truth
from .logic import negated
from .nodes import Spot
from .scripted_around import OPEN, Around, Surroundings
from .scripted_shapes import FAIL_FAST, NODE, PARALLEL, STAGE, Shapes, cut, fails_fast
from .scripted_steps import Steps
from .sections_reader import SectionReader
from .slugs import POST, Slugs, slug
from .stages import Draft, StageReader
from .statements import Statements
from .surroundings import conjuncts
from .values import Values

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


class ScriptedStages(StageReader):
    """Reads the stages of one script."""

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

    def syntax(self, node: Node) -> Part | None:
        """The part of the syntax tree behind a node."""
        return self.file.syntax(node)

    # Statements one after another -----------------------------------------------------------------------------

    def level(self, nodes: Sequence[Node], around: Around, needs: tuple[str, ...]) -> tuple[str, ...]:
        """The stages of statements; the stages that must have ended when all have."""
        self._depth += 1
        nodes = self._uncollected(nodes)
        if self._depth > DEEPEST or not self.body_steps.separable(nodes, around):
            last = self._simple(STEPS, nodes, around, needs)
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
            needs = self._structure(node, body, around, needs, loose) or needs
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
        inside = _block(node) if body is None else body
        return not any(self.shapes.structural(self.syntax(one)) for one in inside)

    def _loose(
        self, nodes: list[Node], around: Around, needs: tuple[str, ...], alone: Draft | None
    ) -> tuple[str, ...]:
        """Steps outside of stages: the last ones of the stage before, or a stage of their own."""
        if not nodes:
            return needs
        if alone is None:
            return self._simple(self._title(nodes), nodes, around, needs)
        steps: tuple[Step, ...] = alone.fields["steps"]
        more = self.body_steps.read(nodes, f"stages.{alone.id}.steps", around, first=len(steps))
        alone.fields["steps"] = (*steps, *more)
        return needs

    def _title(self, nodes: Sequence[Node]) -> str:
        """What to call a stage of steps that are in none: the one call, as long as it says anything."""
        part = self.syntax(nodes[0])
        if len(nodes) == 1 and isinstance(part, Call) and part.target is None and part.block is None:
            return part.name
        return STEPS

    def _parted(
        self, node: Node, rest: list[Node], around: Around, needs: tuple[str, ...]
    ) -> tuple[str, ...]:
        """`if (condition) { ...; return }` and all behind it, each for its case."""
        last = self._if(node, around, needs)
        part = self.syntax(node)
        assert isinstance(part, If)  # noqa: S101 - `cut` says so
        other = around.change(when=(*around.when, *conjuncts(negated(truth(part.condition, around.scope)))))
        return tuple(dict.fromkeys((*last, *self._level(rest, other, needs))))

    # What makes stages ------------------------------------------------------------------------------------------

    def _structure(
        self,
        node: Node,
        body: list[Node] | None,
        around: Around,
        needs: tuple[str, ...],
        before: Sequence[Node],
    ) -> tuple[str, ...]:
        part = self.syntax(node)
        match part:
            case If():
                return self._if(node, around, needs)
            case Try():
                return self._try(node, part, around, needs)
            case Call(name="stage", target=None):
                inside = _block(node) if body is None else body
                return self._stage(node, inside, around, needs, before)
            case Call(name="parallel", target=None):
                return self._parallel(node, part, around, needs)
            case Call(target=None, name=name, arguments=()) if name in self.shapes.methods:
                return self._method(node, name, around, needs)
        return self._wrapped(node, around, needs)

    def _method(self, node: Node, name: str, around: Around, needs: tuple[str, ...]) -> tuple[str, ...]:
        """The stages of a method of the file, where it is called."""
        if name in self._calling or self._left == 0:
            return self._simple(name, [node], around, needs)
        self._left -= 1
        self._calling.append(name)
        before = len(self.drafts)
        last = self.level(self._fresh(self.shapes.methods[name].body), around, needs)
        self._calling.pop()
        node.take_all().feeds(f"stages.{self.drafts[before].id}" if before < len(self.drafts) else "stages")
        return last

    def _stage(
        self,
        node: Node,
        nodes: Sequence[Node],
        around: Around,
        needs: tuple[str, ...],
        before: Sequence[Node],
    ) -> tuple[str, ...]:
        values = Values(self.file, around.scope)
        name = next(iter(values.named(node).values()), None)
        title = values.text(name) if name is not None else STEPS
        node.take().feeds(f"stages.{slug(title)}")
        for key in ("name", "arguments"):
            if key in node.items():
                node.items()[key].take_all().feeds(f"stages.{slug(title)}.name")
        return self._named(title, nodes, around, needs, before)

    def _named(
        self,
        title: str,
        nodes: Sequence[Node],
        around: Around,
        needs: tuple[str, ...],
        before: Sequence[Node] = (),
    ) -> tuple[str, ...]:
        """A stage or a branch by its name: steps, or a block of further stages."""
        body = self._inside(nodes, around, slug(title))
        parts = [self.syntax(one) for one in body.nodes]
        if not any(map(self.shapes.structural, parts)):
            return self._simple(title, (*before, *body.nodes), body.around, needs)
        path = self.slugs.path(title, around.path)
        inner = self._settled(body.around.change(path=path), path)
        if path.rpartition("/")[2] != title:
            self._hint(path, "name", title)
        if len(parts) == 1 and isinstance(parts[0], Call) and parts[0].name == PARALLEL:
            return self._branches(body.nodes[0], parts[0], inner, needs)
        return self.level(body.nodes, inner, needs)

    def _inside(self, nodes: Sequence[Node], around: Around, name: str) -> Body:
        """What is inside of blocks that hold all that there is."""
        while len(nodes) == 1:
            part = self.syntax(nodes[0])
            if not isinstance(part, Call) or part.block is None or part.name in (STAGE, PARALLEL):
                break
            if not self.shapes.structural(part):
                break
            around = self.surroundings.entered(nodes[0], around, name)
            nodes = _block(nodes[0])
        return Body(nodes, around)

    def _wrapped(self, node: Node, around: Around, needs: tuple[str, ...]) -> tuple[str, ...]:
        """A machine, a container or another block around stages, or around steps that are in no stage."""
        part = self.syntax(node)
        body = self._inside([node], around, slug(STEPS))
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
        name = self.slugs.take(slug(title))
        kept = dict(around.kept)
        if around.place.workspace == OPEN:
            around = around.change(place=replace(around.place, workspace=None))
        draft = Draft(name, needs, around.when, around.place, self._fields(around, around.path))
        if kept:
            draft.kept["agent"] = kept
        if around.place.nowhere:
            draft.hints["agent"] = "none"
        if title != name:
            draft.fields["name"] = title
        for one in nodes:
            if self.shapes.holds(self.syntax(one) or self.file.script):
                one.finding(Fidelity.MANUAL, "stages made while it runs", _DYNAMIC, _REMEDY)
        draft.fields["steps"] = self.body_steps.read(nodes, f"stages.{name}.steps", around)
        self.drafts.append(draft)
        return (name,)

    def _hint(self, path: str, key: str, value: str) -> None:
        found = self.hints.setdefault(path, {})
        if isinstance(found, dict):
            found[key] = value

    # Branches ----------------------------------------------------------------------------------------------------

    def _parallel(self, node: Node, part: Call, around: Around, needs: tuple[str, ...]) -> tuple[str, ...]:
        """Branches outside of a stage, in a block of their own."""
        path = self.slugs.path(PARALLEL, around.path)
        return self._branches(node, part, around.change(path=path), needs)

    def _branches(self, node: Node, part: Call, around: Around, needs: tuple[str, ...]) -> tuple[str, ...]:
        found = self.shapes.branches(part) or {}
        node.take()
        arguments = node.items().get("arguments")
        for one in (node.items()["name"], *_flags(arguments)):
            one.take_all()
        given = _branch_nodes(arguments) if arguments is not None else {}
        if fails_fast(part):
            self.kept[around.path] = {**self._kept(around.path), "failFast": True}
        if len(found) == 1:
            self._hint(around.path, "kind", PARALLEL)
        last: list[str] = []
        for key, closure in found.items():
            nodes = _statements(given[key]) if key in given else self._fresh(closure)
            last += self._branch(key, nodes, around.change(is_direct=False), needs)
        return tuple(dict.fromkeys(last))

    def _kept(self, path: str) -> Data:
        found = self.kept.get(path)
        return found if isinstance(found, dict) else {}

    def _branch(
        self, key: str, nodes: Sequence[Node], around: Around, needs: tuple[str, ...]
    ) -> tuple[str, ...]:
        """A branch; one that is a single stage of the same name is that stage."""
        part = self.syntax(nodes[0]) if len(nodes) == 1 else None
        if isinstance(part, Call) and part.name == STAGE and part.block is not None:
            title = part.plain[0].value if part.plain else None
            if isinstance(title, Constant) and title.value == key:
                return self._structure(nodes[0], None, around, needs, ())
        return self._named(key, nodes, around, needs)

    def _fresh(self, closure: Closure | Block) -> list[Node]:
        """Nodes of statements that have none: those of methods, and of closures in assignments."""
        made = Statements(self.file.script, self.file.root.origin.name)
        body = made.statements(Spot(made.root(), "block"), closure)
        self.file.parts.update(made.parts)
        self._made.append(made)
        return list(body.entries())

    # Conditions ---------------------------------------------------------------------------------------------------

    def _if(self, node: Node, around: Around, needs: tuple[str, ...]) -> tuple[str, ...]:
        part = self.syntax(node)
        assert isinstance(part, If)  # noqa: S101 - its callers know
        condition = truth(part.condition, around.scope)
        items = node.items()
        first = len(self.drafts)
        last = self._case(items["then"], condition, around, needs, leave=cut(part))
        if "else" in items:
            last = (*last, *self._case(items["else"], negated(condition), around, needs))
        items["if"].feeds(f"stages.{self.drafts[first].id}.when" if first < len(self.drafts) else "stages")
        items["if"].take_all()
        return tuple(dict.fromkeys(last))

    def _case(
        self,
        node: Node,
        condition: Expression,
        around: Around,
        needs: tuple[str, ...],
        *,
        leave: bool = False,
    ) -> tuple[str, ...]:
        nodes = list(node.entries())
        if leave:
            nodes.pop().take_all()
        if not nodes:
            return needs
        inner = around.change(when=(*around.when, *conjuncts(condition)), is_direct=False)
        return self.level(nodes, inner, needs)

    def _try(self, node: Node, part: Try, around: Around, needs: tuple[str, ...]) -> tuple[str, ...]:
        """What is caught is done after a failure, what is done finally always."""
        items = node.items()
        before = len(self.drafts)
        last = self.level(items["try"].entries(), around, needs)
        inside = tuple(one.id for one in self.drafts[before:])
        cases: list[tuple[str, Sequence[Node], Part]] = []
        caught = items["catch"].entries() if "catch" in items else ()
        for one, catch in zip(caught, part.catches, strict=True):
            one.take()
            cases.append(("failure", self._caught(one, catch), catch))
        if part.final is not None:
            cases.append(("always", items["finally"].entries(), part.final))
        for word, nodes, _ in cases:
            if nodes:
                last = self._after(word, nodes, around, tuple(dict.fromkeys((*last, *inside))))
        return last

    def _caught(self, node: Node, part: Catch) -> Sequence[Node]:
        """The statements of a `catch`, without the `throw` at its end: a failure stays one."""
        nodes = list(node.entries())
        last = self.syntax(nodes[-1]) if nodes else None
        if isinstance(last, Code) and self.file.script.text(last).startswith("throw "):
            nodes.pop().take_all()
        elif not any("FAILURE" in self.file.script.text(one) for one in (part.body,)):
            node.finding(
                Fidelity.MANUAL, "a failure that is caught", _CAUGHT, "look at what is to happen then"
            )
        names = part.parameter.split()[-1:]
        if any(name in self.shapes.mentioned(self.syntax(one)) for one in nodes for name in names):
            node.finding(Fidelity.MANUAL, "what is done after a failure", _THROWN, "leave the exception out")
        return nodes

    def _after(
        self, word: str, nodes: Sequence[Node], around: Around, needs: tuple[str, ...]
    ) -> tuple[str, ...]:
        """A stage for what is done when those before have ended, as declarative pipelines have it in `post`."""
        if any(self.shapes.structural(self.syntax(one)) for one in nodes):
            inner = around.change(when=(*around.when, Function(word)))
            return self.level(nodes, inner, needs)
        group = f"{around.path}/{POST}" if around.path else POST
        inner = around.change(path=group, when=(*around.when, Function(word)))
        title = slug(f"{around.path}-{POST}-{word}") if around.path else f"{POST}-{word}"
        return self._simple(title, nodes, inner, needs)


_DYNAMIC: Final = "which stages there are is computed while it runs, and other vendors must know it before"
_REMEDY: Final = "write the stages down one by one, or as a matrix"
_CAUGHT: Final = (
    "the build goes on and may succeed; here what follows is not executed, and the build has failed"
)
_THROWN: Final = "it uses the exception, which nobody knows after the stage has ended"


def _opens(part: Part | None) -> bool:
    return isinstance(part, Call) and part.name == STAGE and part.block is None and part.target is None


def _same(draft: Draft, around: Around) -> bool:
    """Whether further steps may follow in a stage: it is on the same machine, and under the same conditions."""
    return draft.place == around.place and draft.when == around.when


def _block(node: Node) -> list[Node]:
    block = node.items().get("block")
    return list(block.entries()) if block is not None else []


def _statements(node: Node) -> list[Node]:
    """The statements of a branch."""
    return _block(node.take())


def _flags(arguments: Node | None) -> list[Node]:
    """What is said of all branches."""
    named = _branch_nodes(arguments) if arguments is not None else {}
    return [one for key, one in named.items() if key == FAIL_FAST]


def _branch_nodes(arguments: Node) -> Mapping[str, Node]:
    """The nodes of branches by their names."""
    if arguments.kind == "mapping":
        return arguments.items()
    entries = arguments.entries()
    return entries[0].items() if entries and entries[0].kind == "mapping" else {}
