"""Groovy expressions become the model's and Groovy again; what both say is the same for every value of names."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.errors import ParseError
from pipemgr.mapping.tables import Tables
from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name, Not, chained, parse
from pipemgr.translate.report import Fidelity
from pipemgr_jenkins.groovy.parser import parse as parse_groovy
from pipemgr_jenkins.jenkinsfile import phrases
from pipemgr_jenkins.jenkinsfile.expression_writer import condition, groovy
from pipemgr_jenkins.jenkinsfile.scope import LONGEST, Scope, Words
from pipemgr_jenkins.jenkinsfile.terms import Terms

WORDS = Words()
PARAMETERS = {"FLAG": "boolean", "TEXT": "string", "PICK": "choice"}


def scope_of(code: str, **more: Any) -> Scope:
    scope = Scope(words=WORDS, script=parse_groovy(code, "Jenkinsfile"), parameters=PARAMETERS)
    return scope.inner(**more)


def truth(code: str, **more: Any) -> Expression:
    scope = scope_of(code, **more)
    return phrases.truth(scope.script.statements[0], scope)


def value(code: str, **more: Any) -> Expression:
    scope = scope_of(code, **more)
    return phrases.expression(scope.script.statements[0], scope)


# In ----------------------------------------------------------------------------------------------------

CONDITIONS = [
    ("env.BRANCH_NAME == 'main'", "branch == 'main'"),
    ("BRANCH_NAME == 'main'", "branch == 'main'"),
    ("env['BRANCH_NAME'] != \"main\"", "branch != 'main'"),
    ("'main' == env.BRANCH_NAME", "branch == 'main'"),
    ("env.getProperty('TAG_NAME')", "tag != ''"),
    ("env.CHANGE_ID", "pull_request.number != ''"),
    ("env.CHANGE_ID != null", "pull_request.number != ''"),
    ("!env.CHANGE_ID", "pull_request.number == ''"),
    ("!!env.CHANGE_ID", "pull_request.number != ''"),
    ("env.CHANGE_ID?.trim()", "pull_request.number != ''"),
    ("env.OWN == null", "variables.OWN == ''"),
    ("OWN", "variables.OWN != ''"),
    ("params.FLAG", "parameters.FLAG"),
    ("params.FLAG == true", "parameters.FLAG == true"),
    ("params['FLAG'] && !params.TEXT", "parameters.FLAG && parameters.TEXT == ''"),
    ("env.FLAG == 'true'", "parameters.FLAG == true"),
    ("FLAG.toBoolean()", "parameters.FLAG"),
    ("params.PICK in ['a', 'b']", "parameters.PICK == 'a' || parameters.PICK == 'b'"),
    ("!(params.PICK in ['a'])", "parameters.PICK != 'a'"),
    ("['a', 'b'].contains(params.PICK)", "parameters.PICK == 'a' || parameters.PICK == 'b'"),
    (
        "env.A == 'x' && (env.B == 'y' || env.C)",
        "variables.A == 'x' && (variables.B == 'y' || variables.C != '')",
    ),
    ("env.A ==~ /v\\d+/", "matches(variables.A, 'v\\d+')"),
    ("env.A =~ /v\\d+/", "matches(variables.A, '.*v\\d+.*')"),
    ("env.A =~ /^main$/", "variables.A == 'main'"),
    ("env.A =~ /^v.*/", "starts_with(variables.A, 'v')"),
    ("env.A =~ 'a|b'", "matches(variables.A, '.*(?:a|b).*')"),
    ("env.A.matches('x.')", "matches(variables.A, 'x.')"),
    ("env.A?.startsWith('x')", "starts_with(variables.A, 'x')"),
    ("!env.A.endsWith('x')", "!ends_with(variables.A, 'x')"),
    ("NODE_LABELS.contains('mac')", "contains(variables.NODE_LABELS, 'mac')"),
    ("env.A.isEmpty()", "variables.A == ''"),
    ("env.A.equals('x')", "variables.A == 'x'"),
    ("env.A.equalsIgnoreCase('x')", "'x' == variables.A"),
    ("env.A.toLowerCase() == 'x'", "'x' == variables.A"),
    ("env.A.toBoolean()", "'true' == variables.A"),
    ("env.A.trim() == 'x'", "variables.A == 'x'"),
    ("env.A ?: env.B", "variables.A != '' || variables.B != ''"),
    ("env.A.toInteger() > 3", "variables.A > 3"),
    ("3 < env.A.toInteger()", "variables.A > 3"),
    ("currentBuild.number == 1", "build.number == 1"),
    ("currentBuild.getNumber() == 1", "build.number == 1"),
    ("currentBuild.currentResult == 'SUCCESS'", "success()"),
    ("currentBuild.result == null || currentBuild.result == 'SUCCESS'", "success()"),
    ("currentBuild.result != 'FAILURE'", "!failure()"),
    ("currentBuild.result == 'UNSTABLE'", "opaque('jenkins', 'unstable')"),
    ("currentBuild.resultIsBetterOrEqualTo('SUCCESS')", "success()"),
    ("currentBuild.resultIsWorseOrEqualTo('FAILURE')", "failure() || canceled()"),
    ("isUnix()", "runner.os != 'Windows'"),
    ("!isUnix()", "runner.os == 'Windows'"),
    ("true && env.A == 'x'", "variables.A == 'x'"),
    ("return params.FLAG", "parameters.FLAG"),
    ("fileExists('x') && env.A == 'y'", "opaque('jenkins', 'fileExists(''x'')') && variables.A == 'y'"),
    ("(currentBuild.number % 2) == 1", "opaque('jenkins', 'currentBuild.number % 2') == 1"),
    ("f().trim() == 'x'", "opaque('jenkins', 'f().trim()') == 'x'"),
    ("f().toLowerCase() == 'x'", "opaque('jenkins', 'f().toLowerCase()') == 'x'"),
    ("(f('(').g()) == 'x'", "opaque('jenkins', 'f(''('').g()') == 'x'"),
    ("(f('(') as X).g() == 'x'", "opaque('jenkins', '(f(''('') as X).g()') == 'x'"),
    ("list == ''", "opaque('jenkins', 'list') == ''"),
    ("!list.isEmpty()", "!opaque('jenkins', 'list.isEmpty()')"),
    ("env.GIT_BRANCH == 'origin/main'", "variables.GIT_BRANCH == 'origin/main'"),
    ("env.GIT_BRANCH == 'main'", "branch == 'main'"),
    ("ghprbPullId == '3'", "variables.ghprbPullId == '3'"),
    ("currentBuild.buildCauses[0].userId == 'ann'", "build.actor == 'ann'"),
    ("isRelease", "opaque('jenkins', 'isRelease')"),
]


@pytest.mark.parametrize(("code", "ours"), CONDITIONS)
def test_conditions_are_read(code: str, ours: str) -> None:
    assert str(truth(code)) == ours


@pytest.mark.parametrize("code", [code for code, _ in CONDITIONS])
def test_a_condition_that_is_written_again_reads_the_same(code: str) -> None:
    once = truth(code)
    assert truth(condition(once, Terms())) == once


VALUES = [
    ("'x'", "'x'"),
    ("3", "3"),
    ("env.A ?: 'x'", "variables.A || 'x'"),
    ("env.A ? 'x' : env.B", "case(variables.A != '', 'x', variables.B)"),
    ("env.A ? 'x' : env.B ? 'y' : 'z'", "case(variables.A != '', 'x', case(variables.B != '', 'y', 'z'))"),
    ('"a-${env.A}-$B"', "format('a-{0}-{1}', variables.A, variables.B)"),
    ("'{' + env.A + '}'", "format('{{{0}}}', variables.A)"),
    ('"${env.A}"', "variables.A"),
    ("env.BUILD_NUMBER", "build.number"),
    ("currentBuild.fullProjectName", "pipeline.name"),
    ("params.get('TEXT')", "parameters.TEXT"),
    ("env.A as String", "variables.A"),
    ("x.y(1)", "opaque('jenkins', 'x.y(1)')"),
]


@pytest.mark.parametrize(("code", "ours"), VALUES)
def test_values_are_read_and_written_again(code: str, ours: str) -> None:
    once = value(code)
    assert str(once) == ours
    assert value(groovy(once, Terms())) == once


def test_bare_names_are_what_is_in_scope() -> None:
    assert str(value("OS", axes=["OS"])) == "matrix.OS"
    assert str(value("env.OS", axes=["OS"])) == "matrix.OS"
    assert str(value("env.TAG_NAME", variables=["TAG_NAME"])) == "variables.TAG_NAME"
    assert str(value("TEXT")) == "parameters.TEXT"
    assert str(value("env.TEXT", variables=["TEXT"])) == "variables.TEXT"
    assert str(value("OS", names=["OS"])) == "opaque('jenkins', 'OS')"


def test_what_is_nested_too_deep_stays_as_it_is() -> None:
    code = "!" * 60 + "env.A"
    assert "opaque('jenkins'" in str(truth(code))
    assert str(truth("env.A" + " || env.A" * 100)) == "variables.A != ''"


def test_groovy_that_is_too_long_for_an_expression_is_refused_with_its_place() -> None:
    with pytest.raises(ParseError, match=r"15,000 characters") as error:
        truth("\n f('" + "x" * LONGEST + "')")
    assert ":2:2" in str(error.value)


def test_the_users_own_rows_count(tmp_path: Any) -> None:
    folder = tmp_path / "jenkins"
    folder.mkdir()
    rows = "source: [https://wiki.acme.example]\nchecked: 2026-11-23\nenvironment:\n  - {name: repository.owner, variable: TEAM}\n"
    (folder / "variables.yaml").write_text(rows, encoding="utf-8")
    words = Words(Tables("jenkins", None, tmp_path))
    assert str(Scope(words=words).variable("TEAM")) == "repository.owner"


# Out ---------------------------------------------------------------------------------------------------

WRITTEN = [
    ("ref == 'refs/heads/main'", "env.BRANCH_NAME == 'main'"),
    ("starts_with(ref, 'refs/tags/')", "env.TAG_NAME"),
    ("starts_with(ref, 'refs/tags/v')", "env.TAG_NAME?.startsWith('v')"),
    ("starts_with(ref, 'refs/heads/')", "!env.TAG_NAME"),
    ("ref_type == 'tag'", "env.TAG_NAME"),
    ("branch == repository.default_branch", "env.BRANCH_IS_PRIMARY == 'true'"),
    (
        "trigger == 'schedule'",
        "currentBuild.getBuildCauses('hudson.triggers.TimerTrigger$TimerTriggerCause')",
    ),
    ("trigger != 'pull_request'", "!env.CHANGE_ID"),
    ("runner.os == 'Linux'", "isUnix()"),
    ("runner.os == 'Windows'", "!isUnix()"),
    ("always()", "true"),
    ("canceled()", "currentBuild.currentResult == 'ABORTED'"),
    ("stage.status == 'failure'", "currentBuild.currentResult == 'FAILURE'"),
    ('contains(from_json(\'["a", "b"]\'), branch)', "['a', 'b'].contains(env.BRANCH_NAME)"),
    ("matches(branch, 'a/b')", "env.BRANCH_NAME ==~ 'a/b'"),
    ("matches(branch, '\\d+')", "env.BRANCH_NAME ==~ /\\d+/"),
    ("variables.A == 5", "env.A == '5'"),
    ("build.number > 5", "currentBuild.number > 5"),
    ("variables.A > 5", "(env.A ?: '0').toBigDecimal() > 5"),
    ("!(variables.A == 'x' || failure())", "!(env.A == 'x' || currentBuild.currentResult == 'FAILURE')"),
    ("opaque('jenkins', 'a || b') && variables.A == 'x'", "(a || b) && env.A == 'x'"),
    ("!opaque('jenkins', '{ a(); b }')", "!({ a(); b }).call()"),
    ("opaque('jenkins', 'unstable')", "currentBuild.currentResult == 'UNSTABLE'"),
    ("parameters['my flag']", "params['my flag']"),
    ("parameters[matrix.x] == 'a'", "params[env.x] == 'a'"),
    ("event.parameters.x", "params.x"),
]


@pytest.mark.parametrize(("ours", "code"), WRITTEN)
def test_conditions_are_written(ours: str, code: str) -> None:
    told: list[Any] = []
    assert condition(parse(ours), Terms(lost=lambda *one: told.append(one))) == code
    assert not told


@pytest.mark.parametrize(
    ("ours", "code"),
    [
        ("variables.A || 'x'", "env.A ?: 'x'"),
        ("variables.A && 'x' || 'y'", "env.A ? 'x' : 'y'"),
        (
            "case(tag != '', 'a', success(), 'b', 'c')",
            "env.TAG_NAME ? 'a' : currentBuild.currentResult == 'SUCCESS' ? 'b' : 'c'",
        ),
        ("format('{{{0}}} {1}', branch, 'x')", '"{${env.BRANCH_NAME}} x"'),
        ("tag != ''", "!!env.TAG_NAME"),
        ("ref_type", "env.TAG_NAME ? 'tag' : 'branch'"),
        ("join(from_json('[1, 2]'), '-')", "[1, 2].join('-')"),
        ("to_json(variables.A)", "writeJSON(returnText: true, json: env.A)"),
        ("from_json(variables.A).b", "readJSON(text: env.A).b"),
    ],
)
def test_values_are_written(ours: str, code: str) -> None:
    assert groovy(parse(ours), Terms()) == code


@pytest.mark.parametrize(
    ("ours", "code"),
    [
        ("event.payload.x == 'y'", "false"),
        ("event.payload.x != 'y'", "false"),
        ("!(event.payload.x == 'y')", "!true"),
        ("hash_files('x') == 'y' || variables.A == 'x'", "env.A == 'x'"),
        ("trigger == 'release'", "false"),
        ("opaque('acme', 'x')", "false"),
        ("opaque('jenkins', 'when changeset ''x''')", "false"),
        ("variables.a.b == 'x'", "false"),
        ("steps.x.outputs.y == 'z'", "false"),
    ],
)
def test_what_jenkins_has_no_word_for_is_told_and_never_holds(ours: str, code: str) -> None:
    told: list[tuple[Fidelity, str, str]] = []
    assert condition(parse(ours), Terms(lost=lambda *one: told.append(one))) == code
    assert [fidelity for fidelity, _, _ in told] == [Fidelity.DROPPED]


def test_results_of_other_stages_are_those_of_the_build() -> None:
    told: list[tuple[Fidelity, str, str]] = []
    code = condition(parse("needs.a.result == 'success'"), Terms(lost=lambda *one: told.append(one)))
    assert code == "currentBuild.currentResult == 'SUCCESS'"
    assert told[0][:2] == (Fidelity.APPROXIMATE, "needs.a.result")


def test_what_a_writer_knows_goes_first() -> None:
    terms = Terms(known={"steps.x.outputs.y": "env.X_Y"}, axes=frozenset({"os"}))
    assert condition(parse("steps.x.outputs.y == 'z'"), terms) == "env.X_Y == 'z'"
    assert condition(parse("matrix.os == 'z'"), terms) == "env.os == 'z'"
    assert condition(parse("matrix.arch == 'z'"), terms) == "false"


# Both --------------------------------------------------------------------------------------------------

NAMES = {
    "variables.A": ("", "x", "a/x", "true"),
    "branch": ("main", "release/1", "x"),
    "tag": ("", "v1"),
    "pull_request.number": ("", "12"),
    "parameters.TEXT": ("", "x", "main"),
    "parameters.FLAG": (True, False),
}
TEXTS = st.sampled_from(["x", "main", "release/", "v1", "a/", "12", ""])


def _atoms() -> st.SearchStrategy[Expression]:
    names = st.sampled_from([name for name in NAMES if name != "parameters.FLAG"]).map(parse)
    compared = st.builds(Binary, st.sampled_from(["==", "!="]), names, TEXTS.map(Literal))
    anycase = st.builds(Binary, st.just("=="), st.sampled_from(["x", "true", "v1"]).map(Literal), names)
    tested = st.builds(
        lambda name, subject, text: Call(name, (subject, Literal(text))),
        st.sampled_from(["starts_with", "ends_with", "contains", "matches"]),
        names,
        TEXTS.filter(bool),
    )
    flag = st.just(parse("parameters.FLAG"))
    return st.one_of(compared, anycase, tested, flag, st.booleans().map(Literal))


def logic() -> st.SearchStrategy[Expression]:
    return st.recursive(
        _atoms(),
        lambda inner: st.one_of(
            inner.map(Not),
            st.builds(
                chained,
                st.sampled_from(["&&", "||"]),
                st.lists(inner, min_size=2, max_size=4),
            ),
        ),
        max_leaves=12,
    )


def worth(node: Expression, known: Mapping[str, Any]) -> Any:
    """What an expression is worth: the model's meaning, written down a second time."""
    match node:
        case Literal(found):
            return found
        case Not(operand):
            return not worth(operand, known)
        case Binary("&&", left, right):
            return worth(left, known) and worth(right, known)
        case Binary("||", left, right):
            return worth(left, known) or worth(right, known)
        case Binary(operator, left, right):
            same = worth(left, known) == worth(right, known)
            return same if operator == "==" else not same
        case Call("matches", (subject, pattern)):
            return re.fullmatch(worth(pattern, known), worth(subject, known)) is not None
        case Call(name, (subject, part)):
            whole, piece = worth(subject, known), worth(part, known)
            return {
                "starts_with": whole.startswith,
                "ends_with": whole.endswith,
                "contains": whole.__contains__,
            }[name](piece)
        case Access() | Name():
            return known[str(node)]
    raise AssertionError(node)


KNOWN = st.fixed_dictionaries({name: st.sampled_from(found) for name, found in NAMES.items()})


@given(logic(), st.lists(KNOWN, min_size=1, max_size=8))
def test_a_condition_holds_in_the_same_builds_when_it_is_written_and_read(
    node: Expression, builds: list[dict[str, Any]]
) -> None:
    again = truth(condition(node, Terms()))
    for known in builds:
        assert bool(worth(again, known)) is bool(worth(node, known))
    assert truth(condition(again, Terms())) == again
