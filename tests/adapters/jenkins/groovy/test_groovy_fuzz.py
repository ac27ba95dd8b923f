"""Whatever the text: a tree or an error with a place, soon, and nothing of the text lost."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.errors import ParseError
from pipemgr_jenkins.groovy import syntax
from pipemgr_jenkins.groovy.parser import HEIGHT, parse

OWN = (
    """#!groovy
@Library('shared@1.0') _
def name = "app-${env.BUILD_ID}"
pipeline {
    agent { docker { image 'node:22'; args '-v /tmp:/tmp' } }
    options { timeout(time: 1, unit: 'HOURS'); timestamps() }
    stages {
        stage('Build') {
            when { anyOf { branch 'main'; expression { return params.FORCE == true } } }
            steps { sh '''make -j4
                make "check"'''
                sh "echo ${name.replaceAll(/[^a-z]/, '-')} $HOME" }
        }
    }
    post { always { junit testResults: '**/*.xml', allowEmptyResults: true } }
}
""",
    """node('linux && x86') {
    try {
        stage 'Checkout'
        checkout([$class: 'GitSCM', branches: [[name: '*/main']], extensions: [], userRemoteConfigs: scm.userRemoteConfigs])
        def jobs = [:]
        for (int i = 0; i < 3; i++) { def n = i; jobs["part ${n}"] = { -> sh $/run --part $n "$(pwd)"/$ } }
        parallel jobs + [failFast: true]
    } catch (e) { currentBuild.result = 'FAILURE'; throw e }
    finally { deleteDir() }
}
def run(Map<String, List<String>> all = [:], boolean quick = false) { return all?.values()*.size().sum() ?: 0 }
""",
)
TROUBLE = [
    *"(){}[]'\"/$\\;:,.?!=<>&|@*-+~^%#\n\r\t ",
    "'''", '"""', "${", "$/", "/$", "/*", "*/", "//", "->", "\\u", "if (", "else", "try {", "def ", "@A", "new ", "as ",
    "switch", "class X", "a ? b :", "x = ", "\0", "\ufeff", "\U0001f600", "\ud800", "((((", "[[[[", "{{{{", "!!!!", "a.b.c",
]  # fmt: skip


def checked(text: str) -> None:
    """Parse it; all parts lie within theirs, and the code that is left out of statements is none."""
    try:
        script = parse(text, "Jenkinsfile")
    except ParseError as error:
        assert re.fullmatch(r"Jenkinsfile:\d+:\d+", error.where or "")  # noqa: PT017
        return
    for part in script.walk():
        assert 0 <= part.start <= part.end <= len(text)
        for child in part.children():
            assert part.start <= child.start <= child.end <= part.end
    covered = set()
    for one in script.statements:
        covered.update(range(one.start, one.end))
    rest = "".join(" " if at in covered else char for at, char in enumerate(text))
    bare = re.sub(r"\A\ufeff?#![^\r\n]*|/\*.*?\*/|//[^\r\n]*|\\\r?\n|\ufeff", " ", rest, flags=re.DOTALL)
    assert not bare.strip().strip(";").replace(";", "").strip(), bare


def mutated(draw: st.DrawFn, text: str) -> str:
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 60))
        piece = text[at : at + length]
        match draw(st.sampled_from(["cut", "insert", "double", "swap", "nest"])):
            case "cut":
                text = text[:at] + text[at + length :]
            case "insert":
                text = text[:at] + draw(st.sampled_from(TROUBLE)) + text[at:]
            case "double":
                text = text[:at] + piece * draw(st.integers(1, 3)) + text[at:]
            case "swap":
                text = text[:at] + text[at + length :] + piece
            case "nest":
                inside, deep = draw(st.sampled_from(["()", "[]", "{}"])), draw(st.integers(1, 40))
                text = text[:at] + inside[0] * deep + piece + inside[1] * deep + text[at + length :]
    return text


@st.composite
def mutants(draw: st.DrawFn) -> str:
    return mutated(draw, draw(st.sampled_from(OWN)))


@given(mutants())
def test_mutated_scripts_end_in_a_tree_or_an_error(text: str) -> None:
    checked(text)


