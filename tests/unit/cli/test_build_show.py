"""`pipemgr build show` and `pipemgr events`: what is told, and what can't be asked for."""

import re


def test_when_it_was_is_told(cli, built):
    said = cli("build", "show", "hello#1", at=built)
    assert re.search(
        r"^  started: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, \d+[smhd] ago$", said.out, re.MULTILINE
    )
    assert re.search(r"^  finished: .* ago$", said.out, re.MULTILINE)


def test_a_vendor_that_tells_no_address(cli, built):
    said = cli("build", "show", "hello#1", "--url", at=built)
    assert (said.code, said.out) == (1, "")
    assert "no address" in said.err


def test_a_misspelt_event_is_no_silence(cli, built):
    said = cli("events", "--name", "build.created", at=built)
    assert said.code == 2
    assert "did you mean 'build.create'?" in said.err
