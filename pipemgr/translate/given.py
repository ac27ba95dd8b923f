"""Given values: what expressions ask of variables that a vendor gives by itself, said so that all vendors know it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipemgr.mapping.variables import EnvironmentRow
from pipemgr.model.definitions import Pipeline
from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name, transform
from pipemgr.model.templates import template

from .base import Dialect
from .report import Fidelity, Finding
from .rewriting import rewritten
from .scripts import handed_on
from .tree import expressions

_VARIABLES: Final = Name("variables")
_RUN: Final = "run"


def asked_for(pipeline: Pipeline, source: Dialect) -> tuple[Pipeline, tuple[Finding, ...]]:
    """The pipeline with the values of the variables that `source` gives, where expressions ask for them by name.

    Those that the definition sets itself, anywhere, are left alone.
    """
    tables = source.tables
    given = tables.variables.given if tables is not None and tables.has("variables") else {}
    rows = {name: row for name, row in given.items() if name not in _defined(pipeline)}
    used = [
        (path, name)
        for path, node in expressions(pipeline)
        for name in dict.fromkeys(filter(None, map(_variable, node.walk())))
        if name in rows
    ]
    if not used:
        return pipeline, ()
    values = {name: _value(rows[name]) for _, name in used}

    def put_in(node: Expression) -> Expression:
        return _decided(values.get(_variable(node) or "", node))

    changed = rewritten(pipeline, lambda node: transform(node, put_in))
    return changed, tuple(_finding(path, name, rows, source) for path, name in dict.fromkeys(used))


def _defined(pipeline: Pipeline) -> set[str]:
    found = {*pipeline.variables}
    for stage in pipeline.stages:
        found |= stage.variables.keys()
        for step in stage.steps:
            script = step.inputs.get("script") if step.action == _RUN else None
            found |= step.variables.keys()
            found |= set(handed_on(script)) if isinstance(script, str) else set()
    return found


def _variable(node: Expression) -> str | None:
    match node:
        case Access(target, Literal(str(name))) if target == _VARIABLES:
            return name
    return None


def _value(row: EnvironmentRow) -> Expression:
    """What a variable holds, as one expression."""
    parts = template(row.template)
    values = [part for part in parts if isinstance(part, Expression)]
    if not values:
        return Literal("".join(map(str, parts)))
    if len(parts) == 1:
        return values[0]
    at = iter(range(len(values)))
    shown = (
        part.replace("{", "{{").replace("}", "}}") if isinstance(part, str) else f"{{{next(at)}}}"
        for part in parts
    )
    return Call("format", (Literal("".join(shown)), *values))


def _decided(node: Expression) -> Expression:
    """What decides about a variable that is set or empty, or what stands behind a beginning that it always has."""
    match node:
        case Binary("!=", Call("case", (test, Literal(str(text)), Literal(""))), Literal("")) if text:
            return test
        case Binary("==", Call("case", (test, Literal(text), Literal(""))), Literal(wanted)) if (
            text == wanted
        ):
            return test
        case Binary(
            ("==" | "!=") as operator, Call("format", (Literal(str(shape)), value)), Literal(str(text))
        ):
            begin = shape.removesuffix("{0}")
            if begin != shape and "{" not in begin and text.startswith(begin):
                return Binary(operator, value, Literal(text.removeprefix(begin)))
    return node


def _finding(path: str, name: str, rows: Mapping[str, EnvironmentRow], source: Dialect) -> Finding:
    note = rows[name].note
    why = f"only {source.title} gives it; what it holds stands in its place"
    return Finding(
        fidelity=Fidelity.APPROXIMATE if note else Fidelity.EQUIVALENT,
        path=path,
        source="",
        what=f"environment variable {name}",
        why=f"{why}: {note}" if note else why,
        remedy=f"look at what uses {name}" if note else "",
    )
