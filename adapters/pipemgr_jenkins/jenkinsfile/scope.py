"""Scope: the tables of words, and which bare names mean what at one place of a Jenkinsfile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Final, Protocol

from pipemgr.adapter import Node, ParseError, Tables, compose
from pipemgr.model.definitions import HINTS, Data
from pipemgr.model.expressions import Access, Expression, Literal, Name, Opaque, parse, quote
from pipemgr_jenkins.groovy.syntax import Assignment, Code, Declaration, Part, Script
from pipemgr_jenkins.groovy.syntax import Name as Word

from .layout import dedented

VENDOR: Final = "jenkins"
LONGEST: Final = 15_000
"""The longest Groovy that an expression keeps as it is, in characters with its quotes: expressions have an end too."""
TRIGGER: Final = Name("trigger")
NUMBER: Final = Access(Name("pull_request"), Literal("number"))
"""Builds of pull requests have one: CHANGE_ID."""
_TRIGGER: Final = "TriggerCause"


@cache
def meanings() -> dict[str, Any]:
    """What Jenkins' words in conditions and bindings stand for: `words.yaml`."""
    file = files(__package__).joinpath("words.yaml")
    return compose(file.read_text(encoding="utf-8"), file.name).plain()  # type: ignore[no-any-return]


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
        """Our names by the paths of Groovy for them."""
        contexts = {str(tree): parse(row.name) for row, tree in reversed(self.tables.variables.contexts)}
        return contexts | {path: parse(name) for path, name in meanings()["names"].items()}

    @cached_property
    def results(self) -> Mapping[str, Expression]:
        """What it means that the build has a result so far."""
        return {word: parse(text) for word, text in meanings()["results"].items()}

    @cached_property
    def filters(self) -> Mapping[str, Expression]:
        """What the filters of `changeRequest` are compared with."""
        return {word: parse(text) for word, text in meanings()["filters"].items()}

    @property
    def functions(self) -> Mapping[str, str]:
        """Jenkins' words for our functions."""
        return self.tables.variables.functions.theirs

    # Causes --------------------------------------------------------------------------------------------

    def cause_class(self, trigger: str) -> str | None:
        """The class of the cause that builds have which a trigger started."""
        found = [cause for cause, one in meanings()["causes"].items() if one == trigger]
        return found[-1] if found else None

    def cause(self, trigger: str) -> str | None:
        """The same as `triggeredBy` calls it."""
        found = self.cause_class(trigger)
        name = _simple(found) if found else None
        return name.removesuffix("Cause") if name and name.endswith(_TRIGGER) else name

    def trigger(self, cause: str) -> str | None:
        """The trigger that a cause stands for, by its class or the beginning of that without its package."""
        word = _simple(cause).lower()
        rows = meanings()["causes"].items()
        return next((one for name, one in rows if word and _simple(name).lower().startswith(word)), None)


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
    def root(self) -> Node:
        """The document."""

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
        script = jenkinsfile.script
        defined = frozenset(_defined(script.statements))
        return cls(words=words or Words(), jenkinsfile=jenkinsfile, script=script, locals=defined)

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
        given = self.words.tables.variables.given
        known = name in self.axes | self.variables or name in self.parameters or name in given
        return self.variable(name) if known or name.isupper() else None

    def opaque(self, part: Part, text: str | None = None) -> Expression:
        """A part that only Jenkins understands, as it is written or as `text`; raises `ParseError` for a long one."""
        found = self._bare(part) if text is None else text
        if len(quote(found)) > LONGEST:
            line, column = self.script.place(part.start)
            name = self.jenkinsfile.root.origin.name if self.jenkinsfile else "Jenkinsfile"
            raise ParseError(
                f"an expression of more than {LONGEST:,} characters",
                where=f"{name}:{line}:{column}",
                remedy="give it a name: write a function that returns its value, and call that",
            )
        return Opaque(VENDOR, dedented(found))

    def _bare(self, part: Part) -> str:
        """The text of a part without parentheses around all of it."""
        text = self.script.text(part)
        begin = min((one.start for one in part.children()), default=part.end)
        around = text.startswith("(") and text.endswith(")") and begin > part.start
        return text[1:-1].strip() if around and not isinstance(part, Code) else text


def _defined(statements: Iterable[Part]) -> Iterable[str]:
    """Variables that the code around a pipeline defines."""
    for part in statements:
        match part:
            case Declaration(name=name) | Assignment(target=Word(name=name)):
                yield name
