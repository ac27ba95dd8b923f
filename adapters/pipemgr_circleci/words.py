"""Words: the tables that the reader and the writer of definitions go by."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final

from pipemgr.adapter import Tables, Vocabulary
from pipemgr.model.definitions import HINTS, Data

VENDOR: Final = "circleci"


class Words:
    """CircleCI's tables."""

    def __init__(self, tables: Tables | None = None) -> None:
        self.tables = tables or Tables.of(VENDOR)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Names in expressions."""
        return Vocabulary(VENDOR, "CircleCI", self.tables.variables, self.tables.triggers)


def own(vendor: Mapping[str, Data]) -> Data:
    """What a model's `vendor` field keeps for CircleCI, without hints."""
    return {key: value for key, value in vendor.get(VENDOR, {}).items() if key != HINTS}


def hints(vendor: Mapping[str, Data]) -> Data:
    """What CircleCI keeps to write the same text again."""
    found = vendor.get(VENDOR, {}).get(HINTS)
    return found if isinstance(found, dict) else {}
