"""pipemgr's own file format, reading: tables of its keys, and what they make."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, get_args

from pydantic import ValidationError

from pipemgr.errors import InvalidPipeline, ParseError
from pipemgr.mapping.rows import Input
from pipemgr.model.definitions import ID_PATTERN, OPAQUE, Parameter, Pipeline

from .base import Reader, Reading, refuse_problems
from .document import DocumentSet
from .node import Node
from .shapes import (
    Shape,
    anything,
    blank,
    condition,
    count,
    data,
    duration,
    each,
    fields,
    flag,
    known_fields,
    many,
    one_of,
    one_or_many,
    or_template,
    templated,
    text,
    truth,
    unknown,
    whole,
    word,
    wrong,
)
from .yaml import compose

RUN: Final = "run"
_ID = re.compile(ID_PATTERN)

Actions = Mapping[str, Mapping[str, Input]]
"""The actions there are, and the inputs of each."""

_BUILT_IN: Final[Actions] = {
    RUN: {
        "script": Input(required=True, description="The script."),
        "shell": Input(description="The shell that reads it."),
        "directory": Input(description="Folder to run in."),
    },
    OPAQUE: {
        "vendor": Input(required=True, description="Who understands it."),
        "value": Input(required=True, description="What it says, word for word."),
    },
}
_SCHEDULE: Final = "schedule"


# Tables: the keys of the format, and the shape of each -------------------------------------------------

TRIGGER: Final[Mapping[str, Shape]] = {
    "branches": one_or_many(text),
    "branches-ignore": one_or_many(text),
    "tags": one_or_many(text),
    "tags-ignore": one_or_many(text),
    "paths": one_or_many(text),
    "paths-ignore": one_or_many(text),
    "types": one_or_many(word),
    "cron": word,
    "timezone": word,
    "options": data,
}
PARAMETER: Final[Mapping[str, Shape]] = {
    "type": one_of(*get_args(Parameter.model_fields["type"].annotation)),
    "description": word,
    "default": anything,
    "choices": many(anything),
    "required": truth,
}
RUNNER: Final[Mapping[str, Shape]] = {"name": text, "labels": one_or_many(text), "group": text}
CONTAINER: Final[Mapping[str, Shape]] = {
    "image": text,
    "variables": each(blank),
    "ports": one_or_many(text),
    "volumes": one_or_many(text),
    "options": text,
    "username": text,
    "password": text,
    "command": text,
    "entrypoint": text,
}
CONCURRENCY: Final[Mapping[str, Shape]] = {"group": text, "cancel-running": flag}
DEFAULTS: Final[Mapping[str, Shape]] = {"shell": text, "directory": text}
ENVIRONMENT: Final[Mapping[str, Shape]] = {"name": text, "url": text}
APPROVAL: Final[Mapping[str, Shape]] = {"message": text}
STEP: Final[Mapping[str, Shape]] = {
    "id": word,
    "name": text,
    "when": condition,
    "variables": each(blank),
    "timeout": duration,
    "allow-failure": flag,
    "vendor": each(data),
}
_MATRIX_ROWS: Final = or_template(many(data))
_AXIS: Final = or_template(many(anything))
_runner = fields(RUNNER, short="name")
_container = fields(CONTAINER, required=["image"], short="image")
_concurrency = fields(CONCURRENCY, required=["group"], short="group")


def _matrix(node: Node) -> Any:
    """Axes beside `include` and `exclude`, or below `axes`, or one template for all."""
    if node.kind == "string":
        return {"expression": text(node)}
    if node.kind != "mapping":
        return wrong(node, "a mapping of axes, or a ${{ }} template")
    rows = {"include": _MATRIX_ROWS, "exclude": _MATRIX_ROWS}
    entries = node.items()
    if "axes" in entries and entries["axes"].kind == "mapping":
        return known_fields(node, {**rows, "axes": each(_AXIS)})
    for key, child in entries.items():
        if key not in rows:
            child.feeds(f"{node.model}.axes.{key}")
    axes = {key: _AXIS(child) for key, child in entries.items() if key not in rows}
    return {"axes": axes, **{key: rows[key](child) for key, child in entries.items() if key in rows}}


STAGE: Final[Mapping[str, Shape]] = {
    "name": text,
    "needs": one_or_many(word),
    "when": condition,
    "matrix": _matrix,
    "fail-fast": flag,
    "max-parallel": count,
    "runner": _runner,
    "container": _container,
    "services": each(_container),
    "environment": fields(ENVIRONMENT, required=["name"], short="name"),
    "approval": fields(APPROVAL, short="message", empty=True),
    "variables": each(blank),
    "defaults": fields(DEFAULTS),
    "permissions": each(word),
    "concurrency": _concurrency,
    "outputs": each(text),
    "timeout": duration,
    "retry": whole,
    "allow-failure": flag,
    "group": word,
    "vendor": each(data),
}
"""All keys of a stage but `steps`, whose shape depends on the catalogue."""
PIPELINE: Final[Mapping[str, Shape]] = {
    "build-name": text,
    "parameters": each(fields(PARAMETER, empty=True)),
    "variables": each(blank),
    "runner": _runner,
    "defaults": fields(DEFAULTS),
    "permissions": each(word),
    "concurrency": _concurrency,
    "vendor": each(data),
}
"""All keys of a file but `pipeline`, `triggers` and `stages`."""


# Reading -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NativeReader(Reader):
    """Reads pipemgr's own files; with `actions` and `triggers`, names that are not among them are refused."""

    actions: Actions | None = None
    shorts: Mapping[str, str] | None = None
    """The input that a bare value sets, by action."""
    triggers: Collection[str] | None = None

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
        stage = fields({**STAGE, "steps": many(self._step)})
        return {
            "pipeline": _name,
            **PIPELINE,
            "triggers": many(self._trigger),
            "stages": each(lambda node: stage(_checked_id(node))),
        }

    def _trigger(self, node: Node) -> Any:
        event, value = _single(node)
        if event is None:
            return None
        if self.triggers is not None and event not in (*self.triggers, OPAQUE):
            unknown(node, event, "trigger", [*self.triggers, OPAQUE])
        elif value is None:
            return {"event": event}
        elif event == OPAQUE and value.kind == "mapping" and "options" not in value.items():
            value.feeds(f"{node.model}.options")
            table = dict.fromkeys(_BUILT_IN[OPAQUE], anything)
            return {"event": event, "options": known_fields(value, table, list(table))}
        else:
            scheduled = event == _SCHEDULE
            shape = fields(TRIGGER, short="cron" if scheduled else None, empty=not scheduled)
            return {"event": event, **(shape(value.feeds(node.model)) or {})}
        return None

    # Steps ---------------------------------------------------------------------------------------------

    @cached_property
    def _actions(self) -> Actions | None:
        return None if self.actions is None else {**_BUILT_IN, **self.actions}

    def _inputs_of(self, action: str) -> Mapping[str, Input] | None:
        """The inputs that an action has; None where any will do."""
        return (_BUILT_IN if self._actions is None else self._actions).get(action)

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
            if name not in known and len(names) > 1:
                unknown(node.items()[name], name, "key or action", [*STEP, *(self._actions or ())])
        return known[0] if len(known) == 1 else names[0] if len(names) == 1 else None

    def _action(self, node: Node, action: str, value: Node | None) -> dict[str, Any]:
        if self._actions is not None and action not in self._actions:
            unknown(value or node, action, "action", [*self._actions, *STEP])
            return {}
        return {"action": action, "inputs": self._inputs(node, action, value)}

    def _inputs(self, step: Node, action: str, value: Node | None) -> Any:
        known = self._inputs_of(action)
        short = "script" if action == RUN else (self.shorts or {}).get(action)
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


def _input(node: Node, action: str, known: Mapping[str, Input] | None, name: str = "") -> Any:
    """The value of an action's input."""
    name = name or str(node.key)
    if action == OPAQUE and name in _BUILT_IN[OPAQUE]:
        return node.plain()
    if known is None:
        return templated(node)
    if name not in known:
        return unknown(node, name, f"input of {action}", known)
    if node.kind == "mapping" or (node.kind == "sequence" and known[name].type != "lines"):
        return wrong(node, "a list of lines" if known[name].type == "lines" else f"a {known[name].type}")
    return templated(node)


def _name(node: Node) -> Any:
    """The pipeline's name, which is no template and not empty."""
    value = word(node)
    if value == "":
        node.problem("a pipeline needs a name")
    return value


def _checked_id(node: Node) -> Node:
    if not _ID.fullmatch(str(node.key)):
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
