"""Starting: which builds a definition wants, as conditions of its stages where the target builds everything.

Some vendors start builds for every push and every pull request, whatever the definition says (`always` of their table
of triggers). What a definition does not want there is a build all of whose stages are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from pipemgr.model.definitions import OPAQUE, Pipeline, Stage, Trigger
from pipemgr.model.expressions import (
    Access,
    Binary,
    Call,
    Expression,
    Literal,
    Name,
    Not,
    chained,
    transform,
)

from .base import Dialect
from .conditions import both, conjuncts
from .patterns import glob_to_regex
from .report import Fidelity, Finding
from .rewriting import rewritten
from .tree import change_stages, spelling

CHANGES: Final = frozenset({"opened", "reopened", "synchronize"})
"""What happens to a pull request when there is something new to build."""
BRANCH, TAG, EVENT = Name("branch"), Name("tag"), Name("trigger")
TARGET: Final = Access(Name("pull_request"), Literal("target"))
NO_TAG: Final = Binary("==", TAG, Literal(""))
ANY_TAG: Final = Binary("!=", TAG, Literal(""))
CHANGE: Final = Binary("!=", Access(Name("pull_request"), Literal("number")), Literal(""))
NO_CHANGE: Final = Binary("==", Access(Name("pull_request"), Literal("number")), Literal(""))
PUSH, PULLS = "push", ("pull_request", "pull_request_target")
_FILTERS: Final = ("branches", "branches_ignore", "tags", "tags_ignore")
_WILD: Final = frozenset("*?[]+!()\\")
_LIKE_TAGS: Final = re.compile(r"[vV]?[0-9.]*")
"""Beginnings that names of tags have as well as names of branches."""
_HEADS: Final = "refs/heads/"
_PUSHED: Final = Binary("==", EVENT, Literal(PUSH))
_NOT_PUSHED: Final = Binary("!=", EVENT, Literal(PUSH))
_CAUSES: Final = frozenset({"manual", "schedule", "upstream"})
"""What else builds are started by, apart from pull requests."""
_INSTEAD: Final = {"api": "manual", "call": "upstream"}
"""By whom a build counts as started for which the target has no event of its own."""


@dataclass
class Wanted:
    """The builds that triggers want, each by the condition that holds for it."""

    pushes: Expression | None = None
    changes: Expression | None = None
    others: list[Expression] = field(default_factory=list)
    """Conditions on what else starts builds."""

    @property
    def clauses(self) -> tuple[Expression, ...]:
        """Of these one must hold; nothing where all builds are wanted that pushes start."""
        if self.pushes in (Literal(value=True), NO_TAG):
            return (NO_CHANGE, self.changes) if self.changes not in (None, CHANGE) else ()
        found = [one for one in (self.pushes, self.changes, *self.others) if one is not None]
        return tuple(dict.fromkeys(found)) or (Binary("==", EVENT, Literal("manual")),)


def only_where_started(pipeline: Pipeline, dialect: Dialect) -> tuple[Pipeline, tuple[Finding, ...]]:
    """The pipeline with conditions that leave all stages out of builds which its triggers don't want."""
    always = dialect.tables.always if dialect.tables is not None else ()
    clauses = _wanted(pipeline.triggers).clauses if always and pipeline.triggers else ()
    if not clauses:
        return _without_tags(pipeline, always, dialect.title)
    guarded = change_stages(pipeline, lambda stage: _guarded(stage, clauses))
    plain = [_unfiltered(one) if one.event in always else one for one in pipeline.triggers]
    said = {one.event for one in plain}
    added = [Trigger(event=one) for one in _by_weight(always) if one not in said]
    findings = tuple(_findings(pipeline, always, dialect.title))
    return guarded.model_copy(update={"triggers": (*plain, *added)}), findings


def pushes_told(pipeline: Pipeline, dialect: Dialect) -> Pipeline:
    """The pipeline with the question whether a push started the build as what else did not, of all that it names."""
    if dialect.tables is None or not dialect.tables.always:
        return pipeline
    others = sorted({_INSTEAD.get(one.event, one.event) for one in pipeline.triggers} & _CAUSES)
    tests = (NO_CHANGE, *(Binary("!=", EVENT, Literal(one)) for one in others))
    pushed_by = chained("&&", tests)
    other = chained("||", [_opposite(one) for one in tests])

    def told(node: Expression) -> Expression:
        return transform(
            node, lambda one: pushed_by if one == _PUSHED else other if one == _NOT_PUSHED else one
        )

    return rewritten(pipeline, told, lambda node: node)


