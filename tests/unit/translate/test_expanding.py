"""Expanding: a step that says what it does is replaced by that, with all that was said of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import Pipeline, Stage, Step, Trigger
from pipemgr.model.support import Answer, Support
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import convert, write
from pipemgr.translate.document import single
from pipemgr.translate.expanding import first_word
from pipemgr.translate.foreign import without_foreign
from pipemgr.translate.native import native_dialect
from pipemgr.translate.report import Fidelity, Finding

NATIVE = native_dialect()
NO = Answer(support=Support.UNSUPPORTED, note="not there")
VENDOR = replace(NATIVE, name="elsewhere", title="Elsewhere", foreign=False)


def _run(script: str, **more: Any) -> dict[str, Any]:
    return {"action": "run", "inputs": {"script": script}, **more}


def _opaque(*steps: Any, **more: Any) -> dict[str, Any]:
    inputs = {"vendor": "acme", "value": {"uses": "acme/build@v1", "with": {}}, "steps": list(steps)}
    return {"action": "opaque", "inputs": inputs, **more}


def _written(*steps: Any, target: Dialect = VENDOR) -> tuple[list[dict[str, Any]], tuple[Finding, ...]]:
    pipeline = Pipeline.model_validate({"name": "x", "stages": [{"id": "s", "steps": list(steps)}]})
    writing = write(pipeline, target)
    [stage] = target.reader.read(writing.documents).pipeline.stages
    return [step.data() for step in stage.steps], writing.findings


def test_a_step_that_says_what_it_does_is_replaced_by_that() -> None:
    steps, [finding] = _written(_run("a"), _opaque(_run("b"), _run("c")), _run("d"))
    assert [step["inputs"]["script"] for step in steps] == ["a", "b", "c", "d"]
    assert (finding.fidelity, finding.path) == (Fidelity.EQUIVALENT, "stages.s.steps[1]")
    assert (finding.what, finding.why) == ("acme/build@v1", "expanded into 2 steps")


def test_its_own_vendor_and_our_format_keep_it_as_it_is() -> None:
    kept = _opaque(_run("b"))
    for target in (replace(VENDOR, name="acme"), NATIVE):
        assert _written(kept, target=target) == ([kept], ())


def test_what_is_said_of_the_step_holds_for_those_in_its_place() -> None:
    said = {"name": "Build", "when": "branch == 'main'", "timeout": "5m", "variables": {"A": "1", "B": "1"}}
    inner = _run("b", when="failure()", variables={"B": "2"})
    [step], _ = _written(_opaque(inner, **said, allow_failure=True, background=True, idle_timeout="1m"))
    assert step == {
        **_run("b"),
        "name": "Build",
        "when": "branch == 'main' && failure()",
        "variables": {"A": "1", "B": "2"},
        "timeout": "5m",
        "idle-timeout": "1m",
        "allow-failure": True,
        "background": True,
    }


@pytest.mark.parametrize(
    ("said", "differs"),
    [
        ({"when": "always()"}, "condition alone"),
        ({"allow_failure": True}, "executed too"),
        ({"background": True}, "one after another"),
        ({"timeout": "1m"}, "time limit"),
    ],
)
def test_what_is_not_the_same_for_several_steps_is_told(said: dict[str, Any], differs: str) -> None:
    _, [finding] = _written(_opaque(_run("a"), _run("b"), **said))
    assert finding.fidelity is Fidelity.APPROXIMATE
    assert differs in finding.why
    assert finding.remedy


def test_a_step_may_say_what_is_not_the_same() -> None:
    step = _opaque(_run("a"))
    _, [finding] = _written({**step, "inputs": {**step["inputs"], "note": "it is quieter"}})
    assert finding.fidelity is Fidelity.APPROXIMATE
    assert "it is quieter" in finding.why


def test_ids_stay_unique_and_are_asked_for_by_their_new_names() -> None:
    inner = [_run("b", id="x"), _run("echo ${{ steps.x.outputs.y }}", when="steps.x.outcome == 'success'")]
    steps, _ = _written(_run("a", id="x"), _opaque(*inner, id="o"), _run("c", when="steps.o.outcome != ''"))
    assert [step.get("id") for step in steps] == ["x", "o-x", "o", None]
    assert steps[2]["inputs"]["script"] == "echo ${{ steps.o-x.outputs.y }}"
    assert steps[2]["when"] == "steps.o-x.outcome == 'success'"


def test_steps_within_steps_are_opened_too_and_what_nobody_knows_is_told_where_it_stands() -> None:
    unknown = {"action": "opaque", "inputs": {"vendor": "acme", "value": "acme/deploy"}}
    steps, findings = _written(_run("a"), _opaque(_opaque(_run("b")), unknown), unknown)
    assert [step["inputs"]["script"] for step in steps] == ["a", "b"]
    assert [(one.path, one.fidelity.value, one.what) for one in findings] == [
        ("stages.s.steps[1]", "equivalent", "acme/build@v1"),
        ("stages.s.steps[1]", "dropped", "step acme/deploy (acme only)"),
        ("stages.s.steps[2]", "dropped", "step acme/deploy (acme only)"),
    ]


def test_steps_that_are_none_leave_the_step_unknown() -> None:
    steps, [finding] = _written(_opaque({"action": "No Action"}))
    assert (steps, finding.fidelity) == ([], Fidelity.DROPPED)


def test_places_are_those_of_the_source_whatever_moved() -> None:
    text = """\
