"""Auditing a tree: every file counted, none that stops the others, and what to do about all of them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipemgr.errors import PipemgrError
from pipemgr.service.audit import Audit, Auditor, find
from pipemgr.service.checkout import tree
from pipemgr.service.runtime import languages
from pipemgr.translate.convert import convert as usual_convert
from pipemgr.translate.report import Fidelity, Outcome

GOOD = """\
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: somebody/unknown@v1
      - uses: somebody/unknown@v2
      - run: make
        env: {TOKEN: "${{ secrets.TOKEN }}"}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two repositories: one with a good and a broken definition, one below it."""
    for place, text in (
        (".github/workflows/good.yml", GOOD),
        (".github/workflows/broken.yml", "on: [\n"),
        ("inner/.github/workflows/good.yaml", GOOD),
        ("node_modules/x/.github/workflows/no.yml", GOOD),
        ("workflows/no.yml", GOOD),
    ):
        file = tmp_path / "root" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return tmp_path / "root"


def _audit(root: Path, target: str, output: Path | None = None) -> Audit:
    known = languages()
    auditor = Auditor(known, target, output)
    for found in find(root, known):
        auditor.add(found)
    return auditor.result("here")


def test_every_definition_is_found_wherever_its_repository_lies(root: Path) -> None:
    assert [one.name for one in find(root, languages())] == [
        ".github/workflows/broken.yml",
        ".github/workflows/good.yml",
        "inner/.github/workflows/good.yaml",
    ]


def test_what_the_files_come_to(root: Path) -> None:
    made = _audit(root, "circleci")
    assert [one.outcome.value for one in made.files] == ["failed", "partial", "partial"]
    assert made.outcomes[Outcome.FAILED] == 1
    assert sum(getattr(made.accounting, one) for one in Fidelity) == made.accounting.nodes > 0
    assert [(one.name, one.count) for one in made.unknown] == [("somebody/unknown", 4)]
    assert {"checkout": 2, "run": 2}.items() <= {one.name: one.count for one in made.known}.items()
    [where, message] = made.failures[0].problems[0]
    assert where.startswith(".github/workflows/broken.yml:2:")
    assert message
    [task] = [one for one in made.tasks if one.what == "secret TOKEN"]
    assert [place.partition(":")[0] for place in task.places] == [
        ".github/workflows/good.yml",
        "inner/.github/workflows/good.yaml",
    ]
    [reason] = [one for one in made.reasons if "somebody/unknown@v1" in one.what]
    assert (reason.fidelity, reason.count) == (Fidelity.DROPPED, 2)


def test_people_and_machines_read_the_same(root: Path) -> None:
    made = _audit(root, "circleci")
    text, data = made.to_markdown(), json.loads(made.to_json())
    assert Audit.model_validate(data) == made
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings[0] == "## Not readable (1)"
    assert "| `somebody/unknown` | 4 |" in text
    assert "- [ ] **secret TOKEN**" in text
    assert "| failed | 1 |" in text


def test_each_converted_file_is_written_beside_its_report(root: Path, tmp_path: Path) -> None:
    _audit(root, "circleci", tmp_path / "out")
    folder = tmp_path / "out/inner/.github/workflows/good.yaml"
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names == {".circleci/config.yml", "report.json", "report.md"}
    failed = tmp_path / "out/.github/workflows/broken.yml"
    assert "not readable" in (failed / "report.md").read_text("utf-8")


def test_no_fault_stops_the_other_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(documents: Any, *rest: Any) -> Any:
        if documents.documents[0].path.startswith("inner"):
            raise RuntimeError("a slip")
        return usual_convert(documents, *rest)

    monkeypatch.setattr("pipemgr.service.audit.convert", convert)
    made = _audit(root, "native")
    assert [one.outcome.value for one in made.files] == ["failed", "successful", "failed"]
    assert "RuntimeError: a slip" in made.failures[1].problems[0][1]


def test_an_empty_tree_is_an_empty_audit(tmp_path: Path) -> None:
    made = _audit(tmp_path, "native")
    assert (made.files, made.accounting.nodes) == ((), 0)
    assert "# Audit of here" in made.to_markdown()


def _git(folder: Path, *words: str) -> None:
    name = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    subprocess.run(["git", "-C", folder, *name, *words], check=True, capture_output=True)


def test_a_repository_is_read_at_the_newest_commit_of_its_branch(root: Path, tmp_path: Path) -> None:
    _git(root, "init", "-q", "-b", "main")
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "-m", "x")
    bare = tmp_path / "bare.git"
    _git(tmp_path, "clone", "-q", "--bare", str(root), str(bare))
    with tree(str(bare)) as folder:
        names = [one.name for one in find(folder, languages())]
    assert len(names) == 3
    assert not folder.exists()
    with pytest.raises(PipemgrError, match="no branch nowhere"), tree(str(bare), "nowhere"):
        pass


def test_what_is_no_place_is_refused_with_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(PipemgrError, match="no such folder") as caught, tree("nowhere"):
        pass
    assert "Git repository" in str(caught.value.remedy)
    with tree(str(tmp_path)) as folder:
        assert folder == tmp_path


def test_calls_are_counted_by_their_names_whatever_they_are_given(tmp_path: Path) -> None:
    stages = "acmeDeploy('a')\nacmeDeploy target: 'b', sizes: [1, 2]\nstash name: 'x@y'\nscript { echo 'a' }"
    (tmp_path / "Jenkinsfile").write_text(
        f"pipeline {{ agent any\nstages {{ stage('a') {{ steps {{\n{stages}\n}} }} }} }}", "utf-8"
    )
    audit = _audit(tmp_path, "github-actions")
    assert [(one.name, one.count) for one in audit.unknown] == [("acmeDeploy", 2)]
    assert {"stash"} <= {one.name for one in audit.known}
