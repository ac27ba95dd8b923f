"""Variables whose values are what a command prints."""

from dataclasses import replace
from typing import Any

import pytest

from pipemgr.model.definitions import Pipeline
from pipemgr.translate.base import Dialect, Reader, Reading
from pipemgr.translate.computed import worked_out
from pipemgr.translate.document import DocumentSet
from pipemgr.translate.workspaces import without_workspaces

SAID = "${{ opaque('acme', 'out(git describe)') }}"


class Acme(Reader):
    def read(self, documents: DocumentSet) -> Reading:
        raise NotImplementedError(str(documents))

    def printed(self, text: str) -> str | None:
        return text[4:-1] if text.startswith("out(") else super().printed(text)


@pytest.fixture
def acme(poor: Any) -> Dialect:
    dialect: Dialect = replace(poor(name="acme"), reader=Acme())
    return dialect


def run(script: str) -> dict[str, Any]:
    return {"action": "run", "inputs": {"script": script}}


def whole(*stages: dict[str, Any], **variables: str) -> Pipeline:
    return Pipeline.model_validate({"name": "x", "variables": variables, "stages": stages})


def scripts(pipeline: Pipeline) -> dict[str, list[str]]:
    return {
        one.id: [step.name or str(step.inputs.get("script", step.action)) for step in one.steps]
        for one in pipeline.stages
    }


def test_a_step_works_it_out_where_it_is_asked_for(acme: Dialect, poor: Any) -> None:
    stages = [
        {"id": "a", "steps": [{"action": "checkout"}, run("echo $V")]},
        {"id": "b", "variables": {"W": f"v-{SAID}-${{{{ branch }}}}"}, "steps": [run("make")]},
        {"id": "c", "variables": {"V": "1"}, "steps": [run("echo $V")]},
        {"id": "d", "steps": []},
        {"id": "e", "variables": {"U": SAID}, "steps": [{"action": "checkout"}]},
    ]
    worked = worked_out(whole(*stages, V=SAID, PLAIN="1"), acme, poor())
    assert scripts(worked.pipeline) == {
        "a": ["checkout", "Set V", "echo $V"],
        "b": ["Set W", "make"],
        "c": ["echo $V"],
        "d": [],
        "e": ["checkout", "Set U"],
    }
    first, second = worked.pipeline.stages[:2]
    assert first.steps[1].inputs == {
        "script": 'VALUE="$(\ngit describe\n)"\nprintf "%s\\n" V="$VALUE" >> "$ENVIRONMENT"\n',
        "shell": "sh",
    }
    assert str(second.steps[0].inputs["script"]).endswith('W="v-$VALUE-$W_1" >> "$ENVIRONMENT"\n')
    assert second.steps[0].variables == {"W_1": "${{ branch }}", "ENVIRONMENT": "${{ files.environment }}"}
    assert (worked.pipeline.variables, second.variables) == ({"PLAIN": "1"}, {})
    assert [one.path for one in worked.findings] == [
        "variables.V",
        "stages.b.variables.W",
        "stages.e.variables.U",
    ]
    assert worked.moved.path("stages.a.steps[2].name") == "stages.a.steps[1].name"


def test_where_nothing_names_it_every_stage_may_need_it(acme: Dialect, poor: Any) -> None:
    worked = worked_out(whole({"id": "a", "steps": [run("make")]}, V=SAID), acme, poor())
    assert scripts(worked.pipeline) == {"a": ["Set V", "make"]}


@pytest.mark.parametrize("text", ["1", "${{ branch }}", "${{ opaque('acme', 'other()') }}", "${{ no }"])
def test_what_is_no_output_stays(acme: Dialect, poor: Any, text: str) -> None:
    pipeline = whole({"id": "a", "steps": [run("make")]}, V=text)
    assert worked_out(pipeline, acme, poor()).pipeline is pipeline


def test_who_understands_it_keeps_it(acme: Dialect, poor: Any) -> None:
    pipeline = whole({"id": "a", "steps": [run("make")]}, V=SAID)
    for target in (replace(poor(), understands=("acme",)), replace(poor(), foreign=True)):
        assert worked_out(pipeline, acme, target).pipeline is pipeline


def test_stages_that_become_one_work_it_out_once(acme: Dialect, poor: Any) -> None:
    stages = [
        {"id": "a", "workspace": "main", "steps": [run("echo $V")]},
        {"id": "b", "workspace": "main", "needs": ["a"], "steps": [run("echo $V $V")]},
    ]
    worked = worked_out(whole(*stages, V=SAID), acme, poor())
    (one,) = without_workspaces(worked.pipeline, poor("stage.workspace")).pipeline.stages
    assert [str(step.name) for step in one.steps] == ["a: Set V", "a", "b"]
