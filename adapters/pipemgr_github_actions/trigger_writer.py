"""Triggers out: triggers and parameters become `on`."""

from __future__ import annotations

from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, Losses
from pipemgr.model.definitions import OPAQUE, Data, Parameter, Pipeline, Trigger

from .inputs import InputWriter, from_data
from .phrases import Phrases
from .triggers import CALL, MANUAL, OPTIONS, SCHEDULE, TYPES, UPSTREAM
from .words import VENDOR, Words

FIRST: Final = ("workflows",)
"""Keys that people write before the filters."""


class TriggerWriter:
    """Writes `on`."""

    def __init__(self, phrases: Phrases, words: Words) -> None:
        self.phrases = phrases
        self.words = words
        self.events: Data = {}

    @property
    def _losses(self) -> Losses:
        return self.phrases.losses

    def write(self, pipeline: Pipeline) -> Data:
        """The value of `on`, as a mapping of events."""
        self.events = {}
        for at, trigger in enumerate(pipeline.triggers):
            self._trigger(trigger, f"triggers[{at}]", pipeline.parameters)
        asked = {trigger.event for trigger in pipeline.triggers} & TYPES.keys()
        if pipeline.parameters and not asked:
            self._by_hand(pipeline.parameters)
        return self.events

    def _trigger(self, trigger: Trigger, path: str, parameters: dict[str, Parameter]) -> None:
        word = self.words.triggers.theirs.get(trigger.event)
        if trigger.event == OPAQUE:
            self._opaque(trigger, path)
        elif word is None:
            what = f"trigger {trigger.event}"
            self._losses.add(Fidelity.DROPPED, path, what, "GitHub has no event like it")
        elif trigger.event == UPSTREAM and not trigger.options.get("pipelines"):
            why = "GitHub wants to know the names of the workflows"
            self._losses.add(Fidelity.DROPPED, path, "trigger upstream", why, "add workflow_run with them")
        elif trigger.event == SCHEDULE:
            self.events.setdefault(word, []).append(self._spec(trigger, path, {}))  # type: ignore[union-attr]
        elif word in self.events:
            self._merge(word, self._spec(trigger, path, parameters), path)
        else:
            self.events[word] = self._spec(trigger, path, parameters)

    def _opaque(self, trigger: Trigger, path: str) -> None:
        value, vendor = trigger.options.get("value"), trigger.options.get("vendor")
        if vendor == VENDOR and isinstance(value, dict):
            self.events.update(value)
        else:
            self._losses.add(Fidelity.DROPPED, path, "an opaque trigger", f"only {vendor} understands it")

    def _spec(self, trigger: Trigger, path: str, parameters: dict[str, Parameter]) -> JsonValue:
        """A trigger's own entry; null where there is nothing to say."""
        spec: Data = {}
        for field in Trigger.model_fields:
            value = getattr(trigger, field)
            if field in ("event", "options") or value is None:
                continue
            spec[field.replace("_", "-")] = value if isinstance(value, str) else list(value) or None
        options = self._options(trigger, path, parameters)
        first = {key: options.pop(key) for key in FIRST if key in options}
        return {**first, **spec, **options} or None

    def _options(self, trigger: Trigger, path: str, parameters: dict[str, Parameter]) -> Data:
        options = dict(trigger.options)
        theirs = {ours: theirs for theirs, ours in OPTIONS.get(trigger.event, {}).items()}
        given: Data = {}
        if trigger.event in TYPES:
            own = options.pop("inputs", None)
            inputs, where = (parameters, "parameters") if own is None else (from_data(own), path)
            written = InputWriter(self.phrases, TYPES[trigger.event]).write(inputs, where)
            given = {"inputs": written} if written else {}
        if trigger.event == CALL:
            options = {key: self.phrases.data(one, f"{path}.options.{key}") for key, one in options.items()}
        return {**given, **{theirs.get(key, key): value for key, value in options.items()}}

    def _merge(self, word: str, spec: JsonValue, path: str) -> None:
        """Two triggers of one event: GitHub takes one, with branches and tags side by side."""
        first: Any = self.events[word]
        sides = [set(one) for one in (first, spec) if isinstance(one, dict)]
        if {"branches"} in sides and {"tags"} in sides:
            self.events[word] = {**first, **spec}  # type: ignore[dict-item]
            why = "branches and tags stand in one entry"
            self._losses.add(Fidelity.EQUIVALENT, path, f"a second {word}", why)
        elif first == spec:
            self._losses.add(Fidelity.EQUIVALENT, path, f"a second {word}", "once has the same effect")
        else:
            why, remedy = "GitHub takes each event once", "write its filters in one"
            self._losses.add(Fidelity.DROPPED, path, f"a second {word}", why, remedy)

    def _by_hand(self, parameters: dict[str, Parameter]) -> None:
        """Parameters that nobody could set: the workflow can be started by hand as well."""
        word = self.words.triggers.theirs[MANUAL]
        why = f"they belong to {word}, so the workflow can be started by hand as well"
        self._losses.add(Fidelity.APPROXIMATE, "parameters", "parameters without a manual trigger", why)
        self.events[word] = {
            "inputs": InputWriter(self.phrases, TYPES[MANUAL]).write(parameters, "parameters")
        }
