"""Secrets of a controller are never copied: not into the model, nor what is written, nor a report."""

from collections.abc import Callable

import pytest

from pipemgr.model.definitions import Pipeline
from pipemgr.translate.base import Dialect, Reading
from pipemgr.translate.convert import convert
from pipemgr.translate.document import single
from pipemgr.translate.report import Fidelity

NEW = "{AQAAABAAAAAQc2VjcmV0IHNlY3JldCBzZWNyZXQ=}"
OLD = "z/Dd3qrHdQ6/C5lR7uEafM/jD3nQDrGprw3XsfZ/0vo="
PLAIN = "hunter2-and-more"

PLACES = {
    "a field of an unknown builder": f"<builders><a.Deploy><apiKeyValue>{NEW}</apiKeyValue></a.Deploy></builders>",
    "within a longer text": f"<builders><a.Deploy><config>user=x,key={NEW}</config></a.Deploy></builders>",
    "an attribute": f'<builders><a.Deploy key="{NEW}"/></builders>',
    "a script": f"<builders><hudson.tasks.Shell><command>login {NEW}</command></hudson.tasks.Shell></builders>",
    "the old form": f"<builders><a.Deploy><proxyPassword>{OLD}</proxyPassword></a.Deploy></builders>",
    "a plain password": f"<publishers><a.Upload><password>{PLAIN}</password></a.Upload></publishers>",
    "the token of the job": f"<authToken>{PLAIN}</authToken>",
    "the default of a parameter": (
        "<properties><hudson.model.ParametersDefinitionProperty><parameterDefinitions>"
        f"<hudson.model.PasswordParameterDefinition><name>P</name><defaultValue>{OLD}</defaultValue>"
        "</hudson.model.PasswordParameterDefinition></parameterDefinitions>"
        "</hudson.model.ParametersDefinitionProperty></properties>"
    ),
    "the plain default of a parameter": (
        "<properties><hudson.model.ParametersDefinitionProperty><parameterDefinitions>"
        f"<com.a.NonStoredPasswordParameterDefinition><name>P</name><defaultValue>{PLAIN}</defaultValue>"
        "</com.a.NonStoredPasswordParameterDefinition></parameterDefinitions>"
        "</hudson.model.ParametersDefinitionProperty></properties>"
    ),
    "a source": f'<scm class="a.SCM"><userPassword>{OLD}</userPassword></scm>',
    "an address": (
        '<scm class="hudson.plugins.git.GitSCM"><userRemoteConfigs><hudson.plugins.git.UserRemoteConfig>'
        f"<url>https://ci:{PLAIN}@example.org/shop.git</url></hudson.plugins.git.UserRemoteConfig>"
        "</userRemoteConfigs></scm>"
    ),
    "a trigger": f"<triggers><a.Trigger><secretToken>{NEW}</secretToken></a.Trigger></triggers>",
    "a property": f"<properties><a.Property><token>{NEW}</token></a.Property></properties>",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("target", ["jenkins-job", "jenkins", "github-actions", "circleci"])
def test_no_secret_gets_through(registry, place: str, target: str) -> None:
    job = f"<project>{PLACES[place]}</project>"
    source = registry.dialect("jenkins-job")
    found = convert(single("jobs/shop/config.xml", job), source, registry.dialect(target))
    assert found.pipeline is not None
    told = [
        found.pipeline.model_dump_json(),
        found.report.model_dump_json(),
        found.report.to_markdown(),
        *(one.text for one in found.documents),
    ]
    for text in told:
        assert not any(one in text for one in (NEW, NEW[1:-1], OLD, PLAIN))


@pytest.mark.parametrize("place", PLACES)
def test_each_secret_has_a_name_and_a_finding(
    reading: Callable[[str], Reading], written: Callable[[Pipeline], str], place: str
) -> None:
    found = reading(f"<project>{PLACES[place]}</project>")
    (finding,) = [one for one in found.findings if one.what.startswith("secret shop-")]
    assert finding.fidelity is Fidelity.MANUAL
    assert finding.source.startswith("jobs/shop/config.xml:1:")
    assert finding.remedy


@pytest.mark.parametrize("place", PLACES)
def test_what_is_written_leaves_a_gap_and_says_so(registry, place: str) -> None:
    jobs: Dialect = registry.dialect("jenkins-job")
    found = convert(single("jobs/shop/config.xml", f"<project>{PLACES[place]}</project>"), jobs, jobs)
    gaps = [one for one in found.report.findings if "left empty" in one.why or "in its place" in one.why]
    assert gaps, place
    assert all(one.fidelity is Fidelity.MANUAL for one in gaps)


def test_names_of_credentials_and_variables_are_no_secrets(reading: Callable[[str], Reading]) -> None:
    job = (
        "<project><builders><a.Deploy><credentialsId>nexus</credentialsId><password>${PASSWORD}</password>"
        "<passwordVariable>PASS</passwordVariable></a.Deploy></builders></project>"
    )
    found = reading(job)
    assert not found.findings
    assert "${PASSWORD}" in str(found.pipeline.stages[0].steps[0].inputs["value"])
