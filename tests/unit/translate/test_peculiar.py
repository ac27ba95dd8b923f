"""Words in scripts and paths that only the source's machines understand."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipemgr.mapping.tables import Tables
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import convert
from pipemgr.translate.document import single
from pipemgr.translate.native import native_dialect

TABLE = """\
source: [https://docs.example]
checked: 2026-01-01
rows:
  - {text: /acme/home, fidelity: approximate, why: nobody has that, remedy: write another}
  - {text: acme stop, why: nobody else stops, remedy: use exit}
  - {text: "::hide::", fidelity: equivalent, why: only shown}
"""
Made = Callable[[str], Dialect]


@pytest.fixture
def acme(tmp_path: Path) -> Dialect:
    """A vendor with a program, a folder and a word of its own."""
    (tmp_path / "scripts.yaml").write_text(TABLE, "utf-8")
    tables = Tables.of("acme", tmp_path)
    return replace(native_dialect(), name="acme", title="Acme", foreign=False, tables=tables)


def _told(acme: Dialect, script: str, *, target: Dialect | None = None) -> list[tuple[str, str]]:
    text = f"pipeline: x\nstages:\n  s:\n    steps:\n      - run: {script}\n"
    other = target or replace(native_dialect(), name="other", title="Other", foreign=False, tables=None)
    report = convert(single("f.yaml", text), acme, other).report
    return [(finding.fidelity.value, finding.what) for finding in report.findings]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("test -f x && acme   stop", [("manual", "acme stop")]),
        ("cp /acme/home/x .", [("approximate", "/acme/home")]),
        ("'echo ::hide::$X; acme stop'", [("manual", "acme stop"), ("equivalent", "::hide::")]),
        ("acme stopwatch; my-acme stop; ./acme stop", []),
        ("'# acme stop'", []),
        ("cp x/acme/home /acme/homes", []),
    ],
)
def test_words_of_the_source_are_told_where_they_stand(
    script: str, told: list[tuple[str, str]], acme: Dialect
) -> None:
    assert _told(acme, script) == told


def test_paths_and_variables_are_looked_at_too(acme: Dialect) -> None:
    text = """\
pipeline: x
stages:
  s:
    variables: {A: /acme/home/x}
    steps:
      - run: {script: make, directory: /acme/home}
        variables: {B: /acme/home}
"""
    other = replace(native_dialect(), name="other", foreign=False, tables=None)
    report = convert(single("f.yaml", text), acme, other).report
    assert [(finding.path, finding.source) for finding in report.findings] == [
        ("stages.s.steps[0].inputs.directory", "f.yaml:6:29"),
        ("stages.s.steps[0].variables.B", "f.yaml:7:21"),
        ("stages.s.variables.A", "f.yaml:4:17"),
    ]


def test_our_own_format_and_the_same_language_keep_them(acme: Dialect) -> None:
    assert _told(acme, "acme stop", target=native_dialect()) == []
    assert _told(acme, "acme stop", target=acme) == []