def _without_tags(
    pipeline: Pipeline, always: tuple[str, ...], title: str
) -> tuple[Pipeline, tuple[Finding, ...]]:
    """All branches and no tags are what is built anyway, where nobody sets it up otherwise."""
    findings: list[Finding] = []
    plain = list(pipeline.triggers)
    for at, one in enumerate(plain):
        if one.event in always and (said := [name for name in _FILTERS if getattr(one, name) is not None]):
            plain[at] = one.model_copy(update=dict.fromkeys(_FILTERS))
            why = f"{title} builds every branch, and tags only where it is set up to"
            findings += [
                _told(f"triggers[{at}].{spelling(Trigger)[name]}", "filters of pushes", why) for name in said
            ]
    if not findings:
        return pipeline, ()
    return pipeline.model_copy(update={"triggers": tuple(plain)}), tuple(findings)


def by_hand(before: Pipeline, left: Pipeline, dialect: Dialect) -> Pipeline:
    """`left` as started by hand, where all that started builds before is nothing that the target knows."""
    always = dialect.tables.always if dialect.tables is not None else ()
    if not always or left.triggers or not before.triggers:
        return left
    return left.model_copy(update={"triggers": (Trigger(event="manual"),)})


def _wanted(triggers: Iterable[Trigger]) -> Wanted:
    found = Wanted()
    for one in triggers:
        if one.event == PUSH:
            found.pushes = _or(found.pushes, pushed(one))
        elif one.event in PULLS:
            if _brings_commits(one):
                found.changes = _or(found.changes, _named(TARGET, one.branches, one.branches_ignore, CHANGE))
        elif one.event == "release":
            found.others.append(ANY_TAG)
        elif one.event not in (OPAQUE, "merge_queue"):
            started = Binary("==", EVENT, Literal(_INSTEAD.get(one.event, one.event)))
            found.others.append(started)
    return found


def _brings_commits(trigger: Trigger) -> bool:
    """Whether it is for what happens to a pull request when there is something new to build."""
    return trigger.types is None or bool(CHANGES & set(trigger.types))


def _or(first: Expression | None, second: Expression) -> Expression:
    if first is None or first == second:
        return second
    everything = next((one for one in (first, second) if one in (Literal(value=True), CHANGE)), None)
    return everything or Binary("||", first, second)


# Filters as conditions ---------------------------------------------------------------------------------


def pushed(trigger: Trigger) -> Expression:
    """Which branches and tags a trigger for pushes means; true for all of them."""
    branches = trigger.branches is not None or trigger.branches_ignore is not None
    tags = trigger.tags is not None or trigger.tags_ignore is not None
    sides = []
    if branches:
        sides.append(_named(BRANCH, trigger.branches, trigger.branches_ignore, NO_TAG))
    if tags:
        sides.append(_named(TAG, trigger.tags, trigger.tags_ignore, ANY_TAG))
    if sides == [NO_TAG, ANY_TAG]:
        return Literal(value=True)
    return chained("||", sides) if sides else Literal(value=True)


def _named(
    subject: Expression,
    globs: tuple[str, ...] | None,
    ignored: tuple[str, ...] | None,
    is_one: Expression,
) -> Expression:
    """Whether a name fits one of the globs and none of those ignored; `is_one` says that there is a name at all."""
    left_out = [_opposite(_fits(subject, glob, is_one)) for glob in ignored or ()]
    taken = is_one if globs is None else _taken(subject, globs, is_one)
    return chained("&&", (taken, *left_out))


def _taken(subject: Expression, globs: tuple[str, ...], is_one: Expression) -> Expression:
    """Whether a list of globs takes a name: each `!glob` takes back what those before it took."""
    found: Expression | None = None
    for takes_back, several in groupby(globs, lambda one: one.startswith("!")):
        fitting = [_fits(subject, one.removeprefix("!"), is_one, certain=not takes_back) for one in several]
        if not takes_back:
            found = chained("||", [*([found] if found else []), *fitting])
        elif found is not None:
            found = chained("&&", [found, *map(_opposite, fitting)])
    return found or Literal(value=False)


def _fits(subject: Expression, glob: str, is_one: Expression, *, certain: bool = False) -> Expression:
    """Whether a name fits a glob; with `certain` it is sure that it is one of that kind."""
    if glob == "**":
        return is_one
    if not set(glob) & _WILD:
        same = Binary("==", subject, Literal(glob))
        return Binary("&&", is_one, same) if certain and subject == TARGET else same
    fits = Call("matches", (subject, Literal(_of_names(glob_to_regex(glob)))))
    start = re.split(r"[*?\[\]+!()\\]", glob, maxsplit=1)[0]
    unsure = subject == TARGET or (subject == BRANCH and _LIKE_TAGS.fullmatch(start))
    return Binary("&&", is_one, fits) if certain and unsure else fits


