"""Parameters in: what a person may set when starting a build.

Sources: https://www.jenkins.io/doc/book/pipeline/syntax/#parameters and
https://www.jenkins.io/doc/pipeline/steps/params/pipeline-declarative-parameters/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, Node
from pipemgr.model.definitions import HINTS, Data, Parameter
from pipemgr_jenkins.groovy.syntax import Call, Constant, Entries, Part

from .layout import dedented
from .scope import VENDOR
from .values import Values

_TYPES: Final = {
    "string": "string",
    "text": "string",
    "booleanParam": "boolean",
    "choice": "choice",
    "password": "string",
}
_FIELDS: Final = {"defaultValue": "default", "description": "description", "choices": "choices"}
_PASSWORD: Final = re.compile("password", re.IGNORECASE)
"""Kinds of parameters that ask for a secret, also those of plugins."""
_SECRETS: Final = ("defaultValue", "defaultValueAsSecret", "value")
"""The arguments of such a parameter that are one."""
_CLASS: Final = "$class"
GROOVY: Final = "groovy"
"""The key under which a parameter of another type keeps its text."""


@dataclass(frozen=True)
class Found:
    """One parameter. `kept` is what only Jenkins knows of it, `hints` what helps to write it again."""

    name: str
    parameter: Parameter
    kept: Data = field(default_factory=dict)
    hints: Data = field(default_factory=dict)

    @property
    def default(self) -> str:
        """Its value when nobody sets it, as environment variables have it."""
        value = self.parameter.default
        return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


class ParameterReader:
    """Reads parameters of a pipeline, or of an input."""

    def __init__(self, values: Values) -> None:
        self.values = values

    def read(self, call: Node) -> Found | None:
        """The parameter of one call; None where it has no name that is known before it runs."""
        arguments = dict(self.values.named(call))
        name = arguments.get("name")
        if name is None or not self.values.constant(name):
            return None
        model = f"parameters.{name.text()}"
        call.feeds(model)
        kind = call.items()["name"].feeds(f"{model}.type").text()
        for key in self._tell_password(arguments) if _PASSWORD.search(kind) else ():
            del arguments[key]
        if kind not in _TYPES:
            return self._other(call, name.text(), arguments)
        name.feeds(model)
        found: dict[str, Any] = {"type": _TYPES[kind]}
        kept: Data = {"type": kind} if kind == "password" else {}
        hints: Data = {"type": kind} if kind == "text" else {}
        for key, node in arguments.items():
            if key in _FIELDS:
                found[_FIELDS[key]] = self._value(_FIELDS[key], node.feeds(f"{model}.{_FIELDS[key]}"), kind)
            elif key != "name":
                hints[key] = self.values.data(
                    node.feeds(f"vendor.{VENDOR}.{HINTS}.parameters.{name.text()}.{key}")
                )
        if found.get("choices"):
            found["default"] = found["choices"][0]
        return Found(name.text(), Parameter(**found), kept, hints)

    def _value(self, key: str, node: Node, kind: str) -> JsonValue | tuple[JsonValue, ...]:
        if key == "description":
            return self.values.text(node)
        value = self.values.data(node)
        if key == "choices":
            rows: list[JsonValue] = value if isinstance(value, list) else []
            return tuple(rows) if isinstance(value, list) else tuple(str(value).splitlines())
        if kind == "booleanParam" and isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        return value

    def _other(self, call: Node, name: str, arguments: Mapping[str, Node]) -> Found:
        """A parameter of a type that only Jenkins has: a text elsewhere."""
        found: dict[str, Any] = {}
        for key in ("description", "defaultValue"):
            node = arguments.get(key)
            if node is not None and node.children is None:
                found[_FIELDS[key]] = self.values.text(node)
        text = self.source(call.feeds(f"vendor.{VENDOR}.parameters.{name}"))
        return Found(name, Parameter(**found), kept={GROOVY: text})

    # Passwords -----------------------------------------------------------------------------------------------

    def source(self, call: Node) -> str:
        """A parameter as it is written, but for the value of a password: no definition gets that."""
        part = self.values.file.syntax(call.take_all())
        if part is None:
            return ""
        text = self.values.file.text(call)
        for one in sorted(_passwords(part), key=lambda one: -one.start):
            text = f"{text[: one.start - part.start]}''{text[one.end - part.start :]}"
        return dedented(text)

    def _tell_password(self, arguments: Mapping[str, Node]) -> tuple[str, ...]:
        """Say of a password's value that it goes nowhere; the arguments that it is."""
        found = {key: arguments[key] for key in _SECRETS if key in arguments}
        for node in found.values():
            if not (self.values.constant(node) and not node.text()):
                node.finding(
                    Fidelity.MANUAL,
                    "the value of a password",
                    "a password that stands in a definition is never copied: it would be in one more place",
                    "make it a secret, and let the build ask for that",
                )
        return tuple(found)


def _passwords(part: Part) -> Iterator[Part]:
    """The values of passwords among parameters."""
    for one in part.walk():
        match one:
            case Call(name=name) if _PASSWORD.search(name):
                yield from (given.value for given in one.arguments if given.key in _SECRETS)
            case Entries(entries=entries):
                known = {row.key.value: row.value for row in entries if isinstance(row.key, Constant)}
                kind = known.get(_CLASS)
                if isinstance(kind, Constant) and _PASSWORD.search(str(kind.value)):
                    yield from (known[key] for key in _SECRETS if key in known)
