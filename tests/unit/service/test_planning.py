"""Definitions of a workspace: which files count, and everything that is wrong with them at once."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipemgr.config import find
from pipemgr.errors import ConfigurationError, InvalidPipeline, NoSuchObject, Refused
from pipemgr.plan.apply import Fate
from pipemgr.plan.plan import Plan, Verb
from pipemgr.service import planning
from pipemgr.service.runtime import Runtime

STAGES = "triggers: [manual: {}]\nstages: {a: {steps: [{run: echo}]}}\n"


def write(runtime: Runtime, name: str, text: str) -> Path:
    path = runtime.workspace.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def configured(runtime: Runtime, **definitions: object) -> Runtime:
    files = replace(
        runtime.workspace,
        config=runtime.workspace.config.model_copy(
            update={"definitions": runtime.workspace.config.definitions.model_copy(update=definitions)}
        ),
    )
    return Runtime(files)


def names(runtime: Runtime) -> list[str]:
    return [one.pipeline.name for one in planning.definitions(runtime)]


def test_files_are_found_in_order_and_once(runtime):
    write(runtime, "pipelines/b.yaml", f"pipeline: b\n{STAGES}")
    write(runtime, "pipelines/a.yaml", f"pipeline: a\n{STAGES}")
    (runtime.workspace.root / "pipelines/folder.yaml").mkdir()
    assert names(runtime) == ["a", "b", "hello"]
    both = configured(runtime, files=("pipelines/b.yaml", "pipelines/*.yaml", "**/*.yaml"))
    assert names(both) == ["b", "a", "hello"]


def test_paths_are_shown_from_where_the_user_is(runtime, monkeypatch):
    root = runtime.workspace.root
    (desired,) = planning.definitions(runtime)
    assert desired.source == str(root / "pipelines/hello.yaml")
    monkeypatch.chdir(root)
    assert planning.definitions(runtime)[0].source == "pipelines/hello.yaml"
    monkeypatch.chdir(root / "pipelines")
    assert planning.definitions(runtime)[0].source == "hello.yaml"


def test_two_files_of_one_name_and_broken_ones_are_told_together(runtime, monkeypatch):
    monkeypatch.chdir(runtime.workspace.root)
    shutil.copy("pipelines/hello.yaml", "pipelines/again.yaml")
    write(runtime, "pipelines/b.yaml", "pipeline: [\n")
    write(runtime, "pipelines/c.yaml", "pipeline: c\ntriggers: 1\nstages: 2\n")
    Path("pipelines/d.yaml").symlink_to("nowhere")
    with pytest.raises(InvalidPipeline) as caught:
        planning.definitions(runtime)
    assert [where for where, _ in caught.value.problems] == [
        "pipelines/b.yaml:2:1",
        "pipelines/c.yaml:2:1",
        "pipelines/c.yaml:3:1",
        "pipelines/d.yaml:1:1",
        "pipelines/hello.yaml:1:1",
    ]
    assert caught.value.problems[-1][1] == "pipeline 'hello' is already defined in pipelines/again.yaml"


@pytest.mark.parametrize("pattern", ["/etc/*.yaml", ""])
def test_patterns_that_can_not_be_used(runtime, pattern):
    with pytest.raises(ConfigurationError, match="can't be used"):
        planning.definitions(configured(runtime, files=(pattern,)))


def test_definitions_in_another_language_are_published_too(runtime):
    write(
        runtime,
        ".github/workflows/ci.yml",
        "on: workflow_dispatch\njobs: {a: {runs-on: x, steps: [{run: x}]}}\n",
    )
    both = configured(runtime, files=("pipelines/*.yaml", ".github/workflows/*.yml"))
    assert names(both) == ["hello", "ci"]
    assert {one.fate for one in planning.carry_out(both, planning.plan(both))} == {Fate.PUBLISHED}
    both.close()


def test_a_connection_gets_the_pipelines_that_it_is_for(runtime):
    write(runtime, "pipelines/other.yaml", f"pipeline: other\n{STAGES}")
    toml = runtime.workspace.path
    toml.write_text(toml.read_text(encoding="utf-8").replace('["*"]', '["oth*"]'), encoding="utf-8")
    changed = Runtime(find(runtime.workspace.root))
    assert [one.pipeline for one in planning.plan(changed).changes] == ["other"]
    changed.close()


def test_a_plan_survives_its_file(runtime, tmp_path):
    made = planning.plan(runtime)
    saved = tmp_path / "plan.json"
    saved.write_text(made.model_dump_json(by_alias=True), encoding="utf-8")
    assert planning.load_plan(saved) == made
    assert [one.verb for one in made.pending] == [Verb.CREATE]


def test_a_plan_for_a_connection_that_is_gone(runtime):
    made = planning.plan(runtime)
    moved = Plan(
        made_at=made.made_at,
        changes=tuple(one.model_copy(update={"connection": "gone"}) for one in made.changes),
    )
    with pytest.raises(NoSuchObject, match="'gone' that is not configured"):
        list(planning.carry_out(runtime, moved))


def test_what_was_lost_in_writing_is_no_difference_for_ever(runtime):
    write(runtime, "pipelines/hello.yaml", f"pipeline: hello\n{STAGES.replace('{a: {', '{a: {retry: 2, ')}")
    first = planning.plan(runtime)
    assert first.pending[0].losses
    list(planning.carry_out(runtime, first))
    assert not planning.plan(runtime).pending


def test_a_pipeline_that_the_vendor_refuses_stops_no_other(runtime, monkeypatch):
    write(runtime, "pipelines/a.yaml", f"pipeline: a\n{STAGES}")
    adapter = runtime.adapter("local")
    fetch = adapter.fetch

    def refused(ref: str):
        if ref == "a":
            raise Refused("this name is not allowed here", remedy="rename it")
        return fetch(ref)

    monkeypatch.setattr(adapter, "fetch", refused)
    made = planning.plan(runtime)
    assert [(one.pipeline, one.error, one.remedy) for one in made.failures] == [
        ("a", "this name is not allowed here", "rename it")
    ]
    fates = {one.pipeline: one.fate for one in planning.carry_out(runtime, made)}
    assert fates == {"hello": Fate.PUBLISHED, "a": Fate.FAILED}
    assert planning.plan(runtime).orphans == ()


def test_an_invalid_file_keeps_only_its_own_pipeline_out_of_a_plan(runtime, monkeypatch):
    monkeypatch.chdir(runtime.workspace.root)
    write(runtime, "pipelines/b.yaml", "pipeline: [\n")
    made = planning.plan(runtime)
    assert [one.pipeline for one in made.changes] == ["hello"]
    assert [one.where for one in made.invalid] == ["pipelines/b.yaml:2:1"]
    assert Plan.model_validate_json(made.model_dump_json(by_alias=True)) == made


def test_of_two_files_with_one_pipeline_neither_is_planned(runtime, monkeypatch):
    monkeypatch.chdir(runtime.workspace.root)
    write(runtime, "pipelines/a.yaml", f"pipeline: a\n{STAGES}")
    write(runtime, "pipelines/b.yaml", f"pipeline: a\n{STAGES}")
    made = planning.plan(runtime)
    assert [one.pipeline for one in made.changes] == ["hello"]
    assert "already defined" in made.invalid[0].message


def test_where_no_file_is_valid_there_is_no_plan(runtime, monkeypatch):
    monkeypatch.chdir(runtime.workspace.root)
    write(runtime, "pipelines/hello.yaml", "pipeline: [\n")
    with pytest.raises(InvalidPipeline, match="not valid YAML"):
        planning.plan(runtime)


def test_what_nobody_can_read_is_no_orphan(runtime, monkeypatch):
    monkeypatch.chdir(runtime.workspace.root)
    assert [one.fate for one in planning.carry_out(runtime, planning.plan(runtime))] == [Fate.PUBLISHED]
    write(runtime, "pipelines/other.yaml", f"pipeline: other\n{STAGES}")
    write(runtime, "pipelines/hello.yaml", "pipeline: [\n")
    assert planning.plan(runtime).orphans == ()
