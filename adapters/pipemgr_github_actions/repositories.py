"""Repositories: which ones are watched, with the globs among them filled in from time to time."""

from __future__ import annotations

from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, Final

from pipemgr.adapter import NotFound

from .builds import moment
from .client import Client

AGAIN: Final = timedelta(minutes=10)
"""How often an owner is asked for new repositories."""


def globbed(pattern: str) -> bool:
    """Whether a setting names many repositories."""
    return any(sign in pattern for sign in "*?")


def matching(patterns: tuple[str, ...], repository: str) -> str | None:
    """How the connection spells a repository that it watches; GitHub's names do not tell cases apart."""
    for pattern in patterns:
        if fnmatchcase(repository.lower(), pattern.lower()):
            return repository if globbed(pattern) else pattern
    return None


def watched(client: Client, patterns: tuple[str, ...], cursor: dict[str, Any]) -> list[str]:
    """All names in order. What was found of globs is kept in the cursor, under `globs`."""
    names = {pattern.lower(): pattern for pattern in patterns if not globbed(pattern)}
    globs: dict[str, Any] = cursor.get("globs") or {}
    found = {one: _fresh(client, one, globs.get(one) or {}) for one in patterns if globbed(one)}
    if found:
        cursor["globs"] = found
    for one in found.values():
        names = {name.lower(): name for name in one["names"]} | names
    return [names[name] for name in sorted(names)]


def _fresh(client: Client, pattern: str, known: dict[str, Any]) -> dict[str, Any]:
    """What is known of a glob, asked anew when it is old. Archived repositories build nothing."""
    last = moment(known.get("at"))
    if last is not None and client.now() - last < AGAIN:
        return known
    owner = pattern.partition("/")[0]
    place = known.get("place") or _place(client, owner)
    rows = [row for row in client.all(place) if not row.get("archived") and not row.get("disabled")]
    names = sorted(str(row["full_name"]) for row in rows)
    fitting = [name for name in names if fnmatchcase(name.lower(), pattern.lower())]
    return {"place": place, "names": fitting, "at": client.now().isoformat(timespec="seconds")}


def _place(client: Client, owner: str) -> str:
    """Where an owner's repositories are listed: an organisation's, one's own with the private ones, or a user's."""
    try:
        client.one(f"/orgs/{owner}")
    except NotFound:
        mine = not client.anonymous and str(client.one("/user").get("login")).lower() == owner.lower()
        return "/user/repos?affiliation=owner" if mine else f"/users/{owner}/repos"
    return f"/orgs/{owner}/repos"
