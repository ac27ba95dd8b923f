"""Steps of real Jenkinsfiles: nothing of them is left unread, and what is kept is kept again."""

# ruff: noqa: T201 - the figures are printed
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipemgr.adapter import InvalidPipeline, ParseError, Reading, single
from pipemgr.model.definitions import OPAQUE, Step
from pipemgr_jenkins.reader import JenkinsReader

pytestmark = pytest.mark.corpus

FOLDERS = ("definitions/jenkinsfile", "pairs/opensearch-callstack", "pairs/pmd-groovy-only")
OTHER = (".txt", ".json", ".md")
AROUND = "pipeline {{ agent any\n stages {{ stage('x') {{ steps {{\n{}\n}} }} }} }}\n"


def read(text: str) -> Reading:
    return JenkinsReader().read(single("Jenkinsfile", text))


def readings(corpus: Path) -> Iterator[tuple[str, Reading]]:
    for folder in FOLDERS:
        for path in sorted((corpus / folder).iterdir()):
            if path.suffix in OTHER:
                continue
            try:
                yield path.name, read(path.read_text(encoding="utf-8", errors="replace"))
            except (InvalidPipeline, ParseError):
                continue


def steps(reading: Reading) -> list[Step]:
    return [step for stage in reading.pipeline.stages for step in stage.steps]


def test_no_statement_is_left_unread(corpus: Path) -> None:
    unread = [(name, one.path) for name, found in readings(corpus) for one in found.source.unread()]
    assert [(name, path) for name, path in unread if ".steps" in path or ".post" in path] == []


def test_what_is_kept_is_kept_again(corpus: Path) -> None:
    """An opaque step's text, alone in a stage, is that step again, but where it needs what stands around it."""
    same, other = 0, []
    for name, found in readings(corpus):
        for value in (step.inputs["value"] for step in steps(found) if step.action == OPAQUE):
            try:
                again = [one for one in steps(read(AROUND.format(value))) if one.action != "checkout"]
            except InvalidPipeline:
                again = []
            if len(again) == 1 and again[0].inputs.get("value") == value:
                same += 1
            else:
                other.append((name, value))
    print(f"{same} of {same + len(other)} steps that only Jenkins has are the same when read again")
    assert same > 0.95 * (same + len(other)), other[:9]
