"""Phrases: texts of the model in CircleCI's words, for the place they stand at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, Losses
from pipemgr.model.expressions import Access, Binary, Call, Expression, ExpressionError, Literal, Name, Opaque
from pipemgr.model.templates import Part, template

from .condition_writer import Conditions, Unsayable, written
from .folding import Known, access, fold
from .shell import BASH, Quotes, reference
from .words import VENDOR, Words

_AMBIENT: Final = ("secrets", "config", "variables")
"""Contexts whose values are environment variables of every script."""
WORKSPACE: Final = "~/project"
"""Where CircleCI checks out, unless a job says otherwise."""
TOKEN: Final = "GITHUB_TOKEN"  # noqa: S105 - its name
"""Where scripts look for a token of the repository's forge, as its own tools do."""


@dataclass(frozen=True)
class Scope:
    """What is known at a place of the definition before anything runs."""

    known: Known = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    """The job's parameters, by what they stand for: `matrix.os`."""
    variables: dict[str, str] = field(default_factory=dict)
    """Environment variables whose values are known."""
    closed: bool = False
    """Whether the matrix has nothing but the job's parameters."""
    filled: frozenset[str] = frozenset()
    """What is in no execution of a matrix empty, zero or false: `matrix.os`."""
    types: dict[str, str] = field(default_factory=dict)
    """The types of the pipeline's parameters."""
    handed: Mapping[str, str] = field(default_factory=dict)
    """The variables that hold what scripts and jobs hand on, by what definitions call it."""


