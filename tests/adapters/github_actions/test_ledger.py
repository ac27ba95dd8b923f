"""What GitHub's history becomes in a ledger, by the poller as it is: nothing lost, nothing twice."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter import AuthenticationFailed, Connection, NotAllowed, RateLimited, Tables, Webhook
from pipemgr.adapter.guard import Guarded
from pipemgr.adapter.registry import Registry
from pipemgr.ingest.poller import Pace, Polled, poll
from pipemgr.ingest.webhooks import Reception, receive
from pipemgr.ledger import Ledger, open_ledger
from pipemgr.model.events import Kind
from pipemgr.model.runs import BuildRef
from pipemgr.model.status import Result, State
from pipemgr.testing.fakes.github import GitHub
from pipemgr.testing.fakes.world import Attempt, Run, World
from pipemgr_github_actions import GitHubActionsAdapter
from tests.adapters.histories import NAME, Histories, tell_histories

from .conftest import SECRET, TOKEN, Connect

CI = "acme/shop:ci.yml"
WALKING = Pace(history=100 * 365 * 86_400.0, history_every=1e-6)


class Hub:
    """A ledger, and a connection that is polled into it."""

    def __init__(self, ledger: Ledger, connect: Connect) -> None:
        self.ledger = ledger
        adapter = connect()
        self.adapter = Guarded.__new__(Guarded)
        self.adapter.connection, self.adapter.settings = adapter.connection, adapter.settings
        self.adapter._inner = adapter

    def poll(self, pace: Pace | None = None) -> Polled:
        return poll("gh", self.adapter, self.ledger, pace or Pace(history=0))

    def statuses(self) -> dict[str, tuple[State, Result | None]]:
        found = self.ledger.queries.objects(Kind.BUILD_INSTANCE, limit=10_000)
        return {one.key: (one.status.state, one.status.result) for one in found if one.status}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.store.register("gh", "github-actions")
    yield ledger
    ledger.close()


@pytest.fixture
def hub(ledger: Ledger, connect: Connect) -> Hub:
    return Hub(ledger, connect)


def ended(statuses: dict[str, Any]) -> list[Any]:
    return [result for state, result in statuses.values() if state is State.FINISHED]


def test_in_progress_at_poll_time_then_success(world: World, hub: Hub) -> None:
    run = world.start(CI)
    world.begin(run)
    hub.poll()
    assert list(hub.statuses().values()) == [(State.RUNNING, None)]
    world.tick(60)
    world.finish(run)
    hub.poll()
    assert list(hub.statuses().values()) == [(State.FINISHED, Result.SUCCESS)]
    assert hub.poll().changes == 0


def test_an_idle_poll_costs_one_request(world: World, github: GitHub, hub: Hub) -> None:
    for _ in range(20):
        world.finish(world.start(CI))
    hub.poll()
    before, spent = len(github.calls), github.spent
    hub.poll()
    assert [call.status for call in github.asked(before)] == [304]
    assert github.spent == spent


def test_rerun_29_days_later(world: World, hub: Hub) -> None:
    old = world.start(CI)
    world.finish(old, Result.FAILURE)
    for _ in range(120):
        world.tick(60)
        world.finish(world.start(CI))
    hub.poll(WALKING)
    assert len(hub.statuses()) == 121
    world.tick(29 * 86_400 - 120 * 60)
    world.rerun(old)
    world.finish(old)
    hub.poll(WALKING)
    hub.poll(WALKING)
    results = {name: result for name, (_, result) in hub.statuses().items() if f"{old.id}/" in name}
    assert sorted(results.values()) == [Result.FAILURE, Result.SUCCESS]


def test_duplicate_and_out_of_order_webhooks(world: World, hub: Hub) -> None:
    run = world.start(CI)
    world.begin(run)
    late = webhook(run, "a")
    world.finish(run)
    sent = (webhook(run, "b"), late, late)
    told = [receive("gh", hub.adapter, hub.ledger, one).status for one in sent]
    assert told == [Reception.TAKEN, Reception.TAKEN, Reception.DUPLICATE]
    hub.poll()
    hub.poll()
    assert ended(hub.statuses()) == [Result.SUCCESS]
    created = [
        one for one in hub.ledger.queries.events(0, 1000) if one.name == f"{Kind.BUILD_INSTANCE}.create"
    ]
    assert len(created) == 1


def test_webhook_lost(world: World, hub: Hub) -> None:
    hub.poll()
    world.finish(world.start(CI))
    hub.poll()
    assert ended(hub.statuses()) == [Result.SUCCESS]


def test_304_after_200(world: World, github: GitHub, hub: Hub) -> None:
    run = world.start(CI)
    hub.poll()
    world.begin(run)
    hub.poll()
    hub.poll()
    world.finish(run)
    hub.poll()
    assert ended(hub.statuses()) == [Result.SUCCESS]


def test_403_with_retry_after_vs_real_403(world: World, github: GitHub, hub: Hub) -> None:
    world.finish(world.start(CI))
    github.fail("/runs", status=403, headers={"Retry-After": "120"})
    with pytest.raises(RateLimited):
        hub.poll()
    github.fail("/runs", status=403, body='{"message": "Resource not accessible by personal access token"}')
    with pytest.raises(NotAllowed, match="not accessible"):
        hub.poll()
    hub.poll()
    assert ended(hub.statuses()) == [Result.SUCCESS]


def test_a_revoked_token_parks(world: World, github: GitHub, hub: Hub) -> None:
    github.token = "another"
    for _ in range(3):
        with pytest.raises(AuthenticationFailed):
            hub.poll()
    (row,) = hub.ledger.queries.connections()
    assert row.health == "parked"


def test_one_run_that_always_fails_stops_no_other(world: World, github: GitHub, hub: Hub) -> None:
    bad, good = world.start(CI), world.start(CI)
    world.finish(bad)
    world.finish(good)
    github.fail(f"/runs/{bad.id}/", status=500, times=1)
    hub.poll()
    assert len(hub.statuses()) == 1
    hub.ledger.store.retry("gh")
    hub.poll()
    assert len(hub.statuses()) == 2


def test_new_unknown_status_word(world: World, hub: Hub) -> None:
    run = world.start(CI)
    world.finish(run, Result.UNKNOWN)
    hub.poll()
    assert ended(hub.statuses()) == [Result.UNKNOWN]


def test_more_than_1000_runs_in_one_second_are_told(world: World, hub: Hub, connect: Connect) -> None:
    for _ in range(1001):
        world.finish(world.start(CI))
    world.tick(40 * 86_400)
    page, gaps = hub.adapter.history({}, world.now - timedelta(days=60)), []
    while page.more:
        gaps += page.gaps
        page = hub.adapter.history(page.cursor, world.now - timedelta(days=60))
    assert [(gap.expected, gap.found) for gap in gaps] == [(1001, 1000)]


def test_a_deleted_run_that_was_open_is_closed(world: World, hub: Hub) -> None:
    run = world.start(CI)
    hub.poll()
    world.delete(run)
    for _ in range(6):
        hub.poll()
        hub.ledger.store.retry("gh")
    assert list(hub.statuses().values()) == [(State.FINISHED, Result.UNKNOWN)]


def webhook(run: Run, delivery: str) -> Webhook:
    payload = {
        "action": "completed",
        "workflow_run": {
            "id": run.id,
            "run_attempt": run.latest.number,
            "path": f".github/workflows/{run.pipeline.partition(':')[2]}",
        },
        "repository": {"full_name": "acme/shop"},
    }
    body = json.dumps(payload).encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "x-hub-signature-256": signature,
        "x-github-delivery": delivery,
        "x-github-event": "workflow_run",
    }
    return Webhook(headers, body)


class OnGitHub(Histories):
    """Random histories on the fake."""

    pipelines = (CI, "acme/shop:release.yml")

    def connect(self, world: World) -> Guarded:
        """The adapter on a fake that serves the world."""
        self.github = self.stack.enter_context(GitHub(world, token=TOKEN))
        folder = type(self).folder()
        given = {
            "url": self.github.url,
            "token": "env:GITHUB_TOKEN",
            "repositories": ["acme/shop"],
            "webhook_secret": "env:WEBHOOK_SECRET",
        }
        place = Connection(NAME, folder, folder, Registry().dialect, Tables.of("github-actions"))
        adapter = Guarded(GitHubActionsAdapter, place, GitHubActionsAdapter.Settings.model_validate(given))
        inner: Any = adapter._inner
        ask = inner.client._ask

        def asked(*args: Any) -> Any:
            self.death()
            return ask(*args)

        inner.client._ask = asked
        self.stack.callback(inner.client.close)
        return adapter

    def ref(self, run: Run, attempt: Attempt) -> BuildRef:
        """A run's id and its attempt."""
        return BuildRef(pipeline=run.pipeline, build=str(run.id), attempt=attempt.number)

    def fail(self, times: int) -> None:
        """The next requests fail."""
        self.github.fail("/repos/", status=502, times=times)

    def webhook(self, run: Run, delivery: str) -> Webhook:
        """A run that changed."""
        return webhook(run, delivery)

    def drain(self) -> None:
        """GitHub is well again."""
        self.github.faults.clear()
        super().drain()
        assert self.github.wrong == []


@pytest.mark.slow
def test_random_schedules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)

    tell_histories(OnGitHub, tmp_path)
