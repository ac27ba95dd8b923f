"""Matrices: the combinations, by the rules that every vendor with matrices shares, and stages made of them."""

from typing import Any

import pytest
from hypothesis import given

from pipemgr.model.definitions import Matrix, Pipeline, Stage, Step
from pipemgr.testing.strategies import pipelines
from pipemgr.translate.matrix import cells, expand


def test_all_combinations_in_order() -> None:
    assert cells(Matrix(axes={"a": (1, 2), "b": ("x", "y")})) == (
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    )


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ({"a": 1}, [2]),
        ({"a": 1, "b": "x"}, [1, 2, 2]),
        ({"a": 1, "c": 1}, [1, 1, 2, 2]),
        ({"a": True}, [1, 1, 2, 2]),
        ({"a": 1.0}, [2]),
    ],
)
def test_exclude_matches_what_it_says(exclude: dict[str, Any], left: list[int]) -> None:
    found = cells(Matrix(axes={"a": (1, 2), "b": ("x", "y")}, exclude=(exclude,)))
    assert found is not None
    assert [one["a"] for one in found][: len(left)] == left[: len(found)]
    assert len(found) == (2 if left == [2] else len(left))


def test_include_extends_what_it_fits_and_adds_what_fits_nothing() -> None:
    """The worked example that the rules of this field are explained with."""
    matrix = Matrix(
        axes={"fruit": ("apple", "pear"), "animal": ("cat", "dog")},
        include=(
            {"color": "green"},
            {"color": "pink", "animal": "cat"},
            {"fruit": "apple", "shape": "circle"},
            {"fruit": "banana"},
            {"fruit": "banana", "animal": "cat"},
        ),
    )
    assert cells(matrix) == (
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    )


def test_include_alone_is_the_matrix() -> None:
    assert cells(Matrix(include=({"a": 1}, {"b": 2}))) == ({"a": 1}, {"b": 2})


@pytest.mark.parametrize(
    "matrix",
    [
        Matrix(expression="${{ from_json(x) }}"),
        Matrix(axes={"a": "${{ from_json(x) }}"}),
        Matrix(axes={"a": ("${{ x }}",)}),
        Matrix(axes={"a": (1,)}, include="${{ x }}"),
    ],
)
def test_only_a_run_knows_what_templates_give(matrix: Matrix) -> None:
    assert cells(matrix) is None
    pipeline = Pipeline(name="x", stages=(Stage(id="a", matrix=matrix),))
    assert expand(pipeline, lambda _: True) == pipeline


def _expanded(**fields: Any) -> tuple[Stage, ...]:
    stage = Stage.model_validate({"id": "t", **fields})
    after = Stage(id="after", needs=("t",))
    return expand(Pipeline(name="x", stages=(stage, after)), lambda _: True).stages


def test_values_stand_in_every_text_and_condition() -> None:
    first, second, after = _expanded(
        name="Test ${{ matrix.py }}",
        matrix={"axes": {"py": ["3.11", "3.12"], "cfg": [{"os": "linux", "deep": {"x": 1}}]}},
        when="matrix.py == '3.11' && success()",
        runner={"name": "${{ matrix.cfg.os }}"},
        container={"image": "python:${{ matrix.py }}-${{ matrix.cfg.deep.x }}"},
        **{"allow-failure": "${{ matrix.py == '3.12' }}", "fail-fast": False},
        steps=[
            {
                "action": "run",
                "inputs": {
                    "script": "tox ${{ matrix.py }} ${{ matrix.none.z }} ${{ a.b }}",
                    "id": ["${{ matrix.py }}"],
                },
            },
            {"action": "opaque", "inputs": {"vendor": "v", "value": "${{ matrix.py }}"}},
        ],
    )
    assert (first.id, first.name) == ("t-3_11", "Test 3.11")
    assert second.id == "t-3_12"
    assert str(first.when) == "'3.11' == '3.11' && success()"
    assert first.runner is not None
    assert first.runner.name == "linux"
    assert first.container is not None
    assert first.container.image == "python:3.11-1"
    assert first.steps[0].inputs == {"script": "tox 3.11  ${{ a.b }}", "id": ["3.11"]}
    assert first.steps[1].inputs["value"] == "${{ matrix.py }}"
    assert first.matrix is first.fail_fast is None
    assert after.needs == ("t-3_11", "t-3_12")


def test_ids_stay_readable_and_apart() -> None:
    stages = _expanded(matrix={"axes": {"v": ["a b", "a_b", "a/b", True, 1.5]}})
    assert [stage.id for stage in stages[:-1]] == ["t-a_b", "t-a_b-2", "t-a_b-3", "t-true", "t-1_5"]
    assert stages[3].name == "t (true)"


def test_a_flag_from_the_matrix_is_a_flag() -> None:
    first, second, _ = _expanded(
        matrix={"axes": {"new": [True, False]}}, **{"allow-failure": "${{ matrix.new }}"}
    )
    assert (first.allow_failure, second.allow_failure) == (True, False)


@pytest.mark.parametrize(
    "fields",
    [
        {
            "matrix": {"axes": {"a": [1]}},
            "steps": [{"action": "run", "inputs": {"script": "${{ to_json(matrix) }}"}}],
        },
        {"matrix": {"axes": {"a": list(range(300))}}},
        {"matrix": {"axes": {"a": []}}},
        {
            "matrix": {"axes": {"a": [1, 2]}, "include": [{"a": 2, "flag": True}]},
            "allow-failure": "${{ matrix.flag }}",
        },
    ],
    ids=["asks for all of it", "too many", "none", "no flag in one of them"],
)
def test_what_cannot_be_expanded_stays(fields: dict[str, Any]) -> None:
    assert len(_expanded(**fields)) == 2


def test_a_stage_whose_outputs_are_read_stays() -> None:
    stage = Stage(id="t", matrix=Matrix(axes={"a": (1, 2)}))
    reading = Stage(
        id="u", needs=("t",), steps=(Step(action="run", inputs={"script": "${{ needs.t.outputs.x }}"}),)
    )
    pipeline = Pipeline(name="x", stages=(stage, reading))
    assert expand(pipeline, lambda _: True) == pipeline


@given(pipelines())
def test_expansion_is_idempotent_and_keeps_the_graph(pipeline: Pipeline) -> None:
    once = expand(pipeline, lambda _: True)
    assert once.problems() == ()
    assert expand(once, lambda _: True) == once
