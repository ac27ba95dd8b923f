"""Identity: canonical JSON, fingerprints and time-ordered ids."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import rfc8785
from pydantic import BaseModel
from uuid_utils.compat import uuid7

ALGORITHM = "sha256"


def canonical(value: Any) -> bytes:
    """The canonical JSON (RFC 8785) of `value`, a JSON value or a model.

    Two equal values have the same bytes whatever the order of their keys.
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return rfc8785.dumps(value)


def digest(data: bytes) -> str:
    """The digest of `data`, with its algorithm in front: `sha256:<hex>`."""
    return f"{ALGORITHM}:{hashlib.sha256(data).hexdigest()}"


def fingerprint(value: Any) -> str:
    """What identifies `value` by content: the digest of its canonical JSON."""
    return digest(canonical(value))


def new_id() -> UUID:
    """A fresh UUIDv7 (RFC 9562): ids made later sort later, which keeps database indexes dense."""
    return uuid7()