class Phrases:
    """Turns texts into CircleCI's, and notes what gets lost."""

    def __init__(self, words: Words, losses: Losses, scope: Scope | None = None) -> None:
        self.words = words
        self.losses = losses
        self.scope = scope or Scope()
        self.conditions = Conditions(
            words.vocabulary,
            self.scope.known,
            self.scope.parameters,
            self.scope.types,
            closed=self.scope.closed,
            filled=self.scope.filled,
        )

    def within(self, known: Mapping[str, Any], parameters: dict[str, str] | None = None) -> Phrases:
        """The same where more is known."""
        more = replace(self.scope, known={**self.scope.known, **known})
        more = more if parameters is None else replace(more, parameters=parameters)
        return Phrases(self.words, self.losses, more)

    def of_matrix(self, parameters: dict[str, str], *, closed: bool, filled: frozenset[str]) -> Phrases:
        """The same in a job that a matrix gives its parameters."""
        scope = replace(self.scope, parameters=parameters, closed=closed, filled=filled)
        return Phrases(self.words, self.losses, scope)

    def given(self, variables: Mapping[str, str]) -> Phrases:
        """The same where environment variables are set, as far as their values are known."""
        known = {
            name: parts[0] if parts else ""
            for name, value in variables.items()
            if len(parts := self.parts(value)) < 2 and all(isinstance(one, str) for one in parts)  # noqa: PLR2004
        }
        kept = {name: value for name, value in self.scope.variables.items() if name not in variables}
        more = replace(self.scope, variables={**kept, **known})  # type: ignore[dict-item]
        return Phrases(self.words, self.losses, more)

    def handing(self, values: Mapping[str, str]) -> Phrases:
        """The same where scripts and jobs hand values on."""
        return Phrases(self.words, self.losses, replace(self.scope, handed=values))

    def decided(self, node: Expression) -> Expression:
        """A condition without what is known, environment variables included."""
        known = {f"variables.{name}": value for name, value in self.scope.variables.items()}
        return self.conditions.decided(fold(node, known))

    # Parts of texts ------------------------------------------------------------------------------------

    def parts(self, text: str) -> tuple[Part, ...]:
        """The parts of a text, with what is known put in and `format` taken apart."""
        try:
            return tuple(one for part in template(text) for one in self._part(part))
        except ExpressionError:
            return (text,)

    def _part(self, part: Part) -> tuple[Part, ...]:
        if isinstance(part, str):
            return (part,)
        node = self.conditions.decided(part)
        if str(part) == "repository.name":
            return (access("repository.owner"), "/", Opaque(VENDOR, "pipeline.git.repo_name"))
        match node:
            case Literal(value):
                return (plain(value),)
            case Call("format", (Literal(str(pattern)), *arguments)):
                pieces = re.split(r"\{(\d+)\}", pattern)
                return tuple(
                    part
                    for at, one in enumerate(pieces)
                    for part in (
                        self._argument(arguments, int(one))
                        if at % 2
                        else (one.replace("{{", "{").replace("}}", "}"),)
                    )
                    if part
                )
        return (node,)

    def _argument(self, arguments: Sequence[Expression], at: int) -> tuple[Part, ...]:
        return self._part(arguments[at]) if at < len(arguments) else ()

    def compiled(self, node: Expression) -> str | None:
        """What an expression is in `<< >>`; None when only a run can tell."""
        try:
            theirs = self.conditions.theirs(node)
            text = written(theirs)
        except Unsayable:
            return None
        if isinstance(theirs, Literal):
            return plain(theirs.value)
        return (
            None
            if "parameters." in text and " " in text and "pipeline.param" not in text
            else f"<< {text} >>"
        )

    def variable(self, node: Expression) -> str | None:
        """The environment variable that holds a value in scripts; None when there is none."""
        match node:
            case Access(Name(context), Literal(str(name))) if context in _AMBIENT:
                return TOKEN if context == "secrets" and name.upper() == TOKEN else name
            case Name("token"):
                return TOKEN
        text = str(node)
        return self.scope.handed.get(text) or self.words.tables.variables.environment.theirs.get(text)

    # Places --------------------------------------------------------------------------------------------

    def field(self, value: Any, path: str) -> Any:
        """A text that is complete before anything runs; anything else as it is."""
        if not isinstance(value, str):
            return value
        return "".join(
            escaped(part) if isinstance(part, str) else self._compiled(part) or self._unknown(part, path)
            for part in self.parts(value)
        )

    def label(self, value: str | None, path: str) -> str | None:
        """A name for people: what only a run can tell is shown as it is called."""
        if value is None or self.is_known(value):
            return None if value is None else str(self.field(value, path))
        why = "CircleCI needs to know names before the job runs"
        self.losses.add(Fidelity.APPROXIMATE, path, f"name {value}", why)
        parts = (
            escaped(part)
            if isinstance(part, str)
            else self._compiled(part) or self.variable(part) or str(part)
            for part in self.parts(value)
        )
        return "".join(parts)

    def _compiled(self, node: Expression) -> str | None:
        """What stands for an expression where variables are as good as their values."""
        match node:
            case Access(Name("variables"), Literal(str(name))) if name in self.scope.variables:
                return escaped(self.scope.variables[name])
        return self.compiled(self.decided(node)) if self.scope.variables else self.compiled(node)

    def _unknown(self, node: Expression, path: str) -> str:
        if str(node) == "workspace":
            return WORKSPACE
        name = self.variable(node)
        why = "CircleCI needs to know it before the job runs"
        remedy = "write the value itself, or make it a parameter of the pipeline"
        self.losses.add(Fidelity.DROPPED, path, f"${{{{ {node} }}}}", why, remedy)
        return f"${name}" if name else ""

    def fields(self, values: tuple[str, ...], path: str) -> list[JsonValue]:
        """A list of such texts."""
        return [self.field(one, f"{path}[{at}]") for at, one in enumerate(values)]

    def is_known(self, value: str) -> bool:
        """Whether a text is complete before anything runs."""
        return all(isinstance(part, str) or self._compiled(part) is not None for part in self.parts(value))

    def interpolated(self, value: Any, path: str) -> Any:
        """A text of the few places where CircleCI puts environment variables in."""
        if not isinstance(value, str):
            return value
        parts = (
            escaped(part) if isinstance(part, str) else self.compiled(part) or self._named(part, path)
            for part in self.parts(value)
        )
        return "".join(parts)

    def _named(self, node: Expression, path: str) -> str:
        name = self.variable(node)
        return f"${name}" if name else self._unknown(node, path)

    def script(self, value: str, path: str, shell: str = BASH) -> str:
        """A script: what only a run can tell comes from the environment."""
        quotes, found = Quotes(shell), ""
        before = ""
        parts = self.parts(value)
        for at, part in enumerate(parts):
            if isinstance(part, str):
                quotes.feed(part)
                found += escaped(part)
                continue
            after = parts[at + 1] if at + 1 < len(parts) else ""
            text = self.compiled(part) or self._reference(part, quotes, str(after), path)
            before += stopped(part) if not text and quotes.literal else ""
            found += text
        return before + found

    def _reference(self, node: Expression, quotes: Quotes, after: str, path: str) -> str:
        name = self.variable(node)
        found = quotes.reference(name, after) if name else None
        if found is None:
            why, remedy = _reason(node, quotes)
            self.losses.add(Fidelity.DROPPED, path, f"${{{{ {node} }}}}", f"{why}; {_STOPS}", remedy)
            text = missing(node, quotes.shell) if not quotes.literal else ""
            return f"'\"{text}\"'" if text and quotes.quote == "'" and quotes.shell == BASH else text
        if name == TOKEN:
            self._told_of_token(path)
        return found

    def _told_of_token(self, path: str) -> None:
        why = "CircleCI gives builds no token of the repository's forge"
        remedy = f"store one with the rights that the job needs as {TOKEN}, in a context or in the project"
        self.losses.add(Fidelity.MANUAL, path, "the build's own token", why, remedy)

    def assigned(self, value: str, path: str, shell: str = BASH) -> str:
        """A value as a shell assigns it: in double quotes, with references to the environment in it."""
        found = ""
        for part in self.parts(value):
            if isinstance(part, str):
                found += escaped(re.sub(r'([\\"$`])', r"\\\1" if shell == BASH else r"`\1", part))
            elif (text := self.compiled(part)) is not None:
                found += text
            elif (name := self.variable(part)) is not None:
                found += reference(name, "_", shell) or f"${name}"
                if name == TOKEN:
                    self._told_of_token(path)
            else:
                why, remedy = _reason(part, Quotes(shell))
                text = missing(part, shell) if ".steps[" in path else ""
                why = f"{why}; {_STOPS if text else 'it is empty'}"
                self.losses.add(Fidelity.DROPPED, path, f"${{{{ {part} }}}}", why, remedy)
                found += text
        return f'"{found}"'

    def data(self, value: Any, path: str) -> JsonValue:
        """Any value, with the texts in it complete before anything runs."""
        match value:
            case dict():
                return {key: self.data(one, f"{path}.{key}") for key, one in value.items()}
            case list() | tuple():
                return [self.data(one, f"{path}[{at}]") for at, one in enumerate(value)]
        found: JsonValue = self.field(value, path)
        return found


