"""The measures of the evidence: they tell apart what differs, and take for equal what only looks different."""

import pytest

from pipemgr.model.definitions import Pipeline, Stage, Trigger
from pipemgr.model.expressions import parse
from tests.evidence.equality import differences
from tests.evidence.executing import Ended
from tests.evidence.figures import Figure, shown
from tests.evidence.meaning import Situation, behaviour, situations
from tests.evidence.owners import owned
from tests.evidence.plain_configs import unequal

CONFIG = """\
version: 2.1
commands:
  say:
    parameters: {what: {type: string, default: hello}}
    steps: [{run: echo << parameters.what >>}]
executors:
  small: {docker: [{image: cimg/base:stable}]}
jobs:
  build:
    executor: small
    parameters: {loud: {type: boolean, default: false}}
    steps:
      - checkout
      - say
      - when: {condition: << parameters.loud >>, steps: [{run: echo LOUD}]}
  test:
    executor: small
    steps: [{say: {what: bye}}]
workflows:
  main:
    jobs:
      - build
      - test: {requires: [build]}
"""
EXPANDED = """\
version: 2.1
jobs:
  build:
    docker: [{image: cimg/base:stable}]
    steps: [checkout, {run: {name: Say, command: echo hello}}]
  test:
    docker: [{image: cimg/base:stable}]
    steps: [{run: echo bye}]
workflows:
  main:
    jobs: [build, {test: {requires: [build]}}]
"""


def pipeline(*whens: str | None, branches: tuple[str, ...] | None = None) -> Pipeline:
    stages = [
        Stage(id=f"s{at}", when=parse(when) if when else None, needs=(f"s{at - 1}",) if at else ())
        for at, when in enumerate(whens)
    ]
    return Pipeline(name="p", triggers=(Trigger(event="push", branches=branches),), stages=tuple(stages))


def alike(one: Pipeline, two: Pipeline) -> bool:
    return all(behaviour(one, at) == behaviour(two, at) for at in situations(one, two))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (pipeline("branch == 'main'"), pipeline("ref == 'refs/heads/main'")),
        (pipeline("branch == 'main' && branch != 'dev'"), pipeline("matches(branch, 'main')")),
        (pipeline("parameters.x && success()"), pipeline("parameters.x")),
        (pipeline(None, "failure()"), pipeline(None, "needs.s0.result == 'failure' && always()")),
    ],
)
def test_what_means_the_same_behaves_alike(one: Pipeline, two: Pipeline) -> None:
    assert alike(one, two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (pipeline("branch == 'main'"), pipeline("branch == 'master'")),
        (pipeline(None), pipeline("branch != 'feature/x'")),
        (pipeline(None, None), pipeline(None, "always()")),
        (pipeline(None, branches=("main",)), pipeline(None)),
        (pipeline(None, branches=("release/**",)), pipeline(None, branches=("release/*/y",))),
        (pipeline("parameters.x"), pipeline("!parameters.x")),
    ],
)
def test_what_means_something_else_behaves_differently(one: Pipeline, two: Pipeline) -> None:
    assert not alike(one, two)


def test_a_failure_is_handed_on() -> None:
    made = pipeline(None, None, "always()")
    told = behaviour(made, Situation("push", fails=frozenset({"s0"})))
    assert told == {"s0": "failure", "s1": "skipped", "s2": "success"}


def test_an_expanded_config_is_equal() -> None:
    assert list(unequal(CONFIG, EXPANDED)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [("echo hello", "echo hallo"), ("base:stable", "base:2"), ("requires: [build]", "requires: []")],
)
def test_a_config_that_says_something_else_is_not(old: str, new: str) -> None:
    assert list(unequal(CONFIG, EXPANDED.replace(old, new)))


def test_executions_that_end_otherwise_are_told() -> None:
    one = {"a": Ended("success", [("x", "success"), ("actions/checkout@v7", "success")], ["MARK 1"])}
    for two in (
        {},
        {"a": Ended("failure", one["a"].steps, ["MARK 1"])},
        {"a": Ended("success", [("x", "failure")], ["MARK 1"])},
        {"a": Ended("success", one["a"].steps, ["MARK 2"])},
        {**one, "b": Ended("success")},
    ):
        assert list(differences(one, two))


@pytest.mark.parametrize(
    ("one", "owner"), [("a", "a"), ("a-1", "a"), ("a-b-c", "a-b"), ("Name-x", "n"), ("ab", None)]
)
def test_what_became_of_a_job_is_told_by_how_it_begins(one: str, owner: str | None) -> None:
    assert owned(one, {"a": "a", "a-b": "a-b", "Name": "n", "": "nobody"}) == owner


def test_the_table_says_what_falls_short() -> None:
    rows = [Figure(2, "kept", 96, of=100, goal=0.97, short=("one.yml: why",)), Figure(7, "speed", 1.5, "ms")]
    text = shown(rows, details=False)
    assert "SHORT" in text
    assert "one.yml: why" in text
    assert [one.reached for one in rows] == [False, None]
    assert Figure(1, "tracebacks", 0, goal=0, most=True).reached
