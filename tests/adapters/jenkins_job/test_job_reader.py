"""Jobs in: each part of a job is what it means in the model, with its place."""

from collections.abc import Callable

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.errors import ParseError
from pipemgr.model.definitions import HINTS, Parameter, Pipeline, Trigger
from pipemgr.service.languages import Languages
from pipemgr.translate.base import Dialect, Reading
from pipemgr.translate.convert import convert
from pipemgr.translate.document import Document, DocumentSet, single
from pipemgr.translate.report import Fidelity

Read = Callable[[str], Pipeline]


def job(inner: str, root: str = "project") -> str:
    return f"<?xml version='1.1' encoding='UTF-8'?>\n<{root}>\n{inner}\n</{root}>"


def builders(*commands: str) -> str:
    steps = "".join(f"<hudson.tasks.Shell><command>{one}</command></hudson.tasks.Shell>" for one in commands)
    return f"<builders>{steps}</builders>"


def test_a_freestyle_job_is_a_pipeline_of_one_stage(pipeline: Read) -> None:
    found = pipeline(job(builders("make", "make test")))
    (stage,) = found.stages
    assert found.name == "shop"
    assert [(step.action, step.inputs) for step in stage.steps] == [
        ("run", {"script": "make"}),
        ("run", {"script": "make test"}),
    ]
    assert found.vendor["jenkins-job"][HINTS] == {"job": "freestyle"}


def test_publishers_follow_whatever_happens(pipeline: Read) -> None:
    found = pipeline(
        job(
            "<publishers>"
            "<hudson.tasks.ArtifactArchiver><artifacts>a/*.jar, b/**</artifacts><excludes>b/c</excludes>"
            "<allowEmptyArchive>true</allowEmptyArchive></hudson.tasks.ArtifactArchiver>"
            "<hudson.tasks.junit.JUnitResultArchiver><testResults>t.xml</testResults>"
            "<keepLongStdio>true</keepLongStdio></hudson.tasks.junit.JUnitResultArchiver>"
            "</publishers>"
        )
    )
    upload, publish = found.stages[0].steps
    assert (upload.action, str(upload.when)) == ("artifact.upload", "always()")
    assert upload.inputs == {"path": "a/*.jar\nb/**\n!b/c", "if-missing": "warn"}
    assert publish.inputs == {"path": "t.xml", "required": True}
    assert publish.vendor["jenkins-job"] == {"keepLongStdio": "true"}


def test_what_no_row_knows_is_kept_word_for_word(pipeline: Read) -> None:
    element = '<org.example.Deploy plugin="deploy@2">\n  <where>a &amp; b</where>\n</org.example.Deploy>'
    found = pipeline(job(f"<builders>{element}</builders><buildWrappers>{element}</buildWrappers>"))
    (step,) = found.stages[0].steps
    assert step.inputs == {"vendor": "jenkins-job", "value": element}
    assert found.vendor["jenkins-job"]["buildWrappers/org.example.Deploy"] == element


def test_a_builder_that_other_vendors_can_do_says_how(pipeline: Read) -> None:
    maven = "<hudson.tasks.Maven><targets>clean verify</targets><pom>app/pom.xml</pom></hudson.tasks.Maven>"
    (step,) = pipeline(job(f"<builders>{maven}</builders>")).stages[0].steps
    assert step.action == "opaque"
    assert step.inputs["steps"] == [
        {"action": "run", "inputs": {"script": "mvn -f app/pom.xml clean verify"}}
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("H 4 * * 1-5", [("H 4 * * 1-5", None)]),
        ("TZ=Asia/Seoul\n# nightly\nH(0-29)/10 * * * *\n@daily", [("H(0-29)/10 * * * *", "Asia/Seoul"), ("@daily", "Asia/Seoul")]),
        ("", []),
    ],
)  # fmt: skip
def test_schedules_are_read_line_by_line(
    pipeline: Read, spec: str, expected: list[tuple[str, str | None]]
) -> None:
    found = pipeline(
        job(
            f"<triggers><hudson.triggers.TimerTrigger><spec>{spec}</spec></hudson.triggers.TimerTrigger></triggers>"
        )
    )
    assert [(one.cron, one.timezone) for one in found.triggers if one.event == "schedule"] == expected
    assert found.triggers[-1] == Trigger(event="manual")


