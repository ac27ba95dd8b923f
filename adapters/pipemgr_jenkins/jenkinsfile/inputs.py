"""Inputs in: what a person is asked before a stage begins.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#input
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pipemgr.adapter import Node
from pipemgr.model.definitions import Approval, Data

from .parameters import ParameterReader
from .values import Target, Values

_SHOWN: Final = ("ok", "id")
"""Only how the question looks, or what it is called."""

UNNAMED: Final = "#"
"""What begins the key of a parameter whose name only Jenkins finds out."""


@dataclass(frozen=True)
class Asked:
    """What a stage asks for."""

    approval: Approval
    variables: Mapping[str, str] = field(default_factory=dict)
    """What the person may choose, by its default: variables of the stage."""
    kept: Data = field(default_factory=dict)
    hints: Data = field(default_factory=dict)


def read(node: Node, values: Values, target: Target) -> Asked:
    """The `input` of a stage."""
    message = ""
    variables: dict[str, str] = {}
    kept: Data = {}
    hints: Data = {}
    for key, one in node.feeds(f"{target.model}.approval").items().items():
        match key:
            case "message":
                message = values.text(one.feeds(f"{target.model}.approval.message"))
            case "parameters":
                variables, texts = _parameters(one, values, target)
                kept["parameters"] = {**texts}
            case _ if key in _SHOWN:
                hints[key] = values.data(one.feeds(f"{target.hints}.input.{key}"))
            case _:
                kept[key] = values.data(one.feeds(f"{target.kept}.input.{key}"))
    return Asked(Approval(message=message), variables, kept, hints)


def _parameters(node: Node, values: Values, target: Target) -> tuple[dict[str, str], dict[str, str]]:
    """What may be chosen, by its default, and each parameter as it is written; both by names."""
    variables: dict[str, str] = {}
    texts: dict[str, str] = {}
    node.feeds(f"{target.kept}.input.parameters")
    for at, call in enumerate(node.entries()):
        reader = ParameterReader(values)
        text, found = reader.source(call), reader.read(call)
        if found is not None:
            variables[found.name] = found.default
        name = found.name if found is not None else f"{UNNAMED}{at}"
        texts[name] = text
        call.feeds(f"{target.kept}.input.parameters.{name}")
    return variables, texts
