"""Test reports, as the tools write them and as strangers might."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.adapter import ParseError, junit
from pipemgr.model.status import Result

REPORT = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="outer"><testsuite name="inner" tests="5">
  <testcase classname="shop.Cart" name="adds" time="0.25"/>
  <testcase name="pays" time="1,234.5"><failure message="no money" type="E">trace</failure></testcase>
  <testcase name="ships"><error>
     boom </error><system-out>noise</system-out></testcase>
  <testcase name="waits" time="-1"><skipped/></testcase>
  <testcase name="odd" time="nan"><properties/></testcase>
</testsuite></testsuite></testsuites>"""


def test_cases_with_results_times_and_messages() -> None:
    found = junit.parse(REPORT)
    assert [(one.suite, one.name) for one in found] == [
        ("shop.Cart", "adds"), ("inner", "pays"), ("inner", "ships"), ("inner", "waits"), ("inner", "odd"),
    ]  # fmt: skip
    results = [Result.SUCCESS, Result.FAILURE, Result.ERROR, Result.SKIPPED, Result.SUCCESS]
    assert [one.result for one in found] == results
    assert [one.seconds for one in found] == [0.25, 1234.5, None, None, None]
    assert [one.message for one in found] == ["", "no money", "boom", "", ""]


def test_a_namespace_makes_no_difference() -> None:
    (case,) = junit.parse(
        b'<t:testsuite xmlns:t="urn:x"><t:testcase name="a"><t:error/></t:testcase></t:testsuite>'
    )
    assert case.result is Result.ERROR


def test_other_xml_is_no_report() -> None:
    assert junit.parse(b"<project/>") == ()


def test_what_is_no_xml_is_told_with_its_line() -> None:
    with pytest.raises(ParseError, match=r"a\.xml:2:"):
        junit.parse(b"<testsuite>\n<testcase name='a'>", "a.xml")
    with pytest.raises(ParseError):
        junit.parse(b"")


def test_control_characters_are_left_out() -> None:
    (case,) = junit.parse(b'<testcase name="a\x1b[31m&#x1b;&#27;&#65;&#10;b"/>')
    assert case.name == "a[31mA\nb"


def test_entities_bring_nothing_in(tmp_path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("classified")
    text = (
        f'<!DOCTYPE x [<!ENTITY f SYSTEM "file://{secret}">]><testcase name="a"><error>&f;</error></testcase>'
    )
    (case,) = junit.parse(text.encode())
    assert "classified" not in case.message


def test_a_bomb_does_not_go_off() -> None:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    text = f'<!DOCTYPE x [<!ENTITY l0 "ha">{levels}]><testcase name="a"><error>&l9;</error></testcase>'
    with pytest.raises(ParseError, match="amplification"):
        junit.parse(text.encode())


def test_utf_16() -> None:
    (case,) = junit.parse('<?xml version="1.0" encoding="utf-16"?><testcase name="ä"/>'.encode("utf-16"))
    assert case.name == "ä"


@given(st.binary(max_size=300))
def test_any_bytes_are_cases_or_a_parse_error(content: bytes) -> None:
    with contextlib.suppress(ParseError):
        assert isinstance(junit.parse(content), tuple)