@given(st.lists(st.sampled_from(TROUBLE) | st.text(max_size=3)).map("".join))
def test_any_text_ends_in_a_tree_or_an_error(text: str) -> None:
    checked(text)


@pytest.mark.corpus
@given(st.data())
def test_mutated_real_files_end_in_a_tree_or_an_error(corpus: Path, data: st.DataObject) -> None:
    files = sorted((corpus / "definitions" / "jenkinsfile").iterdir())
    text = data.draw(st.sampled_from(files)).read_bytes().decode()
    start = data.draw(st.integers(0, max(0, len(text) - 4000)))
    checked(mutated(data.draw, text[start : start + 4000]))


HOSTILE = {
    "parentheses": ("(", "a", ")"),
    "lists": ("[", "a", "]"),
    "maps": ("[a:", "a", "]"),
    "closures": ("{", "a", "}"),
    "calls": ("a('x') {", "b", "}"),
    "arguments": ("a(", "b", ")"),
    "strings": ('"${', "a", '}"'),
    "ifs": ("if (a) ", "b", ""),
    "elses": ("if (a) { } else ", "b()", ""),
    "tries": ("try {", "a", "} finally { }"),
    "loops": ("for (a in b) {", "c", "}"),
    "methods": ("def a() {", "b", "}"),
    "nots": ("!", "a", ""),
    "casts": ("(A)", "a", ""),
    "choices": ("a ? b : ", "c", ""),
    "assignments": ("a = ", "b", ""),
    "labels": ("a: ", "b", ""),
    "indexes": ("a[", "b", "]"),
    "members": ("", "a", ".b"),
    "calls in a row": ("", "a", "()"),
    "sums": ("a + ", "b", ""),
    "powers": ("a ** ", "b", ""),
    "casts by as": ("", "a", " as B"),
    "chains": ("a b ", "c", ""),
    "generics": ("A<", "b", ">"),
    "annotations": ("@A ", "def x", ""),
    "classes": ("class A {", "def a", "}"),
    "switches": ("switch (a) {", "", "}"),
    "news": ("new A(", "b", ")"),
    "arrows": ("{ a -> ", "b", "}"),
    "closure parameters": ("{ a = ", "b", "-> }"),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("times", [20, 45, 95, 1000, 10_000])
def test_nesting_ends_in_a_tree_that_is_low_or_in_an_error(kind: str, times: int) -> None:
    """On an ordinary stack: what calls the parser has its share of it too."""
    before, inside, after = HOSTILE[kind]
    text = before * times + inside + after * times
    begun, limit = time.process_time(), sys.getrecursionlimit()
    try:
        script = parse(text, "Jenkinsfile")
    except ParseError as error:
        assert times > 20, error  # noqa: PT017
        assert "too deeply" in error.message  # noqa: PT017
    else:
        assert height(script) <= HEIGHT + 1
    assert time.process_time() - begun < 5
    assert limit == sys.getrecursionlimit() == 1000


def height(script: syntax.Script) -> int:
    highest, todo = 0, [(script, 0)]
    while todo:
        part, level = todo.pop()
        highest = max(highest, level)
        todo.extend((one, level + 1) for one in part.children())
    return highest


@pytest.mark.parametrize(
    "piece",
    [
        "a ", "a b\n", "'x' ", "a.b ", "{ a\n", "{}\n", "\n", ";", "/* */", "a < ", "A<A", "(A) ", "@A\n", "\\\n", "$a ",
        "a, ", "[a, ", "a ?: ", "a =\n", "if (a)\n", "a: ", '"$a" ', '"${a}" + ', "x -> ", "{ a, ", "a(\n", "é", "1.",
        "def a\n", "def ", "a {}\n.b\n", "case ", "\t", "a\n{", "?", "-",
    ],
)  # fmt: skip
def test_time_grows_with_the_text_and_no_faster(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    begun = time.process_time()
    with contextlib.suppress(ParseError):
        parse(text, "Jenkinsfile")
    assert time.process_time() - begun < 6  # a fifth of that on an idle machine; quadratic work takes minutes
