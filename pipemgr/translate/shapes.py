"""Shapes: how a node becomes a value of a field, with every mistake told at its place.

A shape takes a node and answers with the value; where the node does not fit, the place gets a problem and the
answer is None, so that all mistakes of a file are found at once. It also has the JSON Schema of what it takes, so
that the published schema and the reader come from one table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from pipemgr.model.definitions import Definition, seconds
from pipemgr.model.expressions import ExpressionError, parse
from pipemgr.model.templates import template

from .node import Node

Schema = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """How to read a node, and the JSON Schema of what is read."""

    read: Callable[[Node], Any]
    schema: Schema

    def __call__(self, node: Node) -> Any:
        """The value, or None with a problem noted."""
        return self.read(node)


def shape(schema: Schema) -> Callable[[Callable[[Node], Any]], Shape]:
    """Make a function the reading half of a shape."""
    return lambda read: Shape(read, schema)


def any_of(*schemas: Schema) -> Schema:
    """What fits any of the schemas."""
    return {"anyOf": list(schemas)}


_TEMPLATE: Final = "${{"
TEMPLATE: Final[Schema] = {"type": "string", "pattern": r"\$\{\{"}
SCALAR: Final[Schema] = {"type": ["string", "number", "boolean"]}
NULL: Final[Schema] = {"type": "null"}


def wrong(node: Node, wanted: str) -> Any:
    """Note that `node` is not what is wanted there; the answer is a shape's, None."""
    node.take_all()
    found = "empty" if node.is_null else f"a {node.kind}"
    node.problem(f"{node.label} must be {wanted}, not {found}")
    return None


def unknown(node: Node, name: str, kind: str, known: Collection[str]) -> Any:
    """Note a name that means nothing, with the nearest one that does."""
    node.take_all()
    near = get_close_matches(name, known, n=1)
    shown = f"; known: {', '.join(sorted(known))}" if known else ""
    node.problem(f"unknown {kind} {name!r}" + (f"; did you mean {near[0]!r}?" if near else shown))
    return None


# Scalars -----------------------------------------------------------------------------------------------


@shape(SCALAR)
def word(node: Node) -> Any:
    """A string (or a number or boolean, by its text), without a look at what it says."""
    if node.kind in ("mapping", "sequence", "null"):
        return wrong(node, "a string")
    return node.text()


@shape(SCALAR)
def text(node: Node) -> Any:
    """A string that may hold templates; they must parse."""
    return check_templates(node) if word(node) is not None else None


def check_templates(node: Node) -> str:
    """The node's text; a broken template in it is a problem at its character."""
    value = node.text()
    if _TEMPLATE in value:
        try:
            template(value)
        except ExpressionError as error:
            node.problem(f"{node.label}: {error}", error.offset)
    return value


@shape({"type": [*SCALAR["type"], "null"]})
def blank(node: Node) -> str | None:
    """A string that may be left out after its key."""
    return "" if node.take().is_null else text(node)


@shape({"type": ["string", "boolean"]})
def condition(node: Node) -> Any:
    """An expression, as text or a boolean."""
    if node.kind == "boolean":
        return node.flag()
    if node.kind != "string":
        return wrong(node, "a condition")
    value = node.text()
    try:
        parse(value)
    except ExpressionError as error:
        bare = "; write the condition without ${{ }}" if value.lstrip().startswith(_TEMPLATE) else ""
        node.problem(f"{node.label}: {error}{bare}", error.offset)
    return value


@shape(any_of({"type": "boolean"}, TEMPLATE))
def flag(node: Node) -> Any:
    """A boolean, or a template that gives one."""
    if node.kind == "boolean":
        return node.flag()
    return _templated(node, "true, false or a ${{ }} template")


@shape(any_of({"type": "integer"}, TEMPLATE))
def count(node: Node) -> Any:
    """A whole number, or a template that gives one."""
    return (
        node.take().value
        if type(node.value) is int
        else _templated(node, "a whole number or a ${{ }} template")
    )


def _templated(node: Node, wanted: str) -> Any:
    if node.kind == "string" and _TEMPLATE in node.text():
        return check_templates(node)
    return wrong(node, wanted)


@shape({"type": "integer", "minimum": 0})
def whole(node: Node) -> Any:
    """A whole number that is not negative."""
    value = node.take().value
    return value if type(value) is int and value >= 0 else wrong(node, "a whole number, 0 or more")


@shape({"type": "boolean"})
def truth(node: Node) -> Any:
    """A boolean."""
    return node.flag() if node.kind == "boolean" else wrong(node, "true or false")


