"""Steps of Jenkinsfiles: what each call, wrapper and piece of Groovy becomes."""

import textwrap
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.adapter import Document, Fidelity, Source, Tables
from pipemgr.model.definitions import Data
from pipemgr_jenkins.jenkinsfile.scope import Scope
from pipemgr_jenkins.jenkinsfile.shebang import interpreter
from pipemgr_jenkins.jenkinsfile.step_reader import StepReader
from pipemgr_jenkins.jenkinsfile.tree import grow

PATH = "stages.x.steps"


def read(groovy: str, before: str = "") -> tuple[list[Data], Source]:
    """The steps of a stage that does what `groovy` says."""
    text = f"{before}\npipeline {{ agent any; stages {{ stage('x') {{ steps {{\n{groovy}\n}} }} }} }}\n"
    file = grow(Document(path="Jenkinsfile", text=text))
    stage = file.root.items()["pipeline"].items()["stages"].entries()[0]
    node = stage.items()["steps"].feeds(PATH)
    found = StepReader(file, Tables.of("jenkins")).read(node.entries(), PATH, Scope.of(file))
    return [step.data() for step in found], file.root.origin


def steps(groovy: str, before: str = "") -> list[Any]:
    return read(groovy, before)[0]


# ruff: noqa: S604 - the shells are those of definitions
def run(script: str, /, **more: Any) -> Data:
    inputs = {key: more.pop(key) for key in ("shell", "directory") if key in more}
    return {"action": "run", "inputs": {"script": script, **inputs}, **more}


def others(groovy: str) -> tuple[list[Any], str]:
    """What other vendors get in place of the one step, and what is not the same."""
    (one,) = steps(groovy)
    assert one["action"] == "opaque"
    assert one["inputs"]["value"] == textwrap.dedent(groovy)
    return one["inputs"]["steps"], one["inputs"].get("note", "")


PLAIN: dict[str, list[Any]] = {
    "sh 'make'": [run("make")],
    "sh(script: 'make', label: 'Build')": [run("make", name="Build")],
    "sh script: 'make', returnStatus: true": [
        run("make", **{"allow-failure": True, "vendor": {"jenkins": {"hints": {"returnStatus": True}}}})
    ],
    "sh script: 'make', encoding: 'UTF-8'": [run("make", vendor={"jenkins": {"encoding": "UTF-8"}})],
    "bat 'dir'": [run("dir", shell="cmd")],
    "pwsh 'ls'": [run("ls", shell="pwsh")],
    "powershell 'ls'": [run("ls", shell="powershell")],
    'sh "make ${params.TARGET}"': [run("make ${{ parameters.TARGET }}")],
    "sh 'echo ${{ x }}'": [run("echo ${{ '${{' }} x }}")],
    "sh '''#!/bin/bash -e\nmake'''": [run("#!/bin/bash -e\nmake", shell="bash -e {0}")],
    "echo 'hello'": [{"action": "print", "inputs": {"message": "hello"}}],
    "junit 'a.xml, b.xml'": [
        {"action": "tests.publish", "inputs": {"path": "a.xml\nb.xml", "required": True}}
    ],
    "junit testResults: 'a.xml', allowEmptyResults: true": [
        {"action": "tests.publish", "inputs": {"path": "a.xml"}}
    ],
    "archiveArtifacts 'out/*'": [
        {"action": "artifact.upload", "inputs": {"path": "out/*", "if-missing": "error"}}
    ],
    "archiveArtifacts artifacts: 'a,b', excludes: 'c', allowEmptyArchive: true": [
        {"action": "artifact.upload", "inputs": {"path": "a\nb\n!c"}}
    ],
    "step([$class: 'JUnitResultArchiver', testResults: 'a.xml'])": [
        {
            "action": "tests.publish",
            "inputs": {"path": "a.xml", "required": True},
            "vendor": {"jenkins": {"hints": {"call": "JUnitResultArchiver"}}},
        }
    ],
    "checkout scm": [{"action": "checkout", "inputs": {"depth": 0}}],
    "dir('src') { checkout scm }": [{"action": "checkout", "inputs": {"depth": 0, "path": "src"}}],
    "dir('a') { dir('b') { sh 'x' } }": [run("x", directory="a/b")],
    "dir('a') { archiveArtifacts 'out/*' }": [
        {"action": "artifact.upload", "inputs": {"path": "a/out/*", "if-missing": "error"}}
    ],
    "withEnv(['A=1', \"B=${params.X}\"]) { sh 'x'; sh 'y' }": [
        run("x", variables={"A": "1", "B": "${{ parameters.X }}"}),
        run("y", variables={"A": "1", "B": "${{ parameters.X }}"}),
    ],
    "withCredentials([string(credentialsId: 'key', variable: 'K')]) { sh 'x' }": [
        run("x", variables={"K": "${{ secrets.key }}"})
    ],
    "timeout(5) { sh 'x' }": [run("x", timeout="5m")],
    "timeout(time: 90, unit: 'SECONDS', activity: true) { sh 'x' }": [run("x", **{"idle-timeout": "90s"})],
    "timestamps { ansiColor('xterm') { sh 'x' } }": [
        run("x", vendor={"jenkins": {"hints": {"within": ["timestamps", "ansiColor('xterm')"]}}})
    ],
    "catchError(buildResult: 'SUCCESS', stageResult: 'UNSTABLE') { sh 'x' }": [
        run("x", **{"allow-failure": True})
    ],
    "catchError { sh 'x' }": [
        run("x", **{"allow-failure": True, "vendor": {"jenkins": {"catch": "catchError"}}})
    ],
    "script { sh 'x' }": [run("x")],
    "script { if (params.X == 'a') { sh 'x' } else { sh 'y' } }": [
        run("x", when="parameters.X == 'a'"),
        run("y", when="parameters.X != 'a'"),
    ],
    "script { try { sh 'x' } finally { sh 'y' } }": [run("x"), run("y", when="always()")],
}


