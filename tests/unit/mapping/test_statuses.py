"""Statuses: every word of every vendor has a state, and an unknown one never counts as success."""

import logging
from datetime import UTC, datetime

import pytest

from pipemgr.mapping.rows import StatusRow
from pipemgr.mapping.statuses import Statuses
from pipemgr.mapping.tables import Tables
from pipemgr.model.status import Result, State

NOW = datetime(2026, 11, 23, tzinfo=UTC)

# The words of GitHub's REST description and webhooks, by kind: its enumerations of status and conclusion.
CONCLUSIONS = {"success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"}
GITHUB = {
    "run": {"queued", "in_progress", "completed", "waiting", "requested", "pending", "stale", "startup_failure"}
    | CONCLUSIONS,
    "job": {"queued", "in_progress", "completed", "waiting", "requested", "pending"} | CONCLUSIONS,
    "check": {"queued", "in_progress", "completed", "waiting", "requested", "pending", "stale", "startup_failure"}
    | CONCLUSIONS,
    "step": {"queued", "in_progress", "completed", "success", "failure", "skipped", "cancelled"},
    "deployment": {
        "error", "failure", "inactive", "pending", "success", "queued", "in_progress", "waiting"
    },
    "commit": {"error", "failure", "pending", "success"},
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(GITHUB))
def test_every_word_of_github_has_a_row(kind: str) -> None:
    assert GITHUB[kind] - Tables.of("github-actions").statuses.words(kind) == set()


@pytest.mark.parametrize(
    ("words", "state", "result"),
    [
        (("queued", None), State.QUEUED, None),
        (("requested", None), State.QUEUED, None),
        (("in_progress", None), State.RUNNING, None),
        (("waiting", None), State.WAITING, None),
        (("pending", None), State.WAITING, None),
        (("completed", "success"), State.FINISHED, Result.SUCCESS),
        (("completed", "failure"), State.FINISHED, Result.FAILURE),
        (("completed", "cancelled"), State.FINISHED, Result.CANCELED),
        (("completed", "timed_out"), State.FINISHED, Result.TIMED_OUT),
        (("completed", "skipped"), State.FINISHED, Result.SKIPPED),
        (("completed", "neutral"), State.FINISHED, Result.NEUTRAL),
        (("completed", "startup_failure"), State.FINISHED, Result.ERROR),
        (("completed", "stale"), State.FINISHED, Result.ERROR),
        (("completed", "action_required"), State.WAITING, None),
        (("completed", None), State.FINISHED, Result.UNKNOWN),
        (("completed", "exploded"), State.FINISHED, Result.UNKNOWN),
    ],
)
def test_what_github_says_of_a_run(
    words: tuple[str | None, ...], state: State, result: Result | None
) -> None:
    status = Tables.of("github-actions").statuses.status("run", *words)
    assert (status.state, status.result) == (state, result)
    assert status.raw == " ".join(word for word in words if word)
    assert status.table == "github-actions/statuses@1"


def rows() -> Statuses:
    return Statuses(
        "acme/statuses@3",
        (
            StatusRow(word="on", kinds=("run",), state=State.RUNNING),
            StatusRow(word="failing", kinds=("run",), state=State.RUNNING, provisional=Result.FAILURE),
            StatusRow(
                word="good", kinds=("run",), state=State.FINISHED, result=Result.SUCCESS, reason="all well"
            ),
        ),
    )


def test_a_result_before_the_end_is_provisional() -> None:
    assert rows().status("run", "failing").provisional is Result.FAILURE
    assert rows().status("run", "on", "good").provisional is Result.SUCCESS
    assert rows().status("run", "on", "good").result is None


@pytest.mark.parametrize(
    ("started", "finished", "state", "result"),
    [
        (None, None, State.QUEUED, None),
        (NOW, None, State.RUNNING, None),
        (NOW, NOW, State.FINISHED, Result.UNKNOWN),
    ],
)
def test_an_unknown_word_leaves_the_state_to_the_dates(
    started: datetime | None, finished: datetime | None, state: State, result: Result | None
) -> None:
    status = rows().status("run", "brand_new", started=started, finished=finished)
    assert (status.state, status.result, status.raw) == (state, result, "brand_new")
    assert not status.good


def test_an_unknown_word_is_warned_about_once(caplog: pytest.LogCaptureFixture) -> None:
    table = rows()
    with caplog.at_level(logging.WARNING):
        table.status("run", "brand_new")
        table.status("run", "brand_new")
    assert [record.getMessage() for record in caplog.records] == [
        "acme/statuses@3: no row for the run status 'brand_new'; its result counts as unknown"
    ]


def test_a_known_word_beside_an_unknown_one_is_no_success() -> None:
    status = rows().status("run", "brand_new", "good")
    assert status.result is Result.UNKNOWN


def test_reasons_come_from_the_vendor_first() -> None:
    assert rows().status("run", "good").reason == "all well"
    assert rows().status("run", "good", reason="said so").reason == "said so"
