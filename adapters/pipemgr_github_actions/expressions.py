"""Expressions: names translated both ways, by the variables table; the syntax is the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from pipemgr.adapter import Fidelity
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
from pipemgr.model.templates import template

from .words import VENDOR, Words

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


def _path(root: Expression, keys: Keys) -> tuple[str, ...]:
    """The plain words at the beginning of an access: `a.b[c].d` begins with a, b."""
    words = [root.name] if isinstance(root, Name) else []
    for key in keys if words else []:
        if not (isinstance(key, Literal) and isinstance(key.value, str)):
            break
        words.append(key.value)
    return tuple(words)


class Names:
    """The names of one vendor's expressions and ours."""

    def __init__(self, words: Words) -> None:
        self._words = words

    @cached_property
    def _ours(self) -> dict[tuple[str, ...], Expression]:
        """Our name for each path of theirs; theirs in lower case, for case does not matter there."""
        rows = ((row, _path(*chain(tree))) for row, tree in self._words.variables.contexts)
        return {tuple(map(str.lower, path)): parse(row.name) for row, path in rows if not row.values}

    @cached_property
    def _theirs(self) -> dict[tuple[str, ...], Expression]:
        return {_path(*chain(parse(row.name))): tree for row, tree in self._words.variables.contexts}

    @cached_property
    def _trigger(self) -> tuple[Expression, Expression]:
        """Our context that gives triggers, and theirs."""
        return next((parse(row.name), tree) for row, tree in self._words.variables.contexts if row.values)

    @cached_property
    def _functions(self) -> dict[str, str]:
        return {theirs.lower(): ours for theirs, ours in self._words.variables.functions.ours.items()}

    # From theirs to ours -------------------------------------------------------------------------------

    def read(self, node: Expression) -> Expression:
        """The expression in our names; what we have no name for is kept as `Opaque`."""
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
        return Opaque(VENDOR, str(node))

    def _read_access(self, node: Expression) -> Expression:
        root, keys = chain(node)
        if not isinstance(root, Name):
            return _access(self.read(root), [self._read_key(key) for key in keys])
        path = tuple(map(str.lower, _path(root, keys)))
        for end in range(len(path), 0, -1):
            if path[:end] in self._ours:
                return _access(self._ours[path[:end]], [self._read_key(key) for key in keys[end - 1 :]])
        return Opaque(VENDOR, str(node))

    def _read_key(self, key: Expression) -> Expression:
        return self.read(key) if isinstance(key, Access | Name | Call | Binary | Not | Opaque) else key

    def _read_event(self, node: Binary) -> Expression | None:
        """A comparison of the event with a known one; its words are translated too."""
        ours, theirs = self._trigger
        for context, word, turned in ((node.left, node.right, False), (node.right, node.left, True)):
            if str(context).lower() != str(theirs) or node.operator not in _COMPARISONS:
                continue
            if isinstance(word, Literal) and word.value in self._words.triggers.ours:
                known = Literal(self._words.triggers.ours[str(word.value)])
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
        if name not in self._words.variables.functions.theirs:
            lost(Fidelity.DROPPED, f"function {name}()", "GitHub has no function like it")
        return self._words.variables.functions.theirs.get(name, name)

    def _write_access(self, node: Expression, lost: Lost) -> Expression:
        root, keys = chain(node)
        if not isinstance(root, Name):
            return _access(self.write(root, lost), [self.write(key, lost) for key in keys])
        path = _path(root, keys)
        for end in range(len(path), 0, -1):
            if path[:end] in self._theirs:
                if node == self._trigger[0]:
                    lost(Fidelity.APPROXIMATE, str(node), "GitHub gives its own word for the event")
                return _access(self._theirs[path[:end]], [self.write(key, lost) for key in keys[end - 1 :]])
        lost(Fidelity.DROPPED, str(node), "GitHub has no context like it")
        return node

    def _write_event(self, node: Binary) -> Expression | None:
        ours, theirs = self._trigger
        for context, word, turned in ((node.left, node.right, False), (node.right, node.left, True)):
            if context != ours or node.operator not in _COMPARISONS:
                continue
            if isinstance(word, Literal) and word.value in self._words.triggers.theirs:
                known = Literal(self._words.triggers.theirs[str(word.value)])
                return Binary(node.operator, *((known, theirs) if turned else (theirs, known)))
        return None

    def _write_opaque(self, vendor: str, text: str, lost: Lost) -> Expression:
        try:
            if vendor == VENDOR:
                return parse(text)
        except ExpressionError:
            pass
        lost(Fidelity.DROPPED, text, f"only {vendor} understands it; null is written in its place")
        return Literal(None)


def condition(text: str) -> tuple[Expression, bool]:
    """The expression of an `if`, still in their names, and whether it is a text for an accident.

    Without `${{ }}` the whole text is the expression. With text around `${{ }}` the whole is a string, which is
    true however the expression ends: that is what it becomes here too. Raises `ExpressionError`.
    """
    if "${{" not in text:
        return parse(text), False
    parts = template(text)
    if len(parts) == 1 and isinstance(parts[0], Expression):
        return parts[0], False
    values = [part for part in parts if isinstance(part, Expression)]
    numbers = iter(range(len(values)))
    pattern = "".join(
        f"{{{next(numbers)}}}" if isinstance(part, Expression) else part.replace("{", "{{").replace("}", "}}")
        for part in parts
    )
    return Call("format", (Literal(pattern), *values)), True