def _of_names(pattern: str) -> str:
    """A pattern for names of which no part between slashes is empty: it takes none there either."""
    some = re.sub(r"(?:(?<=/)|\A)\[\^/\]\*(?=/|\Z)", "[^/]+", pattern)
    return re.sub(r"/\.\*\Z", "/(?:.+/)?[^/]+", some)


def _opposite(node: Expression) -> Expression:
    match node:
        case Binary("==", left, right):
            return Binary("!=", left, right)
        case Binary("!=", left, right):
            return Binary("==", left, right)
    return Not(node)


# Conditions of stages ----------------------------------------------------------------------------------


def _guarded(stage: Stage, clauses: tuple[Expression, ...]) -> Stage:
    """A stage that is left out unless one of the clauses holds, if it is not anyway."""
    own = conjuncts(stage.when) if stage.when is not None else ()
    known = {_plainer(one) for one in own}
    if any(known >= set(conjuncts(clause)) for clause in _alternatives(clauses)):
        return stage
    left = tuple(one for one in clauses if not any(_excludes(test, one) for test in known)) or clauses
    guard = chained("||", left)
    return stage.model_copy(update={"when": both((guard,), (stage.when,) if stage.when is not None else ())})


def _alternatives(clauses: Iterable[Expression]) -> Iterator[Expression]:
    todo = list(clauses)
    while todo:
        match todo.pop():
            case Binary("||", left, right):
                todo += [left, right]
            case other:
                yield other


def _plainer(node: Expression) -> Expression:
    """A part of a stage's condition in the words of the clauses."""
    match node:
        case Binary("==", Name("ref"), Literal(str(text))) if text.startswith(_HEADS):
            return Binary("==", BRANCH, Literal(text.removeprefix(_HEADS)))
        case Binary("==", Name("trigger"), Literal(str(event))) if event in PULLS:
            return CHANGE
    return node


def _excludes(test: Expression, clause: Expression) -> bool:
    """Whether a clause can't hold where a test does: a push is no pull request, and nothing that a clock starts."""
    on_event = isinstance(clause, Binary) and clause.left == EVENT
    about_change = any(node == Name("pull_request") for node in clause.walk()) and clause != NO_CHANGE
    match test:
        case Binary("==", Name("trigger"), Literal("push")):
            return on_event or about_change
        case Binary("==", Name("trigger"), Literal()):
            return about_change or (on_event and clause != test)
        case Binary("!=", Name("trigger"), event):
            return clause == Binary("==", EVENT, event)
    return about_change if test == NO_CHANGE else test == CHANGE and (on_event or clause == NO_CHANGE)


def _unfiltered(trigger: Trigger) -> Trigger:
    said = (*_FILTERS, *(() if _brings_commits(trigger) else ("types",)))
    return trigger.model_copy(update=dict.fromkeys(said))


# What to tell ------------------------------------------------------------------------------------------


def _findings(pipeline: Pipeline, always: tuple[str, ...], title: str) -> Iterator[Finding]:
    said = {one.event for one in pipeline.triggers}
    names = spelling(Trigger)
    for at, trigger in enumerate(pipeline.triggers):
        for one in _FILTERS if trigger.event in always else ():
            if getattr(trigger, one) is not None:
                why = f"{title} starts builds for every branch; stages are left out of those that it does not want"
                yield _told(f"triggers[{at}].{names[one]}", f"trigger.{names[one]}", why)
        if trigger.event in PULLS and not _brings_commits(trigger):
            yield _never(f"triggers[{at}].types", trigger, title)
    missing = [one for one in _by_weight(always) if one not in said]
    if missing:
        why = f"{title} also starts builds by: {', '.join(missing)}; stages are left out of those that the triggers don't want"
        yield _told("triggers", "what starts builds", why)


def _by_weight(events: Iterable[str]) -> list[str]:
    """Pushes first, then pull requests, then all others."""
    return sorted(events, key=lambda one: (one != PUSH, one not in PULLS, one))


def _never(path: str, trigger: Trigger, title: str) -> Finding:
    return Finding(
        fidelity=Fidelity.DROPPED,
        path=path,
        source="",
        what=f"types {', '.join(trigger.types or ())}",
        why=f"{title} starts no build when this happens to a pull request, only when commits arrive",
        remedy="start the build by hand, or by a webhook of the host",
    )


def _told(path: str, what: str, why: str) -> Finding:
    return Finding(fidelity=Fidelity.EQUIVALENT, path=path, source="", what=what, why=why)
