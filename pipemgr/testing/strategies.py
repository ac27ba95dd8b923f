"""Hypothesis strategies for definitions: every field of every class, with the texts that break parsers.

Needs Hypothesis, which pipemgr itself does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from pipemgr.mapping.rows import Input
from pipemgr.model.definitions import (
    OPAQUE,
    Approval,
    Concurrency,
    Container,
    Defaults,
    Environment,
    Matrix,
    Parameter,
    Pipeline,
    Runner,
    Stage,
    Step,
    Trigger,
)
from pipemgr.model.expressions import (
    BINARY,
    Access,
    Binary,
    Call,
    Expression,
    Literal,
    Name,
    Not,
    Opaque,
    Star,
)
from pipemgr.model.templates import untemplate

Actions = Mapping[str, Mapping[str, Input]]

_ODD: Final = (
    "", " ", "on", "no", "NULL", "~", "010", "0o10", "0x1F", "1:30", "1_000", "1e5", ".5", "2026-01-01", "a: b",
    "a #b", "#", "- x", "-", "?", ":", "|", ">", "---", "...", "<<", "=", "&a", "*a", "!t", "%d", "@x", "`x`", "{",
    "[", "]", "}", ",", "'", '"', "\\", "x\n", "x\n\n", "\nx", "  x\ny", "\tx\n", "x\r\ny", "a\n \nb", "\n", "x ",
    "\x85", "\u2028x", "\ufeff", "\x00", "\x1b[0m", "\x7f", "é", "日本", "\U0001f600", "x" * 200, "{{ a }}", "$A",
)  # fmt: skip
_CHARACTERS: Final = st.one_of(
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from(" \t\n\r#:-?|>{}[],&*!%@`'\"\\.~=<0123456789eEnNoO"),
)
texts: Final[SearchStrategy[str]] = st.one_of(
    st.sampled_from(_ODD), st.text(_CHARACTERS, max_size=12).filter(lambda text: "${{" not in text)
)
"""Plain texts, the odd ones above all."""
words: Final = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True).filter(
    lambda word: word not in ("true", "false", "null", "opaque")
)
numbers: Final = st.one_of(
    st.integers(1 - 2**53, 2**53 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
atoms: Final = st.one_of(st.none(), st.booleans(), numbers, texts)
json_values: Final[SearchStrategy[Any]] = st.recursive(
    atoms, lambda below: st.lists(below, max_size=3) | st.dictionaries(texts, below, max_size=3), max_leaves=5
)
json_objects: Final = st.dictionaries(texts, json_values, max_size=3)

# Expressions -------------------------------------------------------------------------------------------


def _larger(below: SearchStrategy[Expression]) -> SearchStrategy[Expression]:
    return st.one_of(
        st.builds(Access, below, st.one_of(below, st.builds(Star))),
        st.builds(Call, words, st.lists(below, max_size=3).map(tuple)),
        st.builds(Not, below),
        st.builds(Binary, st.sampled_from(sorted(BINARY)), below, below),
    )


expressions: Final[SearchStrategy[Expression]] = st.recursive(
    st.one_of(st.builds(Literal, atoms), st.builds(Name, words), st.builds(Opaque, texts, texts)),
    _larger,
    max_leaves=6,
)
templates: Final[SearchStrategy[str]] = st.builds(
    lambda before, middle, after: untemplate((before, middle, after)), texts, expressions, texts
)
any_text: Final = st.one_of(texts, texts, templates)
flags: Final = st.booleans() | templates
counts: Final = st.integers(0, 99) | templates
durations: Final = st.one_of(
    st.builds("{}{}".format, st.integers(0, 9999), st.sampled_from("smhd")),
    expressions.map(lambda one: f"{untemplate((one,))}m"),
)

# Definitions -------------------------------------------------------------------------------------------


def _some(one: SearchStrategy[Any]) -> SearchStrategy[tuple[Any, ...]]:
    return st.lists(one, max_size=3).map(tuple)


def _named(one: SearchStrategy[Any], names: SearchStrategy[str] = texts) -> SearchStrategy[dict[str, Any]]:
    return st.dictionaries(names, one, max_size=3)


_vendor: Final = _named(json_objects)
_opaque: Final = st.fixed_dictionaries({"vendor": words, "value": json_values})


def _made(
    kind: type, table: Mapping[str, SearchStrategy[Any]], needed: Sequence[str] = ()
) -> SearchStrategy[Any]:
    """Objects with any of the fields in `table` left out, but never those in `needed`."""
    required = {name: table[name] for name in needed}
    optional = {name: one for name, one in table.items() if name not in needed}
    return st.fixed_dictionaries(required, optional=optional).map(lambda given: kind(**given))


def _triggers(events: SearchStrategy[str]) -> dict[str, SearchStrategy[Any]]:
    globs = _some(any_text)
    return {
        "event": events,
        **dict.fromkeys(
            ("branches", "branches_ignore", "tags", "tags_ignore", "paths", "paths_ignore"), globs
        ),
        "types": _some(texts),
        "cron": texts,
        "timezone": texts,
        "options": json_objects,
    }


PARAMETER: Final = {
    "type": st.sampled_from(["string", "boolean", "number", "choice", "environment"]),
    "description": texts,
    "default": json_values,
    "choices": _some(json_values),
    "required": st.booleans(),
}
RUNNER: Final = {"name": any_text, "labels": _some(any_text), "group": any_text, "size": any_text}
CONTAINER: Final = {
    "image": any_text,
    "variables": _named(any_text),
    "ports": _some(any_text),
    "volumes": _some(any_text),
    **dict.fromkeys(("options", "username", "password", "command", "entrypoint"), any_text),
}
_ROWS: Final = _some(json_objects) | templates
MATRIX: Final = {"axes": _named(_some(json_values) | templates), "include": _ROWS, "exclude": _ROWS}
CONCURRENCY: Final = {"group": any_text, "cancel_running": flags}
DEFAULTS: Final = {"shell": any_text, "directory": any_text}
ENVIRONMENT: Final = {"name": any_text, "url": any_text}
APPROVAL: Final = {"message": any_text}
_STEP: Final = {
    "id": texts,
    "name": any_text,
    "when": expressions,
    "variables": _named(any_text),
    "timeout": durations,
    "idle_timeout": durations,
    "background": st.booleans(),
    "allow_failure": flags,
    "vendor": _vendor,
}
_matrices: Final = st.one_of(_made(Matrix, MATRIX), templates.map(lambda text: Matrix(expression=text)))
_concurrencies: Final = _made(Concurrency, CONCURRENCY, ["group"])
_containers: Final = _made(Container, CONTAINER, ["image"])
_permissions: Final = _named(texts)


def _templated_values() -> SearchStrategy[Any]:
    return st.one_of(json_values, templates)


def _inputs(known: Mapping[str, Input]) -> SearchStrategy[dict[str, Any]]:
    """Inputs that an action of the catalogue may have."""
    kinds = {"lines": any_text | st.lists(any_text, max_size=3)}
    every = {name: kinds.get(one.type, any_text | st.booleans() | numbers) for name, one in known.items()}
    required = {name: every[name] for name, one in known.items() if one.required}
    return st.fixed_dictionaries(required, optional={k: v for k, v in every.items() if k not in required})


def _free_actions() -> SearchStrategy[tuple[str, dict[str, Any]]]:
    reserved = {*(name.replace("_", "-") for name in _STEP), "run", OPAQUE}
    names = st.from_regex(r"[a-z][a-z0-9-]{0,6}(\.[a-z0-9-]{1,6})?", fullmatch=True)
    return st.tuples(names.filter(lambda name: name not in reserved), _named(_templated_values()))


_RUN: Final = st.fixed_dictionaries({"script": any_text}, optional={"shell": any_text, "directory": any_text})


def _actions(actions: Actions | None) -> SearchStrategy[tuple[str, dict[str, Any]]]:
    special = (st.tuples(st.just("run"), _RUN), st.tuples(st.just(OPAQUE), _opaque))
    if actions is None:
        return st.one_of(*special, _free_actions())
    known = st.sampled_from(sorted(actions.keys() - {"run", OPAQUE}))
    return st.one_of(*special, known.flatmap(lambda name: st.tuples(st.just(name), _inputs(actions[name]))))


def steps(actions: Actions | None = None) -> SearchStrategy[Step]:
    """Steps with actions of the catalogue, or with any."""
    made = st.fixed_dictionaries({}, optional=_STEP)
    return st.builds(lambda one, rest: Step(action=one[0], inputs=one[1], **rest), _actions(actions), made)


def stage_fields(actions: Actions | None = None) -> dict[str, SearchStrategy[Any]]:
    """A strategy for each field of a stage but `id` and `needs`, which the graph decides."""
    return {
        "name": any_text,
        "steps": _some(steps(actions)),
        "when": expressions,
        "matrix": _matrices,
        "fail_fast": flags,
        "max_parallel": counts,
        "parallelism": counts,
        "runner": _made(Runner, RUNNER),
        "workspace": any_text,
        "container": _containers,
        "services": _named(_containers),
        "environment": _made(Environment, ENVIRONMENT, ["name"]),
        "approval": _made(Approval, APPROVAL),
        "variables": _named(any_text),
        "defaults": _made(Defaults, DEFAULTS),
        "contexts": _some(any_text),
        "permissions": _permissions,
        "concurrency": _concurrencies,
        "outputs": _named(any_text),
        "timeout": durations,
        "retry": st.integers(0, 9),
        "allow_failure": flags,
        "group": texts,
        "vendor": _vendor,
    }


@st.composite
def _stages(draw: Callable[[SearchStrategy[Any]], Any], actions: Actions | None) -> tuple[Stage, ...]:
    """Stages whose needs go backwards only, so that there is no circle."""
    ids = draw(st.lists(words, max_size=3, unique=True))
    made = st.fixed_dictionaries({}, optional=stage_fields(actions))
    found = []
    for at, name in enumerate(ids):
        needs = draw(st.lists(st.sampled_from(ids[:at]), max_size=2, unique=True)) if at else []
        found.append(Stage(id=name, needs=tuple(needs), **draw(made)))
    return tuple(draw(st.permutations(found)))


def pipeline_fields(
    actions: Actions | None = None, triggers: Sequence[str] | None = None
) -> dict[str, SearchStrategy[Any]]:
    """A strategy for each field of a pipeline."""
    events = st.sampled_from(sorted({*triggers} - {OPAQUE})) if triggers else words
    usual = _made(Trigger, _triggers(events), ["event"])
    kept = _opaque.map(lambda options: Trigger(event=OPAQUE, options=options))
    return {
        "name": texts.filter(bool),
        "build_name": any_text,
        "triggers": _some(usual | kept),
        "parameters": _named(_made(Parameter, PARAMETER)),
        "variables": _named(any_text),
        "runner": _made(Runner, RUNNER),
        "defaults": _made(Defaults, DEFAULTS),
        "permissions": _permissions,
        "concurrency": _concurrencies,
        "timeout": durations,
        "stages": _stages(actions),
        "vendor": _vendor,
    }


def pipelines(
    actions: Actions | None = None, triggers: Sequence[str] | None = None
) -> SearchStrategy[Pipeline]:
    """Every pipeline there can be; with the catalogue's `actions` and `triggers`, those it can be checked by."""
    found: SearchStrategy[Pipeline] = _made(Pipeline, pipeline_fields(actions, triggers), ["name"])
    return found
