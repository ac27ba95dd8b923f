"""Hooks: the one webhook that is taken, a small JSON of ours, since Jenkins itself sends none."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Final

from pipemgr.adapter import AuthenticationFailed, Hints, Refused, Webhook

SIGNATURE: Final = "x-pipemgr-signature"
"""`sha256=` and the hexadecimal HMAC-SHA256 of the body."""


def receive(webhook: Webhook, secret: str | None, where: str) -> Hints:
    """What a webhook hints at. Raises `AuthenticationFailed` unless it is signed with `secret`.

    The id of the delivery is in the signed body: nobody can send the same one again as a new one.
    """
    if not secret:
        raise AuthenticationFailed(
            "webhooks are not taken: no secret is set", where=where, remedy="set `webhook_secret`"
        )
    expected = "sha256=" + hmac.new(secret.encode(), webhook.body, hashlib.sha256).hexdigest()
    given = webhook.headers.get(SIGNATURE, "")
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise AuthenticationFailed(
            "the webhook's signature is missing or wrong", where=where, remedy="sign it with the same secret"
        )
    body = _object(webhook.body)
    delivery = str(body.get("delivery") or hashlib.sha256(webhook.body).hexdigest())
    return Hints(delivery=delivery[:200], event=str(body.get("event") or "build")[:200])


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused("the webhook's body is no JSON object", remedy="the adapter's README has its form")
    return found
