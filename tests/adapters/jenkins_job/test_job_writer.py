"""Jobs out: what the pipeline says it is, in the bytes of Jenkins; what is read is written the same again."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.adapter.registry import Registry
from pipemgr.model.definitions import Parameter, Pipeline, Runner, Stage, Step, Trigger
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import read, write
from pipemgr.translate.document import Document, DocumentSet, single
from pipemgr.translate.report import Fidelity
from pipemgr_jenkins_job import normalise

Write = Callable[[Pipeline], str]
FREESTYLE = {"jenkins-job": {"job": "freestyle"}}
JOBS = Registry().dialect("jenkins-job")

SHOP = Pipeline(
    name="shop",
    triggers=(
        Trigger(event="push", branches=("main",), options={"poll": "H/5 * * * *"}),
        Trigger(event="schedule", cron="H 4 * * *"),
        Trigger(event="manual"),
    ),
    parameters={"WHO": Parameter(default="it's me"), "FAST": Parameter(type="boolean", default=True)},
    stages=(
        Stage(
            id="build",
            runner=Runner(labels=("linux", "docker")),
            timeout="20m",
            steps=(
                Step(
                    action="checkout",
                    inputs={"repository": "https://example.org/shop.git", "depth": 0, "clean": False, "tags": True},
                ),
                Step(action="run", inputs={"script": 'echo "$WHO" && make ${{ parameters.WHO }}'}),
                Step(action="run", inputs={"script": "dir", "shell": "cmd"}),
                Step(action="artifact.upload", inputs={"path": "a/*\n!a/b"}, when="always()"),  # type: ignore[arg-type]
                Step(action="tests.publish", inputs={"path": "t.xml"}, when="always()"),  # type: ignore[arg-type]
            ),
        ),
    ),
    vendor=FREESTYLE,
)  # fmt: skip
EXPECTED = """<?xml version='1.1' encoding='UTF-8'?>
<project>
  <actions/>
  <description></description>
  <keepDependencies>false</keepDependencies>
  <properties>
    <hudson.model.ParametersDefinitionProperty>
      <parameterDefinitions>
        <hudson.model.StringParameterDefinition>
          <name>WHO</name>
          <defaultValue>it&apos;s me</defaultValue>
          <trim>false</trim>
        </hudson.model.StringParameterDefinition>
        <hudson.model.BooleanParameterDefinition>
          <name>FAST</name>
          <defaultValue>true</defaultValue>
        </hudson.model.BooleanParameterDefinition>
      </parameterDefinitions>
    </hudson.model.ParametersDefinitionProperty>
  </properties>
  <scm class="hudson.plugins.git.GitSCM" plugin="git">
    <configVersion>2</configVersion>
    <userRemoteConfigs>
      <hudson.plugins.git.UserRemoteConfig>
        <url>https://example.org/shop.git</url>
      </hudson.plugins.git.UserRemoteConfig>
    </userRemoteConfigs>
    <branches>
      <hudson.plugins.git.BranchSpec>
        <name>*/main</name>
      </hudson.plugins.git.BranchSpec>
    </branches>
    <doGenerateSubmoduleConfigurations>false</doGenerateSubmoduleConfigurations>
    <submoduleCfg class="empty-list"/>
    <extensions/>
  </scm>
  <assignedNode>linux &amp;&amp; docker</assignedNode>
  <canRoam>false</canRoam>
  <disabled>false</disabled>
  <blockBuildWhenDownstreamBuilding>false</blockBuildWhenDownstreamBuilding>
  <blockBuildWhenUpstreamBuilding>false</blockBuildWhenUpstreamBuilding>
  <triggers>
    <hudson.triggers.SCMTrigger>
      <spec>H/5 * * * *</spec>
      <ignorePostCommitHooks>false</ignorePostCommitHooks>
    </hudson.triggers.SCMTrigger>
    <hudson.triggers.TimerTrigger>
      <spec>H 4 * * *</spec>
    </hudson.triggers.TimerTrigger>
  </triggers>
  <concurrentBuild>true</concurrentBuild>
  <builders>
    <hudson.tasks.Shell>
      <command>echo &quot;$WHO&quot; &amp;&amp; make ${WHO}</command>
      <configuredLocalRules/>
    </hudson.tasks.Shell>
    <hudson.tasks.BatchFile>
      <command>dir</command>
      <configuredLocalRules/>
    </hudson.tasks.BatchFile>
  </builders>
  <publishers>
    <hudson.tasks.ArtifactArchiver>
      <artifacts>a/*</artifacts>
      <excludes>a/b</excludes>
      <allowEmptyArchive>false</allowEmptyArchive>
      <onlyIfSuccessful>false</onlyIfSuccessful>
      <fingerprint>false</fingerprint>
      <defaultExcludes>true</defaultExcludes>
      <caseSensitive>true</caseSensitive>
      <followSymlinks>false</followSymlinks>
    </hudson.tasks.ArtifactArchiver>
    <hudson.tasks.junit.JUnitResultArchiver plugin="junit">
      <testResults>t.xml</testResults>
      <keepLongStdio>false</keepLongStdio>
      <keepProperties>false</keepProperties>
      <keepTestNames>false</keepTestNames>
      <healthScaleFactor>1.0</healthScaleFactor>
      <allowEmptyResults>false</allowEmptyResults>
      <skipPublishingChecks>false</skipPublishingChecks>
      <checksName></checksName>
      <skipMarkingBuildUnstable>false</skipMarkingBuildUnstable>
      <skipOldReports>false</skipOldReports>
    </hudson.tasks.junit.JUnitResultArchiver>
  </publishers>
  <buildWrappers>
    <hudson.plugins.build__timeout.BuildTimeoutWrapper plugin="build-timeout">
      <strategy class="hudson.plugins.build_timeout.impl.AbsoluteTimeOutStrategy">
        <timeoutMinutes>20</timeoutMinutes>
      </strategy>
      <operationList>
        <hudson.plugins.build__timeout.operations.AbortOperation/>
      </operationList>
    </hudson.plugins.build__timeout.BuildTimeoutWrapper>
  </buildWrappers>
</project>"""


def test_a_freestyle_job_is_written_as_jenkins_writes_it(written: Write) -> None:
    assert written(SHOP) == EXPECTED


@pytest.mark.parametrize(
    "update",
    [
        {"stages": (*SHOP.stages, Stage(id="more"))},
        {"stages": (SHOP.stages[0].model_copy(update={"retry": 2}),)},
        {"triggers": (Trigger(event="pull_request"),)},
        {"variables": {"A": "b"}},
    ],
)
def test_what_a_freestyle_job_cannot_say_is_a_pipeline_job_and_told(
    jobs: Dialect, update: dict[str, object]
) -> None:
    writing = write(SHOP.model_copy(update=update), jobs)
    assert "<flow-definition" in writing.documents.documents[0].text
    (told,) = [one for one in writing.findings if one.what == "the kind of job freestyle"]
    assert told.fidelity is Fidelity.EQUIVALENT
    assert "can't say" in told.why


def test_a_pipeline_from_elsewhere_is_a_pipeline_job(jobs: Dialect) -> None:
    writing = write(SHOP.model_copy(update={"vendor": {}}), jobs)
    text = writing.documents.documents[0].text
    assert "<flow-definition" in text
    assert "CpsFlowDefinition" in text
    assert "archiveArtifacts" in text
    assert "<hudson.triggers.TimerTrigger>" in text


JOB = """<?xml version='1.1' encoding='UTF-8'?>
<flow-definition plugin="workflow-job@1400.v7fd111b_ec82f">
  <actions/>
  <description>Deploys &lt;b&gt;all&lt;/b&gt;</description>
  <keepDependencies>false</keepDependencies>
  <properties>
    <org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty>
      <abortPrevious>false</abortPrevious>
    </org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty>
  </properties>
  <definition class="org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition" plugin="workflow-cps@3990.vd281dd77a_388">
    <script>// by hand,   with odd blanks
pipeline { agent any
  stages { stage(&apos;A&apos;) { steps { sh &quot;make  ${env.BUILD_NUMBER}&quot; } } } }
</script>
    <sandbox>false</sandbox>
  </definition>
  <triggers/>
  <disabled>true</disabled>
</flow-definition>"""


def test_a_script_comes_back_to_the_last_blank(pipeline: Callable[[str], Pipeline], written: Write) -> None:
    again = written(pipeline(JOB))
    assert normalise(again) == normalise(JOB)
    assert "by hand,   with odd blanks" in again


def test_a_script_that_has_to_change_is_written_anew(
    pipeline: Callable[[str], Pipeline], written: Write
) -> None:
    before = pipeline(JOB)
    stage = before.stages[0].model_copy(update={"steps": (Step(action="run", inputs={"script": "true"}),)})
    after = before.model_copy(update={"stages": (stage,)})
    text = written(after)
    assert "odd blanks" not in text
    assert [step.inputs for step in pipeline(text).stages[0].steps] == [{"script": "true"}]


FROM_SOURCE = """<?xml version='1.1' encoding='UTF-8'?>
<flow-definition plugin="workflow-job">
  <description></description>
  <definition class="org.jenkinsci.plugins.workflow.cps.CpsScmFlowDefinition" plugin="workflow-cps">
    <scm class="hudson.plugins.git.GitSCM" plugin="git">
      <configVersion>2</configVersion>
    </scm>
    <scriptPath>ci/Jenkinsfile</scriptPath>
    <lightweight>true</lightweight>
  </definition>
</flow-definition>"""
SCRIPT = "pipeline { agent any\n  stages { stage('A') { steps { sh 'make' } } } }\n"


def test_a_jenkinsfile_that_came_along_goes_along(jobs: Dialect) -> None:
    both = DocumentSet(
        documents=(
            Document(path="jobs/shop/config.xml", text=FROM_SOURCE),
            Document(path="ci/Jenkinsfile", text=SCRIPT),
        )
    )
    first = read(both, jobs).pipeline
    job, script = write(first, jobs).documents
    assert (script.path, script.text) == ("ci/Jenkinsfile", SCRIPT)
    assert job.path == "jobs/shop/config.xml"
    assert normalise(job.text) == normalise(FROM_SOURCE)
    changed = first.model_copy(update={"stages": ()})
    _, again = write(changed, jobs).documents
    assert again.text != SCRIPT


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufffe\uffff"), max_size=60)


@given(st.lists(texts, max_size=3), texts, texts)
def test_any_text_in_a_freestyle_job_comes_back(scripts: list[str], default: str, description: str) -> None:
    steps = tuple(Step(action="run", inputs={"script": script.replace("${{", "")}) for script in scripts)
    pipeline = Pipeline(
        name="config",
        triggers=(Trigger(event="manual"),),
        parameters={"P_1": Parameter(default=default.replace("${{", ""))},
        stages=(Stage(id="build", steps=steps),),
        vendor={"jenkins-job": {"job": "freestyle", "description": description.replace("${{", "")}},
    )
    (document,) = write(pipeline, JOBS).documents
    again = read(single("config.xml", document.text), JOBS).pipeline
    assert [step.inputs for step in again.stages[0].steps] == [step.inputs for step in steps]
    assert again.parameters == pipeline.parameters
    assert normalise(write(again, JOBS).documents.documents[0].text) == normalise(document.text)
