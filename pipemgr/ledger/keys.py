"""Keys: what tells an object from all others of its connection, as a path of the vendor's own names."""

from __future__ import annotations

import hashlib

from pipemgr.model.runs import BuildRef

LONGEST = 200
"""Characters of one name in a key; PostgreSQL indexes no endless ones."""
_HEAD = 150


def piece(name: str) -> str:
    """One name as a part of a key: no slash, no NUL, and a very long one cut and marked with its digest."""
    if "/" in name or "%" in name or "\x00" in name:
        name = name.replace("%", "%25").replace("/", "%2F").replace("\x00", "%00")
    if len(name) <= LONGEST:
        return name
    return f"{name[:_HEAD]}~{hashlib.sha256(name.encode()).hexdigest()}"


def key(*names: str) -> str:
    """The key of an object from the names on the way down to it."""
    return "/".join(map(piece, names))


def attempt_key(ref: BuildRef) -> str:
    """The key of an attempt."""
    return key(ref.pipeline, ref.build, str(ref.attempt))
