"""The probe: who answers, who we are there, and what can't be seen."""

from __future__ import annotations

from collections.abc import Iterator

from pipemgr.adapter import NotAllowed, NotFound, ServerInfo

from .client import VERSION, Client
from .repositories import globbed

FEW = 25
"""How many repositories are looked at one by one."""


def probe(client: Client, patterns: tuple[str, ...]) -> ServerInfo:
    """One request for the account, one for the limits, and one for each repository that is named."""
    limits = client.get("/rate_limit")
    enterprise = limits.headers.get("x-github-enterprise-version")
    return ServerInfo(
        name="GitHub Enterprise Server" if enterprise else "GitHub",
        version=enterprise or f"API {VERSION}",
        identity="" if client.anonymous else str(client.one("/user").get("login", "")),
        notes=(*_limits(limits.data), *_unseen(client, patterns)),
    )


def _limits(told: object) -> Iterator[str]:
    rate = told.get("rate") if isinstance(told, dict) else None
    if isinstance(rate, dict):
        yield f"{rate.get('remaining')} of {rate.get('limit')} requests left this hour"


def _unseen(client: Client, patterns: tuple[str, ...]) -> Iterator[str]:
    for name in [one for one in patterns if not globbed(one)][:FEW]:
        try:
            client.one(f"/repos/{name}")
        except (NotFound, NotAllowed) as error:
            yield f"{name} can't be seen: {error.message}"
