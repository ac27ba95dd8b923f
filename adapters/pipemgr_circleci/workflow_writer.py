"""Workflows out: groups of stages become workflows, and stages their jobs' invocations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, overlaid, said
from pipemgr.model.definitions import Data, Pipeline, Stage
from pipemgr.model.expressions import Atom, Binary, Expression, Literal, transform

from .filter_writer import Started, branch_names, filters
from .folding import FALSE, TRUE, conjuncts, fold, joined
from .job_writer import INVOKED
from .jobs_plan import Plan, Planned, workflows
from .phrases import Phrases
from .requires_writer import SUCCESS, boxes, is_about_results, require
from .skipping import Skipping
from .words import own

_NOT_IN_SERIAL: Final = re.compile(r"[^A-Za-z0-9._/-]+")
MOST_RERUNS: Final = 5
_UNLESS_BROKEN: Final = {"!failure()", "!canceled()"}
EVERY_TAG: Final[Data] = {"tags": {"only": "/.*/"}}


@dataclass(frozen=True)
class Variant:
    """A workflow to be: what it is called, what starts it, and what is known of the stages' conditions then."""

    name: str
    known: Mapping[str, Atom] = field(default_factory=dict)
    schedules: tuple[tuple[str, tuple[str, ...]], ...] = ()
    limit: Expression | None = None
    """A condition that the schedules' branches say already."""


