"""Stages in: a tree of stages, parallel branches and matrices becomes a graph of stages.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#stage
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Node
from pipemgr.model.definitions import HINTS, Data, Stage, Step
from pipemgr.model.expressions import Access, Expression, Literal, Name, chained
from pipemgr.model.templates import untemplate

from . import matrices, posts, tools
from .agents import Place
from .begun import begun
from .checkouts import HISTORY
from .scope import VENDOR
from .sections_reader import SectionReader
from .slugs import POST, Slugs, inside, slug, title
from .step_reader import StepReader
from .surroundings import Block, Said
from .values import Target, Values

CHECKOUT: Final = "Declarative: Checkout SCM"
"""What Jenkins calls the stage in which it fetches the source code by itself."""
FETCH: Final = "checkout"
"""The action that does it."""


@dataclass
class Draft:
    """A stage, while those around it are being read."""

    id: str
    needs: tuple[str, ...]
    when: tuple[Expression, ...]
    place: Place
    fields: dict[str, Any]
    kept: Data = field(default_factory=dict)
    hints: Data = field(default_factory=dict)
    fetches: bool = False
    """Whether it does nothing but fetch the source code."""

    def stage(self, needs: tuple[str, ...], when: Sequence[Expression]) -> Stage:
        """The stage, with the needs and conditions that it has in the end."""
        own: Data = {**self.kept, **({HINTS: self.hints} if self.hints else {})}
        place = self.place
        found: dict[str, Any] = {
            "runner": place.runner,
            "container": place.container,
            "services": dict(place.services),
            "workspace": place.workspace,
        }
        return Stage(
            id=self.id,
            needs=needs,
            when=chained("&&", when) if when else None,
            vendor={VENDOR: own} if own else {},
            **found,
            **self.fields,
        )


@dataclass(eq=False)
class Opened:
    """A workspace that stages share, from where it was taken."""

    block: Block
    needs: tuple[str, ...]
    start: int
    """How many drafts there were before."""
    end: int = 0
    fetched: str | None = None
    """The stage that only fetches the source code, if there is one."""
    is_open: bool = True
    """Whether the source code is still to be fetched."""


class StageReader:
    """Reads the stages of one pipeline."""

    def __init__(
        self,
        sections: SectionReader,
        slugs: Slugs,
        *,
        folder: str | None = None,
        given: Mapping[str, JsonValue] | None = None,
    ) -> None:
        self.tools = given or {}
        """What the pipeline provides for all stages."""
        self.sections = sections
        self.file = sections.file
        self.steps = StepReader(self.file, sections.tables)
        self.slugs = slugs
        self.folder = folder
        self.drafts: list[Draft] = []
        self.opened: list[Opened] = []
        self.kept: dict[str, JsonValue] = {}
        """`vendor.jenkins.blocks`."""
        self.hints: dict[str, JsonValue] = {}
        """`vendor.jenkins.hints.blocks`."""

    # Order ---------------------------------------------------------------------------------------------

    def workspace(self, block: Block, needs: tuple[str, ...]) -> Opened | None:
        """Take the workspace of a block; to be closed when its stages are read. None where it takes none."""
        if block.place.workspace is None:
            return None
        one = Opened(block, needs, len(self.drafts), is_open=block.fetches)
        self.opened.append(one)
        return one

    def close(self, one: Opened | None) -> None:
        """All stages that share a workspace are read."""
        if one is not None:
            one.end = len(self.drafts)

    def sequence(self, nodes: Sequence[Node], around: Block, needs: tuple[str, ...]) -> tuple[str, ...]:
        """Stages one after another; the stages that must have ended when all have."""
        for node in nodes:
            needs = self._one(node, around, needs) or needs
            around = around.inner(approval=None)
        return needs

    def _one(self, node: Node, around: Block, needs: tuple[str, ...]) -> tuple[str, ...]:
        return self._leaf(node, around, needs) if inside(node) is None else self._block(node, around, needs)

    # Blocks --------------------------------------------------------------------------------------------

    def _block(self, node: Node, around: Block, needs: tuple[str, ...]) -> tuple[str, ...]:
        first = self.slugs.of(node)
        name = title(node)
        path = self.slugs.path(name, around.path)
        target = Target.block(path, first)
        items = node.feeds(f"stages.{first}.group").items()
        if "name" in items:
            items["name"].take().feeds(f"stages.{first}.group")
        said = self.sections.read(items, around.inner(path=path), target, path=path)
        self._fail_fast(items, said, target)
        opened = self.workspace(said.block, needs) if said.block.place is not around.place else None
        last = self._inner(items, said, target, needs)
        last = self._posts(items.get(POST), said.block, slug(name), last, before=needs)
        self.close(opened)
        if path.rpartition("/")[2] != name:
            said.hints["name"] = name
        self._keep(path, said)
        return last

    def _inner(
        self, items: Mapping[str, Node], said: Said, target: Target, needs: tuple[str, ...]
    ) -> tuple[str, ...]:
        kind = next(key for key in ("stages", "parallel", "matrix") if key in items)
        node = items[kind].feeds(f"{target.model}.group")
        if kind == "matrix":
            return self._matrix(node, said, target, needs)
        members = node.entries()
        if len(members) == 1:
            said.hints["kind"] = kind
        if kind == "stages":
            return self.sequence(members, said.block, needs)
        branches = said.block.inner(is_direct=False)
        last = (one for member in members for one in self._one(member, branches, needs))
        return tuple(dict.fromkeys(last))

    def _matrix(self, node: Node, said: Said, target: Target, needs: tuple[str, ...]) -> tuple[str, ...]:
        items = node.items()
        matrix = matrices.read(node, Values(self.file, said.block.scope), target.model)
        axes = {name: untemplate((Access(Name("matrix"), Literal(name)),)) for name in matrix.axes}
        scope = said.block.scope.inner(axes=axes)
        around = said.block.inner(
            matrix=matrix, scope=scope, variables={**said.block.variables, **axes}, is_direct=False
        )
        cells = self.sections.read(items, around, target.cells(), path=said.block.path)
        opened = self.workspace(cells.block, needs) if cells.block.place is not around.place else None
        stages = items.get("stages")
        last = (
            self.sequence(stages.feeds(target.model).entries(), cells.block, needs)
            if stages is not None
            else needs
        )
        prefix = slug(f"{said.block.path}-cell")
        last = self._posts(items.get(POST), cells.block, prefix, last, before=needs)
        self.close(opened)
        if cells.kept:
            said.kept["cells"] = dict(cells.kept)
        if found := {**cells.hints, **cells.down}:
            said.hints["cells"] = found
        return last

    def _fail_fast(self, items: Mapping[str, Node], said: Said, target: Target) -> None:
        node = items.get("failFast")
        if "matrix" in items:
            flag = said.block.fail_fast or (
                node is not None and node.feeds(f"{target.model}.fail-fast").flag()
            )
            said.block = said.block.inner(fail_fast=bool(flag))
        elif node is not None and node.feeds(f"{target.kept}.failFast").flag():
            said.kept["failFast"] = True

    def _keep(self, path: str, said: Said) -> None:
        if said.kept:
            self.kept[path] = said.kept
        if found := {**said.hints, **said.down}:
            self.hints[path] = found

    # Stages --------------------------------------------------------------------------------------------

    def _leaf(self, node: Node, around: Block, needs: tuple[str, ...]) -> tuple[str, ...]:
        name = self.slugs.of(node)
        target = Target.stage(name)
        items = node.feeds(target.model).items()
        if "name" in items:
            items["name"].take().feeds(f"{target.model}.name")
        said = self.sections.read(items, around, target)
        block = said.block
        one = Draft(name, needs, block.when, block.place, self._fields(block, around.path))
        one.kept |= said.kept
        one.hints |= said.hints
        known, others = tools.split(block.tools)
        if others:
            one.kept["tools"] = others
        if known:
            one.hints["tools"] = known
        if block.place.nowhere:
            one.hints["agent"] = "none"
        if title(node) != name:
            one.fields["name"] = untemplate((title(node),))
        given = {} if block.place.nowhere else {**self.tools, **block.tools}
        before = (*self._fetch(one, block), *tools.steps(given))
        one.fields["steps"] = (*before, *self._steps(items, block, name, len(before)))
        self.drafts.append(one)
        return (name,)

    @staticmethod
    def _fields(block: Block, path: str) -> dict[str, Any]:
        """What a stage says that has nothing to do with what it does."""
        found: dict[str, Any] = {**block.limits, "variables": dict(block.variables)}
        if path:
            found["group"] = path
        if block.matrix is not None:
            found |= {"matrix": block.matrix, "fail_fast": bool(block.fail_fast)}
        if block.approval is not None:
            found["approval"] = block.approval
        return found

    def _steps(self, items: Mapping[str, Node], block: Block, name: str, first: int) -> tuple[Step, ...]:
        path = f"stages.{name}.steps"
        node = items.get("steps")
        found = list(self._read(node, path, block, first)) if node is not None else []
        post = items.get(POST)
        for word, one in _ordered(post.feeds(path) if post is not None else None):
            more = self._read(one, path, block, first + len(found))
            found += [posts.conditioned(step, word) for step in more]
        return tuple(found)

    def _read(self, node: Node, path: str, block: Block, first: int = 0) -> tuple[Step, ...]:
        return self.steps.read(node.feeds(path).entries(), path, block.scope, first=first)

    # The source code -----------------------------------------------------------------------------------

    def _fetch(self, one: Draft, block: Block) -> tuple[Step, ...]:
        """The steps that fetch the source code before those of a stage."""
        if block.place.nowhere:
            return ()
        if block.place.workspace is None:
            return (self.fetching(),) if block.fetches else ()
        opened = next(
            (x for x in reversed(self.opened) if x.block.place.workspace == block.place.workspace), None
        )
        if opened is None or not opened.is_open:
            return ()
        opened.is_open = False
        if block.is_direct and block.when == opened.block.when and block.matrix == opened.block.matrix:
            return (self.fetching(),)
        self._fetch_before(opened)
        return ()

    def fetching(self) -> Step:
        """The step that fetches the source code as Jenkins does by itself."""
        return Step(action=FETCH, inputs={**HISTORY, **({"path": self.folder} if self.folder else {})})

    def _fetch_before(self, opened: Opened) -> None:
        """A stage of its own that fetches the source code, where the first one may be skipped or has others beside it."""
        path = opened.block.path
        name = self.slugs.take(f"{slug(path)}-{FETCH}" if path else FETCH)
        fields = {
            **self._fields(opened.block.inner(approval=None), path),
            "name": CHECKOUT,
            "steps": (self.fetching(),),
        }
        one = Draft(name, opened.needs, opened.block.when, opened.block.place, fields, fetches=True)
        self.drafts.insert(opened.start, one)
        opened.fetched = name
        for other in self.opened[self.opened.index(opened) + 1 :]:
            other.start += 1
            other.end += 1

    # Post ----------------------------------------------------------------------------------------------

    def _posts(
        self,
        node: Node | None,
        block: Block,
        prefix: str,
        needs: tuple[str, ...],
        *,
        before: tuple[str, ...] = (),
    ) -> tuple[str, ...]:
        """The stages of what a block behind `before` or the pipeline does at its end; each waits for the one before."""
        last = needs
        asks = begun(self.drafts, block, before) if node is not None else {}
        group = f"{block.path}/{POST}" if block.path else POST
        if node is not None:
            node.feeds("stages")
        for word, one in _ordered(node):
            name = self.slugs.take(slug(f"{prefix}-{POST}-{word}" if block.path else f"{POST}-{word}"))
            fields = self._fields(block.inner(approval=None), group)
            fields["name"] = posts.TITLE
            condition = posts.condition(word)
            guard = {} if condition == posts.SUCCESS else asks
            needed = tuple(dict.fromkeys((*needs, *last, *guard)))
            when = (*block.when, *guard.values(), condition)
            place, statements = self.sections.machine(one, block, Target.stage(name))
            draft = Draft(name, needed, when, place, fields)
            if word == posts.CLEANUP:
                draft.hints[POST] = word
            if place.nowhere:
                draft.hints["agent"] = "none"
            draft.fields["steps"] = self._read(statements, f"stages.{name}.steps", block)
            self.drafts.append(draft)
            last = (name,)
        return last if last == needs else (*needs, *last)

    def posts(self, node: Node | None, block: Block, needs: tuple[str, ...]) -> None:
        """The stages of the pipeline's own `post`."""
        self._posts(node, block, "", needs)


def _ordered(node: Node | None) -> list[tuple[str, Node]]:
    """The conditions of a `post` section with their statements, in the order of execution."""
    found = list(node.items().items()) if node is not None else []
    return sorted(found, key=lambda pair: posts.place(pair[0]))
