"""Steps: `run` and `uses` become actions of the catalogue; what no row knows stays opaque."""

from __future__ import annotations

import re
from typing import Any, Final

from pipemgr.adapter import Fields, Kept, Node, StepRow, Vocabulary, expand, from_vendor
from pipemgr.model.definitions import HINTS, OPAQUE, Data, Step

from .background import CONTROL, PARALLEL, WAIT, WAIT_ALL, group_of, running, with_id
from .local_actions import LocalActions
from .shells import from_github
from .texts import Texts
from .words import VENDOR, Words

RUN: Final = "run"
RUN_INPUTS: Final = {"run": "script", "shell": "shell", "working-directory": "directory"}
"""The keys of a step that runs a script, and the inputs of the action that they are."""


class StepReader:
    """Reads steps."""

    def __init__(self, texts: Texts, words: Words, actions: LocalActions | None = None) -> None:
        self.texts = texts
        self.words = words
        self.actions = actions or LocalActions({}, words)

    def read_all(self, nodes: list[Node], model: str) -> tuple[Step, ...]:
        """The steps of a job; a `parallel` group becomes its steps and a step that waits for them."""
        found: list[Step] = []
        for node in nodes:
            if (group := group_of(node)) is None:
                found.append(self.read(node, f"{model}[{len(found)}]"))
            else:
                found += self._parallel(node, group, model, found)
        return tuple(found)

    def _parallel(self, node: Node, group: list[Node], model: str, before: list[Step]) -> list[Step]:
        first = len(before)
        paths = [f"{model}[{first + at}]" for at in range(len(group) + 1)]
        steps = [
            self.read(one, path).model_copy(update={"background": True})
            for one, path in zip(group, paths, strict=False)
        ]
        wait: Data = {}
        if running(before):  # to wait for all would wait for those too
            steps = [with_id(step, first + at) for at, step in enumerate(steps)]
            wait = {"steps": [step.id for step in steps]}
        kept = Kept(paths[-1], VENDOR)
        kept.put(len(steps), HINTS, PARALLEL)
        fields = Fields(node.feeds(paths[-1]), paths[-1], kept)
        fields.take(PARALLEL, "inputs")
        found = self.texts.some(fields, {"name": "name"})
        return [*steps, Step(action=WAIT, inputs=wait, vendor=kept.said(), **found)]

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
        if (one := fields.peek("background")) is not None and one.kind == "boolean":
            fields.take("background", "background")
            found["background"] = one.flag()
        action, inputs = self._action(fields)
        fields.rest()
        return Step(action=action, inputs=inputs, vendor=kept.said(), **found)

    def _action(self, fields: Fields) -> tuple[str, Data]:
        if "run" in fields:
            nodes = ((ours, fields.take(theirs, f"inputs.{ours}")) for theirs, ours in RUN_INPUTS.items())
            given: Data = {ours: self.texts.text(node) for ours, node in nodes if node is not None}
            if "shell" in given:
                given["shell"] = from_github(str(given["shell"]))
            return RUN, given
        if (known := self._control(fields)) is not None:
            return known
        uses = fields.peek("uses")
        call = str(uses.value).partition("@")[0] if uses is not None else ""
        row = self.words.steps.read(call)
        if uses is None or row is None or row.steps:
            does = self._does(uses, row, fields) if uses is not None else None
            action, inputs = self._opaque(fields)
            return action, {**inputs, **({"steps": [*does]} if does else {})}
        return self._known(call, fields)

    def _does(self, uses: Node, row: StepRow | None, fields: Fields) -> list[Data] | None:
        """What an action does in neutral steps, where a row or the repository tells."""
        given = fields.peek("with")
        inputs = (
            {name: self.texts.data(one) for name, one in given.items().items()}
            if given is not None and given.kind == "mapping"
            else {}
        )
        if row is not None:
            return expand(row, inputs)
        return self.actions.steps(uses, inputs, self._inner)

    def _inner(self, nodes: list[Node], actions: LocalActions, names: Vocabulary) -> tuple[Step, ...]:
        """The steps of an action."""
        return StepReader(Texts(names), self.words, actions).read_all(nodes, "steps")

    @staticmethod
    def _control(fields: Fields) -> tuple[str, Data] | None:
        """What a step does with steps in the background; None for all others."""
        if (node := fields.take(WAIT_ALL, "action")) is not None:
            if (value := node.take_all().plain()) is not None:
                fields.kept.put(value, HINTS, WAIT_ALL)
            return WAIT, {}
        for key, action in CONTROL.items():
            if (node := fields.take(key, "inputs.steps")) is not None:
                several = node.kind == "sequence"
                return action, {"steps": [one.text() for one in node.entries()] if several else node.text()}
        return None

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
            known = {theirs.name: (ours, theirs) for ours in row.inputs if (theirs := row.input(ours))}
            for key in [key for key in given.node.items() if key in known]:
                ours, theirs = known[key]
                if (node := given.take(key, ours)) is None:
                    continue
                if node.children is not None:
                    node.problem(
                        f"{node.label} of `with` must be a text, not a {node.kind}; write lines with |"
                    )
                inputs[ours] = from_vendor(self.texts.data(node), theirs.convert)
            given.rest()
        named = uses.text().partition("@")[2]
        if row.reference and row.reference not in inputs and _tells(named):
            inputs[row.reference] = named
        return row.action, inputs


def _tells(version: str) -> bool:
    """Whether the version of an action names what it provides (`stable`), not the action (`v1`, a commit)."""
    return not re.fullmatch(r"|master|main|v\d+(\.\d+)*|[0-9a-f]{40}", version)
