"""Groovy around steps: `if`, `try`, and variables that keep statements together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pipemgr.adapter import Node
from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name, chained
from pipemgr_jenkins.groovy import syntax
from pipemgr_jenkins.groovy.syntax import Closure, Code, Declaration, Method, Part, Script

from .drafts import Draft, Place
from .expressions import truth
from .grammar import grammar
from .known import assigned, is_known
from .known import mentioned as words
from .logic import negated

if TYPE_CHECKING:
    from .step_reader import StepReader

_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_SEVERAL: Final = re.compile(r"(?:def|final|var)\s*\(([^)]*)\)\s*=")
"""`def (a, b) = ...`."""
_THROWN: Final = re.compile(r"throw\b")
_ALWAYS: Final = Call("always")


# What may stand where ---------------------------------------------------------------------------------------


def is_declarative(part: Part) -> bool:
    """Whether a statement may stand in `steps { }` without `script { }`: calls of steps, with such in their blocks.

    Methods of objects may not (https://www.jenkins.io/doc/book/pipeline/syntax/#script).
    """
    blocked = grammar()["blocked_steps"]
    todo = [part]
    while todo:
        one = todo.pop()
        if not isinstance(one, syntax.Call) or one.target is not None or one.name in blocked:
            return False
        closures = [argument.value for argument in one.arguments if isinstance(argument.value, Closure)]
        todo += [inner for closure in closures for inner in closure.statements]
    return True


# Variables -------------------------------------------------------------------------------------------------


def lengths(parts: Sequence[Part | None], script: Script, local: Container[str] = ()) -> list[int]:
    """How many statements belong together, one after another: a declaration and all up to the last that needs it.

    A variable among `local` is declared where it is first given a value.
    """
    last: dict[str, int] = {}
    for at, part in enumerate(parts):
        last.update((word, at) for word in mentioned(part, script))
    found: list[int] = []
    at = 0
    while at < len(parts):
        end = seen = at
        while seen <= end:
            end = max(end, *(last.get(name, end) for name in declared(parts[seen], script, local)), end)
            seen += 1
        found.append(end - at + 1)
        at = end + 1
    return found


def declared(part: Part | None, script: Script, local: Container[str] = ()) -> frozenset[str]:
    """The variables and methods that a statement declares for those that follow."""
    match part:
        case Declaration(name=name) | Method(name=name):
            return frozenset({name})
        case Code():
            match = _SEVERAL.match(script.text(part))
            return frozenset(_WORD.findall(match[1])) if match else frozenset()
    target, _ = assigned(part)
    return frozenset({target}) if target is not None and target in local else frozenset()


def mentioned(part: Part | None, script: Script) -> set[str]:
    """The words in a statement that may be variables."""
    return set(words(part, script))


def locals_of(parts: Sequence[Part | None], script: Script, everywhere: Mapping[str, int]) -> frozenset[str]:
    """The variables without a declaration that no other statements of the file know; `everywhere` counts all words."""
    names = {name for part in parts for name in (assigned(part)[0],) if name is not None}
    counts = Counter(word for part in parts for word in words(part, script)) if names else Counter[str]()
    return frozenset(name for name in names if counts[name] == everywhere[name])


# If ---------------------------------------------------------------------------------------------------------


def read_if(reader: StepReader, node: Node, place: Place) -> list[Draft]:
    """`if`: a condition for each step in it, where that is the same; otherwise it stays, with those steps for others."""
    part = reader.file.syntax(node.items()["if"])
    if part is None:
        return [reader.verbatim(node, place)]
    condition = truth(part, place.values.scope)
    if is_known(condition):
        flat = _branches(reader, node, place, condition)
        if flat and not any(one.is_opaque for one in flat):
            return [flat[0].fed((node, None)), *flat[1:]]
    bare = place.bare
    steps = _branches(reader, node, bare, truth(part, bare.values.scope))
    return [reader.verbatim(node, place, steps)]


def _branches(reader: StepReader, node: Node, place: Place, condition: Expression) -> list[Draft]:
    items = node.items()
    found: list[Draft] = []
    for key, holds in (("then", condition), ("else", negated(condition))):
        branch = items.get(key)
        if branch is None:
            continue
        inner = replace(place, when=(*place.when, holds), is_alone=False)
        drafts = reader.statements(branch.entries(), inner)
        found += [drafts[0].fed((items["if"], "when")), *drafts[1:]] if drafts and key == "then" else drafts
    return found


# Try --------------------------------------------------------------------------------------------------------


def read_try(reader: StepReader, node: Node, place: Place) -> list[Draft]:
    """`try`: what it does finally is done always; it stays as it is where something was done before or is caught."""
    items = node.items()
    if "catch" not in items and place.is_alone and not place.when and "finally" in items:
        body = reader.statements(items["try"].entries(), place)
        final = replace(place, when=(_ALWAYS,), is_alone=False)
        found = [*body, *reader.statements(items["finally"].entries(), final)]
        return [found[0].fed((node, None)), *found[1:]] if found else found
    inner = replace(place.bare, is_alone=False)
    body = reader.statements(items["try"].entries(), inner)
    steps, note = _caught(reader, node, inner, body) if "catch" in items else (body, "")
    if "finally" in items:
        steps += reader.statements(items["finally"].entries(), replace(inner, when=(_ALWAYS,)))
        note = note or "what is done finally is also done when a step before failed"
    return [reader.verbatim(node, place, steps, note)]


def _caught(reader: StepReader, node: Node, place: Place, body: list[Draft]) -> tuple[list[Draft], str]:
    """The steps of `try` and `catch`, and what is not the same."""
    catches = node.items()["catch"].entries()
    statements = catches[0].entries() if catches else []
    part = reader.file.syntax(statements[-1]) if statements else None
    if part is not None and _throws(reader, part):
        rest = statements if isinstance(part, syntax.Call) else statements[:-1]
        when = replace(place, when=(Call("failure"),))
        return [*body, *reader.statements(rest, when)], "what is caught may also come from steps before"
    names = [f"tried-{at}" for at in range(1, len(body) + 1)]
    tried = [one.changed(id=name, allow_failure=True) for one, name in zip(body, names, strict=True)]
    failed = [Binary("==", _outcome(name), Literal("failure")) for name in names]
    if not failed:
        return [], ""
    caught = reader.statements(statements, replace(place, when=(chained("||", failed),)))
    return [*tried, *caught], "after a failure the rest of `try` is executed too" if len(body) > 1 else ""


def _outcome(name: str) -> Expression:
    return Access(Access(Name("steps"), Literal(name)), Literal("outcome"))


def _throws(reader: StepReader, part: Part) -> bool:
    if isinstance(part, syntax.Call):
        return part.name == "error" and part.target is None
    return isinstance(part, Code) and _THROWN.match(reader.file.script.text(part)) is not None
