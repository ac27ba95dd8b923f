"""YAML out: whatever is written is read back, by readers of YAML 1.2 and 1.1, and looks written by hand."""

from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import given

from pipemgr.testing.strategies import json_values, texts
from pipemgr.translate.emit import emit
from pipemgr.translate.yaml import MAX_DEPTH, compose


@given(json_values)
def test_what_is_written_is_read_back(value: Any) -> None:
    found = compose(emit(value), "f").plain()
    assert found == value
    assert repr(found) == repr(value)


@given(json_values)
def test_readers_of_yaml_1_1_read_the_same(value: Any) -> None:
    if not _has_old_key(value):
        assert pyyaml.load(emit(value), pyyaml.CSafeLoader) == value
        assert pyyaml.safe_load(emit(value)) == value


def _has_old_key(value: Any) -> bool:
    """Keys such as `on` stay plain on purpose."""
    if isinstance(value, dict):
        return any(
            key in ("on", "off", "yes", "no", "y", "n") or _has_old_key(one) for key, one in value.items()
        )
    return isinstance(value, list) and any(map(_has_old_key, value))


@given(texts)
def test_texts_of_several_lines_are_read_back(text: str) -> None:
    value = {"a": {"run": f"{text}\n  {text}\n", "b": [f"x\n{text}"]}}
    assert compose(emit(value), "f").plain() == value


@pytest.mark.parametrize(
    "word",
    [
        "on",
        "yes",
        "no",
        "Off",
        "010",
        "1:30",
        "0x1F",
        "1_000",
        "1e5",
        ".5",
        "null",
        "~",
        "",
        "2026-01-01",
        "true",
    ],
)
def test_texts_that_look_like_something_else_are_quoted(word: str) -> None:
    assert emit({"a": word}) == f'a: "{word}"\n'


@pytest.mark.parametrize(
    "word",
    [
        "main",
        "docs/**",
        "./deploy.sh",
        "a b",
        "python:3.12",
        "${{ matrix.os }}",
        "--flag",
        "a, b",
        "it's",
        "x=1",
        "é",
    ],
)
def test_ordinary_texts_stand_plain(word: str) -> None:
    assert emit({"a": word}) == f"a: {word}\n"


def test_a_file_looks_written_by_hand() -> None:
    data = {
        "name": "x",
        "on": {"push": {"branches": ["main", "3.10"]}, "manual": None},
        "jobs": {
            "a": {"steps": [{"run": "make\nmake test\n"}, {"uses": "x", "with": {"n": "1"}}, "checkout"]},
            "b": {"needs": [], "env": {}, "steps": [{"run": 'echo "hi"'}]},
        },
    }
    assert (
        emit(data)
        == """\
name: x

on:
  push:
    branches: [main, "3.10"]
  manual:

jobs:
  a:
    steps:
      - run: |
          make
          make test
      - uses: x
        with:
          n: "1"
      - checkout

  b:
    needs: []
    env: {}
    steps:
      - run: echo "hi"
"""
    )


@pytest.mark.parametrize(
    "value", ["\ud800", {"a\udfff": 1}, float("nan"), [float("inf")], {1: 2}, {"a": object()}]
)
def test_what_yaml_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        emit(value)


def test_nothing_is_written_that_is_too_deep_to_be_read() -> None:
    value: Any = 1
    for _ in range(MAX_DEPTH):
        value = [value]
    assert compose(emit(value), "f").plain() == value
    with pytest.raises(ValueError, match="deep"):
        emit([value])
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="deep"):
        emit(value)
