"""Status: two words that never contradict each other, and one way to fold results."""

from functools import reduce
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipemgr.model.status import Result, State, Status, worst

results = st.sampled_from(Result)


@given(results, results, results)
def test_worst_is_a_fold(first: Result, second: Result, third: Result) -> None:
    assert worst(first, worst(second, third)) == worst(worst(first, second), third)
    assert worst(first, second) == worst(second, first)
    assert worst(first, first) == first
    assert worst(Result.SUCCESS, first) == first


@given(st.lists(results, min_size=1))
def test_one_bad_result_spoils_all(several: list[Result]) -> None:
    folded = reduce(worst, several)
    assert folded in several
    assert (folded is Result.ERROR) == (Result.ERROR in several)


@pytest.mark.parametrize(("state", "result"), list(product(State, [None, *Result])))
def test_a_result_exactly_when_finished(state: State, result: Result | None) -> None:
    if (result is not None) == (state is State.FINISHED):
        status = Status(state=state, result=result)
        assert status.finished == (result is not None)
    else:
        with pytest.raises(ValidationError):
            Status(state=state, result=result)


def test_unknown_is_never_good() -> None:
    good = {one for one in Result if Status(state=State.FINISHED, result=one).good}
    assert good == {Result.SUCCESS, Result.NEUTRAL, Result.SKIPPED}
    assert not Status(state=State.RUNNING).good
