"""Nodes: who was read, where everything stands, and that nothing can be left out in silence."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.testing.strategies import json_values
from pipemgr.translate.emit import emit
from pipemgr.translate.node import Node, prefixes
from pipemgr.translate.report import Fidelity
from pipemgr.translate.yaml import compose

TEXT = """\
name: x
jobs:
  test:
    steps:
      - run: make
        odd: [1, 2]
      - uses: y
    "no": 3
"""


def _read_by_a_careless_reader(root: Node) -> None:
    """Reads all but `odd` and `no`."""
    items = root.items()
    items["name"].text()
    test = items["jobs"].items()["test"].items()
    for step in test["steps"].entries():
        for key in ("run", "uses"):
            if (value := step.get(key)) is not None:
                value.text()


def test_a_reader_that_skips_a_key_cannot_hide_it() -> None:
    root = compose(TEXT, "f.yml")
    _read_by_a_careless_reader(root)
    found = root.origin.unread()
    assert [(one.path, one.source, one.fidelity) for one in found] == [
        ("jobs.test.steps[0].odd", "f.yml:6:9", Fidelity.DROPPED),
        ("jobs.test.no", "f.yml:8:5", Fidelity.DROPPED),
    ]


def test_every_node_is_in_one_bucket() -> None:
    root = compose(TEXT, "f.yml")
    _read_by_a_careless_reader(root)
    counts = root.origin.accounting()
    assert (counts.nodes, counts.exact, counts.dropped) == (13, 9, 4)


@given(json_values, st.data())
def test_accounting_adds_up_whatever_is_read_and_lost(value: Any, data: st.DataObject) -> None:
    root = compose(emit(value), "f")
    nodes = root.origin.nodes
    for node in data.draw(st.lists(st.sampled_from(nodes), max_size=4)):
        data.draw(
            st.sampled_from([node.take, node.take_all, node.plain, node.text, node.items, node.entries])
        )()
    root.feeds("model")
    for node in data.draw(st.lists(st.sampled_from(nodes), max_size=2)):
        node.finding(data.draw(st.sampled_from(Fidelity)), "what", "why")
    losses = data.draw(
        st.dictionaries(st.sampled_from([node.model for node in nodes] + ["none"]), st.sampled_from(Fidelity))
    )
    counts = root.origin.accounting(losses)
    buckets = [getattr(counts, fidelity) for fidelity in Fidelity]
    assert counts.nodes == sum(buckets) == len(nodes)
    untouched = sum(not node.touched for node in nodes)
    assert counts.dropped >= untouched


def test_a_loss_counts_for_all_below_and_one_without_a_node_for_what_is_around() -> None:
    root = compose("a: {b: [1, 2]}\nc: 3\n", "f")
    root.take_all()
    for key, child in root.items().items():
        child.feeds(f"model.{key}")
    counts = root.origin.accounting({"model.a": Fidelity.APPROXIMATE})
    assert (counts.approximate, counts.exact) == (4, 2)
    counts = root.origin.accounting({"model.a.b[0].deeper": Fidelity.MANUAL})
    assert (counts.manual, counts.exact) == (1, 5)
    counts = root.origin.accounting({"elsewhere": Fidelity.DROPPED})
    assert (counts.dropped, counts.exact) == (1, 5)


def test_what_is_said_of_a_node_holds_for_all_below() -> None:
    root = compose("a: {b: [1, 2]}\nc: 3\n", "f")
    root.items()["c"].text()
    root.items()["a"].finding(Fidelity.MANUAL, "a", "because")
    counts = root.origin.accounting()
    assert (counts.manual, counts.exact) == (4, 2)
    assert root.origin.unread() == ()


def test_feeds_reach_below_and_can_be_said_anew() -> None:
    root = compose("a: {b: [1, {c: 2}]}\n", "f")
    a = root.items()["a"].feeds("stages.x")
    inner = a.items()["b"].entries()[1].items()["c"]
    assert inner.model == "stages.x.b[1].c"
    a.items()["b"].feeds("stages.x.needs")
    assert inner.model == "stages.x.needs[1].c"
    assert root.model == ""
    assert root.origin.place("stages.x.needs[1].c") == inner.where
    assert root.origin.place("stages.x.needs[7].z") == "f:1:5"
    assert root.origin.place("nowhere") == "f:1:1"


@pytest.mark.parametrize("method", ["items", "entries", "text", "flag", "number", "one_or_many"])
@pytest.mark.parametrize("text", ["{a: 1}", "[1]", "x", "1", "1.5", "true"])
def test_a_wrong_type_is_a_problem_and_never_an_error(text: str, method: str) -> None:
    root = compose(text, "f")
    fits = {
        "items": {"mapping"},
        "entries": {"sequence"},
        "text": {"string", "number", "boolean"},
        "flag": {"boolean"},
        "number": {"number"},
        "one_or_many": {"sequence", "string", "number", "boolean"},
    }
    getattr(root, method)()
    assert bool(root.origin.problems) == (root.kind not in fits[method])
    assert all(where == "f:1:1" for where, _ in root.origin.problems)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("3.10", "3.1"),
        ("1.0", "1"),
        ("010", "10"),
        ("1e3", "1000"),
        ("true", "true"),
        ("null", ""),
        ("1e30", "1e+30"),
    ],
)
def test_scalars_as_text_are_as_json_writes_them(text: str, shown: str) -> None:
    assert compose(text, "f").text() == shown


@pytest.mark.parametrize(
    ("text", "needle", "where"),
    [
        ("a: some text", "text", "f:1:9"),
        ("a: 'some text'", "text", "f:1:10"),
        ("a:\n    some text", "text", "f:2:10"),
        ("a: |\n  some\n  text", "text", "f:3:3"),
        ("a: |\n\n    some\n\n    my text", "text", "f:5:8"),
        ("a: >\n  some\n  text", "text", "f:1:4"),
        ('a: "so\\tme text"', "text", "f:1:4"),
        ("- a\n- a", "a", "f:1:3"),
    ],
)
def test_a_character_of_a_scalar_has_a_place(text: str, needle: str, where: str) -> None:
    root = compose(text, "f")
    node = next(iter(root.items().values())) if root.kind == "mapping" else root.entries()[0]
    assert node.at(node.text().index(needle)) == where


def test_prefixes() -> None:
    assert list(prefixes("a.b[0].c")) == ["a", "a.b", "a.b[0]", "a.b[0].c"]
    assert list(prefixes("")) == []


def test_the_path_of_a_deep_node_is_told_at_once() -> None:
    root = compose("{a: " * 90 + "1" + "}" * 90, "file.yaml")
    assert root.origin.nodes[-1].path == ".".join("a" * 90)
