"""Webhooks: what CircleCI sends when a workflow or a job has ended. It tells of no beginnings.

`circleci-signature` is a list of signatures by version, `v1=...,v2=...`. The newest version that is known here, v1, is
the only one that counts: an older, weaker one can't take its place (docs: "Outbound webhooks", section "Validate").
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from typing import Any, Final

from pipemgr.adapter import AuthenticationFailed, Hints, Refused, Webhook
from pipemgr.model.runs import BuildRef

from .settings import canonical

EVENTS: Final = ("workflow-completed", "job-completed")
VERSION: Final = "v1"
"""The newest version of the signature that is known."""


def hint(webhook: Webhook, sign: str, where: str, attempt: Callable[[str, str], int | None]) -> Hints:
    """What a webhook hints at; `sign` is its right signature, `attempt` tells a workflow's place in its pipeline.

    Raises `AuthenticationFailed` for a wrong signature and `Refused` for a body that is no webhook's.
    """
    _verify(webhook.headers.get("circleci-signature", ""), sign, where)
    body = _body(webhook.body, where)
    event, delivery = str(body.get("type") or ""), str(body["id"])
    if event not in EVENTS:
        return Hints(delivery=delivery, event=event or "unnamed", relevant=False)  # a ping, or something new
    pipeline, workflow = (str(_inner(body, name).get("id") or "") for name in ("pipeline", "workflow"))
    slug = _slug(_inner(body, "project").get("slug"))
    found = attempt(pipeline, workflow) if slug and pipeline and workflow else None
    if found is None:
        return Hints(delivery=delivery, event=event)
    return Hints(
        delivery=delivery, event=event, builds=(BuildRef(pipeline=slug, build=pipeline, attempt=found),)
    )


def _verify(header: str, sign: str, where: str) -> None:
    signatures = dict(one.strip().partition("=")[::2] for one in header.split(","))
    if not hmac.compare_digest(signatures.get(VERSION, "").encode(), sign.encode()):
        raise AuthenticationFailed(
            "a webhook's signature is missing or wrong",
            where=where,
            remedy="give the webhook the secret that `webhook_secret` names",
        )


def _body(content: bytes, where: str) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or not body.get("id"):
        raise Refused("a signed webhook is no JSON object with an id", where=where)
    return body


def _inner(body: dict[str, Any], name: str) -> dict[str, Any]:
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def _slug(text: object) -> str:
    try:
        return canonical(text) if isinstance(text, str) else ""
    except ValueError:
        return ""
