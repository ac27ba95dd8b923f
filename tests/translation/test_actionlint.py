"""Another program's opinion: actionlint finds nothing in what we write that it does not find in the source."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.mapping.catalogue import catalogue
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import convert
from pipemgr.translate.document import DocumentSet, load
from pipemgr.translate.names import Names
from pipemgr.translate.native import native_dialect

HERE = Path(__file__).parent
LINT = shutil.which("actionlint", path=str(Path(sys.executable).parent))
OPTIONS = ("-no-color", "-shellcheck=", "-pyflakes=", "-format", "{{json .}}")
OFTEN = "scheduled job runs too frequently."
MEANT = {
    # A condition that GitHub can't express: the report says so, and the job is not executed.
    ("if-cond", 'constant expression "false" in condition. remove the if: section'),
    # A schedule that its author made for a day that never comes.
    ("events", f"{OFTEN} it runs once per 0 seconds. the shortest interval is once every 5 minutes"),
}
Complaints = dict[str, Counter[tuple[str, str]]]


def complaints(files: Iterable[Path]) -> Complaints:
    """What actionlint says of each file, by the file's name: rule and message, without places."""
    assert LINT is not None, "actionlint is in the group of packages for development"
    named = [str(file) for file in files]
    done = subprocess.run([LINT, *OPTIONS, *named], capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode in (0, 1), done.stderr
    found: Complaints = {Path(name).name: Counter() for name in named}
    for one in json.loads(done.stdout):
        message = re.sub(r"line:? ?\d+,? col(umn)?:? ?\d+|at line \d+|:\d+:\d+", "", one["message"])
        found[Path(one["filepath"]).name][one["kind"], message] += 1
    return found


@pytest.fixture(scope="module")
def github() -> Dialect:
    return Registry().dialect("github-actions")


@pytest.fixture(scope="module")
def native() -> Dialect:
    known = catalogue()
    return native_dialect(
        known.inputs(), known.shorts(), known.triggers, Names(known.contexts, known.functions)
    )


def new(before: Complaints, after: Complaints) -> dict[str, list[tuple[str, str]]]:
    """Complaints about what was written that the source does not have, or has less often."""
    more = {name: sorted(found - before.get(name, Counter())) for name, found in after.items()}
    return {name: found for name, found in more.items() if found}


@pytest.mark.corpus
@pytest.mark.parametrize("way", ["written again", "by way of our own format"])
def test_nothing_new_is_found(
    corpus: Path, github: Dialect, native: Dialect, way: str, tmp_path: Path
) -> None:
    sources = sorted((corpus / "definitions" / "gha").glob("*.y*ml"))
    for source in sources:
        documents = DocumentSet(documents=(load(source, f".github/workflows/{source.name}"),))
        if way == "by way of our own format":
            documents = convert(documents, github, native).documents
        ours = native if way == "by way of our own format" else github
        for document in convert(documents, ours, github).documents:
            (tmp_path / source.name).write_text(document.text, encoding="utf-8")
    written = complaints(sorted(tmp_path.iterdir()))
    assert len(written) == len(sources) >= 100
    assert new(complaints(sources), written) == {}


@pytest.mark.corpus
def test_what_comes_from_elsewhere_is_clean_and_valid(corpus: Path, github: Dialect, tmp_path: Path) -> None:
    circleci = Registry().dialect("circleci")
    for source in sorted((corpus / "definitions" / "circleci").glob("*.y*ml")):
        for document in convert(
            DocumentSet(documents=(load(source, source.name),)), circleci, github
        ).documents:
            (tmp_path / source.name).write_text(document.text, encoding="utf-8")
    written = sorted(tmp_path.iterdir())
    assert len(written) >= 45
    found = {
        name: [one for one in ones if one[:2] not in MEANT] for name, ones in complaints(written).items()
    }
    assert {name: ones for name, ones in found.items() if ones} == {}
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows")
    done = subprocess.run(
        [*command, *map(str, written)], capture_output=True, text=True, check=False, timeout=250
    )
    assert done.returncode == 0, done.stdout


def test_golden_files_are_clean(tmp_path: Path) -> None:
    """What was written for a case has no complaint that its source (where it is a workflow) does not have."""
    cases = [file.parent for file in HERE.glob("github-actions/*/written.yml")]
    assert len(cases) >= 10
    for kind in ("source", "written"):
        (tmp_path / kind).mkdir()
        for case in cases:
            if (case / f"{kind}.yml").exists():
                shutil.copy(case / f"{kind}.yml", tmp_path / kind / f"{case.name}.yml")
    before, after = (complaints(sorted((tmp_path / kind).iterdir())) for kind in ("source", "written"))
    assert new(before, after) == {}
