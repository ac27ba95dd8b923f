"""Graphs: which stages come before which, and groups of them that become one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pipemgr.model.definitions import Stage

from .conditions import asked
from .joining import only_checkout


@dataclass
class Group:
    """Stages that become one: `given` are checkouts of a stage that others begin with too."""

    members: list[Stage]
    given: list[Stage] = field(default_factory=list)

    @property
    def first(self) -> Stage:
        """The one that decides where, and on what condition."""
        return self.members[0]

    @cached_property
    def id(self) -> str:
        """Its name: that of the first stage that does anything but fetch the repository."""
        return next((one.id for one in self.members if not only_checkout(one)), self.first.id)

    @property
    def all(self) -> list[Stage]:
        """Every stage of which it has the steps."""
        return [*self.given, *self.members]


class Graph:
    """Which stages come before which."""

    def __init__(self, stages: tuple[Stage, ...]) -> None:
        self.stages = {stage.id: stage for stage in stages}
        self._bit = {name: 1 << at for at, name in enumerate(self.stages)}
        self.order: list[Stage] = []
        self._before: dict[str, int] = {}
        self.after: dict[str, list[Stage]] = {name: [] for name in self.stages}
        for stage in _sorted(self.stages):
            self.order.append(stage)
            self._before[stage.id] = 0
            for need in stage.needs:
                self._before[stage.id] |= self._before[need] | self._bit[need]
                self.after[need].append(stage)

    def before(self, one: str, other: str) -> bool:
        """Whether `other` can't begin until `one` has ended."""
        return bool(self._before[other] & self._bit[one])

    def last(self, stages: Iterable[tuple[str, str]]) -> list[int]:
        """Of stretches (first stage, last stage), those that no other one comes after: their positions."""
        ends = list(stages)
        earlier = 0
        for first, _ in ends:
            earlier |= self._before[first]
        return [at for at, (_, end) in enumerate(ends) if not earlier & self._bit[end]]

    @cached_property
    def doubtful(self) -> frozenset[str]:
        """The stages that may be left out though nothing failed."""
        found: set[str] = set()
        for stage in self.order:
            one = asked(stage.when)
            if one.own or not one.usual or (one.strict and found.intersection(stage.needs)):
                found.add(stage.id)
        return frozenset(found)


def _sorted(stages: Mapping[str, Stage]) -> Iterator[Stage]:
    """Each stage after those that it needs, otherwise in the order of the definition."""
    done: set[str] = set()
    for start in stages.values():
        todo = [start]
        while todo:
            stage = todo[-1]
            missing = [need for need in stage.needs if need not in done]
            if missing:
                todo.append(stages[missing[0]])
                continue
            todo.pop()
            if stage.id not in done:
                done.add(stage.id)
                yield stage