pipeline: x
stages:
  s:
    steps:
      - opaque: {vendor: acme, value: gone}
      - opaque: {vendor: acme, value: more, steps: [{run: a}, {run: b}]}
      - run: c
        timeout: 5m
"""
    target = replace(VENDOR, features={"step.timeout": NO})
    report = convert(single("f.yaml", text), NATIVE, target).report
    assert {one.what: one.source for one in report.findings}["step.timeout"] == "f.yaml:8:9"


def test_an_action_that_the_target_only_has_steps_for_is_written_by_these(tmp_path: Path) -> None:
    rows = """\
source: [https://docs.example]
checked: 2026-01-01
rows:
  - action: setup.node
    defaults: {version: "20"}
    steps: [{action: run, inputs: {script: "nvm install ${{ inputs.version }}"}}]
"""
    (tmp_path / "steps.yaml").write_text(rows, "utf-8")
    target = replace(VENDOR, tables=Tables.of("elsewhere", tmp_path))
    steps, [finding] = _written({"action": "setup.node", "inputs": {"version": "22"}}, target=target)
    assert [Step.model_validate(step).inputs["script"] for step in steps] == ["nvm install 22"]
    assert (finding.fidelity, finding.what) == (Fidelity.EQUIVALENT, "setup.node")


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("a/b", "a/b"),
        ({"uses": "a/b"}, "a/b"),
        ({"a/b": {"c": 1}}, "a/b"),
        (None, ""),
        ({"a/b": None}, "a/b"),
        ("around {\n    inner 1\n    inner 2\n}", "around { inner 1"),
        ("around { inner 1 }", "around { inner 1 }"),
    ],
)
def test_what_a_step_is_called(value: Any, word: str) -> None:
    assert first_word(value) == word


def test_findings_find_triggers_where_they_were_read() -> None:
    strange = Trigger(event="opaque", options={"vendor": "acme", "value": {"moon": None}})
    pipeline = Pipeline(name="x", triggers=(strange, Trigger(event="push"), Trigger(event="manual")))
    left, _, origins = without_foreign(pipeline, VENDOR)
    assert [one.event for one in left.triggers] == ["push", "manual"]
    assert origins.path("triggers[0].branches[1]") == "triggers[1].branches[1]"
    assert origins.path("triggers[1]") == "triggers[2]"


def test_a_step_whose_own_condition_asks_how_it_went_needs_no_other() -> None:
    inner = {"action": "run", "inputs": {"script": "x"}, "when": "failure() && branch == 'main'"}
    inputs: dict[str, Any] = {"vendor": "acme", "value": "mail", "steps": [inner]}
    step = Step.model_validate({"action": "opaque", "inputs": inputs, "when": "always()"})
    pipeline = Pipeline(name="p", stages=(Stage(id="s", steps=(step,)),))
    assert str(without_foreign(pipeline, VENDOR)[0].stages[0].steps[0].when) == inner["when"]


def test_what_only_others_have_is_told_with_what_it_says() -> None:
    kept = {"input": {"submitter": "ops"}, "options": ["a()", "b()"], "flag": True, "long": "x\ny"}
    step = Step(action="opaque", inputs={"vendor": "acme", "value": "deploy 'x'"})
    pipeline = Pipeline(name="p", stages=(Stage(id="s", vendor={"acme": kept}, steps=(step,)),))
    _, findings, _ = without_foreign(pipeline, VENDOR)
    told = ["flag", "input submitter ops", "long", "options a(), b()", "step deploy 'x'"]
    assert sorted(one.what for one in findings) == [f"{one} (acme only)" for one in told]
    assert {"row" in one.remedy for one in findings if one.what.startswith("step")} == {True}
