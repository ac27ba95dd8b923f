"""Versions of actions that name what is provided: `@stable` of a toolchain."""

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.translate.convert import convert, read
from pipemgr.translate.document import Document, DocumentSet

WORKFLOW = """\
name: x
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: dtolnay/rust-toolchain@{version}
"""


def workflow(version: str) -> DocumentSet:
    return DocumentSet(documents=(Document(path="x.yml", text=WORKFLOW.replace("{version}", version)),))


@pytest.mark.parametrize(
    ("version", "inputs"),
    [
        ("stable", {"version": "stable"}),
        ("1.80", {"version": "1.80"}),
        ("nightly-2026-01-01", {"version": "nightly-2026-01-01"}),
        ("v1", {}),
        ("master", {}),
        ("a" * 40, {}),
    ],
)
def test_the_version_is_the_input_where_it_names_a_toolchain(version: str, inputs: dict[str, str]) -> None:
    github = Registry().dialect("github-actions")
    reading = read(workflow(version), github)
    assert reading.pipeline.stages[0].steps[0].inputs == inputs
    again = github.writer.write(reading.pipeline).documents
    assert f"dtolnay/rust-toolchain@{version}\n" in again.documents[0].text
    assert "toolchain:" not in again.documents[0].text


def test_another_vendor_gets_the_toolchain() -> None:
    registry = Registry()
    made = convert(workflow("nightly"), registry.dialect("github-actions"), registry.dialect("circleci"))
    assert "INPUT_VERSION: nightly" in made.documents.documents[0].text