_STOPS: Final = "the script stops where it needs it"


def missing(node: Expression, shell: str) -> str:
    """What stands for a value that nothing can tell, so that the script stops there and says why."""
    match shell:
        case "bash":
            name = re.sub(r"\W+", "_", str(node).upper(), flags=re.ASCII).strip("_")[:60]
            return f"${{{name if name[:1].isalpha() else 'VALUE'}:?is not known on CircleCI}}"
        case "powershell":
            return "$(throw 'a value is not known on CircleCI')"
    return ""


def stopped(node: Expression) -> str:
    """The line that stops a script where a value can't be put into it at all."""
    text = str(node).replace("'", '"')
    return f"echo '{text} is not known here' >&2; exit 1\n"


def _reason(node: Expression, quotes: Quotes) -> tuple[str, str]:
    """Why a value can't stand in a script, and what to do about it."""
    root = str(node).partition(".")[0]
    match root:
        case "steps" | "needs":
            return (
                "no script or job hands it on here: it comes from an action, or from what became of a job",
                'write it to "$BASH_ENV" for later steps, or to a file in the workspace for later jobs',
            )
        case _ if any(isinstance(one, Binary | Call) for one in node.walk()):
            return "CircleCI can't work it out before the job runs", "let the script work it out"
    if quotes.literal:
        return "it stands where the shell replaces nothing", "use double quotes, or an environment variable"
    return "CircleCI has nothing like it", "find the value in the script another way"


def escaped(text: str) -> str:
    r"""A text with its own `<<` as CircleCI wants it: `\<<`."""
    return re.sub(r"(?<!\\)<<", r"\\<<", text)


def plain(value: JsonValue) -> str:
    """A value as a text shows it; lists one entry a line."""
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return "\n".join(map(plain, value))
        case None:
            return ""
    return str(value)
