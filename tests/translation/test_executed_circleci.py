"""CircleCI's definitions converted and executed: scripts find there what CircleCI gives to them."""

from pathlib import Path

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.translate.convert import convert
from pipemgr.translate.document import single
from pipemgr.translate.report import TranslationReport
from tests.evidence.executing import execute

pytestmark = pytest.mark.slow
HEAD = "version: 2.1\njobs:\n  build:\n    machine: true\n    steps:\n"
TAIL = "workflows: {main: {jobs: [build]}}\n"


def _marks(steps: str, folder: Path) -> tuple[list[str], TranslationReport]:
    """What the job's scripts print at GitHub, and the report on the way there."""
    registry = Registry()
    made = convert(
        single(".circleci/config.yml", HEAD + steps + TAIL),
        registry.dialect("circleci"),
        registry.dialect("github-actions"),
    )
    [document] = made.documents
    return [line.strip() for line in execute(document.text, folder)["build"].marks], made.report


def test_what_a_script_exports_through_bash_env_reaches_later_steps(tmp_path: Path) -> None:
    steps = """\
      - run: echo "export GREETING='hello world'" >> $BASH_ENV; mkdir -p "$PWD/bin"; echo "export PATH=$PWD/bin:\\$PATH" >> "$BASH_ENV"
      - run: {command: 'printf "#!/bin/sh\\necho MARK mine\\n" > bin/mine; chmod +x bin/mine', shell: /bin/sh}
      - run: |
          echo "MARK $GREETING"
          mine
"""
    marks, report = _marks(steps, tmp_path / "one")
    assert marks == ["MARK hello world", "MARK mine"]
    assert {finding.fidelity.value for finding in report.findings} <= {"exact", "equivalent"}


def test_what_circleci_says_of_the_build_is_said(tmp_path: Path) -> None:
    steps = """\
      - run: echo "MARK $CIRCLECI $CIRCLE_JOB $CIRCLE_BRANCH ${#CIRCLE_SHA1} ${CIRCLE_TAG:-none}"
"""
    assert _marks(steps, tmp_path / "one")[0] == ["MARK true build main 40 none"]
