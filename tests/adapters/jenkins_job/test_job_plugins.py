"""Plugins of jobs: what builders around builders, mails, keys, variables and silence are for other vendors, and back."""

from collections.abc import Callable

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.model.definitions import OPAQUE, Pipeline
from pipemgr.translate.convert import convert
from pipemgr.translate.document import single
from pipemgr_jenkins_job import normalise

Read = Callable[[str], Pipeline]
Write = Callable[[Pipeline], str]
ASKED = (
    "<properties><hudson.model.ParametersDefinitionProperty><parameterDefinitions>"
    "<hudson.model.StringParameterDefinition><name>TARGET</name></hudson.model.StringParameterDefinition>"
    "<hudson.model.BooleanParameterDefinition><name>DEPLOY</name></hudson.model.BooleanParameterDefinition>"
    "</parameterDefinitions></hudson.model.ParametersDefinitionProperty></properties>"
)
SHELL = "<hudson.tasks.Shell><command>make</command></hudson.tasks.Shell>"
CORE = "org.jenkins_ci.plugins.run_condition.core."
LOGIC = "org.jenkins_ci.plugins.run_condition.logic."


def condition(kind: str, inner: str = "", tag: str = "condition") -> str:
    return f'<{tag} class="{kind}">{inner}</{tag}>'


def either(*conditions: str) -> str:
    contained = "".join(f"<x.ConditionContainer>{one}</x.ConditionContainer>" for one in conditions)
    return f"<conditions>{contained}</conditions>"


def same(left: str, right: str) -> str:
    return condition(f"{CORE}StringsMatchCondition", f"<arg1>{left}</arg1><arg2>{right}</arg2>")


def status(best: str, worst: str) -> str:
    results = f"<worstResult><name>{worst}</name></worstResult><bestResult><name>{best}</name></bestResult>"
    return condition(f"{CORE}StatusCondition", results)


CONDITIONS = {
    condition(f"{CORE}AlwaysRun"): None,
    condition(f"{CORE}NeverRun"): "false",
    condition(f"{CORE}BooleanCondition", "<token>${DEPLOY}</token>"): "parameters.DEPLOY",
    condition(f"{CORE}BooleanCondition", "<token>$TARGET</token>"): "parameters.TARGET == 'true'",
    condition(f"{CORE}BooleanCondition", "<token>Yes</token>"): None,
    same("${ENV,var=&quot;TARGET&quot;}", "prod"): "parameters.TARGET == 'prod'",
    same("$BRANCH_NAME", "main"): "branch == 'main'",
    condition(f"{LOGIC}Not", same("$TARGET", "prod")): "!(parameters.TARGET == 'prod')",
    condition(f"{LOGIC}Or", either(same("$TARGET", "a"), same("$TARGET", "b"))): (
        "parameters.TARGET == 'a' || parameters.TARGET == 'b'"
    ),
    status("SUCCESS", "SUCCESS"): "success()",
    status("SUCCESS", "ABORTED"): "always()",
    status("FAILURE", "FAILURE"): "failure()",
}


@pytest.mark.parametrize("asked", CONDITIONS)
def test_a_conditional_builder_is_a_step_with_a_condition(pipeline: Read, asked: str) -> None:
    job = (
        f"<project>{ASKED}<builders>"
        "<org.jenkinsci.plugins.conditionalbuildstep.singlestep.SingleConditionalBuilder>"
        f'{asked}<buildStep class="hudson.tasks.Shell"><command>make</command></buildStep>'
        "</org.jenkinsci.plugins.conditionalbuildstep.singlestep.SingleConditionalBuilder></builders></project>"
    )
    (step,) = pipeline(job).stages[0].steps
    (inner,) = step.inputs["steps"]
    assert (inner["action"], inner["inputs"]) == ("run", {"script": "make"})
    assert inner.get("when") == CONDITIONS[asked]


@pytest.mark.parametrize(
    "asked",
    [
        condition(f"{CORE}FileExistsCondition", "<file>x</file>"),
        condition(f"{CORE}BooleanCondition", "<token>$UNKNOWN</token>"),
        condition(f"{LOGIC}And", either(same("$TARGET", "a"), condition("a.b.Own"))),
        condition("a.b.Own"),
    ],
)
def test_a_condition_that_is_not_understood_keeps_its_builder_jenkins_own(pipeline: Read, asked: str) -> None:
    job = (
        f"<project>{ASKED}<builders><org.jenkinsci.plugins.conditionalbuildstep.ConditionalBuilder>"
        f"{asked.replace('condition class', 'runCondition class').replace('</condition>', '</runCondition>')}"
        f"<conditionalbuilders>{SHELL}</conditionalbuilders>"
        "</org.jenkinsci.plugins.conditionalbuildstep.ConditionalBuilder></builders></project>"
    )
    (step,) = pipeline(job).stages[0].steps
    assert step.action == OPAQUE
    assert "steps" not in step.inputs


