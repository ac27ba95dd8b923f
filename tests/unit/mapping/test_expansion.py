"""Expansion: rows with steps, filled in with what a call was given."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.errors import MappingError
from pipemgr.mapping.expansion import alike, expand, expand_stage, fill, fold, ignored, plain
from pipemgr.mapping.rows import StageRow, StepRow
from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import OPAQUE, Stage, Step
from pipemgr.model.expressions import parse
from pipemgr_mappings import __file__ as package

HEAD = "source: [https://acme.example/docs]\nchecked: 2026-11-23\nrows:\n"
VENDORS = sorted(
    path.parent.name for path in Path(package).parent.glob("*/steps.yaml") if path.parent.name != "catalogue"
)
ROWS = [
    pytest.param(row, id=f"{vendor}-{row.call or row.action}")
    for vendor in VENDORS
    for row in Tables.of(vendor).steps.rows
    if row.steps
]
STAGES = [
    pytest.param(row, id=f"{vendor}-{kind}-{row.call}")
    for vendor in VENDORS
    for kind in ("jobs", "executors")
    for row in getattr(Tables.of(vendor).jobs, kind).values()
]


def row(*steps: Any, **defaults: Any) -> StepRow:
    names = {name.replace("_", "-"): value for name, value in defaults.items()}
    return StepRow(call="acme/do", steps=steps, defaults=names)


def run(script: str, **more: Any) -> dict[str, Any]:
    return {"action": "run", **more, "inputs": {"script": script}}


# Every row that comes with pipemgr ----------------------------------------------------------------------


@pytest.mark.parametrize("shipped", ROWS)
def test_every_row_makes_valid_steps(shipped: StepRow) -> None:
    for data in expand(shipped, {}):
        step = Step.model_validate(data)
        assert "inputs." not in str(step.data()), "an input that is in no default stays behind"
    strange = {name for name in shipped.defaults if alike(name) != name}
    if shipped.call is not None and shipped.call.startswith("circleci/"):
        assert strange == set(), "orbs write names both ways: rows have them with -"


@pytest.mark.parametrize("shipped", STAGES)
def test_every_job_and_executor_makes_a_valid_stage(shipped: StageRow) -> None:
    stage = Stage.model_validate({"id": "a", **expand_stage(shipped, {})})
    assert stage.runner is not None
    assert "inputs." not in str(stage.data())


@pytest.mark.parametrize("shipped", [*ROWS, *STAGES])
def test_every_input_that_a_row_uses_is_one_that_it_declares(shipped: Any) -> None:
    text = str(shipped.steps if isinstance(shipped, StepRow) else shipped.stage)
    used = {word.split("inputs.")[1] for word in _words(text) if "inputs." in word}
    if shipped.call is not None:
        assert used <= shipped.defaults.keys()


def _words(text: str) -> list[str]:
    return "".join(one if one.isalnum() or one in "._-" else " " for one in text).split()


# Filling in ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["22", 22, True, None, ["a", "b"], {"a": 1}, "${{ matrix.node }}"])
def test_a_value_that_is_one_template_keeps_its_type(value: Any) -> None:
    assert fill("${{ inputs.x }}", {"x": value}) == value


@pytest.mark.parametrize(
    ("text", "values", "filled"),
    [
        ("node:${{ inputs.tag }}", {"tag": "22"}, "node:22"),
        ("node:${{ inputs.tag }}", {"tag": "${{ matrix.node }}"}, "node:${{ matrix.node }}"),
        ("${{ inputs.a || 'x' }}-${{ inputs.b || 'y' }}", {"a": "", "b": "z"}, "x-z"),
        ("${{ case(inputs.a, 'yes', 'no') }}", {"a": False}, "no"),
        ("${{ case(inputs.a == 'x', branch, tag) }}", {"a": "x"}, "${{ branch }}"),
        ("${{ secrets[inputs.name] }}", {"name": "TOKEN"}, "${{ secrets.TOKEN }}"),
        ("${{ secrets[inputs.name] }}", {"name": "$TOKEN"}, "${{ secrets.TOKEN }}"),
        ("${{ format('-v {0} {{x}}', inputs.v) }}", {"v": "1"}, "-v 1 {x}"),
        ("${{ inputs.a == 'true' }}", {"a": True}, True),
        ("${{ contains(inputs.a, 'b') }}", {"a": "abc"}, True),
        ("${{ inputs.x || 'y' }}", {"x": "a${{ matrix.b }}"}, "${{ format('a{0}', matrix.b) || 'y' }}"),
        ("echo ${HOME} $CIRCLE_SHA1", {}, "echo ${HOME} $CIRCLE_SHA1"),
    ],
)
def test_texts_are_filled_in(text: str, values: dict[str, Any], filled: Any) -> None:
    assert fill(text, values) == filled


@given(st.text(alphabet="ab {}'$<>\n\\").filter(lambda text: "${{" not in text))
def test_what_is_given_arrives_as_it_is(text: str) -> None:
    assert fill("${{ inputs.x }}", {"x": text}) == text
    assert fill("<${{ inputs.x }}>", {"x": text}) == f"<{text}>"


@given(st.recursive(st.text(max_size=3) | st.integers() | st.booleans(), st.lists, max_leaves=5))
def test_what_holds_no_template_stays(value: Any) -> None:
    assert fill({"a": value}, {}) == {"a": value}


def test_what_becomes_empty_is_left_out() -> None:
    step = {
        "action": "run",
        "name": "${{ inputs.name }}",
        "inputs": {"script": "", "directory": "${{ inputs.d }}"},
    }
    assert expand(row(step, name=None, d=""), {}) == [{"action": "run", "inputs": {"script": ""}}]


def test_the_given_wins_over_the_default_however_it_is_spelt() -> None:
    one = row(run("${{ inputs.app-dir }}"), app_dir=".")
    assert expand(one, {"app_dir": "x"}) == expand(one, {"App-Dir": "x"}) == [run("x")]
    assert ignored(one, {"app_dir": "x", "other": 1, "a_b": 2}) == ("a_b", "other")


def test_an_input_that_a_step_uses_is_not_ignored_without_a_default() -> None:
    one = row(run("./deploy ${{ inputs.target }}", when="inputs.loud_one == 'x'"))
    assert ignored(one, {"target": "production", "loud-one": "x", "inputs": 1}) == ("inputs",)


# Conditions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "given", "left"),
    [
        ("inputs.on", {}, None),
        ("inputs.on", {"on": True}, ""),
        ("inputs.on", {"on": "true"}, ""),
        ("inputs.on", {"on": "false"}, None),
        ("!inputs.on", {}, ""),
        ("inputs.on && failure()", {"on": True}, "failure()"),
        ("failure() && inputs.on", {}, None),
        ("failure() || inputs.on", {}, "failure()"),
        ("failure() || inputs.on", {"on": True}, ""),
        ("inputs.name != '' && always()", {"name": "x"}, "always()"),
        ("inputs.on", {"on": "${{ matrix.on }}"}, "matrix.on"),
    ],
)
def test_steps_whose_condition_cannot_hold_are_left_out(
    when: str, given: dict[str, Any], left: str | None
) -> None:
    steps = expand(row(run("x", when=when), on=False, name=""), given)
    expected = [] if left is None else [run("x", **({"when": left} if left else {}))]
    assert steps == expected


@given(st.booleans(), st.booleans())
def test_folding_agrees_with_logic(a: bool, b: bool) -> None:
    values = {"a": a, "b": b}
    for text, result in (
        ("inputs.a && inputs.b", a and b),
        ("inputs.a || inputs.b", a or b),
        ("!inputs.a", not a),
        ("inputs.a == inputs.b", a == b),
        ("inputs.a != inputs.b", a != b),
        ("case(inputs.a, inputs.b, !inputs.b)", b if a else not b),
    ):
        assert str(fold(parse(text), values)) == plain(result)


# Steps that are given, and rows that call rows -----------------------------------------------------------


def test_steps_that_a_call_is_given_take_their_place() -> None:
    one = row(run("before"), "${{ inputs.steps }}", run("after"), steps=[])
    assert expand(one, {"steps": [run("own")]}) == [run("before"), run("own"), run("after")]
    assert expand(one, {}) == [run("before"), run("after")]


def tables(folder: Path, rows: str) -> Tables:
    (folder / "acme").mkdir()
    (folder / "acme" / "steps.yaml").write_text(HEAD + rows, encoding="utf-8")
    return Tables("acme", overlay=folder)


INNER = """\
  - call: acme/inner
    defaults: {a: x, on: true}
    steps:
      - {action: run, when: inputs.on && failure(), inputs: {script: "${{ inputs.a }}"}}
  - call: acme/known
    action: checkout
    inputs: {ref: branch}
