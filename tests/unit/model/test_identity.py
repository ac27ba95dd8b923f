"""Identity: equal values have equal bytes, and ids sort by time."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.model.definitions import Pipeline
from pipemgr.model.identity import canonical, digest, fingerprint, new_id
from pipemgr.testing.strategies import json_values


@given(json_values)
def test_canonical_json_says_the_same(value: object) -> None:
    assert json.loads(canonical(value), parse_int=float) == json.loads(json.dumps(value), parse_int=float)


def test_whole_numbers_beyond_the_exact_ones_are_floats_as_in_json() -> None:
    assert canonical({"id": [2**53 + 1, 2**53 - 1]}) == b'{"id":[9007199254740992,9007199254740991]}'
    with pytest.raises(ValueError, match="JSON"):
        canonical(10**400)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(-9, 9)))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    backwards = dict(reversed(value.items()))
    assert canonical(backwards) == canonical(value)
    assert fingerprint(backwards) == fingerprint(value)


def test_a_fingerprint_names_its_algorithm_and_never_changes() -> None:
    assert digest(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert fingerprint({"b": 1.0, "a": "é"}) == digest('{"a":"é","b":1}'.encode())


def test_models_are_values_too() -> None:
    assert b'"name":"x"' in canonical(Pipeline(name="x"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: 2}, object()])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        canonical(value)


def test_ids_sort_by_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 1000
    assert {one.version for one in ids} == {7}
