"""A composite action by itself: a pipeline of one stage that others call."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Final

from pipemgr.adapter import Fields, Kept, Node, ParseError
from pipemgr.model.definitions import HINTS, Data, Parameter, Pipeline, Stage, Step, Trigger

from .local_actions import LocalActions
from .steps import RUN, StepReader
from .texts import Texts
from .triggers import CALL
from .words import VENDOR, Words

ACTION: Final = "action"
"""The hint on a pipeline that is an action's; also the id of its only stage."""
COMPOSITE: Final = "composite"


class ActionReader:
    """Reads an action file of which `runs.using` is composite."""

    def __init__(self, words: Words, root: Node, actions: LocalActions) -> None:
        self.root = root
        self.kept = Kept("", VENDOR)
        self.texts = Texts(words.vocabulary)
        self.steps = StepReader(self.texts, words, actions)
        self.fields = Fields(root, "", self.kept)

    def read(self, path: PurePath) -> Pipeline:
        """The pipeline; its name is the folder's where the action has none."""
        name = self.fields.take("name", "name")
        parameters = {
            key: self._input(key, node) for key, node in self._entries(self.fields, "inputs", "parameters")
        }
        outputs = {key: self._output(key, node) for key, node in self._entries(self.fields, "outputs", "")}
        steps = self._runs()
        self.fields.rest()
        self.kept.put(True, HINTS, ACTION)
        if name is None or not name.text():
            self.kept.put(True, HINTS, "unnamed")
        handed: Data = {key: {"value": f"${{{{ stages.{ACTION}.outputs.{key} }}}}"} for key in outputs}
        return Pipeline(
            name=(name.text() if name else "") or path.parent.name or path.stem,
            triggers=(Trigger(event=CALL, options={"outputs": handed} if handed else {}),),
            parameters=parameters,
            stages=(Stage(id=ACTION, steps=steps, outputs=outputs),),
            vendor=self.kept.said(),
        )

    def _runs(self) -> tuple[Step, ...]:
        runs = self.fields.inner("runs", f"stages.{ACTION}")
        using = runs.peek("using") if runs is not None else None
        word = using.text() if using is not None else ""
        if runs is None or word != COMPOSITE:
            what = f"an action that runs on {word or 'nothing'}"
            remedy = "convert the workflows that use it: what they call is kept"
            raise ParseError(f"{what} has no steps to read", where=self.root.where, remedy=remedy)
        node = runs.take("steps", "steps")
        found = self.steps.read_all(node.entries(), f"stages.{ACTION}.steps") if node is not None else ()
        if node is None or not node.children:
            (node or self.root).problem("a composite action needs steps")
        for one, step in zip(node.entries() if node is not None else (), found, strict=False):
            if step.action == RUN and "shell" not in step.inputs and one.kind == "mapping":
                one.problem("a script in a composite action needs a `shell`")
        runs.rest()
        return found

    def _entries(self, fields: Fields, key: str, feeds: str) -> tuple[tuple[str, Node], ...]:
        below = fields.inner(key, feeds)
        return below.drain() if below is not None else ()

    def _input(self, name: str, node: Node) -> Parameter:
        model = f"parameters.{name}"
        fields = Fields(node.feeds(model), model, self.kept, "inputs", name)
        found: dict[str, Any] = {}
        if (one := fields.take("description", "description")) is not None:
            found["description"] = one.text()
        if (one := fields.take("default", "default")) is not None:
            found["default"] = self.texts.data(one)
        if (required := fields.peek("required")) is not None and required.kind == "boolean":
            fields.take("required", "required")
            found["required"] = required.flag()
        fields.rest()
        return Parameter(**found)

    def _output(self, name: str, node: Node) -> str:
        model = f"stages.{ACTION}.outputs.{name}"
        fields = Fields(node.feeds(model), model, self.kept, "outputs", name)
        value = fields.take("value", "")
        if value is None:
            node.problem(f"output {name!r} needs a value")
        fields.rest()
        return self.texts.text(value) if value is not None else ""