@shape({"type": "string", "pattern": r"^(\d+(\.\d+)?|\$\{\{[\s\S]*\}\})[smhd]$"})
def duration(node: Node) -> Any:
    """A number with its unit."""
    value = word(node)
    if value is not None:
        try:
            seconds(value)
        except ValueError as error:
            node.problem(f"{node.label}: {error}")
        check_templates(node)
    return value


def one_of(*choices: str) -> Shape:
    """One of a few words."""

    @shape({"enum": list(choices)})
    def read(node: Node) -> Any:
        value = word(node)
        if value is not None and value not in choices:
            unknown(node, value, str(node.key), choices)
        return value

    return read


# JSON --------------------------------------------------------------------------------------------------


@shape({})
def anything(node: Node) -> Any:
    """Any value, taken as it is."""
    return node.plain()


@shape({"type": "object"})
def data(node: Node) -> Any:
    """A mapping of any values, taken as it is."""
    return node.plain() if node.kind == "mapping" else wrong(node, "a mapping")


@shape({})
def templated(node: Node) -> Any:
    """Any value; templates in its texts must parse."""
    match node.take().children:
        case dict() as entries:
            return {key: templated(child) for key, child in entries.items()}
        case list() as elements:
            return [templated(child) for child in elements]
    return check_templates(node) if node.kind == "string" else node.value


# Collections -------------------------------------------------------------------------------------------


def many(one: Shape) -> Shape:
    """A sequence."""

    @shape({"type": "array", "items": one.schema})
    def read(node: Node) -> Any:
        return list(map(one, node.entries())) if node.kind == "sequence" else wrong(node, "a list")

    return read


def one_or_many(one: Shape) -> Shape:
    """A sequence, or one scalar in place of a sequence of one."""

    @shape(any_of(one.schema, {"type": "array", "items": one.schema}))
    def read(node: Node) -> Any:
        return (
            wrong(node, "a list") if node.kind in ("mapping", "null") else list(map(one, node.one_or_many()))
        )

    return read


def each(one: Shape, names: Schema | None = None) -> Shape:
    """A mapping with names of the author's choice; `names` is the schema of these."""
    rule = {"propertyNames": names} if names else {}

    @shape({"type": "object", "additionalProperties": one.schema, **rule})
    def read(node: Node) -> Any:
        if node.kind != "mapping":
            return wrong(node, "a mapping")
        return {key: one(child) for key, child in node.items().items()}

    return read


def or_template(one: Shape) -> Shape:
    """What `one` reads, or one template that gives it."""

    @shape(any_of(one.schema, TEMPLATE))
    def read(node: Node) -> Any:
        return check_templates(node) if node.kind == "string" and _TEMPLATE in str(node.value) else one(node)

    return read


def fields(
    table: Mapping[str, Shape],
    kind: type[Definition] | None = None,
    *,
    required: Collection[str] = (),
    short: str | None = None,
    empty: bool = False,
) -> Shape:
    """A mapping with the keys of `table`, which are the fields of `kind`.

    `short` names the key that a scalar in place of the mapping sets; `empty` allows nothing in its place.
    """

    def read(node: Node) -> Any:
        if node.kind == "mapping":
            return known_fields(node, table, required)
        if node.is_null and empty:
            return node.items()
        if short is None or node.kind in ("sequence", "null"):
            return wrong(node, "a mapping" if short is None else f"a mapping or a string ({short})")
        return {short: table[short](node)}

    schema = known_schema(table, kind, required)
    others = [*([table[short].schema] if short else []), *([NULL] if empty else [])]
    return Shape(read, any_of(schema, *others) if others else schema)


def known_schema(
    table: Mapping[str, Shape], kind: type[Definition] | None = None, required: Collection[str] = ()
) -> Schema:
    """The schema of a mapping with these keys and no others; `title` tells which class describes them."""
    return {
        **({"title": kind.__name__} if kind else {}),
        "type": "object",
        "properties": {key: one.schema for key, one in table.items()},
        "additionalProperties": False,
        **({"required": list(required)} if required else {}),
    }


def known_fields(node: Node, table: Mapping[str, Shape], required: Collection[str] = ()) -> dict[str, Any]:
    """The values of a mapping's keys by `table`; unknown and missing keys are problems."""
    entries = node.items()
    for key, child in entries.items():
        if key not in table:
            unknown(child, key, "key", table)
    for key in required:
        if key not in entries:
            node.problem(f"{node.label} needs the key {key!r}")
    return {key: table[key](child) for key, child in entries.items() if key in table}
