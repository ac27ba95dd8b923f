"""Triggers: `on` and the inputs of `workflow_dispatch`, both ways."""

from __future__ import annotations

from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, Fields, Kept, Losses, Node
from pipemgr.model.definitions import OPAQUE, Data, Parameter, Pipeline, Trigger

from .words import VENDOR, Words

MANUAL: Final = "manual"
SCHEDULE: Final = "schedule"
TYPES: Final = ("string", "boolean", "number", "choice", "environment")


class TriggerReader:
    """Reads `on`."""

    def __init__(self, words: Words, kept: Kept) -> None:
        self.words = words
        self.kept = kept
        self.triggers: list[Trigger] = []
        self.parameters: dict[str, Parameter] = {}

    def read(self, node: Node) -> None:
        """All triggers of a workflow, and its parameters; `on` may be a word, a list of words or a mapping."""
        if node.kind == "mapping":
            for word, one in node.items().items():
                self._event(word, one)
        else:
            self._words(node)
        if not self.triggers:
            node.problem("`on` names no event")

    def _words(self, node: Node) -> None:
        words: set[str] = set()
        for one in node.one_or_many():
            if (word := one.text()) in words:
                one.finding(Fidelity.EQUIVALENT, f"a second {word}", "once has the same effect")
            else:
                self._event(word, one, bare=True)
            words.add(word)

    @property
    def _next(self) -> str:
        return f"triggers[{len(self.triggers)}]"

    def _event(self, word: str, node: Node, *, bare: bool = False) -> None:
        event = self.words.triggers.ours.get(word)
        node.feeds(self._next)
        if event is None:
            value = None if bare else node.take_all().plain()
            self.triggers.append(Trigger(event=OPAQUE, options={"vendor": VENDOR, "value": {word: value}}))
        elif bare or node.is_null:
            node.take()
            self.triggers.append(Trigger(event=event))
        elif event == SCHEDULE:
            for one in node.entries():
                self._trigger(event, one.feeds(self._next))
        elif event == MANUAL:
            self._trigger(event, node, self._parameters(node))
        else:
            self._trigger(event, node)

    def _trigger(self, event: str, node: Node, taken: tuple[str, ...] = ()) -> None:
        filters: dict[str, Any] = {}
        options: Data = {}
        known = self.words.catalogue.triggers[event].filters
        for key, one in node.items().items():
            field = key.replace("-", "_")
            if key in taken:
                continue
            if field not in known:
                options[key] = one.feeds(f"{self._next}.options.{key}").take_all().plain()
            elif field in ("cron", "timezone"):
                filters[field] = one.feeds(f"{self._next}.{field}").text()
            else:
                one.feeds(f"{self._next}.{field}")
                filters[field] = tuple(part.text() for part in one.one_or_many())
        self.triggers.append(Trigger(event=event, options=options, **filters))

    def _parameters(self, node: Node) -> tuple[str, ...]:
        inputs = node.get("inputs")
        if inputs is None:
            return ()
        for name, one in inputs.feeds("parameters").items().items():
            path = ("on", "workflow_dispatch", "inputs", name)
            self.parameters[name] = self._parameter(Fields(one, f"parameters.{name}", self.kept, *path))
        return ("inputs",)

    def _parameter(self, fields: Fields) -> Parameter:
        found: dict[str, Any] = {}
        if (node := fields.take("type", "type")) is not None:
            found["type"] = node.text()
            if found["type"] not in TYPES:
                node.problem(f"an input's type is one of {', '.join(TYPES)}, not {found.pop('type')!r}")
        if (node := fields.take("description", "description")) is not None:
            found["description"] = node.text()
        if (node := fields.take("default", "default")) is not None:
            found["default"] = node.plain()
        if (node := fields.take("options", "choices")) is not None:
            found["choices"] = tuple(one.plain() for one in node.entries())
        if (node := fields.take("required", "required")) is not None:
            if node.kind == "boolean":
                found["required"] = node.flag()
            else:
                fields.keep(node, "required")
        fields.rest()
        return Parameter(**found)


# Writing -----------------------------------------------------------------------------------------------


def write_triggers(pipeline: Pipeline, words: Words, losses: Losses) -> Data:
    """The value of `on`, as a mapping of events."""
    events: Data = {}
    for at, trigger in enumerate(pipeline.triggers):
        path = f"triggers[{at}]"
        if trigger.event == OPAQUE:
            _write_opaque(trigger, events, path, losses)
        elif (word := words.triggers.theirs.get(trigger.event)) is None:
            losses.add(Fidelity.DROPPED, path, f"trigger {trigger.event}", "GitHub has no event like it")
        elif trigger.event == SCHEDULE:
            events.setdefault(word, []).append(_spec(trigger))  # type: ignore[union-attr]
        elif word in events:
            _merge(events, word, _spec(trigger), path, losses)
        else:
            events[word] = _spec(trigger)
    _write_parameters(pipeline, events, words.triggers.theirs[MANUAL], losses)
    return events


def _write_opaque(trigger: Trigger, events: Data, path: str, losses: Losses) -> None:
    value = trigger.options.get("value")
    if trigger.options.get("vendor") == VENDOR and isinstance(value, dict):
        events.update(value)
    else:
        vendor = trigger.options.get("vendor")
        losses.add(Fidelity.DROPPED, path, "an opaque trigger", f"only {vendor} understands it")


def _spec(trigger: Trigger) -> JsonValue:
    """A trigger's own entry; null where there is nothing to say."""
    spec: Data = {}
    for field in Trigger.model_fields:
        value = getattr(trigger, field)
        if field in ("event", "options") or value is None:
            continue
        spec[field.replace("_", "-")] = value if isinstance(value, str) else list(value) or None
    return {**spec, **trigger.options} or None


def _merge(events: Data, word: str, spec: JsonValue, path: str, losses: Losses) -> None:
    """Two triggers of one event: GitHub takes one, with branches and tags side by side."""
    first = events[word]
    sides = [set(one) for one in (first, spec) if isinstance(one, dict)]
    if {"branches"} in sides and {"tags"} in sides:
        events[word] = {**first, **spec}  # type: ignore[dict-item]
        losses.add(Fidelity.EQUIVALENT, path, f"a second {word}", "branches and tags stand in one entry")
    else:
        losses.add(
            Fidelity.DROPPED,
            path,
            f"a second {word}",
            "GitHub takes each event once",
            "write its filters in one",
        )


def _write_parameters(pipeline: Pipeline, events: Data, word: str, losses: Losses) -> None:
    if not pipeline.parameters:
        return
    if word not in events:
        losses.add(
            Fidelity.APPROXIMATE,
            "parameters",
            "parameters without a manual trigger",
            f"they belong to {word}, so the workflow can be started by hand as well",
        )
    inputs: Data = {name: _parameter(one) or None for name, one in pipeline.parameters.items()}
    events[word] = {**(events.get(word) or {}), "inputs": inputs}  # type: ignore[dict-item]


def _parameter(parameter: Parameter) -> Data:
    said: Data = {
        "description": parameter.description,
        "required": parameter.required or None,
        "type": parameter.type,
        "default": parameter.default,
        "options": list(parameter.choices) or None,
    }
    return {key: value for key, value in said.items() if value is not None}