def test_pushes_start_builds_of_the_branches_that_are_checked_out(pipeline: Read) -> None:
    source = (
        '<scm class="hudson.plugins.git.GitSCM"><userRemoteConfigs><hudson.plugins.git.UserRemoteConfig>'
        "<url>https://example.org/shop.git</url></hudson.plugins.git.UserRemoteConfig></userRemoteConfigs>"
        "<branches><hudson.plugins.git.BranchSpec><name>*/main</name></hudson.plugins.git.BranchSpec></branches>"
        "<extensions><hudson.plugins.git.extensions.impl.CloneOption><shallow>true</shallow><depth>3</depth>"
        "</hudson.plugins.git.extensions.impl.CloneOption></extensions></scm>"
    )
    polled = "<hudson.triggers.SCMTrigger><spec>H/5 * * * *</spec></hudson.triggers.SCMTrigger>"
    found = pipeline(job(f"{source}<triggers>{polled}</triggers>"))
    assert found.triggers[0] == Trigger(event="push", branches=("main",), options={"poll": "H/5 * * * *"})
    (checkout,) = found.stages[0].steps
    assert checkout.action == "checkout"
    assert checkout.inputs == {"depth": 3, "clean": False, "tags": True}


def test_parameters_of_every_kind(pipeline: Read) -> None:
    definitions = (
        "<hudson.model.StringParameterDefinition><name>A</name><description>why</description>"
        "<defaultValue>x</defaultValue></hudson.model.StringParameterDefinition>"
        "<hudson.model.BooleanParameterDefinition><name>B</name><defaultValue>true</defaultValue>"
        "</hudson.model.BooleanParameterDefinition>"
        "<hudson.model.ChoiceParameterDefinition><name>C</name><choices class='java.util.Arrays$ArrayList'>"
        "<a class='string-array'><string>one</string><string>two</string></a></choices>"
        "</hudson.model.ChoiceParameterDefinition>"
        "<org.example.Odd><name>D</name></org.example.Odd>"
    )
    found = pipeline(
        job(
            "<properties><hudson.model.ParametersDefinitionProperty><parameterDefinitions>"
            f"{definitions}</parameterDefinitions></hudson.model.ParametersDefinitionProperty></properties>"
            + builders("echo $A")
        )
    )
    assert found.parameters == {
        "A": Parameter(description="why", default="x"),
        "B": Parameter(type="boolean", default=True),
        "C": Parameter(type="choice", choices=("one", "two")),
        "D": Parameter(),
    }
    assert "parameters/D" in found.vendor["jenkins-job"]


def test_scripts_find_parameters_elsewhere_too(registry: Registry) -> None:
    asked = (
        "<hudson.model.StringParameterDefinition><name>WHO</name></hudson.model.StringParameterDefinition>"
    )
    text = job(
        "<properties><hudson.model.ParametersDefinitionProperty><parameterDefinitions>"
        f"{asked}</parameterDefinitions></hudson.model.ParametersDefinitionProperty></properties>"
        + builders("echo $WHO")
    )
    source, target = registry.dialect("jenkins-job"), registry.dialect("github-actions")
    (written,) = convert(single("jobs/shop/config.xml", text), source, target).documents
    assert "WHO: ${{ inputs.WHO }}" in written.text


def test_wrappers_limit_the_time_and_bind_credentials(pipeline: Read) -> None:
    found = pipeline(
        job(
            "<buildWrappers><hudson.plugins.build__timeout.BuildTimeoutWrapper>"
            '<strategy class="hudson.plugins.build_timeout.impl.AbsoluteTimeOutStrategy">'
            "<timeoutMinutes>20</timeoutMinutes></strategy></hudson.plugins.build__timeout.BuildTimeoutWrapper>"
            "<org.jenkinsci.plugins.credentialsbinding.impl.SecretBuildWrapper><bindings>"
            "<org.jenkinsci.plugins.credentialsbinding.impl.UsernamePasswordMultiBinding>"
            "<credentialsId>nexus</credentialsId><usernameVariable>U</usernameVariable>"
            "<passwordVariable>P</passwordVariable>"
            "</org.jenkinsci.plugins.credentialsbinding.impl.UsernamePasswordMultiBinding>"
            "</bindings></org.jenkinsci.plugins.credentialsbinding.impl.SecretBuildWrapper></buildWrappers>"
        )
    )
    (stage,) = found.stages
    assert stage.timeout == "20m"
    assert stage.variables == {
        "U": "${{ secrets['nexus:username'] }}",
        "P": "${{ secrets['nexus:password'] }}",
    }


@pytest.mark.parametrize(
    ("expression", "labels"),
    [("linux", ("linux",)), ("linux && docker", ("linux", "docker")), ("a || b", ("a || b",))],
)
def test_the_label_of_a_job_is_its_machine(pipeline: Read, expression: str, labels: tuple[str, ...]) -> None:
    text = expression.replace("&", "&amp;")
    runner = pipeline(job(f"<assignedNode>{text}</assignedNode>")).stages[0].runner
    assert runner is not None
    assert runner.labels == labels


