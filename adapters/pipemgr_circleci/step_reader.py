"""Steps in: built-in steps and commands of orbs become actions of the catalogue; what no row knows stays opaque."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import (
    Fidelity,
    Fields,
    Kept,
    Node,
    StageRow,
    StepRow,
    alike,
    expand,
    from_vendor,
    ignored,
)
from pipemgr.model.definitions import HINTS, OPAQUE, Data, Step
from pipemgr.model.expressions import Call, Expression, parse

from .calls import CallReader, Item
from .conditions import both
from .keys import read_key
from .shell import from_circleci
from .texts import Texts
from .words import VENDOR

RUN_INPUTS: Final = {"shell": "shell", "working_directory": "directory"}
STATUS: Final = {"always": Call("always"), "on_fail": Call("failure"), "on_success": None}
"""When a step runs (https://circleci.com/docs/reference/configuration-reference/#the-when-attribute)."""
ALWAYS: Final = frozenset({"store_artifacts", "store_test_results"})
"""They run whether the steps before failed or not (same page)."""
_AXIS: Final = re.compile(r"(<<\s*)matrix\.")
HISTORY: Final[dict[str, Data]] = {"checkout": {"depth": 0}}
"""What a built-in step does by itself: the history of all commits is there, whichever `method` fetches it
(https://circleci.com/docs/reference/configuration-reference/#checkout)."""
CACHES: Final = frozenset({"cache", "cache.restore", "cache.save"})


class StepReader:
    """Reads steps."""

    def __init__(self, texts: Texts, calls: CallReader) -> None:
        self.texts = texts
        self.calls = calls
        self.rows = texts.words.tables.steps
        variables = texts.words.tables.variables.environment.ours
        self.contexts: dict[str, Expression] = {name: parse(ours) for name, ours in variables.items()}

    def read(self, item: Item, model: str) -> Step | None:
        """One step; None when it can't be one, which is noted."""
        for node in item.around:
            if node.fed is None:
                node.feeds(model)
        item.node.feeds(model)
        if item.call in ("run", "deploy"):
            return self._run(item, model)
        row = self.rows.read(item.call)
        if row is None or row.steps:
            return self._opaque(item, model, row)
        return self._known(item, row, model)

    # Scripts -------------------------------------------------------------------------------------------

    def _run(self, item: Item, model: str) -> Step | None:
        node, kept = item.arguments, Kept(model, VENDOR)
        if item.call == "deploy":
            kept.put("deploy", HINTS, "step")
        if node is None or node.is_null:
            item.node.problem(f"`{item.key}` needs a command")
            return None
        if node.kind != "mapping":
            script = self.texts.text(node.feeds(f"{model}.inputs.script"))
            return Step(action="run", inputs={"script": script}, when=_when(item, None), vendor=_said(kept))
        fields = Fields(node.feeds(model), model, kept)
        command = fields.take("command", "inputs.script")
        if command is None:
            node.take_all()
            node.problem(f"`{item.key}` needs a `command`")
            return None
        inputs: Data = {"script": self.texts.text(command)}
        for theirs, ours in RUN_INPUTS.items():
            if (one := fields.take(theirs, f"inputs.{ours}")) is not None:
                text = self.texts.text(one)
                inputs[ours] = from_circleci(text) if ours == "shell" else text
        found = self._common(fields, item)
        found["variables"] = self.texts.table(fields.take("environment", "variables"))
        self._background(fields, found)
        if (one := fields.take("no_output_timeout", "idle-timeout")) is not None:
            found["idle_timeout"] = self.texts.duration(one)
        fields.rest()
        return Step(action="run", inputs=inputs, vendor=_said(kept), **found)

    def _background(self, fields: Fields, found: dict[str, Any]) -> None:
        node = fields.take("background", "background")
        value = self.texts.flag(node) if node is not None else False
        if isinstance(value, bool):
            found["background"] = value
        elif node is not None:
            fields.keep(node, "background")

    def _common(self, fields: Fields, item: Item) -> dict[str, Any]:
        """Name and condition."""
        found = self.texts.some(fields, {"name": "name"})
        found["when"] = _when(item, fields.take("when", "when"))
        return found

    # Known calls ---------------------------------------------------------------------------------------

    def _known(self, item: Item, row: StepRow, model: str) -> Step:
        kept = Kept(model, VENDOR)
        node = item.arguments
        built_in = "/" not in item.call
        if node is None or node.kind != "mapping":
            inputs = self._short(node, row, model)
            inputs = {**HISTORY.get(item.call, {}), **inputs}
            return Step(action=row.action, inputs=inputs, when=_when(item, None), vendor=_said(kept))
        fields = Fields(node.feeds(model), model, kept)
        found = self._common(fields, item) if built_in else {"when": _when(item, None)}
        inputs = {**HISTORY.get(item.call, {})}
        if row.action == "checkout" and (how := fields.take("method", f"vendor.{VENDOR}.{HINTS}.method")):
            kept.put(self.texts.text(how), HINTS, "method")
        if row.action == "cache.restore" and built_in:
            inputs |= self._keys(fields)
            self._useless(fields)
        for ours in row.inputs:
            theirs = row.input(ours)
            one = fields.take(theirs.name, f"inputs.{ours}") if theirs else None
            if theirs and one is not None:
                inputs[ours] = self._input(row, ours, from_vendor(self._data(one), theirs.convert))
        if not built_in:
            kept.put(item.key, HINTS, "call")
        fields.rest()
        return Step(action=row.action, inputs=inputs, vendor=_said(kept), **found)

    def _short(self, node: Node | None, row: StepRow, model: str) -> Data:
        """A call with one bare value, or with nothing."""
        if node is None or node.is_null:
            return {}
        node.feeds(f"{model}.inputs")
        known = self.texts.words.tables.catalogue.shorts().get(row.action) or next(iter(row.inputs), None)
        if known is None or known not in row.inputs:
            node.problem(f"{node.label} takes a mapping")
            return {}
        return {known: self._data(node.feeds(f"{model}.inputs.{known}"))}

    def _data(self, node: Node) -> JsonValue:
        return self.texts.data(node)

    def _input(self, row: StepRow, ours: str, value: JsonValue) -> JsonValue:
        if row.action in CACHES and ours in ("key", "restore-keys") and isinstance(value, str):
            return self._key(value)
        if ours in ("version", "path") and isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        return value

    def _key(self, text: str) -> str:
        return read_key(text, self.contexts)

    def _keys(self, fields: Fields) -> Data:
        """`key` and `keys` of a restored cache: the first one to look for, and the others."""
        found: list[str] = []
        if (node := fields.take("key", "inputs.key")) is not None:
            found += [self._key(self.texts.text(one)) for one in node.one_or_many()]
        if (node := fields.take("keys", "inputs.restore-keys")) is not None:
            for at, one in enumerate(node.one_or_many()):
                one.feeds(
                    f"{fields.model}.inputs.{'restore-keys' if found else 'key'}"
                ) if at or not found else one
                found.append(self._key(self.texts.text(one)))
        if not found:
            fields.node.problem("restore_cache needs a `key` or `keys`")
            return {}
        found = list(dict.fromkeys(found))
        return {"key": found[0], **({"restore-keys": "\n".join(found[1:])} if found[1:] else {})}

    @staticmethod
    def _useless(fields: Fields) -> None:
        """`paths` of a restored cache, which people write, and CircleCI ignores."""
        if (node := fields.take("paths", "inputs.path")) is not None:
            node.finding(
                Fidelity.EQUIVALENT,
                "`paths` of restore_cache",
                "CircleCI ignores it: a cache goes back to where it was saved from",
                "remove it",
            )

    # Calls that only CircleCI understands ----------------------------------------------------------------

    def _opaque(self, item: Item, model: str, row: StepRow | None) -> Step:
        """A call as it stands; with the steps that it means, where a row says them."""
        node = item.arguments
        item.node.take_all()
        value: JsonValue = item.key
        given: Any = {}
        if node is not None:
            node.feeds(f"{model}.inputs.value.{item.key}")
            value = {item.key: as_parameters(node.plain())}
            given = self.arguments(node, row, f"{model}.inputs.steps")
        inputs: Data = {"vendor": VENDOR, "value": value}
        if row is not None:
            given = given if isinstance(given, dict) else {}
            inputs["steps"] = expand(row, given)  # type: ignore[assignment]
            self._tell_ignored(item, row, given)
        return Step(action=OPAQUE, inputs=inputs, when=both(item.conditions) if item.conditions else None)

    def arguments(self, node: Node, row: StepRow | StageRow | None, model: str) -> Any:
        """What a call is given."""
        return self.given(node.items(), row, model) if node.kind == "mapping" else self.texts.data(node)

    def given(self, nodes: Mapping[str, Node], row: StepRow | StageRow | None, model: str) -> Data:
        """The parameters of a call; those that take steps, as steps in neutral words."""
        defaults = row.defaults if row is not None else {}
        lists = {alike(name) for name, default in defaults.items() if isinstance(default, list)}
        return {
            key: self._given_steps(one, model) if alike(key) in lists else self.texts.data(one)
            for key, one in nodes.items()
        }

    def _given_steps(self, node: Node, model: str) -> JsonValue:
        steps = (self.read(item, model) for item in self.calls.items(node))
        found: JsonValue = [step.data() for step in steps if step is not None]
        for below in _all(node):
            below.fed = None
        return found

    @staticmethod
    def _tell_ignored(item: Item, row: StepRow, given: Data) -> None:
        left = ignored(row, given)
        if left and item.arguments is not None:
            item.arguments.finding(
                Fidelity.EQUIVALENT,
                f"{item.key} with {', '.join(left)}",
                "CircleCI gets the call as it is; the steps that stand for it elsewhere do without these parameters",
                "compare what they do with what you need",
            )


def _all(node: Node) -> Iterator[Node]:
    """All nodes below one."""
    children = node.children.values() if isinstance(node.children, dict) else node.children or ()
    for child in children:
        yield child
        yield from _all(child)


def _when(item: Item, node: Node | None) -> Expression | None:
    """The condition of a step: its own word, and what it stands in."""
    status: Expression | None = Call("always") if item.call in ALWAYS else None
    if node is not None:
        word = node.text()
        if word in STATUS:
            status = STATUS[word]
        elif "<<" not in word:
            node.problem(f"`when` of a step is one of {', '.join(STATUS)}, not {word!r}")
    conditions = [*([status] if status is not None else []), *item.conditions]
    return both(conditions) if conditions else None


def _said(kept: Kept) -> dict[str, Data]:
    """What a step keeps for CircleCI."""
    found: Any = {vendor: as_parameters(data) for vendor, data in kept.said().items()}
    return found  # type: ignore[no-any-return]


def as_parameters(value: JsonValue) -> JsonValue:
    """What is kept of a step, with axes of the matrix as the job's own text names them: by its parameters."""
    match value:
        case str():
            return _AXIS.sub(r"\1parameters.", value)
        case dict():
            return {key: as_parameters(one) for key, one in value.items()}
        case list():
            return [as_parameters(one) for one in value]
    return value
