"""What a definition works out from a matrix: one value a cell, where CircleCI has no operators."""

import yaml

from pipemgr.model.definitions import Matrix, Pipeline, Stage, Step
from pipemgr_circleci.reader import CircleCIReader
from pipemgr_circleci.writer import CircleCIWriter


def _written(matrix: Matrix, *scripts: str, **stage: object) -> tuple[dict, tuple]:
    steps = tuple(Step(action="run", inputs={"script": one}) for one in scripts)
    pipeline = Pipeline(name="ci", stages=(Stage(id="test", steps=steps, matrix=matrix, **stage),))
    writing = CircleCIWriter().write(pipeline)
    (document,) = writing.documents
    assert CircleCIReader().read(writing.documents).pipeline.stages
    return yaml.safe_load(document.text), writing.findings


def _arguments(config: dict) -> list[dict]:
    return [next(iter(one.values())) for one in config["workflows"]["ci"]["jobs"]]


def test_a_default_is_written_for_each_cell() -> None:
    matrix = Matrix(axes={"os": ("a", "b")}, include=({"os": "b", "version": "2"},))
    config, findings = _written(matrix, "make ${{ matrix.version || '3' }} ${{ format('{0}-x', matrix.os) }}")
    assert {one.fidelity.value for one in findings} == {"equivalent"}
    assert [one["computed-1"] for one in _arguments(config)] == ["3", "2"]
    script = config["jobs"]["test"]["steps"][0]["run"]
    assert "<< parameters.computed-1 >>" in str(script)


def test_what_is_said_twice_is_computed_once() -> None:
    text = "echo ${{ matrix.version || '3' }}"
    config, _ = _written(Matrix(axes={"version": ("", "2")}), text, text)
    assert [sorted(one.keys() - {"name"}) for one in _arguments(config)] == [["computed-1", "version"]] * 2


def test_what_needs_no_computing_stays_a_matrix() -> None:
    config, _ = _written(Matrix(axes={"version": ("1", "2")}), "echo ${{ matrix.version }}")
    (entry,) = _arguments(config)
    assert entry["matrix"] == {"parameters": {"version": ["1", "2"]}}


def test_what_asks_for_more_than_the_matrix_is_not_computed() -> None:
    config, findings = _written(Matrix(axes={"version": ("1", "2")}), "echo ${{ matrix.version || commit }}")
    assert "computed" not in str(config)
    assert findings
