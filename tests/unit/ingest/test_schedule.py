"""When to poll next: never later than is useful, never sooner than is polite."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.config import ConnectionConfig
from pipemgr.errors import RateLimited, Unreachable
from pipemgr.ingest.schedule import LONGEST_WAIT, Moment, Pace, interval, next_due, retry_due

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
PACE = Pace(every=60, running=10, idle=300)


def moment(hours=0.0, *, running=False, left=False, walking=False, wait=None):
    return Moment(NOW, running, left, walking, NOW - timedelta(hours=hours), wait)


def seconds(pace, known, chance=0.5):
    return (next_due(pace, known, chance) - NOW).total_seconds()


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (moment(), 60),
        (moment(0.9), 60),
        (moment(1.1), 120),
        (moment(2.5), 240),
        (moment(3), 300),
        (moment(1e6), 300),
        (moment(9, running=True), 10),
        (moment(9, walking=True), 10),
        (Moment(NOW, False, False, False, None), 120),
        (moment(running=True, left=True, wait=99), 0),
    ],
)
def test_intervals(known, expected):
    assert seconds(PACE, known) == expected


def test_what_is_left_is_done_at_once_and_else_the_vendors_word_counts():
    assert seconds(PACE, moment(running=True, wait=900), chance=0) == 900
    assert seconds(PACE, moment(wait=900), chance=1) == pytest.approx(990)


def test_an_interval_that_is_slower_than_the_slowest_stays():
    assert interval(Pace(every=3600, idle=300), moment(9)) == 3600
    assert interval(Pace(every=5, running=10), moment(running=True)) == 5


@given(st.floats(0, 1), st.floats(0, 1e5), st.booleans(), st.booleans())
def test_it_is_never_far_from_what_is_configured(chance, hours, running, walking):
    found = seconds(PACE, moment(hours, running=running, walking=walking), chance)
    assert 9 <= found <= 330


def test_pauses_after_failures_double_and_end():
    error = Unreachable("no answer")
    found = [(retry_due(NOW, count, error, 0.5) - NOW).total_seconds() for count in range(1, 9)]
    assert found == [30, 60, 120, 240, 480, 900, 900, 900]
    assert (retry_due(NOW, 10**6, error, 1.0) - NOW).total_seconds() == pytest.approx(990)


@given(st.floats(), st.floats(0, 1))
def test_a_vendor_gets_the_time_it_asks_for_but_no_more_than_a_day(asked, chance):
    found = (retry_due(NOW, 1, RateLimited("slow", retry_after=asked), chance) - NOW).total_seconds()
    assert 0 <= found <= LONGEST_WAIT
    if 0 <= asked <= LONGEST_WAIT - 1:
        assert found >= asked - 1e-5


def test_the_pace_is_what_is_configured():
    configured = ConnectionConfig(adapter="x")
    assert Pace.of(configured) == Pace()
    other = ConnectionConfig(adapter="x", poll_every="5m", storm=7, logs="failed", history="0s")
    assert Pace.of(other) == Pace(every=300, storm=7, logs="failed", history=0)