MAIL = (
    "<hudson.plugins.emailext.ExtendedEmailPublisher><recipientList>a@example.org</recipientList>"
    "<configuredTriggers><hudson.plugins.emailext.plugins.trigger.FailureTrigger><email>"
    "<subject>Job ${BUILD_NUMBER} broke</subject><body>$PROJECT_DEFAULT_CONTENT</body></email>"
    "</hudson.plugins.emailext.plugins.trigger.FailureTrigger>"
    "<hudson.plugins.emailext.plugins.trigger.FixedTrigger><email/>"
    "</hudson.plugins.emailext.plugins.trigger.FixedTrigger></configuredTriggers>"
    "</hudson.plugins.emailext.ExtendedEmailPublisher>"
)
AFTER = (
    "<org.jenkinsci.plugins.postbuildscript.PostBuildScript><config><buildSteps>"
    "<org.jenkinsci.plugins.postbuildscript.model.PostBuildStep><results><string>FAILURE</string>"
    f"<string>ABORTED</string></results><buildSteps>{SHELL}</buildSteps>"
    "</org.jenkinsci.plugins.postbuildscript.model.PostBuildStep></buildSteps></config>"
    "</org.jenkinsci.plugins.postbuildscript.PostBuildScript>"
)


def test_mails_are_sent_for_the_results_that_they_are_asked_for(pipeline: Read) -> None:
    (step,) = pipeline(f"<project><publishers>{MAIL}</publishers></project>").stages[0].steps
    (mail,) = step.inputs["steps"]
    assert mail["when"] == "failure()"
    assert mail["inputs"]["to"] == "a@example.org"
    assert mail["inputs"]["subject"] == "Job ${{ build.number }} broke"
    assert mail["inputs"]["body"] == "${{ build.url }}"


def test_what_follows_a_build_goes_by_its_result(pipeline: Read) -> None:
    (step,) = pipeline(f"<project><publishers>{AFTER}</publishers></project>").stages[0].steps
    assert [one["when"] for one in step.inputs["steps"]] == ["failure() || canceled()"]


WRAPPERS = {
    "keys": (
        "<com.cloudbees.jenkins.plugins.sshagent.SSHAgentBuildWrapper><credentialIds><string>deploy</string>"
        "<string>push</string></credentialIds><ignoreMissing>false</ignoreMissing>"
        "</com.cloudbees.jenkins.plugins.sshagent.SSHAgentBuildWrapper>"
    ),
    "variables": (
        "<EnvInjectBuildWrapper><info><propertiesContent># two\nA=1\nB = some words</propertiesContent>"
        "<loadFilesFromMaster>false</loadFilesFromMaster></info></EnvInjectBuildWrapper>"
    ),
    "silence": (
        "<hudson.plugins.build__timeout.BuildTimeoutWrapper>"
        '<strategy class="hudson.plugins.build_timeout.impl.NoActivityTimeOutStrategy">'
        "<timeoutSecondsString>180</timeoutSecondsString></strategy><operationList/>"
        "</hudson.plugins.build__timeout.BuildTimeoutWrapper>"
    ),
}


def test_wrappers_are_what_they_do(pipeline: Read) -> None:
    found = {
        name: pipeline(
            f"<project><builders>{SHELL}</builders><buildWrappers>{one}</buildWrappers></project>"
        ).stages[0]
        for name, one in WRAPPERS.items()
    }
    keys, make = found["keys"].steps
    assert keys.inputs["steps"] == [
        {"action": "ssh.keys", "inputs": {"keys": "${{ secrets.deploy }}\n${{ secrets.push }}"}}
    ]
    assert make.inputs["script"] == "make"
    assert found["variables"].variables == {"A": "1", "B": "some words"}
    assert found["silence"].steps[0].idle_timeout == "180s"


def test_computed_variables_stay_jenkins_own(pipeline: Read) -> None:
    element = "<EnvInjectBuildWrapper><info><propertiesContent>A=$B</propertiesContent></info></EnvInjectBuildWrapper>"
    found = pipeline(f"<project><buildWrappers>{element}</buildWrappers></project>")
    assert not found.stages[0].variables
    assert "buildWrappers/EnvInjectBuildWrapper" in found.vendor["jenkins-job"]


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_what_is_changed_is_written_anew(pipeline: Read, written: Write, wrapper: str) -> None:
    job = f"<project><builders>{SHELL}</builders><buildWrappers>{WRAPPERS[wrapper]}</buildWrappers></project>"
    found = pipeline(job)
    assert normalise(written(found)) == normalise(job)
    stage = found.stages[0]
    steps = tuple(one.model_copy(update={"idle_timeout": "5m"}) for one in stage.steps)
    stage = stage.model_copy(update={"steps": steps, "variables": {"A": "2"}})
    text = written(found.model_copy(update={"stages": (stage,)}))
    assert "<propertiesContent>A=2</propertiesContent>" in text
    assert "<timeoutSecondsString>300</timeoutSecondsString>" in text
    assert "180" not in text
    assert "some words" not in text


