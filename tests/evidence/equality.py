"""Whether two executions of a workflow ended alike, and what was expected to differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipemgr.translate.document import DocumentSet, single

from .executing import EXECUTED, Ended, execute, settings_of
from .owners import identifier, owned
from .ways import CIRCLECI, GITHUB, NATIVE, Way, way, with_wanted

WAYS = {
    "fresh": (GITHUB, GITHUB),
    "native": (GITHUB, NATIVE, GITHUB),
    CIRCLECI: (GITHUB, CIRCLECI, GITHUB),
}
TRIES = 3
"""act now and then loses the last line that a failing script prints."""


def source(path: Path) -> DocumentSet:
    """A workflow with what it calls of its project."""
    documents = single(f".github/workflows/{path.name}", path.read_text(encoding="utf-8"))
    return with_wanted(documents, GITHUB, EXECUTED / "_project")


@cache
def expectations() -> dict[str, list[dict[str, str]]]:
    """By workflow: what may differ after the way through another vendor, and the finding that announces it.

    A row with `gap` in its place is one that no finding announces, and why.
    """
    found: dict[str, Any] = yaml.safe_load((EXECUTED / "expectations.yaml").read_text(encoding="utf-8"))
    return found or {}


def compared(path: Path, name: str, folder: Path) -> tuple[Way, list[str]]:
    """A workflow's way, and what differs when original and result are executed."""
    before = path.read_text(encoding="utf-8")
    went = way(source(path), *WAYS[name])
    after = next(iter(went.documents)).text
    found: list[str] = []
    for attempt in range(TRIES):
        first = execute(before, folder / f"{attempt}-before")
        second = execute(after, folder / f"{attempt}-after", settings_of(before))
        if name == CIRCLECI:
            first, second = (_scripts(ended, before) for ended in (first, second))
        now = list(differences(first, second))
        found = [one for one in found if one in now] if attempt else now
        if not any(_surprising(one, path) for one in found):
            break
    return went, found


def _surprising(difference: str, path: Path) -> bool:
    return not any(re.search(row["differs"], difference) for row in expectations().get(path.stem, []))


def differences(first: Mapping[str, Ended], second: Mapping[str, Ended]) -> Iterator[str]:
    """What the second execution did otherwise."""
    for name in sorted({*first, *second}):
        if name not in second or name not in first:
            yield f"{name}: {'not executed' if name in first else 'executed'}"
            continue
        one, two = first[name], second[name]
        if one.result != two.result:
            yield f"{name}: {one.result}, then {two.result}"
        if one.steps != two.steps:
            yield f"{name}: steps {one.steps}, then {two.steps}"
        if one.marks != two.marks:
            yield f"{name}: lines {one.marks}, then {two.marks}"


def _scripts(ended: Mapping[str, Ended], text: str) -> dict[str, Ended]:
    """Of each execution what another vendor can say too: named scripts, and cells by number, whatever jobs are called.

    A cell of a matrix may be a job of its own there, and a job's id may be made of its name.
    """
    jobs = yaml.safe_load(text)["jobs"]
    names = {identifier(str(job.get("name", name)).partition("${{")[0]): name for name, job in jobs.items()}
    names |= {name: name for name in jobs}
    scripts = {
        step["name"]
        for job in jobs.values()
        for step in job.get("steps", [])
        if {"name", "run"} <= step.keys()
    }
    found: dict[str, list[Ended]] = {}
    for name, one in ended.items():
        owner = owned(name.partition(" ")[0], names)
        steps = [step for step in one.steps if step[0] in scripts]
        found.setdefault(owner or name, []).append(Ended(one.result, steps, one.marks))
    return {
        f"{name} {number}" if len(cells) > 1 else name: cell
        for name, cells in found.items()
        for number, cell in enumerate(sorted(cells, key=str), 1)
    }


def unexpected(path: Path, went: Way, found: list[str]) -> list[str]:
    """Differences that nobody expects, and expectations that do not come true or that no finding announces."""
    rows = expectations().get(path.stem, [])
    said = [f"{one.fidelity}: {one.what}: {one.why}" for one in went.findings]
    wrong = [one for one in found if _surprising(one, path)]
    for row in rows:
        if not any(re.search(row["differs"], one) for one in found):
            wrong.append(f"nothing differs as {row['differs']!r}")
        if "finding" in row and not any(re.search(row["finding"], one) for one in said):
            wrong.append(f"no finding like {row['finding']!r} among {said}")
    return wrong


def gaps(path: Path) -> list[str]:
    """What is known to differ unannounced."""
    return [row["gap"] for row in expectations().get(path.stem, []) if "gap" in row]
