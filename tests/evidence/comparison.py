"""A pipeline and what came back of it from another vendor's language: what differs, and no finding tells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pipemgr.model.definitions import Pipeline, Stage
from pipemgr.translate.report import Finding

from .meaning import Situation, behaviour, situations
from .owners import identifier, owned
from .parts import Parts

_STAGE = re.compile(r"stages\.([\w-]+)(.*)")
_PULLS = {"pull_request", "pull_request_target"}


class Comparison:
    """Stages may have other ids then, be part of others, and a matrix may be several.

    An id or a name that is the same, or is the longest beginning, tells which is which.
    """

    def __init__(self, before: Pipeline, after: Pipeline, told: list[Finding]) -> None:
        self.before = before
        self.after = after
        self.stages = {stage.id: stage for stage in before.stages}
        self.names = _names(before.stages)
        self.told = {self._path(finding.path) for finding in told}
        found = {stage.id: owned(_plain(stage.id), self.names) for stage in after.stages}
        self.owners = {one: owner for one, owner in found.items() if owner is not None}
        self.parts = Parts(before, {*self.owners.values()}, told)
        self.into = {
            name: {one for one, owner in self.owners.items() if owner == name} for name in self.stages
        }

    def differences(self) -> Iterator[str]:
        """Everything that differs and that no finding tells."""
        yield from self._graph()
        found = (self._behaviour(situation) for situation in situations(self.before, self.after))
        yield from sorted({one for one in found if one})[:5]

    def _graph(self) -> Iterator[str]:
        there = {
            stage.id: {self.owners[need] for need in stage.needs if need in self.owners}
            for stage in self.after.stages
        }
        here = {name: self.parts.needs(name) for name in self.stages}
        if (
            self.parts.into or self.parts.given
        ):  # what stages need in the end: those in between may be one now
            there = _closure(there, self.into)
            here = _closure(here, {one: {one} for one in self.stages})
        for name in self.stages:
            gone = name not in self.parts.of and name not in self.parts.given
            if gone and not self._tells(f"stages.{name}", f"stages.{name}.when"):
                yield f"stage {name} is missing"
            members = self.parts.members(name)
            paths = [path for one in members for path in (f"stages.{one}", f"stages.{one}.needs")]
            needs = {need for need in here[name] if self.into.get(need)}
            for one in sorted(self.into[name]) if not self._tells(*paths) else ():
                if there[one] - {name} != needs:
                    yield f"stage {one} waits for {sorted(there[one])}, not {sorted(needs)}"

    def _behaviour(self, situation: Situation) -> str:
        if situation.fails & self.parts.given:  # each of those that fetch by themselves now may fail alone
            return ""
        one = behaviour(self.before, situation)
        wholes = {self.parts.of.get(name, name) for name in situation.fails if one.get(name) == "failure"}
        failing = frozenset().union(*(self.into.get(name, set()) for name in wholes))
        two = behaviour(self.after, replace(situation, fails=failing))
        for name, stages in self.into.items():
            ends = {two.get(stage, "not started") for stage in stages}
            ends = ends - {"skipped"} or ends  # one of several workflows runs, each with its copy
            expected = {self.parts.end(name, one)}
            if len(self.parts.members(name)) > 1 and expected == {"skipped"}:
                expected.add("success")  # each of its steps is skipped
            if (
                ends
                and not ends <= expected
                and not self._excused(name)
                and not self._started(situation, one, two)
            ):
                return f"{_text(situation)}: {name} {min(expected)}, then {'/'.join(sorted(ends))}"
        return ""

    def _excused(self, name: str) -> bool:
        """Whether a finding tells of the stage, its condition or its needs, or of one that it waits for."""
        todo, seen = self.parts.members(name), set[str]()
        while todo:
            one = todo.pop()
            path = f"stages.{one}"
            if self._tells(path, f"{path}.when", f"{path}.needs"):
                return True
            seen.add(one)
            todo += [need for need in self.stages[one].needs if need in self.stages and need not in seen]
        return False

    def _started(self, situation: Situation, one: dict[str, str], two: dict[str, str]) -> bool:
        """Whether a finding tells that the event counts in another way, or needs to tell nothing.

        Every vendor lets people start a build, so that way in may be new. A vendor that has no pull requests builds
        the pushes to their branches: what is said of the one is said of more pushes.
        """
        events = {situation.event}
        if not one and two:
            if situation.event == "manual":
                return True
            events |= _PULLS if situation.event in {"push", *_PULLS} else set()
        at = [f"triggers[{at}]" for at, trigger in enumerate(self.before.triggers) if trigger.event in events]
        return self._tells("triggers", *at) or any(self._below(path) for path in at)

    def _tells(self, *paths: str) -> bool:
        return not self.told.isdisjoint(paths)

    def _below(self, path: str) -> bool:
        return any(one.startswith((f"{path}.", f"{path}[")) for one in self.told)

    def _path(self, path: str) -> str:
        """A finding's path; what was told of a cell or a copy was told of the stage."""
        match = _STAGE.fullmatch(path)
        owner = owned(_plain(match[1]), self.names) if match and match[1] not in self.stages else None
        return f"stages.{owner}{match[2]}" if match and owner else path


def _names(stages: Iterable[Stage]) -> dict[str, str]:
    """Stages by what their ids and names may be spelled like; of one name there may be several, which have numbers."""
    found: dict[str, list[str]] = {}
    for stage in stages:
        found.setdefault(_plain((stage.name or stage.id).partition("${{")[0]), []).append(stage.id)
    names = {
        f"{name}-{at}" if at > 1 else name: one
        for name, ids in found.items()
        for at, one in enumerate(ids, 1)
    }
    return {**names, **{_plain(stage.id): stage.id for stage in stages}}


def _plain(name: str) -> str:
    """A name as any vendor may spell it."""
    return identifier(name).replace("_", "-").lower()


def _closure(needs: Mapping[str, set[str]], parts: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """All that each stage waits for: what it needs, what that needs, and so on. `parts` are the stages of a name."""
    found: dict[str, set[str]] = {}
    for name in needs:
        todo, seen = list(needs[name]), set[str]()
        while todo:
            one = todo.pop()
            if one not in seen:
                seen.add(one)
                todo += [more for part in parts.get(one, ()) for more in needs.get(part, ())]
        found[name] = seen
    return found


def _text(situation: Situation) -> str:
    what = situation.cron or situation.tag or situation.branch
    fails = f" when {', '.join(situation.fails)} fails" if situation.fails else ""
    return f"{situation.event} of {what}{fails}"
