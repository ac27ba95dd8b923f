"""Item 5: conversions both ways: how well nodes are kept, why not, and that graph, triggers and conditions hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from pipemgr.errors import DefinitionError
from pipemgr.translate.convert import Conversion, read
from pipemgr.translate.report import Accounting, Fidelity

from .comparison import Comparison
from .corpus import CONFIGS, WORKFLOWS, File, conversion, readable
from .figures import Figure
from .ways import CIRCLECI, GITHUB, language

LEAST_KEPT = 0.9
"""The least share of nodes that are exact or equivalent."""
TOP = 20


def figures() -> Iterator[Figure]:
    """The rows of the table."""
    for kind, target in ((WORKFLOWS, CIRCLECI), (CONFIGS, GITHUB)):
        yield from converted(5, f"{kind} to the other vendor", kind, target, goal=LEAST_KEPT)


def converted(item: int, name: str, kind: str, target: str, *, goal: float | None = None) -> Iterator[Figure]:
    """The rows about files of a kind in another language; `goal` is the share of nodes that it has to keep."""
    made = conversions(kind, target)
    total = accounts(made.values())
    for fidelity in Fidelity:
        yield Figure(item, f"{name}: nodes {fidelity}", getattr(total, fidelity), of=total.nodes)
    kept = total.exact + total.equivalent
    yield Figure(item, f"{name}: exact or equivalent", kept, of=total.nodes, goal=goal)
    outcomes = Counter(one.report.outcome.value for one in made.values())
    for outcome, count in sorted(outcomes.items()):
        yield Figure(item, f"{name}: files {outcome}", count, of=len(made))
    wrong = {file.name: why for file in made if (why := unfaithful(file, target))}
    short = tuple(f"{file}: {'; '.join(why)}" for file, why in wrong.items())
    what = f"{name}: graph, triggers, conditions kept or told"
    yield Figure(item, what, len(made) - len(wrong), of=len(made), goal=1.0, short=short)
    for fidelity in (Fidelity.MANUAL, Fidelity.DROPPED):
        top = reasons(made.values(), fidelity)
        short = tuple(f"{count} x {why}" for why, count in top.most_common(TOP))
        yield Figure(item, f"{name}: findings {fidelity}", top.total(), short=short)


def conversions(kind: str, target: str) -> dict[File, Conversion]:
    """What became of each readable file in another language; crashes are told by the items about reading."""
    made = {file: conversion(file, target) for file in readable(kind)}
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


def unfaithful(file: File, target: str) -> list[str]:
    """What differs in graph, triggers and conditions after a conversion, and that no finding tells."""
    made = conversion(file, target)
    if not isinstance(made, Conversion) or made.pipeline is None:
        return ["not converted"]
    if not made.documents:
        return []
    before = made.pipeline
    try:
        after = read(made.documents, language(target)).pipeline
    except DefinitionError as error:
        return [f"what was written can't be read: {error}"]
    told = [finding for finding in made.report.findings if finding.fidelity is not Fidelity.EXACT]
    return list(Comparison(before, after, told).differences())