@pytest.mark.parametrize("groovy", PLAIN)
def test_calls_and_wrappers_are_steps(groovy: str) -> None:
    found, source = read(groovy)
    assert found == PLAIN[groovy]
    assert [one.path for one in source.unread() if "steps" in one.path] == []
    assert source.findings == []


FOR_OTHERS: dict[str, tuple[list[Any], str]] = {
    "error 'no'": ([run('echo "$MESSAGE" >&2; exit 1', name="Fail", variables={"MESSAGE": "no"})], ""),
    "sleep time: 2, unit: 'MINUTES'": ([run("sleep 2m")], ""),
    "git branch: 'dev', url: 'https://github.com/a/b.git'": (
        [{"action": "checkout", "inputs": {"depth": 0, "repository": "a/b", "ref": "dev"}}],
        "",
    ),
    "lock('x') { sh 'y' }": ([run("y")], "another build"),
    "node('big') { sh 'y' }": ([run("y")], "machine of their own"),
    "timeout(5) { sh 'x'; sh 'y' }": ([run("x"), run("y")], "the time limit"),
    "parallel a: { sh 'x' }, b: { sh 'y' }": ([run("x"), run("y")], "one after another"),
    "ourLibrary { sh 'x' }": ([run("x")], "what ourLibrary does around them is lost"),
    "withEnv(['PATH+X=/opt/x']) { sh 'x' }": (
        [
            run(
                'printf "%s\\n" "$FOLDER" >> "$FOLDERS"',
                name="Extend PATH",
                variables={"FOLDER": "/opt/x", "FOLDERS": "${{ files.path }}"},
            ),
            run("x"),
        ],
        "PATH",
    ),
    "withAWS(credentials: 'c', region: 'r') { sh 'x' }": (
        [
            {
                "action": "aws.login",
                "inputs": {
                    "access-key": "${{ secrets['c:username'] }}",
                    "secret-key": "${{ secrets['c:password'] }}",
                    "region": "r",
                    "duration": 3600,
                },
            },
            run("x"),
        ],
        "login stays",
    ),
    "publishHTML(target: [reportDir: 'out', reportName: 'R'])": (
        [
            {
                "action": "artifact.upload",
                "inputs": {"name": "R", "path": "out", "if-missing": "error"},
                "when": "always()",
            }
        ],
        "shown by Jenkins only",
    ),
    "mail to: 'a@b', subject: 's', body: 'b'": (
        [{"action": "notify.email", "inputs": {"to": "a@b", "subject": "s", "body": "b"}}],
        "mail server",
    ),
    "milestone 1": ([], "overtakes"),
}


