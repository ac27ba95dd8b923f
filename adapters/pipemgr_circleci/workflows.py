"""Workflows: their jobs become stages, and what starts them becomes triggers and conditions.

Source: https://circleci.com/docs/reference/configuration-reference/#workflows
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pipemgr.adapter import Fields, Node
from pipemgr.model.definitions import Stage, Trigger
from pipemgr.model.expressions import Binary, Expression, Literal, Name, Not

from .caches import completed
from .conditions import FALSE, TRUE, ConditionReader, both, joined, simplified
from .filters import ALL, FilterReader, Filters, shared
from .invocations import Invocation, InvocationReader
from .job_reader import Draft, JobReader
from .left_out import LeftOut
from .requires import Known, needs
from .started import Limits, common, flat

ON_SCHEDULE: Final = Binary("==", Name("trigger"), Literal("schedule"))
NOT_ON_SCHEDULE: Final = Binary("!=", Name("trigger"), Literal("schedule"))

EVERYTHING: Final = {"branches": ALL, "tags": ALL}


@dataclass
class Workflow:
    """One workflow, read but for its stages."""

    name: str
    node: Node
    condition: Expression = TRUE
    schedules: list[tuple[str, Filters]] = field(default_factory=list)
    scheduled: bool = False
    invocations: list[Invocation] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    filters: dict[str, Filters] = field(default_factory=dict)
    """By id of the entry."""


@dataclass(frozen=True)
class _Said:
    """What triggers say already: a condition of all workflows, the filters of all jobs; and whether tags count."""

    condition: Expression | None
    filters: bool
    tags: bool


class WorkflowReader:
    """Reads workflows, one after the other; `finish` makes stages of them all."""

    def __init__(self, conditions: ConditionReader, jobs: JobReader, invocations: InvocationReader) -> None:
        self.conditions = conditions
        self.filters = FilterReader(conditions)
        self.jobs = jobs
        self.invocations = invocations
        self.workflows: list[Workflow] = []
        self.crons: list[tuple[Node, ...]] = []
        """Of each schedule the time, and the nodes around it."""

    def read(self, name: str, fields: Fields) -> None:
        """One workflow."""
        node = fields.node
        found = Workflow(name, node)
        self.workflows.append(found)
        jobs = fields.take("jobs", "stages")
        if jobs is None:
            node.problem(f"the workflow {name!r} has no `jobs`")
            return
        if jobs.kind == "mapping":
            jobs.take_all()
            jobs.problem("the jobs of a workflow are a list: begin each one with `- `")
            return
        found.invocations = self.invocations.read(jobs, name)
        self._drafts(found)
        first = f"stages.{found.drafts[0].id}.when" if found.drafts else ""
        found.condition = self._condition(fields, first)
        if (triggers := fields.take("triggers", "triggers")) is not None:
            found.scheduled = True
            for entry in triggers.entries():
                self._schedule(found, entry, first)
        fields.rest()

    def single(self, name: str, node: Node, one: Invocation, filters: Filters | None) -> None:
        """The one job of a definition without workflows."""
        found = Workflow(name, node, invocations=[one])
        self.workflows.append(found)
        self._drafts(found)
        if filters is not None:
            found.filters[one.id] = filters

    def _condition(self, fields: Fields, first: str) -> Expression:
        """`when` and `unless`, which become part of the condition of every stage."""
        found: list[Expression] = []
        for key in ("when", "unless"):
            node = fields.take(key, "")
            if node is not None:
                condition = self.conditions.read(node.feeds(first), bare=True)
                found.append(condition if key == "when" else simplified(Not(condition)))
        return simplified(both(found))

    def _schedule(self, workflow: Workflow, entry: Node, first: str) -> None:
        entries = entry.items()
        schedule = entries.get("schedule")
        if schedule is None or len(entries) != 1:
            entry.take_all()
            entry.problem("a trigger of a workflow is a `schedule`")
            return
        inner = schedule.items()
        if (cron := inner.get("cron")) is None:
            schedule.problem("a schedule needs a `cron`")
            return
        filters = inner.get("filters")
        found = self.filters.read(filters) if filters is not None else Filters()
        if filters is not None:
            filters.feeds(first)
        self.crons.append((cron, entry, schedule))
        workflow.schedules.append((cron.text(), found))

    def _drafts(self, workflow: Workflow) -> None:
        for one in workflow.invocations:
            workflow.drafts += self.jobs.read(one, self.invocations)
            if (node := one.said.get("filters")) is not None:
                workflow.filters[one.id] = self.filters.read(node.feeds(f"stages.{one.stages[0]}.when"))

    def check(self) -> None:
        """Note what is wrong with the graph, where no stages can be made."""
        for workflow in self.workflows:
            known = self.invocations.known(workflow.invocations, workflow.name)
            for draft in workflow.drafts:
                needs(draft.invocation.requires, known, draft.id)

    # All together --------------------------------------------------------------------------------------

    def finish(self, *, grouped: bool) -> tuple[tuple[Stage, ...], tuple[Trigger, ...]]:
        """The stages of all workflows, and what starts them."""
        pushed = [one for one in self.workflows if not one.scheduled]
        every = [one.filters.get(entry.id, Filters()) for one in pushed for entry in one.invocations]
        started = common(one.condition for one in pushed)
        tags = any(one.takes_tags for one in every)
        limits = shared(every)
        if started is not None:
            tags = tags and any(key.startswith("tags") for key in started[1].push)
            limits = limits if limits == EVERYTHING else None
        said = _Said(started[0] if started else None, limits is not None, tags)
        stages = tuple(
            self._stage(workflow, draft, known, left, said, grouped=grouped)
            for workflow in self.workflows
            for known in [self.invocations.known(workflow.invocations, workflow.name)]
            for left in [self._left_out(workflow, known, said)]
            for draft in workflow.drafts
        )
        fallback = limits or {"branches": ALL, **({"tags": ALL} if tags else {})}
        return completed(stages), tuple(self._triggers(started[1] if started else Limits(fallback)))

    def _stage(  # noqa: PLR0913 - all that is known of the jobs around it
        self, workflow: Workflow, draft: Draft, known: Known, left: LeftOut, said: _Said, *, grouped: bool
    ) -> Stage:
        waits, ended = needs(draft.invocation.requires, known, draft.id)
        asked = workflow.condition if workflow.scheduled else _without(workflow.condition, said.condition)
        filtered = both([left.filters[draft.id], left.some(draft.id)])
        when = both([self._started(workflow), asked, filtered, left.ended(draft.id, ended)])
        group = workflow.name if grouped else None
        return draft.stage(needs=waits, when=None if when == TRUE else when, group=group)

    def _left_out(self, workflow: Workflow, known: Known, said: _Said) -> LeftOut:
        """What filters leave out of a workflow."""
        found: dict[str, Expression] = {}
        waits: dict[str, tuple[str, ...]] = {}
        for draft in workflow.drafts:
            filters = workflow.filters.get(draft.invocation.id, Filters())
            tags = said.tags and not workflow.scheduled
            is_said = said.filters and not workflow.scheduled
            found[draft.id] = TRUE if is_said else filters.condition(tags=tags)
            waits[draft.id] = known.needed(draft.invocation.requires)
        return LeftOut(found, waits)

    def _started(self, workflow: Workflow) -> Expression:
        """What must have started the build for a workflow to be executed."""
        if workflow.schedules:
            times = [(cron, filters.condition(tags=False)) for cron, filters in workflow.schedules]
            if all(where == times[0][1] for _, where in times):
                return both([ON_SCHEDULE, joined("||", (_at(cron, TRUE) for cron, _ in times)), times[0][1]])
            return both([ON_SCHEDULE, joined("||", (_at(cron, where) for cron, where in times))])
        return NOT_ON_SCHEDULE if any(one.schedules for one in self.workflows) else TRUE

    def _triggers(self, limits: Limits) -> list[Trigger]:
        found = limits.triggers() if any(not one.scheduled for one in self.workflows) else []
        crons = dict.fromkeys(cron for one in self.workflows for cron, _ in one.schedules)
        for node, *around in self.crons:
            model = f"triggers[{len(found) + list(crons).index(node.text())}]"
            node.feeds(f"{model}.cron")
            for one in around:
                one.feeds(model)
        return [*found, *(Trigger(event="schedule", cron=cron) for cron in crons)]


def _without(condition: Expression, part: Expression | None) -> Expression:
    """A condition without what triggers say."""
    if part is None:
        return condition
    said = set(flat("&&", part))
    return both(one for one in flat("&&", condition) if one not in said)


def _at(cron: str, where: Expression) -> Expression:
    time = Binary("==", Name("schedule"), Literal(cron))
    return time if where in (TRUE, FALSE) else Binary("&&", time, where)