def test_axes_are_a_matrix_that_scripts_find_as_variables(pipeline: Read) -> None:
    axis = "<hudson.matrix.{}><name>{}</name><values><string>1</string><string>2</string></values></hudson.matrix.{}>"
    found = pipeline(
        job(
            f"<axes>{axis.format('TextAxis', 'py', 'TextAxis')}{axis.format('LabelAxis', 'os', 'LabelAxis')}</axes>",
            "matrix-project",
        )
    )
    (stage,) = found.stages
    assert stage.matrix is not None
    assert stage.matrix.axes == {"py": ("1", "2"), "os": ("1", "2")}
    assert stage.variables["py"] == "${{ matrix['py'] }}"
    assert stage.runner is not None
    assert stage.runner.labels == ("${{ matrix['os'] }}",)


def test_the_goals_of_a_maven_job_are_a_step_between_others(pipeline: Read) -> None:
    step = "<hudson.tasks.Shell><command>{}</command></hudson.tasks.Shell>"
    found = pipeline(
        job(
            f"<goals>clean install</goals><rootPOM>app/pom.xml</rootPOM><prebuilders>{step.format('before')}</prebuilders>"
            f"<postbuilders>{step.format('after')}</postbuilders>",
            "maven2-moduleset",
        )
    )
    assert [one.inputs["script"] for one in found.stages[0].steps] == [
        "before", "mvn -f app/pom.xml clean install", "after",
    ]  # fmt: skip


def test_builds_side_by_side_are_said(pipeline: Read) -> None:
    assert pipeline(job("<concurrentBuild>true</concurrentBuild>")).concurrency is None
    assert pipeline(job("<concurrentBuild>false</concurrentBuild>")).concurrency is not None


def test_places_are_those_of_the_file(reading: Callable[[str], Reading]) -> None:
    found = reading(
        job("<builders>\n  <hudson.tasks.Shell>\n    <command>make</command></hudson.tasks.Shell></builders>")
    )
    assert found.source.place("stages.build.steps[0].inputs.script") == "jobs/shop/config.xml:5:5"


# Pipeline jobs ---------------------------------------------------------------------------------------------------

INLINE = "org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition"
SCRIPT = """pipeline {
  agent { label 'linux' }
  triggers { cron('H 2 * * *') }
  stages {
    stage('Build') {
      steps { sh 'echo &quot;a&quot; &amp;&amp; make' }
    }
  }
}"""


def scripted(script: str = SCRIPT, more: str = "") -> str:
    definition = f'<definition class="{INLINE}"><script>{script}</script><sandbox>true</sandbox></definition>'
    return job(f"{more}\n  {definition}", "flow-definition")


def test_the_script_of_a_pipeline_job_is_read_with_places_in_the_job(
    reading: Callable[[str], Reading],
) -> None:
    found = reading(scripted())
    (stage,) = found.pipeline.stages
    assert stage.steps[-1].inputs["script"] == 'echo "a" && make'
    path = f"stages.{stage.id}.steps[{len(stage.steps) - 1}]"
    assert found.source.place(path).startswith("jobs/shop/config.xml:9:")
    assert found.source.place("triggers[0]").startswith("jobs/shop/config.xml:6:")


def test_what_the_job_says_joins_what_its_script_says(pipeline: Read) -> None:
    property_ = "org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty"
    timer = "<hudson.triggers.TimerTrigger><spec>H 9 * * *</spec></hudson.triggers.TimerTrigger>"
    found = pipeline(
        scripted(more=f"<properties><{property_}><triggers>{timer}</triggers></{property_}></properties>")
    )
    assert [(one.event, one.cron) for one in found.triggers] == [
        ("schedule", "H 2 * * *"),
        ("schedule", "H 9 * * *"),
        ("manual", None),
    ]


def test_a_script_that_is_no_groovy_is_refused_at_its_place(pipeline: Read) -> None:
    with pytest.raises(ParseError) as caught:
        pipeline(scripted("node {\n  sh 'make\n}"))
    assert (caught.value.where or "").startswith("jobs/shop/config.xml:5:")


FROM_SOURCE = job(
    '<definition class="org.jenkinsci.plugins.workflow.cps.CpsScmFlowDefinition"><scm class="hudson.scm.NullSCM"/>'
    "<scriptPath>ci/Jenkinsfile</scriptPath></definition>",
    "flow-definition",
)


