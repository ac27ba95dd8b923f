"""Statements, calls and values of a Jenkinsfile as nodes.

A value is a scalar with the constant, or with the Groovy text of what is no constant (the syntax tells them apart).
Lists are sequences; maps with constant keys are mappings; a closure among the arguments, as in `parallel a: { ... }`,
is {`block`: statements}.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipemgr.adapter import Node
from pipemgr_jenkins.groovy.syntax import (
    Argument,
    Block,
    Call,
    Closure,
    Constant,
    Entries,
    If,
    Items,
    Part,
    Try,
)

from .nodes import Nodes, Spot

META = "$class"
"""The key that makes a map a thing of its own, not the named arguments of the call around it."""


class Statements(Nodes):
    """Makes the nodes of statements."""

    def statements(self, spot: Spot, part: Block | Closure, at: Part | None = None) -> Node:
        """A sequence with a node for each statement of a block."""
        return self.fill(self.sequence(spot, part, at), part)

    def fill(self, node: Node, part: Block | Closure) -> Node:
        """The statements of a block as elements of a sequence that is there already."""
        for one in part.statements:
            self.statement(node, one)
        return node

    def statement(self, parent: Node, part: Part) -> Node:
        """A call, `if` or `try`; whatever else it is goes as `code`."""
        node = self.mapping(Spot(parent), part)
        match part:
            case _ if self.deep(node):
                self.code(node, part)
            case Call(target=None):
                self.call(node, part)
            case If():
                self._if(node, part)
            case Try():
                self._try(node, part)
            case _:
                self.code(node, part)
                if isinstance(part, Call) and part.block:
                    self.statements(Spot(node, "block"), part.block)
        return node

    def code(self, node: Node, part: Part) -> None:
        """Groovy as it is written."""
        self.scalar(Spot(node, "code"), part, self.text(part))

    def _if(self, node: Node, part: If) -> None:
        self.scalar(Spot(node, "if"), part.condition, self.text(part.condition))
        self.statements(Spot(node, "then"), part.then)
        if part.otherwise:
            self.statements(Spot(node, "else"), part.otherwise)

    def _try(self, node: Node, part: Try) -> None:
        self.statements(Spot(node, "try"), part.body)
        if part.catches:
            catches = self.sequence(Spot(node, "catch"), part.catches[0])
            for one in part.catches:
                self.fill(self.sequence(Spot(catches), one), one.body)
        if part.final:
            self.statements(Spot(node, "finally"), part.final)

    # Calls ---------------------------------------------------------------------------------------------

    def call(self, node: Node, part: Call) -> None:
        """Name, arguments and block of a call, below its node."""
        self.scalar(Spot(node, "name"), part, part.name)
        if part.plain:
            self.arguments(Spot(node, "arguments"), part.plain)
        if part.block:
            self.statements(Spot(node, "block"), part.block)

    def arguments(self, spot: Spot, arguments: Sequence[Argument]) -> Node:
        """A mapping of the named arguments, or a sequence of the positional ones.

        Of both, a sequence that begins with the mapping, as Groovy passes them. One map alone counts as named
        arguments unless it tells its class, as in Jenkins (ModelParser.parseArgumentList).
        """
        named = [one for one in arguments if one.key is not None]
        if len(named) == len(arguments):
            return self._named(spot, named)
        first = arguments[0].value
        if len(arguments) == 1 and self._is_named(first):
            return self.value(spot, first)
        node = self.sequence(spot, arguments[0])
        if named:
            self._named(Spot(node), named)
        for one in arguments:
            if one.key is None:
                self.value(Spot(node), one.value)
        return node

    def _is_named(self, part: Part) -> bool:
        if not isinstance(part, Entries) or not _plain(part):
            return False
        return not any(isinstance(one.key, Constant) and one.key.value == META for one in part.entries)

    def _named(self, spot: Spot, arguments: Sequence[Argument]) -> Node:
        node = self.mapping(spot, arguments[0])
        taken: set[str] = set()
        for one in arguments:
            key = one.key or ""
            if key in taken:
                self.problem(one, f"the argument {key!r} stands here twice; remove one of the two")
                continue
            taken.add(key)
            self.value(Spot(node, key), one.value, at=one)
        return node

    # Values --------------------------------------------------------------------------------------------

    def value(self, spot: Spot, part: Part, at: Part | None = None) -> Node:
        """The node of a value."""
        match part:
            case Constant():
                return self.scalar(spot, part, part.value, at)
            case _ if self.deep(spot.parent):
                return self.scalar(spot, part, self.text(part), at)
            case Items():
                node = self.sequence(spot, part, at)
                for item in part.items:
                    self.value(Spot(node), item)
            case Entries() if _plain(part):
                node = self.mapping(spot, part, at)
                for entry in part.entries:
                    self.value(Spot(node, _key(entry.key)), entry.value, at=entry)
            case Closure():
                node = self.mapping(spot, part, at)
                self.statements(Spot(node, "block"), part)
            case _:
                return self.scalar(spot, part, self.text(part), at)
        return node


def _plain(part: Entries) -> bool:
    """Whether all keys of a map are known, and different."""
    keys = [_key(one.key) for one in part.entries if isinstance(one.key, Constant)]
    return len(set(keys)) == len(part.entries)


def _key(part: Part) -> str:
    return str(part.value) if isinstance(part, Constant) else ""
