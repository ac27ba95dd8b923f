"""Variables that a vendor gives by itself, where expressions ask for them by name."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import Pipeline, Stage, Step
from pipemgr.model.expressions import parse
from pipemgr.translate.base import Dialect
from pipemgr.translate.given import asked_for
from pipemgr.translate.native import native_dialect
from pipemgr.translate.report import Fidelity

ROWS = """\
source: [https://docs.example]
checked: 2026-01-01
environment:
  - {variable: ACME_LABEL, value: "{${{ pipeline.name }}}-${{ build.number }}"}
  - {variable: ACME, value: "true"}
  - {variable: ACME_HEAD, value: "origin/${{ branch }}"}
  - {variable: ACME_MAIN, value: "${{ case(branch == 'main', 'yes', '') }}"}
  - {name: branch, variable: ACME_BRANCH, note: it is only nearly so}
"""


@pytest.fixture
def acme(tmp_path: Path) -> Dialect:
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "variables.yaml").write_text(ROWS, encoding="utf-8")
    return replace(native_dialect(), name="acme", title="Acme", tables=Tables("acme", folder))


def pipeline(text: str, when: str = "true", **variables: str) -> Pipeline:
    step = Step(action="run", inputs={"script": text})
    stage = Stage(id="s", steps=(step,), when=parse(when), variables=variables)
    return Pipeline(name="x", stages=(stage,))


def test_what_a_variable_holds_stands_in_its_place(acme: Dialect) -> None:
    given = pipeline("echo ${{ variables.ACME_LABEL }} $ACME", when="variables.ACME_BRANCH == 'main'")
    changed, findings = asked_for(given, acme)
    (stage,) = changed.stages
    assert str(stage.when) == "branch == 'main'"
    script = "echo ${{ format('{{{0}}}-{1}', pipeline.name, build.number) }} $ACME"
    assert stage.steps[0].inputs["script"] == script
    told = {one.what: (one.fidelity, one.path) for one in findings}
    assert told == {
        "environment variable ACME_BRANCH": (Fidelity.APPROXIMATE, "stages.s.when"),
        "environment variable ACME_LABEL": (Fidelity.EQUIVALENT, "stages.s.steps[0].inputs.script"),
    }


@pytest.mark.parametrize(
    "when",
    ["variables.ACME_MAIN != ''", "variables.ACME_MAIN == 'yes'", "variables.ACME_HEAD == 'origin/main'"],
)
def test_what_decides_about_a_variable_is_asked(when: str, acme: Dialect) -> None:
    changed, _ = asked_for(pipeline("x", when=when), acme)
    assert str(changed.stages[0].when) == "branch == 'main'"


def test_a_plain_text_is_a_constant(acme: Dialect) -> None:
    changed, _ = asked_for(pipeline("x", when="variables.ACME == 'true'"), acme)
    assert str(changed.stages[0].when) == "'true' == 'true'"


@pytest.mark.parametrize(
    "given",
    [
        pipeline("echo ${{ variables.OTHER }} ${{ variables['ACME BRANCH'] }}"),
        pipeline("echo ${{ variables.ACME_BRANCH }}", ACME_BRANCH="mine"),
        pipeline("echo ACME_BRANCH=1 >> ${{ files.environment }}\necho ${{ variables.ACME_BRANCH }}"),
    ],
)
def test_variables_that_the_definition_sets_are_left_alone(given: Pipeline, acme: Dialect) -> None:
    assert asked_for(given, acme) == (given, ())


def test_a_source_without_tables_gives_nothing() -> None:
    given = pipeline("echo ${{ variables.ACME_BRANCH }}")
    assert asked_for(given, native_dialect()) == (given, ())
