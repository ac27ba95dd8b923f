"""Our own file format, reading: one pass that tells every mistake at its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from pipemgr.errors import InvalidPipeline, ParseError
from pipemgr.mapping.rows import Input
from pipemgr.model.definitions import (
    ACTION_PATTERN,
    ID_PATTERN,
    OPAQUE,
    Pipeline,
    Stage,
    Step,
)

from .base import Reader, Reading, refuse_problems
from .document import DocumentSet
from .names import Names
from .native_format import (
    BUILT_IN,
    EVENT,
    ID,
    KEPT,
    PIPELINE,
    RUN,
    SCHEDULE,
    SCHEDULED,
    STAGE,
    STEP,
    TRIGGER,
    Actions,
    action_schema,
)
from .node import Node
from .shapes import (
    SCALAR,
    Schema,
    Shape,
    any_of,
    anything,
    each,
    fields,
    known_fields,
    known_schema,
    many,
    shape,
    templated,
    unknown,
    word,
    wrong,
)
from .yaml import compose

# Reading -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NativeReader(Reader):
    """Reads pipemgr's own files; with `actions` and `triggers`, names that are not among them are refused."""

    actions: Actions | None = None
    shorts: Mapping[str, str] | None = None
    """The input that a bare value sets, by action."""
    triggers: Collection[str] | None = None
    names: Names | None = None
    """What expressions may look up and call."""

    def read(self, documents: DocumentSet) -> Reading:
        """The pipeline that the one document defines.

        Raises `ParseError` for what is no YAML and `InvalidPipeline` with every problem of the file.
        """
        if len(documents.documents) != 1:
            raise ParseError(
                f"{len(documents.documents)} documents make no pipeline", remedy="name exactly one file"
            )
        document = documents.documents[0]
        root = compose(document.text, document.path)
        source = root.origin
        found = self._file(root)
        refuse_problems(source)
        try:
            pipeline = Pipeline.model_validate(found)
        except ValidationError as error:
            raise _refusal(error, found, root) from None
        source.problems.extend((source.place(path), message) for path, message in pipeline.problems())
        if self.names is not None:
            strange = self.names.strange(pipeline)
            source.problems.extend((source.place(path), message) for path, message in strange)
        refuse_problems(source)
        return Reading(pipeline, source)

    def _file(self, root: Node) -> dict[str, Any]:
        if root.kind != "mapping":
            root.take_all()
            what = "empty" if root.is_null else f"a {root.kind}"
            root.problem(f"a pipeline file is a mapping with `pipeline: NAME` in it; this one is {what}")
            return {}
        for key, child in root.items().items():
            child.feeds("name" if key == "pipeline" else key)
        found = known_fields(root, self._table, ["pipeline"])
        name, stages = found.pop("pipeline", None), found.pop("stages", None) or {}
        return {"name": name, **found, "stages": [{"id": key, **(one or {})} for key, one in stages.items()]}

    @cached_property
    def _table(self) -> Mapping[str, Shape]:
        steps = many(Shape(self._step, self._step_schema()))
        stage = fields({**STAGE, "steps": steps}, Stage)
        checked = Shape(lambda node: stage(_checked_id(node)), stage.schema)
        return {
            "pipeline": _name,
            **PIPELINE,
            "triggers": many(Shape(self._trigger, self._trigger_schema())),
            "stages": each(checked, {"pattern": f"^{ID_PATTERN}$"}),
        }

    def schema(self) -> Schema:
        """The JSON Schema of the files that are read."""
        return known_schema(self._table, Pipeline, ["pipeline"])

    def _trigger(self, node: Node) -> Any:
        event, value = _single(node)
        if event is None:
            return None
        if self.triggers is not None and event not in (*self.triggers, OPAQUE):
            unknown(node, event, "trigger", {*self.triggers, OPAQUE})
        elif event == OPAQUE:
            return {"event": event, **self._kept(value or node)}
        elif value is None:
            return {"event": event}
        else:
            known = SCHEDULED if event == SCHEDULE else EVENT
            return {"event": event, **(known(value.feeds(node.model)) or {})}
        return None

    def _kept(self, node: Node) -> dict[str, Any]:
        """What an opaque trigger keeps: vendor and value, on their own or below `options`."""
        table = dict.fromkeys(KEPT, anything)
        if node.kind != "mapping":
            node.problem(f"an opaque trigger is a mapping with {' and '.join(table)}")
        elif "options" in node.items():
            return known_fields(node, {**TRIGGER, "options": fields(table, required=list(table))})
        else:
            return {"options": known_fields(node, table, list(table))}
        return {}

    def _trigger_schema(self) -> Schema:
        known = self.triggers or ()
        plain = {"enum": sorted({*known, OPAQUE})} if known else {"type": "string"}
        kept = known_schema(dict.fromkeys(KEPT, anything), None, list(KEPT))
        special = {OPAQUE: any_of(kept, EVENT.schema), SCHEDULE: SCHEDULED.schema}
        single: Schema = {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "properties": {**dict.fromkeys(known, EVENT.schema), **special},
            "additionalProperties": False if known else EVENT.schema,
        }
        return any_of(plain, single)

    def _step_schema(self) -> Schema:
        actions = self._actions or BUILT_IN
        schema = known_schema(STEP, Step)
        bodies = {name: action_schema(name, one, self._short(name)) for name, one in actions.items()}
        schema["properties"] = {**schema["properties"], **bodies}
        alone = [name for name, one in actions.items() if not any(given.required for given in one.values())]
        if self._actions is None:
            schema["additionalProperties"] = action_schema("", None, None)
            return any_of({"type": "string", "pattern": f"^{ACTION_PATTERN}$"}, schema)
        schema["oneOf"] = [{"required": [name]} for name in actions]
        return any_of({"enum": alone}, schema)

    # Steps ---------------------------------------------------------------------------------------------

    @cached_property
    def _actions(self) -> Actions | None:
        return None if self.actions is None else {**BUILT_IN, **self.actions}

    def _short(self, action: str) -> str | None:
        return "script" if action == RUN else (self.shorts or {}).get(action)

    def _inputs_of(self, action: str) -> Mapping[str, Input] | None:
        """The inputs that an action has; None where any will do."""
        return (BUILT_IN if self._actions is None else self._actions).get(action)

    def _step(self, node: Node) -> Any:
        if node.kind == "string":
            return self._action(node, node.text(), None)
        if node.kind != "mapping":
            return wrong(node, "a step: an action, or a mapping with an action in it")
        entries = node.items()
        found = {key: STEP[key](child) for key, child in entries.items() if key in STEP}
        action = self._action_key(node, [key for key in entries if key not in STEP])
        return found | (self._action(node, action, entries[action]) if action else {})

    def _action_key(self, node: Node, names: list[str]) -> str | None:
        """Which of a step's further keys is its action; the others are problems."""
        known = names if self._actions is None else [name for name in names if name in self._actions]
        if not names:
            node.problem("a step needs an action, such as `run: SCRIPT`")
        elif len(known) > 1:
            node.take_all().problem(
                f"a step has one action, this one has {', '.join(known)}: make it several steps"
            )
        for name in names:
            if len(known) == 1 and name in (self._inputs_of(known[0]) or ()):
                node.items()[name].take_all().problem(_belongs(known[0], name, self._short(known[0])))
            elif name not in known and len(names) > 1:
                unknown(node.items()[name], name, "key or action", [*STEP, *(self._actions or ())])
        return known[0] if len(known) == 1 else names[0] if len(names) == 1 else None

    def _action(self, node: Node, action: str, value: Node | None) -> dict[str, Any]:
        if self._actions is not None and action not in self._actions:
            unknown(value or node, action, "action", [*self._actions, *STEP])
            return {}
        return {"action": action, "inputs": self._inputs(node, action, value)}

    def _inputs(self, step: Node, action: str, value: Node | None) -> Any:
        known = self._inputs_of(action)
        short = self._short(action)
        if value is None or value.take().is_null:
            found: dict[str, Any] = {}
        elif value.kind == "mapping":
            value.feeds(f"{step.model}.inputs")
            found = {name: _input(child, action, known) for name, child in value.items().items()}
        elif short is None:
            return wrong(value, "a mapping of inputs")
        else:
            found = {short: _input(value.feeds(f"{step.model}.inputs.{short}"), action, known, short)}
        for name in known or ():
            if known and known[name].required and name not in found:
                (value or step).problem(f"{action} needs {name!r}")
        return found


