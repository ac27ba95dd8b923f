"""Inputs of `workflow_dispatch` and `workflow_call`, which are parameters, both ways."""

from __future__ import annotations

from typing import Any, Final

from pipemgr.adapter import Fidelity, Fields, Kept, Losses, Node
from pipemgr.model.definitions import Data, Parameter

from .phrases import Phrases
from .texts import Texts

DISPATCH_TYPES: Final = ("string", "boolean", "number", "choice", "environment")
CALL_TYPES: Final = ("string", "boolean", "number")
MOST: Final = 25
"""Inputs that a person can be asked for (workflow-syntax, `on.workflow_dispatch.inputs`)."""


class InputReader:
    """Reads the inputs of one event."""

    def __init__(self, texts: Texts, kept: Kept, event: str, types: tuple[str, ...]) -> None:
        self.texts = texts
        self.kept = kept
        self.event = event
        self.types = types

    def read(self, inputs: Node, model: str) -> dict[str, Parameter]:
        """All of them; `model` is the path that they become."""
        found = inputs.feeds(model).items().items()
        return {name: self._one(name, node, f"{model}.{name}") for name, node in found}

    def _one(self, name: str, node: Node, model: str) -> Parameter:
        fields = Fields(node.feeds(model), model, self.kept, "on", self.event, "inputs", name)
        found: dict[str, Any] = {}
        if (one := fields.take("type", "type")) is not None:
            found["type"] = self._type(one)
        if (one := fields.take("description", "description")) is not None:
            found["description"] = one.text()
        if (one := fields.take("default", "default")) is not None:
            found["default"] = self.texts.data(one)
        if (one := fields.take("options", "choices")) is not None:
            found["choices"] = tuple(choice.plain() for choice in one.entries())
        if (one := fields.take("required", "required")) is not None:
            if one.kind == "boolean":
                found["required"] = one.flag()
            else:
                fields.keep(one, "required")
        fields.rest()
        return Parameter(**found)

    def _type(self, node: Node) -> str:
        text = node.text()
        if text in self.types:
            return text
        node.problem(f"an input's type is one of {', '.join(self.types)}, not {text!r}")
        return "string"


def as_data(inputs: dict[str, Parameter]) -> Data:
    """Inputs as the options of a trigger keep them."""
    return {name: one.data() for name, one in inputs.items()}


def from_data(data: object) -> dict[str, Parameter]:
    """Inputs that the options of a trigger keep."""
    return (
        {name: Parameter.model_validate(one) for name, one in data.items()} if isinstance(data, dict) else {}
    )


class InputWriter:
    """Writes the inputs of one event."""

    def __init__(self, phrases: Phrases, types: tuple[str, ...]) -> None:
        self.phrases = phrases
        self.types = types

    @property
    def _losses(self) -> Losses:
        return self.phrases.losses

    def write(self, inputs: dict[str, Parameter], path: str) -> Data:
        """The value of `inputs`."""
        if self.types == DISPATCH_TYPES and len(inputs) > MOST:
            why = f"GitHub takes {MOST} inputs of a workflow that is started by hand"
            self._losses.add(Fidelity.MANUAL, path, f"{len(inputs)} parameters", why, "join some of them")
        return {name: self._one(one, f"{path}.{name}") or None for name, one in inputs.items()}

    def _one(self, parameter: Parameter, path: str) -> Data:
        kind: str = parameter.type
        if kind not in self.types:
            why = f"a workflow that is called takes {', '.join(self.types)}: any text is taken"
            self._losses.add(Fidelity.APPROXIMATE, f"{path}.type", f"type {kind}", why)
            kind = "string"
        said: Data = {
            "description": parameter.description,
            "required": parameter.required or None,
            "type": kind,
            "default": self.phrases.data(parameter.default, f"{path}.default"),
            "options": list(parameter.choices) or None if "choice" in self.types else None,
        }
        return {key: value for key, value in said.items() if value is not None}
