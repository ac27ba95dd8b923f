"""What a translation kept and lost, as a value: findings, accounting, outcome."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from pipemgr.model.base import Value

from . import markdown


class Fidelity(StrEnum):
    """How well something was kept, from the best to the worst."""

    EXACT = "exact"
    """The same thing."""
    EQUIVALENT = "equivalent"
    """Said in another way, with the same effect."""
    APPROXIMATE = "approximate"
    """Nearly the same effect; the finding says what differs."""
    MANUAL = "manual"
    """A person must do something elsewhere: create a secret, register a runner."""
    DROPPED = "dropped"
    """Not in the output."""


RANK = {fidelity: rank for rank, fidelity in enumerate(Fidelity)}


class Outcome(StrEnum):
    """How a translation ended as a whole."""

    SUCCESSFUL = "successful"
    """Nothing worse than equivalent."""
    PARTIAL = "partial"
    """Usable, and a person should read the findings."""
    UNSUPPORTED = "unsupported"
    """Readable, but nothing of its work could be kept."""
    FAILED = "failed"
    """Not readable."""


class Strictness(StrEnum):
    """What a loss leads to."""

    REPORT = "report"
    """It is in the report."""
    WARN = "warn"
    """It is printed as well."""
    REFUSE = "refuse"
    """Nothing is written when anything is worse than equivalent."""


class Finding(Value):
    """One thing that was not kept exactly.

    `path` is where it stands in the pipeline (`stages.test.steps[2]`) or, for what the reader did not take, in
    the source document; `source` is `file:line:column`; `what` names it, `why` explains, `remedy` helps.
    """

    fidelity: Fidelity
    path: str
    source: str
    what: str
    why: str
    remedy: str = ""
    kind: str = ""
    """What a person must provide, where it is that: `secret`, `context`, `runner`, `environment` ..."""
    places: tuple[str, ...] = ()
    """All places that it is about, where they are several; `source` is the first."""


class Task(Value):
    """One thing that a person must do, and every place that needs it."""

    kind: str
    what: str
    why: str
    remedy: str
    places: tuple[str, ...]


class Accounting(Value):
    """Every node of the source, counted in exactly one bucket: the five counts add up to `nodes`."""

    nodes: int = 0
    exact: int = 0
    equivalent: int = 0
    approximate: int = 0
    manual: int = 0
    dropped: int = 0


def account(fidelities: Iterable[Fidelity]) -> Accounting:
    """The accounting of one fidelity a node."""
    counts = Counter(fidelities)
    return Accounting(nodes=counts.total(), **{fidelity.value: counts[fidelity] for fidelity in Fidelity})


class TranslationReport(Value):
    """What became of one definition."""

    source: str
    """The path of the source document."""
    origin: str
    """The vendor it came from."""
    target: str
    """The vendor it was written for."""
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    accounting: Accounting = Accounting()

    def worse_than(self, limit: Fidelity) -> tuple[Finding, ...]:
        """The findings beyond `limit`."""
        return tuple(one for one in self.findings if RANK[one.fidelity] > RANK[limit])

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What a person must do, each thing once: first what has to be created, by kind and name."""
        return tasks(self.findings)

    def to_json(self) -> str:
        """The report for machines: all findings, and the tasks made of them."""
        data = self.model_dump(mode="json")
        return json.dumps(data | {"tasks": [one.model_dump(mode="json") for one in self.tasks]}, indent=2)

    def to_markdown(self) -> str:
        """The report for people: a summary, what to do, then the losses from the worst."""
        return markdown.report(self)


def tasks(findings: Iterable[Finding]) -> tuple[Task, ...]:
    """The manual findings as tasks: those with the same subject and remedy are one."""
    found: dict[tuple[str, str, str], tuple[Finding, dict[str, None]]] = {}
    for one in findings:
        if one.fidelity is Fidelity.MANUAL:
            key = (one.kind, one.what, one.remedy)
            found.setdefault(key, (one, {}))[1].update(dict.fromkeys(one.places or (one.source,)))
    made = (
        Task(kind=one.kind, what=one.what, why=one.why, remedy=one.remedy, places=tuple(places))
        for one, places in found.values()
    )
    return tuple(sorted(made, key=lambda one: (not one.kind, one.kind, one.what)))
