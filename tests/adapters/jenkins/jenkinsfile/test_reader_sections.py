"""Parameters, triggers, options, inputs and variables of declarative pipelines."""

from textwrap import dedent
from typing import Any

import pytest

from pipemgr.model.definitions import Pipeline
from pipemgr.translate.document import single
from pipemgr_jenkins.jenkinsfile.surroundings import composed
from pipemgr_jenkins.jenkinsfile.tools import version
from pipemgr_jenkins.jenkinsfile.triggers import schedules
from pipemgr_jenkins.reader import JenkinsReader


def pipeline(sections: str = "", stage: str = "", *, script: str = "make") -> Pipeline:
    text = f"""
        pipeline {{
            agent any
            {sections}
            stages {{
                stage('Build') {{
                    {stage}
                    steps {{ sh '{script}' }}
                }}
            }}
        }}
    """
    return JenkinsReader().read(single("Jenkinsfile", dedent(text))).pipeline


def own(found: Any) -> dict[str, Any]:
    return dict(found.vendor.get("jenkins", {}))


# Parameters ----------------------------------------------------------------------------------------------


def test_parameters_of_the_usual_types() -> None:
    found = pipeline(
        """parameters {
            string(name: 'A', defaultValue: 'x', description: 'what')
            booleanParam(name: 'B', defaultValue: true)
            choice(name: 'C', choices: 'one\\ntwo')
            choice(name: 'D', choices: [1, 2])
        }"""
    ).parameters
    assert (found["A"].default, found["A"].description) == ("x", "what")
    assert (found["B"].type, found["B"].default) == ("boolean", True)
    assert (found["C"].choices, found["C"].default) == (("one", "two"), "one")
    assert found["D"].choices == (1, 2)


def test_what_is_special_about_a_parameter_is_kept() -> None:
    found = pipeline(
        """parameters {
            password(name: 'P', defaultValue: '')
            file(name: 'F', description: 'a file')
            string(name: 'T', trim: true)
        }"""
    )
    assert own(found)["parameters"] == {
        "P": {"type": "password"},
        "F": {"groovy": "file(name: 'F', description: 'a file')"},
    }
    assert own(found)["hints"]["parameters"] == {"T": {"trim": True}}
    assert found.parameters["F"].description == "a file"


# Triggers ------------------------------------------------------------------------------------------------


def test_a_project_builds_pushes_pull_requests_and_when_it_is_asked() -> None:
    assert [one.event for one in pipeline().triggers] == ["push", "pull_request", "manual"]


def test_lines_of_a_cron_text_are_schedules_of_their_own() -> None:
    found = list(schedules("# nightly\nTZ=Asia/Seoul\nH 2 * * *\n\n@daily"))
    assert [(one.cron, one.timezone) for one in found] == [
        ("H 2 * * *", "Asia/Seoul"),
        ("@daily", "Asia/Seoul"),
    ]


def test_polling_belongs_to_pushes_and_other_projects_are_upstream() -> None:
    found = pipeline("triggers { pollSCM('@hourly')\nupstream(upstreamProjects: 'a, b') }").triggers
    assert found[0].options == {"poll": "@hourly"}
    assert (found[3].event, found[3].options) == ("upstream", {"pipelines": ["a", "b"]})


def test_triggers_of_plugins_are_kept_as_they_are() -> None:
    (found,) = pipeline("triggers { GenericTrigger(token: 'x') }").triggers[3:]
    assert found.event == "opaque"
    assert found.options == {"vendor": "jenkins", "value": "GenericTrigger(token: 'x')"}


# Options -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "timeout"),
    [
        ("timeout(5)", "5m"),
        ("timeout(time: 90, unit: 'SECONDS')", "90s"),
        ("timeout(time: 1, unit: 'DAYS')", "1d"),
        ('timeout(time: "${params.LIMIT}", unit: "HOURS")', "${{ parameters.LIMIT }}h"),
    ],
)
def test_time_limits(option: str, timeout: str) -> None:
    found = pipeline(f"parameters {{ string(name: 'LIMIT') }}\noptions {{ {option} }}")
    assert found.timeout == timeout


def test_a_time_limit_that_counts_from_the_last_output_is_kept() -> None:
    option = "timeout(time: 5, activity: true)"
    found = pipeline(f"options {{ {option} }}")
    assert found.timeout is None
    assert own(found)["options"] == [option]


def test_options_of_a_stage() -> None:
    (stage,) = pipeline(stage="options { retry(3)\nlock('db')\ntimestamps()\nsomething(1) }").stages
    assert stage.retry == 2
    assert stage.concurrency is not None
    assert stage.concurrency.group == "db"
    assert own(stage)["options"] == ["something(1)"]
    assert own(stage)["hints"]["options"] == ["timestamps()"]


