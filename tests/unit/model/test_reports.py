"""Reports: written and read back, and refused with file and line where they are none."""

import json
from datetime import UTC, datetime

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.errors import ParseError
from pipemgr.model import reports
from pipemgr.model.reports import Phase, Report, read_note, read_report

SHA = "a" * 40
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}(/[a-z]{1,9})?", fullmatch=True)
REPORTS = st.builds(
    Report,
    pipeline=NAMES,
    environment=NAMES,
    revision=st.from_regex(r"[0-9a-f]{40}", fullmatch=True),
    phase=st.sampled_from(Phase),
    started=st.none() | MOMENTS,
    message=st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
    operation=st.text("abc0123", max_size=9),
)


@given(REPORTS)
def test_what_is_written_is_read(report):
    assert read_report(report.text().encode(), "x.json") == report
    assert read_note(report.text(indent=None).encode(), "note") == ((report,), ())
    jsonschema.validate(json.loads(report.text()), json.loads(reports.schema()))


def test_the_schema_that_is_shipped_is_current():
    assert reports.SCHEMA.read_text(encoding="utf-8") == reports.schema(), "python -m pipemgr.model.reports"


GOOD = {"version": 1, "pipeline": "shop", "environment": "prod", "revision": SHA, "phase": "synced"}


@pytest.mark.parametrize(
    ("data", "place", "word"),
    [
        (b'{"version": 1,\n"pipeline": }', "p.json:2:13", "JSON"),
        (b"{\n\n\xff}", "p.json:3", "UTF-8"),
        (b"[]", "p.json:1", "dictionary"),
        (b"", "p.json:1:1", "JSON"),
        (b"[" * 50_000, "p.json", ""),
        (b"x" * 70_000, "p.json", "bytes"),
        (json.dumps({**GOOD, "phase": "fine"}, indent=1).encode(), "p.json:6", "phase"),
        (json.dumps({**GOOD, "verdict": 1}, indent=1).encode(), "p.json:7", "verdict"),
        (json.dumps({**GOOD, "version": 2}, indent=1).encode(), "p.json:2", "version"),
        (json.dumps({**GOOD, "revision": "main"}, indent=1).encode(), "p.json:5", "full id"),
        (json.dumps({**GOOD, "pipeline": "../../x"}, indent=1).encode(), "p.json:3", "path"),
        (json.dumps({**GOOD, "started": "2026-01-01T00:00:00"}, indent=1).encode(), "p.json:7", "started"),
        (b'{"version": 1, "version": 1}', "p.json:1", "twice"),
        (
            json.dumps(
                {**GOOD, "started": "2026-01-02T00:00:00Z", "finished": "2026-01-01T00:00:00Z"}
            ).encode(),
            "p.json:1",
            "before",
        ),
    ],
)
def test_what_is_no_report_is_refused_with_its_place(data, place, word):
    with pytest.raises(ParseError) as refused:
        read_report(data, "p.json")
    assert str(refused.value.where).startswith(place)
    assert word in refused.value.message


def test_a_bad_line_of_a_note_does_not_hide_the_others():
    report = Report(**GOOD)
    data = b"Notes by hand\n\n" + report.text(indent=None).encode()
    read, problems = read_note(data, "refs/notes/pipemgr of aaaa")
    assert read == (report,)
    assert [str(one.where) for one in problems] == ["refs/notes/pipemgr of aaaa, line 1:1:1"]
