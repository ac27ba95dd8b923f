"""Features: none can be forgotten, and each can be taken out."""

import pytest
from hypothesis import given

from pipemgr.model.definitions import Pipeline, Stage, Step, Trigger
from pipemgr.testing.strategies import pipelines
from pipemgr.translate.features import FEATURES, used, without
from pipemgr.translate.tree import rebuild, walk


def test_every_optional_field_of_the_model_is_a_feature() -> None:
    for name in (
        "pipeline.concurrency",
        "stage.services",
        "step.timeout",
        "trigger.paths-ignore",
        "parameter.choice",
    ):
        assert name in FEATURES
    assert {"trigger.opaque", "step.opaque", "matrix.include", "container.ports"} <= FEATURES.keys()
    assert not {"pipeline.name", "stage.id", "stage.steps", "parameter.string"} & FEATURES.keys()


def test_a_new_field_is_a_feature_at_once() -> None:
    fields = {
        (kind, field)
        for kind in _kinds()
        for field, one in kind.model_fields.items()
        if not one.is_required()
    }
    covered = {(feature.kind, feature.field) for feature in FEATURES.values()}
    missing = {f"{kind.__name__.lower()}.{field}" for kind, field in fields - covered}
    assert missing == {"pipeline.stages", "stage.steps", "step.inputs", "matrix.axes"}


def _kinds() -> set[type]:
    return {feature.kind for feature in FEATURES.values()}


@pytest.mark.parametrize("name", FEATURES)
def test_every_feature_is_described_in_one_line(name: str) -> None:
    description = FEATURES[name].description
    assert len(description) > 10
    assert "\n" not in description


@given(pipelines())
def test_what_is_taken_out_is_no_longer_used(pipeline: Pipeline) -> None:
    for name in used(pipeline):
        rest = used(without(pipeline, name))
        assert name not in rest
        assert rest.keys() <= used(pipeline).keys()


@given(pipelines())
def test_what_is_not_used_takes_nothing_with_it(pipeline: Pipeline) -> None:
    for name in FEATURES.keys() - used(pipeline).keys():
        assert without(pipeline, name) == pipeline


@given(pipelines())
def test_a_pipeline_without_all_its_features_is_bare(pipeline: Pipeline) -> None:
    for name in FEATURES:
        pipeline = without(pipeline, name)
    assert used(pipeline) == {}
    assert pipeline.data().keys() <= {"name", "stages"}


def test_uses_have_model_paths() -> None:
    pipeline = Pipeline(
        name="x",
        runner={"name": "linux"},
        triggers=(Trigger(event="opaque"), Trigger(event="push", paths=("a",))),
        stages=(
            Stage(
                id="t",
                services={"db": {"image": "i", "ports": ("1",)}},
                steps=(Step(action="a", timeout="1m"),),
            ),
        ),
    )
    assert used(pipeline) == {
        "pipeline.triggers": ("triggers",),
        "pipeline.runner": ("runner",),
        "trigger.paths": ("triggers[1].paths",),
        "runner.name": ("runner.name",),
        "stage.services": ("stages.t.services",),
        "step.timeout": ("stages.t.steps[0].timeout",),
        "container.ports": ("stages.t.services.db.ports",),
        "trigger.opaque": ("triggers[0]",),
    }


@given(pipelines())
def test_a_tree_rebuilt_with_nothing_changed_is_the_same(pipeline: Pipeline) -> None:
    assert rebuild(pipeline, lambda one: one) is pipeline
    paths = [path for path, _ in walk(pipeline)]
    assert paths[0] == ""
    assert len(paths) > len(pipeline.stages)
