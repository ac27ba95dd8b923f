"""Words: the tables that a reader or writer goes by."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final

from pipemgr.adapter import Tables, Vocabulary
from pipemgr.model.definitions import HINTS, Data

VENDOR: Final = "github-actions"


class Words:
    """GitHub's own tables, each kind replaced where another vendor's tables have it.

    A target that executes workflows, but not all that GitHub executes, writes GitHub's language with a step table
    of its own.
    """

    def __init__(self, tables: Tables | None = None, first: Tables | None = None) -> None:
        self.own = tables or Tables.of(VENDOR)
        self.first = first if first is not None else self.own
        self.target = self.first.vendor
        self.steps = self._with("steps").steps
        self.triggers = self._with("triggers").triggers
        self.runners = self._with("runners").runners
        self.variables = self._with("variables").variables
        self.catalogue = self.own.catalogue

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Names in expressions."""
        return Vocabulary(VENDOR, "GitHub", self.variables, self.triggers)

    def _with(self, kind: str) -> Tables:
        return self.first if self.first.has(kind) else self.own


def own(vendor: Mapping[str, Data]) -> Data:
    """What a model's `vendor` field keeps for GitHub, to be laid over what is written."""
    return {key: value for key, value in vendor.get(VENDOR, {}).items() if key != HINTS}


def hints(vendor: Mapping[str, Data]) -> Data:
    """What GitHub keeps to write the same text again."""
    found = vendor.get(VENDOR, {}).get(HINTS)
    return found if isinstance(found, dict) else {}
