"""The published schema: made from the reader's tables, agrees with the reader, catches typical mistakes."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from pipemgr.mapping.catalogue import catalogue
from pipemgr.model.definitions import Pipeline
from pipemgr.testing.strategies import pipelines
from pipemgr.translate.native import file_data
from pipemgr.translate.schema import ID, pipeline_schema, published, text
from pipemgr.translate.yaml import compose

VALIDATOR = Draft202012Validator(pipeline_schema())


def test_what_is_shipped_is_what_is_generated() -> None:
    assert published() == text(), (
        "run `python -m pipemgr.translate.schema > pipemgr/translate/pipeline.schema.json`"
    )


def test_it_is_a_schema_with_a_name_that_is_no_address() -> None:
    Draft202012Validator.check_schema(pipeline_schema())
    assert pipeline_schema()["$id"] == ID
    assert ID.startswith("urn:")
    assert "http" not in text().replace("https://json-schema.org/draft/2020-12/schema", "")


def test_every_key_that_people_write_is_described() -> None:
    for name, one in pipeline_schema()["$defs"].items():
        if name != "Matrix":
            assert [key for key, field in one["properties"].items() if "description" not in field] == [], name


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(pipelines(catalogue().inputs(), tuple(catalogue().triggers)))
def test_whatever_is_written_fits(pipeline: Pipeline) -> None:
    VALIDATOR.validate(file_data(pipeline))


def test_the_samples_fit() -> None:
    samples = sorted((Path(__file__).parents[3] / "pipemgr/service/samples/pipelines").glob("*.yaml"))
    assert samples
    for path in samples:
        VALIDATOR.validate(compose(path.read_text(encoding="utf-8"), path.name).plain())


def _stage(**more: Any) -> dict[str, Any]:
    return {"pipeline": "x", "stages": {"a": more}}


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        {"pipeline": "x", "stage": {}},
        {"pipeline": ""},
        {"pipeline": "x", "stages": []},
        {"pipeline": "x", "stages": {"1a": {}}},
        {"pipeline": "x", "triggers": ["pull_requst"]},
        {"pipeline": "x", "triggers": [{"push": {}, "manual": {}}]},
        {"pipeline": "x", "triggers": [{"push": {"branch": "a"}}]},
        {"pipeline": "x", "parameters": {"p": {"type": "chioce"}}},
        _stage(step=[]),
        _stage(timeout=20),
        _stage(timeout="20"),
        _stage(retry=-1),
        _stage(environment={"url": "u"}),
        _stage(steps=["chekout"]),
        _stage(steps=["run"]),
        _stage(steps=[{"run": "a", "tmeout": "1m"}]),
        _stage(steps=[{"run": "a", "checkout": {}}]),
        _stage(steps=[{"name": "a"}]),
        _stage(steps=[{"artifact.upload": {"nam": "a"}}]),
        _stage(steps=[{"artifact.upload": {"name": "a"}}]),
        _stage(**{"allow-failure": "yes"}),
    ],
)
def test_typical_mistakes_do_not_fit(data: Any) -> None:
    assert not VALIDATOR.is_valid(data)


@pytest.mark.parametrize(
    "data",
    [
        {"pipeline": "x"},
        {"pipeline": "x", "triggers": ["push", {"schedule": "0 3 * * *"}, {"manual": None}]},
        _stage(
            steps=[
                "checkout",
                {"run": "make"},
                {"artifact.upload": "dist"},
                {"setup.python": {"version": 3.12}},
            ]
        ),
        _stage(matrix={"a": [1, None], "include": [{"b": 1}]}, timeout="${{ x }}m"),
    ],
)
def test_short_forms_fit(data: Any) -> None:
    VALIDATOR.validate(data)
