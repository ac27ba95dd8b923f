"""Words: the tables that the reader and the writer of configurations go by, and what the model keeps for them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final

from pipemgr.adapter import ElementRow, RootRow, Tables
from pipemgr.model.definitions import HINTS, Data
from pipemgr.model.expressions import Access, Literal, Name
from pipemgr.model.templates import template, untemplate

from .elements import Element, grown

VENDOR: Final = "jenkins-job"
DIALECT: Final = "jenkins"
"""The language of the scripts in configurations."""
OWN: Final = f"vendor.{VENDOR}"
FREESTYLE: Final = "freestyle"
PIPELINE: Final = "pipeline"
JOB: Final = "job"
"""What says the kind of job: a person's own word, or the hint that the reader leaves."""


class Words:
    """Jenkins' tables of elements."""

    def __init__(self, tables: Tables | None = None) -> None:
        self.tables = tables or Tables.of(VENDOR)
        self._defaults: dict[str, dict[str, Element | None]] = {}

    def row(self, place: str, element: str) -> ElementRow | None:
        """What an element is at a place."""
        return self.tables.elements.rows.get((place, element))

    def rows(self, place: str) -> tuple[ElementRow, ...]:
        """All rows of a place."""
        return self._places.get(place, ())

    @cached_property
    def _places(self) -> Mapping[str, tuple[ElementRow, ...]]:
        found: dict[str, tuple[ElementRow, ...]] = {}
        for (place, _), row in self.tables.elements.rows.items():
            found[place] = (*found.get(place, ()), row)
        return found

    @cached_property
    def actions(self) -> Mapping[str, tuple[ElementRow, ...]]:
        """The rows of each action: builders, then publishers."""
        found: dict[str, tuple[ElementRow, ...]] = {}
        for row in (*self.rows("builder"), *self.rows("publisher")):
            found[row.action] = (*found.get(row.action, ()), row)
        return found

    def defaults(self, row: RootRow) -> Mapping[str, Element | None]:
        """What is written for each field of a job that says nothing of it, in Jenkins' order; None where nothing is."""
        if row.root not in self._defaults:
            tags = dict.fromkeys(path.partition("/")[0] for path in row.fields)
            self._defaults[row.root] = {tag: _default(row, tag) for tag in tags}
        return self._defaults[row.root]

    def root(self, element: str) -> RootRow | None:
        """What an outermost element is."""
        return self.tables.elements.roots.get(element)

    def usual(self, element: str) -> dict[str, object]:
        """What the fields of an outermost element say by themselves: those of its row, and of most jobs."""
        row, most = self.root(element), self.root_of(FREESTYLE)
        return {**(most.fields if most is not None else {}), **(row.fields if row is not None else {})}

    def root_of(self, job: str) -> RootRow | None:
        """The outermost element of a kind of job: the first that is not an older spelling."""
        found = [row for row in self.tables.elements.roots.values() if row.job == job]
        return found[-1] if found else None


def _default(row: RootRow, tag: str) -> Element | None:
    said = {path: one for path, one in row.fields.items() if path.partition("/")[0] == tag}
    texts = {path: one if isinstance(one, str) else None for path, one in said.items() if one is not None}
    return grown("root", texts).children[0] if texts else None


def own(vendor: Mapping[str, Data]) -> Data:
    """What a model's `vendor` field keeps for configurations, without hints."""
    return {key: value for key, value in vendor.get(VENDOR, {}).items() if key != HINTS}


def kind(vendor: Mapping[str, Data]) -> str:
    """The kind of job that a pipeline says it is, or was read from; a pipeline job where it says nothing."""
    return str(vendor.get(VENDOR, {}).get(JOB) or hints(vendor).get(JOB) or PIPELINE)


def hints(vendor: Mapping[str, Data]) -> Data:
    """What is kept to write the same text again."""
    found = vendor.get(VENDOR, {}).get(HINTS)
    return found if isinstance(found, dict) else {}


def literal(text: str) -> str:
    """A text of a configuration as a text of the model: what looks like a template stays plain."""
    return untemplate((text,))


def secret(name: str) -> str:
    """A reference to a secret, as a text of the model."""
    return untemplate((Access(Name("secrets"), Literal(name)),))


def plain(text: str) -> str | None:
    """The text without templates: None where there is one that is more than a constant."""
    parts = [part.value if isinstance(part, Literal) else part for part in template(text)]
    return "".join(map(str, parts)) if all(isinstance(part, str) for part in parts) else None
