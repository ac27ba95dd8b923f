"""The table of words: every word that CircleCI's pages name has a row of its kind, and the ends are ends."""

import pytest

from pipemgr.adapter import Tables
from pipemgr.model.status import Result, State

STATUSES = Tables.of("circleci").statuses

# API v2 and the guides of workflows and dynamic configuration.
PIPELINE = {"created", "errored", "setup-pending", "setup", "pending"}
WORKFLOW = {
    "success", "running", "not_run", "failed", "error", "failing", "on_hold", "canceled", "unauthorized", "queued"
}  # fmt: skip
JOB = {
    "success", "running", "not_run", "failed", "retried", "queued", "not_running", "infrastructure_fail", "timedout",
    "on_hold", "terminated-unknown", "blocked", "canceled", "unauthorized",
}  # fmt: skip
# API v1.1: lifecycle, outcome and status of a build; the second line are words of a recording.
OLD = {
    "queued",
    "not_run",
    "not_running",
    "running",
    "finished",
    "canceled",
    "infrastructure_fail",
    "timedout",
}
OLD |= {"failed", "no_tests", "success", "retried", "fixed", "scheduled"}
# API v3: phases and outcomes.
PHASES = {"created", "queued", "started", "ended"}
OUTCOMES = {
    "succeeded", "failed", "canceled", "errored", "not_run", "unauthorized", "infrastructure_fail", "timedout"
}  # fmt: skip
WORDS = {
    "pipeline": PIPELINE,
    "empty": PIPELINE,
    "workflow": WORKFLOW,
    "job": JOB | OLD,
    "left": JOB | OLD,
    "step": PHASES | OUTCOMES | {"success", "running"},
    "run": PHASES | OUTCOMES,
    "search": WORKFLOW,
    "test": {"success", "failure", "skipped", "error"},
}


@pytest.mark.parametrize("kind", sorted(WORDS))
def test_every_word_has_a_row(kind: str) -> None:
    assert WORDS[kind] - STATUSES.words(kind) == set()


@pytest.mark.parametrize("word", sorted(STATUSES.words("left")))
def test_nothing_goes_on_in_a_workflow_that_is_over(word: str) -> None:
    assert STATUSES.status("left", word).finished


@pytest.mark.parametrize(
    ("kind", "word", "state", "result"),
    [
        ("workflow", "failing", State.RUNNING, None),
        ("workflow", "on_hold", State.WAITING, None),
        ("workflow", "running", State.RUNNING, None),
        ("workflow", "canceled", State.FINISHED, Result.CANCELED),
        ("workflow", "unauthorized", State.FINISHED, Result.ERROR),
        ("workflow", "error", State.FINISHED, Result.ERROR),
        ("workflow", "not_run", State.FINISHED, Result.SKIPPED),
        ("job", "infrastructure_fail", State.FINISHED, Result.ERROR),
        ("job", "timedout", State.FINISHED, Result.TIMED_OUT),
        ("job", "terminated-unknown", State.FINISHED, Result.ERROR),
        ("job", "fixed", State.FINISHED, Result.SUCCESS),
        ("job", "retried", State.FINISHED, Result.FAILURE),
    ],
)
def test_words_that_others_get_wrong(kind: str, word: str, state: State, result: Result | None) -> None:
    status = STATUSES.status(kind, word)
    assert (status.state, status.result) == (state, result)


@pytest.mark.parametrize("outcome", sorted(OUTCOMES))
@pytest.mark.parametrize("kind", ["run", "step"])
def test_two_words_of_v3_agree_with_one_of_v2(kind: str, outcome: str) -> None:
    """A phase says how far, an outcome how it ended, or how it will while it goes on."""
    alone = STATUSES.status(
        "job", {"succeeded": "success", "errored": "infrastructure_fail"}.get(outcome, outcome)
    )
    ended, going = STATUSES.status(kind, "ended", outcome), STATUSES.status(kind, "started", outcome)
    assert (ended.state, ended.result) == (State.FINISHED, alone.result)
    assert (going.state, going.result, going.provisional) == (State.RUNNING, None, alone.result)
    assert STATUSES.status(kind, "ended").result is Result.UNKNOWN
    assert STATUSES.status(kind, "ended", "evaporated").result is Result.UNKNOWN


@pytest.mark.parametrize("kind", sorted(WORDS))
def test_only_good_words_are_good(kind: str) -> None:
    good = {word for word in STATUSES.words(kind) if STATUSES.status(kind, word).result is Result.SUCCESS}
    assert good <= {"success", "succeeded", "fixed"}
