"""Names that nothing in a pipeline defines, found with what was probably meant."""

from typing import Any

import pytest

from pipemgr.model.definitions import Matrix, Parameter, Pipeline, Stage, Step, Trigger
from pipemgr.translate.names import undefined


def step(text: str, **more: Any) -> Step:
    return Step(action="run", inputs={"script": text}, **more)


def pipeline(text: str, **more: Any) -> Pipeline:
    build = Stage(id="build", steps=(step("a"),), outputs={"place": "here"})
    called = Stage(id="called", vendor={"acme": {"calls": "x"}})
    given = {
        "needs": ("build", "called"),
        "matrix": Matrix(axes={"os": ("a",)}, include=({"extra": 1},)),
        **more,
    }
    test = Stage(id="test", steps=(step("a", id="first"), step(text)), **given)
    return Pipeline(
        name="x",
        parameters={"target": Parameter()},
        triggers=(Trigger(event="call", options={"inputs": {"other": {}}}),),
        stages=(build, called, test),
    )


@pytest.mark.parametrize(
    "name",
    [
        "parameters.target",
        "parameters.TARGET",
        "parameters.other",
        "parameters[matrix.os]",
        "matrix.os",
        "matrix.extra",
        "needs.build.outputs.place",
        "needs.build.result",
        "needs.called.outputs.any",
        "needs.*.result",
        "steps.first.outputs.any",
        "to_json(matrix)",
        "anything.at.all",
    ],
)
def test_what_is_defined_is_not_told(name: str) -> None:
    assert list(undefined(pipeline(f"${{{{ {name} }}}}"))) == []


@pytest.mark.parametrize(
    ("name", "what", "instead"),
    [
        ("parameters.traget", "parameters.traget", "did you mean 'target'?"),
        ("matrix.arch.x", "matrix.arch", "there is extra, os"),
        ("needs.biuld.result", "needs.biuld", "did you mean 'build'?"),
        ("needs.build.outputs.plaec", "needs.build.outputs.plaec", "did you mean 'place'?"),
        ("contains(steps.frist.outputs.x, 'a')", "steps.frist", "did you mean 'first'?"),
        ("matrix[steps.zero.outputs.x]", "steps.zero", "there is first"),
    ],
)
def test_what_is_not_defined_is_told(name: str, what: str, instead: str) -> None:
    found = list(undefined(pipeline(f"${{{{ {name} }}}}")))
    assert found == [("stages.test.steps[1].inputs.script", what, instead)]


def test_a_matrix_that_only_a_build_knows_has_any_axis() -> None:
    asked = "${{ matrix.any }}"
    assert list(undefined(pipeline(asked, matrix=Matrix(expression="${{ from_json('{}') }}")))) == []
    assert list(undefined(pipeline(asked, matrix=Matrix(axes={"a": (1,)}, include="${{ x }}")))) == []
    assert len(list(undefined(pipeline(asked, matrix=None)))) == 1
