"""Cron texts: what is a time and what is none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.model.definitions import Pipeline, Trigger
from pipemgr.translate.crons import certain, cron_problem
from pipemgr.translate.report import Fidelity
from pipemgr.translate.spreading import certain_times

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
        (f"{'9' * 5000} * * * *", "is no minute"),
        (f"*/{'9' * 5000} * * * *", "no number for its step"),
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


# Times with H -------------------------------------------------------------------------------------------

SPREAD = ("H", "H/15", "H(2-5)", "H(1-6)/2", "H/90", "H,3")
SHORT = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")


@pytest.mark.parametrize(
    "text", [*SHORT, "H H(0-7) * * H(1-5)", "H/15 * * * *", "H(0-29)/10 9-16 1,15 1-11 *"]
)
def test_who_chooses_takes_times_with_h(text: str) -> None:
    assert cron_problem(text) is not None
    assert cron_problem(text, spreads=True) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("H(0-60) * * * *", "they go from 0 to 59"),
        ("H(9-1) * * * *", "ends before"),
        ("H/0 * * * *", "no number for its step"),
        ("H(1,2) * * * *", "is no minute"),
        ("@often", "not 1"),
        ("h * * * *", "'h' is no minute"),
    ],
)
def test_not_every_h_is_a_time(text: str, said: str) -> None:
    assert said in str(cron_problem(text, spreads=True))
    assert certain(text, "x") == text


@given(
    st.lists(st.sampled_from((*SPREAD, "*", "2", "1-6/2")), min_size=5, max_size=5).map(" ".join), st.text()
)
def test_a_time_with_h_becomes_a_certain_one_that_stays(text: str, name: str) -> None:
    found = certain(text, name)
    assert cron_problem(found) is None
    assert found == certain(text, name) == certain(found, name)
    assert "H" not in found
    assert "H" in text or found == text


@pytest.mark.parametrize(
    ("text", "field", "low", "high"),
    [
        ("* * H * *", 2, 1, 28),
        ("* * * * H", 4, 0, 6),
        ("H(10-12) * * * *", 0, 10, 12),
        ("@midnight", 1, 0, 2),
    ],
)
def test_numbers_lie_where_the_text_says(text: str, field: int, low: int, high: int) -> None:
    found = {int(certain(text, f"pipeline {at}").split()[field]) for at in range(500)}
    assert found == set(range(low, high + 1))


def test_steps_begin_somewhere_and_go_on_to_the_end() -> None:
    found = {certain("H/20 * * * *", f"pipeline {at}") for at in range(500)}
    assert found == {f"{at},{at + 20},{at + 40} * * * *" for at in range(20)}
    many = {certain("H/5 * * * *", f"pipeline {at}") for at in range(100)}
    assert many == {f"{at}-59/5 * * * *" for at in range(5)}


def test_a_target_that_wants_a_certain_time_gets_one_and_people_are_told(poor: Any) -> None:
    triggers = (Trigger(event="push"), Trigger(event="schedule", cron="H 4 * * *"))
    changed, (finding,) = certain_times(Pipeline(name="x", triggers=triggers), poor())
    assert changed.triggers[0] == triggers[0]
    assert str(changed.triggers[1].cron).endswith(" 4 * * *")
    assert (finding.path, finding.what) == ("triggers[1].cron", "cron H 4 * * *")
    assert str(changed.triggers[1].cron) in finding.why


def test_who_chooses_itself_keeps_the_h(native: Any) -> None:
    pipeline = Pipeline(name="x", triggers=(Trigger(event="schedule", cron="@daily"),))
    assert certain_times(pipeline, native) == (pipeline, ())


def test_polling_is_left_to_who_needs_it(poor: Any) -> None:
    whole = Pipeline(name="x", triggers=(Trigger(event="push", options={"poll": "H/5 * * * *", "a": 1}),))
    changed, (finding,) = certain_times(whole, poor())
    assert changed.triggers[0].options == {"a": 1}
    assert finding.path == "triggers[0].options.poll"


def test_a_time_that_nobody_can_work_out_is_left_out(poor: Any) -> None:
    triggers = (
        Trigger(event="schedule", cron="${{ case(branch == 'main', '0 1 * * *', '') }}"),
        Trigger(event="push"),
    )
    made, (finding,) = certain_times(Pipeline(name="x", triggers=triggers), poor())
    assert [one.event for one in made.triggers] == ["push"]
    assert (finding.fidelity, finding.path) == (Fidelity.DROPPED, "triggers[0]")
