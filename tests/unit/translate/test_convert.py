"""Conversion: documents in, documents and a complete report out; failures are reports too."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipemgr.errors import InvalidPipeline, TranslationRefused
from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import Pipeline, Step
from pipemgr.model.support import Answer, Support
from pipemgr.testing.strategies import pipelines
from pipemgr.translate.base import Dialect, Reader, Reading, Writer, Writing
from pipemgr.translate.convert import convert, read, write
from pipemgr.translate.document import DocumentSet, single
from pipemgr.translate.features import FEATURES
from pipemgr.translate.native import native_dialect
from pipemgr.translate.report import Accounting, Fidelity, Finding, Outcome, Strictness

NATIVE = native_dialect()
NO = Answer(support=Support.UNSUPPORTED, note="not there")
VENDOR = replace(NATIVE, name="elsewhere", title="Elsewhere", foreign=False)


def _sum(counts: Accounting) -> int:
    return sum(getattr(counts, fidelity) for fidelity in Fidelity)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(pipelines(), st.lists(st.sampled_from(sorted(FEATURES)), max_size=12))
def test_accounting_is_complete_whatever_the_target_lacks(pipeline: Pipeline, lacking: list[str]) -> None:
    target = replace(VENDOR, features=dict.fromkeys(lacking, NO))
    conversion = convert(NATIVE.writer.write(pipeline).documents, NATIVE, target)
    report = conversion.report
    assert _sum(report.accounting) == report.accounting.nodes > 0
    worst = report.worse_than(Fidelity.EQUIVALENT)
    assert (report.outcome is Outcome.SUCCESSFUL) == (not worst)
    assert all(
        finding.source.startswith("pipelines/") and finding.what and finding.why
        for finding in report.findings
    )
    assert {finding.fidelity for finding in worst} >= {
        fidelity for fidelity in (Fidelity.MANUAL, Fidelity.DROPPED) if getattr(report.accounting, fidelity)
    }
    assert target.reader.read(conversion.documents).pipeline.problems() == ()


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(pipelines())
def test_our_own_format_keeps_everything(pipeline: Pipeline) -> None:
    documents = NATIVE.writer.write(pipeline).documents
    conversion = convert(documents, NATIVE, NATIVE, Strictness.REFUSE)
    assert conversion.documents == documents
    assert conversion.pipeline == pipeline
    assert conversion.report.accounting.exact == conversion.report.accounting.nodes
    assert conversion.report.outcome is Outcome.SUCCESSFUL


def _convert(text: str, target: Dialect, source: Dialect = NATIVE, **more: Any) -> Any:
    return convert(single("f.yaml", text), source, target, **more)


OPAQUE = """\
pipeline: x
triggers: [opaque: {vendor: elsewhere, value: tide}]
stages:
  a:
    vendor: {elsewhere: {color: red}}
    steps:
      - opaque: {vendor: elsewhere, value: 1}
      - run: make
"""


def test_what_only_one_vendor_has_stays_with_it() -> None:
    conversion = _convert(OPAQUE, VENDOR, replace(VENDOR))
    assert conversion.report.findings == ()
    assert conversion.pipeline == NATIVE.reader.read(conversion.documents).pipeline


def test_what_only_another_vendor_has_is_reported_with_its_line() -> None:
    conversion = _convert(OPAQUE, replace(VENDOR, name="third"))
    found = [(finding.path, finding.source, finding.fidelity) for finding in conversion.report.findings]
    assert found == [
        ("triggers[0]", "f.yaml:2:12", Fidelity.DROPPED),
        ("stages.a.vendor.elsewhere.color", "f.yaml:5:26", Fidelity.DROPPED),
        ("stages.a.steps[0]", "f.yaml:7:9", Fidelity.DROPPED),
    ]
    assert "elsewhere" not in conversion.documents.documents[0].text
    assert conversion.report.accounting.dropped == 4 + 4 - 1 + 1 + 1


def test_a_dialect_may_understand_another_vendor() -> None:
    conversion = _convert(OPAQUE, replace(VENDOR, name="third", understands=("elsewhere",)))
    assert conversion.report.outcome is Outcome.SUCCESSFUL


MANUAL = """\
pipeline: x
variables: {TOKEN: "${{ secrets.TOKEN }}"}
runner: {labels: [gpu, big]}
stages:
  a:
    environment: production
    when: secrets.OTHER != ''
    steps:
      - run: use ${{ secrets.TOKEN }} ${{ config.REGION }}
  b:
    environment: production
