"""What Jenkins refuses is refused, at its line and with a remedy; what it takes is taken; what a plugin may bring is told."""

import pytest

from pipemgr.translate.document import Document
from pipemgr.translate.report import Finding
from pipemgr_jenkins.jenkinsfile.rules import check
from pipemgr_jenkins.jenkinsfile.tree import grow

STAGE = "stages {\n stage('s') {\n%s\n}\n}"
STEPS = "steps { echo 'x' }"


def checked(text: str) -> tuple[list[tuple[int, str]], list[Finding]]:
    tree = grow(Document(path="Jenkinsfile", text=text))
    check(tree)
    source = tree.root.origin
    return [(int(where.split(":")[1]), message) for where, message in source.problems], source.findings


def problems(text: str) -> list[tuple[int, str]]:
    return checked(text)[0]


def pipeline(*sections: str) -> str:
    return "pipeline {\nagent any\n" + "\n".join(sections) + "\n" + STAGE % STEPS + "\n}"


def stage(*sections: str, more: str = STEPS) -> str:
    return "pipeline {\nagent any\n" + STAGE % "\n".join([*sections, more]) + "\n}"


def in_steps(step: str) -> str:
    return stage(f"steps {{\n{step}\n}}", more="")


WRONG = [
    # sections
    ("pipeline {\n" + STAGE % STEPS + "\n}", 1, "no 'agent'"),
    ("pipeline {\nagent any\n}", 1, "no 'stages'"),
    (pipeline("node { }"), 3, "no section 'node'"),
    (pipeline("properties { }"), 3, "'options'"),
    (pipeline("environment { A = 'x' }", "environment { B = 'x' }"), 4, "twice"),
    (pipeline("options"), 3, "by itself"),
    (pipeline("x = 1"), 3, "remove it"),
    (pipeline("tools 'jdk'"), 3, "needs a block"),
    *((pipeline(f"{one} {{ }}"), 3, "is empty") for one in ("environment", "libraries", "options", "tools")),
    *((pipeline(f"{one} {{ }}"), 3, "is empty") for one in ("parameters", "post", "triggers")),
    ("node {\n pipeline { agent any }\n}", 2, "outermost"),
    # stages
    ("pipeline {\nagent any\nstages {\n}\n}", 3, "'stages' is empty; write a stage in it"),
    (pipeline("enviroment { A = 'b' }"), 3, "(perhaps 'environment')"),
    (pipeline("post { allways { echo 'a' } }"), 3, "(perhaps 'always')"),
    ("pipeline {\nagent any\nstages {\necho 'x'\n}\n}", 4, "only stages"),
    ("pipeline {\nagent any\nstages {\nstage { }\n}\n}", 4, "no name"),
    ("pipeline {\nagent any\nstages {\nstage(\"a ${b}\") { steps { echo 'x' } }\n}\n}", 4, "plain quotes"),
    (stage("banana { }"), 5, "no section 'banana'"),
    (stage(more=""), 4, "does nothing"),
    (stage("parallel { stage('p') { steps { echo 'x' } } }"), 4, "steps and parallel"),
    (stage("steps { echo 'y' }"), 6, "twice"),
    (stage("steps { }", more=""), 5, "is empty"),
    (stage("failFast 'yes'"), 5, "true or false"),
    (stage("agent any", "parallel { stage('p') { steps { echo 'x' } } }", more=""), 5, "'agent' beside"),
    (
        stage("tools { jdk 'x' }", "parallel { stage('p') { steps { echo 'x' } } }", more=""),
        5,
        "'tools' beside",
    ),
    (
        stage("parallel { stage('p') {\nparallel { stage('q') { steps { echo 'x' } } }\n} }", more=""),
        5,
        "can't be nested",
    ),
    (
        stage("parallel {\nstage('p') { steps { echo 'x' } }\nstage('p') { steps { echo 'x' } }\n}", more=""),
        7,
        "twice",
    ),
    # agents
    (pipeline().replace("agent any", "agent 'x'"), 2, "agent any, agent none"),
    (pipeline().replace("agent any", "agent { }"), 2, "empty"),
    (pipeline().replace("agent any", "agent { label 'a'\n docker 'b' }"), 3, "one type"),
    (pipeline().replace("agent any", "agent { docker { args 'x' } }"), 2, "no 'image'"),
    (pipeline().replace("agent any", "agent { node { label 'a'\n fruit 'b' } }"), 3, "'fruit'"),
    (pipeline().replace("agent any", "agent { label }"), 2, "by itself"),
    (pipeline().replace("agent any", "agent { label 'a', 'b' }"), 2, "one value"),
    # environment
    (pipeline("environment {\n1A = 'x'\n}"), 4, "sets no variable"),
    (pipeline("environment {\n$A = 'x'\n}"), 4, "no name"),
    (pipeline("environment {\nA = 'x'\nA = 'y'\n}"), 5, "twice"),
    (pipeline("environment {\nA = env.B\n}"), 4, "double quotes"),
    (pipeline("environment {\nA = 'x' - 'y'\n}"), 4, "double quotes"),
    (pipeline("environment {\nA = 'x' + env.B\n}"), 4, "one text"),
    (pipeline("environment {\nA = credentials(x)\n}"), 4, "'credentials'"),
    (pipeline("environment {\necho 'x'\n}"), 4, "sets no variable"),
    # options, triggers, parameters
    (pipeline("options { timestamps() { echo 'x' } }"), 3, "no block"),
    (pipeline("options { buildDiscarder(logRotator(a: { 'x' })) }"), 3, "no block"),
    (pipeline("triggers { cron({ 'x' }) }"), 3, "no block"),
    (pipeline("options {\nretry(2)\nretry(3)\n}"), 5, "twice"),
    (pipeline("options { echo 'x' }"), 3, "is a step"),
    (pipeline("options { parameters([]) }"), 3, "parameters { ... }"),
    (pipeline("options { timestamps }"), 3, "name()"),
    (pipeline("options { timeout(unit: 'HOURS') }"), 3, "lacks 'time'"),
    (pipeline("options { timeout(time: 1, unit: 'hour') }"), 3, "unit of time"),
    (pipeline("options { retry('3') }"), 3, "whole number"),
    (stage("options { buildDiscarder(x()) }"), 5, "no option of a stage"),
    (pipeline("triggers {\ncron('a')\ncron('b')\n}"), 5, "twice"),
    (pipeline("triggers { cron() }"), 3, "lacks 'spec'"),
    (pipeline("triggers { [a: 1] }"), 3, "a map"),
    (pipeline("triggers { cron(properties([])) }"), 3, "among arguments"),
    (pipeline("parameters { string(namd: 'x') }"), 3, "perhaps 'name'"),
    (pipeline("parameters { string('A', 'b') }"), 3, "need names"),
    (pipeline("parameters { booleanParam(name: 1) }"), 3, "text in quotes"),
    (pipeline("libraries { foo('x') }"), 3, "only lib"),
    # input, when, post
    (stage("input { ok 'x' }"), 5, "no message"),
    (stage("input { message 'x'\nbanana 'y' }"), 6, "'banana'"),
    (stage("when { }"), 5, "no condition"),
    (stage("when { params.A == 'x' }"), 5, "'when'"),
    (stage("when { branch 5 }"), 5, "text in quotes"),
    (stage("when { environment name: 'A' }"), 5, "lacks 'value'"),
    (stage("when { environment name: 'A', value: 'b', c: 1 }"), 5, "no argument 'c'"),
    (stage("when { allOf { } }"), 5, "no condition"),
    (stage("when { allOf('x') { branch 'a' } }"), 5, "no arguments"),
    (stage("when { not { branch 'a'\nbranch 'b' } }"), 5, "takes 1"),
    (stage("when { branch { branch 'a' } }"), 5, "no block"),
    (stage("when { beforeAgent 'x'\nbranch 'a' }"), 5, "true or false"),
    (stage("when { changeRequest 'x' }"), 5, "without a name"),
    (pipeline("post {\nallways { echo 'x' }\n}"), 4, "'allways'"),
    (pipeline("post {\necho 'x'\n}"), 4, "needs a block"),
    (pipeline("post {\nalways { }\n}"), 4, "is empty"),
    # steps
    (in_steps("def x = 1"), 6, "'script' block"),
    (in_steps("if (x) { echo 'y' }"), 6, "'script' block"),
    (in_steps("foo.bar()"), 6, "on an object"),
    (in_steps("deleteDir"), 6, "deleteDir()"),
    (in_steps("dir('x') {\ny = 1\n}"), 7, "'script' block"),
    (in_steps("stage('x') { echo 'y' }"), 6, "can't stand here"),
    (in_steps("properties([])"), 6, "can't stand here"),
    (in_steps("echo 'a'\nparallel a: { echo 'x' }"), 7, "only step"),
    (in_steps("parallel(a: { echo 'x' }, b: 1)"), 6, "needs a block"),
    (in_steps("parallel(a: { echo 'x' }, failFast: 'x')"), 6, "true or false"),
    (in_steps("script()"), 6, "needs a block"),
    (in_steps("echo 5"), 6, "text in quotes"),
    (in_steps("sh 'a', 'b'"), 6, "need names"),
    (in_steps("timeout(time: 'x') { echo 'y' }"), 6, "whole number"),
    (in_steps("timeout(unit: 'DAYS') { echo 'y' }"), 6, "lacks 'time'"),
    (in_steps("retry { echo 'y' }"), 6, "lacks 'count'"),
    (in_steps("sh(script: 'a', script: 'b')"), 6, "twice"),
    (in_steps("echo ${x}"), 6, "double quotes"),
    (in_steps("sleep 99999999999999999999"), 6, "too large"),
]