@pytest.mark.parametrize("groovy", FOR_OTHERS)
def test_what_only_jenkins_has_says_what_it_does(groovy: str) -> None:
    wanted, note = FOR_OTHERS[groovy]
    found, told = others(groovy)
    assert found == wanted
    assert note in told


REPOSITORIES = {
    "checkout scmGit(branches: [[name: 'main']], extensions: [], userRemoteConfigs: [[url: 'https://x.y/z.git']])": {
        "depth": 0,
        "ref": "main",
        "repository": "https://x.y/z.git",
    },
    "checkout scmGit(branches: [[name: 'v1']], extensions: [cloneOption(shallow: true, depth: 3), lfs()], "
    "userRemoteConfigs: scm.userRemoteConfigs)": {"ref": "v1", "depth": 3, "lfs": True},
}


@pytest.mark.parametrize("groovy", REPOSITORIES)
def test_repositories_are_checkouts(groovy: str) -> None:
    assert steps(groovy) == [{"action": "checkout", "inputs": REPOSITORIES[groovy]}]


def test_a_repository_with_more_is_kept_and_told() -> None:
    found, told = others(
        "checkout([$class: 'GitSCM', branches: [[name: '*/main']], extensions: [[$class: 'CleanCheckout'], "
        "[$class: 'PruneStaleBranch']], userRemoteConfigs: [[url: 'git@github.com:a/b.git', credentialsId: 'k']]])"
    )
    inputs = {
        "depth": 0,
        "ref": "main",
        "repository": "a/b",
        "ssh-key": "${{ secrets.k }}",
        "clean": True,
    }
    assert found == [{"action": "checkout", "inputs": inputs}]
    assert told == "PruneStaleBranch is lost"


def test_a_call_that_no_row_knows_is_kept_word_for_word() -> None:
    groovy = "ourStep(\n    name: 'x',\n    values: [1, 2]\n)"
    assert steps(textwrap.indent(groovy, "        ")) == [
        {"action": "opaque", "inputs": {"vendor": "jenkins", "value": groovy}}
    ]


def test_a_folder_stays_around_what_only_jenkins_knows() -> None:
    (one,) = steps("dir('a') { ourStep 'x' }")
    assert one["inputs"]["value"] == "dir('a') {\n    ourStep 'x'\n}"


def test_texts_of_several_lines_are_not_moved() -> None:
    (one,) = steps("        ourStep '''a\n  b\n        c'''")
    assert one["inputs"]["value"] == "ourStep '''a\n  b\n        c'''"


def test_variables_of_groovy_keep_statements_together() -> None:
    found, source = read(
        "script {\n  sh 'before'\n  def v = sh(returnStdout: true, script: 'x')\n  sh 'between'\n  echo v\n  sh 'after'\n}"
    )
    assert [one["action"] for one in found] == ["run", "opaque", "run"]
    assert found[1]["inputs"] == {
        "vendor": "jenkins",
        "value": "script {\n    def v = sh(returnStdout: true, script: 'x')\n    sh 'between'\n    echo v\n}",
    }
    (told,) = source.findings
    assert told.fidelity is Fidelity.MANUAL
    assert told.source == "Jenkinsfile:5:3"
    assert "variables v" in told.why


