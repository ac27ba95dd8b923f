"""Every word of every source has a row; a new one leaves the state to the dates and is never a success."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.adapter.registry import Registry
from pipemgr.model.reports import Phase
from pipemgr.model.status import State

# By the pages that statuses.yaml names.
WORDS = {
    "commit": {"error", "failure", "pending", "success"},
    "check": {
        "queued", "in_progress", "completed", "waiting", "requested", "pending", "success", "failure", "neutral",
        "cancelled", "skipped", "timed_out", "action_required", "stale", "startup_failure",
    },
    "deployment": {"error", "failure", "inactive", "pending", "success", "queued", "in_progress", "waiting"},
    "argo-sync": {"Unknown", "Synced", "OutOfSync"},
    "argo-health": {"Unknown", "Progressing", "Healthy", "Suspended", "Degraded", "Missing"},
    "argo-operation": {"Running", "Terminating", "Failed", "Error", "Succeeded"},
    "argo-resource": {"Synced", "SyncFailed", "Pruned", "PruneSkipped"},
    "argo-hydrate": {"Hydrating", "Failed", "Hydrated"},
    "flux": {
        "True", "False", "Unknown", "Succeeded", "Failed", "Progressing", "Suspended", "ProgressingWithRetry",
        "DependencyNotReady", "PruneFailed", "ArtifactFailed", "BuildFailed", "HealthCheckFailed",
        "HealthCheckCanceled", "ReconciliationSucceeded", "ReconciliationFailed",
    },
    "tekton": {
        "Unknown", "True", "False", "Started", "Running", "Cancelled", "Succeeded", "Completed", "Failed",
        "PipelineRunTimeout", "TaskRunTimeout", "CouldntGetPipeline",
    },
    "argo-workflow": {"Pending", "Running", "Succeeded", "Failed", "Error", "Skipped", "Omitted"},
    "report": {str(one) for one in Phase},
}  # fmt: skip
TABLE = Registry().tables("gitops").statuses


@pytest.mark.parametrize("kind", sorted(WORDS))
def test_the_table_is_total(kind: str) -> None:
    assert WORDS[kind] <= TABLE.words(kind)


@pytest.mark.parametrize("kind", sorted(WORDS))
@given(word=st.text(min_size=1, max_size=20), over=st.booleans())
def test_a_new_word_is_never_a_success(kind: str, word: str, over: bool) -> None:
    if word in TABLE.words(kind):
        return
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    status = TABLE.status(kind, word, started=moment, finished=moment if over else None)
    assert status.state is (State.FINISHED if over else State.RUNNING)
    assert not status.good


@pytest.mark.parametrize(
    ("condition", "reason", "expected"),
    [
        ("True", "Succeeded", "success"),
        ("True", "Completed", "success"),
        ("False", "PipelineRunTimeout", "timed_out"),
        ("False", "Cancelled", "canceled"),
        ("False", "CouldntGetPipeline", "error"),
        ("Unknown", "Running", "running"),
        ("False", "SomethingNew", "unknown"),
    ],
)
def test_a_reason_says_more_than_its_condition(condition: str, reason: str, expected: str) -> None:
    status = TABLE.status("tekton", condition, reason)
    assert str(status.result or status.state) == expected
