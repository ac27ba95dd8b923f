"""Sections of post on a machine of their own, and conditions that ask of the build and of anything else."""

from pipemgr.adapter.registry import Registry
from pipemgr.model.definitions import Runner
from pipemgr.model.expressions import parse
from pipemgr.translate.convert import read, write
from pipemgr.translate.document import single

JENKINS = Registry().dialect("jenkins")
TEXT = """\
pipeline {
    agent none
    stages {
        stage('a') {
            agent any
            steps {
                sh 'one'
            }
        }
    }
    post {
        always {
            node('linux') {
                sh 'make'
                echo 'x'
            }
        }
        failure {
            node('a || b') {
                sh 'b'
            }
        }
    }
}
"""


def test_a_node_around_all_of_a_section_is_the_machine_of_its_stage() -> None:
    pipeline = read(single("Jenkinsfile", TEXT), JENKINS).pipeline
    always, failure = pipeline.stages[1:]
    assert (always.runner, always.workspace) == (Runner(name="linux"), None)
    assert [step.action for step in always.steps] == ["run", "print"]
    assert [step.action for step in failure.steps] == ["opaque"]
    (document,) = write(pipeline, JENKINS).documents
    assert document.text == TEXT


def test_a_section_asks_of_the_build_what_stands_beside_something_else() -> None:
    text = TEXT.replace("sh 'make'", "sh 'made'")
    pipeline = read(single("Jenkinsfile", text), JENKINS).pipeline
    stages = (
        pipeline.stages[0],
        pipeline.stages[1].model_copy(update={"when": parse("branch == 'main' || failure()")}),
    )
    (document,) = write(pipeline.model_copy(update={"stages": stages}), JENKINS).documents
    assert "if (env.BRANCH_NAME == 'main' || currentBuild.currentResult == 'FAILURE')" in document.text
    assert "always {" in document.text
