"""Files by which scripts hand values on, where steps name them."""

from pipemgr.adapter.registry import Registry
from pipemgr.mapping.tables import Tables
from pipemgr.model.definitions import Pipeline, Stage, Step
from pipemgr.service.languages import Languages
from pipemgr.translate.base import Dialect
from pipemgr.translate.filed import filed

FILE = "${{ files.outputs }}"
PIPELINE = Pipeline(
    name="p",
    stages=(
        Stage(
            id="a",
            steps=(
                Step(
                    action="run",
                    inputs={"script": 'echo "x=$KEPT" "$KEPT_TOO" >> "${KEPT}"'},
                    variables={"KEPT": FILE, "OTHER": "1"},
                ),
                Step(action="run", inputs={"script": "make"}, variables={"OTHER": "2"}),
            ),
        ),
    ),
)


def dialect(variables: Tables | None) -> Dialect:
    known = Languages(Registry()).get("native")
    return Dialect("x", "X", known.reader, known.writer, tables=variables)


def test_scripts_name_the_file_as_the_target_does_by_itself() -> None:
    (stage,) = filed(PIPELINE, dialect(Tables.of("github-actions"))).stages
    name = Tables.of("github-actions").variables.environment.theirs["files.outputs"]
    assert stage.variables == {}
    assert stage.steps[0].inputs["script"] == f'echo "x=${name}" "$KEPT_TOO" >> "${name}"'
    assert [step.variables for step in stage.steps] == [{"OTHER": "1"}, {"OTHER": "2"}]


def test_a_target_without_a_name_gets_the_variable_of_the_step() -> None:
    (stage,) = filed(PIPELINE, dialect(None)).stages
    assert stage.variables == {"KEPT": FILE}
    assert '>> "$KEPT"' in str(stage.steps[0].inputs["script"])


def test_other_pipelines_stay_as_they_are() -> None:
    plain = Pipeline(name="p", stages=(Stage(id="a", steps=PIPELINE.stages[0].steps[1:]),))
    assert filed(plain, dialect(None)) == plain