def test_variables_of_the_whole_job_come_back_as_its_property(pipeline: Read, written: Write) -> None:
    job = (
        "<project><properties><EnvInjectJobProperty><info><propertiesContent>A=1</propertiesContent></info>"
        f"<on>true</on></EnvInjectJobProperty></properties><builders>{SHELL}</builders></project>"
    )
    found = pipeline(job)
    assert found.stages[0].variables == {"A": "1"}
    assert normalise(written(found)) == normalise(job)


def test_others_get_the_steps(registry: Registry) -> None:
    job = f"<project><builders>{SHELL}</builders><publishers>{MAIL}{AFTER}</publishers></project>"
    found = convert(
        single("jobs/shop/config.xml", job),
        registry.dialect("jenkins-job"),
        registry.dialect("github-actions"),
    )
    text = found.documents.documents[0].text
    assert text.count("failure()") == 2
    assert "to: a@example.org" in text


REVIEW = (
    "<triggers><org.jenkinsci.plugins.ghprb.GhprbTrigger><spec>H/5 * * * *</spec><adminlist>jane</adminlist>"
    "</org.jenkinsci.plugins.ghprb.GhprbTrigger></triggers>"
)


def test_a_trigger_of_a_forge_is_a_trigger_to_others_and_comes_back(registry: Registry) -> None:
    jobs = registry.dialect("jenkins-job")
    job = single("jobs/shop/config.xml", f"<project>{REVIEW}<builders>{SHELL}</builders></project>")
    found = convert(job, jobs, registry.dialect("github-actions"))
    assert "on: [pull_request, workflow_dispatch]" in found.documents.documents[0].text
    assert any(one.what.startswith("triggers/org.jenkinsci") for one in found.report.findings)
    again = convert(job, jobs, jobs).documents.documents[0].text
    assert normalise(again) == normalise(job.documents[0].text)


def test_what_jenkins_copied_from_a_script_into_its_job_comes_back(registry: Registry) -> None:
    text = (
        "<flow-definition><properties>"
        "<org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty>"
        "<abortPrevious>false</abortPrevious>"
        "</org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty>"
        "<hudson.model.ParametersDefinitionProperty><parameterDefinitions>"
        "<hudson.model.StringParameterDefinition><name>X</name><defaultValue>1</defaultValue>"
        "<trim>false</trim></hudson.model.StringParameterDefinition>"
        "</parameterDefinitions></hudson.model.ParametersDefinitionProperty>"
        "<org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty><triggers>"
        "<hudson.triggers.TimerTrigger><spec>@daily</spec></hudson.triggers.TimerTrigger>"
        '<com.cloudbees.jenkins.GitHubPushTrigger plugin="github"><spec></spec></com.cloudbees.jenkins.GitHubPushTrigger>'
        "</triggers></org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty></properties>"
        '<definition class="org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition"><script>'
        "pipeline { agent any\n options { disableConcurrentBuilds() }\n triggers { cron('@daily') }\n"
        " parameters { string(name: 'X', defaultValue: '1') }\n stages { stage('A') { steps { sh 'make' } } } }"
        "</script><sandbox>true</sandbox></definition></flow-definition>"
    )
    jobs = registry.dialect("jenkins-job")
    again = convert(single("jobs/shop/config.xml", text), jobs, jobs).documents.documents[0].text
    assert normalise(again) == normalise(text)


def test_a_source_as_the_git_plugin_wrote_it_before_it_had_extensions(pipeline: Read, written: Write) -> None:
    job = (
        '<project><scm class="hudson.plugins.git.GitSCM"><configVersion>2</configVersion><userRemoteConfigs>'
        "<hudson.plugins.git.UserRemoteConfig><url>https://example.org/shop.git</url>"
        "</hudson.plugins.git.UserRemoteConfig></userRemoteConfigs><recursiveSubmodules>true</recursiveSubmodules>"
        "<wipeOutWorkspace>true</wipeOutWorkspace><relativeTargetDir>src</relativeTargetDir></scm></project>"
    )
    found = pipeline(job)
    (step,) = found.stages[0].steps
    assert step.inputs == {"depth": 0, "tags": True, "clean": True, "path": "src", "submodules": "recursive"}
    assert normalise(written(found)) == normalise(job)