def _belongs(action: str, name: str, short: str | None) -> str:
    """What to say of an input that stands beside its action."""
    first = f"{short}: ..., " if short else ""
    return f"{name!r} is an input of {action}: write `{action}: {{{first}{name}: ...}}`"


def _input(node: Node, action: str, known: Mapping[str, Input] | None, name: str = "") -> Any:
    """The value of an action's input."""
    name = name or str(node.key)
    if action == OPAQUE and name in BUILT_IN[OPAQUE]:
        return node.plain()
    if known is None:
        return templated(node)
    if name not in known:
        return unknown(node, name, f"input of {action}", known)
    if node.kind == "mapping" or (node.kind == "sequence" and known[name].type != "lines"):
        return wrong(node, "a list of lines" if known[name].type == "lines" else f"a {known[name].type}")
    return templated(node)


@shape({**SCALAR, "minLength": 1})
def _name(node: Node) -> Any:
    """The pipeline's name, which is no template and not empty."""
    value = word(node)
    if value == "":
        node.problem("a pipeline needs a name")
    return value


def _checked_id(node: Node) -> Node:
    if not ID.fullmatch(str(node.key)):
        node.problem(
            f"{node.label} can't be the id of a stage: use letters, digits, - and _, and no digit first"
        )
    return node


def _single(node: Node) -> tuple[str | None, Node | None]:
    """Name and value of a mapping with one key; a string is a name without a value."""
    if node.kind == "string":
        return node.text(), None
    if node.kind == "mapping" and len(entries := node.items()) == 1:
        return next(iter(entries.items()))
    wrong(node, "one trigger: its name, or a mapping with its name as the only key")
    return None, None


def _refusal(error: ValidationError, found: Any, root: Node) -> InvalidPipeline:
    """What the model refuses although every single key has its shape."""
    problems = []
    for one in error.errors(include_url=False):
        path = _path(one["loc"], found)
        problems.append((root.origin.place(path), f"{path}: {one['msg'].removeprefix('Value error, ')}"))
    return InvalidPipeline(problems[0][1], where=problems[0][0], problems=tuple(problems))


def _path(place: tuple[int | str, ...], found: Any) -> str:
    """The model path of a place in validated data: stages go by their ids."""
    match place:
        case ("stages", int(at), *rest):
            first = f"stages.{found['stages'][at]['id']}"
        case (str(first), *rest):
            pass
        case _:
            return ""
    return first + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in rest)