class WorkflowWriter:
    """Writes the workflows of one pipeline."""

    def __init__(self, phrases: Phrases, plan: Plan, started: Started) -> None:
        self.phrases = phrases
        self.losses = phrases.losses
        self.plan = plan
        self.started = started

    def write(self, pipeline: Pipeline) -> Data:
        """All workflows, by name."""
        found: Data = {}
        for group, stages in grouped(pipeline, self.phrases).items():
            for variant in self._variants(group, stages):
                jobs = self._jobs(stages, variant)
                if jobs:
                    name = _free(variant.name, found)
                    found[name] = self._reruns(stages) | self._workflow(variant, jobs)
        return found

    def _workflow(self, variant: Variant, jobs: list[JsonValue]) -> Data:
        triggers: list[Any] = [
            {"schedule": {"cron": cron, "filters": {"branches": {"only": filters(branches)}}}}
            for cron, branches in variant.schedules
        ]
        when = None if variant.schedules else self._when(self.started.when)
        return said({"triggers": triggers, "when": when}) | {"jobs": jobs}

    def _reruns(self, stages: tuple[Stage, ...]) -> Data:
        """How often the workflow is tried again: its failed jobs, and those behind them."""
        tries = max((stage.retry for stage in stages), default=0)
        for stage in stages:
            if stage.retry:
                exact = len(stages) == 1 and tries <= MOST_RERUNS
                why = f"CircleCI tries all that failed in a workflow again, {MOST_RERUNS} times at most"
                fidelity = Fidelity.EQUIVALENT if exact else Fidelity.APPROXIMATE
                self.losses.add(fidelity, f"stages.{stage.id}.retry", f"retry {stage.retry}", why)
        return {"max_auto_reruns": min(tries, MOST_RERUNS)} if tries else {}

    def _when(self, condition: Expression) -> JsonValue:
        found = self.phrases.conditions.decided(condition)
        if found == TRUE or (not self.started.tags and _takes_all(found)):
            return None
        written = self.phrases.conditions.expression(found)
        return written if written is not None else self.phrases.conditions.statement(found)

    def _variants(self, group: str, stages: tuple[Stage, ...]) -> Iterable[Variant]:
        """The workflow for pushes, and one for each schedule that means other stages."""
        crons = self.started.crons
        usual = Variant(group, {"schedule": ""} if crons else {})
        if self.started.when != FALSE:
            yield usual
        by_stages: dict[str, Variant] = {}
        for cron, branches, path in crons:
            variant = Variant(group, {"trigger": "schedule", "schedule": cron}, ((cron, branches),))
            if self._selected(stages, variant):
                variant = self._limited(variant, stages, path)
            key = str(self._selected(stages, variant))
            if key in by_stages:
                known = by_stages[key]
                variant = replace(known, schedules=(*known.schedules, *variant.schedules))
            elif self.started.when != FALSE and self._selected(stages, usual):
                variant = replace(variant, name=f"{group}-scheduled")
            by_stages[key] = variant
        yield from by_stages.values()

    def _limited(self, variant: Variant, stages: Iterable[Stage], path: str) -> Variant:
        """The schedule with the branches that all its stages are for."""
        ((cron, branches),) = variant.schedules
        found = [self._condition(stage, variant) for stage in stages]
        shared = [set(conjuncts(one)) for one in found if one != FALSE]
        for node in conjuncts(next((one for one in found if one != FALSE), None)):
            if all(node in one for one in shared) and (names := branch_names(node)) is not None:
                return replace(variant, schedules=((cron, names),), limit=node)
        if branches:
            return variant
        why = "a schedule of CircleCI names its branches: taken for main"
        remedy = "name the default branch if it is another"
        self.losses.add(Fidelity.APPROXIMATE, path, "the default branch", why, remedy)
        return replace(variant, schedules=((cron, ("main",)),))

    def _selected(self, stages: Iterable[Stage], variant: Variant) -> list[tuple[str, str]]:
        """The stages that a variant has, with what is left of their conditions."""
        found = ((stage, self._condition(stage, variant)) for stage in stages)
        return [(stage.id, str(when)) for stage, when in found if when != FALSE]

    def _condition(self, stage: Stage, variant: Variant) -> Expression:
        if stage.when is None:
            return TRUE
        node = fold(stage.when, variant.known)
        if not self.started.crons:
            return node
        if variant.limit is not None:
            return joined(one for one in conjuncts(node) if one != variant.limit) or TRUE
        return node if variant.schedules else _never_scheduled(node)

    # Jobs of a workflow --------------------------------------------------------------------------------

    def _jobs(self, stages: tuple[Stage, ...], variant: Variant) -> list[JsonValue]:
        conditions = {stage.id: self._condition(stage, variant) for stage in stages}
        skipping = Skipping(stages, conditions, self.plan, self.phrases)
        there = {stage.id for stage in stages if skipping.when(stage.id) != FALSE}
        tagged = self.started.tags and not variant.schedules
        found: list[JsonValue] = []
        for stage in (one for one in stages if one.id in there):
            when = self._with_needs(stage, skipping)
            found += self._invocations(stage, when, there, tagged=tagged)
            if (alone := skipping.alone(stage)) is not None:
                found += self._left_alone(stage, alone, stages, tagged=tagged)
        return found

    def _with_needs(self, stage: Stage, skipping: Skipping) -> Expression:
        """A stage's condition with those of the stages that it can't do without: CircleCI ignores these if left out."""
        added = skipping.added(stage)
        if added:
            why = "CircleCI ignores required jobs that are left out: what these ask for is asked here too"
            what = f"condition {joined(added)} of stages it needs"
            self.losses.add(Fidelity.EQUIVALENT, f"stages.{stage.id}.needs", what, why)
        return joined((*conjuncts(skipping.stripped(stage)), *added)) or TRUE

    def _left_alone(
        self, stage: Stage, when: Expression, stages: tuple[Stage, ...], *, tagged: bool
    ) -> list[JsonValue]:
        """The job once more for when all that it requires is left out: CircleCI would leave it out as well."""
        path = f"stages.{stage.id}.needs"
        if any(stage.id in one.needs for one in stages) or self.plan[stage.id].cells:
            why = "CircleCI leaves out a job when all that it requires is left out; this one was executed even then"
            remedy = "say that all these are executed, or add the job again without requires"
            self.losses.add(Fidelity.APPROXIMATE, path, f"needs {', '.join(stage.needs)}", why, remedy)
            return []
        why = "CircleCI leaves out a job when all that it requires is left out: it stands there once more for that"
        self.losses.add(Fidelity.EQUIVALENT, path, f"needs {', '.join(stage.needs)}", why)
        more = stage.model_copy(update={"needs": ()})
        return self._invocations(more, when, set(), tagged=tagged, suffix="-alone")

    def _invocations(
        self, stage: Stage, when: Expression, there: set[str], *, tagged: bool, suffix: str = ""
    ) -> list[JsonValue]:
        planned = self.plan[stage.id]
        path = f"stages.{stage.id}."
        asked, filtered = self._split(stage, when, planned, f"{path}when")
        ways = self._requires(stage, asked, there, f"{path}when")
        filtered = filtered or (dict(EVERY_TAG) if tagged else None)
        common = said(
            {
                "context": self._contexts(stage, path),
                "serial-group": self._serial(stage, path),
                "filters": filtered,
            }
        )
        common = overlaid(common, {key: value for key, value in own(stage.vendor).items() if key in INVOKED})
        found: list[JsonValue] = []
        for number, requires in enumerate(ways):
            found += planned.invocations(common, requires, f"-{number + 1}" if number else suffix)
        return found

    def _split(
        self, stage: Stage, when: Expression, planned: Planned, path: str
    ) -> tuple[list[Expression], JsonValue]:
        """What a condition asks of other stages, and what is known before: `filters`."""
        asked: list[Expression] = []
        before: list[Expression] = []
        for node in conjuncts(self.phrases.conditions.decided(when)):
            if is_about_results(node):
                asked.append(node)
            elif node not in planned.tests:
                before.append(node)
        condition = joined(before)
        return asked, self.phrases.conditions.expression(condition) if condition is not None else None

    def _requires(
        self, stage: Stage, asked: list[Expression], there: set[str], path: str
    ) -> list[list[JsonValue]]:
        """What the job requires, once for each way in which it may begin."""
        needs = tuple(need for need in stage.needs if need in there)
        if not needs:
            if asked and not stage.needs and boxes(asked, ()) == ():
                why = "it waits for no stage, so nothing can have failed and it is never executed; here it is"
                remedy = "remove the stage, or name the stages that it is to look at in its needs"
                self.losses.add(Fidelity.DROPPED, path, f"condition {joined(asked)}", why, remedy)
            return [[]]
        found = boxes(asked, needs)
        if (
            set(map(str, asked)) == _UNLESS_BROKEN
        ):  # what is skipped without a failure is left out, and ignored
            found = (dict.fromkeys(needs, SUCCESS),)
        if found is None or not found:
            why = "CircleCI's `requires` asks for the status of each job by itself"
            remedy = "say for each needed stage how it must have ended"
            self.losses.add(Fidelity.DROPPED, path, f"condition {joined(asked)}", why, remedy)
            found = (dict.fromkeys(needs, SUCCESS),)
        if len(found) > 1:
            why = "written as one job for each stage that it waits for: it may be executed once for each"
            self.losses.add(Fidelity.APPROXIMATE, path, f"condition {joined(asked)}", why)
        return [list(self._required(box)) for box in found]

    def _required(self, box: Mapping[str, frozenset[str]]) -> Iterable[JsonValue]:
        for need, words in box.items():
            more = words | {"failure"} if self.plan[need].forgiven and "success" in words else words
            for name in self.plan[need].names:
                yield require(name, more)

    def _contexts(self, stage: Stage, path: str) -> JsonValue:
        found = self.phrases.fields(stage.contexts, f"{path}contexts")
        if stage.environment is not None:
            name = self.phrases.field(stage.environment.name, f"{path}environment.name")
            if name not in found:
                why = "CircleCI keeps an environment's secrets and protection in a context of its name"
                self.losses.add(Fidelity.EQUIVALENT, f"{path}environment", f"environment {name}", why)
                found.append(name)
        return found[0] if len(found) == 1 else found

    def _serial(self, stage: Stage, path: str) -> JsonValue:
        if stage.concurrency is None:
            return None
        group = str(self.phrases.field(stage.concurrency.group, f"{path}concurrency.group"))
        parts = re.split(r"(<<.*?>>)", group)
        return (
            "".join(one if at % 2 else _NOT_IN_SERIAL.sub("-", one) for at, one in enumerate(parts)) or None
        )


