"""Config: what a definition (or an orb within it) defines by name: jobs, commands, executors, orbs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pipemgr.adapter import Fidelity, Node

from .echoes import Echo, Echoes
from .parameters import Declared, Scope

KINDS: Final = ("commands", "executors", "jobs")


@dataclass(frozen=True)
class Definition:
    """A job, command or executor, and where the names in it are defined."""

    name: str
    node: Node
    library: Library


class Library:
    """The jobs, commands, executors and orbs that a text may name."""

    def __init__(self, node: Node, echoes: Echoes, *, filled: bool) -> None:
        self.node = node
        self.echoes = echoes
        self.filled = filled
        self.used: set[tuple[str, str]] = set()
        """Kind and name of each definition that something uses."""
        entries = node.items()
        self.defined = {kind: self._entries(entries.get(kind)) for kind in KINDS}
        self.orbs: dict[str, Library | str] = {
            name: self._orb(one) for name, one in self._entries(entries.get("orbs")).items()
        }

    @staticmethod
    def _entries(node: Node | None) -> dict[str, Node]:
        return dict(node.items()) if node is not None else {}

    def _orb(self, node: Node) -> Library | str:
        if node.kind == "mapping" and node.children:
            return Library(node, self.echoes, filled=self.filled)
        if node.kind == "mapping":
            return str(node.take().key)
        return node.text()

    def find(self, kind: str, name: str) -> Definition | str | None:
        """A definition by its name; for one of an orb of the registry, its name there; None for what is unknown."""
        self.used.add((kind, name))
        if (node := self.defined[kind].get(name)) is not None:
            return Definition(name, node, self)
        alias, _, inner = name.partition("/")
        orb = self.orbs.get(alias) if inner else None
        if orb is None:
            return None
        self.used.add(("orbs", alias))
        if isinstance(orb, str):
            return f"{orb.partition('@')[0]}/{inner}"
        return orb.find(kind, inner)

    def use(self, found: Definition, given: dict[str, Node], site: Node, parent: Node | None) -> Echo:
        """A definition as a call at `site` makes it: a copy with the call's parameters filled in."""
        declared = Declared(found.node.get("parameters") if found.node.kind == "mapping" else None)
        kind = str(found.node.parent.key).removesuffix("s") if found.node.parent else "definition"
        values = declared.bind(given, site, f"the {kind} {found.name!r}")
        values = {name: self._filled(found, value, name) for name, value in values.items()}
        scope = Scope(self.echoes, values, filled=self.filled)
        return scope.expand(found.node, parent, found.node.key, found.library)

    def _filled(self, found: Definition, value: Node, name: str) -> Node:
        """An argument; one that is a default belongs to what declares it."""
        return value if isinstance(value, Echo) else self.echoes.copy(value, None, name, found.library)

    def tell_unused(self, where: str) -> dict[str, dict[str, Any]]:
        """What nothing uses, by kind and name, with a finding for each; it is kept at the path `where`.

        To be called when all is read.
        """
        found: dict[str, dict[str, Any]] = {}
        for kind in KINDS:
            for name, node in self.defined[kind].items():
                if node.touched and (kind, name) in self.used:
                    continue
                found.setdefault(kind, {})[name] = node.plain()
                node.feeds(f"{where}.{kind}.{name}").finding(
                    Fidelity.EQUIVALENT,
                    f"the {kind.removesuffix('s')} {name!r}",
                    "no workflow uses it, so it says nothing of what is done; CircleCI gets it back",
                    "remove it, if nothing else includes this file",
                )
        return found