"""


def test_what_a_person_must_provide_is_told_once_with_all_its_places() -> None:
    report = _convert(MANUAL, VENDOR).report
    found = {finding.what: finding for finding in report.findings}
    assert found.keys() == {
        "secret TOKEN",
        "secret OTHER",
        "configured value REGION",
        "runner labels gpu, big",
        "environment production",
    }
    assert {finding.fidelity for finding in report.findings} == {Fidelity.MANUAL}
    assert found["secret TOKEN"].why.endswith("f.yaml:2:13, f.yaml:9:9")
    assert found["secret TOKEN"].remedy == "create the secret TOKEN in Elsewhere"
    assert report.outcome is Outcome.PARTIAL


def test_nothing_is_to_be_provided_where_it_already_is() -> None:
    assert _convert(MANUAL, VENDOR, replace(VENDOR)).report.findings == ()
    assert _convert(MANUAL, NATIVE, replace(VENDOR)).report.findings == ()


@pytest.fixture
def hosting(tmp_path: Path) -> Dialect:
    """A vendor that has machines and a secret of its own."""
    head = "source: [https://docs.example]\nchecked: 2026-01-01\n"
    (tmp_path / "runners.yaml").write_text(f"{head}rows: [{{runner: linux, label: Penguin}}]", "utf-8")
    (tmp_path / "variables.yaml").write_text(f"{head}secrets: [OWN_TOKEN]", "utf-8")
    return replace(VENDOR, tables=Tables.of("elsewhere", tmp_path))


@pytest.mark.parametrize(
    ("label", "matrix", "expected"),
    [
        ("penguin", "{}", []),
        ("gpu", "{}", ["runner labels gpu"]),
        ("${{ matrix.os }}", "{os: [penguin, PENGUIN]}", []),
        ("${{ matrix.os }}", "{os: [penguin, gpu, tpu]}", ["runner labels gpu", "runner labels tpu"]),
        ("${{ matrix.os }}", "{include: [{os: penguin}, {os: gpu}]}", ["runner labels gpu"]),
        (
            "${{ matrix.os }}",
            "{v: [1], include: [{os: penguin}, {v: 2}]}",
            ["runner labels ${{ matrix.os }}"],
        ),
        ("${{ matrix.os }}", "{os: [[penguin, big]]}", ["runner labels ${{ matrix.os }}"]),
        (
            "${{ matrix.os }}",
            "${{ from_json(config.M) }}",
            ["runner labels ${{ matrix.os }}", "configured value M"],
        ),
        ("x-${{ matrix.os }}", "{os: [penguin]}", ["runner labels x-${{ matrix.os }}"]),
    ],
)
def test_machines_that_the_vendor_has_need_no_register(
    label: str, matrix: str, expected: list[str], hosting: Dialect
) -> None:
    text = f"pipeline: x\nstages:\n  a:\n    runner: {{labels: ['{label}']}}\n    matrix: {matrix}\n"
    report = _convert(text, hosting).report
    assert sorted(finding.what for finding in report.findings) == sorted(expected)


def test_secrets_that_the_vendor_has_need_nobody_to_create_them(hosting: Dialect) -> None:
    text = "pipeline: x\nvariables: {A: '${{ secrets.own_token }}', B: '${{ secrets.OTHER }}'}\n"
    assert [finding.what for finding in _convert(text, hosting).report.findings] == ["secret OTHER"]


@pytest.mark.parametrize(
    ("text", "where"),
    [("a: [", "f.yaml:2:1"), ("a: 1\na: 2", "f.yaml:2:1"), ("", "f.yaml:1:1"), ("pipelin: x", "f.yaml:1:1")],
)
@pytest.mark.parametrize("strictness", Strictness)
def test_what_cannot_be_read_is_a_report_too(text: str, where: str, strictness: Strictness) -> None:
    conversion = _convert(text, VENDOR, strictness=strictness)
    assert conversion.report.outcome is Outcome.FAILED
    assert conversion.report.findings[0].source == where
    assert conversion.report.findings[0].why
    assert not conversion.documents
    assert json.loads(conversion.report.to_json())["accounting"]["nodes"] == 0


def test_a_loss_is_refused_when_asked_and_the_report_comes_along() -> None:
    with pytest.raises(TranslationRefused, match="dropped and 2 more") as caught:
        _convert(OPAQUE, replace(VENDOR, name="third"), strictness=Strictness.REFUSE)
    report: Any = caught.value.report
    assert report.outcome is Outcome.PARTIAL
    assert len(report.findings) == 3
    for lenient in (Strictness.REPORT, Strictness.WARN):
        assert _convert(OPAQUE, replace(VENDOR, name="third"), strictness=lenient).report == report


def test_what_is_only_said_otherwise_is_not_refused() -> None:
    target = replace(VENDOR, features={"pipeline.runner": NO})
    conversion = _convert("pipeline: x\nrunner: linux\nstages: {a: {}}", target, strictness=Strictness.REFUSE)
    assert conversion.report.outcome is Outcome.SUCCESSFUL
    assert (conversion.report.accounting.equivalent, conversion.report.accounting.exact) == (1, 4)


def test_nothing_kept_is_unsupported() -> None:
    text = "pipeline: x\nstages: {a: {steps: [opaque: {vendor: v, value: 1}]}}"
    assert _convert(text, VENDOR).report.outcome is Outcome.UNSUPPORTED


def test_writing_lowers_and_reports_by_model_path() -> None:
    writing = write(
        Pipeline(name="x", runner={"name": "l"}), replace(VENDOR, features={"pipeline.runner": NO})
    )
    assert [(finding.path, finding.source) for finding in writing.findings] == [("runner", "")]


class _Slips(Reader):
    def read(self, documents: DocumentSet) -> Reading:
        Step(action="not a name")
        raise AssertionError


class _Complains(Writer):
    def write(self, pipeline: Pipeline) -> Writing:
        finding = Finding(
            fidelity=Fidelity.APPROXIMATE,
            path="stages.a.steps[1].inputs.script",
            source="",
            what="w",
            why="y",
        )
        return Writing(single("out", ""), (finding,))


def test_a_readers_slip_is_an_error_of_the_document() -> None:
    with pytest.raises(InvalidPipeline, match=r"f.yaml: makes no valid pipeline: action"):
        read(single("f.yaml", ""), replace(VENDOR, reader=_Slips()))
    with pytest.raises(ValidationError):
        _Slips().read(single("f.yaml", ""))


def test_a_writers_findings_get_their_line_and_count() -> None:
    report = _convert(OPAQUE, replace(VENDOR, writer=_Complains())).report
    assert [finding.source for finding in report.findings] == ["f.yaml:8:9"]
    assert report.accounting.approximate == 1