@pytest.mark.parametrize(("text", "line", "said"), WRONG)
def test_refused(text: str, line: int, said: str) -> None:
    found = problems(text)
    assert [one for one in found if one[0] == line and said in one[1]], found


def matrix(*sections: str, axes: str = "axes { axis { name 'A'\n values 'x' } }") -> str:
    inner = "stages { stage('t') { steps { echo 'x' } } }"
    return stage("matrix {", axes, *sections, inner, "}", more="")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (matrix(axes=""), "no 'axes'"),
        (stage("matrix { axes { axis { name 'A'\n values 'x' } } }", more=""), "no 'stages'"),
        (matrix(axes="axes { }"), "is empty"),
        (matrix(axes="axes { axis { values 'x' } }"), "no name"),
        (matrix(axes="axes { axis { name 'A' } }"), "no values"),
        (matrix(axes="axes { axis { name '1A'\n values 'x' } }"), "no name for a variable"),
        (matrix(axes="axes { axis { name 'A'\n values 'x', 'x' } }"), "twice"),
        (matrix(axes="axes { axis { name 'A'\n values x } }"), "computed"),
        (matrix(axes="axes { axis { name 'A'\n notValues 'x' } }"), "only exclude"),
        (matrix(axes="axes { axis { name 'A'\n values 'x' }\n axis { name 'A'\n values 'y' } }"), "twice"),
        (matrix("excludes { }"), "is empty"),
        (matrix("excludes { exclude { } }"), "no axis"),
        (matrix("excludes { exclude { axis { name 'A'\n values 'x'\n notValues 'y' } } }"), "remove one"),
        (matrix("parallel { }"), "no section 'parallel'"),
    ],
)
def test_matrices_that_are_refused(text: str, said: str) -> None:
    assert [one for one in problems(text) if said in one[1]], problems(text)


