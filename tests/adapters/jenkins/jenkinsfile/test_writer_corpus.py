"""Real definitions: those of other vendors become Jenkinsfiles that Jenkins takes, its own come back as they were."""

import os
from functools import cache
from pathlib import Path

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.errors import PipemgrError
from pipemgr.testing.trips import differences
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import convert, read, write
from pipemgr.translate.document import single

CORPUS = Path(os.environ.get("PIPEMGR_CORPUS", ""))
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(
        not os.environ.get("PIPEMGR_CORPUS"), reason="PIPEMGR_CORPUS is not set: nothing real is written"
    ),
]
SOURCES = {
    "github-actions": ("definitions/gha", ".github/workflows/build.yml"),
    "circleci": ("definitions/circleci", ".circleci/config.yml"),
}
OWN = ("definitions/jenkinsfile", "pairs/pmd-groovy-json", "pairs/pmd-groovy-only")
EQUAL = 0.97
"""How many declarative pipelines must come back as they were (the issue's own figure)."""


@cache
def dialect(name: str) -> Dialect:
    return Registry().dialect(name)


def texts(folder: str) -> list[tuple[str, str]]:
    found = [path for path in sorted((CORPUS / folder).iterdir()) if path.suffix not in (".json", ".txt")]
    return [(path.name, path.read_text(encoding="utf-8-sig", errors="replace")) for path in found]


@pytest.mark.parametrize("name", SOURCES)
def test_what_is_converted_is_what_jenkins_takes(name: str) -> None:
    folder, path = SOURCES[name]
    made, refused = 0, []
    for file, text in texts(folder):
        conversion = convert(single(path, text), dialect(name), dialect("jenkins"))
        assert all(one.what != "a fault of an adapter" for one in conversion.report.findings), file
        if not conversion.documents:
            continue
        made += 1
        try:
            read(conversion.documents, dialect("jenkins"))
        except PipemgrError as error:
            refused.append(f"{file}: {error}")
    assert refused == []
    assert made >= 40


def test_declarative_pipelines_come_back_as_they_were() -> None:
    count, changed = 0, []
    for folder in OWN:
        for file, text in texts(folder):
            try:
                first = read(single("Jenkinsfile", text), dialect("jenkins")).pipeline
            except PipemgrError:
                continue
            if "pipeline {" not in text and "pipeline{" not in text:
                continue
            again = read(write(first, dialect("jenkins")).documents, dialect("jenkins")).pipeline
            count += 1
            changed += [f"{file}: {one}" for one in list(differences(first, again))[:1]]
    assert count >= 150
    assert len(changed) <= (1 - EQUAL) * count, changed
