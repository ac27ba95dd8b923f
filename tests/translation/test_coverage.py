"""How many calls of actions and orbs in real files the tables know; printed, known and unknown, by how often.

Calls are counted in plain YAML, without the readers. A call of something in the same repository (`./action`, an inline
orb, a workflow beside it) needs no row and is counted apart, as images (`docker://`) are.
"""

# ruff: noqa: T201 - the figures are printed
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipemgr.mapping.tables import Tables

pytestmark = pytest.mark.corpus

GOAL = 0.9
GITHUB, CIRCLE = Tables.of("github-actions"), Tables.of("circleci")


@dataclass
class Calls:
    """Calls by name, and how many need no row."""

    remote: Counter[str] = field(default_factory=Counter)
    apart: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Calls") -> None:
        self.remote += other.remote
        self.apart += other.apart

    def known(self, has: Callable[[str], bool]) -> Counter[str]:
        return Counter({name: count for name, count in self.remote.items() if has(name)})


def parsed(folder: Path) -> Iterator[dict[str, Any]]:
    """The files of a folder that are YAML mappings; `on` stays a string."""
    for path in sorted(folder.iterdir()):
        try:
            data = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 - strings only
        except yaml.YAMLError:
            continue
        if isinstance(data, dict):
            yield data


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# GitHub ------------------------------------------------------------------------------------------------


def uses(steps: Any) -> Iterator[str]:
    for step in map(mapping, sequence(steps)):
        if "uses" in step:
            yield step["uses"]
        yield from uses(step.get("parallel"))


def github(corpus: Path) -> tuple[Calls, Calls]:
    """Actions, and reusable workflows."""
    actions, workflows = Calls(), Calls()
    for kind in ("gha", "gha-composite"):
        for data in parsed(corpus / "definitions" / kind):
            jobs = list(map(mapping, mapping(data.get("jobs")).values()))
            for job in (mapping(data.get("runs")), *jobs):
                for name in uses(job.get("steps")):
                    count(actions, name)
            for job in jobs:
                if "uses" in job:
                    count(workflows, job["uses"])
    return actions, workflows


def count(calls: Calls, name: str) -> None:
    apart = "./" if name.startswith("./") else "docker://" if name.startswith("docker://") else ""
    calls.apart[apart] += bool(apart)
    calls.remote[name.partition("@")[0]] += not apart


# CircleCI ----------------------------------------------------------------------------------------------


def orb_steps(steps: Any) -> Iterator[str]:
    for step in sequence(steps):
        if isinstance(step, str):
            yield step
        for name, inner in mapping(step).items():
            yield from orb_steps(mapping(inner).get("steps")) if name in ("when", "unless") else (name,)


def orbs(corpus: Path) -> dict[str, Calls]:
    found = {"commands": Calls(), "jobs": Calls(), "executors": Calls()}
    for data in parsed(corpus / "definitions" / "circleci"):
        definition(data, {}, found)
    return found


def definition(data: dict[str, Any], around: dict[str, Any], found: dict[str, Calls]) -> None:
    """A config, or an orb in it."""
    known = {**around, **mapping(data.get("orbs"))}
    for inline in (orb for orb in mapping(data.get("orbs")).values() if isinstance(orb, dict)):
        definition(inline, around, found)

    def see(kind: str, name: Any) -> None:
        alias, _, call = str(name).partition("/")
        if call and isinstance(known.get(alias), str):
            found[kind].remote[f"{known[alias].partition('@')[0]}/{call}"] += 1
        elif call and alias in known:
            found[kind].apart["inline orb"] += 1

    for job in map(mapping, (*mapping(data.get("jobs")).values(), *mapping(data.get("commands")).values())):
        for name in orb_steps(job.get("steps")):
            see("commands", name)
        executor = job.get("executor")
        see("executors", mapping(executor).get("name", executor))
    for kind, name in invocations(data):
        see(kind, name)


def invocations(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What workflows call: jobs, and commands before and after them."""
    for workflow in map(mapping, mapping(data.get("workflows")).values()):
        for job in sequence(workflow.get("jobs")):
            for name, given in (mapping(job) or {job: None}).items():
                yield "jobs", name
                for key in ("pre-steps", "post-steps"):
                    yield from (("commands", step) for step in orb_steps(mapping(given).get(key)))


# The figures -------------------------------------------------------------------------------------------


def told(title: str, calls: Calls, known: Counter[str]) -> None:
    apart = ", ".join(f"{count} {name}" for name, count in calls.apart.items() if count)
    total = calls.remote.total()
    print(
        f"\n{title}: {known.total()} of {total} known ({known.total() / total:.1%})",
        f"; apart: {apart}" * bool(apart),
    )
    for mark, names in (("+", known), ("-", calls.remote - known)):
        print(*(f"  {mark} {count:4} {name}" for name, count in names.most_common()), sep="\n")


def test_the_tables_know_nine_of_ten_calls(corpus: Path) -> None:
    actions, workflows = github(corpus)
    found = orbs(corpus)
    knows: dict[str, Callable[[str], bool]] = {
        "commands": lambda name: CIRCLE.steps.read(name) is not None,
        "jobs": lambda name: name in CIRCLE.jobs.jobs,
        "executors": lambda name: name in CIRCLE.jobs.executors,
    }
    known = actions.known(lambda name: GITHUB.steps.read(name) is not None)
    told("actions", actions, known)
    told("reusable workflows", workflows, Counter())
    total, all_known = actions.remote.total() + workflows.remote.total(), known.total()
    for kind, calls in found.items():
        part = calls.known(knows[kind])
        told(f"orb {kind}", calls, part)
        total, all_known = total + calls.remote.total(), all_known + part.total()
    print(f"\nall: {all_known} of {total} ({all_known / total:.1%})")
    assert known.total() >= GOAL * (actions.remote.total() + workflows.remote.total()), "of `uses:`"
    assert all_known >= GOAL * total, "of `uses:` and orb calls"


def test_calls_are_counted_where_they_stand() -> None:
    actions = Calls()
    for name in uses(
        [{"uses": "a/b@v1"}, {"parallel": [{"uses": "./c"}, {"uses": "docker://d"}]}, {"run": "x"}]
    ):
        count(actions, name)
    assert actions.remote == Counter({"a/b": 1})
    assert actions.apart == Counter({"./": 1, "docker://": 1})
    found = {"commands": Calls(), "jobs": Calls(), "executors": Calls()}
    config = {
        "orbs": {
            "n": "circleci/node@5",
            "own": {"commands": {"x": {"steps": ["n/install"]}}, "orbs": {"n": "o/n@1"}},
        },
        "jobs": {
            "a": {"executor": "n/default", "steps": ["own/x", {"when": {"steps": [{"n/install": {}}]}}]}
        },
        "workflows": {"w": {"jobs": ["n/test", {"n/run": {"pre-steps": ["n/install"]}}]}},
    }
    definition(config, {}, found)
    assert found["commands"].remote == Counter({"circleci/node/install": 2, "o/n/install": 1})
    assert found["commands"].apart == Counter({"inline orb": 1})
    assert found["jobs"].remote == Counter({"circleci/node/test": 1, "circleci/node/run": 1})
    assert found["executors"].remote == Counter({"circleci/node/default": 1})
