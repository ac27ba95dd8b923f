"""Texts out: values of the model as Groovy, for the place they stand at; secrets never become part of a script.

Source: https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#string-interpolation
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, Losses
from pipemgr.model.expressions import Access, Call, Expression, ExpressionError, Literal, Name, Opaque
from pipemgr.model.templates import Part, template
from pipemgr_jenkins.groovy import quoting
from pipemgr_jenkins.groovy.quoting import key

from . import condition_writer, expression_writer
from .credentials import variable_of
from .layout import Statement
from .scope import Words
from .terms import Terms

_REFERENCES: Final[Mapping[str, Callable[[str], str]]] = {
    "sh": lambda name: f"${{{name}}}",
    "powershell": lambda name: f"${{env:{name}}}",
    "cmd": lambda name: f"%{name}%",
}
"""How scripts refer to environment variables."""
_HOLE: Final = re.compile(r"(\{\{|\}\}|\{(\d+)\}|[^{}]+|[{}])")
_BRACES: Final = {"{{": "{", "}}": "}"}
_SECRETS: Final = Name("secrets")


@dataclass(frozen=True)
class Texts:
    """Turns texts and conditions into Groovy, and notes what gets lost."""

    words: Words
    losses: Losses
    known: Mapping[str, str] = field(default_factory=dict)
    """Groovy for what scripts and stages hand on, by what definitions call it (`steps.a.outputs.b`)."""
    axes: frozenset[str] = frozenset()
    """Axes of the matrix around."""
    constants: Mapping[str, str] = field(default_factory=dict)
    """Texts that are known before anything runs, by what definitions call them."""

    def handing(self, known: Mapping[str, str]) -> Texts:
        """The same where more is handed on."""
        return replace(self, known={**self.known, **known})

    def knowing(self, constants: Mapping[str, str]) -> Texts:
        """The same where more is known before anything runs."""
        return replace(self, constants={**self.constants, **constants})

    def within(self, axes: Sequence[str]) -> Texts:
        """The same within a matrix."""
        return replace(self, axes=frozenset(axes))

    def terms(self, path: str) -> Terms:
        """What things are called at a path."""
        known = {**{name: quoting.quoted(text) for name, text in self.constants.items()}, **self.known}
        return Terms(words=self.words, lost=self.losses.at(path), known=known, axes=self.axes)

    def condition(self, node: Expression, path: str) -> str:
        """A condition as Groovy."""
        return expression_writer.condition(node, self.terms(path))

    def when(self, node: Expression, path: str) -> tuple[Statement, ...]:
        """A condition as those of `when`."""
        return (Statement("\n".join(condition_writer.when(node, self.terms(path)))),)

    def text(self, text: str, path: str) -> str:
        """A text as a string of Groovy; a secret in it is a variable that is bound around it."""
        return self._string(parts(text), path)

    def bare(self, text: str, path: str) -> str:
        """A text; one that is an expression and nothing else needs no string around it."""
        match parts(text):
            case (Access() | Call() | Opaque() | Name() as only,) if secret(only) is None:
                if not (isinstance(only, Call) and only.name == "format"):
                    return expression_writer.groovy(only, self.terms(path))
        return self.text(text, path)

    def value(self, value: JsonValue, path: str) -> str:
        """Any value as Groovy: a literal, a list or a map."""
        match value:
            case dict():
                inner = (f"{key(name)}: {self.value(one, f'{path}.{name}')}" for name, one in value.items())
                return f"[{', '.join(inner) or ':'}]"
            case list():
                return f"[{', '.join(self.value(one, f'{path}[{at}]') for at, one in enumerate(value))}]"
            case str():
                return self.bare(value, path)
        return quoting.value(value)

    def assignment(self, name: str, value: str, path: str) -> str:
        """An entry of `withEnv`."""
        return self._string((f"{name}=", *parts(value)), path)

    def script(self, text: str, path: str, system: str) -> tuple[str, tuple[str, ...]]:
        """A script as a string of Groovy, and the secrets that it finds in its environment."""
        found: list[Part] = []
        secrets: list[str] = []
        before = ""
        for part in parts(text):
            name = secret(part)
            if name is None:
                found.append(part)
                before += part if isinstance(part, str) else ""
                continue
            secrets.append(name)
            found.append(_reference(variable_of(name), before, system))
            why = "the script finds it in its environment, for a string of Groovy would show it"
            self.losses.add(Fidelity.EQUIVALENT, path, f"secret {name} in a script", why)
        return self._string(found, path), tuple(dict.fromkeys(secrets))

    def pieces(self, text: str, path: str) -> list[str]:
        """A text as the pieces of a string, to be put together with others."""
        return [self._piece(one, path) for part in parts(text) for one in _flat(part)]

    def _string(self, pieces: Sequence[Part], path: str) -> str:
        """A string of texts and expressions."""
        return quoting.interpolated([self._piece(one, path) for part in pieces for one in _flat(part)])

    def _piece(self, part: Part, path: str) -> str:
        if isinstance(part, str):
            return part
        if (name := secret(part)) is not None:
            return quoting.Expression(f"env.{variable_of(name)}")
        if isinstance(part, Literal):
            return shown(part)
        if (text := self.constants.get(str(part))) is not None:
            return text
        groovy = expression_writer.groovy(part, self.terms(path))
        return "" if groovy == expression_writer.MISSING else quoting.Expression(groovy)


def parts(text: str) -> tuple[Part, ...]:
    """The parts of a text; one that is no template is a text as it is."""
    try:
        return template(text)
    except ExpressionError:
        return (text,)


def _flat(part: Part) -> tuple[Part, ...]:
    """The pieces of a text that `format` puts together."""
    match part:
        case Call("format", (Literal(str(pattern)), *values)):
            found = [(one, number) for one, number in _HOLE.findall(pattern)]
            if any(number and int(number) >= len(values) for _, number in found):
                return (part,)
            return tuple(values[int(number)] if number else _BRACES.get(one, one) for one, number in found)
    return (part,)


def shown(part: Literal) -> str:
    """A constant as texts show it."""
    match part.value:
        case None:
            return ""
        case bool(flag):
            return "true" if flag else "false"
    return str(part.value)


def secret(part: Part) -> str | None:
    """The secret that a part of a text is; None for anything else."""
    match part:
        case Access(target, Literal(str(name))) if target == _SECRETS:
            return name
    return None


def secret_of(text: str) -> str | None:
    """The secret that a text is as a whole; None for any other."""
    found = parts(text) if "secrets" in text else ()
    return secret(found[0]) if len(found) == 1 else None


def secrets_in(text: str) -> Iterator[str]:
    """The secrets anywhere in a text."""
    for part in parts(text) if "secrets" in text else ():
        for node in part.walk() if isinstance(part, Expression) else ():
            if (name := secret(node)) is not None:
                yield name


def _reference(name: str, before: str, system: str) -> str:
    """How a script refers to a variable, after what stands before it; out of single quotes of the shell."""
    text = _REFERENCES[system](name)
    if system == "cmd" or not _in_single_quotes(before):
        return text
    return f"'\"{text}\"'" if system == "sh" else f"' + {text} + '"


def _in_single_quotes(text: str) -> bool:
    """Whether a script ends within single quotes."""
    mark = ""
    for found in re.finditer(r"\\.|['\"]|#[^\n]*", text, re.DOTALL):
        word = found.group()
        if word in "'\"" and mark in ("", word):
            mark = "" if mark else word
        elif word[0] == "#" and mark:  # no comment: quotes may end in it
            for one in re.findall(r"['\"]", word):
                mark = "" if one == mark else mark or one
    return mark == "'"
