"""The adapter is what its adapter.yaml declares."""

import re
from pathlib import Path

import pipemgr_github_actions
from pipemgr.adapter.check import check
from pipemgr.adapter.registry import Registry

FOLDER = Path(pipemgr_github_actions.__file__).parent


def test_it_does_what_it_declares() -> None:
    assert check("github-actions") == ()


def test_its_dialect_comes_through_the_registry() -> None:
    dialect = Registry().dialect("github-actions")
    assert dialect.title == "GitHub Actions"
    assert ".github/workflows/*.yml" in dialect.patterns
    assert isinstance(dialect.writer, pipemgr_github_actions.GitHubActionsWriter)
    assert isinstance(dialect.reader, pipemgr_github_actions.GitHubActionsReader)


def test_the_readme_lists_every_file() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`(\w+\.py)`", readme))
    assert listed == {path.name for path in FOLDER.glob("*.py")} - {"__init__.py"}
