"""Environment variables that one vendor gives to every script, and another one does not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import Pipeline
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import convert
from pipemgr.translate.document import single
from pipemgr.translate.native import native_dialect
from pipemgr.translate.report import Fidelity, TranslationReport

HEAD = "source: [https://docs.example]\nchecked: 2026-01-01\n"
Vendor = Callable[..., Dialect]


@pytest.fixture
def vendor(tmp_path: Path) -> Vendor:
    """Makes a vendor whose scripts have the variables named."""

    def make(name: str, *, ambient: bool = False, **variables: str) -> Dialect:
        folder = tmp_path / name
        folder.mkdir()
        rows = [f"{{name: {context}, variable: {one}}}" for one, context in variables.items()]
        text = f"{HEAD}ambient: {str(ambient).lower()}\nenvironment: [{', '.join(rows)}]"
        (folder / "variables.yaml").write_text(text, "utf-8")
        tables = Tables.of(name, folder)
        return replace(native_dialect(), name=name, title=name.title(), foreign=False, tables=tables)

    return make


@pytest.fixture
def acme(vendor: Vendor) -> Dialect:
    """Gives secrets to every script, and says what it builds."""
    return vendor("acme", ambient=True, ACME_COMMIT="commit", ACME_OS="runner.os", ACME_INDEX="stage.index")


@pytest.fixture
def other(vendor: Vendor) -> Dialect:
    """Gives the same commit by another name."""
    return vendor("other", OTHER_COMMIT="commit")


def _pipeline(*scripts: str, more: str = "") -> str:
    steps = "".join(f"      - run: {script}\n" for script in scripts)
    return f"pipeline: x\nstages:\n  s:\n{more}    steps:\n{steps}"


def _convert(text: str, source: Dialect, target: Dialect) -> tuple[Pipeline, TranslationReport]:
    conversion = convert(single("f.yaml", text), source, target)
    return target.reader.read(conversion.documents).pipeline, conversion.report


def test_what_the_target_does_not_give_is_named_where_it_is_used(acme: Dialect, other: Dialect) -> None:
    pipeline, report = _convert(_pipeline("echo $ACME_COMMIT $NPM_TOKEN", "echo $NPM_TOKEN"), acme, other)
    [stage] = pipeline.stages
    assert stage.variables == {
        "ACME_COMMIT": "${{ commit }}",
        "NPM_TOKEN": "${{ secrets.NPM_TOKEN }}",
    }
    secret = next(one for one in report.findings if one.what == "secret NPM_TOKEN")
    assert secret.why.endswith("f.yaml:5:9, f.yaml:6:9")
    assert secret.remedy == "create the secret NPM_TOKEN in Other"


@pytest.mark.parametrize(
    "script",
    [
        "echo $PATH $HOME $LC_ALL $lower",
        "A1=1; echo $A1",
        "echo '$TOKEN'",
        "echo $GIVEN $BOX",
    ],
)
def test_what_scripts_have_anyhow_is_not_named(script: str, acme: Dialect, other: Dialect) -> None:
    more = "    variables: {GIVEN: '1'}\n    container: {image: i, variables: {BOX: '1'}}\n"
    pipeline, _ = _convert(_pipeline(script, more=more), acme, other)
    assert pipeline.stages[0].variables == {"GIVEN": "1"}


def test_what_an_earlier_step_hands_on_is_not_named(acme: Dialect, other: Dialect) -> None:
    pipeline, _ = _convert(_pipeline("echo 'export V1=1' >> $BASH_ENV", "echo $V1"), acme, other)
    assert pipeline.stages[0].variables == {}


def test_what_only_the_machine_knows_is_named_in_the_step(acme: Dialect, other: Dialect) -> None:
    pipeline, _ = _convert(_pipeline("echo $ACME_OS"), acme, other)
    [stage] = pipeline.stages
    assert (stage.variables, stage.steps[0].variables) == ({}, {"ACME_OS": "${{ runner.os }}"})


def test_what_nobody_else_has_is_told(acme: Dialect, other: Dialect) -> None:
    pipeline, report = _convert(_pipeline("echo $ACME_MOOD"), acme, other)
    assert pipeline.stages[0].variables == {}
    [finding] = report.findings
    assert (finding.fidelity, finding.what) == ("manual", "environment variable ACME_MOOD")
    assert "only Acme gives it" in finding.why


def test_where_both_give_the_same_nothing_is_named(acme: Dialect, vendor: Vendor) -> None:
    twin = vendor("twin", ambient=True, ACME_COMMIT="commit")
    text = _pipeline("echo $ACME_COMMIT $TOKEN")
    pipeline, report = _convert(text, acme, twin)
    assert pipeline.stages[0].variables == {}
    assert report.findings == ()


def test_nothing_is_named_for_the_same_language_or_for_one_without_tables(
    acme: Dialect, other: Dialect
) -> None:
    text = _pipeline("echo $ACME_COMMIT $TOKEN $OTHER_COMMIT")
    for source in (acme, native_dialect()):
        pipeline, _ = _convert(text, source, acme)
        assert pipeline.stages[0].variables == {}
    pipeline, _ = _convert(text, acme, native_dialect())
    assert pipeline.stages[0].variables.keys() == {"ACME_COMMIT", "TOKEN", "OTHER_COMMIT"}


def test_there_and_back_again_the_variables_are_gone(acme: Dialect, other: Dialect) -> None:
    text = _pipeline("echo $ACME_COMMIT $TOKEN")
    there = convert(single("f.yaml", text), acme, other).documents
    back = convert(there, other, acme)
    pipeline = acme.reader.read(back.documents).pipeline
    assert pipeline.stages[0].variables == {}
    gone = [one for one in back.report.findings if one.what.startswith("environment variable")]
    assert {one.fidelity.value for one in gone} == {"equivalent"}
    assert {one.what: one.path for one in back.report.findings}["secret TOKEN"] == "stages.s.variables.TOKEN"


def test_a_table_may_say_what_its_own_variables_begin_with(tmp_path: Path, other: Dialect) -> None:
    (tmp_path / "variables.yaml").write_text(
        f"{HEAD}own: [ACME_]\nenvironment: [{{name: build.number, variable: BUILD_NUMBER}}]", "utf-8"
    )
    tables = Tables.of("plain", tmp_path)
    plain = replace(native_dialect(), name="plain", title="Plain", foreign=False, tables=tables)
    pipeline, report = _convert(_pipeline("echo $BUILD_NUMBER $BUILD_DIR $ACME_HOME"), plain, other)
    assert pipeline.stages[0].variables == {"BUILD_NUMBER": "${{ build.number }}"}
    told = [one.what for one in report.findings if one.fidelity is Fidelity.MANUAL]
    assert told == ["environment variable ACME_HOME"]
