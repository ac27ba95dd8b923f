"""Workflows that are executed: what we write ends as the original did, and losses are announced."""

from pathlib import Path

import pytest

from tests.evidence.equality import WAYS, compared, unexpected
from tests.evidence.executing import Ended, execute, workflows
from tests.evidence.ways import CIRCLECI

pytestmark = pytest.mark.slow


def test_there_are_workflows() -> None:
    assert len(workflows()) >= 40


@pytest.mark.parametrize("path", workflows(), ids=lambda path: path.stem)
@pytest.mark.parametrize("name", [name for name in WAYS if name != CIRCLECI])
def test_what_is_written_again_ends_as_the_original(path: Path, name: str, tmp_path: Path) -> None:
    assert compared(path, name, tmp_path)[1] == []


@pytest.mark.parametrize("path", workflows(), ids=lambda path: path.stem)
def test_the_way_through_another_vendor_ends_the_same_or_is_announced(path: Path, tmp_path: Path) -> None:
    went, found = compared(path, CIRCLECI, tmp_path)
    assert unexpected(path, went, found) == []


def test_executions_are_told_apart(tmp_path: Path) -> None:
    """The measure itself: results, steps and lines of each cell."""
    text = """\
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    strategy: {fail-fast: false, matrix: {part: [1, 2]}}
    steps:
      - {name: Part, run: "echo MARK ${{ matrix.part }}; sleep 0.2; test ${{ matrix.part }} = 1"}
      - {name: After, run: "true"}
  never: {needs: test, runs-on: ubuntu-latest, steps: [{run: "true"}]}
"""
    assert execute(text, tmp_path / "one") == {
        'test {"part": 1}': Ended("success", [("Part", "success"), ("After", "success")], ["MARK 1"]),
        'test {"part": 2}': Ended("failure", [("Part", "failure")], ["MARK 2"]),
    }
