"""What a translation kept and lost, as a value: findings, accounting, outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from pipemgr.model.base import Value


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

    def to_json(self) -> str:
        """The report for machines."""
        return self.model_dump_json(indent=2)

    def to_markdown(self) -> str:
        """The report for people: a summary, then the findings from the worst."""
        lines = [f"# {self.source}: {self.origin} to {self.target}", "", _summary(self), ""]
        if self.findings:
            lines += ["| fidelity | what | why | where | remedy |", "| --- | --- | --- | --- | --- |"]
            worst_first = sorted(self.findings, key=lambda one: -RANK[one.fidelity])
            lines += [_row(one) for one in worst_first]
        return "\n".join(lines) + "\n"


def _summary(report: TranslationReport) -> str:
    counts = report.accounting
    kept = ", ".join(f"{getattr(counts, fidelity)} {fidelity}" for fidelity in Fidelity)
    return f"**{report.outcome}**: of {counts.nodes} nodes {kept}."


def _row(finding: Finding) -> str:
    cells = (finding.fidelity, finding.what, finding.why, finding.source, finding.remedy)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
