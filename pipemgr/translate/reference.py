"""The reference page of pipeline files: the parts that the model, the catalogue and the vendors' tables make.

A page is written by hand and has marks where a part stands:

    <!-- made: keys stage -->
    <!-- end -->

`filled` puts every part at its mark; `python -m pipemgr.service.reference` does it for docs/format.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pipemgr.errors import PipemgrError
from pipemgr.mapping.catalogue import Catalogue
from pipemgr.mapping.rows import Action, Input, StepRow
from pipemgr.mapping.tables import Tables
from pipemgr.model import definitions
from pipemgr.model.definitions import Definition
from pipemgr.model.support import Answer, Support

from .features import FEATURES, descriptions
from .schema import pipeline_schema
from .tree import defaults

_MARK: Final = re.compile(r"(<!-- made: ([a-z-]+(?: [a-z]+)?) -->\n).*?(<!-- end -->)", re.DOTALL)
_SUPPORT: Final = {
    Support.FULL: "yes",
    Support.PARTIAL: "partly",
    Support.NOT_IMPLEMENTED: "not yet",
    Support.UNSUPPORTED: "no",
}
_WORDS: Final[dict[str, str]] = {
    "boolean": "true or false",
    "integer": "whole number",
    "null": "nothing",
    "object": "mapping",
    "array": "list",
    "string": "text",
    "number": "number",
}
_SHOWN: Final = 8
"""Values that are listed; of more it is told that they are names."""
_CONDITION: Final = {"string", "boolean"}
_SCALAR: Final = {"string", "number", "boolean"}


@dataclass(frozen=True)
class Vendor:
    """What the page tells of a vendor."""

    title: str
    tables: Tables
    features: Mapping[str, Answer]


def filled(page: str, names: Catalogue, vendors: Iterable[Vendor]) -> str:
    """The page with every part made anew.

    Raises `PipemgrError` for a mark that names no part, and for a part that has no mark.
    """
    parts = dict(_parts(names, tuple(vendors)))
    marks = {found[2] for found in _MARK.finditer(page)}
    if strange := marks ^ parts.keys():
        raise PipemgrError(
            f"marks and parts differ: {', '.join(sorted(strange))}",
            remedy="write `<!-- made: NAME -->` and `<!-- end -->` where the part is to stand",
        )
    return _MARK.sub(lambda found: f"{found[1]}{parts[found[2]]}{found[3]}", page)


def _parts(names: Catalogue, vendors: tuple[Vendor, ...]) -> Iterator[tuple[str, str]]:
    schema = pipeline_schema(names)
    yield "keys pipeline", _keys("Pipeline", schema)
    for kind, one in schema["$defs"].items():
        own = {key: value for key, value in one["properties"].items() if key not in names.actions}
        yield f"keys {kind.lower()}", _keys(kind, {**one, "properties": own})
    yield "triggers", _triggers(names, vendors)
    yield "actions", "\n".join(_action(one, vendors) for one in names.actions.values())
    yield "runners", _runners(names, vendors)
    yield "contexts", _contexts(names, vendors)
    yield "functions", _functions(names, vendors)
    yield "features", _features(vendors)
    yield "notes", "\n".join(map(_notes, vendors))


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = tuple(head)
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _code(*words: str | None) -> str:
    return ", ".join(f"`{word}`" for word in words if word)


# Keys of the format ----------------------------------------------------------------------------------------


def _keys(kind: str, schema: Mapping[str, Any]) -> str:
    """The table of a class's keys: what each takes, what counts without it, what it means."""
    model: type[Definition] = getattr(definitions, kind)
    required = schema.get("required", ())
    usual = defaults(model)
    rows = []
    for key, one in schema["properties"].items():
        field = "name" if key == "pipeline" else key.replace("-", "_")
        about = one.get("description") or descriptions().get((kind, field), "")
        unset = "required" if key in required else _default(usual.get(field))
        rows.append((_code(key), _type(one), unset, about))
    return _table(("key", "takes", "default", "meaning"), rows)


def _default(value: Any) -> str:
    return _code(json.dumps(value)) if isinstance(value, bool | int | str) and value != "" else ""


