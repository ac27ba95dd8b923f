"""Credentials: what Jenkins keeps, as secrets of the model by the credential's id and the part of it that is used.

A secret text is `id`. Parts of other kinds are `id:username`, `id:password`, `id:userpass` (both, with a colon),
`id:file` (the path of a file that holds it), `id:key` (the same for a private key), `id:passphrase` and so on: the table
of bindings in `words.yaml`. Only ids and names of variables are looked at, never what a credential holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from pipemgr.adapter import Node
from pipemgr.model.expressions import Access, Expression, Literal, Name
from pipemgr.model.templates import untemplate
from pipemgr_jenkins.groovy.quoting import quoted
from pipemgr_jenkins.groovy.syntax import Argument, Call, Constant, Entries, Items, Part

from .call_writer import call
from .scope import Scope, meanings

ID: Final = "credentialsId"
_CLASS: Final = "$class"


@dataclass(frozen=True)
class Binding:
    """A kind of binding: its name, and the part of a credential that the variable of each parameter gets."""

    name: str
    parts: Mapping[str, str]
    usual: Mapping[str, str] = field(default_factory=dict)
    """Variables of parameters that name none."""
    required: tuple[str, ...] = ()


@cache
def kinds() -> Mapping[str, Binding]:
    """All bindings, by their names and by the names of their classes."""
    found: dict[str, Binding] = {}
    for name, row in meanings()["bindings"].items():
        one = Binding(name, row["parts"], row.get("usual", {}), tuple(row.get("required", ())))
        found |= {name: one, row["class"]: one}
    return found


@cache
def _parts() -> frozenset[str]:
    return frozenset(part for one in kinds().values() for part in one.parts.values() if part)


def secret(name: str, part: str = "") -> Expression:
    """The secret that is a credential, or a part of one."""
    return Access(Name("secrets"), Literal(f"{name}:{part}" if part else name))


def split(name: str) -> tuple[str, str]:
    """The credential's id, and the part of it that a secret is."""
    identity, _, part = name.rpartition(":")
    return (identity, part) if identity and part in _parts() else (name, "")


# In ----------------------------------------------------------------------------------------------------


def credential(part: Part) -> str | None:
    """The id in `credentials('id')`; None for anything else."""
    match part:
        case Call(
            name="credentials", target=None, arguments=(Argument(key=None, value=Constant(value=value)),)
        ):
            return str(value)
    return None


def bindings(node: Node, scope: Scope) -> Mapping[str, str] | None:
    """The variables of `withCredentials`; None where a binding is none that is known."""
    part = scope.syntax(node)
    found: dict[str, str] = {}
    for one in part.items if isinstance(part, Items) else (part,):
        more = _bound(one) if one is not None else None
        if more is None:
            return None
        found |= more
    return found


def _bound(part: Part) -> dict[str, str] | None:
    """The variables of one binding; None where it is of no known kind, or says something that only Jenkins knows."""
    given = _given(part)
    kind = kinds().get(str(given.pop(_CLASS)).rpartition(".")[2]) if given else None
    if not given or kind is None:
        return None
    name = given.pop(ID, None)
    if name is None or given.keys() - kind.parts.keys():
        return None
    variables = {**kind.usual, **given}
    rows = ((variables.get(parameter), what) for parameter, what in kind.parts.items())
    return {variable: untemplate((secret(name, what),)) for variable, what in rows if variable}


def _given(part: Part) -> dict[str, str] | None:
    """The arguments of a binding, with its kind as `$class`; None where some are no constants."""
    match part:
        case Call(target=None, name=name):
            pairs: Iterable[tuple[object, Part]] = ((one.key, one.value) for one in part.arguments)
            found: dict[object, Part] = {_CLASS: Constant(start=0, end=0, value=name), **dict(pairs)}
        case Entries(entries=entries):
            found = {one.key.value: one.value for one in entries if isinstance(one.key, Constant)}
        case _:
            return None
    texts = {str(key): one.value for key, one in found.items() if isinstance(one, Constant)}
    whole = len(texts) == len(found) and _CLASS in texts
    return {key: str(value) for key, value in texts.items()} if whole else None


# Out ---------------------------------------------------------------------------------------------------


def bound(variables: Mapping[str, str]) -> list[str]:
    """The bindings of `withCredentials` that put secrets into variables; parts of one credential are bound together."""
    left: dict[str, list[tuple[str, str]]] = {}
    for variable, name in variables.items():
        identity, part = split(name)
        left.setdefault(identity, []).append((variable, part))
    return [text for identity, pairs in left.items() for text in _of_one(identity, pairs)]


def _of_one(identity: str, pairs: list[tuple[str, str]]) -> Iterator[str]:
    """The bindings of one credential; each time the one that binds the most of what is left."""
    while pairs:
        parts = {part for _, part in reversed(pairs)}
        kind = max(kinds().values(), key=lambda one: len(parts.intersection(one.parts.values())))
        given: dict[str, str] = {}
        for variable, part in tuple(pairs):
            parameter = next((name for name, what in kind.parts.items() if what == part), None)
            if parameter is not None and parameter not in given:
                given[parameter] = variable
                pairs.remove((variable, part))
        yield _written(identity, kind, given)


def _written(identity: str, kind: Binding, given: Mapping[str, str]) -> str:
    stem = variable_of(identity)
    arguments = {ID: quoted(identity)}
    for parameter in kind.parts:
        if parameter in given or parameter in kind.required:
            usual = f"{stem}_{variable_of(kind.parts[parameter])}"
            arguments[parameter] = quoted(given.get(parameter, usual))
    return call(kind.name, None, arguments)


def variable_of(name: str) -> str:
    """The variable that holds a credential where a definition names none."""
    word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").upper()
    return word if word[:1].isalpha() else f"SECRET_{word}"
