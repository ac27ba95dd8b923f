"""A Jenkinsfile as nodes: sections, stages, statements and values, in every form, with their places."""

import contextlib
from typing import Any

import pytest

from pipemgr.errors import ParseError
from pipemgr.translate.document import Document
from pipemgr_jenkins.groovy.syntax import Call, Catch, Closure, Constant, Text
from pipemgr_jenkins.jenkinsfile.nodes import MAX_DEPTH
from pipemgr_jenkins.jenkinsfile.tree import Jenkinsfile, grow


def tree(text: str) -> Jenkinsfile:
    return grow(Document(path="Jenkinsfile", text=text))


def data(text: str) -> Any:
    return tree(text).root.plain()


def pipeline(sections: str) -> Any:
    return data(f"pipeline {{\n{sections}\n}}")["pipeline"]


def steps(text: str) -> Any:
    return pipeline(f"stages {{ stage('s') {{ steps {{\n{text}\n}} }} }}")["stages"][0]["steps"]


@pytest.mark.parametrize(
    ("step", "arguments"),
    [
        ("sh 'x'", ["x"]),
        ("sh('x')", ["x"]),
        ("sh(script: 'x')", {"script": "x"}),
        ("sh script: 'x', returnStdout: true", {"script": "x", "returnStdout": True}),
        ("sh([script: 'x'])", {"script": "x"}),
        ('sh "a ${b}"', ['"a ${b}"']),
        ("sh '''a\nb'''", ["a\nb"]),
        ("sh $/a 'b'/$", ["a 'b'"]),
        ("retry 3", [3]),
        ("emailext to: 'a', 'b'", [{"to": "a"}, "b"]),
        ("build 'a', [b: 1]", ["a", {"b": 1}]),
        (
            "checkout([$class: 'GitSCM', branches: [[name: '*/x']]])",
            [{"$class": "GitSCM", "branches": [{"name": "*/x"}]}],
        ),
        ("checkout scmGit(branches: [])", ["scmGit(branches: [])"]),
        ("step([$class: 'A', b: c])", [{"$class": "A", "b": "c"}]),
        ("withEnv(['A=b', \"C=${d}\"])", [["A=b", '"C=${d}"']]),
    ],
)
def test_arguments_of_every_form(step: str, arguments: Any) -> None:
    assert steps(step)[0]["arguments"] == arguments


def test_steps_without_arguments_and_with_blocks() -> None:
    assert steps("deleteDir()") == [{"name": "deleteDir"}]
    assert steps("timeout(time: 5) { retry(2) { echo 'a' } }") == [
        {
            "name": "timeout",
            "arguments": {"time": 5},
            "block": [{"name": "retry", "arguments": [2], "block": [{"name": "echo", "arguments": ["a"]}]}],
        }
    ]


def test_closures_among_arguments_are_statements_too() -> None:
    assert steps("parallel(a: { sh 'a' }, 'b c': { sh 'b' }, failFast: true)")[0]["arguments"] == {
        "a": {"block": [{"name": "sh", "arguments": ["a"]}]},
        "b c": {"block": [{"name": "sh", "arguments": ["b"]}]},
        "failFast": True,
    }


def test_groovy_in_script_is_verbatim_where_it_is_no_step() -> None:
    found = steps(
        "script {\n"
        "  def x = sh(script: 'y')\n"
        "  if (x) { echo 'a' } else if (y) { echo 'b' } else { echo 'c' }\n"
        "  try { echo 'd' } catch (A | B e) { throw e } finally { echo 'f' }\n"
        "  docker.image('i').inside('-u 0') { sh 'g' }\n"
        "  for (z in x) { sh z }\n"
        "}"
    )[0]["block"]
    assert found == [
        {"code": "def x = sh(script: 'y')"},
        {
            "if": "x",
            "then": [{"name": "echo", "arguments": ["a"]}],
            "else": [
                {
                    "if": "y",
                    "then": [{"name": "echo", "arguments": ["b"]}],
                    "else": [{"name": "echo", "arguments": ["c"]}],
                }
            ],
        },
        {
            "try": [{"name": "echo", "arguments": ["d"]}],
            "catch": [[{"code": "throw e"}]],
            "finally": [{"name": "echo", "arguments": ["f"]}],
        },
        {
            "code": "docker.image('i').inside('-u 0') { sh 'g' }",
            "block": [{"name": "sh", "arguments": ["g"]}],
        },
        {"code": "for (z in x) { sh z }"},
    ]


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("agent any", {"kind": "any"}),
        ("agent none", {"kind": "none"}),
        ("agent { label 'a && b' }", {"kind": "label", "value": "a && b"}),
        ('agent { label "${x}" }', {"kind": "label", "value": '"${x}"'}),
        ("agent { label { label 'a'; retries 2 } }", {"kind": "node", "label": "a", "retries": 2}),
        (
            "agent { node { label 'a'; customWorkspace 'b' } }",
            {"kind": "node", "label": "a", "customWorkspace": "b"},
        ),
        ("agent { docker 'img' }", {"kind": "docker", "value": "img"}),
        (
            "agent { docker { image 'img'; reuseNode true } }",
            {"kind": "docker", "image": "img", "reuseNode": True},
        ),
        ("agent { docker image: 'img', args: '-v' }", {"kind": "docker", "image": "img", "args": "-v"}),
        ("agent { dockerfile true }", {"kind": "dockerfile", "value": True}),
        (
            "agent { kubernetes { yaml 'a: 1'; inner { b 2 } } }",
            {"kind": "kubernetes", "yaml": "a: 1", "inner": {"b": 2}},
        ),
    ],
)
def test_agents(agent: str, expected: Any) -> None:
    assert pipeline(agent)["agent"] == expected