def test_variables_that_can_be_followed_say_what_they_hold() -> None:
    found, source = read(
        "script {\n  def v = sh(returnStdout: true, script: 'git describe').trim()\n"
        '  def name = "app-${v}"\n  sh "make ${name}"\n}'
    )
    (one,) = found
    first, second = one["inputs"]["steps"]
    assert first["id"] == "v"
    assert "git describe" in first["inputs"]["script"]
    assert second == run("make ${{ format('app-{0}', steps.v.outputs.value) }}")
    assert source.findings == []


def test_variables_that_change_are_not_followed() -> None:
    (one,) = steps("script {\n  def v = 'a'\n  sh \"make ${v}\"\n  v = 'b'\n  sh \"make ${v}\"\n}")
    assert "steps" not in one["inputs"]


def test_variables_of_the_file_that_hold_one_value_are_known_to_others() -> None:
    before = "def image = 'app'\ntag = \"${image}:1\"\nother = 'x'\n"
    (one,) = steps('sh "run ${tag}"', before)
    assert one["inputs"]["value"] == 'sh "run ${tag}"'
    assert one["inputs"]["steps"] == [run("run app:1")]
    (same,) = steps('sh "run ${tag}"', f"{before}def f() {{ tag = 'y' }}\n")
    assert same["action"] == "run", "what changes is not known"


def test_the_end_of_a_script_is_a_value() -> None:
    (one,) = steps(
        "script {\n  code = sh(returnStatus: true, script: 'try it')\n  if (code == 0) { sh 'fine' }\n}"
    )
    first, second = one["inputs"]["steps"]
    assert first["variables"]["SCRIPT"] == "try it"
    assert second["when"] == "steps.code.outputs.value == 0"


def test_variables_that_others_know_too_stay_apart() -> None:
    found = steps("script {\n  v = helper.get()\n  sh 'x'\n  echo v\n}")
    assert [one["action"] for one in found] == ["opaque", "run", "print"]


def test_parameters_of_a_method_hold_what_a_call_gives() -> None:
    before = "def build(String what, how = 'fast') { sh \"make ${what} ${how}\" }"
    (one,) = steps("build('all')", before)
    assert one["inputs"]["steps"] == [run("make all fast")]
    (other,) = steps("build()", before)
    assert "steps" not in other["inputs"]


def test_groovy_of_a_script_stays_in_a_script() -> None:
    (one,) = steps("script { helper.go('x') }")
    assert one["inputs"]["value"] == "script {\n    helper.go('x')\n}"


def test_a_condition_that_only_jenkins_knows_stays_with_its_steps() -> None:
    (one,) = steps("script { if (helper.ok()) { sh 'x' } }")
    assert one["inputs"]["steps"] == [run("x", when="opaque('jenkins', 'helper.ok()')")]
    assert "if (helper.ok())" in str(one["inputs"]["value"])


def test_a_method_of_the_file_says_what_it_does() -> None:
    (one,) = steps("build()", "def build() { sh 'x'\n more() }\ndef more() { sh 'y'\n build() }")
    inner = one["inputs"]["steps"]
    assert inner[0] == run("x")
    assert inner[1]["inputs"]["steps"][0] == run("y")
    assert "steps" not in inner[1]["inputs"]["steps"][1]["inputs"], "it does not call itself without end"


def test_many_calls_of_methods_end() -> None:
    methods = "\n".join(f"def m{at}() {{ m{at + 1}()\n m{at + 1}() }}" for at in range(40))
    (one,) = steps("m0()", f"{methods}\ndef m40() {{ sh 'x' }}")
    assert len(str(one)) < 1_000_000


@pytest.mark.parametrize(
    "opening",
    [
        "if (params.A) { foo(); ",
        "timeout(5) { sh 'x'; ",
        "catchError { sh 'x'; ",
        "def v = 1; if (v) { ",
        "dir('d') { ",
    ],
)
def test_blocks_in_blocks_do_not_take_for_ever(opening: str) -> None:
    found = steps(f"script {{ {opening * 28} sh 'y' {'}' * 28} }}")
    assert "sh 'y'" in str(found) or "'script': 'y'" in str(found)


