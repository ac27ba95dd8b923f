"""Definitions: equal by content, strict about what they hold, and honest about impossible graphs."""

from itertools import pairwise

import pytest
from hypothesis import given
from pydantic import ValidationError

from pipemgr.model import definitions
from pipemgr.model.definitions import Definition, Matrix, Pipeline, Stage, Step, Trigger, as_data, seconds
from pipemgr.testing import strategies
from pipemgr.testing.strategies import pipelines


@given(pipelines())
def test_data_makes_the_same_pipeline_again(pipeline: Pipeline) -> None:
    again = Pipeline.model_validate(pipeline.data())
    assert again == pipeline
    assert again.fingerprint == pipeline.fingerprint


def test_every_field_has_a_strategy_and_a_description() -> None:
    tables = {
        "Trigger": strategies._triggers(strategies.words),
        "Step": {**strategies._STEP, "action": None, "inputs": None},
        "Stage": {**strategies.stage_fields(), "id": None, "needs": None},
        "Pipeline": strategies.pipeline_fields(),
        "Matrix": {**strategies.MATRIX, "expression": None},
        **{
            kind.title(): getattr(strategies, kind)
            for kind in (
                "PARAMETER",
                "RUNNER",
                "CONTAINER",
                "CONCURRENCY",
                "DEFAULTS",
                "ENVIRONMENT",
                "APPROVAL",
            )
        },
    }
    kinds = {kind.__name__: kind for kind in vars(definitions).values() if _is_definition(kind)}
    assert {name: set(table) for name, table in tables.items()} == {
        name: set(kind.model_fields) for name, kind in kinds.items()
    }


def _is_definition(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Definition) and kind is not Definition


@pytest.mark.parametrize(
    ("text", "normal", "length"),
    [("60m", "1h", 3600), ("90s", "90s", 90), ("24h", "1d", 86400), ("1.5m", "90s", 90), ("0s", "0s", 0)],
)
def test_durations_have_one_form(text: str, normal: str, length: float) -> None:
    assert Step(action="run", timeout=text).timeout == normal
    assert seconds(text) == length


def test_a_duration_may_be_a_template() -> None:
    assert seconds("${{ parameters.limit }}m") is None
    assert Step(action="run", timeout="${{ a }}m").timeout == "${{ a }}m"


@pytest.mark.parametrize("text", ["20", "m", "-1m", "1w", "1 m", ""])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Step(action="run", timeout=text)


@pytest.mark.parametrize(
    "wrong", [{"allow_failure": "maybe"}, {"action": "Make It"}, {"nonsense": 1}, {"name": 5}]
)
def test_a_step_is_strict(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Step.model_validate({"action": "run", **wrong})


def test_a_matrix_is_an_expression_or_axes() -> None:
    with pytest.raises(ValidationError, match="not by both"):
        Matrix(expression="${{ a }}", axes={"a": (1,)})


def test_absent_and_empty_differ_where_vendors_tell_them_apart() -> None:
    assert Trigger(event="push", branches=()).data() == {"event": "push", "branches": []}
    assert Pipeline(name="x", permissions={}).data() == {"name": "x", "permissions": {}}
    assert Pipeline(name="x").data() == {"name": "x"}


def test_data_is_spelled_as_in_files() -> None:
    assert Trigger(event="push", paths_ignore=("a",)).data() == {"event": "push", "paths-ignore": ["a"]}
    assert as_data({"a": (Step(action="run"), 1)}) == {"a": [{"action": "run"}, 1]}


def _graph(**needs: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    stages = tuple(Stage(id=name, needs=wanted) for name, wanted in needs.items())
    return Pipeline(name="x", stages=stages).problems()


def test_a_possible_graph_has_no_problems() -> None:
    assert _graph(a=(), b=("a",), c=("a", "b"), d=("a", "c")) == ()


def test_missing_needs_and_circles_are_problems_with_their_path() -> None:
    assert _graph(a=("z",)) == (("stages.a.needs", "stage 'a' needs 'z', which does not exist"),)
    [(path, message)] = _graph(a=("b",), b=("c",), c=("a",))
    assert path == "stages.a.needs"
    assert "a -> b -> c -> a" in message
    assert _graph(a=("a",))[0][0] == "stages.a.needs"


def test_a_long_chain_is_no_problem_for_the_stack() -> None:
    names = [f"s{number}" for number in range(3000)]
    chain = {name: (before,) for before, name in pairwise(names)}
    assert _graph(s0=(), **chain) == ()


def test_a_stage_defined_twice_is_a_problem() -> None:
    twice = Pipeline(name="x", stages=(Stage(id="a"), Stage(id="a")))
    assert twice.problems() == (("stages.a", "stage 'a' is defined twice"),)
