"""Calls in: what a step is given, and what the table says that it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Node, StepRow, Tables, expand, from_vendor, ignored
from pipemgr.model.definitions import HINTS, Data, Step

from .drafts import Draft, Feed, Place, draft, joined
from .scope import VENDOR
from .shebang import interpreter
from .values import Values

CLASS: Final = "$class"
STATUS: Final = "returnStatus"
"""A script whose end nobody looks at can't fail
(https://www.jenkins.io/doc/pipeline/steps/workflow-durable-task-step/#sh-shell-script)."""
LABEL: Final = "label"
_CARRIERS: Final = ("delegate", "target")
"""Arguments that hold all others: `publishHTML(target: [reportDir: ...])`."""
BLOCK: Final = "block"
"""In rows, the parameter that stands for the steps of the block after a call."""
_PATHS: Final = ("path", "context", "directory")
"""Inputs that are seen from the folder a step runs in."""


@dataclass(frozen=True)
class Given:
    """The arguments of a call, by name; the positional ones by their number."""

    name: str
    """What is called; for steps that only carry another one, that one's class."""
    named: Mapping[str, Node]
    positional: tuple[Node, ...] = ()

    def arguments(self, main: str | None) -> Mapping[str, Node] | None:
        """All by name, where `main` is that of the first positional one; None where some have none."""
        if not self.positional:
            return self.named
        if len(self.positional) > 1 or main is None or main in self.named:
            return None
        return {main: self.positional[0], **self.named}

    def get(self, name: str, *, main: bool = False) -> Node | None:
        """One argument; with `main` it may be the first positional one too."""
        if name in self.named or not main:
            return self.named.get(name)
        return self.positional[0] if self.positional else None


def given(node: Node) -> Given:
    """The arguments of a call, and what it calls."""
    items = node.items()
    name, arguments = items["name"].text(), items.get("arguments")
    if arguments is None:
        return Given(name, {})
    if arguments.kind == "mapping":
        return _carried(Given(name, arguments.items()))
    values = arguments.entries()
    named: Mapping[str, Node] = {}
    if len(values) > 1 and values[0].kind == "mapping" and CLASS not in values[0].items():
        named, values = values[0].items(), values[1:]
    return _carried(Given(name, named, tuple(values)))


def _carried(found: Given) -> Given:
    """For `step([$class: 'X', ...])` and the like, X and its arguments; `$class` may hold a package too."""
    one = found.positional[0] if len(found.positional) == 1 else None
    if len(found.named) == 1:
        one = next((found.named[key] for key in _CARRIERS if key in found.named), one)
    inner = one.items() if one is not None and one.kind == "mapping" else found.named
    if CLASS not in inner:
        return Given(found.name, inner) if one is not None and inner is not found.named else found
    kind = inner[CLASS].text().rpartition(".")[2]
    return Given(kind, {key: value for key, value in inner.items() if key != CLASS})


class CallReader:
    """Reads calls by the rows of the table."""

    def __init__(self, tables: Tables) -> None:
        self.rows = tables.steps
        self.actions = tables.catalogue.actions

    def row(self, call: Given) -> StepRow | None:
        """What the table says of a call."""
        return self.rows.read(call.name)

    def action(self, call: Given, row: StepRow, place: Place) -> Draft | None:
        """A call that is an action of the catalogue; None where its arguments are none that the row can name."""
        arguments = call.arguments(row.main)
        if arguments is None:
            return None
        left = dict(arguments)
        inputs: Data = dict(row.implied)
        feeds: list[Feed] = []
        for ours in row.inputs:
            theirs = row.input(ours)
            if theirs is None or (node := left.pop(theirs.name, None)) is None:
                continue
            value = from_vendor(place.values.data(node), theirs.convert)
            inputs[ours] = theirs.values.get(_word(value), value)
            feeds.append((node, f"inputs.{ours}"))
            without = left.pop(theirs.without, None) if theirs.without else None
            if without is not None:
                inputs[ours] = _less(inputs[ours], from_vendor(place.values.data(without), theirs.convert))
                feeds.append((without, f"inputs.{ours}"))
        known = self.actions[row.action].inputs
        usual = [ours for ours in row.implied if ours in known and inputs[ours] == known[ours].default]
        said = {ours: value for ours, value in inputs.items() if ours not in usual}
        return self._made(call, row, place, said, (left, feeds))

    def _made(
        self, call: Given, row: StepRow, place: Place, inputs: Data, rest: tuple[dict[str, Node], list[Feed]]
    ) -> Draft | None:
        left, feeds = rest
        fields: dict[str, Any] = {}
        if row.action == "run":
            fields = _run_fields(left, feeds, place.values)
            script = inputs.get("script")
            if not isinstance(script, str):
                return None
            if "shell" not in inputs and (shell := interpreter(script)):
                inputs["shell"] = shell
        if place.directory and not _placed(row, inputs, place.directory):
            return None
        made = draft(row.action, inputs, place, feeds, **fields)
        for key, node in left.items():
            value = place.values.data(node)
            where = (HINTS, key) if key == STATUS or value is False else (key,)
            made = made.kept(value, *where).fed((node, ".".join(("vendor", VENDOR, *where))))
        return made if call.name == self._usual(row) else made.kept(call.name, HINTS, "call")

    def _usual(self, row: StepRow) -> str | None:
        """The call that the row's action is written by."""
        written = self.rows.write(row.action)
        return written.call if written is not None and row.action != "run" else row.call

    def steps(self, call: Given, row: StepRow, place: Place, block: list[Draft]) -> list[Draft] | None:
        """The steps that do the same as a call; None where its arguments are none that the row can name."""
        arguments = call.arguments(row.main)
        if arguments is None:
            return None
        values: Any = {key: place.values.data(node) for key, node in arguments.items()}
        values[BLOCK] = [one.step.data() for one in block]
        found = expand(row, values)
        directory = "" if BLOCK in str(row.steps) else place.directory
        return [_step(one, directory) for one in found]

    def ignored(self, call: Given, row: StepRow) -> tuple[str, ...]:
        """The arguments that the row's steps do without."""
        return ignored(row, dict.fromkeys(call.arguments(row.main) or {}))


def _run_fields(left: dict[str, Node], feeds: list[Feed], values: Values) -> dict[str, Any]:
    """What scripts are given beside the script; `returnStatus` stays, for Jenkins to get it back."""
    fields: dict[str, Any] = {}
    if (label := left.pop(LABEL, None)) is not None:
        fields["name"] = values.text(label)
        feeds.append((label, "name"))
    if (status := left.get(STATUS)) is not None and status.value is True:
        fields["allow_failure"] = True
    return fields


def _step(data: Data, directory: str) -> Draft:
    said: Any = data.get("inputs") or {}
    inputs: Any = dict(said)
    if directory and data.get("action") == "run":
        inputs["directory"] = joined(directory, str(inputs.get("directory", ".")))
    return Draft(Step.model_validate({**data, "inputs": inputs}))


def _placed(row: StepRow, inputs: Data, directory: str) -> bool:
    """Say in the inputs of an action that it happens in a folder; whether that can be said."""
    if row.action == "run":
        inputs["directory"] = directory
        return True
    known = ["path"] if row.action == "checkout" else [name for name in _PATHS if name in row.inputs]
    for name in known:
        inputs[name] = "\n".join(_below(line, directory) for line in str(inputs.get(name, ".")).splitlines())
    return bool(known)


def _below(path: str, directory: str) -> str:
    mark = "!" if path.startswith("!") else ""
    return f"{mark}{joined(directory, path.removeprefix('!'))}"


def _less(value: JsonValue, without: JsonValue) -> JsonValue:
    lines = [f"!{line}" for line in str(without).splitlines() if line]
    return "\n".join((str(value), *lines))


def _word(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
