"""Matching: regular expressions in conditions of a target that has none."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import Pipeline
from pipemgr.model.expressions import Binary, Call, Expression, Literal, Name, Not
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import write
from pipemgr.translate.matching import without_matches
from pipemgr.translate.native import native_dialect
from pipemgr.translate.report import Fidelity

HEAD = "source: [https://docs.example]\nchecked: 2026-01-01\n"


@pytest.fixture
def target(tmp_path: Path) -> Dialect:
    """A language with names for expressions, of which `matches` is none."""
    (tmp_path / "variables.yaml").write_text(f"{HEAD}functions: [{{name: always, word: always}}]", "utf-8")
    return replace(
        native_dialect(),
        name="elsewhere",
        title="Elsewhere",
        foreign=False,
        tables=Tables.of("elsewhere", tmp_path),
    )


def _lowered(condition: str, target: Dialect) -> tuple[str, list[tuple[str, str]]]:
    pipeline = Pipeline.model_validate({"name": "x", "stages": [{"id": "s", "when": condition}]})
    plain, findings = without_matches(pipeline, target)
    return str(plain.stages[0].when), [(one.fidelity.value, one.path) for one in findings]


@pytest.mark.parametrize(
    ("condition", "expected", "fidelity"),
    [
        ("matches(branch, 'main|dev')", "branch == 'main' || branch == 'dev'", "equivalent"),
        ("!matches(branch, 'main')", "!(branch == 'main')", "equivalent"),
        (r"matches(tag, 'v\d+')", "starts_with(tag, 'v')", "approximate"),
        (r"failure() && matches(tag, '\d+')", "failure() && false", "dropped"),
        (r"!matches(tag, '\d+')", "!true", "dropped"),
        (r"!(failure() || !matches(tag, '\d+'))", "!(failure() || !false)", "dropped"),
        ("matches(tag, parameters.p)", "false", "dropped"),
    ],
)
def test_a_pattern_becomes_comparisons_and_what_has_none_never_holds(
    condition: str, expected: str, fidelity: str, target: Dialect
) -> None:
    assert _lowered(condition, target) == (expected, [(fidelity, "stages.s.when")])


def test_templates_are_rewritten_too(target: Dialect) -> None:
    step: Any = {"action": "run", "inputs": {"script": "echo ${{ matches(branch, 'a') }} ${{branch}}"}}
    pipeline = Pipeline.model_validate({"name": "x", "stages": [{"id": "s", "steps": [step]}]})
    plain, [finding] = without_matches(pipeline, target)
    assert plain.stages[0].steps[0].inputs["script"] == "echo ${{ branch == 'a' }} ${{ branch }}"
    assert finding.path == "stages.s.steps[0].inputs.script"
    assert write(pipeline, target).findings == (finding,)


def test_who_has_the_function_keeps_it() -> None:
    pipeline = Pipeline.model_validate({"name": "x", "stages": [{"id": "s", "when": "matches(branch, 'a')"}]})
    assert without_matches(pipeline, native_dialect()) == (pipeline, ())


names = st.sampled_from(["", "main", "main2", "v1", "v1.2", "x/y"])
patterns = st.sampled_from(["main|dev", "v.*", r"v\d+", r"\d+", "(?!x).*", "main[0-9]"])
conditions = st.recursive(
    patterns.map(lambda one: Call("matches", (Name("branch"), Literal(one)))),
    lambda inner: (
        inner.map(Not)
        | st.tuples(st.sampled_from(["&&", "||"]), inner, inner).map(lambda three: Binary(*three))
    ),
    max_leaves=4,
)


def _holds(node: Expression, name: str) -> bool:
    match node:
        case Literal(bool(value)):
            return value
        case Not(operand):
            return not _holds(operand, name)
        case Binary("&&", left, right):
            return _holds(left, name) and _holds(right, name)
        case Binary("||", left, right):
            return _holds(left, name) or _holds(right, name)
        case Binary("==", _, Literal(text)):
            return name == text
        case Binary("!=", _, Literal(text)):
            return name != text
        case Call("matches", (_, Literal(str(pattern)))):
            return bool(re.fullmatch(pattern, name))
        case Call("starts_with", (_, Literal(str(text)))):
            return name.startswith(text)
    raise AssertionError(node)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(conditions, names)
def test_what_nobody_is_warned_of_never_changes_and_what_is_dropped_never_comes_true(
    target: Dialect, condition: Expression, name: str
) -> None:
    pipeline = Pipeline.model_validate({"name": "x", "stages": [{"id": "s", "when": str(condition)}]})
    plain, findings = without_matches(pipeline, target)
    when = plain.stages[0].when
    assert when is not None
    before, after = _holds(condition, name), _holds(when, name)
    said = {one.fidelity for one in findings}
    if said == {Fidelity.EQUIVALENT}:
        assert before == after
    elif Fidelity.APPROXIMATE not in said:
        assert before or not after
