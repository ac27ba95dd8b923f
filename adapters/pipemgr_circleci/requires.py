"""Requires: what a job waits for, and how that must have ended.

Source: https://circleci.com/docs/reference/configuration-reference/#requires
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pipemgr.adapter import Fidelity, Node
from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name

from .conditions import TRUE, both, joined

TERMINAL: Final = "terminal"
RESULTS: Final = {
    "success": "success",
    "failed": "failure",
    "canceled": "cancelled",
    "unauthorized": "failure",
    "not_run": "skipped",
}
"""CircleCI's words and the results of stages that others need."""


@dataclass(frozen=True)
class Wanted:
    """One entry: a job's name and the statuses it may have ended with."""

    node: Node
    name: str
    statuses: tuple[str, ...] = ("success",)


@dataclass
class Known:
    """The jobs of one workflow: names and the stages that they became."""

    stages: dict[str, list[str]] = field(default_factory=dict)
    cells: dict[str, list[str]] = field(default_factory=dict)
    """Names of single executions of a matrix."""

    def add(self, name: str, stage: str) -> None:
        """A name for a stage."""
        found = self.stages.setdefault(name, [])
        if stage not in found:
            found.append(stage)

    def needed(self, entries: list[Wanted]) -> tuple[str, ...]:
        """The stages that entries name."""
        found = (
            stage
            for entry in entries
            for stage in self.stages.get(entry.name, self.cells.get(entry.name, []))
        )
        return tuple(dict.fromkeys(found))


def wanted(node: Node | None) -> list[Wanted]:
    """The entries of a `requires`."""
    found: list[Wanted] = []
    for entry in node.one_or_many() if node is not None else ():
        if entry.kind != "mapping":
            found.append(Wanted(entry, entry.text()))
            continue
        for name, one in entry.items().items():
            found.append(Wanted(one, name, _statuses(one)))
    return found


def _statuses(node: Node) -> tuple[str, ...]:
    words: list[str] = []
    for one in node.one_or_many():
        word = one.text()
        if word == TERMINAL:
            words += RESULTS
        elif word in RESULTS:
            words.append(word)
        else:
            known = ", ".join((*RESULTS, TERMINAL))
            one.problem(f"{word!r} is no status of a job; these are: {known}")
    return tuple(dict.fromkeys(words)) or ("success",)


def needs(entries: list[Wanted], known: Known, stage: str) -> tuple[tuple[str, ...], Expression]:
    """The stages to wait for, and a condition on how they ended; true where all must have succeeded.

    A condition that looks at how others ended begins with `always()`: without it, a failure before would skip it.
    """
    found: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        for one in _stages(entry, known):
            if one == stage:
                entry.node.problem(f"the job {entry.name!r} requires itself")
            found[one] = entry.statuses
    if all(statuses == ("success",) for statuses in found.values()):
        return tuple(found), TRUE
    tests = (_ended(name, statuses) for name, statuses in found.items())
    return tuple(found), both((Call("always"), *tests))


def _stages(entry: Wanted, known: Known) -> list[str]:
    if entry.name in known.stages:
        return known.stages[entry.name]
    if entry.name in known.cells:
        entry.node.finding(
            Fidelity.APPROXIMATE,
            f"requires {entry.name}",
            "one execution of a matrix is waited for; here it is all of them, and how all of them end",
            "nothing to do, unless a failure in another execution must not stop this job",
        )
        return known.cells[entry.name]
    names = ", ".join(sorted(known.stages)) or "none"
    entry.node.problem(f"there is no job {entry.name!r} in this workflow (jobs: {names})")
    return []


def _ended(name: str, statuses: tuple[str, ...]) -> Expression:
    results = tuple(
        one for one in dict.fromkeys(RESULTS.values()) if one in {RESULTS[word] for word in statuses}
    )
    if set(results) == set(RESULTS.values()):
        return TRUE
    result = Access(Access(Name("needs"), Literal(name)), Literal("result"))
    return joined("||", (Binary("==", result, Literal(one)) for one in results))
