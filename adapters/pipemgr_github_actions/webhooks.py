"""Webhooks: whether GitHub sent it, and where it says to look."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from pipemgr.adapter import AuthenticationFailed, Hints, Refused, Webhook
from pipemgr.model.runs import BuildRef

from .names import attempts
from .repositories import matching

RELEVANT = frozenset({"workflow_run", "workflow_job", "deployment_review", "deployment_protection_rule"})
"""Events (`X-GitHub-Event`) after which a build is another than before (docs: webhook events and payloads)."""


def verify(webhook: Webhook, secret: str | None, where: str) -> None:
    """Refuse a webhook unless `X-Hub-Signature-256` is the HMAC of its raw body.

    Raises `AuthenticationFailed`, also when there is no secret to go by.
    """
    if not secret:
        remedy = "set webhook_secret in the connection's settings, and the same secret at GitHub"
        raise AuthenticationFailed("webhooks are not taken without a secret", where=where, remedy=remedy)
    right = "sha256=" + hmac.new(secret.encode(), webhook.body, hashlib.sha256).hexdigest()
    given = webhook.headers.get("x-hub-signature-256", "")
    if not hmac.compare_digest(right.encode(), given.encode("utf-8", "replace")):
        remedy = "give GitHub's webhook the secret that the connection has"
        raise AuthenticationFailed("a webhook's signature is missing or wrong", where=where, remedy=remedy)


def hints(webhook: Webhook, patterns: tuple[str, ...], where: str) -> Hints:
    """What a webhook of GitHub says; raises `Refused` for one that is none."""
    delivery, event = (webhook.headers.get(f"x-github-{name}", "") for name in ("delivery", "event"))
    payload = _payload(webhook, where)
    if not delivery or not event:
        raise Refused("a webhook without X-GitHub-Delivery or X-GitHub-Event", where=where)
    full_name = str((payload.get("repository") or {}).get("full_name") or "")
    repository = matching(patterns, full_name)
    if repository is None or event not in RELEVANT:
        return Hints(delivery=delivery, event=event, relevant=False)
    return Hints(delivery=delivery, event=event, builds=_builds(payload, repository))


def _payload(webhook: Webhook, where: str) -> dict[str, Any]:
    try:
        payload = json.loads(webhook.body)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        remedy = "choose the content type application/json for the webhook"
        raise Refused("a webhook whose body is no JSON object", where=where, remedy=remedy)
    return payload


def _builds(payload: dict[str, Any], repository: str) -> tuple[BuildRef, ...]:
    """The newest attempt of its run. That of a job does not tell which workflow it is of: then all is polled."""
    run = payload.get("workflow_run")
    if not isinstance(run, dict) or "id" not in run or "path" not in run:
        return ()
    return tuple(attempts(repository, run)[-1:])