def test_sections_of_a_pipeline() -> None:
    found = pipeline(
        """
        libraries { lib('a@1') }
        environment { A = 'x'; B = credentials('c'); D = "${A}-1"; E = 'a' + 'b' }
        options { timeout(time: 1, unit: 'HOURS'); buildDiscarder(logRotator(numToKeepStr: '5')) }
        parameters { string(name: 'P', defaultValue: 'q'); choice(name: 'C', choices: ['a', 'b']) }
        triggers { cron('H 4 * * *') }
        tools { jdk '17'; maven 'M' }
        post { always { junit '*.xml' } }
        """
    )
    assert found == {
        "libraries": ["a@1"],
        "environment": {"A": "x", "B": "credentials('c')", "D": '"${A}-1"', "E": "'a' + 'b'"},
        "options": [
            {"name": "timeout", "arguments": {"time": 1, "unit": "HOURS"}},
            {"name": "buildDiscarder", "arguments": ["logRotator(numToKeepStr: '5')"]},
        ],
        "parameters": [
            {"name": "string", "arguments": {"name": "P", "defaultValue": "q"}},
            {"name": "choice", "arguments": {"name": "C", "choices": ["a", "b"]}},
        ],
        "triggers": [{"name": "cron", "arguments": ["H 4 * * *"]}],
        "tools": {"jdk": "17", "maven": "M"},
        "post": {"always": [{"name": "junit", "arguments": ["*.xml"]}]},
    }


def test_stages_with_all_that_they_may_have() -> None:
    found = pipeline(
        """
        stages {
          stage('a') {
            agent any
            when {
              beforeAgent true
              anyOf { branch 'main'; not { changeRequest target: 'x' }; expression { return env.A == 'b' } }
              tag()
            }
            input { message 'Go?'; parameters { string(name: 'P') } }
            failFast true
            parallel {
              stage('b') { steps { echo 'b' } }
              stage('c') { stages { stage('d') { steps { echo 'd' } } } }
            }
          }
        }
        """
    )["stages"][0]
    assert found == {
        "name": "a",
        "agent": {"kind": "any"},
        "when": {
            "beforeAgent": True,
            "conditions": [
                {
                    "name": "anyOf",
                    "conditions": [
                        {"name": "branch", "arguments": ["main"]},
                        {
                            "name": "not",
                            "conditions": [{"name": "changeRequest", "arguments": {"target": "x"}}],
                        },
                        {"name": "expression", "code": "return env.A == 'b'"},
                    ],
                },
                {"name": "tag"},
            ],
        },
        "input": {"message": "Go?", "parameters": [{"name": "string", "arguments": {"name": "P"}}]},
        "failFast": True,
        "parallel": [
            {"name": "b", "steps": [{"name": "echo", "arguments": ["b"]}]},
            {"name": "c", "stages": [{"name": "d", "steps": [{"name": "echo", "arguments": ["d"]}]}]},
        ],
    }


def test_matrices() -> None:
    found = pipeline(
        """
        stages { stage('m') { matrix {
          axes { axis { name 'OS'; values 'linux', 'mac' } }
          excludes { exclude { axis { name 'OS'; notValues 'linux' } } }
          agent { label "${OS}" }
          stages { stage('t') { steps { echo OS } } }
        } } }
        """
    )["stages"][0]["matrix"]
    assert found == {
        "axes": [{"name": "OS", "values": ["linux", "mac"]}],
        "excludes": [[{"name": "OS", "notValues": ["linux"]}]],
        "agent": {"kind": "label", "value": '"${OS}"'},
        "stages": [{"name": "t", "steps": [{"name": "echo", "arguments": ["OS"]}]}],
    }


def test_code_around_a_pipeline_is_kept() -> None:
    text = "#!/usr/bin/env groovy\n@Library('a') _\nimport a.B\ndef v = 1\npipeline { agent any }\ndef f() { 1 }\n"
    found = data(text)
    assert found == {
        "before": ["@Library('a') _", "import a.B", "def v = 1"],
        "pipeline": {"agent": {"kind": "any"}},
        "after": ["def f() { 1 }"],
    }


