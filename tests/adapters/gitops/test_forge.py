"""What a forge tells of commits: statuses, checks and deployments, on the fake and on recordings."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.errors import AuthenticationFailed, RateLimited, Unreachable
from pipemgr.testing.fakes.gitops import FakeForge
from pipemgr_gitops import forge
from pipemgr_gitops.layout import Layout
from pipemgr_gitops.settings import GitOpsSettings
from tests.adapters.gitops.conftest import Follower, Work, stage

Follow = Callable[..., Follower]
FLUX = "kustomization/shop/0c9c2e41"


@pytest.fixture
def fake() -> Iterator[FakeForge]:
    with FakeForge() as server:
        yield server
    assert server.wrong == []


@pytest.fixture
def follower(follow: Follow, fake: FakeForge) -> Follower:
    return follow(forge={"url": fake.url, "repository": "acme/deploy"})


def test_flux_green_then_red_ends_red(work: Work, fake: FakeForge, follower: Follower) -> None:
    sha = work.deploy()
    fake.status(sha, FLUX, "success", "ReconciliationSucceeded")
    follower.poll()
    assert follower.results(sha) == ["success"]
    fake.status(sha, FLUX, "failure", "HealthCheckFailed")
    follower.poll()
    assert follower.results(sha) == ["success", "failure"]
    assert follower.attempts(sha)[-1].status.reason == "synced: HealthCheckFailed"
    follower.poll()
    assert follower.results(sha) == ["success", "failure"]


def test_a_failed_sync_between_two_successes_between_two_polls(
    work: Work, fake: FakeForge, follower: Follower
) -> None:
    sha = work.deploy()
    follower.poll()
    for state in ("pending", "success", "pending", "failure", "success"):
        fake.status(sha, FLUX, state, state)
    follower.poll()
    assert follower.results(sha) == ["success", "failure", "success"]


def test_a_failure_on_the_fourth_page_is_found(work: Work, fake: FakeForge, follower: Follower) -> None:
    sha = work.deploy()
    fake.status(sha, FLUX, "failure")
    for number in range(350):
        fake.status(sha, f"lint/{number}", "success")
    follower.poll()
    assert follower.results(sha) == ["failure"]


def test_a_status_that_is_no_controllers_is_not_a_reconciliation(
    work: Work, fake: FakeForge, follower: Follower
) -> None:
    sha = work.deploy()
    fake.status(sha, "ci/lint", "failure")
    follower.poll()
    assert follower.results(sha) == ["queued"]


def test_a_status_of_a_later_commit_is_news_only_when_it_ends_otherwise(
    work: Work, follow: Follow, fake: FakeForge
) -> None:
    environments = {"": {"contexts": ["kustomization/{pipeline}/*"]}}
    follower = follow(forge={"url": fake.url, "repository": "acme/deploy"}, environments=environments)
    sha = work.deploy()
    fake.status(sha, FLUX, "success")
    follower.poll()
    later = work.deploy(pipeline="blog")
    fake.status(later, FLUX, "success")
    follower.poll()
    assert follower.results(sha) == ["success"]
    fake.status(later, FLUX, "failure")
    follower.poll()
    assert follower.results(sha) == ["success", "failure"]


def test_check_runs_and_deployments_are_read(work: Work, follow: Follow, fake: FakeForge) -> None:
    follower = follow(
        forge={"url": fake.url, "repository": "acme/deploy"},
        environments={"prod": {"contexts": ["Pipelines as Code*"], "deployments": ["production"]}},
    )
    sha = work.deploy()
    fake.check(sha, "Pipelines as Code CI / shop", "completed", "success")
    deployment = fake.deployment(sha, "production")
    follower.poll()
    assert follower.results(sha) == ["queued"]
    fake.deployed(deployment, "in_progress")
    follower.poll()
    assert follower.results(sha) == ["running"]
    fake.deployed(deployment, "failure", "no quota")
    follower.poll()
    (build,) = follower.attempts(sha)
    assert (build.status.result, build.status.reason) == ("failure", "synced in prod: no quota")
    assert {one.evidence.source for one in build.stages[1:] if one.evidence} == {
        "check run Pipelines as Code CI / shop", f"deployment {deployment['id']}",
    }  # fmt: skip
    fake.deployed(deployment, "inactive")
    follower.poll()
    assert follower.results(sha) == ["failure"]


def test_an_idle_poll_costs_one_conditional_request_a_list(
    work: Work, fake: FakeForge, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = work.deploy()
    fake.status(sha, FLUX, "success")
    follower.poll()
    follower.poll()
    commands: list[str] = []
    repository = follower.adapter.repository
    run = repository._run

    def counted(*words: str, **more: object) -> tuple[int, bytes, str]:
        commands.extend([words[0]] if more.get("remote") else [])
        return run(*words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(repository, "_run", counted)
    before = len(fake.calls)
    (page,) = follower.poll()
    asked = fake.asked(before)
    assert (page.builds, commands) == ((), ["ls-remote"])
    assert [call.status for call in asked] == [304, 304, 304]


@pytest.mark.parametrize("word", ["brand_new", "Success"])
def test_a_new_word_is_never_success(word: str, work: Work, fake: FakeForge, follower: Follower) -> None:
    sha = work.deploy()
    fake.status(sha, FLUX, word)
    follower.poll()
    (build,) = follower.attempts(sha)
    assert build.status.result != "success"
    assert stage(build, "synced").status.raw == word


def test_faults_of_the_forge_are_typed_and_the_next_poll_goes_on(
    work: Work, fake: FakeForge, follower: Follower
) -> None:
    sha = work.deploy()
    fake.status(sha, FLUX, "success")
    for fault, kind in (
        ({"status": 401}, AuthenticationFailed),
        ({"status": 403, "headers": {"Retry-After": "7"}}, RateLimited),
        ({"status": 502}, Unreachable),
    ):
        fake.fail("/statuses", **fault)
        with pytest.raises(kind):
            follower.poll()
    follower.poll()
    assert follower.results(sha) == ["success"]


# Recordings ----------------------------------------------------------------------------------------------


def cassettes(corpus: Path) -> Iterator[tuple[str, list[dict]]]:
    """Every list of statuses, check runs or deployment statuses that was recorded, with its address."""
    for file in sorted((corpus / "recordings" / "octokit-rb-cassettes").rglob("*.json")):
        for one in json.loads(file.read_text(encoding="utf-8"))["http_interactions"]:
            text = base64.b64decode(one["response"]["body"].get("base64_string", ""))
            try:
                body = json.loads(re.sub(rb'":<[A-Z_]+>', b'":0', text))  # a number that the recorder hid
            except ValueError:
                continue  # an empty answer
            rows = body.get("check_runs") if isinstance(body, dict) else body
            if isinstance(rows, list):
                yield one["request"]["uri"], [row for row in rows if isinstance(row, dict) and "id" in row]


@pytest.mark.corpus
def test_recorded_statuses_and_checks_are_told_as_they_are(corpus: Path) -> None:
    words = Registry().tables("gitops").statuses
    settings = GitOpsSettings(repository="/x", environments={"prod": {"contexts": ("*",)}})
    known: tuple[list[str], list[str]] = (["shop"], ["shop"])
    told = 0
    for uri, rows in cassettes(corpus):
        if "/statuses/" in uri and "/deployments/" not in uri:
            for row in rows:
                row.setdefault("context", "default")
            seen = [*forge.of_statuses(rows, "a" * 40, Layout(settings), known, words)]
            ends = {(one.stages[0].status.raw, one.stages[0].started_at is not None) for one in seen}
            assert ends == {(row["state"], True) for row in rows}
            told += len(seen)
        elif "check-runs" in uri:
            seen = [*forge.of_checks(rows, "a" * 40, Layout(settings), known, words)]
            assert [one.operation for one in seen] == [
                str(row["id"]) for row in sorted(rows, key=lambda r: r["id"])
            ]
            for one, row in zip(seen, sorted(rows, key=lambda r: r["id"]), strict=True):
                expected = " ".join(word for word in (row["status"], row["conclusion"]) if word)
                assert one.stages[0].status.raw == expected
                assert one.stages[0].status.finished == (row["status"] == "completed")
            told += len(seen)
    assert told >= 9
