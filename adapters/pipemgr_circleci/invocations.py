"""Invocations: the entries of a workflow's `jobs`, with the ids that their stages get."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, count, product
from typing import Final

from pipemgr.adapter import Fidelity, Node
from pipemgr.model.definitions import ID_PATTERN

from .config import Library
from .parameters import Scope
from .requires import Known, Wanted, wanted

RESERVED: Final = (
    "context",
    "filters",
    "matrix",
    "name",
    "override-with",
    "post-steps",
    "pre-steps",
    "requires",
    "serial-group",
    "type",
)
"""What an entry says besides the job's own parameters
(https://circleci.com/docs/reference/configuration-reference/#jobs-in-workflow)."""
_MATRIX: Final = re.compile(r"<<\s*matrix\.([\w.-]+)\s*>>")
_MANY: Final = 2000


@dataclass
class Invocation:
    """One entry of a workflow's `jobs`."""

    entry: Node
    job: str
    workflow: str
    said: dict[str, Node] = field(default_factory=dict)
    """The reserved keys that it has."""
    parameters: dict[str, Node] = field(default_factory=dict)
    group: str | None = None
    whole: bool = False
    """Whether there is no workflow, and it is all there is."""
    id: str = ""
    title: str | None = None
    """The job's name, where a job of another workflow, which is called the same, has it as its id."""
    stages: list[str] = field(default_factory=list)
    """The stages that it became."""
    requires: list[Wanted] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its name in the workflow, in which axes of a matrix may stand."""
        return self.said["name"].text() if "name" in self.said else self.job

    @property
    def alias(self) -> str:
        """By what name other entries wait for all of it."""
        matrix = self.said.get("matrix")
        alias = matrix.items().get("alias") if matrix is not None else None
        if alias is not None:
            return alias.text()
        return self.job if matrix is not None and _MATRIX.search(self.name) else self.name

    def axes(self) -> dict[str, Node]:
        """The values of each axis of its matrix."""
        matrix = self.said.get("matrix")
        parameters = matrix.items().get("parameters") if matrix is not None else None
        return dict(parameters.items()) if parameters is not None else {}

    def cells(self) -> Iterator[str]:
        """The names of the single executions of its matrix."""
        axes = {name: node.children for name, node in self.axes().items() if isinstance(node.children, list)}
        rows = product(*([word(one) for one in values] for values in axes.values())) if axes else iter(())
        for _, row in zip(range(_MANY), rows, strict=False):
            values = dict(zip(axes, row, strict=True))
            if _MATRIX.search(self.name):
                yield _MATRIX.sub(lambda match, values=values: values.get(match[1], match[0]), self.name)  # type: ignore[misc]
            else:
                yield "-".join((self.name, *row))


class InvocationReader:
    """Reads the entries of workflows, job groups included."""

    def __init__(self, library: Library, scope: Scope, groups: dict[str, Node]) -> None:
        self.library = library
        self.scope = scope
        self.groups = groups
        self.used_groups: set[str] = set()
        self._taken: set[str] = set()
        self._last: dict[tuple[str, str], list[Invocation]] = {}
        """By workflow and name of a group, the jobs of it that no other one of it waits for."""

    def read(self, jobs: Node, workflow: str) -> list[Invocation]:
        """The entries of one workflow, groups written out."""
        found: list[Invocation] = []
        for entry in jobs.entries():
            one = self._entry(entry, workflow)
            if one is None:
                continue
            found += self._group(one) if one.job in self.groups else [one]
        names = Counter(one.name for one in found)
        for one in found:
            one.id = self._id(one)
            if names[one.job] == 1 and not self._is_called(one):
                one.title = one.job if one.id != one.job else None
        return found

    def _is_called(self, one: Invocation) -> bool:
        """Whether it has a name of its own, or is a job of an orb, whose name its call is."""
        orb = self.library.orbs.get(one.job.partition("/")[0]) if "/" in one.job else None
        return bool({"name", "matrix"} & one.said.keys()) or isinstance(orb, str)

    def _entry(self, node: Node, workflow: str) -> Invocation | None:
        entry = self.scope.expand(node, node.parent, node.key, self.library).take()
        if entry.kind == "string":
            return Invocation(entry, entry.text(), workflow)
        entries = entry.items()
        if len(entries) != 1:
            if entry.kind == "mapping":
                entry.take_all()
                entry.problem(
                    "an entry of `jobs` has one key, the job's name; indent what belongs to it further"
                )
            return None
        job, arguments = next(iter(entries.items()))
        given = dict(arguments.items())
        said: dict[str, Node] = {key: given.pop(key) for key in RESERVED if key in given}
        one = Invocation(entry, job, workflow, said, given)
        one.requires = wanted(said.get("requires"))
        return one

    # Job groups ----------------------------------------------------------------------------------------

    def _group(self, call: Invocation) -> list[Invocation]:
        """The jobs of a group: those that wait for none of it wait for what the group waits for."""
        self.used_groups.add(call.job)
        body = self.scope.expand(self.groups[call.job], call.entry, call.job, self.library).take()
        jobs = body.items().get("jobs")
        found = [
            one
            for node in (jobs.entries() if jobs is not None else ())
            if (one := self._entry(node, call.workflow))
        ]
        waited = {entry.name for one in found for entry in one.requires}
        for one in found:
            one.group = call.job
            one.requires = one.requires or call.requires
            for key in ("serial-group", "filters", "context"):
                if key in call.said and key not in one.said:
                    one.said[key] = call.said[key]
        if (serial := call.said.get("serial-group")) is not None and len(found) > 1:
            serial.finding(
                Fidelity.APPROXIMATE,
                f"serial-group of the job group {call.job}",
                "the group holds its place from its first job to its last; here each job holds it by itself",
                "make the group one job, if no other build may come between its jobs",
            )
        last = [one for one in found if one.name not in waited]
        self._last[call.workflow, call.name] = last
        return found

    def known(self, invocations: list[Invocation], workflow: str) -> Known:
        """The names that entries of a workflow may wait for; to be called when it is known what each became."""
        known = Known()
        for one in invocations:
            for stage in one.stages:
                known.add(one.name, stage)
                known.add(one.alias, stage)
            for cell in one.cells() if "matrix" in one.said else ():
                known.cells.setdefault(cell, list(one.stages))
        self._numbered(invocations, known)
        for (where, name), last in self._last.items():
            for stage in (stage for one in last if where == workflow for stage in one.stages):
                known.add(name, stage)
        return known

    @staticmethod
    def _numbered(invocations: list[Invocation], known: Known) -> None:
        """`build-1`, `build-2`: what CircleCI calls the entries of a job that is used several times without a name."""
        by_job: dict[str, list[Invocation]] = {}
        for one in invocations:
            if "name" not in one.said and "matrix" not in one.said:
                by_job.setdefault(one.job, []).append(one)
        for job, several in by_job.items():
            for at, one in enumerate(several if len(several) > 1 else (), 1):
                for stage in one.stages:
                    known.add(f"{job}-{at}", stage)

    # Ids -----------------------------------------------------------------------------------------------

    def _id(self, one: Invocation) -> str:
        return self.take(one.alias, f"{one.alias}-{one.workflow}")

    def cell_id(self, one: Invocation, value: str) -> str:
        """The id of a part of a matrix that had to become a stage of its own."""
        return self.take(f"{one.id}-{value}")

    def take(self, *names: str) -> str:
        """An id that nothing else has: the first of these names that is free, or one with a number."""
        bare = [valid(name) for name in names]
        wishes = chain(bare, (f"{bare[0]}-{at}" for at in count(2)))
        found = next(one for one in wishes if one not in self._taken)
        self._taken.add(found)
        return found


def valid(name: str) -> str:
    """A name as an id: other characters become dashes."""
    text = re.sub(r"[^A-Za-z0-9_-]+", "-", _MATRIX.sub(r"\1", name)).strip("-")
    return text if re.fullmatch(ID_PATTERN, text) else f"_{text}"


def word(node: Node) -> str:
    """A value of an axis, as a part of a name."""
    if node.kind == "mapping":
        return "-".join(word(one) for one in node.items().values())
    return node.text()