"""


def test_a_row_may_call_another_with_inputs_of_its_own(tmp_path: Path) -> None:
    outer = INNER + (
        "  - call: acme/outer\n    defaults: {b: y, go: true}\n    steps:\n"
        '      - {call: acme/inner, when: inputs.go, inputs: {a: "<${{ inputs.b }}>"}}\n'
        '      - {call: acme/known, inputs: {branch: "${{ inputs.b }}"}}\n'
    )
    one = tables(tmp_path, outer).steps.read("acme/outer")
    assert one is not None
    checkout = {"action": "checkout", "inputs": {"ref": "z"}}
    assert expand(one, {"b": "z"}) == [run("<z>", when="failure()"), checkout]
    assert expand(one, {"b": "z", "go": False}) == [checkout]


@pytest.mark.parametrize(("called", "why"), [("acme/none", "has no row"), ("acme/self", "calls itself")])
def test_a_row_that_calls_what_there_is_not_is_told(called: str, why: str, tmp_path: Path) -> None:
    wrong = f"  - call: acme/self\n    steps: [{{call: {called}}}]\n"
    with pytest.raises(MappingError, match=why):
        _ = tables(tmp_path, wrong).steps


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("  - call: a/b\n    steps: [{action: nonsense}]\n", "catalogue has no 'nonsense'"),
        (
            "  - call: a/b\n    steps: [{action: checkout, inputs: {bogus: x}}]\n",
            "checkout has no input bogus",
        ),
        ("  - {call: a/b, action: checkout, run: x}\n", "either a call or a run"),
        ("  - {call: a/b}\n", "either a call or a run"),
    ],
)
def test_mistakes_in_steps_are_told(rows: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=message) as caught:
        _ = tables(tmp_path, rows).steps
    assert caught.value.where == "acme/steps.yaml:4"


def test_calls_are_found_however_they_are_spelt() -> None:
    steps, jobs = Tables.of("circleci").steps, Tables.of("circleci").jobs
    assert (
        steps.read("circleci/docker/install_docker")
        is steps.read("circleci/docker/install-docker")
        is not None
    )
    assert Tables.of("github-actions").steps.read("azure/login") is not None
    assert "circleci/aws-ecr/build_and_push_image" in jobs.jobs
    assert jobs.jobs.get("circleci/no/such") is None


def test_a_row_for_writing_by_steps_is_no_row_for_a_call() -> None:
    steps = Tables.of("github-actions").steps
    lowered = steps.lowered("workspace.save")
    assert lowered is not None
    assert steps.write("workspace.save") is None
    assert steps.lowered("checkout") is None, "what can be called is not lowered"
    first, second = expand(lowered, {"path": "dist\nnode_modules", "root": "build"})
    assert first["inputs"]["directory"] == "build"  # type: ignore[call-overload, index]
    assert second["action"] == "artifact.upload"
    assert OPAQUE not in (first["action"], second["action"])


# Machines -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("definition", "runner"),
    [
        ({"machine": {"image": "ubuntu-2404:2024.11.1"}}, "ubuntu-24.04"),
        ({"machine": {"image": "ubuntu-2404:current"}, "resource_class": "arm.large"}, "ubuntu-24.04-arm"),
        ({"machine": {"image": "ubuntu-2204:current"}, "resource_class": "large"}, "ubuntu-22.04"),
        ({"machine": True}, "linux"),
        ({"machine": True, "resource_class": "arm.medium"}, "linux-arm"),
        ({"macos": {"xcode": "16.4.0"}}, "macos-15"),
        ({"macos": {"xcode": "26.6.0"}, "resource_class": "m4pro.medium"}, "macos-26"),
        ({"macos": {"xcode": "26.2.0"}}, "macos-15"),
        (
            {"machine": {"image": "windows-server-2022-gui:current"}, "resource_class": "windows.large"},
            "windows",
        ),
        ({"machine": {"image": "acme:1"}}, None),
        ({"docker": [{"image": "cimg/base:stable"}]}, None),
    ],
)
def test_a_machine_is_known_by_what_a_definition_says(definition: dict[str, Any], runner: str | None) -> None:
    assert Tables.of("circleci").runners.find(definition) == runner


@pytest.mark.parametrize("runner", sorted(Tables.of("circleci").runners.theirs))
def test_what_is_written_for_a_machine_is_no_pattern(runner: str) -> None:
    options = Tables.of("circleci").runners.options(runner)
    assert options
    assert "*" not in str(options)
