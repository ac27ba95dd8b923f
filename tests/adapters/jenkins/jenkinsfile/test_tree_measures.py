"""The measures of the evidence tell apart what differs, and take for equal what Jenkins only writes otherwise."""

from pathlib import Path
from typing import Any

import pytest

from pipemgr.translate.document import Document
from pipemgr_jenkins.jenkinsfile.tree import grow
from tests.evidence.jenkins_calls import Ours, printed
from tests.evidence.jenkins_json import AsJenkins, differences
from tests.evidence.jenkins_syntax import refused, told

TEXT = """\
pipeline {
  agent { label 'x' }
  environment { A = 'a' + "b${c}"; B = credentials('d') }
  options { buildDiscarder(logRotator(numToKeepStr: '5')) }
  stages {
    stage('s') {
      when { beforeAgent true; not { branch 'm' }; expression { e } }
      steps { sh 'y'; dir('z') { echo "q ${r}" }; script { a()
        b() } }
    }
    stage('p') { steps { parallel(one: { echo '1' }, failFast: true) } }
  }
  post { always { deleteDir() } }
}
"""


def literal(value: Any) -> dict[str, Any]:
    return {"isLiteral": True, "value": value}


def groovy(value: str) -> dict[str, Any]:
    return {"isLiteral": False, "value": value}


EXPECTED = {
    "pipeline": {
        "agent": {"type": "label", "argument": literal("x")},
        "environment": [
            {"key": "A", "value": groovy('"ab${c}"')},
            {"key": "B", "value": {"name": "credentials", "arguments": [literal("d")]}},
        ],
        "options": {
            "options": [
                {
                    "name": "buildDiscarder",
                    "arguments": [
                        {"name": "logRotator", "arguments": [{"key": "numToKeepStr", "value": literal("5")}]}
                    ],
                }
            ]
        },
        "stages": [
            {
                "name": "s",
                "when": {
                    "beforeAgent": True,
                    "conditions": [
                        {"name": "not", "children": [{"name": "branch", "arguments": literal("m")}]},
                        {"name": "expression", "arguments": [{"key": "scriptBlock", "value": literal("e")}]},
                    ],
                },
                "branches": [
                    {
                        "name": "default",
                        "steps": [
                            {"name": "sh", "arguments": [{"key": "script", "value": literal("y")}]},
                            {
                                "name": "dir",
                                "arguments": literal("z"),
                                "children": [
                                    {
                                        "name": "echo",
                                        "arguments": [{"key": "message", "value": groovy('"q ${r}"')}],
                                    }
                                ],
                            },
                            {
                                "name": "script",
                                "arguments": [{"key": "scriptBlock", "value": literal("a()\n b()")}],
                            },
                        ],
                    }
                ],
            },
            {
                "name": "p",
                "failFast": True,
                "branches": [{"name": "one", "steps": [{"name": "echo", "arguments": literal("1")}]}],
            },
        ],
        "post": {
            "conditions": [
                {
                    "condition": "always",
                    "branch": {"name": "default", "steps": [{"name": "deleteDir", "arguments": []}]},
                }
            ]
        },
    }
}


def unlike(text: str) -> list[str]:
    return differences(AsJenkins(grow(Document(path="Jenkinsfile", text=text))).document(), EXPECTED)


def test_the_same_tree_is_equal() -> None:
    assert unlike(TEXT) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sh 'y'", "sh y"),
        ("sh 'y'", "sh 'Y'"),
        ("sh 'y'", "bat 'y'"),
        ("sh 'y'; ", ""),
        ("'5'", "5"),
        ("stage('s')", "stage('S')"),
        ("beforeAgent true; ", ""),
        ("not {", "allOf {"),
        ("label 'x'", "label 'X'"),
        ("credentials('d')", "credentials('D')"),
        ("b${c}", "B${c}"),
        ("always", "success"),
        ("failFast: true", "failFast: false"),
        ("a()\n", "c()\n"),
    ],
)
def test_what_differs_is_told(old: str, new: str) -> None:
    assert old in TEXT
    assert unlike(TEXT.replace(old, new, 1)) != []


CALLS = """\
   Jenkinsfile.run()
      Jenkinsfile.pipeline(groovy.lang.Closure)
         Jenkinsfile.echo(Executing on agent [label:none])
         Jenkinsfile.stage(a, groovy.lang.Closure)
            Jenkinsfile.script(groovy.lang.Closure)
               Jenkinsfile.publish({to=x
y})
                  publish.sh(inside of the library)
                     Jenkinsfile.echo(called back)
            Jenkinsfile.sh(x)
"""


def test_calls_of_a_library_are_not_those_of_the_file() -> None:
    seen = printed(CALLS)
    assert seen.stages == {("a",): 1}
    assert seen.calls == {("a",): {"script", "publish", "sh"}}


def test_our_side_of_the_calls(tmp_path: Path) -> None:
    file = tmp_path / "Jenkinsfile"
    file.write_text(
        "def x = library('l')\npipeline { agent any\nstages { stage('g') { parallel {\n"
        "stage('a') { steps { sh 'x'\nscript { y = publish(f(1)) } } } } } }\npost { always { z() } } }"
    )
    seen = Ours(file).seen
    assert set(seen.stages) == {("a",)}
    assert seen.calls[("a",)] == {"sh", "script", "publish", "f"}
    assert {"library", "z"} <= seen.calls[()]


def test_refusals_and_what_is_told(tmp_path: Path) -> None:
    file = tmp_path / "Jenkinsfile"
    file.write_text("pipeline { agent any\n")
    assert refused(file)
    file.write_text("System.exit(0)")
    assert not refused(file)
    assert told(file) == (("Jenkinsfile:1:1", "System.exit"),)
