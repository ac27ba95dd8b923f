"""The format of pipemgr's own files: a table of keys for each thing in it, and their schemas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, get_args

from pipemgr.mapping.rows import Input
from pipemgr.model.definitions import (
    ID_PATTERN,
    OPAQUE,
    Approval,
    Concurrency,
    Container,
    Defaults,
    Environment,
    Matrix,
    Parameter,
    Runner,
    Trigger,
)

from .node import Node
from .shapes import (
    NULL,
    SCALAR,
    TEMPLATE,
    Schema,
    Shape,
    any_of,
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
    shape,
    text,
    truth,
    whole,
    word,
    wrong,
)

RUN: Final = "run"
ID = re.compile(ID_PATTERN)

Actions = Mapping[str, Mapping[str, Input]]
"""The actions there are, and the inputs of each."""

BUILT_IN: Final[Actions] = {
    RUN: {
        "script": Input(required=True, description="The script."),
        "shell": Input(description="The shell that reads it."),
        "directory": Input(description="Folder to run in."),
    },
    OPAQUE: {
        "vendor": Input(required=True, description="Who understands it."),
        "value": Input(required=True, description="What it says, word for word."),
        "steps": Input(description="What it does, in steps that any vendor can take."),
    },
}
SCHEDULE: Final = "schedule"
KEPT: Final = ("vendor", "value")
"""What an opaque trigger keeps."""


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
RUNNER: Final[Mapping[str, Shape]] = {"name": text, "labels": one_or_many(text), "group": text, "size": text}
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
    "idle-timeout": duration,
    "background": truth,
    "allow-failure": flag,
    "vendor": each(data),
}
_MATRIX_ROWS: Final = or_template(many(data))
_AXIS: Final = or_template(many(anything))
_runner = fields(RUNNER, Runner, short="name")
_container = fields(CONTAINER, Container, required=["image"], short="image")
_concurrency = fields(CONCURRENCY, Concurrency, required=["group"], short="group")


_MATRIX_SCHEMA: Final = any_of(
    TEMPLATE,
    {
        "title": Matrix.__name__,
        "type": "object",
        "properties": {"include": _MATRIX_ROWS.schema, "exclude": _MATRIX_ROWS.schema, "axes": {}},
        "additionalProperties": _AXIS.schema,
    },
)


@shape(_MATRIX_SCHEMA)
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


EVENT = fields(TRIGGER, Trigger, empty=True)
SCHEDULED = fields(TRIGGER, Trigger, short="cron")

STAGE: Final[Mapping[str, Shape]] = {
    "name": text,
    "needs": one_or_many(word),
    "when": condition,
    "matrix": _matrix,
    "fail-fast": flag,
    "max-parallel": count,
    "parallelism": count,
    "runner": _runner,
    "workspace": text,
    "container": _container,
    "services": each(_container),
    "environment": fields(ENVIRONMENT, Environment, required=["name"], short="name"),
    "approval": fields(APPROVAL, Approval, short="message", empty=True),
    "variables": each(blank),
    "defaults": fields(DEFAULTS, Defaults),
    "contexts": one_or_many(text),
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
    "parameters": each(fields(PARAMETER, Parameter, empty=True)),
    "variables": each(blank),
    "runner": _runner,
    "defaults": fields(DEFAULTS, Defaults),
    "permissions": each(word),
    "concurrency": _concurrency,
    "timeout": duration,
    "vendor": each(data),
}
"""All keys of a file but `pipeline`, `triggers` and `stages`."""


# Schemas ----------------------------------------------------------------------------------------------


def action_schema(action: str, inputs: Mapping[str, Input] | None, short: str | None) -> Schema:
    """What may stand behind an action: its inputs, the value of its short one, or nothing where none is required."""
    if inputs is None:
        return any_of({"type": "object"}, NULL, *([SCALAR] if short else []))
    table = {name: _input_schema(action, one) for name, one in inputs.items()}
    required = [name for name, one in inputs.items() if one.required]
    whole_ = {"type": "object", "properties": table, "additionalProperties": False}
    if required:
        whole_["required"] = required
    others = [table[short]] if short and set(required) <= {short} else []
    return any_of(whole_, *others, *([] if required else [NULL]))


def _input_schema(action: str, one: Input) -> Schema:
    if action == OPAQUE:
        return {"description": one.description}
    kind = any_of(SCALAR, {"type": "array", "items": SCALAR}) if one.type == "lines" else SCALAR
    return {"description": one.description, **kind}
