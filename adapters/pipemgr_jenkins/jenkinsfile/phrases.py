"""Phrases: all that readers of Jenkinsfiles ask about words, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipemgr.adapter import Node
from pipemgr.model.expressions import Expression
from pipemgr_jenkins.groovy.syntax import Part

from . import texts
from .conditions import condition, conditions
from .credentials import bindings
from .expressions import expression, truth
from .scope import Scope
from .texts import text

__all__ = ["Phrases", "bindings", "condition", "conditions", "expression", "text", "truth"]


@dataclass(frozen=True)
class Phrases:
    """The same for one scope."""

    scope: Scope

    def text(self, part: Part) -> str:
        """A value as a text of the model."""
        return texts.text(part, self.scope)

    def expression(self, part: Part) -> Expression:
        """What an expression is worth."""
        return expression(part, self.scope)

    def truth(self, part: Part) -> Expression:
        """When an expression counts as true."""
        return truth(part, self.scope)

    def bindings(self, node: Node) -> Mapping[str, str] | None:
        """The variables of `withCredentials`; None where a binding is none that is known."""
        return bindings(node, self.scope)
