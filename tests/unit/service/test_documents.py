"""Which files of a repository are read together with a definition."""

from pathlib import Path

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.errors import ParseError
from pipemgr.service.translation import documents

ACTION = "runs: {using: composite, steps: [{uses: ./b}]}\n"
WORKFLOW = "on: push\njobs: {a: {runs-on: x, steps: [{uses: ./a}, {uses: ./../out}, {uses: ./none}]}}\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name, text in (
        ("in/.github/workflows/ci.yml", WORKFLOW),
        ("in/a/action.yml", ACTION),
        ("in/b/action.yaml", ACTION),
        ("out/action.yml", ACTION),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / "in"


def test_files_that_help_follow_the_first_and_nothing_else_is_read(repository: Path) -> None:
    path = str(repository / ".github/workflows/ci.yml")
    found = documents(path, Registry().dialect("github-actions"))
    assert [one.path for one in found] == [path, "a/action.yml", "b/action.yaml"]


def test_a_file_that_is_not_where_such_files_live_stands_alone(repository: Path) -> None:
    path = repository / "ci.yml"
    path.write_text(WORKFLOW, encoding="utf-8")
    assert len(documents(str(path), Registry().dialect("github-actions")).documents) == 1
    (repository / ".git").mkdir()
    assert len(documents(str(path), Registry().dialect("github-actions")).documents) == 3


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ParseError):
        documents(str(tmp_path / "no.yml"), Registry().dialect("github-actions"))