def test_names_that_double_one_another_stay_groovy() -> None:
    doubled = "\n".join(f'def v{at} = "${{v{at - 1}}}${{v{at - 1}}}"' for at in range(1, 60))
    (one,) = steps(f"script {{ def v0 = 'x'\n{doubled}\nsh v59 }}")
    assert "steps" not in one["inputs"]
    calls = "\n".join(f'def m{at}(a) {{ m{at - 1}("${{a}}${{a}}") }}' for at in range(1, 40))
    (one,) = steps("m39('x')", f"def m0(a) {{ sh a }}\n{calls}")
    assert len(str(one)) < 50_000


def test_a_caught_failure_is_another_step() -> None:
    (one,) = steps("script { try { sh 'x' } catch (e) { sh 'y' } }")
    assert one["inputs"]["steps"] == [
        run("x", id="tried-1", **{"allow-failure": True}),
        run("y", when="steps.tried-1.outcome == 'failure'"),
    ]


def test_a_failure_that_is_thrown_on_ends_the_stage() -> None:
    (one,) = steps("script { try { sh 'x' } catch (e) { sh 'y'\n throw e } }")
    assert one["inputs"]["steps"] == [run("x"), run("y", when="failure()")]


def test_an_environment_variable_is_handed_on() -> None:
    (one,) = steps("script { env.V = sh(script: 'git describe', returnStdout: true).trim() }")
    (inner,) = one["inputs"]["steps"]
    assert inner["inputs"]["script"].startswith('VALUE="$(\ngit describe\n)"\n')
    assert inner["inputs"]["script"].endswith('"V=$VALUE" >> "$ENVIRONMENT"')


def test_docker_is_said_by_its_program() -> None:
    (one,) = steps(
        "script { docker.withRegistry('https://r.x', 'c') { docker.build('r.x/a:1', '-f D .').push() } }"
    )
    login, build, push = [
        inner
        for outer in one["inputs"]["steps"]
        for inner in (outer["inputs"]["steps"] if outer["action"] == "opaque" else [outer])
    ]
    assert login["inputs"] == {
        "registry": "r.x",
        "username": "${{ secrets['c:username'] }}",
        "password": "${{ secrets['c:password'] }}",
    }
    assert build == run('docker build -t "r.x/a:1" -f D .')
    assert push == run('docker push "r.x/a:1"')


def test_a_script_is_tried_again_by_a_shell() -> None:
    (inner,) = others("retry(3) { sh 'x' }")[0]
    assert inner["variables"] == {"SCRIPT": "x"}
    assert "$(seq 3)" in inner["inputs"]["script"]


def test_each_node_feeds_what_it_becomes() -> None:
    _, source = read("sh 'a'\ndir('d') {\n  withEnv(['A=1']) { sh 'b' }\n}\nourStep 'c'")
    places = {
        f"{PATH}[0].inputs.script": "Jenkinsfile:3:4",
        f"{PATH}[1]": "Jenkinsfile:5:22",
        f"{PATH}[1].inputs.directory": "Jenkinsfile:4:5",
        f"{PATH}[1].variables.A": "Jenkinsfile:5:12",
        f"{PATH}[2].inputs.value": "Jenkinsfile:7:1",
    }
    assert {path: source.place(path) for path in places} == places


@pytest.mark.parametrize(
    ("first", "command"),
    [
        ("#!/bin/bash", "bash {0}"),
        ("#!/usr/bin/env python3", "python3 {0}"),
        ("#!/usr/bin/env -S bash -e", "bash -e {0}"),
        ("#!/opt/tools/ruby -w", "/opt/tools/ruby -w {0}"),
        (" #!/bin/bash", None),
        ("#!", None),
    ],
)
def test_the_first_line_names_the_interpreter(first: str, command: str | None) -> None:
    assert interpreter(f"{first}\nx\n") == command


WORDS = st.sampled_from(
    [
        "sh 'x'",
        "foo 'y'",
        "def a = 1",
        "echo a",
        "env.B = 'c'",
        "if (a) { sh 'z' }",
        "if (params.P) { foo() }",
    ]
)