TAKEN = [
    pipeline(),
    pipeline("tools { jdk '17'\n'a.plugin.SomeTool' 'x'\nmaven \"m-${x}\" }"),
    matrix("excludes { exclude { axis { name 'A'\n notValues 'x' } } }", "agent any"),
    matrix(axes="axes { axis { name 'A'\n values 1, true } }"),
    pipeline(
        "options { skipDefaultCheckout()\ntimeout(5)\npreserveStashes()\nbuildDiscarder(logRotator(numToKeepStr: '5')) }"
    ),
    pipeline(
        "triggers { cron('H * * * *')\npollSCM('')\nupstream(upstreamProjects: 'a', threshold: hudson.model.Result.SUCCESS) }"
    ),
    pipeline(
        "parameters { string(name: 'A')\nchoice(name: 'B', choices: 'a\\nb')\nbooleanParam(name: 'C', defaultValue: x) }"
    ),
    pipeline(
        "environment { A = \"${B}\"\nB = 'a' + \"b${c}\"\nC = 5\nD = -1\nE = f(x)\nF = sh(script: 'x').trim() }"
    ),
    stage(
        "options { timeout(time: 1, unit: 'MINUTES')\nskipDefaultCheckout true\ncheckoutToSubdirectory('x') }"
    ),
    stage(
        "when { beforeAgent true\nequals expected: 1, actual: x\nnot { tag 'x' }\nbuildingTag()\nchangeRequest() }"
    ),
    stage("input { message 'x'\nsubmitter 'a'\nparameters { string(name: 'A') } }"),
    stage("agent none", "stages { stage('x') { steps { echo 'x' } } }", more=""),
    in_steps("script { def x = 1\nif (x) { foo.bar() }\nstage('y') { }\nparallel(z) }"),
    in_steps("parallel(a: { echo 'x' }, b: { echo 'y' }, failFast: true)"),
    in_steps(
        "echo \"${x}\"\nsh script: x, returnStdout: true\nsleep time: 1, unit: 'HOURS'\nfoo 'a', 1\nretry(3) { sh 'x' }"
    ),
    in_steps("echo message\nsh(command)\nwithEnv(list) { sh 'x' }\nunknown { known() }"),
    "node { stage('a') { sh 'x' } }",
    "def call() {\n pipeline { agent any\n" + STAGE % STEPS + "\n}\n}",
]


