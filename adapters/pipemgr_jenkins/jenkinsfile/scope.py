"""Scope: the tables, and which bare names mean what at one place of a Jenkinsfile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Protocol

from pipemgr.adapter import Node, Tables
from pipemgr.model.definitions import HINTS, Data
from pipemgr.model.expressions import Access, Expression, Literal, Name, Opaque, parse
from pipemgr_jenkins.groovy.syntax import Part, Script

VENDOR: Final = "jenkins"
CAUSES: Final[Mapping[str, str]] = {
    "hudson.triggers.TimerTrigger$TimerTriggerCause": "schedule",
    "hudson.triggers.SCMTrigger$SCMTriggerCause": "push",
    "jenkins.branch.BranchEventCause": "push",
    "hudson.model.Cause$UserIdCause": "manual",
    "org.jenkinsci.plugins.workflow.support.steps.build.BuildUpstreamCause": "upstream",
    "hudson.model.Cause$UpstreamCause": "upstream",
}


class Words:
    """Jenkins' tables."""

    def __init__(self, tables: Tables | None = None) -> None:
        self.tables = tables or Tables.of(VENDOR)

    @cached_property
    def given(self) -> Mapping[str, Expression]:
        """Our names of what Jenkins' own environment variables hold, where one name says it."""
        rows = self.tables.variables.environment.ours
        return {variable: parse(name) for variable, name in rows.items()}

    @cached_property
    def contexts(self) -> Mapping[str, Expression]:
        """Jenkins' words for our contexts, by their text."""
        return {row.name: tree for row, tree in self.tables.variables.contexts}

    @cached_property
    def spoken(self) -> Mapping[str, Expression]:
        """Our contexts by Jenkins' words for them."""
        return {str(tree): parse(row.name) for row, tree in reversed(self.tables.variables.contexts)}

    @property
    def functions(self) -> Mapping[str, str]:
        """Jenkins' words for our functions."""
        return self.tables.variables.functions.theirs

    @property
    def causes(self) -> Mapping[str, str]:
        """The class of the cause that a build has, by the trigger that started it; the last one counts."""
        return {trigger: cause for cause, trigger in CAUSES.items()}

    def cause(self, trigger: str) -> str:
        """What `triggeredBy` calls the cause of builds that a trigger started."""
        name = _simple(self.causes[trigger])
        return name.removesuffix("Cause") if name.endswith("TriggerCause") else name

    def trigger(self, cause: str) -> str | None:
        """The trigger that a cause stands for, by the beginning of its class without package."""
        word = _simple(cause).lower()
        return next((CAUSES[one] for one in CAUSES if word and _simple(one).lower().startswith(word)), None)


def _simple(cause: str) -> str:
    return cause.rpartition(".")[2].rpartition("$")[2]


def own(vendor: Mapping[str, Data]) -> Data:
    """What a model's `vendor` field keeps for Jenkins, without hints."""
    return {key: value for key, value in vendor.get(VENDOR, {}).items() if key != HINTS}


def hints(vendor: Mapping[str, Data]) -> Data:
    """What Jenkins keeps to write the same text again."""
    found = vendor.get(VENDOR, {}).get(HINTS)
    return found if isinstance(found, dict) else {}


class Parsed(Protocol):
    """A Jenkinsfile as a document, with the syntax behind its nodes."""

    @property
    def script(self) -> Script:
        """The syntax tree."""

    def syntax(self, node: Node) -> Part | None:
        """The part of the syntax tree behind a node."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What is known of names at one place; `inner` is the scope of a block in it."""

    words: Words
    jenkinsfile: Parsed | None = None
    script: Script = field(default_factory=lambda: Script(start=0, end=0, source=""))
    axes: frozenset[str] = frozenset()
    """Axes of the matrix around."""
    variables: frozenset[str] = frozenset()
    """Environment variables that the definition sets."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Types of the parameters, as the model has them, by their names."""
    locals: frozenset[str] = frozenset()
    """Names that Groovy code defines: only Jenkins knows what they hold."""

    @classmethod
    def of(cls, jenkinsfile: Parsed, words: Words | None = None) -> Scope:
        """The outermost scope of a Jenkinsfile."""
        return cls(words=words or Words(), jenkinsfile=jenkinsfile, script=jenkinsfile.script)

    def inner(
        self,
        *,
        axes: Iterable[str] = (),
        variables: Iterable[str] = (),
        parameters: Mapping[str, str] | None = None,
        names: Iterable[str] = (),
    ) -> Scope:
        """The scope of a block that defines more; `names` are those that Groovy code defines."""
        return replace(
            self,
            axes=self.axes.union(axes),
            variables=self.variables.union(variables),
            parameters={**self.parameters, **(parameters or {})},
            locals=self.locals.union(names),
        )

    def syntax(self, node: Node) -> Part | None:
        """The part of the syntax tree behind a node."""
        return self.jenkinsfile.syntax(node) if self.jenkinsfile else None

    def variable(self, name: str) -> Expression:
        """What the environment variable of a name holds."""
        if name in self.axes:
            return Access(Name("matrix"), Literal(name))
        if name not in self.variables:
            if name in self.parameters:
                return Access(Name("parameters"), Literal(name))
            if name in self.words.given:
                return self.words.given[name]
        return Access(Name("variables"), Literal(name))

    def bare(self, name: str) -> Expression | None:
        """What a bare word holds; None where only Jenkins knows."""
        if name in self.locals:
            return None
        known = name in self.axes | self.variables or name in self.parameters or name in self.words.given
        return self.variable(name) if known or name.isupper() else None

    def opaque(self, part: Part) -> Expression:
        """A part that only Jenkins understands."""
        return Opaque(VENDOR, self.script.text(part))
