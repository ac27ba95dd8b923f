"""Steps in: calls become actions of the catalogue, wrappers fields of the steps inside; other Groovy stays as it is.

A step that only Jenkins understands keeps its text in `value`, as it may stand in `steps { }` of a stage. What else
only Jenkins needs to know of a step is in `vendor.jenkins`:

- arguments of its call that no row names, each by its name; `hints.call` is the call where an action has several;
- `catch`: the head of the `catchError` or `warnError` around it;
- `hints.within`: heads of wrappers that change nothing elsewhere, such as `timestamps`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final

from pipemgr.adapter import Node, StepRow, Tables
from pipemgr.model.definitions import OPAQUE, Step
from pipemgr.model.expressions import Expression
from pipemgr_jenkins.groovy.syntax import Assignment, Call, If, Try

from . import assignments, bound, checkouts, docker
from .blocks import declared, is_declarative, lengths, locals_of, read_if, read_try
from .calls import CallReader, Given, given
from .drafts import Draft, Place, Told, draft, joined, opaque, wrapped
from .ends import MOST, ends, read_end
from .known import constants, mentioned
from .methods import Methods
from .scope import VENDOR, Scope, meanings
from .tree import Jenkinsfile
from .values import Values
from .wrappers import WRAPPERS, Wrappers, lost

PARALLEL: Final = "parallel"
DEEPEST: Final = 50
"""Blocks are taken apart so far; what is deeper stays as it is."""
OFTEN: Final = 10
"""Statements of a file are read so often on average, once for each way to say them; nested ones could be without end."""


class StepReader:
    """Reads the steps of stages."""

    def __init__(self, file: Jenkinsfile, tables: Tables) -> None:
        self.file = file
        self.calls = CallReader(tables)
        self.wrappers = Wrappers(self)
        self.methods = Methods(self)
        self._depth = 0
        self._ends = 0
        self._left = OFTEN * len(file.root.origin.nodes)
        self._constants: Mapping[str, Expression] | None = None

    def read(
        self, statements: Sequence[Node], path: str, scope: Scope, *, first: int = 0, groovy: bool = False
    ) -> tuple[Step, ...]:
        """The steps of statements; `path` is that of the list in the model (`stages.test.steps`).

        `scope` tells what names mean there. The steps are numbered from `first` on. `groovy` says that any code may
        stand there: in scripted pipelines, whose steps get a `script { }` around what is no plain step.
        """
        values = Values(self.file, scope)
        if self._constants is None:
            self._constants = constants(replace(scope, axes=frozenset()))
        place = Place(values, constants=self._constants, is_groovy=groovy, is_alone=not first)
        drafts = self.statements(statements, place)
        for node in statements:
            node.take_all()
        for at, one in enumerate(drafts, first):
            for node, field in one.feeds:
                node.feeds(path if field is None else f"{path}[{at}].{field}".rstrip("."))
            for node, told in one.told:
                node.finding(told.fidelity, told.what, told.why, told.remedy)
        return tuple(one.step for one in drafts)

    # Statements ----------------------------------------------------------------------------------------

    def statements(self, nodes: Iterable[Node], place: Place) -> list[Draft]:
        """The steps of statements, without numbers yet; local variables stay together with all that uses them."""
        left = list(nodes)
        parts = [self.file.syntax(one) for one in left]
        local = locals_of(parts, self.file.script, self._words)
        found: list[Draft] = []
        at = 0
        for count in lengths(parts, self.file.script, local):
            if any(map(ends, parts[at : at + count])):
                return [*found, *self._ended(left[at:], place, alone=count == 1)]
            found += self._together(left[at : at + count], place, local)
            at += count
            place = replace(place, is_alone=False)
        return found

    def _ended(self, nodes: Sequence[Node], place: Place, *, alone: bool) -> list[Draft]:
        """Statements of which the first ones may end their block."""
        self._ends += 1
        try:
            return read_end(self, nodes, place, alone=alone and self._ends <= MOST)
        finally:
            self._ends -= 1

    @cached_property
    def _words(self) -> Counter[str]:
        """How often each word stands in the file."""
        script = self.file.script
        return Counter(word for part in script.statements for word in mentioned(part, script))

    def _together(self, nodes: Sequence[Node], place: Place, local: frozenset[str]) -> list[Draft]:
        """Statements that may share variables: one step, unless only other vendors would gain by it and can't."""
        script = self.file.script
        parts = [part for one in nodes if (part := self.file.syntax(one)) is not None]
        names = sorted({name for one in parts for name in declared(one, script, local)})
        if not names:
            return self.statement(nodes[0], place)
        steps = bound.steps(self, nodes, place)
        if steps is None and not any(declared(one, script) for one in parts):
            return [one for node in nodes for one in self.statement(node, place)]
        text = script.source[parts[0].start : parts[-1].end]
        one = opaque(wrapped(text, ("script",)), place, nodes[0], steps).fed(
            *((node, "") for node in nodes[1:])
        )
        if steps is not None:
            return [one]
        why = f"it works with Groovy's variables {', '.join(names)}, which other vendors do not have"
        remedy = "write what it does as a script of the shell"
        return [replace(one, told=((nodes[0], Told("code in Groovy", why, remedy)),))]

    def statement(self, node: Node, place: Place) -> list[Draft]:
        """The steps of one statement."""
        if self._depth > DEEPEST or self._left <= 0:
            return [self.verbatim(node, place)]
        self._depth += 1
        self._left -= 1
        try:
            found = self._statement(node, place)
            return self._with_constants(node, place, found) if place.constants else found
        finally:
            self._depth -= 1

    def _with_constants(self, node: Node, place: Place, found: list[Draft]) -> list[Draft]:
        """A call that names variables of the file stays as it is, with what they hold for others."""
        part = self.file.syntax(node)
        only = found[0] if len(found) == 1 and isinstance(part, Call) and part.block is None else None
        if only is None or only.step.action == OPAQUE or f"opaque('{VENDOR}'" not in str(only.step.inputs):
            return found
        if place.constants.keys().isdisjoint(mentioned(part, self.file.script)):
            return found
        bare = replace(place.bare, constants={})
        return [self.verbatim(node, place, self._statement(node, bare))]

    def _statement(self, node: Node, place: Place) -> list[Draft]:
        part = self.file.syntax(node)
        items = node.items()
        match part:
            case If() if "if" in items:
                return read_if(self, node, place)
            case Try() if "try" in items:
                return read_try(self, node, place)
            case Call() if "name" in items:
                return self._checkout(part, node, place) or self._call(node, place)
            case Call() if part.target is not None:
                return self._method(part, node, place)
            case Assignment():
                return self._assignment(part, node, place)
        return [self.verbatim(node, place)]

    def verbatim(
        self, node: Node, place: Place, steps: Iterable[Draft] | None = None, note: str = ""
    ) -> Draft:
        """A statement that stays as it is."""
        part = self.file.syntax(node)
        text = self.file.text(node)
        if part is not None and place.is_groovy and not is_declarative(part):
            text = wrapped(text, ("script",))
        return opaque(text, place, node, steps, note)

    def inside(self, node: Node, place: Place) -> list[Draft]:
        """The steps in the block of a call, as the steps of an opaque one say them."""
        block = node.items().get("block")
        return self.statements(block.entries(), place.bare) if block is not None else []

    def _assignment(self, part: Assignment, node: Node, place: Place) -> list[Draft]:
        steps, note = assignments.read(part, place) or (None, "")
        return [self.verbatim(node, place, steps, note)]

    def _checkout(self, part: Call, node: Node, place: Place) -> list[Draft]:
        """A repository of Git's; nothing for all other calls."""
        found = checkouts.read(part, place.values.scope)
        if found is None:
            return []
        inputs = found.inputs
        if place.directory:
            inputs["path"] = joined(place.directory, str(inputs.get("path", ".")))
        if found.exact:
            return [draft(checkouts.CHECKOUT, inputs, place, [(node, "")])]
        lost = f"{', '.join(dict.fromkeys(found.lost))} is lost" if found.lost else ""
        return [self.verbatim(node, place, [draft(checkouts.CHECKOUT, inputs, place.bare)], lost)]

    def _method(self, part: Call, node: Node, place: Place) -> list[Draft]:
        """A call of a method: of Docker's steps, or of anything that only Groovy knows."""
        block = self.inside(node, place)
        found = docker.read(part, place, block)
        if found is None and block:
            found = block, lost(part.name)
        steps, note = found or (None, "")
        return [self.verbatim(node, place, steps, note)]

    # Calls ---------------------------------------------------------------------------------------------

    def _call(self, node: Node, place: Place) -> list[Draft]:
        call = given(node)
        if "block" in node.items() and call.name in WRAPPERS:
            return self.wrappers.read(call, node, place)
        if call.name == PARALLEL:
            return [self._parallel(call, node, place)]
        row = self.calls.row(call)
        if row is None:
            return [self._unknown(call, node, place)]
        if not row.steps:
            made = self.calls.action(call, row, place) if "block" not in node.items() else None
            return [made.fed((node, ""))] if made is not None else [self.verbatim(node, place)]
        return self._steps(call, row, node, place)

    def _steps(self, call: Given, row: StepRow, node: Node, place: Place) -> list[Draft]:
        if self.wrappers.changes_nothing(row) and "block" in node.items():
            return self.wrappers.transparent(node, place)
        steps = self.calls.steps(call, row, place, self.inside(node, place))
        return [self.verbatim(node, place, steps, row.note if steps is not None else "")]

    def _parallel(self, call: Given, node: Node, place: Place) -> Draft:
        """Branches that are all there to see, one after another elsewhere."""
        branches = {name: one for name, one in call.named.items() if name != "failFast"}
        blocks = [one.items().get("block") if one.kind == "mapping" else None for one in branches.values()]
        if not blocks or None in blocks or call.positional:
            return self.verbatim(node, place)
        steps = [one for block in blocks if block for one in self.statements(block.entries(), place.bare)]
        return self.verbatim(node, place, steps, "the branches are executed one after another")

    def _unknown(self, call: Given, node: Node, place: Place) -> Draft:
        """A call that no row knows: a library's, a plugin's or the file's own."""
        if "block" not in node.items():
            part = self.file.syntax(node)
            steps = self.methods.steps(part, place) if isinstance(part, Call) else None
            made = self.verbatim(node, place, steps)
            return made if steps is not None else _alone(made, call.name)
        why, _ = meanings()["alone"].get(call.name, (lost(call.name), None))
        return self.verbatim(node, place, self.inside(node, place), why)


def _alone(made: Draft, name: str) -> Draft:
    """A step that nothing neutral can say, with the reason and what to do about it where that is known."""
    why, remedy = meanings()["alone"].get(name, (None, None))
    if why is None:
        return made
    return made.changed(inputs={**made.step.inputs, "note": why, "remedy": remedy})
