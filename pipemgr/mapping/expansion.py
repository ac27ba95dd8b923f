"""Expansion: what a row of a table says a call does, filled in with what the call was given.

    expand(row, {"version": "22"})      # [{"action": "setup.node", "inputs": {"version": "22"}}]

A row's values hold `${{ inputs.x }}`. A value that is nothing but one template becomes what it gives, of whatever type;
a step (or a service) that is given nothing, and a step whose condition can't hold, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.model.definitions import Data
from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name, Not, parse, transform
from pipemgr.model.templates import Part, template, untemplate

from .rows import StageRow, StepRow

Values = Mapping[str, JsonValue]
_INPUTS: Final = Name("inputs")
_USED: Final = re.compile(r"\binputs\.([\w-]+)")
_EMPTY: Final[tuple[JsonValue, ...]] = (None, "", [], {})
_DEEPEST: Final = 8
_WORDS: Final = {"true": True, "false": False}


def expand(row: StepRow, inputs: Values) -> list[Data]:
    """The steps of a row, as data, for a call that was given `inputs` (by the names that the row's steps use)."""
    return _steps(row.steps, _values(row.defaults, inputs))


def expand_stage(row: StageRow, inputs: Values) -> Data:
    """The stage of a row, as data without an id, for a call that was given `inputs`."""
    values = _values(row.defaults, inputs)
    filled: Any = fill({key: value for key, value in row.stage.items() if key != "steps"}, values)
    if "steps" in row.stage:
        filled["steps"] = _steps(row.stage["steps"], values)
    return filled  # type: ignore[no-any-return]


def ignored(row: StepRow | StageRow, inputs: Values) -> tuple[str, ...]:
    """The inputs given to a call that its row says nothing about: they are lost where the steps take its place."""
    said = row.model_dump_json(exclude={"call", "defaults"})
    known = set(map(alike, (*row.defaults, *_USED.findall(said))))
    return tuple(sorted(name for name in inputs if alike(name) not in known))


def alike(name: str) -> str:
    """A name in the form in which names are compared: packages change `_` for `-` from version to version."""
    return name.lower().replace("_", "-")


def inlined(
    steps: Iterable[Data | str], calls: Mapping[str, StepRow], depth: int = 0
) -> tuple[Data | str, ...]:
    """Steps of a row in which `{call: ..., inputs: ...}` is what the row of that call says.

    Raises `ValueError` where there is no such row, or a row calls itself.
    """
    found: list[Data | str] = []
    for step in steps:
        found += _called(step, calls, depth) if isinstance(step, dict) and "call" in step else [step]
    return tuple(found)


def _called(step: Data, calls: Mapping[str, StepRow], depth: int) -> list[Data | str]:
    row = calls.get(str(step["call"]))
    if row is None or depth > _DEEPEST:
        raise ValueError(f"{step['call']} {'has no row' if row is None else 'calls itself'}")
    given: Any = step.get("inputs", {})
    values = {**row.defaults, **given}
    if not row.steps:
        names = {ours: found.name for ours in row.inputs if (found := row.input(ours)) is not None}
        taken: Data = {ours: given[theirs] for ours, theirs in names.items() if theirs in given}
        return [
            {"action": row.action, "inputs": taken, **{key: step[key] for key in ("when",) if key in step}}
        ]
    return [filled for one in inlined(row.steps, calls, depth + 1) for filled in _beside(one, step, values)]


def _beside(one: Data | str, step: Data, values: Values) -> list[Data | str]:
    """A step of a called row with what it was given, which may be inputs of the row around it."""
    if isinstance(one, str):
        filled: Any = fill(one, values)
        return filled if isinstance(filled, list) else [filled] if filled else []
    # The condition of the call is about the row around it: only the called row's own is filled in.
    inner = _step(one, values)
    if inner is None:
        return []
    whens = [plain(when) for when in (step.get("when"), inner.get("when")) if when is not None]
    return [{**inner, "when": " && ".join(f"({when})" for when in whens)} if whens else inner]


def fill(value: JsonValue, values: Values) -> JsonValue:
    """A value with its `${{ inputs.x }}` filled in; keys and elements that become empty by that are left out."""
    match value:
        case str():
            return _fill_text(value, values)
        case list():
            return [new for one in value if (new := fill(one, values)) == one or new not in _EMPTY]
        case dict():
            pairs = ((key, one, fill(one, values)) for key, one in value.items())
            return {key: new for key, one, new in pairs if new == one or new not in _EMPTY}
    return value


def _values(defaults: Values, inputs: Values) -> Values:
    """What each parameter is, where a text `true` for a boolean one is the boolean."""
    names = {alike(name): name for name in defaults}
    given = {names.get(alike(key), key): value for key, value in inputs.items()}
    flags = {
        key: _WORDS.get(str(value), value)
        for key, value in given.items()
        if isinstance(defaults.get(key), bool)
    }
    return {**defaults, **given, **flags}


def _steps(steps: Any, values: Values) -> list[Data]:
    found: list[Data] = []
    for step in steps:
        filled: Any = fill(step, values) if isinstance(step, str) else _step(step, values)
        found += filled if isinstance(filled, list) else [filled] if isinstance(filled, dict) else []
    return found


def _step(step: Data, values: Values) -> Data | None:
    """One step; None when its condition can't hold."""
    said = step.get("when", True)
    when = _condition(Literal(said) if isinstance(said, bool) else parse(str(said)), values)
    if isinstance(when, Literal) and not when.value:
        return None
    filled: Any = fill({key: value for key, value in step.items() if key != "when"}, values)
    return {**filled, **({} if isinstance(when, Literal) else {"when": str(when)})}


def _condition(node: Expression, values: Values) -> Expression:
    """A condition, decided as far as it can be; what is true beside something else says nothing."""
    match node:
        case Binary("&&", left, right):
            return _joined("&&", _condition(left, values), _condition(right, values))
        case Binary("||", left, right):
            return _joined("||", _condition(left, values), _condition(right, values))
    return fold(node, values)


def _joined(operator: str, left: Expression, right: Expression) -> Expression:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Literal):
            return other if bool(one.value) == (operator == "&&") else Literal(operator == "||")
    return Binary(operator, left, right)


