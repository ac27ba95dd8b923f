"""Cron texts: what is a time and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.translate.crons import cron_problem

RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> str:
    first = draw(st.integers(low, high))
    one = draw(st.sampled_from(["*", f"{first}", f"{first}-{draw(st.integers(first, high))}"]))
    step = draw(st.sampled_from(["", f"/{draw(st.integers(1, 60))}"]))
    return f"{one}{step}"


@given(st.tuples(*(st.lists(fields(*ends), min_size=1, max_size=3).map(",".join) for ends in RANGES)))
def test_every_time_is_one(parts: tuple[str, ...]) -> None:
    assert cron_problem(" ".join(parts)) is None


@pytest.mark.parametrize("text", ["0 0 1 JAN-mar *", "*/15 0,12 * * Mon-Fri", "  5  4 * * 7 "])
def test_names_and_spaces(text: str) -> None:
    assert cron_problem(text) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@daily", "not 1"),
        ("$cron-daily", "not 1"),
        ("0 0 * * * *", "not 6"),
        ("", "not 0"),
        ("60 * * * *", "'60' is no minute: they go from 0 to 59"),
        ("* 24 * * *", "'24' is no hour"),
        ("* * 0 * *", "'0' is no day: they go from 1 to 31"),
        ("* * * mon *", "'mon' is no month"),
        ("* * * * 8", "day of the week"),
        ("5-1 * * * *", "ends before it begins"),
        ("*/0 * * * *", "no number for its step"),
        ("*/x * * * *", "no number for its step"),
        ("*-5 * * * *", "is no minute"),
        ("1,,2 * * * *", "is no minute"),
        ("* * L * *", "'L' is no day"),
        ("* * * * 5#3", "is no day of the week"),
        ("H * * * *", "'H' is no minute"),
    ],
)
def test_what_is_none(text: str, said: str) -> None:
    assert said in str(cron_problem(text))
