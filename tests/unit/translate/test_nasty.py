"""Nasty files: each is one clear error, in bounded time and memory, and never another exception."""

import random
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipemgr.errors import DefinitionError, InvalidPipeline, ParseError
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import convert
from pipemgr.translate.document import MAX_BYTES, DocumentSet, decode, load, single
from pipemgr.translate.native import native_dialect
from pipemgr.translate.native_format import PIPELINE, STAGE, STEP, TRIGGER
from pipemgr.translate.report import Outcome

FREE = native_dialect()


def refused(data: bytes, native: Dialect) -> DefinitionError:
    with pytest.raises(DefinitionError) as caught:
        native.reader.read(single("f.yaml", decode(data, "f.yaml")))
    return caught.value


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"", "f.yaml:1:1"),
        (b"\n\n", "f.yaml:1:1"),
        (b"# nothing", "f.yaml:1:1"),
        (b"\x00\x01\x02", "f.yaml:1:1"),
        (b"pipeline: x\nname: \x00", "f.yaml:2:7"),
        (b"\x7fELF\x02\x01\x01", "f.yaml:1:1"),
        (bytes(random.Random(1).randbytes(10_000)), None),
        (b"pipeline: caf\xe9", "f.yaml:1:14"),
        ("pipeline: x".encode("utf-16"), "f.yaml:1:1"),
        (b"pipeline: x\nvariables:\n\tA: 1", "f.yaml:3:1"),
        (b"pipeline: x\npipeline: y", "f.yaml:2:1"),
        (b"pipeline: x\r\nstages:\r\n  a: {timeout: 5}\r\n", "f.yaml:3:7"),
        (b"\xef\xbb\xbfpipelin: x", "f.yaml:1:1"),
        (b"[" * 100_000, "f.yaml:1:101"),
        (b"- " * 100_000, "f.yaml:1:201"),
        (b"pipeline: x\nvendor: {a: " + b"{b: " * 100_000, None),
        (b"a: &a [" + b"*a," * 1000 + b"]", None),
        (b"pipeline: x\nstages: {a: {when: '" + b"(" * 20_000 + b"'}}", None),
        (b"pipeline: x\nstages: {a: {when: '" + b"a||" * 6_000 + b"a'}}", None),
        (b"pipeline: x\nbuild-name: '" + b"${{ a }} " * 10_000 + b"${{'", None),
        (b"<?xml version='1.0'?><project/>", None),
        (b'{"pipeline": 5, "stages": []}', None),
        (b"--- \n--- \n", None),
    ],
)
def test_one_clear_error(data: bytes, where: str | None) -> None:
    begun = time.perf_counter()
    error = refused(data, FREE)
    assert error.where is not None
    assert where is None or error.where == where
    assert error.where.startswith("f.yaml:")
    assert "\n" not in str(error)
    assert len(str(error)) < 300
    assert time.perf_counter() - begun < 20


def test_line_ends_and_a_byte_order_mark_are_no_mistake() -> None:
    text = decode(b"\xef\xbb\xbfpipeline: x\r\nvariables:\r\n  A: |\r\n    a\r\n    b\r\n", "f")
    assert FREE.reader.read(single("f", text)).pipeline.variables == {"A": "a\nb\n"}


def test_a_huge_file_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(ParseError, match="larger than") as caught:
            load(path, "huge.yaml")
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_BYTES
    finally:
        tracemalloc.stop()
    assert caught.value.where == "huge.yaml"
    assert caught.value.remedy


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.yaml"):
        with pytest.raises(ParseError):
            load(path)


def test_a_file_that_is_a_text_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\r\n")
    document = load(tmp_path / "a.yaml", "a.yaml")
    assert (document.path, document.text) == ("a.yaml", "a: é\r\n")
    fingerprint = DocumentSet(documents=(document,)).fingerprint
    assert fingerprint is not None
    assert fingerprint.startswith("sha256:")
    assert DocumentSet().fingerprint is None


