"""Webhooks: believed only when signed, and good for a hint."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipemgr.adapter import AuthenticationFailed, Refused, Webhook
from pipemgr.testing.fakes.circleci import CircleCI
from pipemgr.testing.fakes.circleci_shapes import identity
from pipemgr.testing.fakes.world import Run, World
from pipemgr_circleci import CircleCIAdapter

from .conftest import SECRET, Connect, ran, ref


def sign(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def webhook(body: Any, header: str | None = None) -> Webhook:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Webhook({"circleci-signature": f"v1={sign(content)}" if header is None else header}, content)


def completed(
    circle: CircleCI, run: Run, attempt: int = 1, event: str = "workflow-completed"
) -> dict[str, Any]:
    """A body as the reference of outbound webhooks shows it."""
    return {
        "id": "3888f21b",
        "type": event,
        "happened_at": "2026-11-01T08:00:00.000Z",
        "webhook": {"id": "cf8c4fdd", "name": "hub"},
        "project": {"id": "1", "name": "shop", "slug": "github/acme/shop"},
        "organization": {"id": "2", "name": "acme"},
        "workflow": {"id": circle.workflow_id(run, attempt), "name": "build", "status": "success"},
        "pipeline": {"id": identity("pipeline", run.id), "number": run.number},
    }


@pytest.mark.parametrize("event", ["workflow-completed", "job-completed"])
def test_a_webhook_hints_at_its_attempt(
    world: World, circle: CircleCI, adapter: CircleCIAdapter, event: str
) -> None:
    (run,) = ran(world)
    world.rerun(run)
    hints = adapter.receive(webhook(completed(circle, run, 2, event)))
    assert (hints.delivery, hints.event, hints.builds) == ("3888f21b", event, (ref(run, 2),))
    assert hints.relevant


def test_a_ping_is_about_nothing(adapter: CircleCIAdapter) -> None:
    hints = adapter.receive(webhook({"id": "p", "type": "ping", "webhook": {"id": "1"}}))
    assert (hints.delivery, hints.event, hints.builds, hints.relevant) == ("p", "ping", (), False)


def test_the_documented_signature_is_right(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The docs' own example: body `hello world`, secret `secret`. It gets past the check, and is then no JSON."""
    monkeypatch.setenv("CIRCLE_WEBHOOK_SECRET", "secret")
    header = "v1=734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a"
    with pytest.raises(Refused, match="no JSON") as told:
        connect().receive(webhook(b"hello world", header))
    assert not isinstance(told.value, AuthenticationFailed)


@pytest.mark.parametrize(
    "header",
    ["", "v1=", "v1", "v0={good}", "{good}", "v2={good}", "v1={good}0", "v1={other}", "v1=é", "v1={GOOD}"],
)
def test_nothing_but_the_right_signature_is_believed(adapter: CircleCIAdapter, header: str) -> None:
    body = b'{"id": "1", "type": "ping"}'
    good = sign(body)
    header = header.format(good=good, other=sign(body, "guess"), GOOD=good.upper())
    with pytest.raises(AuthenticationFailed):
        adapter.receive(webhook(body, header))


def test_a_newer_signature_beside_the_known_one_does_no_harm(adapter: CircleCIAdapter) -> None:
    body = b'{"id": "1", "type": "ping"}'
    assert adapter.receive(webhook(body, f"v1={sign(body)},v2=abc")).delivery == "1"
    with pytest.raises(AuthenticationFailed):
        adapter.receive(webhook(body, f"v1=abc,v0={sign(body)}"))


def test_without_a_secret_none_is_taken(connect: Connect) -> None:
    with pytest.raises(AuthenticationFailed):
        connect(webhook_secret=None).receive(webhook(b"{}", f"v1={sign(b'{}', '')}"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.dictionaries(st.sampled_from(
    ["id", "type", "project", "slug", "pipeline", "workflow"]), inner)))  # fmt: skip
def test_any_signed_body_is_a_hint_or_refused(connect: Connect, body: Any) -> None:
    told: Refused | None = None
    try:
        delivery = connect().receive(webhook(body)).delivery
    except Refused as error:
        told, delivery = error, ""
    assert delivery or told
    assert not isinstance(told, AuthenticationFailed)


def test_where_the_attempt_can_not_be_told_the_connection_is_polled(
    world: World, circle: CircleCI, adapter: CircleCIAdapter
) -> None:
    (run,) = ran(world)
    circle.broken.add(run.id)
    hints = adapter.receive(webhook(completed(circle, run)))
    assert (hints.builds, hints.relevant) == ((), True)