def test_a_job_wants_the_jenkinsfile_that_it_names(jobs: Dialect, reading: Callable[[str], Reading]) -> None:
    documents = single("jobs/shop/config.xml", FROM_SOURCE)
    assert jobs.reader.wants(documents) == ("ci/Jenkinsfile",)
    alone = reading(FROM_SOURCE)
    assert [str(one.fidelity) for one in alone.findings] == ["manual"]
    assert alone.pipeline.stages[0].steps[0].inputs["value"] == "ci/Jenkinsfile"
    script = Document(path="ci/Jenkinsfile", text=SCRIPT.replace("&quot;", '"').replace("&amp;", "&"))
    both = jobs.reader.read(DocumentSet(documents=(*documents.documents, script)))
    assert both.pipeline.stages[0].name == "Build"
    assert both.source.place("stages.build.steps[0]").startswith("ci/Jenkinsfile:")


# Which repository ------------------------------------------------------------------------------------------------

GIT = (
    '{tag} class="hudson.plugins.git.GitSCM"><userRemoteConfigs><hudson.plugins.git.UserRemoteConfig>'
    "<url>git@example.org:shop.git</url><credentialsId>deploy</credentialsId>"
    "</hudson.plugins.git.UserRemoteConfig></userRemoteConfigs>"
    "<branches><hudson.plugins.git.BranchSpec><name>*/main</name></hudson.plugins.git.BranchSpec></branches>"
)
ABOUT = {
    "a job": ("project", f"<{GIT.format(tag='scm')}</scm>{builders('make')}", "git@example.org:shop.git"),
    "a script from source": (
        "flow-definition",
        (
            '<definition class="org.jenkinsci.plugins.workflow.cps.CpsScmFlowDefinition">'
            f"<{GIT.format(tag='scm')}</scm></definition>"
        ),
        "git@example.org:shop.git, branch */main, credentials deploy",
    ),
    "branches of a forge": (
        "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject",
        (
            '<sources><data><jenkins.branch.BranchSource><source class="a.GitHubSCMSource">'
            "<credentialsId>app</credentialsId><repoOwner>example</repoOwner><repository>shop</repository>"
            '</source></jenkins.branch.BranchSource></data></sources><factory class="x"/>'
        ),
        "example/shop, credentials app",
    ),
    "another system": (
        "project",
        (
            '<scm class="hudson.scm.SubversionSCM"><locations><a.Module><remote>https://example.org/svn</remote>'
            f"</a.Module></locations></scm>{builders('make')}"
        ),
        "https://example.org/svn",
    ),
}


@pytest.mark.parametrize("case", ABOUT)
@pytest.mark.parametrize("target", ["github-actions", "circleci", "jenkins"])
def test_the_repository_that_a_job_names_is_told(registry: Registry, case: str, target: str) -> None:
    root, inner, named = ABOUT[case]
    found = convert(
        single("jobs/shop/config.xml", job(inner, root)),
        registry.dialect("jenkins-job"),
        registry.dialect(target),
    )
    (told,) = [one for one in found.report.findings if one.path == "vendor.jenkins-job.repository"]
    assert told.what.startswith(f"the repository {named}")
    assert told.fidelity is Fidelity.MANUAL
    assert told.source.startswith("jobs/shop/config.xml:3:")


def test_our_own_format_and_jobs_keep_the_repository(registry: Registry) -> None:
    jobs, native = registry.dialect("jenkins-job"), Languages(registry).get("native")
    before = single("jobs/shop/config.xml", job(ABOUT["a job"][1]))
    ours = convert(before, jobs, native)
    assert not ours.report.findings
    assert "repository: git@example.org:shop.git" in ours.documents.documents[0].text
    again = convert(ours.documents, native, jobs)
    assert not again.report.findings
    assert "<repository>" not in again.documents.documents[0].text


# What is no job --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("root", "word"),
    [
        ("hudson", "controller"),
        ("user", "person"),
        ("slave", "agent"),
        ("hudson.model.ListView", "view"),
        ("matrix-config", "combination"),
        ("flow-build", "build"),
        ("html", "no job that is known"),
    ],
)
def test_what_is_no_job_is_refused_with_a_word_on_what_it_is(pipeline: Read, root: str, word: str) -> None:
    with pytest.raises(ParseError, match=word) as caught:
        pipeline(job("", root))
    assert caught.value.where == "jobs/shop/config.xml:2:1"
    assert caught.value.remedy


def test_folders_and_multibranch_projects_are_kept_as_what_they_are(pipeline: Read) -> None:
    folder = pipeline(job("<description>All</description>", "com.cloudbees.hudson.plugins.folder.Folder"))
    assert folder.stages == ()
    assert folder.vendor["jenkins-job"][HINTS]["description"] == "All"
    branches = pipeline(
        job(
            "<sources class='x'><data/></sources><factory class='y'><scriptPath>ci/J</scriptPath></factory>",
            "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject",
        )
    )
    assert branches.stages[0].steps[0].inputs["value"] == "ci/J"
    assert "sources" in branches.vendor["jenkins-job"]
