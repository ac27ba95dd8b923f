"""Defaults of parameters in builds that no person started."""

from dataclasses import replace

from pipemgr.adapter.registry import Registry
from pipemgr.translate.convert import convert
from pipemgr.translate.document import single
from pipemgr.translate.native import native_dialect

CIRCLECI, GITHUB = map(Registry().dialect, ("circleci", "github-actions"))
CONFIG = """\
version: 2.1
parameters:
  tool: {type: string, default: hammer}
  loud: {type: boolean, default: true}
  slow: {type: boolean, default: false}
jobs:
  build:
    machine: true
    steps:
      - run: echo << pipeline.parameters.tool >> << pipeline.parameters.slow >>
workflows:
  main:
    when: << pipeline.parameters.loud >>
    jobs: [build]
  other:
    when: << pipeline.parameters.slow >>
    jobs: [build]
"""


def test_defaults_count_in_builds_that_a_push_starts_too() -> None:
    there = convert(single(".circleci/config.yml", CONFIG), CIRCLECI, GITHUB)
    [document] = there.documents
    assert "echo ${{ inputs.tool || 'hammer' }} ${{ inputs.slow || false }}" in document.text
    assert "if: github.event_name != 'workflow_dispatch' || inputs.loud\n" in document.text
    assert "if: inputs.slow\n" in document.text
    told = [one.what for one in there.report.findings if one.what.startswith("default of")]
    assert sorted(told) == [f"default of the parameter {name}" for name in ("loud", "slow", "tool")]


def test_on_the_way_back_they_are_gone() -> None:
    there = convert(single(".circleci/config.yml", CONFIG), CIRCLECI, GITHUB)
    [document] = convert(there.documents, GITHUB, CIRCLECI).documents
    assert "echo << pipeline.parameters.tool >> << pipeline.parameters.slow >>" in document.text


def test_what_only_people_start_needs_no_more_than_the_parameter() -> None:
    text = """\
pipeline: x
triggers: [manual]
parameters: {tool: {default: hammer}}
stages: {s: {steps: [{run: "echo ${{ parameters.tool }}"}]}}
"""
    other = replace(native_dialect(), name="other", foreign=False, tables=None)
    [document] = convert(single("x.yaml", text), other, GITHUB).documents
    assert "echo ${{ inputs.tool }}" in document.text


def test_a_default_that_was_not_meant_for_pushes_is_told() -> None:
    text = """\
on: {push: {}, workflow_dispatch: {inputs: {tool: {type: string, default: hammer}}}}
jobs: {s: {runs-on: ubuntu-latest, steps: [{run: "echo ${{ inputs.tool }}"}]}}
"""
    findings = convert(single("x.yml", text), GITHUB, CIRCLECI).report.findings
    [told] = [one for one in findings if one.what == "default of the parameter tool"]
    assert (told.fidelity, told.path) == ("approximate", "parameters.tool.default")
