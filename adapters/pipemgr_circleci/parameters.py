"""Parameters: what commands, jobs and executors are told, checked and filled into their text.

Source: https://circleci.com/docs/reference/reusing-config/#parameter-syntax
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pipemgr.adapter import Node

from .echoes import Echo, Echoes
from .texts import SPAN, span

TYPES: Final = ("string", "boolean", "integer", "enum", "executor", "steps", "env_var_name")
_NAME: Final = r"[A-Za-z_][A-Za-z0-9_.-]*"
_WHOLE: Final = re.compile(rf"\s*(?<!\\)<<\s*parameters\.({_NAME})\s*>>\s*")
_INNER: Final = re.compile(rf"(?<![\w.-])parameters\.({_NAME})")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KINDS: Final = {
    "string": ("string",),
    "boolean": ("boolean",),
    "integer": ("number",),
    "enum": ("string", "number", "boolean"),
    "executor": ("string", "mapping"),
    "steps": ("sequence", "null"),
    "env_var_name": ("string",),
}


class Scope:
    """The parameters that a text may use, and what each of them is."""

    def __init__(self, echoes: Echoes, values: Mapping[str, Node], *, filled: bool = True) -> None:
        self.echoes = echoes
        self.values = values
        self.filled = filled
        """Whether `<< >>` means anything at all."""

    def expand(self, node: Node, parent: Node | None, key: str | int, library: object) -> Echo:
        """A copy of the node and all below, with parameters filled in."""
        made = self.echoes.echo(node, parent, key, library)
        match node.children:
            case dict() as entries:
                made.children = {
                    (name := self._key(one, word)): self.expand(one, made, name, library)
                    for word, one in entries.items()
                }
            case list() as elements:
                made.children = [self.expand(one, made, at, library) for at, one in enumerate(elements)]
            case None if self.filled and isinstance(node.value, str) and "<<" in node.value:
                self._fill(made, node.value)
        return made

    def _key(self, node: Node, word: str) -> str:
        return self._text(node, word) if self.filled and "<<" in word else word

    def _fill(self, made: Echo, text: str) -> None:
        whole = _WHOLE.fullmatch(text)
        value = self._value(made, whole[1], text.find(whole[1])) if whole else None
        if whole is None:
            made.value = self._text(made, text)
        elif value is not None:
            self.echoes.filled.append((value, made))
            copied = self.echoes.copy(value, made.parent, made.key, made.library)
            made.value, made.children = copied.value, copied.children
            made.library = copied.library
            for child in made.children.values() if isinstance(made.children, dict) else made.children or ():
                child.parent = made

    def _value(self, node: Node, name: str, offset: int) -> Node | None:
        if name not in self.values:
            known = ", ".join(sorted(self.values)) or "none"
            node.problem(f"there is no parameter {name!r} here (there are: {known})", offset)
            return None
        return self.values[name]

    def _text(self, node: Node, text: str) -> str:
        return SPAN.sub(lambda match: self._span(node, match), text)

    def _span(self, node: Node, match: re.Match[str]) -> str:
        body = match["body"]
        if match["escaped"] or _INNER.search(body) is None or span(body) is None:
            return match[0]
        if whole := _WHOLE.fullmatch(match[0]):
            value = self._value(node, whole[1], match.start("body"))
            return "" if value is None else self._plain(node, value)
        filled = _INNER.sub(lambda inner: self._literal(node, inner, match.start("body")), body)
        return f"<<{filled}>>"

    def _plain(self, node: Node, value: Node) -> str:
        if value.children is not None:
            node.problem(f"a parameter that is a {value.kind} can't stand within a text")
            return ""
        self.echoes.filled.append((value, node))
        return self.echoes.spend(value.take().text(), node)

    def _literal(self, node: Node, match: re.Match[str], offset: int) -> str:
        """A parameter within an expression: as the expression writes its value."""
        value = self._value(node, match[1], offset + match.start())
        if value is None:
            return "null"
        text = self._plain(node, value)
        if isinstance(value.value, str):
            inner = SPAN.fullmatch(text.strip())
            return f"({inner['body'].strip()})" if inner else '"' + text.replace('"', '\\"') + '"'
        return text or "null"


class Declared:
    """The parameters that something declares."""

    def __init__(self, node: Node | None) -> None:
        self.node = node
        entries = node.items() if node is not None else {}
        self.parameters = {name: one for name, one in entries.items() if one.kind in ("mapping", "null")}
        for name, one in entries.items():
            if name not in self.parameters:
                one.take_all()
                one.problem(f"the parameter {name!r} needs a mapping with its type")

    def type_of(self, name: str) -> str:
        """The type of a parameter."""
        one = self.parameters.get(name)
        said = one.items().get("type") if one is not None else None
        return said.text() if said is not None else "string"

    def bind(self, given: Mapping[str, Node], site: Node, what: str) -> dict[str, Node]:
        """What each parameter is for a call at `site`, which gave some of them."""
        for name, node in given.items():
            node.take()
            if name not in self.parameters:
                known = ", ".join(sorted(self.parameters)) or "it has none"
                node.take_all()
                node.problem(f"{what} has no parameter {name!r} (parameters: {known})")
        found: dict[str, Node] = {}
        for name, declaration in self.parameters.items():
            value = self._one(name, declaration, given.get(name), site, what)
            if value is not None:
                found[name] = value
        return found

    def _one(self, name: str, declaration: Node, given: Node | None, site: Node, what: str) -> Node | None:
        entries = declaration.items()
        for key in ("description", "type", "enum", "default"):
            if key in entries:
                entries[key].take_all()
        kind = self.type_of(name)
        if kind not in TYPES:
            (entries.get("type") or declaration).problem(
                f"{kind!r} is no type of parameter; these are: {', '.join(TYPES)}"
            )
            return given
        value = given if given is not None else entries.get("default")
        if value is None:
            site.problem(f"{what} needs the parameter {name!r}, which has no default")
        else:
            _check(name, kind, value, entries.get("enum"))
        return value


def _check(name: str, kind: str, value: Node, choices: Node | None) -> None:
    """Note a problem where a value is not of the type of its parameter."""
    if isinstance(value.value, str) and "<<" in value.value:
        return
    if value.kind not in _KINDS[kind] or (kind == "integer" and not isinstance(value.value, int)):
        value.take_all()
        value.problem(f"the parameter {name!r} is of type {kind}, and this is a {value.kind}")
    elif kind == "env_var_name" and not _VARIABLE.fullmatch(str(value.value)):
        value.problem(f"{value.value!r} can't be the name of an environment variable (parameter {name!r})")
    elif kind == "enum" and choices is not None:
        known = [one.text() for one in choices.entries()]
        if value.text() not in known:
            value.problem(f"the parameter {name!r} is one of {', '.join(known)}, not {value.text()!r}")


def check(name: str, declaration: Node, value: Node) -> None:
    """Note a problem where a value does not fit the parameter that a declaration describes."""
    entries = declaration.items()
    kind = entries["type"].text() if "type" in entries else "string"
    if kind in TYPES:
        _check(name, kind, value, entries.get("enum"))
