"""What controllers tell through a Kubernetes API, on a fake of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipemgr.errors import AuthenticationFailed, NotAllowed, RateLimited, Unreachable
from pipemgr.ingest.poller import Pace, poll
from pipemgr.ledger import Ledger
from pipemgr.model.runs import BuildRef, Confidence
from pipemgr.testing.fakes.gitops import FakeCluster
from tests.adapters.gitops.conftest import Follower, Work, stage

pytest.importorskip("kubernetes")
Follow = Callable[..., Follower]


def at(minute: int) -> str:
    return f"2026-11-20T10:{minute:02}:00Z"


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    with FakeCluster() as server:
        yield server
    assert server.wrong == []


@pytest.fixture
def follower(follow: Follow, fake: FakeCluster, tmp_path: Path) -> Follower:
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(fake.kubeconfig), encoding="utf-8")
    return follow(kubernetes={"kubeconfig": "kubeconfig"})


def application(
    work: Work, sha: str, phase: str, minute: int, health: str = "Healthy", **more: Any
) -> dict[str, Any]:
    operation = {
        "phase": phase,
        "startedAt": at(minute),
        "syncResult": {"revision": sha},
        "message": phase.lower(),
    }
    if phase != "Running":
        operation["finishedAt"] = at(minute + 1)
    status = {
        "sync": {"status": "Synced", "revision": sha},
        "health": {"status": health},
        "operationState": operation,
    }
    return {
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": {"source": {"repoURL": str(work.bare), "path": "apps/shop"}},
        "status": {**status, **more},
    }


def test_argo_failed_sync_between_two_successes(work: Work, fake: FakeCluster, follower: Follower) -> None:
    sha = work.deploy()
    for phase, minute in (("Succeeded", 0), ("Running", 10), ("Failed", 10), ("Succeeded", 20)):
        fake.put("applications", application(work, sha, phase, minute))
        follower.poll()
    assert follower.results(sha) == ["success", "failure", "success"]
    failed = follower.attempts(sha)[1]
    assert failed.status.reason == "synced: failed"
    assert stage(failed, "synced").started_at is not None
    assert stage(failed, "synced").evidence.confidence is Confidence.CERTAIN
    follower.poll()
    assert follower.results(sha) == ["success", "failure", "success"]


def test_the_history_of_an_application_fills_what_no_poll_saw(
    work: Work, fake: FakeCluster, follower: Follower
) -> None:
    sha = work.deploy()
    history = [
        {"revision": sha, "deployStartedAt": at(minute), "deployedAt": at(minute + 1)} for minute in (0, 5)
    ]
    fake.put("applications", application(work, sha, "Failed", 9, history=history))
    follower.poll()
    assert follower.results(sha) == ["success", "success", "failure"]


def test_health_that_turns_after_the_end_is_an_attempt_of_its_own(
    work: Work, fake: FakeCluster, follower: Follower
) -> None:
    sha = work.deploy()
    seen = []
    for health in ("Progressing", "Healthy", "Degraded", "Degraded", "Healthy"):
        fake.put("applications", application(work, sha, "Succeeded", 0, health))
        follower.poll()
        seen.append(follower.results(sha))
    assert seen == [
        ["running"], ["success"], ["success", "failure"], ["success", "failure"], ["success", "failure", "success"],
    ]  # fmt: skip


def test_a_sync_whose_end_nobody_saw_is_unknown(work: Work, fake: FakeCluster, follower: Follower) -> None:
    sha = work.deploy()
    for phase, minute in (("Running", 0), ("Succeeded", 10)):
        fake.put("applications", application(work, sha, phase, minute))
        follower.poll()
    assert follower.results(sha) == ["unknown", "success"]


def kustomization(
    work: Work, sha: str, ready: str, reason: str, minute: int, **status: Any
) -> dict[str, Any]:
    condition = {
        "type": "Ready",
        "status": ready,
        "reason": reason,
        "message": reason,
        "lastTransitionTime": at(minute),
    }
    return {
        "metadata": {"name": "shop", "namespace": "flux-system", "generation": 2},
        "spec": {"path": "./apps/shop", "sourceRef": {"kind": "GitRepository", "name": "deploy"}},
        "status": {
            "observedGeneration": 2, "conditions": [condition], "lastAttemptedRevision": f"main@sha1:{sha}", **status,
        },
    }  # fmt: skip


def test_flux_green_then_red(work: Work, fake: FakeCluster, follower: Follower) -> None:
    sha = work.deploy()
    turns = [("Unknown", "Progressing"), ("True", "ReconciliationSucceeded"), ("False", "HealthCheckFailed")]
    for minute, (ready, reason) in enumerate(turns):
        fake.put("kustomizations", kustomization(work, sha, ready, reason, minute))
        follower.poll()
    assert follower.results(sha) == ["success", "failure"]
    assert "HealthCheckFailed" in follower.attempts(sha)[-1].status.reason


def test_a_status_of_an_older_generation_says_nothing(
    work: Work, fake: FakeCluster, follower: Follower
) -> None:
    sha = work.deploy()
    fake.put(
        "kustomizations", kustomization(work, sha, "True", "ReconciliationSucceeded", 0, observedGeneration=1)
    )
    follower.poll()
    assert follower.results(sha) == ["queued"]


def test_a_resource_of_another_repository_says_nothing(
    work: Work, fake: FakeCluster, follower: Follower
) -> None:
    sha = work.deploy()
    other = application(work, sha, "Failed", 0)
    other["spec"]["source"]["repoURL"] = "https://example.org/other.git"
    fake.put("applications", other)
    source = {
        "metadata": {"name": "deploy", "namespace": "flux-system"},
        "spec": {"url": "https://example.org/x"},
    }
    fake.put("gitrepositories", source)
    fake.put("kustomizations", kustomization(work, sha, "False", "BuildFailed", 0))
    follower.poll()
    assert follower.results(sha) == ["queued"]


def task_run(name: str, reason: str, code: int | None) -> dict[str, Any]:
    ended = {"exitCode": code, "reason": reason, "startedAt": at(1), "finishedAt": at(2)}
    step = {"name": "run", "container": "step-run", "terminated": ended} if code is not None else {
        "name": "run", "container": "step-run", "running": {"startedAt": at(1)},
    }  # fmt: skip
    word = "Unknown" if code is None else "True" if code == 0 else "False"
    return {
        "metadata": {"name": name, "namespace": "ci"},
        "status": {
            "podName": f"{name}-pod", "startTime": at(1), "steps": [step],
            "conditions": [{"type": "Succeeded", "status": word, "reason": reason}],
            **({"completionTime": at(2)} if code is not None else {}),
        },
    }  # fmt: skip


def pipeline_run(name: str, sha: str | None, word: str, reason: str) -> dict[str, Any]:
    labels = {"tekton.dev/pipeline": "shop", **({"pipelinesascode.tekton.dev/sha": sha} if sha else {})}
    children = [
        {"kind": "TaskRun", "name": f"{name}-{task}", "pipelineTaskName": task} for task in ("build", "test")
    ]
    return {
        "metadata": {
            "name": name, "namespace": "ci", "uid": f"uid-{name}", "labels": labels,
            "creationTimestamp": "2099-01-01T00:00:00Z",
        },
        "status": {
            "startTime": at(0), "childReferences": children, "skippedTasks": [{"name": "deploy", "reason": "When"}],
            "conditions": [{"type": "Succeeded", "status": word, "reason": reason}],
        },
    }  # fmt: skip


@pytest.mark.parametrize("named", [True, False])
def test_a_pipeline_run_has_stages_steps_and_logs(
    named: bool, work: Work, fake: FakeCluster, follower: Follower
) -> None:
    sha = work.deploy()
    fake.put("pipelineruns", pipeline_run("r1", sha if named else None, "Unknown", "Running"))
    fake.put("taskruns", task_run("r1-build", "Succeeded", 0))
    fake.put("taskruns", task_run("r1-test", "Running", None))
    fake.logs["ci/r1-test-pod/step-run"] = "häuser\n" * 3
    follower.poll()
    (build,) = follower.attempts(sha)
    assert build.status.state == "running"
    fake.put("taskruns", task_run("r1-test", "Error", 3))
    fake.put("pipelineruns", pipeline_run("r1", sha if named else None, "False", "Failed"))
    follower.poll()
    (build,) = follower.attempts(sha)
    assert build.status.result == "failure"
    words = {
        one.name: (str(one.status.result), [step.exit_code for step in one.steps]) for one in build.stages
    }
    assert words == {
        "pushed": ("success", []), "build": ("success", [0]), "test": ("failure", [3]), "deploy": ("skipped", []),
    }  # fmt: skip
    (log,) = (one for one in build.logs if one.stage == "r1-test")
    ref = BuildRef(pipeline="apps/shop", build=sha)
    whole = follower.adapter.logs(ref, log.name, 0)
    assert (whole.text, whole.complete) == ("häuser\n" * 3, True)
    assert follower.adapter.logs(ref, log.name, 8).text == "häuser\n" * 2


def test_two_runs_of_one_commit_at_once_are_two_attempts(
    work: Work, fake: FakeCluster, follower: Follower
) -> None:
    sha = work.deploy()
    for name in ("r1", "r2"):
        fake.put("pipelineruns", pipeline_run(name, sha, "Unknown", "Running"))
        fake.put("taskruns", task_run(f"{name}-build", "Running", None))
        fake.put("taskruns", task_run(f"{name}-test", "Running", None))
    follower.poll()
    assert follower.results(sha) == ["running", "running"]


def test_a_workflow_has_a_stage_for_each_node(work: Work, fake: FakeCluster, follower: Follower) -> None:
    sha = work.deploy()
    nodes = {
        "w": {"id": "w", "name": "w", "type": "DAG", "phase": "Failed"},
        "w-1": {"id": "w-1", "displayName": "a", "type": "Pod", "phase": "Succeeded", "startedAt": at(1), "finishedAt": at(2)},
        "w-2": {"id": "w-2", "displayName": "b", "type": "Pod", "phase": "Failed", "startedAt": at(3), "finishedAt": at(4),
                "outputs": {"exitCode": "7"}, "message": "Error (exit code 7)"},
        "w-3": {"id": "w-3", "displayName": "c", "type": "Skipped", "phase": "Omitted", "startedAt": at(4), "finishedAt": at(4)},
    }  # fmt: skip
    fake.put("workflows", {
        "metadata": {"name": "shop-x", "generateName": "shop-", "namespace": "ci", "uid": "u"},
        "spec": {"arguments": {"parameters": [{"name": "revision", "value": sha}]}},
        "status": {"phase": "Failed", "nodes": nodes},
    })  # fmt: skip
    follower.poll()
    (build,) = follower.attempts(sha)
    assert [(one.name, str(one.status.result)) for one in build.stages[1:]] == [
        ("a", "success"), ("b", "failure"), ("c", "skipped"),
    ]  # fmt: skip
    assert [step.exit_code for one in build.stages for step in one.steps] == [None, 7]


def test_a_long_list_is_read_in_chunks_and_begun_anew_when_its_token_is_too_old(
    work: Work, fake: FakeCluster, follower: Follower
) -> None:
    sha = work.deploy()
    for number in range(600):
        fake.put(
            "applications",
            {"metadata": {"name": f"x{number}", "namespace": "argocd"}, "spec": {}, "status": {}},
        )
    fake.put("applications", application(work, sha, "Succeeded", 0))
    fake.expire = True
    follower.poll()
    assert follower.results(sha) == ["success"]
    lists = [call for call in fake.calls if call.path.endswith("/applications")]
    assert [call.status for call in lists] == [200, 410, 200, 200, 200]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 401}, AuthenticationFailed),
        ({"status": 403}, NotAllowed),
        ({"status": 429, "headers": {"Retry-After": "3"}}, RateLimited),
        ({"status": 500}, Unreachable),
        ({"cut": 10, "times": 9}, Unreachable),
    ],
)
def test_faults_of_the_cluster_are_typed(
    fault: dict[str, Any], kind: type[Exception], work: Work, fake: FakeCluster, follower: Follower
) -> None:
    sha = work.deploy()
    fake.put("applications", application(work, sha, "Succeeded", 0))
    fake.fail("/applications", **fault)
    with pytest.raises(kind):
        follower.poll()
    fake.faults.clear()
    follower.poll()
    assert follower.results(sha) == ["success"]


@pytest.mark.parametrize(
    "junk",
    [{}, {"status": []}, {"metadata": {}, "spec": None}, {"status": {"operationState": "x", "history": 3}}],
)
def test_a_resource_of_another_shape_is_passed_over(
    junk: dict[str, Any], work: Work, fake: FakeCluster, follower: Follower
) -> None:
    sha = work.deploy()
    for plural in (
        "kustomizations",
        "helmreleases",
        "gitrepositories",
        "pipelineruns",
        "taskruns",
        "workflows",
    ):
        fake.items[plural] = [junk]
    fake.items["applications"] = [junk, application(work, sha, "Succeeded", 0)]
    follower.poll()
    assert follower.results(sha) == ["success"]


def test_the_ledger_holds_every_attempt_with_its_end(
    work: Work, fake: FakeCluster, follower: Follower, ledger: Ledger
) -> None:
    sha = work.deploy()
    ledger.store.register("deploy", "gitops")
    for phase, minute in (("Succeeded", 0), ("Running", 10), ("Failed", 10), ("Succeeded", 20)):
        fake.put("applications", application(work, sha, phase, minute))
        poll("deploy", follower.adapter, ledger, Pace(every=0.0))
    view = ledger.queries.build(f"apps/shop#{sha}")
    ends = [str(one.snapshot().status.result) for one in view.instances]
    assert ends == ["success", "failure", "success"]
    assert [one.snapshot().attempt for one in view.instances] == [1, 2, 3]
