"""Item 5: conversions both ways: how well nodes are kept, why not, and that graph, triggers and conditions hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pipemgr.errors import DefinitionError
from pipemgr.model.definitions import Pipeline
from pipemgr.translate.convert import Conversion, read
from pipemgr.translate.report import Accounting, Fidelity, Finding

from .corpus import CONFIGS, WORKFLOWS, File, conversion, other, readable
from .figures import Figure
from .meaning import Situation, behaviour, situations
from .owners import identifier, owned
from .ways import language

LEAST_KEPT = 0.9
"""The least share of nodes that are exact or equivalent."""
TOP = 20
_PULLS = {"pull_request", "pull_request_target"}


def figures() -> Iterator[Figure]:
    """The rows of the table."""
    for kind in (WORKFLOWS, CONFIGS):
        made = conversions(kind)
        name = f"{kind} to the other vendor"
        total = accounts(made.values())
        for fidelity in Fidelity:
            yield Figure(5, f"{name}: nodes {fidelity}", getattr(total, fidelity), of=total.nodes)
        yield Figure(
            5, f"{name}: exact or equivalent", total.exact + total.equivalent, of=total.nodes, goal=LEAST_KEPT
        )
        outcomes = Counter(one.report.outcome.value for one in made.values())
        for outcome, count in sorted(outcomes.items()):
            yield Figure(5, f"{name}: files {outcome}", count, of=len(made))
        wrong = {file.name: why for file in made if (why := unfaithful(file))}
        short = tuple(f"{file}: {'; '.join(why)}" for file, why in wrong.items())
        held = len(made) - len(wrong)
        yield Figure(
            5, f"{name}: graph, triggers, conditions kept or told", held, of=len(made), goal=1.0, short=short
        )
        for fidelity in (Fidelity.MANUAL, Fidelity.DROPPED):
            top = reasons(made.values(), fidelity)
            short = tuple(f"{count} x {why}" for why, count in top.most_common(TOP))
            yield Figure(5, f"{name}: findings {fidelity}", top.total(), short=short)


def conversions(kind: str) -> dict[File, Conversion]:
    """What became of each readable file in the other vendor's language; crashes are told by item 1."""
    made = {file: conversion(file, other(file)) for file in readable(kind)}
    return {file: one for file, one in made.items() if isinstance(one, Conversion)}


def accounts(made: Iterable[Conversion]) -> Accounting:
    """All nodes of all files."""
    total: Counter[str] = Counter()
    for one in made:
        total.update(one.report.accounting.model_dump())
    return Accounting(**total)


def reasons(made: Iterable[Conversion], fidelity: Fidelity) -> Counter[str]:
    """How often each reason is given, whatever the thing is called."""
    return Counter(
        _general(f"{finding.what}: {finding.why}")
        for one in made
        for finding in one.report.findings
        if finding.fidelity is fidelity
    )


_NAMED = re.compile(
    r"^((?:secret|runner|context|environment|label|image|group|variable|config)s?(?: labels)?) .*?: "
)
_GENERAL = ((r"'[^']*'|\"[^\"]*\"|\$\{\{.*?\}\}|\{\{.*?\}\}", "…"), (r"; needed at .*", ""))


def _general(reason: str) -> str:
    text = _NAMED.sub(r"\1 …: ", " ".join(reason.split()))
    for pattern, instead in _GENERAL:
        text = re.sub(pattern, instead, text)
    return text[:160]


def unfaithful(file: File) -> list[str]:
    """What differs in graph, triggers and conditions after a conversion, and that no finding tells."""
    made = conversion(file, other(file))
    if not isinstance(made, Conversion) or made.pipeline is None:
        return ["not converted"]
    if not made.documents:
        return []
    before = made.pipeline
    try:
        after = read(made.documents, language(other(file))).pipeline
    except DefinitionError as error:
        return [f"what was written can't be read: {error}"]
    told = [finding for finding in made.report.findings if finding.fidelity is not Fidelity.EXACT]
    return list(_Comparison(before, after, told).differences())


class _Comparison:
    """A pipeline and what came back of it: stages may have other ids, and a matrix may be several stages."""

    def __init__(self, before: Pipeline, after: Pipeline, told: list[Finding]) -> None:
        self.before = before
        self.after = after
        self.told = told
        self.stages = {stage.id: stage for stage in before.stages}
        self.owners = _owners(before, after)
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
        for name, stage in self.stages.items():
            path = f"stages.{name}"
            if not self.into[name] and not self._tells(path):
                yield f"stage {name} is missing"
            needs = {need for need in stage.needs if self.into.get(need)}
            for one in sorted(self.into[name]) if not self._tells(path, f"{path}.needs") else ():
                if there[one] != needs:
                    yield f"stage {one} needs {sorted(there[one])}, not {sorted(needs)}"

    def _behaviour(self, situation: Situation) -> str:
        failing = frozenset().union(*(self.into.get(name, set()) for name in situation.fails))
        one = behaviour(self.before, situation)
        two = behaviour(self.after, replace(situation, fails=failing))
        for name, stages in self.into.items():
            ends = {two.get(stage, "not started") for stage in stages}
            ends = ends - {"skipped"} or ends  # one of several workflows runs, each with its copy
            expected = one.get(name, "not started")
            if (
                ends
                and ends != {expected}
                and not self._excused(name)
                and not self._started(situation, one, two)
            ):
                return f"{_text(situation)}: {name} {expected}, then {'/'.join(sorted(ends))}"
        return ""

    def _excused(self, name: str) -> bool:
        """Whether a finding tells of the stage, its condition or its needs, or of one that it waits for."""
        todo, seen = [name], set()
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
        return any(finding.path in paths for finding in self.told)

    def _below(self, path: str) -> bool:
        return any(finding.path.startswith((f"{path}.", f"{path}[")) for finding in self.told)


def _owners(before: Pipeline, after: Pipeline) -> dict[str, str]:
    """By stage of `after` the one of `before` that it is, or that it is a part of (a cell, a copy in a workflow).

    An id or a name that is the same, or is the longest beginning, tells.
    """
    names = {identifier((stage.name or "").partition("${{")[0]): stage.id for stage in before.stages}
    names |= {stage.id: stage.id for stage in before.stages}
    found = {stage.id: owned(stage.id, names) for stage in after.stages}
    return {one: owner for one, owner in found.items() if owner is not None}


def _text(situation: Situation) -> str:
    what = situation.cron or situation.tag or situation.branch
    fails = f" when {', '.join(situation.fails)} fails" if situation.fails else ""
    return f"{situation.event} of {what}{fails}"