# Texts -------------------------------------------------------------------------------------------------


def _fill_text(text: str, values: Values) -> JsonValue:
    parts = template(text)
    match parts:
        case (Access(target, Literal(str(name))),) if target == _INPUTS:
            return values.get(name)
    folded = [part if isinstance(part, str) else _part(part, values) for part in parts]
    match folded:
        case [Literal(value)]:
            return value
    return "".join(part if isinstance(part, str) else _shown(part) for part in folded).rstrip(" ")


def _part(part: Expression, values: Values) -> str | Expression:
    """An expression of a text: as text where it is an input that has one, which may hold templates of its own."""
    match part:
        case Access(target, Literal(str(name))) if target == _INPUTS:
            return plain(values.get(name))
    return fold(part, values)


def _shown(part: Expression) -> str:
    return plain(part.value) if isinstance(part, Literal) else untemplate((part,))


def plain(value: JsonValue) -> str:
    """A value as it stands in a text."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return "\n".join(map(plain, value))
    return str(value)


# Expressions -------------------------------------------------------------------------------------------


def fold(node: Expression, values: Values) -> Expression:
    """An expression with its inputs filled in, decided as far as it can be."""
    return transform(node, lambda one: _folded(one, values))


def _folded(node: Expression, values: Values) -> Expression:  # noqa: PLR0911 - one case a line
    match node:
        case Access(target, Literal(str(name))) if target == _INPUTS:
            return _expression(values.get(name))
        case Access(Name("secrets"), Literal(str(name))):
            return Access(Name("secrets"), Literal(name.strip("${}")))
        case Not(Literal(value)):
            return Literal(not value)
        case Binary("&&", Literal(value), right):
            return right if value else Literal(value)
        case Binary("||", Literal(value), right):
            return Literal(value) if value else right
        case Binary(("==" | "!=") as operator, Literal(left), Literal(right)):
            return Literal((plain(left) == plain(right)) == (operator == "=="))
        case Call("case", arguments):
            return _case(arguments)
        case Call("format", (Literal(text), *given)) if all(isinstance(one, Literal) for one in given):
            return Literal(
                _formatted(plain(text), [plain(one.value) for one in given if isinstance(one, Literal)])
            )
        case Call(name, (Literal(text), Literal(part))) if name in _TESTS:
            return Literal(_TESTS[name](plain(text), plain(part)))
    return node


_TESTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "contains": lambda text, part: part in text,
    "ends_with": str.endswith,
    "starts_with": str.startswith,
}


_PLACE: Final = re.compile(r"\{\{|\}\}|\{(\d+)\}")


def _formatted(text: str, values: list[str]) -> str:
    """The text with `{0}` filled in; `{{` is a brace."""

    def place(match: re.Match[str]) -> str:
        return values[int(match[1])] if match[1] and int(match[1]) < len(values) else match[0][0]

    return _PLACE.sub(place, text)


def _case(arguments: tuple[Expression, ...]) -> Expression:
    """`case` without the conditions that are known not to hold, up to the first that is known to."""
    kept: list[Expression] = []
    for condition, value in zip(arguments[:-1:2], arguments[1::2], strict=True):
        if not isinstance(condition, Literal):
            kept += [condition, value]
        elif condition.value:
            return Call("case", (*kept, value)) if kept else value
    return Call("case", (*kept, arguments[-1])) if kept else arguments[-1]


def _expression(value: JsonValue) -> Expression:
    """A value as an expression: a text with templates becomes what they say."""
    if isinstance(value, list | dict):
        return Literal(plain(value) if isinstance(value, list) else "")
    parts: tuple[Part, ...] = template(value) if isinstance(value, str) else ()
    match parts:
        case (Expression() as only,):
            return only
        case parts if any(isinstance(part, Expression) for part in parts):
            return _format(parts)
    return Literal(value)


def _format(parts: tuple[Part, ...]) -> Expression:
    found = [part for part in parts if isinstance(part, Expression)]
    at = iter(range(len(found)))
    text = "".join(
        part.replace("{", "{{").replace("}", "}}") if isinstance(part, str) else f"{{{next(at)}}}"
        for part in parts
    )
    return Call("format", (Literal(text), *found))