def test_the_pipeline_of_a_library_is_found_and_can_be_put_together_again() -> None:
    text = "def call(Map c) {\n  def x = c.x\n  pipeline { agent any }\n  echo 'bye'\n}\ndef other() { }\n"
    found = data(text)
    assert found["pipeline"] == {"agent": {"kind": "any"}}
    assert found["before"] == ["def call(Map c) {", "def x = c.x"]
    assert found["after"] == ["echo 'bye'", "}", "def other() { }"]


def test_the_only_pipeline_of_a_library_is_found_in_a_condition_too() -> None:
    found = data("def call(x) {\n  if (x) {\n    pipeline { agent any }\n  }\n}")
    assert found["pipeline"] == {"agent": {"kind": "any"}}
    assert found["before"] == ["def call(x) {\n  if (x) {"]
    assert found["after"] == ["}\n}"]


def test_of_several_pipelines_in_a_library_none_is_chosen() -> None:
    found = tree(
        "def call(x) {\n  if (x) { pipeline { agent any } } else { pipeline { agent none } }\n}"
    ).root
    assert set(found.plain()) == {"script"}
    ((where, message),) = found.origin.problems
    assert where == "Jenkinsfile:2:44"
    assert "file of its own" in message


def test_scripts_are_statements() -> None:
    assert data("node('a') {\n  stage('b') { sh 'c' }\n}\nbuildPlugin(useAgent: true)") == {
        "script": [
            {
                "name": "node",
                "arguments": ["a"],
                "block": [
                    {"name": "stage", "arguments": ["b"], "block": [{"name": "sh", "arguments": ["c"]}]}
                ],
            },
            {"name": "buildPlugin", "arguments": {"useAgent": True}},
        ]
    }
    assert data("") == {"script": []}


def test_a_pipeline_in_a_string_or_without_a_block_makes_no_declarative_file() -> None:
    assert set(data("def s = 'pipeline { agent any }'\npipeline 'x'")) == {"script"}


def test_places_and_syntax() -> None:
    found = tree(
        "pipeline {\n  agent any\n  stages {\n    stage('a') {\n      steps { sh script: \"x ${y}\" }\n} } }"
    )
    by_path = {node.path: node for node in found.root.origin.nodes}
    script = by_path["pipeline.stages[0].steps[0].arguments.script"]
    assert (script.where, script.start) == ("Jenkinsfile:5:18", (5, 26))
    assert isinstance(found.syntax(script), Text)
    assert by_path["pipeline.stages[0]"].where == "Jenkinsfile:4:5"
    assert by_path["pipeline.stages[0].steps[0]"].where == "Jenkinsfile:5:15"
    assert isinstance(found.syntax(by_path["pipeline.stages[0].steps[0]"]), Call)
    assert isinstance(found.syntax(by_path["pipeline.stages[0].name"]), Constant)
    assert isinstance(found.syntax(by_path["pipeline.stages[0].steps"]), Closure)
    assert found.text(by_path["pipeline.stages[0].steps[0]"]) == 'sh script: "x ${y}"'
    assert found.declarative


def test_a_catch_knows_what_it_catches() -> None:
    found = tree("try { a() } catch (E e) { b() }")
    (catch,) = [node for node in found.root.origin.nodes if node.path == "script[0].catch[0]"]
    part = found.syntax(catch)
    assert isinstance(part, Catch)
    assert part.parameter == "E e"


def test_deep_nesting_stays_text() -> None:
    found = tree("if (x) { a() } else { " * 60 + "c()" + " }" * 60)
    nodes = found.root.origin.nodes
    assert max(node.path.count(".") + node.path.count("[") for node in nodes) <= MAX_DEPTH
    assert [node for node in nodes if isinstance(node.value, str) and "c()" in node.value]


@pytest.mark.parametrize("text", ["a { ", "[", "if (x) { ", "a(", "-"])
def test_nesting_without_end_is_refused_or_read_and_never_overflows(text: str) -> None:
    closing = {"a { ": "}", "[": "]", "if (x) { ": "}", "a(": ")", "-": ""}[text]
    with contextlib.suppress(ParseError):
        tree(text * 5000 + "x" + closing * 5000)


def test_stages_within_stages_without_end_are_refused() -> None:
    text = "pipeline { agent any\nstages { " + "stage('a') { stages { " * 60 + "} }" * 60 + "} }"
    with pytest.raises(ParseError) as caught:
        tree(text)
    assert caught.value.where


def test_what_is_too_large_is_refused() -> None:
    with pytest.raises(ParseError) as caught:
        tree(" " * 1_000_001)
    assert caught.value.where == "Jenkinsfile:1:1"
    with pytest.raises(ParseError, match="more than"):
        tree("a 1\n" * 70_000)
