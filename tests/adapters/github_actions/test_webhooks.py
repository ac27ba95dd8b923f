"""Webhooks: only GitHub's, once each, and only as hints."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.adapter import AuthenticationFailed, Refused, Webhook
from pipemgr.model.runs import BuildRef
from pipemgr_github_actions import GitHubActionsAdapter
from pipemgr_github_actions.webhooks import verify

from .conftest import SECRET, Connect

RUN = {
    "action": "completed",
    "workflow_run": {"id": 5, "run_attempt": 2, "path": ".github/workflows/ci.yml"},
    "repository": {"full_name": "Acme/Shop"},
}


def sent(payload: Any, event: str = "workflow_run", **headers: str) -> Webhook:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    given = {
        "x-hub-signature-256": f"sha256={signature}",
        "x-github-delivery": "d-1",
        "x-github-event": event,
    }
    return Webhook({**given, **{name.replace("_", "-"): text for name, text in headers.items()}}, body)


def test_a_run_is_looked_at_under_the_name_that_it_is_watched_by(adapter: GitHubActionsAdapter) -> None:
    hints = adapter.receive(sent(RUN))
    assert (hints.delivery, hints.event, hints.relevant) == ("d-1", "workflow_run", True)
    assert hints.builds == (BuildRef(pipeline="acme/shop:ci.yml", build="5", attempt=2),)


def test_a_job_says_that_something_happened(adapter: GitHubActionsAdapter) -> None:
    job = {"workflow_job": {"id": 9, "run_id": 5}, "repository": {"full_name": "acme/shop"}}
    hints = adapter.receive(sent(job, "workflow_job"))
    assert (hints.builds, hints.relevant) == ((), True)


@pytest.mark.parametrize("event", ["ping", "push", "star"])
def test_other_events_are_not_relevant(adapter: GitHubActionsAdapter, event: str) -> None:
    assert not adapter.receive(sent(RUN, event)).relevant


def test_other_repositories_are_not_relevant(connect: Connect) -> None:
    assert not connect(repositories=["acme/other", "umbrella/*"]).receive(sent(RUN)).relevant
    hints = connect(repositories=["acme/s*"]).receive(sent(RUN))
    assert hints.builds[0].pipeline == "Acme/Shop:ci.yml"


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=00", "sha1=00", "\u00fc", "sha256=" + "0" * 64])
def test_a_wrong_signature_is_refused(adapter: GitHubActionsAdapter, signature: str) -> None:
    with pytest.raises(AuthenticationFailed):
        adapter.receive(sent(RUN, x_hub_signature_256=signature))


def test_the_signature_is_of_the_bytes_as_they_came(adapter: GitHubActionsAdapter) -> None:
    webhook = sent(RUN)
    with pytest.raises(AuthenticationFailed):
        adapter.receive(Webhook(webhook.headers, webhook.body + b" "))


def test_without_a_secret_nothing_is_taken(connect: Connect) -> None:
    with pytest.raises(AuthenticationFailed, match="without a secret"):
        connect(webhook_secret=None).receive(sent(RUN))


@pytest.mark.parametrize("body", [b"payload=%7B%7D", b"[]", b"", b"[" * 5000])
def test_a_body_of_another_kind_is_refused(adapter: GitHubActionsAdapter, body: bytes) -> None:
    with pytest.raises(Refused, match="no JSON object"):
        adapter.receive(sent(body))


def test_a_webhook_without_its_delivery_is_refused(adapter: GitHubActionsAdapter) -> None:
    with pytest.raises(Refused, match="X-GitHub-Delivery"):
        adapter.receive(sent(RUN, x_github_delivery=""))


@given(st.binary(max_size=50), st.text(max_size=80))
def test_no_guess_is_let_in(body: bytes, signature: str) -> None:
    with pytest.raises(AuthenticationFailed):
        verify(Webhook({"x-hub-signature-256": signature}, body), SECRET, "gh")
