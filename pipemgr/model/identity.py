"""Identity: canonical JSON, fingerprints and time-ordered ids."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import rfc8785
from pydantic import BaseModel
from uuid_utils.compat import uuid7

ALGORITHM = "sha256"
_EXACT = 2**53 - 1
"""The largest whole number that a double, and so JSON, holds beyond doubt."""


def canonical(value: Any) -> bytes:
    """The canonical JSON (RFC 8785) of `value`, a JSON value or a model.

    Two equal values have the same bytes whatever the order of their keys. Numbers are doubles, as in JSON; raises
    `ValueError` for what JSON cannot hold.
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    try:
        return rfc8785.dumps(value)
    except rfc8785.IntegerDomainError:
        return rfc8785.dumps(_doubles(value))


def _doubles(value: Any) -> Any:
    """The same with floats for whole numbers that a double may not hold exactly."""
    match value:
        case dict():
            return {key: _doubles(one) for key, one in value.items()}
        case list() | tuple():
            return [_doubles(one) for one in value]
        case int() if abs(value) > _EXACT:
            try:
                return float(value)
            except OverflowError:
                raise ValueError("a whole number that is too large for JSON") from None
    return value


def digest(data: bytes) -> str:
    """The digest of `data`, with its algorithm in front: `sha256:<hex>`."""
    return f"{ALGORITHM}:{hashlib.sha256(data).hexdigest()}"


def fingerprint(value: Any) -> str:
    """What identifies `value` by content: the digest of its canonical JSON."""
    return digest(canonical(value))


def new_id() -> UUID:
    """A fresh UUIDv7 (RFC 9562): ids made later sort later, which keeps database indexes dense."""
    return uuid7()
