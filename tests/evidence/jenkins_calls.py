"""Item 13: the stages and steps that we see in Jenkinsfiles, against the calls that an independent engine printed.

The engine (JenkinsPipelineUnit) ran each file and printed every call with its depth. Looked at are the calls that the
file itself makes, in the stage in which it makes them: `<File>.name(...)` below no call of a library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from pipemgr.adapter import Node
from pipemgr_jenkins.groovy.syntax import Call, Closure, Part

from .figures import Figure
from .jenkins_json import elements, entries
from .jenkins_syntax import grown, refused, sources

ITEM = 13
FOLDER = "pairs/opensearch-callstack"
CALL = re.compile(r"( +)(\w+)\.(\w+)\((.*)")
SAYS = "Executing on agent"
"""What the engine itself says."""
STAGE = "stage"
Route = tuple[str, ...]
"""The names of the stages around something, outermost first."""


@dataclass
class Seen:
    """Stages by their routes, and the calls in each."""

    stages: dict[Route, int] = field(default_factory=dict)
    calls: dict[Route, set[str]] = field(default_factory=dict)

    def call(self, route: Route, name: str) -> None:
        """Note a call."""
        self.calls.setdefault(route, set()).add(name)


def printed(text: str) -> Seen:
    """What the engine saw."""
    seen = Seen()
    open_calls: list[tuple[int, bool, Route]] = []
    own = ""
    for line in text.splitlines():
        found = CALL.fullmatch(line)
        if found is None:
            continue
        depth, name, told = len(found[1]), found[3], found[4]
        own = own or found[2]
        while open_calls and open_calls[-1][0] >= depth:
            open_calls.pop()
        _, outside, route = open_calls[-1] if open_calls else (0, False, ())
        outside = outside or found[2] != own
        if not outside and name == STAGE:
            route = (*route, told.rsplit(", groovy.lang.Closure", 1)[0])
            seen.stages[route] = seen.stages.get(route, 0) + 1
        elif not outside and name not in ("run", "pipeline") and SAYS not in told:
            seen.call(route, name)
        open_calls.append((depth, outside, route))
    return seen


class Ours:
    """What our tree holds, sorted the same way."""

    def __init__(self, path: Path) -> None:
        self.tree = grown(path)
        self.seen = Seen()
        for name, below in entries(self.tree.root).items():
            if name == "pipeline":
                self.level(below, ())
            else:
                self.walk(below, ())

    def level(self, node: Node, route: Route) -> None:
        """A pipeline, a stage or a matrix: its stages one level down, all else here."""
        for name, below in entries(node).items():
            if name in ("stages", "parallel"):
                for stage in elements(below):
                    self.stage(stage, route)
            elif name == "matrix":
                self.level(below, route)
            else:
                self.walk(below, route)

    def stage(self, node: Node, route: Route) -> None:
        """One stage; the engine prints none of those that only hold others."""
        below = entries(node)
        if "steps" in below:
            route = (*route, str(below["name"].value))
            self.seen.stages[route] = 1
        self.level(node, route)

    def walk(self, node: Node, route: Route) -> None:
        """The calls of a node, and of all nodes below."""
        below = [*entries(node).values(), *elements(node)]
        part = self.tree.syntax(node)
        if not below and part is not None and not isinstance(part, Closure):
            for one in part.walk():
                self.one(one, route)
        elif isinstance(part, Call):
            self.one(part, route)
        for child in below:
            self.walk(child, route)

    def one(self, part: Part, route: Route) -> None:
        """A call."""
        if isinstance(part, Call) and part.target is None:
            self.seen.call(route, part.name)


@cache
def pairs() -> tuple[tuple[str, Seen, Seen], ...]:
    """Each file with what the engine printed and what we see; left out is what Jenkins refuses and the engine runs."""
    found = []
    for path in sources(FOLDER):
        beside = path.with_name(f"{path.name}.txt")
        if beside.exists() and not refused(path):
            found.append((path.name, printed(beside.read_text(encoding="utf-8")), Ours(path).seen))
    return tuple(found)


def figures() -> Iterator[Figure]:
    """The rows of the table."""
    stages = [
        (name, route, route in ours.stages) for name, theirs, ours in pairs() for route in theirs.stages
    ]
    declared = [
        (name, route, route in theirs.stages) for name, theirs, ours in pairs() for route in ours.stages
    ]
    steps = [
        (name, (*route, call), call in ours.calls.get(route, set()))
        for name, theirs, ours in pairs()
        for route, calls in theirs.calls.items()
        for call in sorted(calls)
    ]
    for what, found, goal in (
        ("stages that the engine ran, seen", stages, 0.95),
        ("stages that we see, run by the engine", declared, None),
        ("steps that the engine ran, seen in their stage", steps, 0.95),
    ):
        missed = tuple(f"{name}: {' > '.join(route)}" for name, route, same in found if not same)
        yield Figure(ITEM, what, len(found) - len(missed), of=len(found), goal=goal, short=missed)
    left_out = [f"{path.name}: {refused(path)[0]}" for path in sources(FOLDER) if refused(path)]
    yield Figure(ITEM, "files left out: Jenkins refuses them", len(left_out), short=tuple(left_out))
