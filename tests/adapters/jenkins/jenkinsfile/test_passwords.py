"""Passwords that stand in a Jenkinsfile go nowhere: not into the model, what is written, or a report."""

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import convert
from pipemgr.translate.document import single
from pipemgr.translate.report import Fidelity

JENKINS: Dialect = Registry().dialect("jenkins")
VALUE = "hunter2-and-more"
STEPS = "stages { stage('a') { steps { sh 'x' } } }"
PLACES = {
    "a parameter": f"pipeline {{ agent any\nparameters {{ password(name: 'P', defaultValue: '{VALUE}') }}\n{STEPS} }}",
    "a text with more in it": (
        f'pipeline {{ agent any\nparameters {{ password(name: "P", defaultValue: "${{x}}{VALUE}") }}\n{STEPS} }}'
    ),
    "a parameter of a plugin": (
        f"pipeline {{ agent any\nparameters {{ nonStoredPassword(name: 'P', defaultValue: '{VALUE}') }}\n{STEPS} }}"
    ),
    "a parameter whose name is computed": (
        f"pipeline {{ agent any\nparameters {{ password(name: x(), defaultValue: '{VALUE}') }}\n{STEPS} }}"
    ),
    "an input": (
        "pipeline { agent any\nstages { stage('a') { input { message 'm'\n"
        f"parameters {{ password(name: 'P', defaultValue: '{VALUE}') }} }}\nsteps {{ sh 'x' }} }} }} }}"
    ),
    "properties": f"properties([parameters([password(name: 'P', defaultValue: '{VALUE}')])])\nnode {{ sh 'x' }}",
    "properties by their class": (
        "properties([parameters([[$class: 'PasswordParameterDefinition', name: 'P', "
        f"defaultValue: '{VALUE}']])])\nnode {{ sh 'x' }}"
    ),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("target", ["jenkins", "jenkins-job", "github-actions", "circleci"])
def test_no_password_gets_through(place: str, target: str) -> None:
    found = convert(single("Jenkinsfile", PLACES[place]), JENKINS, Registry().dialect(target))
    assert found.pipeline is not None
    assert found.documents, found.report
    told = [
        found.pipeline.model_dump_json(),
        found.report.model_dump_json(),
        found.report.to_markdown(),
        *(one.text for one in found.documents),
    ]
    assert not any(VALUE in text for text in told)


def test_it_is_told() -> None:
    found = convert(single("Jenkinsfile", PLACES["a parameter"]), JENKINS, Registry().dialect("circleci"))
    [finding] = [one for one in found.report.findings if "password" in one.what]
    assert (finding.fidelity, finding.source) == (Fidelity.MANUAL, "Jenkinsfile:2:34")
