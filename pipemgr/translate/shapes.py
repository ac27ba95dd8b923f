"""Shapes: how a node becomes a value of a field, with every mistake told at its place.

A shape takes a node and answers with the value; where the node does not fit, the place gets a problem and the
answer is None, so that all mistakes of a file are found at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from typing import Any, Final

from pipemgr.model.definitions import seconds
from pipemgr.model.expressions import ExpressionError, parse, template

from .node import Node

Shape = Callable[[Node], Any]

_TEMPLATE: Final = "${{"


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


def word(node: Node) -> Any:
    """A string (or a number or boolean, by its text), without a look at what it says."""
    if node.kind in ("mapping", "sequence", "null"):
        return wrong(node, "a string")
    return node.text()


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


def blank(node: Node) -> str | None:
    """A string that may be left out after its key."""
    return "" if node.take().is_null else text(node)


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


def flag(node: Node) -> Any:
    """A boolean, or a template that gives one."""
    if node.kind == "boolean":
        return node.flag()
    return _templated(node, "true, false or a ${{ }} template")


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


def whole(node: Node) -> Any:
    """A whole number that is not negative."""
    value = node.take().value
    return value if type(value) is int and value >= 0 else wrong(node, "a whole number, 0 or more")


def truth(node: Node) -> Any:
    """A boolean."""
    return node.flag() if node.kind == "boolean" else wrong(node, "true or false")


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

    def shape(node: Node) -> Any:
        value = word(node)
        if value is not None and value not in choices:
            unknown(node, value, str(node.key), choices)
        return value

    return shape


# JSON --------------------------------------------------------------------------------------------------


def anything(node: Node) -> Any:
    """Any value, taken as it is."""
    return node.plain()


def data(node: Node) -> Any:
    """A mapping of any values, taken as it is."""
    return node.plain() if node.kind == "mapping" else wrong(node, "a mapping")


def templated(node: Node) -> Any:
    """Any value; templates in its texts must parse."""
    match node.take().children:
        case dict() as entries:
            return {key: templated(child) for key, child in entries.items()}
        case list() as elements:
            return [templated(child) for child in elements]
    return check_templates(node) if node.kind == "string" else node.value


# Collections -------------------------------------------------------------------------------------------


def many(shape: Shape) -> Shape:
    """A sequence."""

    def read(node: Node) -> Any:
        return [shape(one) for one in node.entries()] if node.kind == "sequence" else wrong(node, "a list")

    return read


def one_or_many(shape: Shape) -> Shape:
    """A sequence, or one scalar in place of a sequence of one."""

    def read(node: Node) -> Any:
        return (
            [shape(one) for one in node.one_or_many()]
            if node.kind not in ("mapping", "null")
            else wrong(node, "a list")
        )

    return read


def each(shape: Shape) -> Shape:
    """A mapping with names of the author's choice."""

    def read(node: Node) -> Any:
        if node.kind != "mapping":
            return wrong(node, "a mapping")
        return {key: shape(child) for key, child in node.items().items()}

    return read


def or_template(shape: Shape) -> Shape:
    """What `shape` reads, or one template that gives it."""

    def read(node: Node) -> Any:
        return (
            check_templates(node) if node.kind == "string" and _TEMPLATE in str(node.value) else shape(node)
        )

    return read


def fields(
    table: Mapping[str, Shape],
    *,
    required: Collection[str] = (),
    short: str | None = None,
    empty: bool = False,
) -> Shape:
    """A mapping with the keys of `table`.

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

    return read


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
