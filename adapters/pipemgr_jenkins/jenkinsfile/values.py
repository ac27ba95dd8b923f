"""Values: what nodes of a Jenkinsfile say, as texts, data and conditions of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from pipemgr.adapter import Node
from pipemgr.model.definitions import HINTS
from pipemgr.model.expressions import Expression
from pipemgr.model.templates import untemplate
from pipemgr_jenkins.groovy.syntax import Constant

from .layout import dedented
from .phrases import Phrases, conditions
from .scope import VENDOR, Scope
from .tree import Jenkinsfile


@dataclass(frozen=True)
class Target:
    """What a section becomes: the model path of its stage (the first one inside a block), and where its rest is kept."""

    model: str
    kept: str
    """The path of what only Jenkins understands."""
    hints: str

    @classmethod
    def stage(cls, name: str) -> Target:
        """A stage by its id."""
        model = f"stages.{name}"
        return cls(model, f"{model}.vendor.{VENDOR}", f"{model}.vendor.{VENDOR}.{HINTS}")

    @classmethod
    def block(cls, path: str, first: str) -> Target:
        """A block by its path and the id of the first stage inside."""
        base = f"vendor.{VENDOR}"
        return cls(f"stages.{first}", f"{base}.blocks.{path}", f"{base}.{HINTS}.blocks.{path}")

    def cells(self) -> Target:
        """The matrix of a block."""
        return Target(self.model, f"{self.kept}.cells", f"{self.hints}.cells")


@dataclass(frozen=True)
class Values:
    """Takes values out of nodes, at one place of a Jenkinsfile."""

    file: Jenkinsfile
    scope: Scope

    def constant(self, node: Node) -> bool:
        """Whether a node holds a value itself, not Groovy that gives one."""
        return isinstance(self.file.syntax(node), Constant)

    def text(self, node: Node) -> str:
        """A value as a text; Groovy in it as templates."""
        part = self.file.syntax(node)
        if isinstance(part, Constant) or part is None:
            return untemplate((node.text(),))
        node.take_all()
        return Phrases(self.scope).text(part)

    def data(self, node: Node) -> JsonValue:
        """A value as data: constants as they are, Groovy as texts with templates."""
        node.take()
        match node.children:
            case dict():
                return {key: self.data(one) for key, one in node.children.items()}
            case list():
                return [self.data(one) for one in node.children]
        return node.value if self.constant(node) and not isinstance(node.value, str) else self.text(node)

    def source(self, node: Node) -> str:
        """The Groovy of a node, as it is written."""
        node.take_all()
        return dedented(self.file.text(node))

    def conditions(self, node: Node) -> Expression:
        """All conditions of `when`."""
        return conditions(node, self.scope)

    def named(self, node: Node) -> Mapping[str, Node]:
        """The named arguments of a call; a positional one has the name ''."""
        arguments = node.items().get("arguments")
        match arguments.take().children if arguments is not None else None:
            case dict() as found:
                return found
            case list() as found:
                first = found[0].take().children if found else {}
                return first if isinstance(first, dict) else {"": found[0]}
        return {"": arguments} if arguments is not None else {}
