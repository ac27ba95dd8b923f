"""Shapes of scripted pipelines: which statements are stages, machines and branches, and which are steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipemgr_jenkins.groovy.syntax import (
    Assignment,
    Call,
    Closure,
    Code,
    Constant,
    Declaration,
    Entries,
    If,
    Index,
    Items,
    Method,
    Name,
    Part,
    Property,
    Return,
    Script,
    Try,
)

from .blocks import mentioned

STAGE: Final = "stage"
NODE: Final = "node"
PARALLEL: Final = "parallel"
MOST: Final = 50
"""Calls of `parallel` on one level whose branches are looked for in variables."""
FAIL_FAST: Final = "failFast"
_OUTSIDE: Final = ("import ", "package ", "class ", "enum ", "interface ", "trait ", "@")
"""Code that defines something, and does nothing by itself."""


class Shapes:
    """What the statements of one script are; each part is looked at once."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._holds: dict[int, bool] = {}
        self._collected: dict[int, Mapping[str, Closure]] = {}
        found = (one for one in script.statements if isinstance(one, Method))
        self.methods = {one.name: one for one in found if not one.parameters}
        """The file's methods without parameters, by name."""

    def holds(self, part: Part) -> bool:
        """Whether a stage, a machine or parallel branches are anywhere in a part."""
        found = self._holds.get(id(part))
        if found is None:
            found = self._holds[id(part)] = any(map(_is_structure, part.walk()))
        return found

    def structural(self, part: Part | None) -> bool:
        """Whether a statement is one of the pipeline's structure, or has such in a block that can be seen through."""
        match part:
            case Call(name="stage", target=None):
                return bool(part.plain) and part.plain[0].key in (None, "name")
            case Call(name="node", target=None):
                return part.block is not None
            case Call(name="parallel", target=None):
                return self.branches(part) is not None
            case Call(target=None, arguments=()) if part.name in self.methods:
                return any(map(_is_stage, self.methods[part.name].body.statements))
            case Call():
                return part.block is not None and self._wraps(part, part.block)
            case If() | Try():
                return self.holds(part)
        return False

    def branches(self, part: Call) -> Mapping[str, Closure] | None:
        """The branches of `parallel`, as far as they are known."""
        return self._collected.get(id(part)) or branches(part)

    def collect(self, parts: Sequence[Part | None]) -> set[int]:
        """Find maps of branches among statements; the places of those that only make them."""
        used: set[int] = set()
        calls = [(at, part) for at, part in enumerate(parts) if mapped(part)]
        names = [_names(part) for part in parts] if calls else []
        for at, part in calls[:MOST]:
            name = mapped(part) or ""
            users = [one for one, found in enumerate(names) if name in found and one != at]
            found = collected([parts[one] for one in users], name)
            if found and all(one < at for one in users):
                self._collected[id(part)] = found
                used.update(users)
        return used

    def collect_from_outside(self, parts: Sequence[Part]) -> set[int]:
        """The same for maps that outermost statements fill, and one further in uses."""
        used: set[int] = set()
        calls = [
            (at, call)
            for at, part in enumerate(parts)
            for call in part.walk()
            if isinstance(call, Call) and mapped(call) and call is not part
        ]
        names = [_names(part) for part in parts] if calls else []
        for at, call in calls[:MOST]:
            name = mapped(call) or ""
            users = [one for one, found in enumerate(names) if name in found and one != at]
            found = collected([parts[one] for one in users], name)
            uses = sum(isinstance(one, Name) and one.name == name for one in parts[at].walk())
            if found and uses == 1 and all(one < at for one in users):
                self._collected[id(call)] = found
                used.update(users)
        return used

    def _wraps(self, part: Call, block: Closure) -> bool:
        """Whether a block around stages is executed once, as it stands there."""
        if block.parameters or not any(self.structural(one) for one in block.statements):
            return False
        if part.target is not None:
            return container(part) is not None
        return part.name in SEEN_THROUGH or not any(
            isinstance(one, Call) and one.name == NODE and one.target is None for one in block.walk()
        )

    @staticmethod
    def fields_of_stages(part: Call) -> bool:
        """Whether a block around all steps of a stage is a field of the stage."""
        return part.name in FIELDS if part.target is None else container(part) is not None

    def defines(self, part: Part | None) -> bool:
        """Whether a statement of the file only defines something for others."""
        match part:
            case Method():
                return True
            case Code():
                return self.script.text(part).startswith(_OUTSIDE)
        return False

    def mentioned(self, part: Part | None) -> set[str]:
        """The words in a statement that may be variables."""
        return mentioned(part, self.script)


SEEN_THROUGH: Final = frozenset(
    {
        "ansiColor",
        "lock",
        "retry",
        "script",
        "timeout",
        "timestamps",
        "withCredentials",
        "withEnv",
        "wrap",
        "ws",
    }
)
"""Blocks that may have machines inside and still are known for what they do."""


