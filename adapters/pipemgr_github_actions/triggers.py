"""Triggers: `on` and the inputs of a workflow become triggers and parameters."""

from __future__ import annotations

from typing import Any, Final

from pipemgr.adapter import Fidelity, Kept, Node
from pipemgr.model.definitions import OPAQUE, Data, Parameter, Trigger

from .inputs import CALL_TYPES, DISPATCH_TYPES, InputReader, as_data
from .texts import Texts
from .words import VENDOR, Words

CALL: Final = "call"
MANUAL: Final = "manual"
SCHEDULE: Final = "schedule"
UPSTREAM: Final = "upstream"
OPTIONS: Final = {UPSTREAM: {"workflows": "pipelines"}}
"""Keys of events that are options of the model's triggers by another name."""
TYPES: Final = {MANUAL: DISPATCH_TYPES, CALL: CALL_TYPES}
"""The triggers that take inputs, with the types of those."""


class TriggerReader:
    """Reads `on`."""

    def __init__(self, words: Words, texts: Texts, kept: Kept) -> None:
        self.words = words
        self.texts = texts
        self.kept = kept
        self.triggers: list[Trigger] = []
        self.parameters: dict[str, Parameter] = {}
        self._inputs: dict[int, tuple[Node | None, InputReader, dict[str, Parameter]]] = {}

    def read(self, node: Node) -> None:
        """All triggers of a workflow, and its parameters; `on` may be a word, a list of words or a mapping."""
        if node.kind == "mapping":
            for word, one in node.items().items():
                self._event(word, one)
        else:
            self._words(node)
        if not self.triggers:
            node.problem("`on` names no event")
        self._share_inputs()

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
        elif event == SCHEDULE and not (bare or node.is_null):
            for one in node.entries():
                self._trigger(event, one.feeds(self._next))
        else:
            inputs = self._asks(word, event, node.take() if bare else node)
            if bare or node.is_null:
                node.take()
                self.triggers.append(Trigger(event=event))
            else:
                self._trigger(event, node, inputs)

    def _trigger(self, event: str, node: Node, taken: tuple[str, ...] = ()) -> None:
        filters: dict[str, Any] = {}
        options: Data = {}
        known = self.words.catalogue.triggers[event].filters
        for key, one in node.items().items():
            field = key.replace("-", "_")
            if key in taken:
                continue
            if field not in known:
                name = OPTIONS.get(event, {}).get(key, key)
                options[name] = self._option(event, one.feeds(f"{self._next}.options.{name}"))
            elif field in ("cron", "timezone"):
                filters[field] = one.feeds(f"{self._next}.{field}").text()
            else:
                one.feeds(f"{self._next}.{field.replace('_', '-')}")
                filters[field] = tuple(part.text() for part in one.one_or_many())
        self.triggers.append(Trigger(event=event, options=options, **filters))

    def _option(self, event: str, node: Node) -> Any:
        """A value as it is; what a called workflow hands back is told in our names."""
        if event == UPSTREAM and node.children is None and not node.is_null:
            return [node.text()]
        return self.texts.data(node) if event == CALL else node.take_all().plain()

    # Inputs --------------------------------------------------------------------------------------------

    def _asks(self, word: str, event: str, node: Node) -> tuple[str, ...]:
        """Note the inputs of an event that may have some; the keys that are read by that."""
        if event not in TYPES:
            return ()
        below = node.items().get("inputs") if node.kind == "mapping" else None
        reader = InputReader(self.texts, self.kept, word, TYPES[event])
        found = reader.read(below, f"{self._next}.options.inputs") if below is not None else {}
        self._inputs[len(self.triggers)] = below, reader, found
        return ("inputs",)

    def _share_inputs(self) -> None:
        """The parameters are the inputs of all events; an event with other ones keeps its own in its options."""
        sets = sorted(self._inputs.items(), key=lambda one: self.triggers[one[0]].event != MANUAL)
        for _, (_, _, found) in reversed(sets):
            self.parameters = {**found, **{k: v for k, v in self.parameters.items() if k not in found}}
        for at, (node, reader, found) in sets:
            if list(found.items()) != list(self.parameters.items()):
                trigger = self.triggers[at]
                options = {"inputs": as_data(found), **trigger.options}
                self.triggers[at] = trigger.model_copy(update={"options": options})
            elif node is not None:
                reader.read(node, "parameters")