def _type(schema: Mapping[str, Any]) -> str:
    """What a schema takes, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2].lower()
        return f"[{name}](#{name})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(_type, schema["anyOf"])))
    if "enum" in schema:
        return _code(*schema["enum"]) if len(schema["enum"]) <= _SHOWN else "a name"
    if "pattern" in schema:
        return "duration" if "smhd" in schema["pattern"] else "template"
    inner = schema.get("items") or schema.get("additionalProperties")
    return _plain_type(schema.get("type"), _type(inner) if inner else "")


def _plain_type(kind: Any, inner: str) -> str:
    """What a schema's `type` takes, in words; `inner` is what is in it."""
    if isinstance(kind, list):
        return "text" if set(kind) >= _SCALAR else "condition" if set(kind) == _CONDITION else "anything"
    word = _WORDS.get(kind, "anything")
    return (
        {"array": f"list of {_plural(inner)}", "object": f"names and {_plural(inner)}"}.get(kind, word)
        if inner
        else word
    )


def _plural(words: str) -> str:
    return re.sub(r"^(text|mapping|value)$", r"\1s", words)


# The catalogue ---------------------------------------------------------------------------------------------


def _triggers(names: Catalogue, vendors: tuple[Vendor, ...]) -> str:
    known = [one for one in vendors if one.tables.has("triggers")]
    rows = (
        (
            _code(name),
            kind.description,
            _code(*(one.replace("_", "-") for one in kind.filters)),
            *(_code(one.tables.triggers.theirs.get(name)) for one in known),
        )
        for name, kind in names.triggers.items()
    )
    return _table(("trigger", "meaning", "filters", *(one.title for one in known)), rows)


def _action(action: Action, vendors: tuple[Vendor, ...]) -> str:
    """The paragraph of an action: what it does, its inputs, and how each vendor does it."""
    short = f" `{action.name}: VALUE` sets `{action.short}`." if action.short else ""
    rows = [_input(name, one) for name, one in action.inputs.items()]
    inputs = _table(("input", "takes", "default", "meaning"), rows) if rows else ""
    ways = [f"{one.title}: {way}" for one in vendors if (way := _way(one, action.name))]
    done = f"\nWritten as: {'; '.join(ways)}.\n" if ways else ""
    return f"### {action.name}\n\n{action.description}{short}\n\n{inputs}{done}"


def _input(name: str, one: Input) -> tuple[str, str, str, str]:
    kind = {"boolean": "true or false", "lines": "lines", "number": "number"}.get(one.type, "text")
    unset = "required" if one.required else "" if one.default is None else _code(json.dumps(one.default))
    return _code(name), kind, unset, one.description


def _way(vendor: Vendor, action: str) -> str:
    steps = vendor.tables.steps if vendor.tables.has("steps") else None
    row: StepRow | None = steps.write(action) if steps else None
    if row is None:
        return "its steps" if steps and steps.lowered(action) else ""
    return "a script" if row.call is None else _code(f"{row.call}@{row.version}")


def _runners(names: Catalogue, vendors: tuple[Vendor, ...]) -> str:
    known = [one for one in vendors if one.tables.has("runners")]
    rows = (
        (_code(name), kind.description, *(_code(one.tables.runners.theirs.get(name)) for one in known))
        for name, kind in names.runners.items()
    )
    return _table(("runner", "meaning", *(one.title for one in known)), rows)


def _contexts(names: Catalogue, vendors: tuple[Vendor, ...]) -> str:
    known = [one for one in vendors if one.tables.has("variables")]
    rows = (
        (_code(name), about, *(_word(one, name) for one in known)) for name, about in names.contexts.items()
    )
    return _table(("name", "meaning", *(one.title for one in known)), rows)


def _word(vendor: Vendor, name: str) -> str:
    """A vendor's expression for a context, and its environment variable."""
    variables = vendor.tables.variables
    expression = next((row.expression for row, _ in variables.contexts if row.name == name), None)
    variable = variables.environment.theirs.get(name)
    return _code(expression, variable and f"${variable}")


def _functions(names: Catalogue, vendors: tuple[Vendor, ...]) -> str:
    known = [one for one in vendors if one.tables.has("variables")]
    rows = (
        (_code(name), about, *(_code(one.tables.variables.functions.theirs.get(name)) for one in known))
        for name, about in names.functions.items()
    )
    return _table(("function", "meaning", *(one.title for one in known)), rows)


# What vendors can say --------------------------------------------------------------------------------------


def _features(vendors: tuple[Vendor, ...]) -> str:
    rows = ((_code(name), *(_SUPPORT[one.features[name].support] for one in vendors)) for name in FEATURES)
    return _table(("feature", *(one.title for one in vendors)), rows)


def _notes(vendor: Vendor) -> str:
    """Why an answer is not yes, feature by feature."""
    answers = ((name, one) for name, one in vendor.features.items() if one.note)
    lines = "".join(f"- `{name}` ({_SUPPORT[one.support]}): {one.note}\n" for name, one in answers)
    return f"### {vendor.title}\n\n{lines}"
