"""The hub speaks no vendor's language: their names occur in adapters/ and mappings/ only."""

import re
from pathlib import Path

import pytest

# A name may go on with a capital or an underscore (GitHubActions, github_actions), not with a small letter
# (argon2, argument), and may not be the tail of another word (cargo).
VENDOR = re.compile(
    r"(?<![A-Za-z0-9])(?i:git_?hub|git_?lab|jenkins|circle_?ci|git_?ops|tekton|argo|flux)(?![a-z0-9])"
)

# The fakes of vendors are for tests, ours and those of authors; each serves one vendor and must name it.
FAKES = "pipemgr/testing/fakes/"

# Lines that may name a vendor, by file: each entry says why.
ALLOWED: dict[str, str] = {}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("class GitHubActions", True),
        ("github_actions", True),
        ("'argo'", True),
        ("argon2 cargo fluxional argument", False),
    ],
)
def test_the_search_knows_a_vendor_when_it_sees_one(text: str, named: bool) -> None:
    assert bool(VENDOR.search(text)) is named


def test_the_hub_names_no_vendor(project: Path) -> None:
    named = [
        f"{path.relative_to(project)}:{number}: {line.strip()}"
        for path in sorted((project / "pipemgr").rglob("*.py"))
        if not str(path.relative_to(project)).startswith(FAKES)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if VENDOR.search(line) and str(path.relative_to(project)) not in ALLOWED
    ]
    assert named == []


def test_no_permission_outlives_its_need(project: Path) -> None:
    needless = [file for file in ALLOWED if not VENDOR.search((project / file).read_text(encoding="utf-8"))]
    assert needless == []
