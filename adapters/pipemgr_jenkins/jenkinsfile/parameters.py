"""Parameters in: what a person may set when starting a build.

Sources: https://www.jenkins.io/doc/book/pipeline/syntax/#parameters and
https://www.jenkins.io/doc/pipeline/steps/params/pipeline-declarative-parameters/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Node
from pipemgr.model.definitions import HINTS, Data, Parameter

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
        text = self.values.source(call.feeds(f"vendor.{VENDOR}.parameters.{name}"))
        return Found(name, Parameter(**found), kept={GROOVY: text})
