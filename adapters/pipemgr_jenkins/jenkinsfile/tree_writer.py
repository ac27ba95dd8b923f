"""Trees out: sequences and branches of stages become `stages`, `parallel` and `matrix` blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pipemgr.adapter import Fidelity, Losses
from pipemgr.model.definitions import Data, Matrix, Pipeline, Stage
from pipemgr.model.expressions import Expression, parse
from pipemgr_jenkins.groovy import quoting
from pipemgr_jenkins.groovy.quoting import quoted

from .call_writer import call
from .environment_writer import environment
from .graph_writer import Leaf, Parallel, Sequential, Tree, leaves
from .layout import Block, Item, Statement, block
from .plan_writer import Plan
from .post_writer import section
from .posts import ORDER
from .scope import hints, own
from .stage_writer import Around, StageWriter, asking, listed, tools, without
from .status_writer import conjuncts, joined
from .step_writer import limit

LONGEST: Final = 60
"""Longer names of blocks are cut."""


@dataclass(frozen=True)
class Kept:
    """What Jenkins alone knows of a block: what it says, and what only helps to write it again."""

    own: Data
    shown: Data

    def cells(self) -> Kept:
        """The same of what stands within its matrix."""
        return Kept(_data(self.own.get("cells")), _data(self.shown.get("cells")))


class TreeWriter:
    """Writes the stages of a pipeline."""

    def __init__(self, pipeline: Pipeline, plan: Plan, stages: StageWriter) -> None:
        self.pipeline = pipeline
        self.plan = plan
        self.stages = stages
        self.texts = stages.texts

    def write(self, tree: Tree, around: Around) -> tuple[Item, ...]:
        """The stages of a tree, one after another."""
        match tree:
            case Sequential(parts, ""):
                return unlike(item for part in parts for item in self.write(part, around))
            case Leaf(stage) if stage.matrix is not None and not around.axes:
                return (self._matrix(tree, stage, around),)
            case Leaf(stage):
                return (self.stages.write(stage, around),)
        return (self._block(tree, around),)

    def _block(self, tree: Sequential | Parallel, around: Around) -> Block:
        """A stage with stages inside."""
        inner = list(leaves(tree))
        matrix = inner[0].matrix
        if matrix is not None and not around.axes and all(one.matrix == matrix for one in inner):
            return self._matrix(tree, inner[0], around)
        kept = self._kept(tree.name)
        sections, below = self.sections(inner, kept, around, tree.name)
        kind = "parallel" if isinstance(tree, Parallel) or kept.shown.get("kind") == "parallel" else "stages"
        parts = unlike(item for part in tree.parts for item in self._part(part, below, kind))
        fast = [Statement("failFast true")] if kept.own.get("failFast") is True and kind == "parallel" else []
        body = (*sections, *fast, Block(kind, parts), *self.ends(tree.name, below))
        return Block(f"stage({quoted(self._name(tree, kept))})", body)

    def _part(self, part: Tree, around: Around, kind: str) -> tuple[Item, ...]:
        """A part of a block; a sequence that is a branch is a stage of its own."""
        if kind == "parallel" and isinstance(part, Sequential) and not part.name:
            return (self._block(part, around),)
        return self.write(part, around)

    def _name(self, tree: Sequential | Parallel, kept: Kept) -> str:
        """What a block is called: as it was, or by what is in it."""
        if tree.name:
            return str(kept.shown.get("name") or tree.name.rpartition("/")[2])
        names = [self.stages.name(one).partition(" (")[0] for one in leaves(tree)]
        if isinstance(tree, Parallel):
            return _cut(", ".join(dict.fromkeys(names)))
        return _cut(f"{names[0]} to {names[-1]}")

    def _kept(self, path: str) -> Kept:
        rows = [_data(found(self.pipeline.vendor).get("blocks")) for found in (own, hints)]
        return Kept(_data(rows[0].get(path)), _data(rows[1].get(path))) if path else Kept({}, {})

    # Matrices --------------------------------------------------------------------------------------------

    def _matrix(self, tree: Tree, first: Stage, around: Around) -> Block:
        path = "" if isinstance(tree, Leaf) else tree.name
        kept = self._kept(path)
        inner = list(leaves(tree))
        matrix = first.matrix or Matrix()
        axes = tuple(matrix.axes)
        sections, below = self.sections(inner, kept, around, path, outer=True)
        inside = self.within(axes)
        cells, within = inside.sections(inner, kept.cells(), replace(below, axes=axes), path)
        parts = (tree,) if isinstance(tree, Leaf) else tree.parts
        stages = unlike(item for part in parts for item in inside.write(part, within))
        body = (*self._axes(matrix), *cells, Block("stages", stages), *inside.ends(path, within, cells=True))
        fast = [Statement("failFast true")] if first.fail_fast is True and not self._always_fast() else []
        name = self.stages.name(first) if isinstance(tree, Leaf) else self._name(tree, kept)
        ends = self.ends(path, below, cells=False)
        return Block(f"stage({quoted(name)})", (*sections, *fast, Block("matrix", body), *ends))

    def _always_fast(self) -> bool:
        return "parallelsAlwaysFailFast()" in listed(own(self.pipeline.vendor).get("options"))

    def _axes(self, matrix: Matrix) -> tuple[Item, ...]:
        rows = [_axis(name, values) for name, values in matrix.axes.items() if not isinstance(values, str)]
        excluded: Iterable[Any] = () if isinstance(matrix.exclude, str) else matrix.exclude
        left_out = [
            Block("exclude", tuple(_axis(name, [value]) for name, value in row.items())) for row in excluded
        ]
        return (Block("axes", tuple(rows)), *block("excludes", left_out))

    # What blocks say ---------------------------------------------------------------------------------------

    def sections(
        self, inner: Sequence[Stage], kept: Kept, around: Around, path: str, *, outer: bool = False
    ) -> tuple[tuple[Item, ...], Around]:
        """The sections of a block, and what is around the stages inside."""
        first = inner[0]
        at = f"stages.{first.id}"
        agent, below = self._agent(inner, kept, around, "" if outer else path)
        conditions = self._common(inner, kept, below)
        below = replace(below, conditions=(*below.conditions, *conditions))
        variables = {
            name: str(value)
            for name, value in _data(kept.shown.get("variables")).items()
            if all(one.variables.get(name) == value for one in inner)
        }
        given = environment(variables, self.texts, f"{at}.variables")
        mine = _data(kept.shown.get("tools"))
        below = replace(below, variables={**below.variables, **variables}, tools={**below.tools, **mine})
        options, below = self._options(inner, kept, below)
        asks, below = self._input(first, kept, below)
        sections = (
            *agent,
            *self.stages.when(joined(conditions), _data(kept.shown.get("flags")), f"{at}.when"),
            *options,
            *asks,
            *tools(mine, around.tools, self.texts, at),
            *given.items,
        )
        return sections, below

    def _agent(
        self, inner: Sequence[Stage], kept: Kept, around: Around, path: str
    ) -> tuple[tuple[Item, ...], Around]:
        shown = kept.shown.get("agent")
        if shown == "none":
            return (Statement("agent none"),), replace(around, workspace=None, container=None)
        sharing = [one for one in inner if path and one.workspace == path]
        if not sharing:
            return (), around
        base = plainest(sharing)
        tell_machines(sharing, base, self.texts.losses)
        items = self.stages.agents.write(base, _data(kept.own.get("agent")), _data(shown))
        return items, replace(around, workspace=path, container=base.container)

    def _common(self, inner: Sequence[Stage], kept: Kept, around: Around) -> tuple[Expression, ...]:
        """The conditions that a block says and that all stages inside have."""
        text = kept.shown.get("when")
        said = conjuncts(parse(text)) if isinstance(text, str) else ()
        have = [set(self.plan.conditions.get(one.id, ())) for one in inner]
        return tuple(
            one for one in said if one not in around.conditions and all(one in some for some in have)
        )

    def _options(self, inner: Sequence[Stage], kept: Kept, around: Around) -> tuple[tuple[Item, ...], Around]:
        found: list[str] = []
        timeout = kept.shown.get("timeout")
        if isinstance(timeout, str) and all(one.timeout == timeout for one in inner):
            found.append(limit(timeout, self.texts, f"stages.{inner[0].id}.timeout"))
            around = replace(around, timeout=timeout)
        found += [str(one) for data in (kept.own, kept.shown) for one in listed(data.get("options"))]
        return block("options", map(Statement, found)), around

    def _input(self, first: Stage, kept: Kept, around: Around) -> tuple[tuple[Item, ...], Around]:
        if "approval" not in kept.shown or first.approval is None:
            return (), around
        items = asking(first.approval.message, kept.own, kept.shown, self.texts, f"stages.{first.id}")
        return items, replace(around, approved=True)

    # Post --------------------------------------------------------------------------------------------------

    def within(self, axes: Sequence[str]) -> TreeWriter:
        """The same within a matrix."""
        return TreeWriter(self.pipeline, self.plan, self.stages.within(axes))

    def ends(self, path: str, around: Around, *, cells: bool | None = None) -> tuple[Item, ...]:
        """The section `post` of a block; with `cells` of its matrix, or of what is around that."""
        return self.posts(path, around, cells=cells) if path else ()

    def posts(self, path: str, around: Around, *, cells: bool | None = None) -> tuple[Item, ...]:
        """The section `post` of a block ('' is the pipeline)."""
        self.plan.ended.add(path)
        found: list[tuple[int, Item]] = []
        place = 0
        for asked, stage, answer in self.plan.posts.get(path, ()):
            if cells is not None and (stage.matrix is not None) is not cells:
                continue
            shown = hints(stage.vendor).get(POST_HINT)
            word = shown if isinstance(shown, str) else section(asked, place)
            place = max(place, ORDER.index(word))
            found.append(
                (
                    ORDER.index(word),
                    Block(word, self._ending(stage, tuple(without(answer.rest, around.conditions)))),
                )
            )
        merged: dict[int, list[Item]] = {}
        for at, item in found:
            merged.setdefault(at, []).extend(item.body if isinstance(item, Block) else (item,))
        return block(
            "post", (Block(ORDER[at], tuple(items)) for at, items in sorted(merged.items()) if items)
        )

    def _ending(self, stage: Stage, rest: tuple[Expression, ...]) -> tuple[Item, ...]:
        """The steps of a stage that is a section of `post`, on a machine of their own where none is around."""
        steps = tuple(step.model_copy(update={"when": both(rest, step.when)}) for step in stage.steps)
        whole = stage.model_copy(update={"steps": steps})
        items = self.stages.steps(stage).write(self.stages.numbered(whole))
        if stage.workspace is not None or hints(stage.vendor).get("agent") == "none" or not items:
            return items
        label = self.stages.agents.label(stage.runner, f"stages.{stage.id}")
        head = call("node", self.texts.text(label, f"stages.{stage.id}.runner")) if label else "node"
        return (Block(head, items),)


def unlike(items: Iterable[Item]) -> tuple[Item, ...]:
    """Stages side by side or one after another, each with a name of its own, as Jenkins wants it."""
    found: dict[str, Item] = {}
    numbers: dict[str, int] = {}
    for item in items:
        head = item.head if isinstance(item, Block) else ""
        name = head
        number = numbers.get(head, 1)
        while name in found:
            number += 1
            name = f"{head[:-2]} ({number}){head[-2:]}"
        numbers[head] = number
        found[name] = replace(item, head=name) if isinstance(item, Block) else item
    return tuple(found.values())


POST_HINT: Final = "post"


def both(rest: tuple[Expression, ...], own_condition: Expression | None) -> Expression | None:
    """Conditions of a stage and of a step in it."""
    return joined((*rest, *(conjuncts(own_condition) if own_condition is not None else ())))


def plainest(stages: Sequence[Stage]) -> Stage:
    """The stage that tells most plainly what machine its workspace is on: one that has no agent of its own."""
    plain = [one for one in stages if "agent" not in own(one.vendor)] or list(stages)
    return next((one for one in plain if one.runner is None), plain[0])


def tell_machines(sharing: Sequence[Stage], base: Stage, losses: Losses) -> None:
    """Say of stages that ask for another machine than the one whose folder they share."""
    for one in sharing:
        if one.runner is not None and one.runner != base.runner:
            why = f"it shares a folder with {base.name or base.id}, so it is executed on the same machine"
            remedy = "give it a folder of its own, and stash what it needs"
            losses.add(Fidelity.APPROXIMATE, f"stages.{one.id}.runner", f"machine of {one.id}", why, remedy)


def _axis(name: str, values: Iterable[Any]) -> Block:
    texts = ", ".join(quoting.value(one) for one in values)
    return Block("axis", (Statement(f"name {quoted(name)}"), Statement(f"values {texts}")))


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 3].rstrip(' ,')}..."


def _data(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
