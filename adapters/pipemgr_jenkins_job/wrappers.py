"""Wrappers, both ways: a time limit and bound credentials are the stage's own; all others stay as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pipemgr.model.definitions import Data, Stage, Step, seconds
from pipemgr.model.expressions import Access, Literal, Name
from pipemgr.model.templates import template

from . import injected
from .elements import Element, flat, grown
from .kept import Grower, in_order, keep, remember, section
from .normal import same
from .rendering import rendered
from .step_reader import StepReader, listed_in, same_classes
from .words import Words, literal, plain, secret

SECTION: Final = "buildWrappers"
BINDINGS: Final = "org.jenkinsci.plugins.credentialsbinding.impl.SecretBuildWrapper"
TIMEOUT: Final = "hudson.plugins.build__timeout.BuildTimeoutWrapper"
_SILENCE: Final = "hudson.plugins.build_timeout.impl.NoActivityTimeOutStrategy"
_SILENT: Final = "strategy/timeoutSecondsString"
_ABORT: Final = "operationList/hudson.plugins.build__timeout.operations.AbortOperation"
_WORK: Final = ("builders", "goals", "postbuilders", "prebuilders", "publishers")
_MINUTE: Final = 60
_WHOLE: Final = "secret"


@dataclass
class Around:
    """What wrappers give a stage."""

    timeout: str | None = None
    idle: str | None = None
    """How long any step may say nothing."""
    variables: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    """What comes before all builders."""


def understood(element: Element, words: Words) -> Around | None:
    """What a wrapper gives; None where it has no row, or gives more than ours can say."""
    if element.tag == BINDINGS:
        return _bindings(element, words)
    if (variables := injected.understood(element)) is not None:
        return Around(variables={name: literal(text) for name, text in variables.items()})
    row, said = words.row("wrapper", element.tag), flat(element)
    if said is not None and said.get("strategy/@class") == _SILENCE:
        length = said.get(_SILENT) or ""
        return Around(idle=f"{length}s") if re.fullmatch(r"[1-9]\d{0,6}", length) else None
    if row is None or said is None or "timeout" not in row.inputs or not same_classes(row, said):
        return None
    minutes = said.get(row.path("timeout")) or ""
    return Around(timeout=f"{minutes}m") if re.fullmatch(r"\d{1,6}", minutes) else None


def _bindings(element: Element, words: Words) -> Around | None:
    bindings = element.child("bindings")
    found: dict[str, str] = {}
    for one in bindings.children if bindings is not None else ():
        row = words.row("binding", one.tag)
        name = one.find("credentialsId")
        if row is None or not name or "$" in name:
            return None
        for part in row.inputs:
            if variable := one.find(row.path(part)):
                found[variable] = secret(name if part == _WHOLE else f"{name}:{part}")
    return Around(variables=found)


def read(elements: Iterable[Element], steps: StepReader, first: int, kept: Data, hints: Data) -> Around:
    """What all wrappers give; those that are not understood, or not written the same way, are kept.

    `first` is the number of the first step that one becomes.
    """
    around, words, tree = Around(), steps.words, steps.tree
    listed = list(elements)
    remember(hints, SECTION, listed)
    for element in listed:
        given = understood(element, words)
        if given is not None and given.idle and not _has_steps(tree.root):
            given = None
        step = (
            steps.around(element, f"stages.build.steps[{first + len(around.steps)}]")
            if given is None
            else None
        )
        if step is not None:
            around.steps.append(listed_in(step, SECTION))
            continue
        path = f"{SECTION}/{element.tag}"
        tree.take(element, f"vendor.jenkins-job.{path}")
        if given is None or _again(given, around):
            row = words.row("wrapper", element.tag)
            keep(hints if row is not None and row.harmless else kept, path, rendered(element))
            continue
        tree.node(element).feeds("stages.build.timeout" if given.timeout else "stages.build.variables")
        around.timeout = given.timeout or around.timeout
        around.idle = given.idle or around.idle
        around.variables |= given.variables
        again = list(written(given, words))
        if len(again) != 1 or not same(again[0], element, words, "wrapper"):
            keep(hints, path, rendered(element))
    return around


def _has_steps(job: Element) -> bool:
    """Whether there are steps, each of which can have a limit."""
    lists = (job.child(tag) for tag in _WORK)
    return any(one is not None and bool(one.children or one.text) for one in lists)


def _again(given: Around, before: Around) -> bool:
    """Whether a wrapper gives what another one has given."""
    limits = (given.timeout and before.timeout) or (given.idle and before.idle)
    return bool(limits) or bool(given.variables.keys() & before.variables.keys())


def _same(given: str | None, timeout: str | None) -> bool:
    """Whether a wrapper limits the time as the stage does, or not at all."""
    return given is None or (timeout is not None and seconds(given) == seconds(timeout))


def written(given: Around, words: Words) -> Iterator[Element]:
    """The wrappers of a stage: its variables, its bound credentials, and its time limits, that of all in whole minutes."""
    plain_ones = {name: text for name, text in given.variables.items() if credential(text) is None}
    if plain_ones:
        yield injected.written({name: plain(text) or "" for name, text in plain_ones.items()})
    if given.idle is not None and (silence := seconds(given.idle)) is not None:
        told: dict[str, str | None] = {"strategy/@class": _SILENCE, _SILENT: str(max(1, -int(-silence // 1)))}
        yield grown(TIMEOUT, {**told, _ABORT: None}, {"plugin": "build-timeout"})
    timeout = given.timeout
    bound = list(_bound(given.variables, words))
    if bound:
        bindings = Element("bindings", children=bound)
        yield Element(BINDINGS, {"plugin": "credentials-binding"}, children=[bindings])
    row = words.row("wrapper", TIMEOUT)
    if timeout is not None and row is not None and (length := seconds(timeout)) is not None:
        said: dict[str, str | None] = {
            path: default if isinstance(default, str) else None
            for path, default in row.fields.items()
            if default is not None
        }
        said[row.path("timeout")] = str(max(1, -int(-length // _MINUTE)))
        yield grown(row.element, said, {"plugin": row.plugin})


def credential(text: str) -> tuple[str, str] | None:
    """The id of the credential and the part of it that a variable holds; None for all other texts."""
    match template(text):
        case (Access(Name("secrets"), Literal(str(name))),):
            known, _, part = name.rpartition(":")
            return (known, part) if known and part in _PARTS else (name, _WHOLE)
    return None


_PARTS: Final = frozenset(("username", "password", "userpass", "file", "key", "passphrase"))


def _bound(variables: dict[str, str], words: Words) -> Iterator[Element]:
    """A binding for each credential, with all of its parts that are asked for."""
    asked: dict[str, dict[str, str]] = {}
    for variable, text in variables.items():
        if (found := credential(text)) is not None:
            asked.setdefault(found[0], {})[found[1]] = variable
    for name, parts in asked.items():
        left = dict(parts)
        for row in words.rows("binding"):
            if row.writes and set(row.inputs) & left.keys() and set(left) <= set(row.inputs):
                said = {row.path(part): left.pop(part) for part in row.inputs if part in left}
                ordered = {path: said[path] for path in row.fields if path in said}
                yield grown(row.element, {**ordered, "credentialsId": name})
        for part, variable in left.items():
            row_of = next((one for one in words.rows("binding") if one.writes and part in one.inputs), None)
            if row_of is not None:
                yield grown(row_of.element, {row_of.path(part): variable, "credentialsId": name})


def as_before(stage: Stage, kept: Data, hints: Data, words: Words, grower: Grower) -> list[Element]:
    """All wrappers: those that give what they gave get their own texts back."""
    return in_order(_as_before(stage, kept, hints, words, grower), hints.get(SECTION))


def _as_before(stage: Stage, kept: Data, hints: Data, words: Words, grower: Grower) -> Iterator[Element]:
    left = dict(stage.variables)
    timeout, idle = stage.timeout, silence(stage)
    for path, text in section(hints, SECTION):
        element = grower.element(text, path)
        given = understood(element, words) if element is not None else None
        if element is None:
            continue
        if given is None:
            yield element
        elif (
            given.variables.items() <= left.items()
            and _same(given.timeout, timeout)
            and _same(given.idle, idle)
        ):
            left = {name: one for name, one in left.items() if name not in given.variables}
            timeout = None if given.timeout else timeout
            idle = None if given.idle else idle
            yield element
    for path, text in section(kept, SECTION):
        if (element := grower.element(text, path)) is not None:
            yield element
    yield from written(Around(timeout, idle, left), words)


def silence(stage: Stage) -> str | None:
    """How long each of the steps may say nothing, if all may for as long."""
    limits = {step.idle_timeout for step in stage.steps if step.action != "checkout"}
    return limits.pop() if len(limits) == 1 else None


def limited(step: Step, idle: str | None) -> Step:
    """The step with a limit to how long it may say nothing."""
    return (
        step if idle is None or step.action == "checkout" else step.model_copy(update={"idle_timeout": idle})
    )
