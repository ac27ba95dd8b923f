"""Item 5: conversions both ways: how well nodes are kept, why not, and that graph, triggers and conditions hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from pipemgr.errors import DefinitionError
from pipemgr.model.definitions import Pipeline
from pipemgr.translate.convert import Conversion, read
from pipemgr.translate.report import Accounting, Fidelity, Finding

from .corpus import CONFIGS, WORKFLOWS, File, conversion, other, readable
from .figures import Figure
from .meaning import Situation, behaviour, situations
from .ways import language

LEAST_KEPT = 0.9
"""The least share of nodes that are exact or equivalent."""
TOP = 20


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


def _general(reason: str) -> str:
    text = re.sub(r"'[^']*'|\"[^\"]*\"|\$\{\{.*?\}\}", "…", " ".join(reason.split()))
    return re.sub(
        r"^(secret|runner|context|environment|label|labels|image|group|variable)s? [^:]+:", r"\1 …:", text
    )[:160]


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
    return [*_graph(before, after, told), *_behaviour(before, after, told)]


def _graph(before: Pipeline, after: Pipeline, told: list[Finding]) -> Iterator[str]:
    there = {stage.id: set(stage.needs) for stage in after.stages}
    for stage in before.stages:
        path = f"stages.{stage.id}"
        if stage.id not in there:
            if not _tells(told, path):
                yield f"stage {stage.id} is missing"
        elif set(stage.needs) != there[stage.id] and not _tells(
            told, path, f"{path}.needs", f"{path}.matrix"
        ):
            gone = {need for need in stage.needs if need not in there and _tells(told, f"stages.{need}")}
            if set(stage.needs) - gone != there[stage.id] - _made(before, there[stage.id]):
                yield f"stage {stage.id} needed {sorted(stage.needs)}, then {sorted(there[stage.id])}"


def _made(before: Pipeline, names: set[str]) -> set[str]:
    """Stages that only the conversion made, such as one for each cell of a matrix."""
    return names - {stage.id for stage in before.stages}


def _behaviour(before: Pipeline, after: Pipeline, told: list[Finding]) -> Iterator[str]:
    said = set()
    for situation in situations(before, after):
        one, two = behaviour(before, situation), behaviour(after, situation)
        differ = [
            stage.id
            for stage in before.stages
            if one.get(stage.id) != two.get(stage.id, "(missing)" if two else None)
        ]
        differ = [name for name in differ if not _excused(before, name, told)]
        if differ and not _event_told(before, after, situation, told):
            said.add(_text(situation, differ, one, two))
    yield from sorted(said)[:5]


def _text(situation: Situation, differ: list[str], one: dict[str, str], two: dict[str, str]) -> str:
    what = situation.cron or situation.tag or situation.branch
    fails = f" when {situation.fails} fails" if situation.fails else ""
    name = differ[0]
    return f"{situation.event} of {what}{fails}: {name} {one.get(name, 'not started')}, then {two.get(name, 'not started')}"


def _excused(pipeline: Pipeline, name: str, told: list[Finding]) -> bool:
    """Whether a finding tells of the stage, its condition or its place in the graph, or of one that it waits for."""
    stages = {stage.id: stage for stage in pipeline.stages}
    todo, seen = [name], set()
    while todo:
        one = todo.pop()
        if one in seen or one not in stages:
            continue
        seen.add(one)
        path = f"stages.{one}"
        if _tells(told, path, f"{path}.when", f"{path}.needs", f"{path}.matrix"):
            return True
        todo += stages[one].needs
    return False


def _event_told(before: Pipeline, after: Pipeline, situation: Situation, told: list[Finding]) -> bool:
    """Whether a finding tells that the event counts in another way."""
    paths = [f"triggers[{at}]" for at, one in enumerate(before.triggers) if one.event == situation.event]
    gained = all(one.event != situation.event for one in before.triggers)
    return any(
        finding.path == "triggers"
        or any(finding.path.startswith(path) for path in paths)
        or (gained and finding.path.startswith("triggers"))
        for finding in told
    )


def _tells(told: list[Finding], *paths: str) -> bool:
    return any(finding.path in paths or _below(finding.path, paths[1:]) for finding in told)


def _below(path: str, paths: tuple[str, ...]) -> bool:
    return any(path.startswith((f"{one}.", f"{one}[")) for one in paths)