def test_one_build_of_a_branch_at_a_time() -> None:
    found = pipeline("options { disableConcurrentBuilds(abortPrevious: true) }").concurrency
    assert found is not None
    assert found.cancel_running is True
    assert "branch" in found.group


def test_the_source_code_goes_where_the_options_say() -> None:
    (stage,) = pipeline("options { checkoutToSubdirectory('src') }").stages
    assert stage.steps[0].inputs == {"depth": 0, "path": "src"}


# Inputs --------------------------------------------------------------------------------------------------


def test_what_a_person_may_choose_is_a_variable_of_the_stage() -> None:
    (stage,) = pipeline(
        stage="input { message 'Go?'\nok 'Yes'\nsubmitter 'ops'\nparameters { string(name: 'WHY', defaultValue: 'x') } }"
    ).stages
    assert stage.approval is not None
    assert stage.approval.message == "Go?"
    assert stage.variables == {"WHY": "x"}
    assert own(stage)["input"]["submitter"] == "ops"
    assert own(stage)["hints"]["input"] == {"ok": "Yes"}


# Variables -----------------------------------------------------------------------------------------------


def test_credentials_are_secrets_by_their_id() -> None:
    found = pipeline("environment { T = credentials('token-id') }")
    assert found.variables == {"T": "${{ secrets.token-id }}"}


def test_parts_of_credentials_are_variables_where_they_are_used() -> None:
    found = pipeline("environment { T = credentials('login') }", script="echo $T_PSW")
    assert found.variables == {
        "T": "${{ secrets['login:userpass'] }}",
        "T_USR": "${{ secrets['login:username'] }}",
        "T_PSW": "${{ secrets['login:password'] }}",
    }


def test_a_text_is_put_together_of_what_is_around() -> None:
    around = {"PATH": "/a:${{ variables.PATH }}"}
    assert composed("PATH", "/b:${{ variables.PATH }}", around) == "/b:/a:${{ variables.PATH }}"
    assert composed("OTHER", "/b:${{ variables.PATH }}", around) == "/b:${{ variables.PATH }}"


# What is around the pipeline -------------------------------------------------------------------------------


def test_a_variable_that_names_the_pipelines_own_is_put_together() -> None:
    found = pipeline("environment { R = 'registry' }", 'environment { R = "eu.${env.R}" }')
    assert found.stages[0].variables == {"R": "eu.registry"}


def test_code_around_the_pipeline_is_kept() -> None:
    text = "@Library('x') _\ndef a() { 1 }\npipeline { agent any\nstages { stage('A') { steps { sh 'a' } } } }\nfoo()\n"
    kept = own(JenkinsReader().read(single("Jenkinsfile", text)).pipeline)
    assert kept["hints"]["before"] == ["@Library('x') _", "def a() { 1 }"], "it only gives names"
    assert kept["after"] == ["foo()"], "it does something"


def test_tools_and_libraries_are_kept() -> None:
    found = pipeline("libraries { lib('x@1') }\ntools { maven 'm' }", "tools { jdk 'latest' }")
    assert (own(found)["libraries"], own(found)["tools"]) == (["x@1"], {"maven": "m"})
    assert own(found.stages[0])["tools"] == {"jdk": "latest"}


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("jdk", "jdk-21", "21"),
        ("jdk", "jdk_1.8_latest", "8"),
        ("jdk", "OpenJDK 11.0.2", "11.0.2"),
        ("nodejs", "Node 20_x", "20"),
        ("go", "go1.22", "1.22"),
        ("jdk", "default", None),
        ("maven", "maven-3", None),
        ("jdk", "${{ parameters.JDK }}", None),
    ],
)
def test_the_names_of_tools_say_their_versions(kind: str, name: str, said: str | None) -> None:
    assert version(kind, name) == said


def test_tools_are_steps_that_others_can_do() -> None:
    found = pipeline("tools { jdk 'jdk-21' }", "tools { nodejs 'node-22' }")
    assert own(found)["hints"]["tools"] == {"jdk": "jdk-21"}
    assert own(found.stages[0])["hints"]["tools"] == {"nodejs": "node-22"}
    _, java, node, _ = found.stages[0].steps
    assert java.inputs["steps"] == [{"action": "setup.java", "inputs": {"version": "21"}}]
    assert node.inputs["steps"] == [{"action": "setup.node", "inputs": {"version": "22"}}]
