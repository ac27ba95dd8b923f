"""Entries: mappings of a document, put together for writing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from pipemgr.model.definitions import Data


def said(data: Mapping[str, Any]) -> Data:
    """Only the entries that say something."""
    return {key: value for key, value in data.items() if value not in (None, {}, [])}


def ordered(data: Data, order: tuple[str, ...]) -> Data:
    """The entries in the usual order; those that are not in it come before the last one."""
    *first, last = order
    keys = (*first, *(key for key in data if key not in order), last)
    return {key: data[key] for key in keys if key in data}


def overlaid(data: Data, own: Mapping[str, JsonValue]) -> Data:
    """`data` with a vendor's own entries laid over it; mappings are merged."""
    result = dict(data)
    for key, value in own.items():
        below = result.get(key)
        merge = isinstance(value, dict) and isinstance(below, dict)
        result[key] = overlaid(below, value) if merge else value  # type: ignore[arg-type]
    return result
