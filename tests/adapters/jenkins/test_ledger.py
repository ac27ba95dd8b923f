"""What a Jenkins' history becomes in a ledger, by the poller as it is: nothing lost, nothing twice."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter import AuthenticationFailed, Connection, NotAllowed, RateLimited, Retryable, Webhook
from pipemgr.adapter.guard import Guarded
from pipemgr.adapter.registry import Registry
from pipemgr.ingest.poller import Pace, Polled, poll
from pipemgr.ingest.webhooks import Reception, receive
from pipemgr.ledger import Ledger, open_ledger
from pipemgr.model.events import Kind
from pipemgr.model.runs import BuildRef
from pipemgr.model.status import Result, State
from pipemgr.testing.fakes.jenkins import JenkinsFake
from pipemgr.testing.fakes.jenkins_shapes import milliseconds
from pipemgr.testing.fakes.world import Attempt, Run, World
from pipemgr_jenkins import JenkinsAdapter
from tests.adapters.histories import NAME, Histories, tell_histories

Make = Callable[..., Any]
SECRET = "made-up-hook-secret"
WALKING = Pace(history=100 * 365 * 86_400.0, history_every=1e-6)


class Hub:
    """A ledger, and a Jenkins that is polled into it."""

    def __init__(self, ledger: Ledger, ci: Any) -> None:
        self.ledger, self.ci, self.world, self.fake = ledger, ci, ci.world, ci.fake
        inner = ci.make(webhook_secret="env:JENKINS_HOOK")
        self.adapter = Guarded(JenkinsAdapter, inner.connection, inner.settings)

    def poll(self, pace: Pace | None = None) -> Polled:
        return poll("ci", self.adapter, self.ledger, pace or Pace(history=0))

    def statuses(self) -> list[tuple[State, Result | None]]:
        found = self.ledger.queries.objects(Kind.BUILD_INSTANCE, limit=10_000)
        return [(one.status.state, one.status.result) for one in found if one.status]

    def results(self) -> list[Result | None]:
        return sorted((result for _, result in self.statuses()), key=str)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.store.register("ci", "jenkins")
    yield ledger
    ledger.close()


@pytest.fixture
def hub(ledger: Ledger, jenkins: Make) -> Hub:
    return Hub(ledger, jenkins())


def build(hub: Hub, name: str = "a", result: Result = Result.SUCCESS) -> Run:
    run: Run = hub.world.start(name)
    hub.world.begin(run)
    hub.world.print(run, "so it went\n")
    hub.world.tick()
    hub.world.finish(run, result)
    return run


def test_in_progress_at_poll_time_then_success(hub: Hub) -> None:
    run = hub.world.start("a")
    hub.world.begin(run)
    hub.poll()
    assert hub.statuses() == [(State.RUNNING, None)]
    hub.world.tick(60)
    hub.world.finish(run)
    hub.poll()
    assert hub.statuses() == [(State.FINISHED, Result.SUCCESS)]
    assert hub.poll().changes == 0


def test_an_idle_poll_costs_one_request(hub: Hub) -> None:
    for place in range(30):
        build(hub, f"team{place % 3}/job{place}")
    hub.poll()
    before = len(hub.fake.calls)
    hub.poll()
    assert hub.ci.asked(before) == ["GET /api/json"]


def test_101_builds_between_polls(hub: Hub) -> None:
    build(hub)
    hub.poll()
    for _ in range(101):
        build(hub)
    hub.poll()
    assert len(hub.statuses()) == 102


def test_more_than_1000_runs_in_one_second(hub: Hub) -> None:
    build(hub)
    hub.poll()
    for _ in range(1001):
        run = hub.world.start("a")
        hub.world.begin(run)
        hub.world.finish(run)
    found = hub.ci.poll()
    assert len({ref.build for ref in found}) == 1002


def test_rerun_29_days_later(hub: Hub) -> None:
    build(hub, result=Result.FAILURE)
    hub.poll(WALKING)
    hub.world.tick(29 * 86_400)
    build(hub)
    hub.poll()
    assert hub.results() == [Result.FAILURE, Result.SUCCESS]


def test_new_unknown_status_word(hub: Hub) -> None:
    run = build(hub)
    hub.fake.words[run.id] = "PONDERED"
    hub.poll()
    assert hub.statuses() == [(State.FINISHED, Result.UNKNOWN)]


def test_duplicate_and_out_of_order_webhooks(hub: Hub) -> None:
    hub.poll()
    build(hub)
    sent = (webhook("b"), webhook("a"), webhook("a"))
    told = [receive("ci", hub.adapter, hub.ledger, one).status for one in sent]
    assert told == [Reception.TAKEN, Reception.TAKEN, Reception.DUPLICATE]
    hub.poll()
    hub.poll()
    assert hub.statuses() == [(State.FINISHED, Result.SUCCESS)]


def test_webhook_lost(hub: Hub) -> None:
    hub.poll()
    build(hub)
    hub.poll()
    assert hub.statuses() == [(State.FINISHED, Result.SUCCESS)]


def test_403_with_retry_after_vs_real_403(hub: Hub) -> None:
    build(hub)
    hub.fake.fail("/api/json", status=403, headers={"Retry-After": "120"})
    with pytest.raises(RateLimited):
        hub.poll()
    hub.fake.fail("/api/json", status=403)
    with pytest.raises(NotAllowed):
        hub.poll()
    hub.poll()
    assert hub.results() == [Result.SUCCESS]


def test_a_restart_parks_nothing_and_loses_nothing(hub: Hub) -> None:
    run = hub.world.start("a")
    hub.world.begin(run)
    hub.poll()
    hub.fake.restart()
    while hub.fake.starting:
        with pytest.raises(Retryable):
            hub.poll()
    hub.world.finish(run)
    hub.poll()
    assert hub.statuses() == [(State.FINISHED, Result.SUCCESS)]
    (row,) = hub.ledger.queries.connections()
    assert row.health == "ok"


def test_a_revoked_token_parks(hub: Hub) -> None:
    hub.poll()
    hub.fake.token = "another"
    for _ in range(3):
        with pytest.raises(AuthenticationFailed):
            hub.poll()
    (row,) = hub.ledger.queries.connections()
    assert row.health == "parked"


def test_job_name_of_95_emoji(hub: Hub) -> None:
    build(hub, "team/" + "🚀" * 95)
    hub.poll()
    assert hub.statuses() == [(State.FINISHED, Result.SUCCESS)]


def test_an_empty_listing_does_not_prune(hub: Hub) -> None:
    build(hub)
    run = hub.world.start("a")
    hub.world.begin(run)
    hub.poll()
    hub.fake.fail("/api/json", status=200, body='{"_class": "hudson.model.Hudson", "jobs": []}')
    hub.poll()
    hub.world.finish(run)
    hub.poll()
    assert hub.results() == [Result.SUCCESS, Result.SUCCESS]


def test_a_plugin_that_is_upgraded_changes_no_build(hub: Hub) -> None:
    build(hub)
    hub.poll()
    hub.fake.session, hub.fake.plugin = "0badcafe", "stages"
    assert hub.poll().changes == 0
    assert hub.poll(WALKING).changes == 0


def test_numbers_that_begin_anew_are_builds_of_their_own(hub: Hub) -> None:
    for _ in range(2):
        build(hub)
    hub.poll()
    hub.fake.reset("a")
    hub.world.tick()
    build(hub, result=Result.FAILURE)
    hub.poll()
    assert hub.results() == [Result.FAILURE, Result.SUCCESS, Result.SUCCESS]


def test_a_deleted_build_that_was_open_is_closed(hub: Hub) -> None:
    run = hub.world.start("a")
    hub.world.begin(run)
    hub.poll()
    hub.world.delete(run)
    for _ in range(6):
        hub.poll()
        hub.ledger.store.retry("ci")
    assert hub.statuses() == [(State.FINISHED, Result.UNKNOWN)]


def test_one_build_that_always_fails_stops_no_other(hub: Hub) -> None:
    build(hub, "bad")
    build(hub, "good")
    hub.fake.fail("/job/bad/1/api/json", status=500)
    hub.poll()
    assert len(hub.statuses()) == 1
    hub.ledger.store.retry("ci")
    hub.poll()
    assert len(hub.statuses()) == 2


def webhook(delivery: str) -> Webhook:
    body = json.dumps({"delivery": delivery, "event": "run.completed", "job": "a"}).encode()
    mac = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return Webhook({"x-pipemgr-signature": f"sha256={mac}"}, body)


class OnJenkins(Histories):
    """Random histories on the fake. What is executed again is another build here."""

    reruns = False
    pipelines = ("web", "team/api", "mb/feature%2Fx")

    def connect(self, world: World) -> Guarded:
        """The adapter on a fake that serves the world."""
        self.jenkins = self.stack.enter_context(JenkinsFake(world, freestyle=("web",)))
        folder, registry = type(self).folder(), Registry()
        given = {"url": self.jenkins.url, "user": "pipemgr", "token": "env:JENKINS_TOKEN"}
        place = Connection(NAME, folder, folder / "state", registry.dialect, registry.tables("jenkins"))
        options = JenkinsAdapter.Settings.model_validate(given | {"webhook_secret": "env:JENKINS_HOOK"})
        adapter = Guarded(JenkinsAdapter, place, options)
        inner: Any = adapter._inner
        ask = inner.client._send

        def asked(*args: Any, **more: Any) -> Any:
            self.death()
            return ask(*args, **more)

        inner.client._send = asked
        inner._now = lambda: world.now
        self.stack.callback(inner.client.session.close)
        return adapter

    def ref(self, run: Run, attempt: Attempt) -> BuildRef | None:
        """A build's number and the moment it began; nothing while it is queued."""
        number = self.jenkins.number(run)
        if number is None:
            return None
        return BuildRef(pipeline=run.pipeline, build=f"{number}-{milliseconds(attempt.started_at)}")

    def fail(self, times: int) -> None:
        """The next requests fail."""
        self.jenkins.fail("/job/", status=502, times=times)

    def webhook(self, run: Run, delivery: str) -> Webhook:
        """One of ours."""
        return webhook(delivery)

    def drain(self) -> None:
        """Jenkins is well again."""
        self.jenkins.faults.clear()
        super().drain()
        assert self.jenkins.wrong == []


@pytest.mark.slow
def test_random_schedules(tmp_path: Path, token: None) -> None:
    tell_histories(OnJenkins, tmp_path)