FIELDS: Final = frozenset({"lock", "node", "retry", "timeout"})
"""Blocks that are fields of a stage, where they are around all that it does."""


def _is_stage(part: Part) -> bool:
    return (
        isinstance(part, Call)
        and part.target is None
        and part.name in (STAGE, NODE)
        and part.block is not None
    )


def mapped(part: Part | None) -> str | None:
    """The variable that `parallel` gets its branches from."""
    if (
        not isinstance(part, Call)
        or part.name != PARALLEL
        or part.target is not None
        or len(part.arguments) != 1
    ):
        return None
    value = part.arguments[0].value
    return value.name if isinstance(value, Name) and part.arguments[0].key is None else None


def _is_structure(part: Part) -> bool:
    return isinstance(part, Call) and part.target is None and part.name in (STAGE, NODE, PARALLEL)


def branches(part: Call) -> Mapping[str, Closure] | None:
    """The branches of `parallel`, where each has a name and a block; None where they are made while it runs."""
    found: dict[str, Closure] = {}
    for key, value in _pairs(part):
        if key == FAIL_FAST:
            continue
        if key is None or not isinstance(value, Closure) or value.parameters:
            return None
        found[key] = value
    return found or None


def fails_fast(part: Call) -> bool:
    """Whether `parallel` ends all branches when one has failed."""
    return any(
        key == FAIL_FAST and isinstance(value, Constant) and value.value is True
        for key, value in _pairs(part)
    )


def _pairs(part: Call) -> Iterator[tuple[str | None, Part]]:
    if len(part.plain) == 1 and isinstance(part.plain[0].value, Entries) and part.plain[0].key is None:
        for entry in part.plain[0].value.entries:
            yield (str(entry.key.value) if isinstance(entry.key, Constant) else None), entry.value
        return
    for argument in part.arguments:
        yield (argument.key if argument.word is None else None), argument.value


@dataclass(frozen=True)
class Container:
    """`docker.image('x').inside('arguments')`."""

    image: Part
    options: Part | None


def container(part: Call) -> Container | None:
    """The container that a block is executed in."""
    image = part.target
    if part.name != "inside" or not isinstance(image, Call) or image.name != "image":
        return None
    if not isinstance(image.target, Name) or image.target.name != "docker" or len(image.plain) != 1:
        return None
    return Container(image.plain[0].value, part.plain[0].value if part.plain else None)


# Variables and ends --------------------------------------------------------------------------------------------


def harmless(value: Part | None) -> bool:
    """Whether a value can be known before anything is executed."""
    match value:
        case None | Constant() | Closure():
            return True
        case Items(items=items):
            return all(map(harmless, items))
        case Entries(entries=entries):
            return all(isinstance(one.key, Constant) and harmless(one.value) for one in entries)
    return False


def leaves(part: Part | None) -> bool:
    """Whether a statement may end what is around it before its end: a `return` that is not in a block of its own."""
    todo = [part] if part is not None else []
    while todo:
        one = todo.pop()
        if isinstance(one, Return):
            return True
        if not isinstance(one, Closure | Method):
            todo += one.children()
    return False


def cut(part: Part | None) -> bool:
    """`if (condition) { ...; return }`: what follows is for the other case."""
    if not isinstance(part, If) or part.otherwise is not None or not part.then.statements:
        return False
    *others, last = part.then.statements
    return isinstance(last, Return) and not any(map(leaves, others))


# Branches that are collected in a variable ---------------------------------------------------------------------


def collected(parts: Sequence[Part | None], name: str) -> Mapping[str, Closure] | None:
    """The branches that statements put into a map by constant keys; None where they do anything else with it."""
    found: dict[str, Closure] = {}
    for part in parts:
        pairs = _put(part, name)
        if pairs is None:
            return None
        found |= pairs
    return found or None


def _put(part: Part | None, name: str) -> dict[str, Closure] | None:
    """What one statement puts into the map."""
    match part:
        case Declaration(name=declared, value=Entries(entries=entries)) if declared == name:
            pairs = [(one.key, one.value) for one in entries]
        case Assignment(target=Name(name=target), operator="=", value=Entries(entries=entries)) if (
            target == name
        ):
            pairs = [(one.key, one.value) for one in entries]
        case Assignment(target=Index(target=Name(name=target), key=key), operator="=", value=value) if (
            target == name
        ):
            pairs = [(key, value)]
        case Assignment(
            target=Property(target=Name(name=target), name=word) as whole, operator="=", value=value
        ) if target == name:
            pairs = [(Constant(start=whole.start, end=whole.end, value=word), value)]
        case _:
            return None
    found = {
        str(key.value): value
        for key, value in pairs
        if isinstance(key, Constant) and isinstance(value, Closure) and not value.parameters
    }
    return found if len(found) == len(pairs) else None


def _names(part: Part | None) -> set[str]:
    """The variables that a statement names."""
    found = {one.name for one in part.walk() if isinstance(one, Name)} if part is not None else set()
    return found | {part.name} if isinstance(part, Declaration) else found
