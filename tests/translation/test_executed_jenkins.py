"""Jenkinsfiles converted to workflows and executed: scripts print what they print at Jenkins, and the build ends alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from pipemgr.adapter.registry import Registry
from pipemgr.translate.convert import convert
from pipemgr.translate.document import single
from tests.evidence.executing import MARK, execute

pytestmark = pytest.mark.slow
FOLDER: Final = Path(__file__).parent / "executed-jenkins"
EXPECTED: Final[dict[str, Any]] = yaml.safe_load((FOLDER / "expectations.yaml").read_text("utf-8"))


def test_every_jenkinsfile_has_an_expectation() -> None:
    assert {path.stem for path in FOLDER.glob("*.Jenkinsfile")} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_converted_jenkinsfile_does_what_it_did(name: str, tmp_path: Path) -> None:
    expected, registry = EXPECTED[name], Registry()
    text = (FOLDER / f"{name}.Jenkinsfile").read_text("utf-8")
    made = convert(
        single("Jenkinsfile", text), registry.dialect("jenkins"), registry.dialect("github-actions")
    )
    [document] = made.documents
    secrets = [f"--secret {key}={value}" for key, value in expected.get("secrets", {}).items()]
    ended = execute(document.text, tmp_path / "one", " ".join(("push", *secrets)))
    marks = [
        line.strip()[len(MARK) :] for job in ended.values() for line in job.marks if line.startswith(MARK)
    ]
    if expected.get("unordered"):
        marks.sort()
        expected["marks"].sort()
    assert marks == expected["marks"], document.text
    failed = any(job.result == "failure" for job in ended.values())
    assert failed == (expected["result"] == "failure"), document.text