def grouped(pipeline: Pipeline, phrases: Phrases) -> dict[str, tuple[Stage, ...]]:
    """The stages by the workflow they belong to: by their group, unless groups wait for one another."""
    groups: dict[str, list[Stage]] = {}
    where = workflows(pipeline)
    for stage in pipeline.stages:
        groups.setdefault(where[stage.id], []).append(stage)
        if stage.group not in (None, where[stage.id]):
            why = "stages of different workflows can't wait for one another: all are in one"
            phrases.losses.add(Fidelity.EQUIVALENT, f"stages.{stage.id}.group", f"group {stage.group}", why)
    return {name: tuple(stages) for name, stages in groups.items()}


def _never_scheduled(node: Expression) -> Expression:
    """A condition where something else than a schedule started the pipeline."""

    def change(one: Expression) -> Expression:
        match one:
            case Binary(("==" | "!=") as operator, left, right) if {str(left), str(right)} == {
                "trigger",
                "'schedule'",
            }:
                return Literal(operator == "!=")
        return one

    return fold(transform(node, change), {})


def _takes_all(node: Expression) -> bool:
    """Whether it holds for every branch."""
    match node:
        case Binary("||", left, right):
            return _takes_all(left) or _takes_all(right)
    return str(node) == "branch != ''"


def _free(name: str, taken: Mapping[str, Any]) -> str:
    number = 2
    wish = name
    while wish in taken:
        wish, number = f"{name}-{number}", number + 1
    return wish