VALUES: dict[str, str] = {
    "null": "null",
    "true": "true",
    "whole": "7",
    "fraction": "1.5",
    "text": "word",
    "empty text": "''",
    "template": "'${{ a.b }}'",
    "broken template": "'${{ a.'",
    "empty list": "[]",
    "list": "[1, [2], {a: 3}]",
    "empty mapping": "{}",
    "mapping": "{unheard-of: {a: [1]}}",
    "nested": "[[[[{a: [[{}]]}]]]]",
}


def _everywhere() -> Iterator[tuple[str, str]]:
    frames = {
        "pipeline": ("{key}: {value}\n", [*PIPELINE, "pipeline", "triggers", "stages"]),
        "stage": ("pipeline: x\nstages:\n  a:\n    {key}: {value}\n", [*STAGE, "steps"]),
        "step": (
            "pipeline: x\nstages:\n  a:\n    steps:\n      - {key}: {value}\n",
            [*STEP, "run", "checkout", "opaque"],
        ),
        "trigger": ("pipeline: x\ntriggers:\n  - push:\n      {key}: {value}\n", list(TRIGGER)),
        "events": ("pipeline: x\ntriggers:\n  - {key}: {value}\n", ["push", "schedule", "opaque"]),
        "parameter": (
            "pipeline: x\nparameters:\n  p:\n    {key}: {value}\n",
            ["type", "default", "choices", "required"],
        ),
        "element": ("pipeline: x\n{key}:\n  - {value}\n", ["triggers", "stages", "variables"]),
        "entry": (
            "pipeline: x\n{key}:\n  k: {value}\n",
            ["stages", "parameters", "variables", "vendor", "runner"],
        ),
    }
    for frame, keys in frames.values():
        for key in keys:
            for value in VALUES.values():
                yield frame.replace("{key}", key).replace("{value}", value), f"{key}: {value}"


@pytest.mark.parametrize("free", [True, False])
def test_every_wrong_type_at_every_key_is_a_problem_with_its_line(native: Dialect, free: bool) -> None:
    dialect = FREE if free else native
    results = {text: _problems(text, dialect) for text, _ in _everywhere()}
    places = [where for problems in results.values() for where, _ in problems]
    messages = [message for problems in results.values() for _, message in problems]
    assert all(where.startswith("f.yaml:") and where.count(":") == 2 for where in places)
    assert [message for message in messages if "\n" in message or "None" in message] == []
    assert sum(map(bool, results.values())) > 500
    assert sum(not problems for problems in results.values()) > 100


def _problems(text: str, dialect: Dialect) -> tuple[tuple[str, str], ...]:
    """The problems of a file; one without any is written and read again."""
    try:
        pipeline = dialect.reader.read(single("f.yaml", text)).pipeline
    except InvalidPipeline as error:
        return error.problems
    again = dialect.writer.write(pipeline).documents
    assert dialect.reader.read(again).pipeline == pipeline, text
    return ()


WORDS = st.sampled_from(
    ["pipeline", "x", "stages", "steps", "run", ":", ": ", "\n", "\n  ", "\n    ", "- ", "[", "]", "{", "}", ",", "'", '"',
     "&a ", "*a", "<<", "|", ">", "!t ", "#", "${{", "}}", "on", "1", "~", "\t", "?", "%", "---", "\x00", "é", "\ufeff"]
)  # fmt: skip


@settings(max_examples=500)
@given(st.lists(WORDS, max_size=25).map("".join))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    conversion = convert(single("f.yaml", text), FREE, FREE)
    counts: Any = conversion.report.accounting.model_dump()
    assert counts.pop("nodes") == sum(counts.values())
    if conversion.report.outcome is Outcome.FAILED:
        assert all(finding.source.startswith("f.yaml:") for finding in conversion.report.findings)


@given(st.binary(max_size=60))
def test_whatever_bytes_there_are_they_are_text_or_refused(data: bytes) -> None:
    try:
        text = decode(data, "f")
    except ParseError as error:
        where = error.where
    else:
        where = None
        assert "\0" not in text
    assert where is None or where.startswith("f:")