@given(st.lists(WORDS, min_size=1, max_size=8))
def test_what_is_kept_is_kept_again(statements: list[str]) -> None:
    """An opaque step's text, as the only statement of a stage, is that step again."""
    groovy = "script {\n" + "\n".join(statements) + "\n}"
    for one in steps(groovy):
        if one["action"] == "opaque":
            (again,) = steps(one["inputs"]["value"])
            assert again["inputs"]["value"] == one["inputs"]["value"]


@given(st.text(max_size=30))
def test_any_text_of_a_script_is_kept(text: str) -> None:
    from pipemgr.model.templates import untemplate
    from pipemgr_jenkins.groovy.quoting import quoted

    (one,) = steps(f"sh {quoted(text)}")
    assert one["inputs"]["script"] == untemplate((text,))


@pytest.mark.parametrize(
    ("groovy", "word"),
    [
        ("build job: 'next', wait: false", "trigger upstream"),
        ("input 'Really?'", "approval"),
        ("copyArtifacts projectName: 'lib'", "artifacts"),
        ("waitForQualityGate abortPipeline: true", "sonar.qualitygate.wait"),
        ("load 'steps.groovy'", "before converting it"),
        ("library 'team@1'", "overlay"),
    ],
)
def test_what_nothing_neutral_says_has_a_remedy(groovy: str, word: str) -> None:
    (one,) = steps(groovy)
    assert one["action"] == "opaque"
    assert one["inputs"]["value"] == groovy
    assert "steps" not in one["inputs"]
    assert one["inputs"]["note"]
    assert word in one["inputs"]["remedy"]


def test_several_scripts_are_tried_again_together() -> None:
    (found,), told = others("retry(3) { sh 'a'\nsh 'b' }")
    assert told == ""
    assert found["variables"] == {"SCRIPT_1": "a", "SCRIPT_2": "b"}
    assert '-c "$SCRIPT_1" && sh -xe -c "$SCRIPT_2" && exit 0' in found["inputs"]["script"]
    (first, _), told = others("retry(3) { sh 'a'\njunit 'r.xml' }")
    assert first["inputs"] == {"script": "a"}
    assert "tried again" in told


# Ends ------------------------------------------------------------------------------------------------------


def test_what_follows_a_return_is_for_the_other_case() -> None:
    found = steps("script {\n if (params.X == 'n') { echo 'no'; return }\n sh 'y'\n sh 'z'\n}")
    assert [(one["action"], one["when"]) for one in found] == [
        ("print", "parameters.X == 'n'"),
        ("run", "parameters.X != 'n'"),
        ("run", "parameters.X != 'n'"),
    ]


def test_ends_in_a_row_leave_out_all_that_follows() -> None:
    found = steps("script {\n if (params.X == 'n') return\n if (params.Y == 'n') return\n sh 'y'\n}")
    assert [one["when"] for one in found] == ["parameters.X != 'n' && parameters.Y != 'n'"]


@pytest.mark.parametrize(
    "groovy",
    [
        "if (fileExists('a')) return\nsh 'y'",
        "try {\n    sh 'a'\n    return\n} catch (error) {\n    echo 'b'\n}\nsh 'y'",
        "if (params.X) {\n    if (params.Y) {\n        return\n    }\n    sh 'x'\n}\nsh 'y'",
        "for (i in [1]) {\n    return\n}\nsh 'y'",
    ],
)
def test_groovy_that_may_end_early_is_never_taken_apart(groovy: str) -> None:
    found = steps(f"script {{\n{textwrap.indent(groovy, '    ')}\n}}")
    assert [one["action"] for one in found] == ["opaque"]
    assert found[0]["inputs"]["value"] == f"script {{\n{textwrap.indent(groovy, '    ')}\n}}"


def test_the_return_of_an_inner_block_ends_that_one_only() -> None:
    found = steps("script {\n dir('a') {\n  if (params.X == 'n') return\n  sh 'x'\n }\n sh 'y'\n}")
    assert [one.get("when") for one in found] == ["parameters.X != 'n'", None]
