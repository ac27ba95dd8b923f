"""A changed pipeline is written into its author's Jenkinsfile: the rest of the text stays, and it says what is wanted."""

import difflib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipemgr.adapter.registry import Registry
from pipemgr.model.definitions import Pipeline, Stage, Step
from pipemgr.translate.base import Dialect
from pipemgr.translate.document import single
from pipemgr.translate.edit import edit, said, same
from pipemgr.translate.ways import read

TEXT = """\
// what we build
pipeline {
    agent any   // where
    stages {
        // first of all
        stage('Build') {
            steps {
                sh 'make'   // build it
                echo "done"
            }
        }

        stage('Test') {
            steps { sh "make test" }
            post { always { junit '**/*.xml' } }
        }
    }
}
"""


@pytest.fixture(scope="module")
def jenkins() -> Dialect:
    return Registry().dialect("jenkins")


def run(script: str) -> Step:
    return Step(action="run", inputs={"script": script})


def steps(pipeline: Pipeline, stage: int, change: Callable[[tuple[Step, ...]], tuple[Step, ...]]) -> Pipeline:
    stages = list(pipeline.stages)
    stages[stage] = stages[stage].model_copy(update={"steps": change(stages[stage].steps)})
    return pipeline.model_copy(update={"stages": tuple(stages)})


def edited(change: Callable[[Pipeline], Pipeline], jenkins: Dialect) -> list[str]:
    """The lines that a change takes away and adds; the result says just what is wanted."""
    base = single("Jenkinsfile", TEXT)
    wanted = change(read(base, jenkins).pipeline)
    writing = edit(wanted, jenkins, base)
    assert writing.findings == ()
    assert same(said(read(writing.documents, jenkins).pipeline), said(wanted))
    text = writing.documents.documents[0].text
    lines = difflib.unified_diff(TEXT.splitlines(), text.splitlines(), n=0, lineterm="")
    return [line for line in list(lines)[2:] if not line.startswith("@@")]


def test_nothing_changes_where_nothing_is_edited(jenkins: Dialect) -> None:
    assert edited(lambda whole: whole, jenkins) == []


def test_a_statement_keeps_its_comment(jenkins: Dialect) -> None:
    lines = edited(lambda whole: steps(whole, 0, lambda old: (old[0], run("make all"), *old[2:])), jenkins)
    assert lines == [
        "-                sh 'make'   // build it",
        "+                sh 'make all'   // build it",
    ]


def test_a_statement_comes_after_the_one_before(jenkins: Dialect) -> None:
    lines = edited(lambda whole: steps(whole, 0, lambda old: (*old[:2], run("make doc"), *old[2:])), jenkins)
    assert lines == ["+                sh 'make doc'"]


def test_a_statement_goes_with_its_comment(jenkins: Dialect) -> None:
    lines = edited(lambda whole: steps(whole, 0, lambda old: (old[0], *old[2:])), jenkins)
    assert lines == ["-                sh 'make'   // build it"]


def test_a_section_in_one_line_is_written_anew_for_a_second_statement(jenkins: Dialect) -> None:
    lines = edited(lambda whole: steps(whole, 1, lambda old: (run("make"), *old)), jenkins)
    assert lines[0] == '-            steps { sh "make test" }'
    assert [line.strip("+ ") for line in lines[1:]] == ["steps {", "sh 'make'", "sh 'make test'", "}"]


def test_stages_come_and_go(jenkins: Dialect) -> None:
    more = Stage(id="deploy", name="Deploy", needs=("test",), workspace="main", steps=(run("ship"),))
    lines = edited(lambda whole: whole.model_copy(update={"stages": (*whole.stages, more)}), jenkins)
    assert [line.strip("+ ") for line in lines] == ["stage('Deploy') {", "steps {", "sh 'ship'", "}", "}"]
    gone = edited(lambda whole: whole.model_copy(update={"stages": whole.stages[:1]}), jenkins)
    assert gone == [f"-{line}" for line in TEXT.splitlines()[12:16]]


def test_a_section_is_added_where_it_belongs(jenkins: Dialect) -> None:
    lines = edited(lambda whole: whole.model_copy(update={"timeout": "1h"}), jenkins)
    assert [line.strip("+ ") for line in lines] == ["options {", "timeout(time: 1, unit: 'HOURS')", "}"]


scripts = st.text(st.sampled_from("ab '\"\\$\n{}/*#\t"), min_size=1, max_size=30).filter(
    lambda text: bool(text.strip())
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=40, deadline=None)
@given(scripts, st.sampled_from([0, 1]), st.booleans())
def test_whatever_a_script_says_it_says_it_and_comments_stay(
    jenkins: Dialect, script: str, stage: int, more: bool
) -> None:
    base = single("Jenkinsfile", TEXT)
    there = read(base, jenkins).pipeline

    def change(old: tuple[Step, ...]) -> tuple[Step, ...]:
        at = next(at for at, step in enumerate(old) if step.action == "run")
        return (*old[: at + more], run(script), *old[at + 1 :])

    wanted = steps(there, stage, change)
    text: Any = edit(wanted, jenkins, base).documents
    assert same(said(read(text, jenkins).pipeline), said(wanted))
    assert text.documents[0].text.startswith(TEXT[: TEXT.index("sh 'make'")])
