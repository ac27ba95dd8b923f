"""What a stage that took the place of several looks like."""

import pytest

from pipemgr.model.definitions import Stage, Step
from pipemgr.translate.shown import common_variables, in_short, seen


def stage(script: str, **variables: str) -> Stage:
    step = Step(action="run", inputs={"script": script})
    return Stage(id="x", variables=variables, steps=(step,))


@pytest.mark.parametrize(
    ("stages", "common"),
    [
        ([stage("make", A="1"), stage("test", A="1")], ["A"]),
        ([stage("make", A="1"), stage("test", A="2")], []),
        ([stage("set -u\n$A", A="1"), stage("test")], ["A"]),
        ([stage("$A", A="1"), stage("set -u\necho $A")], []),
        ([stage("npm ci", NODE_ENV="test"), stage("npm ci")], []),
        ([stage("$A", A="${{ secrets.a }}"), stage("test")], []),
        ([stage("$A", A="${{ steps.a.outcome }}"), stage("test")], []),
        ([stage("$A", A="${{ parameters.A }}"), stage("${{ parameters.A }}")], ["A"]),
        ([stage("$A $B", A="1", B="${{ variables.A }}"), stage("test")], ["A"]),
        ([stage("$OUTER", OUTER="2"), stage("test")], []),
        ([stage("$A", A="${{ no }"), stage("test")], []),
        ([], []),
    ],
)
def test_a_variable_is_said_once_where_it_makes_no_difference(stages: list[Stage], common: list[str]) -> None:
    assert list(common_variables(stages, {"OUTER": "1"})) == common


def test_steps_that_move_files_need_no_variables() -> None:
    own = {"A": "1", "GIT_TRACE": "1", "SHA": "2"}
    assert seen(own, Step(action="checkout", inputs={"ref": "${{ variables.SHA }}"})) == {
        "GIT_TRACE": "1",
        "SHA": "2",
    }
    assert seen(own, Step(action="setup.node")) == own


@pytest.mark.parametrize(
    ("script", "short"),
    [
        ("npm ci", "npm ci"),
        ("set -e\n\nmake check -j 4", "make check"),
        ("mvn -B clean verify", "mvn"),
        ("./gradlew build publish upload", "./gradlew build publish"),
        ("docker login; docker push", "docker login"),
        ('"$HOME/x" y', ""),
        ("A=1 make", ""),
        ("echo one", ""),
        ("# why\ncd x && make", ""),
        ("${{ parameters.tool }}", ""),
        ("", ""),
    ],
)
def test_a_script_is_named_by_its_program(script: str, short: str) -> None:
    assert in_short(script) == short
