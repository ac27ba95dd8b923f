"""The steps of a scripted stage: what stays together, which variables several stages share, and what is around them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from pipemgr.adapter import Node
from pipemgr.model.definitions import OPAQUE, Step
from pipemgr_jenkins.groovy.syntax import Declaration, Part

from .drafts import Place, opaque, wrapped
from .layout import dedented
from .scope import VENDOR
from .scripted_around import Around
from .scripted_shapes import Shapes, cut, harmless, leaves
from .step_reader import StepReader
from .tree import Jenkinsfile
from .values import Values
from .wrappers import lost


class Steps:
    """Reads the statements of stages.

    A variable that several stages share is declared before the pipeline (`before`), and set where it was declared.
    """

    def __init__(self, file: Jenkinsfile, steps: StepReader, shapes: Shapes) -> None:
        self.file = file
        self.steps = steps
        self.shapes = shapes
        self.before: list[str] = []
        """Declarations of the variables that stages share."""
        self._shared: dict[str, Declaration] = {}

    # Variables -------------------------------------------------------------------------------------------------

    def separable(self, nodes: Sequence[Node], around: Around) -> bool:
        """Whether statements may become several stages: what they share can be told, and nothing ends them early."""
        parts = [self.file.syntax(one) for one in nodes]
        if not any(map(self.shapes.structural, parts)):
            return False
        if any(leaves(part) and not cut(part) for part in parts[:-1]):
            return False
        shared = self._between(nodes)
        return not any(one.name in self._shared and self._shared[one.name] is not one for one in shared)

    def declared(self, nodes: Sequence[Node], around: Around) -> Around:
        """The same around, where it is known that Groovy defines the variables that stages share."""
        found = self._between(nodes)
        for one in found:
            if one.name not in self._shared:
                self._shared[one.name] = one
                text = self.file.script.text(one)
                self.before.append(text if harmless(one.value) else f"{one.type} {one.name}")
        return around.change(scope=around.scope.inner(names=[one.name for one in found]))

    def _between(self, nodes: Sequence[Node]) -> list[Declaration]:
        """The variables of statements that are used by stages, or behind them."""
        parts = [self.file.syntax(one) for one in nodes]
        structural = [self.shapes.structural(part) for part in parts]
        runs = list(accumulate(one or before for before, one in pairwise((False, *structural))))
        words = [self.shapes.mentioned(part) for part in parts]
        return [
            part
            for at, part in enumerate(parts)
            if isinstance(part, Declaration)
            and any(
                part.name in words[other] and runs[other] != runs[at] for other in range(at + 1, len(parts))
            )
        ]

    # Steps ------------------------------------------------------------------------------------------------------

    def read(self, nodes: Sequence[Node], path: str, around: Around, *, first: int = 0) -> tuple[Step, ...]:
        """The steps of statements, numbered from `first` on."""
        found: list[Step] = []
        if around.heads:
            return (self._whole(nodes, path, around, first),)
        run: list[Node] = []
        for at, node in enumerate(nodes):
            part = self.file.syntax(node)
            if leaves(part) and at < len(nodes) - 1:
                run, rest = self._kept_together(run, nodes[at:])
                found += self._run(run, path, around, first + len(found))
                return (*found, self._whole(rest, path, around, first + len(found)))
            if isinstance(part, Declaration) and self._shared.get(part.name) is part:
                found += self._run(run, path, around, first + len(found))
                run = []
                found += self._set(node, part, path, first + len(found))
            else:
                run.append(node)
        return (*found, *self._run(run, path, around, first + len(found)))

    def _kept_together(self, run: list[Node], rest: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        """The statements before an early end, without those that declare what is used behind it."""
        words = set[str]().union(*(self.shapes.mentioned(self.file.syntax(one)) for one in rest))
        for at, node in enumerate(run):
            part = self.file.syntax(node)
            if isinstance(part, Declaration) and part.name in words:
                return run[:at], [*run[at:], *rest]
        return run, [*rest]

    def _run(self, nodes: Sequence[Node], path: str, around: Around, first: int) -> tuple[Step, ...]:
        if not nodes:
            return ()
        return self.steps.read(nodes, path, around.scope, first=first, groovy=True)

    def _set(self, node: Node, part: Declaration, path: str, at: int) -> tuple[Step, ...]:
        """A shared variable gets its value; it is declared before the pipeline."""
        node.take_all()
        if harmless(part.value) or part.value is None:
            node.feeds(f"vendor.{VENDOR}.before")
            return ()
        node.feeds(f"{path}[{at}]")
        text = f"{part.name} = {self.file.script.text(part.value)}"
        return (Step(action=OPAQUE, inputs={"vendor": VENDOR, "value": wrapped(text, ("script",))}),)

    def _whole(self, nodes: Sequence[Node], path: str, around: Around, at: int) -> Step:
        """Statements in one piece, with the blocks around them."""
        parts = [part for one in nodes if (part := self.file.syntax(one)) is not None]
        text = self._joined(nodes, parts)
        place = Place(Values(self.file, around.scope), is_groovy=True)
        inner = self.steps.statements(nodes, place)
        note = lost(around.heads[0].partition("(")[0].strip()) if around.heads else ""
        steps = None if any(leaves(part) for part in parts) else inner
        made = opaque(wrapped(text, around.heads), place, nodes[0] if nodes else self.file.root, steps, note)
        for one in nodes:
            one.take_all().feeds(f"{path}[{at}]")
        value = wrapped(str(made.step.inputs["value"]), ("script",))
        return made.step.model_copy(update={"inputs": {**made.step.inputs, "value": value}})

    def _joined(self, nodes: Sequence[Node], parts: Sequence[Part]) -> str:
        """The text of statements, with what stands between those of one block."""
        script = self.file.script
        if parts and len({id(one.parent) for one in nodes}) == 1:
            return script.source[parts[0].start : parts[-1].end]
        return "\n".join(dedented(script.text(one)) for one in parts)
