"""`when` becomes one condition of the model, and conditions become `when` in its own words."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.adapter import Node
from pipemgr.errors import ParseError
from pipemgr.model.expressions import Binary, Call, Expression, Literal, Not, Opaque, chained, parse
from pipemgr.translate.document import Document
from pipemgr.translate.report import Fidelity
from pipemgr_jenkins.jenkinsfile.condition_writer import when
from pipemgr_jenkins.jenkinsfile.globs import glob_of, regex_of
from pipemgr_jenkins.jenkinsfile.phrases import conditions
from pipemgr_jenkins.jenkinsfile.scope import Scope
from pipemgr_jenkins.jenkinsfile.terms import Terms
from pipemgr_jenkins.jenkinsfile.tree import Jenkinsfile, grow

PARAMETERS = {"TEXT": "string", "FLAG": "boolean"}


def whens(node: Node) -> Iterator[Node]:
    for key, below in node.children.items() if isinstance(node.children, dict) else ():
        if key == "when":
            yield below
    children = node.children.values() if isinstance(node.children, dict) else node.children or ()
    for one in children:
        yield from whens(one)


def read(text: str) -> Expression:
    """The condition that the lines of a `when` block say, all of which are understood."""
    grown = grow(Document(path="Jenkinsfile", text=within(text)))
    assert not grown.root.origin.problems
    scope = Scope.of(grown).inner(parameters=PARAMETERS)
    (node,) = whens(grown.root)
    found = conditions(node, scope)
    unread = [
        one.path for one in grown.root.origin.nodes if not one.touched and ".when.conditions" in one.path
    ]
    assert not unread
    return found


def within(text: str) -> str:
    return (
        "pipeline {\n agent any\n stages { stage('s') {\n when {\n"
        + text
        + "\n }\n steps { echo 'x' }\n } }\n}\n"
    )


def written(ours: str | Expression) -> list[str]:
    return when(parse(ours) if isinstance(ours, str) else ours, Terms())


BOTH = [
    ("branch 'main'", "branch == 'main'"),
    ("branch 'release/*'", "matches(branch, 'release/[^/]+')"),
    ("branch 'release-*'", "matches(branch, 'release-[^/]*')"),
    ("branch '**/fix'", "matches(branch, '(?:.+/)?fix')"),
    ("branch 'a/**'", "matches(branch, 'a(?:/.+)?')"),
    ("branch pattern: 'release-\\\\d+', comparator: 'REGEXP'", "matches(branch, 'release-\\d+')"),
    ("branch pattern: 'release/.*', comparator: 'REGEXP'", "starts_with(branch, 'release/')"),
    ("branch pattern: 'a*', comparator: 'EQUALS'", "branch == 'a*'"),
    ("buildingTag()", "tag != ''"),
    ("tag 'v1'", "tag == 'v1'"),
    ("tag 'v*'", "matches(tag, 'v[^/]*')"),
    ("changeRequest()", "pull_request.number != ''"),
    ("changeRequest target: 'main'", "pull_request.number != '' && pull_request.target == 'main'"),
    (
        "changeRequest target: 'main', branch: 'x'",
        "pull_request.number != '' && pull_request.target == 'main' && pull_request.source == 'x'",
    ),
    (
        "changeRequest title: 'a.+b', comparator: 'REGEXP'",
        "pull_request.number != '' && matches(pull_request.title, 'a.+b')",
    ),
    (
        "changeRequest authorEmail: 'x@acme.example'",
        "pull_request.number != '' && variables.CHANGE_AUTHOR_EMAIL == 'x@acme.example'",
    ),
    (
        "anyOf {\n    branch 'x'\n    triggeredBy 'BranchEventCause'\n}",
        "branch == 'x' || 'push' == trigger || 'pull_request' == trigger",
    ),
    ("environment name: 'A', value: 'x'", "variables.A == 'x'"),
    ("environment name: 'A', value: 'x', ignoreCase: true", "'x' == variables.A"),
    ("environment name: 'A', value: \"x-${env.B}\"", "variables.A == format('x-{0}', variables.B)"),
    ("triggeredBy 'TimerTrigger'", "trigger == 'schedule'"),
    ("triggeredBy 'UpstreamCause'", "trigger == 'upstream'"),
    ("triggeredBy 'UserIdCause'", "trigger == 'manual'"),
    ("triggeredBy cause: 'UserIdCause', detail: 'ann'", "trigger == 'manual' && build.actor == 'ann'"),
    ("isRestartedRun()", "build.attempt > 1"),
    ("expression { params.FLAG }", "parameters.FLAG"),
    (
        "expression { params.TEXT == 'x' }\nexpression { !params.FLAG }",
        "parameters.TEXT == 'x' && !parameters.FLAG",
    ),
    ("triggeredBy 'SCMTrigger'", "'push' == trigger"),
    ("triggeredBy 'BranchEventCause'", "'push' == trigger || 'pull_request' == trigger"),
    ("expression { currentBuild.number == 2 }", "build.number == 2"),
    ("not { branch 'main' }", "branch != 'main'"),
    ("not { buildingTag() }", "tag == ''"),
    ("branch 'main'\nexpression { params.FLAG }", "branch == 'main' && parameters.FLAG"),
    ("anyOf {\n    branch 'main'\n    buildingTag()\n}", "branch == 'main' || tag != ''"),
    (
        "anyOf {\n    allOf {\n        branch 'main'\n        changeRequest()\n    }\n    expression { params.FLAG }\n}",
        "branch == 'main' && pull_request.number != '' || parameters.FLAG",
    ),
    (
        "not {\n    anyOf {\n        branch 'a'\n        branch 'b'\n    }\n}",
        "!(branch == 'a' || branch == 'b')",
    ),
    ("changeset '**/*.js'", "opaque('jenkins', 'when changeset ''**/*.js''')"),
    ("not { changelog '.*skip.*' }", "!opaque('jenkins', 'when changelog ''.*skip.*''')"),
    ("triggeredBy 'ReplayCause'", "opaque('jenkins', 'when triggeredBy ''ReplayCause''')"),
]


@pytest.mark.parametrize(("text", "ours"), BOTH, ids=[text for text, _ in BOTH])
def test_conditions_both_ways(text: str, ours: str) -> None:
    assert str(read(text)) == ours
    assert "\n".join(written(ours)) == text


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("tag ''", "tag != ''"),
        ("tag pattern: '**'", "tag != ''"),
        ('branch pattern: "main", comparator: "GLOB"', "branch == 'main'"),
        ("branch pattern: 'x', comparator: 'regexp'", "branch == 'x'"),
        ("branch pattern: 'main|dev', comparator: 'REGEXP'", "matches(branch, 'main|dev')"),
        ("tag pattern: env.A, comparator: 'EQUALS'", "tag == variables.A"),
        ("changeRequest id: '7'", "pull_request.number != '' && pull_request.number == '7'"),
        (
            "changeRequest branch: 'a/*', comparator: 'GLOB'",
            "pull_request.number != '' && matches(pull_request.source, 'a/[^/]+')",
        ),
        ("environment name: 'BRANCH_NAME', value: 'main'", "branch == 'main'"),
        ("environment name: 'FLAG', value: 'x', ignoreCase: false", "parameters.FLAG == 'x'"),
        ("equals expected: 'x', actual: params.TEXT", "parameters.TEXT == 'x'"),
        ("equals actual: 'x', expected: params.TEXT", "parameters.TEXT == 'x'"),
        ("equals expected: 2, actual: currentBuild.number", "build.number == 2"),
        ("triggeredBy 'hudson.triggers.SCMTrigger$SCMTriggerCause'", "'push' == trigger"),
        ("triggeredBy cause: 'timer'", "trigger == 'schedule'"),
        (
            "expression { currentBuild.getBuildCauses('hudson.model.Cause$UserIdCause') }",
            "trigger == 'manual'",
        ),
        ("expression { currentBuild.getBuildCauses('UserIdCause').isEmpty() }", "trigger != 'manual'"),
        ("triggeredBy 'hudson.model.Cause$UserIdCause'", "trigger == 'manual'"),
        ("expression { return env.A }", "variables.A != ''"),
        ("allOf { branch 'main'; branch 'main' }", "branch == 'main'"),
        ("not { not { branch 'main' } }", "branch == 'main'"),
        ("beforeAgent true\nbranch 'main'", "branch == 'main'"),
    ],
)
def test_other_words_for_the_same(text: str, ours: str) -> None:
    assert str(read(text)) == ours
    assert read("\n".join(written(ours))) == parse(ours)


def test_success_so_far_is_no_success_of_all_stages_before() -> None:
    assert str(read("expression { currentBuild.result == null }")) == "!failure() && !canceled()"


def test_code_of_several_statements_stays_as_it_is_with_its_strings() -> None:
    code = "expression {\n    def x = '''\n  a\n'''\n    return x\n}"
    assert str(read(f"  {code}")).startswith("opaque('jenkins', '{\n    def x = ''''''\n  a\n")
    lines = written(read(code))
    assert lines == [code]
    assert written(Not(read(code)))[0].startswith("not {")
    assert read("\n".join(written(Not(read(code))))) == Not(read(code))


def test_a_glob_that_only_a_build_knows_stays_as_it_is() -> None:
    assert read('branch "${env.A}*"') == Opaque("jenkins", 'when branch "${env.A}*"')


@pytest.mark.parametrize(
    ("ours", "lines"),
    [
        ("true", []),
        ("always() && branch == 'main'", ["branch 'main'"]),
        ("ref == 'refs/heads/main' && trigger == 'push'", None),
        ("trigger == 'pull_request'", ["changeRequest()"]),
        ("trigger != 'pull_request'", ["not { changeRequest() }"]),
        ("ref_type == 'tag'", ["buildingTag()"]),
        ("branch == repository.default_branch", ["environment name: 'BRANCH_IS_PRIMARY', value: 'true'"]),
        ("variables.A != ''", ["expression { env.A }"]),
        ("matrix.os == 'linux'", ["environment name: 'os', value: 'linux'"]),
        ("parameters.A == 'x' || parameters.B == 'y'", ["expression { params.A == 'x' || params.B == 'y' }"]),
        ("branch != 'a' && branch != 'b'", ["not { branch 'a' }", "not { branch 'b' }"]),
        ("ends_with(branch, '.x')", ["branch pattern: '.*\\\\.x', comparator: 'REGEXP'"]),
    ],
)
def test_conditions_of_others_are_written_in_jenkins_words(ours: str, lines: list[str] | None) -> None:
    found = written(ours)
    assert lines is None or found == lines
    assert written(read("\n".join(found))) == found if found else not lines


def test_a_push_is_what_nothing_else_started() -> None:
    lines = written("trigger == 'push'")
    assert lines == [
        "not {",
        "    anyOf {",
        "        changeRequest()",
        "        triggeredBy 'TimerTrigger'",
        "        triggeredBy 'UserIdCause'",
        "        triggeredBy 'UpstreamCause'",
        "    }",
        "}",
    ]
    assert str(read("\n".join(lines))) == "trigger == 'push'"
    assert written("trigger != 'push'") == [line.removeprefix("    ") for line in lines[1:-1]]


def test_what_no_condition_says_never_holds_and_is_told() -> None:
    told: list[tuple[Fidelity, str, str]] = []
    lines = when(
        parse("event.payload.a == 'b' && branch == 'main'"), Terms(lost=lambda *one: told.append(one))
    )
    assert lines == ["expression { false }"]
    assert [(fidelity, what) for fidelity, what, _ in told] == [(Fidelity.DROPPED, "event.payload.a")]


# Globs -------------------------------------------------------------------------------------------------

GLOBS = [
    ("main", ["main"], ["main2", "a/main"]),
    ("release-*", ["release-", "release-1"], ["release-1/x", "release"]),
    ("release/*", ["release/1"], ["release", "release/1/x"]),
    ("release/**", ["release/1", "release/1/x", "release"], ["release1"]),
    ("**/x", ["x", "a/x", "a/b/x"], ["ax"]),
    ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb"]),
    ("v?", ["v1"], ["v", "v12", "v/"]),
    ("*", ["a"], ["a/b"]),
    ("**", ["a", "a/b"], []),
    ("a.b", ["a.b"], ["axb"]),
    ("a+(b)", ["a+(b)"], ["aab"]),
    ("*-x/y*", ["1-x/y2"], ["1-x/y/2"]),
]


@pytest.mark.parametrize(("glob", "takes", "leaves"), GLOBS, ids=[glob for glob, _, _ in GLOBS])
def test_globs_take_the_names_that_ants_do(glob: str, takes: list[str], leaves: list[str]) -> None:
    pattern = re.compile(regex_of(glob))
    assert [name for name in takes if not pattern.fullmatch(name)] == []
    assert [name for name in leaves if pattern.fullmatch(name)] == []
    if glob != "**":
        assert glob_of(regex_of(glob)) == glob


@given(st.text("ab/*?.", max_size=12))
def test_a_glob_comes_back_from_its_regular_expression_with_the_same_meaning(glob: str) -> None:
    pattern = regex_of(glob)
    again = glob_of(pattern)
    assert again is None or regex_of(again) == pattern


@given(st.text(max_size=20))
def test_any_pattern_is_a_glob_or_none(pattern: str) -> None:
    glob = glob_of(pattern)
    assert glob is None or regex_of(glob) == pattern


# Any condition -----------------------------------------------------------------------------------------

SUBJECTS = st.sampled_from(
    ["branch", "tag", "pull_request.target", "variables.A", "matrix.os", "parameters.TEXT"]
).map(parse)
TEXTS = st.text(max_size=8).filter(lambda text: "\x00" not in text)


def atoms() -> st.SearchStrategy[Expression]:
    names = st.sampled_from(["starts_with", "ends_with", "contains"])
    return st.one_of(
        st.builds(Binary, st.sampled_from(["==", "!="]), SUBJECTS, TEXTS.map(Literal)),
        st.builds(lambda name, one, text: Call(name, (one, Literal(text))), names, SUBJECTS, TEXTS),
        st.sampled_from(
            [
                parse("pull_request.number != ''"),
                parse("trigger == 'schedule'"),
                parse("trigger != 'manual'"),
                parse("parameters.FLAG"),
                parse("build.attempt > 1"),
                parse("opaque('jenkins', 'when changeset ''x''')"),
                parse("opaque('jenkins', 'f(1)')"),
                parse("matches(branch, 'v\\d+')"),
            ]
        ),
    )


def any_condition() -> st.SearchStrategy[Expression]:
    return st.recursive(
        atoms(),
        lambda inner: st.one_of(
            inner.map(Not),
            st.builds(chained, st.sampled_from(["&&", "||"]), st.lists(inner, min_size=2, max_size=4)),
        ),
        max_leaves=10,
    )


@given(any_condition())
def test_any_condition_reads_again_as_what_is_then_written_the_same(node: Expression) -> None:
    lines = written(node)
    again = read("\n".join(lines)) if lines else Literal(value=True)
    assert written(again) == lines or read("\n".join(written(again))) == again


# Real files --------------------------------------------------------------------------------------------


def jenkinsfiles(corpus: Path) -> Iterator[Jenkinsfile]:
    folders = ("definitions/jenkinsfile", "pairs/pmd-groovy-json", "pairs/pmd-groovy-only")
    for file in (one for folder in folders for one in sorted((corpus / folder).rglob("*")) if one.is_file()):
        try:
            yield grow(Document(path=file.name, text=file.read_text(encoding="utf-8")))
        except (ParseError, UnicodeDecodeError):
            continue


@pytest.mark.corpus
def test_every_real_condition_reads_the_same_when_it_is_written_again(corpus: Path) -> None:
    count, opaque, differ = 0, 0, []
    for grown in jenkinsfiles(corpus):
        for node in whens(grown.root) if grown.declarative else ():
            once = conditions(node, Scope.of(grown).inner(parameters=PARAMETERS))
            count += 1
            opaque += any(isinstance(one, Opaque) for one in once.walk())
            lines = written(once)
            again: Any = read("\n".join(lines)) if lines else Literal(value=True)
            if str(again) != str(once) and written(again) != lines:
                differ.append((grown.root.origin.name, str(once), lines))
    assert differ == []
    assert count > 150
    assert opaque < count / 5, f"{opaque} of {count} conditions are only understood in part"
    assert os.environ["PIPEMGR_CORPUS"]
