"""Reports: the same for people and machines, what to do first, and nothing of a stranger's text as markup."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipemgr.model.support import Answer, Support
from pipemgr.translate.convert import convert
from pipemgr.translate.document import single
from pipemgr.translate.markdown import LONGEST, SIZES, code, escaped, grouped
from pipemgr.translate.native import native_dialect
from pipemgr.translate.report import Fidelity, Finding, Outcome, TranslationReport

NATIVE = native_dialect()
NO = Answer(support=Support.UNSUPPORTED, note="not there")
TEXT = """\
pipeline: x
stages:
  a:
    name: A
    retry: 2
    contexts: [hub]
    container: alpine
    steps:
      - run: use ${{ secrets.TOKEN }}
      - run: use ${{ secrets.TOKEN }}
  b:
    retry: 1
    contexts: [hub]
    steps:
      - run: make
"""


def _report() -> TranslationReport:
    lacking = dict.fromkeys(("stage.retry", "stage.contexts", "stage.container", "stage.name"), NO)
    target = replace(NATIVE, name="elsewhere", title="Elsewhere", foreign=False, features=lacking)
    return convert(single("f.yaml", TEXT), NATIVE, target).report


def test_people_read_first_what_it_comes_to_and_what_they_must_do() -> None:
    text = _report().to_markdown()
    headings = [line for line in text.splitlines() if line.startswith(("#", "<summary"))]
    assert headings == [
        "# f.yaml: native to elsewhere",
        "## To do by hand (2)",
        "## Dropped (1)",
        "## Approximate (2)",
        "<summary>Equivalent (1): said in another way</summary>",
    ]
    assert "**partial**" in text
    assert "| dropped | 1 |" in text
    assert "- [ ] **context hub**: create its secrets" in text
    assert "(`f.yaml:6:16`, `f.yaml:13:16`)" in text
    assert (
        "- [ ] **secret TOKEN**: create the secret TOKEN in Elsewhere (`f.yaml:9:9`, `f.yaml:10:9`)" in text
    )


def test_machines_read_the_same() -> None:
    report = _report()
    data: Any = json.loads(report.to_json())
    assert [one["what"] for one in data["tasks"]] == ["context hub", "secret TOKEN"]
    assert [one["kind"] for one in data["tasks"]] == ["context", "secret"]
    assert data["tasks"][1]["places"] == ["f.yaml:9:9", "f.yaml:10:9"]
    assert len(data["findings"]) == len(report.findings)
    shown = {one["what"] for one in data["findings"]}
    assert all(escaped(what) in report.to_markdown() for what in shown)


def _finding(**more: Any) -> Finding:
    given_ = {"fidelity": Fidelity.DROPPED, "path": "", "source": "f:1:1", "what": "w", "why": "y"}
    return Finding(**{**given_, **more})


def _markdown(*findings: Finding) -> str:
    report = TranslationReport(
        source="f", origin="a", target="b", outcome=Outcome.PARTIAL, findings=tuple(findings)
    )
    return report.to_markdown()


PLACES, ROWS = SIZES[0].places, SIZES[0].rows


def test_what_says_the_same_is_one_row_with_all_its_places() -> None:
    several = [_finding(source=f"f:{at}:1") for at in range(1, PLACES + 4)]
    [(_, places)] = grouped(several)
    assert len(places) == PLACES + 3
    text = _markdown(*several)
    assert text.count("| w |") == 1
    assert "and 3 more |" in text


def test_a_long_report_stays_fit_for_a_pull_request() -> None:
    text = _markdown(*(_finding(what=f"w{at}") for at in range(ROWS + 5)))
    assert "and 5 more" in text
    assert len(text) <= LONGEST
    long = _markdown(*(_finding(what=f"{at} {'w' * 500}") for at in range(ROWS + 5)))
    assert len(long) <= LONGEST
    assert f"and {ROWS + 5 - SIZES[1].rows} more" in long


def test_nothing_of_a_strangers_text_is_markup() -> None:
    text = _markdown(_finding(what="a|b `c` <img src=x>\n# d", why="ask @team about #12", remedy="*now*"))
    row = next(line for line in text.splitlines() if "img" in line)
    assert row.count(" | ") == 3
    assert r"a\|b \`c\` \<img src=x\> # d" in row
    assert "@<!-- -->team" in row
    assert r"\*now\*" in row


@given(st.text())
def test_a_text_never_leaves_its_line_or_its_code(text: str) -> None:
    assert len(escaped(text).splitlines()) <= 1
    assert code(text).count("`") == 2
    assert "|" not in code(text).replace("\\|", "")


def test_the_report_on_what_failed_says_why() -> None:
    report = convert(single("f.yaml", "a: ["), NATIVE, NATIVE).report
    assert "**failed**" in report.to_markdown()
    assert "not readable" in report.to_markdown()
    assert report.tasks == ()
