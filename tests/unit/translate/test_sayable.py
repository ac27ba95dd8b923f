"""Conditions that a target can't ask for never let anything run that was not meant to."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.model.definitions import Pipeline
from pipemgr.model.expressions import Binary, Expression, Literal, Name, Not, Opaque, parse
from pipemgr.translate.report import Fidelity
from pipemgr.translate.sayable import least, sayable
from pipemgr.translate.ways import write

KNOWN, STRANGE = ("a", "b"), ("x", "y")
_leaves = st.sampled_from([*map(Name, KNOWN), *(Opaque("acme", one) for one in STRANGE)])
trees = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner), st.builds(Binary, st.sampled_from(["&&", "||"]), inner, inner)
    ),
    max_leaves=8,
)


def strange(node: Expression) -> bool:
    return any(isinstance(one, Opaque) for one in node.walk())


def holds(node: Expression, values: dict[str, bool]) -> bool:
    match node:
        case Name(name) | Opaque(_, name):
            return values[name]
        case Literal(value):
            return bool(value)
        case Not(operand):
            return not holds(operand, values)
        case Binary("&&", left, right):
            return holds(left, values) and holds(right, values)
        case Binary(_, left, right):
            return holds(left, values) or holds(right, values)
    raise AssertionError(node)


@given(trees)
def test_what_is_left_holds_only_where_all_of_it_did(tree: Expression) -> None:
    left = least(tree, strange)
    assert not strange(left)
    assert strange(tree) or left == tree
    for known in product((False, True), repeat=len(KNOWN)):
        values = dict(zip(KNOWN, known, strict=True))
        if holds(left, values):
            for other in product((False, True), repeat=len(STRANGE)):
                assert holds(tree, values | dict(zip(STRANGE, other, strict=True)))


def pipeline(when: str, **more: Any) -> Pipeline:
    step = {"action": "run", "inputs": {"script": "make"}, "when": when}
    return Pipeline.model_validate({"name": "x", "stages": [{"id": "s", "steps": [step], **more}]})


@pytest.mark.parametrize(
    ("when", "left", "fidelity"),
    [
        ("opaque('acme', 'fixed')", "false", Fidelity.DROPPED),
        ("!opaque('acme', 'fixed')", "false", Fidelity.DROPPED),
        ("branch == 'main' && opaque('acme', 'fixed')", "false", Fidelity.DROPPED),
        ("failure() || opaque('acme', 'fixed')", "failure()", Fidelity.MANUAL),
        ("contains(opaque('acme', 'fixed'), 'x') || tag != ''", "tag != ''", Fidelity.MANUAL),
    ],
)
def test_steps_wait_for_what_is_certain(poor: Any, when: str, left: str, fidelity: Fidelity) -> None:
    changed, (finding,) = sayable(pipeline(when), poor())
    assert str(changed.stages[0].steps[0].when) == left
    assert (finding.fidelity, finding.path) == (fidelity, "stages.s.steps[0].when")
    assert finding.what == "condition fixed"


def test_who_understands_it_keeps_it(poor: Any, native: Any) -> None:
    whole = pipeline("opaque('acme', 'fixed')")
    assert sayable(whole, poor(name="acme")) == (whole, ())
    assert sayable(whole, native) == (whole, ())


def test_machines_that_nobody_can_name_are_the_usual_ones(poor: Any) -> None:
    where = {
        "runner": {"labels": ["${{ opaque('acme', 'LABEL') }}"]},
        "container": {"image": "a:${{ opaque('acme', 'V') }}"},
    }
    changed, findings = sayable(pipeline("true", **where), poor())
    assert (changed.stages[0].runner, changed.stages[0].container) == (None, None)
    assert [(one.fidelity, one.what) for one in findings] == [
        (Fidelity.MANUAL, "runner LABEL"),
        (Fidelity.MANUAL, "container V"),
    ]


def test_times_that_only_another_vendor_computes_go_with_their_trigger(poor: Any) -> None:
    trigger = {"event": "schedule", "cron": "${{ opaque('acme', 'TIMES') }}"}
    whole = Pipeline.model_validate({"name": "x", "triggers": [{"event": "push"}, trigger]})
    writing = write(whole, poor())
    assert "TIMES" not in writing.documents.documents[0].text
    assert [(one.fidelity, one.path) for one in writing.findings] == [(Fidelity.DROPPED, "triggers[1]")]


def test_a_condition_is_an_expression_again() -> None:
    assert str(least(parse("a && (b || opaque('acme', 'x'))"), strange)) == "a && b"
