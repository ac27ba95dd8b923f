"""Composite actions: what a step that uses one does in neutral steps, and an action read by itself."""

from typing import Any

import pytest

from pipemgr.adapter import Document, DocumentSet
from pipemgr.errors import DefinitionError, InvalidPipeline
from pipemgr.model.definitions import Parameter, Step
from pipemgr_github_actions import GitHubActionsReader, GitHubActionsWriter

READER = GitHubActionsReader()
PATH = ".github/workflows/ci.yml"
SETUP = """\
name: Set up
description: All that is needed
inputs:
  version: {description: Which, default: true}
  name: {description: Whose, required: true}
outputs:
  place: {description: Where, value: '${{ steps.x.outputs.place }}'}
runs:
  using: composite
  steps:
    - run: $GITHUB_ACTION_PATH/go ${{ inputs.name }} ${{ github.action_path }}
      shell: bash
      if: inputs.version == 'true'
    - uses: actions/setup-python@v6
      id: x
      with: {python-version: '${{ inputs.version }}'}
      if: inputs.name == 'nobody'
    - uses: ./inner
      with: {who: '${{ inputs.name }}!'}
"""
INNER = """\
name: Inner
description: Says something
inputs: {who: {default: world}}
runs:
  using: composite
  steps: [{run: 'echo ${{ inputs.who }}', shell: sh}]
"""


def documents(step: str, **more: str) -> DocumentSet:
    text = f"on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - {step}\n"
    others = [Document(path=path, text=one) for path, one in more.items()]
    return DocumentSet(documents=(Document(path=PATH, text=text), *others))


def does(step: Step) -> list[Any]:
    found = step.inputs["steps"]
    assert isinstance(found, list)
    return found


def test_a_local_action_is_kept_and_says_what_it_does() -> None:
    given = {"./setup/action.yml".removeprefix("./"): SETUP, "inner/action.yaml": INNER}
    reading = READER.read(documents("{uses: ./setup, with: {name: '${{ github.actor }}'}}", **given))
    (step,) = reading.pipeline.stages[0].steps
    assert step.inputs["value"] == {"uses": "./setup", "with": {"name": "${{ github.actor }}"}}
    run, python, inner = does(step)
    assert run == {
        "action": "run",
        "inputs": {
            "script": "$GITHUB_ACTION_PATH/go ${{ build.actor }} ${{ workspace }}/setup",
            "shell": "bash",
        },
        "variables": {"GITHUB_ACTION_PATH": "${{ workspace }}/setup"},
    }
    assert (python["action"], python["inputs"]) == ("setup.python", {"version": "true"})
    assert python["when"] == "build.actor == 'nobody'"
    assert inner["inputs"]["steps"] == [
        {"action": "run", "inputs": {"script": "echo ${{ build.actor }}!", "shell": "sh"}}
    ]
    assert reading.findings == ()


def test_what_is_written_is_the_call() -> None:
    reading = READER.read(documents("uses: ./inner", **{"inner/action.yml": INNER}))
    (document,) = GitHubActionsWriter().write(reading.pipeline).documents
    assert "- uses: ./inner\n" in document.text
    assert "echo" not in document.text


def test_an_input_that_the_action_does_not_have_is_told() -> None:
    reading = READER.read(documents("{uses: ./inner, with: {whom: me}}", **{"inner/action.yml": INNER}))
    (finding,) = reading.findings
    assert (finding.what, finding.remedy) == ("input whom", "did you mean 'who'?")


@pytest.mark.parametrize("text", ["a: [", "runs: {using: composite, steps: [{name: nothing}]}"])
def test_a_broken_action_is_told_and_kept_as_a_call(text: str) -> None:
    reading = READER.read(documents("uses: ./inner", **{"inner/action.yml": text}))
    (finding,) = reading.findings
    assert "inner/action.yml" in finding.what
    assert "steps" not in reading.pipeline.stages[0].steps[0].inputs


def test_an_action_that_uses_itself_ends() -> None:
    text = INNER.replace("run: 'echo ${{ inputs.who }}', shell: sh", "uses: ./inner")
    reading = READER.read(documents("uses: ./inner", **{"inner/action.yml": text}))
    assert does(reading.pipeline.stages[0].steps[0])


def test_the_files_that_would_help_are_named() -> None:
    found = READER.wants(documents("uses: ./sub/.github/actions/a"))
    folders = ("sub/.github/actions/a", ".github/actions/a")
    assert set(found) == {f"{one}/action.{end}" for one in folders for end in ("yml", "yaml")}
    assert READER.wants(documents("uses: ./inner", **{"inner/action.yml": INNER})) == ("inner/action.yaml",)
    assert READER.wants(DocumentSet(documents=(Document(path=PATH, text="a: ["),))) == ()


def test_an_action_by_itself_is_a_pipeline_that_others_call() -> None:
    reading = READER.read(DocumentSet(documents=(Document(path="setup/action.yml", text=SETUP),)))
    pipeline = reading.pipeline
    assert (pipeline.name, [one.event for one in pipeline.triggers]) == ("Set up", ["call"])
    assert pipeline.parameters == {
        "version": Parameter(description="Which", default=True),
        "name": Parameter(description="Whose", required=True),
    }
    (stage,) = pipeline.stages
    assert stage.outputs == {"place": "${{ steps.x.outputs.place }}"}
    assert [step.action for step in stage.steps] == ["run", "setup.python", "opaque"]
    assert reading.findings == ()
    (document,) = GitHubActionsWriter().write(pipeline).documents
    assert document.path == "action.yml"
    again = READER.read(DocumentSet(documents=(document,)))
    assert again.pipeline == pipeline


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("runs: {using: node24, main: a.js}", "an action that runs on node24 has no steps"),
        ("runs: {using: docker, image: Dockerfile}", "an action that runs on docker has no steps"),
        ("runs: {using: composite}", "a composite action needs steps"),
        ("runs: {using: composite, steps: [{run: a}]}", "a script in a composite action needs a `shell`"),
        ("{runs: {using: composite, steps: [{uses: a}]}, outputs: {x: }}", "output 'x' needs a value"),
    ],
)
def test_what_is_wrong_with_an_action_is_told(text: str, said: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        READER.read(DocumentSet(documents=(Document(path="action.yml", text=text),)))
    assert said in str(caught.value)


def test_all_problems_of_an_action_are_told_at_once() -> None:
    text = "runs: {using: composite, steps: [{run: a}, {run: b}]}"
    with pytest.raises(InvalidPipeline) as caught:
        READER.read(DocumentSet(documents=(Document(path="action.yml", text=text),)))
    assert len(caught.value.problems) == 2
