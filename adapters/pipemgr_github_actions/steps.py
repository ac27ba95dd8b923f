"""Steps: `run` and `uses` become actions of the catalogue; what no row knows stays opaque."""

from __future__ import annotations

from typing import Any, Final

from pipemgr.adapter import Fields, Kept, Node, from_vendor
from pipemgr.model.definitions import HINTS, OPAQUE, Data, Step

from .texts import Texts
from .words import VENDOR, Words

RUN: Final = "run"
RUN_INPUTS: Final = {"run": "script", "shell": "shell", "working-directory": "directory"}
"""The keys of a step that runs a script, and the inputs of the action that they are."""


class StepReader:
    """Reads steps."""

    def __init__(self, texts: Texts, words: Words) -> None:
        self.texts = texts
        self.words = words

    def read(self, node: Node, model: str) -> Step:
        """One step."""
        kept = Kept(model, VENDOR)
        fields = Fields(node.feeds(model), model, kept)
        found: dict[str, Any] = self.texts.some(fields, {"id": "id", "name": "name"})
        if (one := fields.take("if", "when")) is not None:
            found["when"] = self.texts.condition(one)
        found["variables"] = self.texts.table(fields.inner("env", "variables"))
        if (one := fields.take("timeout-minutes", "timeout")) is not None:
            found["timeout"] = self.texts.minutes(one)
        if (one := fields.take("continue-on-error", "allow-failure")) is not None:
            found["allow_failure"] = self.texts.flag(one)
        action, inputs = self._action(fields)
        fields.rest()
        return Step(action=action, inputs=inputs, vendor=kept.said(), **found)

    def _action(self, fields: Fields) -> tuple[str, Data]:
        if "run" in fields:
            nodes = ((ours, fields.take(theirs, f"inputs.{ours}")) for theirs, ours in RUN_INPUTS.items())
            return RUN, {ours: self.texts.text(node) for ours, node in nodes if node is not None}
        uses = fields.peek("uses")
        call = str(uses.value).partition("@")[0] if uses is not None else ""
        if uses is None or self.words.steps.read(call) is None:
            return self._opaque(fields)
        return self._known(call, fields)

    def _opaque(self, fields: Fields) -> tuple[str, Data]:
        value = {
            key: node.feeds(f"{fields.model}.inputs.value.{key}").take_all().plain()
            for key, node in fields.drain()
        }
        if not value:
            fields.node.problem("a step needs `run` or `uses`")
        return OPAQUE, {"vendor": VENDOR, "value": value}

    def _known(self, call: str, fields: Fields) -> tuple[str, Data]:
        row = self.words.steps.read(call)
        uses = fields.take("uses", "action")
        if row is None or uses is None:
            raise AssertionError("asked for before it was looked up")
        if (text := uses.text()) != f"{row.call}@{row.version}":
            fields.kept.put(text, HINTS, "uses")
        inputs: Data = {}
        if (given := fields.inner("with", "inputs")) is not None:
            for ours in row.inputs:
                theirs = row.input(ours)
                node = given.take(theirs.name, ours) if theirs else None
                if theirs and node is not None:
                    inputs[ours] = from_vendor(self.texts.data(node), theirs.convert)
            given.rest()
        return row.action, inputs
