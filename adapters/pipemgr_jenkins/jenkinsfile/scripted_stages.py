"""Stages of scripted pipelines in: stages, parallel branches, conditions, and what is done after failures and at ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pipemgr.adapter import Fidelity, Node
from pipemgr.model.expressions import Expression
from pipemgr_jenkins.groovy.syntax import (
    Assignment,
    Block,
    Call,
    Catch,
    Closure,
    Code,
    Constant,
    If,
    Name,
    Property,
    Try,
)

from .begun import begun
from .expressions import truth
from .logic import negated
from .nodes import Spot
from .posts import CLEANUP, TITLE, condition
from .scripted_around import Around
from .scripted_levels import DEEPEST, STEPS, Levels, block_of
from .scripted_shapes import FAIL_FAST, PARALLEL, STAGE, cut, fails_fast
from .slugs import POST, slug
from .statements import Statements
from .surroundings import conjuncts
from .values import Values


class ScriptedStages(Levels):
    """Reads the stages of one script."""

    def _parted(
        self, node: Node, rest: list[Node], around: Around, needs: tuple[str, ...]
    ) -> tuple[str, ...]:
        """`if (condition) { ...; return }` and all behind it, each for its case."""
        if self._depth >= DEEPEST:
            return self._simple(STEPS, [node, *rest], around, needs)
        last = self._if(node, around, needs)
        part = self.syntax(node)
        assert isinstance(part, If)  # noqa: S101 - `cut` says so
        other = around.change(when=(*around.when, *conjuncts(negated(truth(part.condition, around.scope)))))
        self._depth += 1
        last = self._level(rest, other, last)
        self._depth -= 1
        return last

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
                inside = block_of(node) if body is None else body
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
        node.take_all().feeds(self.upcoming)
        last = self.level(self._fresh(self.shapes.methods[name].body), around, needs)
        self._calling.pop()
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
        named = values.named(node)
        name = named.get("name") or next(iter(named.values()), None)
        if "concurrency" in named:
            node.finding(Fidelity.MANUAL, "concurrency of a stage", _ONE, "say it as the stage's concurrency")
        title = values.text(name) if name is not None else STEPS
        node.take().feeds(self.upcoming)
        for key in ("name", "arguments"):
            if key in node.items():
                node.items()[key].take_all().feeds(f"{self.upcoming}.name")
        return self._named(title, nodes, around, needs, before)

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
        for one in () if given or arguments is None else (arguments,):
            one.take_all()
        if fails_fast(part):
            self.kept[around.path] = {**self._kept(around.path), "failFast": True}
        if len(found) == 1:
            self._hint(around.path, "kind", PARALLEL)
        last: list[str] = []
        for key, closure in found.items():
            nodes = _statements(given[key]) if key in given else self._fresh(closure)
            last += self._branch(key, nodes, around.change(is_direct=False), needs)
        return tuple(dict.fromkeys(last))

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

    def _if(self, node: Node, around: Around, needs: tuple[str, ...]) -> tuple[str, ...]:
        part = self.syntax(node)
        assert isinstance(part, If)  # noqa: S101 - its callers know
        holds = truth(part.condition, around.scope)
        items = node.items()
        node.feeds(self.upcoming)
        items["if"].take_all().feeds(f"{self.upcoming}.when")
        last = self._case(items["then"], holds, around, needs, leave=cut(part))
        if "else" in items:
            last = self._case(items["else"], negated(holds), around, last)
        return last

    def _case(
        self,
        node: Node,
        holds: Expression,
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
        inner = around.change(when=(*around.when, *conjuncts(holds)), is_direct=False)
        return self.level(nodes, inner, needs)

    def _try(self, node: Node, part: Try, around: Around, needs: tuple[str, ...]) -> tuple[str, ...]:
        """What is caught is done after a failure, what is done finally always."""
        items = node.feeds(self.upcoming).items()
        cases: list[tuple[str, Sequence[Node]]] = []
        caught = items["catch"].entries() if "catch" in items else ()
        for one, catch in zip(caught, part.catches, strict=True):
            cases.append(("failure", self._caught(one.take(), catch)))
        if part.final is not None:
            cases.append((CLEANUP if cases else "always", items["finally"].entries()))
        following, self._following = self._following, 0
        if following:  # what is done at the end is the end of a block of its own
            around = around.change(path=self.slugs.path(self.untitled(), around.path))
        before = len(self.drafts)
        tried = last = self.level(items["try"].entries(), around, needs)
        inside = self.drafts[before:]
        if following and len(inside) == 1:
            self._hint(around.path, "kind", "stages")
        asks = begun(self.drafts, around, needs) if following else {}
        for word, nodes in cases:
            if nodes and not inside:  # nothing was tried: there is no block that this could be the end of
                when = around.when if word == "always" else (*around.when, condition(word))
                last = self._simple(self._title(nodes), nodes, around.change(when=when), last)
            elif nodes:
                inner = around.change(when=(*around.when, *asks.values()))
                last = self._after(word, nodes, inner, tuple(dict.fromkeys((*tried, *last, *asks))))
        self._following = following
        return tuple(dict.fromkeys((*tried, *last)))

    def _fails(self, node: Node) -> bool:
        """Whether a statement only says that the build has failed."""
        match self.syntax(node):
            case Code() as part:
                return self.file.script.text(part).startswith("throw ")
            case Assignment(
                target=Property(target=Name(name="currentBuild"), name="result"), value=Constant(value=word)
            ):
                return word == "FAILURE"
        return False

    def _caught(self, node: Node, part: Catch) -> Sequence[Node]:
        """The statements of a `catch`, without those that only say that the build has failed: it stays so."""
        nodes = list(node.entries())
        kept = [one for one in nodes if not self._fails(one)]
        for one in nodes:
            if one not in kept:
                one.take_all()
        if len(kept) == len(nodes):
            node.finding(
                Fidelity.MANUAL, "a failure that is caught", _CAUGHT, "look at what is to happen then"
            )
        nodes = kept
        names = part.parameter.split()[-1:]
        if any(name in self.shapes.mentioned(self.syntax(one)) for one in nodes for name in names):
            node.finding(Fidelity.MANUAL, "what is done after a failure", _THROWN, "leave the exception out")
        return nodes

    def _after(
        self, word: str, nodes: Sequence[Node], around: Around, needs: tuple[str, ...]
    ) -> tuple[str, ...]:
        """A stage for what is done when those before have ended, as declarative pipelines have it in `post`."""
        group = f"{around.path}/{POST}" if around.path else POST
        inner = around.change(path=group, when=(*around.when, condition(word)))
        title = slug(f"{around.path}-{POST}-{word}") if around.path else f"{POST}-{word}"
        last = self._simple(title, nodes, inner, needs)
        self.drafts[-1].fields["name"] = TITLE
        if word == CLEANUP:
            self.drafts[-1].hints[POST] = word
        return last


_ONE: Final = "builds no longer wait for one another at this stage"
_CAUGHT: Final = (
    "the build goes on and may succeed; here what follows is not executed, and the build has failed"
)
_THROWN: Final = "it uses the exception, which nobody knows after the stage has ended"


def _statements(node: Node) -> list[Node]:
    """The statements of a branch."""
    return block_of(node.take())


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