@pytest.mark.parametrize("text", TAKEN)
def test_taken(text: str) -> None:
    assert checked(text) == ([], [])


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        (pipeline("options { banana() }"), "option 'banana'", "plugin"),
        (pipeline("options { timestamp() }"), "option 'timestamp'", "perhaps 'timestamps'"),
        (pipeline("triggers { banana('x') }"), "trigger 'banana'", "plugin"),
        (
            pipeline("parameters { stringParm(name: 'x') }"),
            "parameter type 'stringParm'",
            "perhaps 'stringParam'",
        ),
        (pipeline("tools { banana 'x' }"), "tool 'banana'", "plugin"),
        (pipeline().replace("agent any", "agent { banana 'x' }"), "agent type 'banana'", "plugin"),
        (stage("when { banana 'x' }"), "condition 'banana'", "plugin"),
        (in_steps("sh script: 'x', lable: 'y'"), "argument 'lable' of 'sh'", "perhaps 'label'"),
        (
            in_steps("step([$class: 'ArtifactArchiver', artifact: 'x'])"),
            "argument 'artifact' of 'ArtifactArchiver'",
            "perhaps 'artifacts'",
        ),
        (in_steps("script { x = Jenkins.instance.items }"), "Jenkins.instance", "approve"),
        ("System.exit(1)", "System.exit", "approve"),
    ],
)
def test_told(text: str, what: str, remedy: str) -> None:
    wrong, findings = checked(text)
    assert wrong == []
    (finding,) = findings
    assert finding.what == what
    assert remedy in finding.remedy
    assert finding.source.startswith("Jenkinsfile:")


def test_what_the_sandbox_stops_is_told_once_with_all_places() -> None:
    _, findings = checked("echo System.getenv('A')\necho \"${System.getenv('B')}\"\necho 'System.getenv'\n")
    (finding,) = findings
    assert finding.places == ("Jenkinsfile:1:6", "Jenkinsfile:2:6")


def test_agent_options_and_tools_that_come_again_are_told() -> None:
    wrong, findings = checked(pipeline("tools { jdk 'a'\njdk 'b' }"))
    assert wrong == []
    assert [(one.what, one.source) for one in findings] == [
        ("'jdk' stands in 'tools' more than once", "Jenkinsfile:3:9")
    ]
