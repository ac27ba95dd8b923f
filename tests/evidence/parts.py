"""Which stages became part of others: one after another in one folder, they are one stage for vendors without folders."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator

from pipemgr.model.definitions import Pipeline
from pipemgr.translate.report import Finding

_JOINED = re.compile(r"stages\.([\w-]+)\.workspace")
_INTO = re.compile(r"they are one stage now, ([\w-]+)$")
_ORDER = ("failure", "success", "skipped")


class Parts:
    """What became of each stage of a pipeline, when the stages `there` are left and these findings were told."""

    def __init__(self, before: Pipeline, there: Container[str], told: Iterable[Finding]) -> None:
        self.stages = {stage.id: stage for stage in before.stages}
        self.there = there
        told = tuple(told)
        self.paths = {one.path for one in told}
        self.into = {at: name for one in told for at, name in _joins(one) if name in there}
        self.of: dict[str, str] = {}
        """By stage the one that it is part of now, or itself."""
        for name in self.stages:
            self._found(name)
        self.given = {name for name in self.stages if name not in self.of and self._only_fetches(name)}
        """The stages that only fetched the repository, which those after them do by themselves."""

    def _found(self, name: str) -> None:
        """Look for the whole of a stage, after those of all that it needs."""
        todo = [name]
        seen: set[str] = set()
        while todo:
            one = todo[-1]
            more = [need for need in self.stages[one].needs if need in self.stages and need not in seen]
            if one in seen or not more:
                todo.pop()
                if (whole := self._whole(one)) is not None:
                    self.of[one] = whole
            todo += more if one not in seen else ()
            seen.add(one)

    def _whole(self, name: str) -> str | None:
        if name in self.into:
            return self.into[name]
        stage = self.stages[name]
        for need in stage.needs if stage.workspace is not None else ():
            whole = self.of.get(need)
            near = whole in self.into.values() and self.stages[need].workspace == stage.workspace
            if near and (name == whole or name not in self.there):
                return whole
        return name if name in self.there else None

    def _only_fetches(self, name: str) -> bool:
        """Whether all that is left of it, without the steps that were told of, is the source code."""
        steps = self.stages[name].steps
        left = [one for at, one in enumerate(steps) if f"stages.{name}.steps[{at}]" not in self.paths]
        return bool(steps) and all(step.action == "checkout" for step in left)

    def members(self, whole: str) -> list[str]:
        """The stages that are one now."""
        return [name for name, one in self.of.items() if one == whole]

    def needs(self, whole: str) -> set[str]:
        """What all of its stages needed, as it is now."""
        names = (need for one in self.members(whole) for need in self.stages[one].needs)
        return {one for need in names for one in self._now(need)} - {whole}

    def _now(self, name: str) -> Iterator[str]:
        todo = [name]
        while todo:
            one = todo.pop()
            if one in self.given:
                todo += self.stages[one].needs
            elif one in self.of:
                yield self.of[one]

    def end(self, whole: str, ends: dict[str, str]) -> str:
        """How all of its stages together ended."""
        found = {ends[one] for one in self.members(whole) if one in ends}
        return next((word for word in _ORDER if word in found), "not started")


def _joins(finding: Finding) -> Iterator[tuple[str, str]]:
    at, name = _JOINED.fullmatch(finding.path), _INTO.search(finding.why)
    if at and name:
        yield at[1], name[1]
