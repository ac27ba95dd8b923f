"""Vocabulary: names in expressions, translated both ways by a vendor's tables.

For vendors whose expressions have our syntax, or are parsed into our tree.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from pipemgr.mapping.tables import Names, Variables
from pipemgr.model.expressions import (
    Access,
    Binary,
    Call,
    Expression,
    ExpressionError,
    Literal,
    Name,
    Not,
    Opaque,
    parse,
)

from .report import Fidelity

Keys = list[Expression]
Lost = Callable[[Fidelity, str, str], None]
"""What a translation tells: the fidelity, what it is about and why."""
_COMPARISONS = ("==", "!=")


def chain(node: Expression) -> tuple[Expression, Keys]:
    """What an access begins with, and its keys from there on."""
    keys: Keys = []
    while isinstance(node, Access):
        keys.insert(0, node.key)
        node = node.target
    return node, keys


def _access(node: Expression, keys: Keys) -> Expression:
    for key in keys:
        node = Access(node, key)
    return node


def words(root: Expression, keys: Keys) -> tuple[str, ...]:
    """The plain words at the beginning of an access: `a.b[c].d` begins with a, b."""
    words = [root.name] if isinstance(root, Name) else []
    for key in keys if words else []:
        if not (isinstance(key, Literal) and isinstance(key.value, str)):
            break
        words.append(key.value)
    return tuple(words)


class Vocabulary:
    """The names of one vendor's expressions and ours, by its tables of variables and triggers."""

    def __init__(self, vendor: str, title: str, variables: Variables, triggers: Names) -> None:
        self.vendor = vendor
        self.title = title
        self._variables = variables
        self._triggers = triggers

    @cached_property
    def _ours(self) -> dict[tuple[str, ...], Expression]:
        """Our name for each path of theirs; theirs in lower case, for case does not matter there."""
        rows = ((row, words(*chain(tree))) for row, tree in self._variables.contexts)
        return {tuple(map(str.lower, path)): parse(row.name) for row, path in rows if path and not row.values}

    @cached_property
    def _compounds(self) -> dict[str, Expression]:
        """Our name for each expression of theirs that is no plain name, by its text in lower case."""
        rows = ((row, tree) for row, tree in self._variables.contexts if isinstance(tree, Binary | Call))
        return {str(tree).lower(): parse(row.name) for row, tree in rows if not row.values}

    @cached_property
    def _theirs(self) -> dict[tuple[str, ...], Expression]:
        return {words(*chain(parse(row.name))): tree for row, tree in self._variables.contexts}

    @cached_property
    def _trigger(self) -> tuple[Expression, Expression]:
        """Our context that gives triggers, and theirs."""
        return next((parse(row.name), tree) for row, tree in self._variables.contexts if row.values)

    @cached_property
    def _functions(self) -> dict[str, str]:
        return {theirs.lower(): ours for theirs, ours in self._variables.functions.ours.items()}

    # From theirs to ours -------------------------------------------------------------------------------

    def read(self, node: Expression) -> Expression:
        """The expression in our names; what we have no name for is kept as `Opaque`."""
        if isinstance(node, Binary | Call) and (known := self._compounds.get(str(node).lower())):
            return known
        match node:
            case Literal():
                return node
            case Not(operand):
                return Not(self.read(operand))
            case Binary(operator, left, right):
                return self._read_event(node) or Binary(operator, self.read(left), self.read(right))
            case Call(name, arguments) if name.lower() in self._functions:
                return Call(self._functions[name.lower()], tuple(map(self.read, arguments)))
            case Access() | Name():
                return self._read_access(node)
        return Opaque(self.vendor, str(node))

    def _read_access(self, node: Expression) -> Expression:
        root, keys = chain(node)
        if not isinstance(root, Name):
            return _access(self.read(root), [self._read_key(key) for key in keys])
        path = tuple(map(str.lower, words(root, keys)))
        for end in range(len(path), 0, -1):
            if path[:end] in self._ours:
                return _access(self._ours[path[:end]], [self._read_key(key) for key in keys[end - 1 :]])
        return Opaque(self.vendor, str(node))

    def _read_key(self, key: Expression) -> Expression:
        return self.read(key) if isinstance(key, Access | Name | Call | Binary | Not | Opaque) else key

    def _read_event(self, node: Binary) -> Expression | None:
        """A comparison of the event with a known one; its words are translated too."""
        ours, theirs = self._trigger
        for context, word, turned in ((node.left, node.right, False), (node.right, node.left, True)):
            if str(context).lower() != str(theirs) or node.operator not in _COMPARISONS:
                continue
            if isinstance(word, Literal) and word.value in self._triggers.ours:
                known = Literal(self._triggers.ours[str(word.value)])
                return Binary(node.operator, *((known, ours) if turned else (ours, known)))
        return None

    # From ours to theirs -------------------------------------------------------------------------------

    def write(self, node: Expression, lost: Lost) -> Expression:
        """The expression in their names; `lost` hears of what has none."""
        match node:
            case Not(operand):
                return Not(self.write(operand, lost))
            case Binary(operator, left, right):
                written = self._write_event(node)
                return written or Binary(operator, self.write(left, lost), self.write(right, lost))
            case Call(name, arguments):
                return Call(self._function(name, lost), tuple(self.write(one, lost) for one in arguments))
            case Access() | Name():
                return self._write_access(node, lost)
            case Opaque(vendor, text):
                return self._write_opaque(vendor, text, lost)
        return node

    def _function(self, name: str, lost: Lost) -> str:
        if name not in self._variables.functions.theirs:
            lost(Fidelity.DROPPED, f"function {name}()", f"{self.title} has no function like it")
        return self._variables.functions.theirs.get(name, name)

    def _write_access(self, node: Expression, lost: Lost) -> Expression:
        root, keys = chain(node)
        if not isinstance(root, Name):
            return _access(self.write(root, lost), [self.write(key, lost) for key in keys])
        path = words(root, keys)
        for end in range(len(path), 0, -1):
            if path[:end] in self._theirs:
                if node == self._trigger[0]:
                    lost(Fidelity.APPROXIMATE, str(node), f"{self.title} gives its own word for the event")
                if isinstance(known := self._theirs[path[:end]], Literal):
                    lost(Fidelity.EQUIVALENT, str(node), f"always {known} with {self.title}")
                return _access(known, [self.write(key, lost) for key in keys[end - 1 :]])
        lost(Fidelity.DROPPED, str(node), f"{self.title} has no context like it")
        return node

    def _write_event(self, node: Binary) -> Expression | None:
        ours, theirs = self._trigger
        for context, word, turned in ((node.left, node.right, False), (node.right, node.left, True)):
            if context != ours or node.operator not in _COMPARISONS:
                continue
            if isinstance(word, Literal) and word.value in self._triggers.theirs:
                known = Literal(self._triggers.theirs[str(word.value)])
                return Binary(node.operator, *((known, theirs) if turned else (theirs, known)))
        return None

    def _write_opaque(self, vendor: str, text: str, lost: Lost) -> Expression:
        try:
            if vendor == self.vendor:
                return parse(text)
        except ExpressionError:
            pass
        lost(Fidelity.DROPPED, text, f"only {vendor} understands it; null is written in its place")
        return Literal(None)
