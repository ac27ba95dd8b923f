"""Workspaces: stages that share a folder, for targets whose stages each begin on a machine of their own.

Those that run one after another become one stage; what can't be one hands its files on to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pipemgr.model.definitions import Pipeline, Stage
from pipemgr.model.expressions import (
    Access,
    Binary,
    Expression,
    ExpressionError,
    Literal,
    Name,
    Not,
    transform,
)
from pipemgr.model.templates import template

from .base import Dialect
from .conditions import ALWAYS, SUCCESS, TOLERANT, asked, both
from .effects import effect
from .emptying import without_emptying
from .graph import Graph, Group
from .handing import HandingOn
from .joining import Member, fresh, is_not, joined, only_checkout, tidies, title
from .origins import Moved
from .report import Fidelity, Finding
from .rewriting import rewritten

_WORKSPACE, _RETRY = "stage.workspace", "stage.retry"
_PLACE: Final = (
    "workspace",
    "matrix",
    "fail_fast",
    "max_parallel",
    "parallelism",
    "runner",
    "container",
    "services",
    "environment",
    "contexts",
    "permissions",
    "concurrency",
    "vendor",
)
"""What must be the same for stages that become one."""
_MATRIX: Final = Name("matrix")
_OF_STAGES: Final = (Name("needs"), Name("stages"))


@dataclass(frozen=True)
class Shared:
    """The pipeline without shared folders, what was told of that, and where its steps stood."""

    pipeline: Pipeline
    findings: tuple[Finding, ...] = ()
    moved: Moved = field(default_factory=Moved)


def without_workspaces(pipeline: Pipeline, target: Dialect) -> Shared:
    """The pipeline with stages that share a folder joined where the target has no such thing."""
    if target.features.get(_WORKSPACE, True) or pipeline.problems():
        return Shared(pipeline)
    pipeline = _after_failures(pipeline)
    if not any(stage.workspace for stage in pipeline.stages):
        return Shared(pipeline)
    pipeline, told = without_emptying(pipeline, frozenset().union(*map(_results_asked, pipeline.stages)))
    keeps = bool(target.features.get(_RETRY, True))
    shared = _Sharing(pipeline, keeps_retries=keeps).shared()
    return replace(shared, findings=(*told, *shared.findings))


def _after_failures(pipeline: Pipeline) -> Pipeline:
    """The pipeline whose stages for success follow those for failure though these are left out then.

    Taken by the letter they could never be executed: they need a stage that only a failure starts.
    """
    late = {stage.id for stage in pipeline.stages if not asked(stage.when).usual}
    always = {stage.id for stage in pipeline.stages if ALWAYS in asked(stage.when).status}
    waiting = [
        stage.id
        for stage in pipeline.stages
        if SUCCESS in asked(stage.when).status and (late - always) & {*stage.needs}
    ]
    if not waiting:
        return pipeline

    def changed(stage: Stage) -> Stage:
        here = asked(stage.when)
        rest = (one for one in here.status if one != SUCCESS)
        when = both((*TOLERANT, *rest), here.own)
        return stage.model_copy(update={"when": when}) if stage.id in waiting else stage

    return pipeline.model_copy(update={"stages": tuple(map(changed, pipeline.stages))})


class _Sharing:
    def __init__(self, pipeline: Pipeline, *, keeps_retries: bool) -> None:
        self.pipeline = pipeline
        self.keeps_retries = keeps_retries
        self.graph = Graph(pipeline.stages)
        self.asks = {stage.id: _results_asked(stage) for stage in pipeline.stages}
        self.given = {stage.id: stage for stage in self.graph.order if self._is_given(stage)}
        self.groups: list[Group] = []
        self.of: dict[str, Group] = {}
        self.gates: dict[str, tuple[Expression, ...]] = {}
        self.begins: dict[str, str] = {}
        self.ends: dict[str, str] = {}
        """The ids of steps that tell whether the work got as far as a stage, and to its end; by the stage."""
        self.findings: list[Finding] = []
        self.places: dict[str, tuple[str, ...]] = {}

    def shared(self) -> Shared:
        for stage in self.graph.order:
            if stage.id not in self.given:
                self._placed(stage)
        position = {stage.id: at for at, stage in enumerate(self.pipeline.stages)}
        self.groups.sort(key=lambda group: min(position[one.id] for one in group.members))
        handing = HandingOn(self.groups, self.graph)
        stages = [handing.handed(group, self._one(group)) for group in self.groups]
        self.findings += handing.findings
        places = {
            one.id: handing.places(one.id, self.places.get(one.id, ()), len(one.steps))
            for one in stages
            if one.id in self.places or handing.touches(one.id)
        }
        changed = self.pipeline.model_copy(update={"stages": tuple(stages)})
        return Shared(rewritten(changed, self._renamed), tuple(self.findings), Moved(places))

    # Which stages become one ------------------------------------------------------------------------------

    def _is_given(self, stage: Stage) -> bool:
        """Whether it only fetches the repository for several others, which can do so themselves."""
        if stage.workspace is None or not stage.steps or not only_checkout(stage):
            return False
        plain = stage.approval is None and not stage.outputs and stage.matrix is None
        wanted = any(stage.id in self.asks[one.id] for one in self.graph.after[stage.id])
        condition = asked(stage.when)
        if not plain or wanted or condition.own or not condition.usual:
            return False
        there = [one for one in self.graph.stages.values() if one.workspace == stage.workspace]
        users = [one for one in self.graph.after[stage.id] if one.workspace == stage.workspace]
        earlier = (
            self.graph.before(one.id, user.id) for user in users for one in there if one.id != stage.id
        )
        return bool(users) and not any(earlier)

    def _placed(self, stage: Stage) -> None:
        before = [self.of[need] for need in stage.needs if need in self.of]
        fitting = (one for one in before if one.members[-1].id in stage.needs and self._fits(one, stage))
        group = next(fitting, None) if stage.workspace is not None else None
        if group is None:
            group = Group([stage], self._given_to(stage))
            self.groups.append(group)
        else:
            group.members.append(stage)
        self.of[stage.id] = group
        self.gates[stage.id] = self._gate(group, stage)

    def _given_to(self, stage: Stage) -> list[Stage]:
        """The checkouts that a stage has to do itself, because it is the first one in its folder."""
        if stage.workspace is None:
            return []
        there = [group.first for group in self.groups if group.first.workspace == stage.workspace]
        if any(self.graph.before(one.id, stage.id) for one in there):
            return []
        return [
            one
            for one in self.given.values()
            if one.workspace == stage.workspace and self.graph.before(one.id, stage.id)
        ]

    def _outside(self, group: Group) -> set[str]:
        """The stages of other groups that it needs."""
        through = {name for one in group.given for name in one.needs}
        return {need for need in group.first.needs if need not in self.given} | through

    def _fits(self, group: Group, stage: Stage) -> bool:
        first, members = group.first, {one.id for one in group.members}
        outside = self._outside(group)
        if stage.approval is not None or any(getattr(first, one) != getattr(stage, one) for one in _PLACE):
            return False
        if self.keeps_retries and (first.retry or stage.retry):
            return False
        if {*stage.needs} - members - self.given.keys() - outside:
            return False
        later = (one for member in members for one in self.graph.after[member])
        ordered = {*members, stage.id}
        if any(one.id not in ordered and not self.graph.before(stage.id, one.id) for one in later):
            return False
        return self._conditions_fit(group, stage, outside)

    def _conditions_fit(self, group: Group, stage: Stage, outside: set[str]) -> bool:
        first, here = asked(group.first.when), asked(stage.when)
        members = {one.id for one in group.members}
        doubtful = self.graph.doubtful
        if not first.usual or not self._values_fit(stage, members):
            return False
        if not here.usual:
            strict = (asked(one.when).strict for one in self.graph.after[stage.id])
            begun = self._guards(group, here.own)
            plain = both(one for one in here.own if one not in begun)
            others = _results_asked(stage.model_copy(update={"when": plain}))
            return bool(begun or not outside) and not any(strict) and not members & others
        if here.strict and not first.strict:
            return not doubtful & outside & {*stage.needs}
        return here.strict or not first.strict or not doubtful & outside

    def _values_fit(self, stage: Stage, members: set[str]) -> bool:
        """Whether what it asks of the others can be said within one stage."""
        known = {name: self.graph.stages[name].outputs for name in members}
        return all(_value(text) is not None for need in stage.needs for text in known.get(need, {}).values())

    def _gate(self, group: Group, stage: Stage) -> tuple[Expression, ...]:
        here = asked(stage.when)
        inner = {one.id for one in group.members} & {*stage.needs}
        parts = [*here.own] if here.usual else [*here.status, *self._begun(group, here.own)]
        if here.strict:
            parts = [*(part for need in stage.needs if need in inner for part in self.gates[need]), *parts]
        members = {one.id for one in group.members}
        return tuple(dict.fromkeys(transform(one, lambda node: self._inside(node, members)) for one in parts))

    def _guards(self, group: Group, parts: Sequence[Expression]) -> dict[Expression, str]:
        """Which parts of a condition ask whether the work got as far as a member, or to its end, and which member."""
        names = [one.id for one in group.members]
        found = {part: name for part in parts if (name := _asked_of(part, "!=", "skipped")) in names}
        well = {part: name for part in parts if (name := _asked_of(part, "==", "success")) in names}
        certain = {name for name in well.values() if not self.gates[name]}
        well |= {part: name for part in parts if (name := _asked_of(part, "!=", "failure")) in names}
        last = max((names.index(name) for name in well.values()), default=-1)
        for name in reversed(names[: last + 1]):
            if name not in well.values():
                return found
            if name in certain:
                break
        return found | dict.fromkeys(well, names[last])

    def _begun(self, group: Group, parts: Sequence[Expression]) -> list[Expression]:
        """Conditions, with what asks how far the members got asked of steps."""
        guards = self._guards(group, parts)
        found = [part for part in parts if part not in guards]
        for part, name in guards.items():
            begins = _asked_of(part, "!=", "skipped") is not None
            if begins and name == group.first.id and not group.given and not self.gates[name]:
                continue
            marks = self.begins if begins else self.ends
            taken = {step.id for one in group.members for step in one.steps if step.id}
            wish = name if begins else f"{name}-end"
            mark = marks.setdefault(name, fresh(wish, taken.union(self.begins.values(), self.ends.values())))
            found.append(is_not(mark, "skipped"))
        return found

    # One stage --------------------------------------------------------------------------------------------

    def _one(self, group: Group) -> Stage:
        stage = self._stage(group) if len(group.all) > 1 else group.first
        needs = dict.fromkeys(name for one in group.all for need in one.needs for name in self._names(need))
        needs.pop(group.id, None)
        when = both(self._also(group), (stage.when,) if stage.when is not None else ())
        return stage.model_copy(
            update={"id": group.id, "needs": tuple(needs), "when": when, "workspace": None}
        )

    def _names(self, need: str) -> tuple[str, ...]:
        """What a stage needs now, in place of one that it needed."""
        if need in self.given:
            return tuple(name for one in self.given[need].needs for name in self._names(one))
        return (self.of[need].id,)

    def _also(self, group: Group) -> tuple[Expression, ...]:
        """On what conditions the stages were executed that this one can't do without, and that are no stages now.

        What holds for some cells of another stage's matrix only says nothing of the stage as a whole.
        """
        if not asked(group.first.when).strict:
            return ()
        gone = (need for need in group.first.needs if need in self.of and len(self.of[need].members) > 1)
        found = (part for need in gone for part in self.gates[need] if part not in self._whole(self.of[need]))
        own = group.first.matrix is not None
        return tuple(part for part in dict.fromkeys(found) if own or not _of_cells(part))

    def _whole(self, group: Group) -> tuple[Expression, ...]:
        """The conditions that hold for all steps of a group, so that the stage as a whole goes by them."""
        own = asked(group.first.when).own
        same = all(set(own) <= set(self.gates[one.id]) and asked(one.when).usual for one in group.members)
        return own if same and not group.given else ()

    def _stage(self, group: Group) -> Stage:
        whole = self._whole(group)
        first = asked(group.first.when)
        inner = {one.id for one in group.members}
        gates = {
            one.id: tuple(part for part in self.gates[one.id] if part not in whole) for one in group.members
        }
        members = [
            *(Member(one, (), first=not at) for at, one in enumerate(group.given)),
            *(
                Member(
                    rewritten(one, lambda node: transform(node, lambda part: self._inside(part, inner))),
                    gates[one.id],
                    first=one is group.first and not gates[one.id] and not group.given,
                    mark=self.begins.get(one.id),
                    end=self.ends.get(one.id),
                )
                for one in group.members
            ),
        ]
        lead = group.first.model_copy(update={"name": title(self._named(group)), "retry": 0})
        if any(one.group != lead.group for one in group.members):
            lead = lead.model_copy(update={"group": None})
        made = joined(members, lead, both(first.status, whole), self.pipeline.variables)
        self.places[group.id] = tuple(made.places)
        self._tell(group, made.limits)
        return made.stage

    def _named(self, group: Group) -> list[Stage]:
        """The stages whose names the whole has: not those that only fetch the repository, or tidy up at the end."""
        working = [one for one in group.members if not only_checkout(one) and not tidies(one)]
        return working or group.members

    def _inside(self, node: Expression, members: set[str]) -> Expression:
        """What was asked of a stage that is no stage of its own any more."""
        match node:
            case Binary(
                "==" | "!=" as sign, Access(Access(needs, Literal(str(name))), Literal("result")), word
            ):
                if needs in _OF_STAGES and name in members:
                    went = self._went(name, word)
                    return went if sign == "==" else Not(went)
            case Access(Access(Access(needs, Literal(str(name))), Literal("outputs")), Literal(str(output))):
                if needs in _OF_STAGES and name in members:
                    text = self.graph.stages[name].outputs.get(output)
                    return (_value(text) if text is not None else None) or Literal(None)
        return node

    def _went(self, name: str, word: Expression) -> Expression:
        """Whether a stage went so, as a later step knows it: nothing has failed, or it would not be executed."""
        gate = both(self.gates[name]) or Literal(True)
        match word:
            case Literal("success"):
                return gate
            case Literal("skipped"):
                return Not(gate)
        return Literal(False)

    def _renamed(self, node: Expression) -> Expression:
        return transform(node, self._asked_anew)

    def _asked_anew(self, node: Expression) -> Expression:
        match node:
            case Access(target, Literal(str(name))) if target in _OF_STAGES and name in self.of:
                return Access(target, Literal(self.of[name].id))
        return node

    # What is told -----------------------------------------------------------------------------------------

    def _tell(self, group: Group, limits: list[str]) -> None:
        names = title(self._named(group))
        if len(group.members) > 1:
            self._add(
                Fidelity.EQUIVALENT,
                f"stages.{group.first.id}.workspace",
                f"stages {names}",
                f"they run one after another in one folder, so they are one stage now, {group.id}",
            )
        for path in limits:
            self._add(
                Fidelity.APPROXIMATE,
                f"{path}.timeout",
                "stage.timeout",
                "its steps are part of a larger stage now: the limit holds for each of them, not for all together",
            )
        for stage in group.members:
            if stage.retry:
                lost = effect(_RETRY, stage)
                self._add(lost.fidelity, f"stages.{stage.id}.retry", _RETRY, lost.says)

    def _add(self, fidelity: Fidelity, path: str, what: str, why: str) -> None:
        self.findings.append(Finding(fidelity=fidelity, path=path, source="", what=what, why=why, remedy=""))


def _results_asked(stage: Stage) -> frozenset[str]:
    """The stages whose results its own condition or its steps ask for."""
    found: set[str] = set()

    def look(node: Expression) -> Expression:
        for one in node.walk():
            match one:
                case Access(Access(needs, Literal(str(name))), Literal("result")) if needs in _OF_STAGES:
                    found.add(name)
        return node

    rewritten(stage, look)
    return frozenset(found)


def _asked_of(condition: Expression, sign: str, word: str) -> str | None:
    """The stage of which a condition asks whether it ended so, or did not."""
    match condition:
        case Binary(found, Access(Access(needs, Literal(str(name))), Literal("result")), Literal(end)):
            return name if needs in _OF_STAGES and (found, end) == (sign, word) else None
    return None


def _of_cells(condition: Expression) -> bool:
    """Whether a condition is another one in each cell of a matrix."""
    return any(node == _MATRIX for node in condition.walk())


def _value(text: str) -> Expression | None:
    """The one value that a text is; None where it is made of several."""
    try:
        parts: Any = template(text)
    except ExpressionError:
        return None
    match parts:
        case (Expression() as one,):
            return one
        case (str(one),):
            return Literal(one)
        case ():
            return Literal("")
    return None
