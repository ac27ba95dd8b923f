"""Differences: empty exactly when equal, and who moved."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.model.definitions import Pipeline, Stage
from pipemgr.model.identity import fingerprint
from pipemgr.plan.diff import Moved, differences, moved, normal

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_equal_values_have_no_differences(value):
    assert differences(value, value) == ()


@given(JSON, JSON)
def test_no_differences_means_equal_to_the_byte(before, after):
    same = fingerprint(before) == fingerprint(after)
    assert (differences(before, after) == ()) == same


def test_a_difference_names_its_path_and_both_sides():
    (found,) = differences(
        {"stages": {"test": {"needs": ["a", "b"]}}}, {"stages": {"test": {"needs": ["a"]}}}
    )
    assert (found.path, found.before, found.after) == ("stages.test.needs[1]", "b", None)


def test_one_is_not_true():
    assert differences(1, True)


def test_one_space_in_a_script_is_a_difference():
    assert differences({"script": "rm -rf /x"}, {"script": "rm -rf/x"})


def test_stages_that_change_places_are_equal():
    first, second = Stage(id="a"), Stage(id="b")
    assert normal(Pipeline(name="p", stages=(first, second))) == normal(
        Pipeline(name="p", stages=(second, first))
    )


@pytest.mark.parametrize(
    ("desired", "applied", "live", "who"),
    [
        ("1", "1", "1", Moved.NOBODY),
        ("2", "1", "2", Moved.NOBODY),
        ("2", "1", "1", Moved.US),
        ("1", None, None, Moved.US),
        ("1", "1", "2", Moved.THEM),
        ("1", "1", None, Moved.THEM),
        ("3", "1", "2", Moved.BOTH),
        ("1", None, "2", Moved.BOTH),
    ],
)
def test_who_moved(desired, applied, live, who):
    assert moved(desired, applied, live) is who
