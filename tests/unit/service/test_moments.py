"""Ranges of time as people write them."""

from datetime import UTC, datetime, timedelta

import pytest

from pipemgr.service.moments import moments

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("7d", at(13, 12), None),
        ("90m", at(20, 10) + timedelta(minutes=30), None),
        ("999999999d", datetime.min.replace(tzinfo=UTC), None),
        ("2026-11-01", at(1), at(2)),
        ("2026-11-01..", at(1), None),
        ("2026-11-01..*", at(1), None),
        ("..2026-11-03", None, at(4)),
        ("2026-11-01..2026-11-03", at(1), at(4)),
        ("2026-11-01T12:00..2026-11-01T13:00", at(1, 12), at(1, 13) + TICK),
        (">=2026-11-01", at(1), None),
        ("> 2026-11-01", at(2), None),
        ("<2026-11-01", None, at(1)),
        ("<=2026-11-01", None, at(2)),
        ("2026-11-01T12:00:00+02:00..", at(1, 10), None),
        ("2026-11-01T10:00:00Z..", at(1, 10), None),
        ("9999-12-31", datetime(9999, 12, 31, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_what_people_write(text, since, until):
    assert moments(text, NOW) == (since, until)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "7 days", "2026-11-01..soon", ">=", "7w"])
def test_what_is_no_time_is_told_with_the_forms_there_are(text):
    with pytest.raises(ValueError, match=r"is no date; write 2026-11-01"):
        moments(text, NOW)
