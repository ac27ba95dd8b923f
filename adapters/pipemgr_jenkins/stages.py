"""Stages and steps: the two plugins that tell of them, as the model sees it; pure functions on JSON.

Pipeline Graph View tells a tree, Stage View a flat list. Both name a stage by the id of its node in the flow graph,
so that a stage of the same name, or a cell of a matrix, is one of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Statuses
from pipemgr.model.runs import StageInstance, StepInstance
from pipemgr.model.status import State, Status

from .builds import Data, Flow, ended, moment

CONTEXT: Final = "Get contextual object from internal APIs"
"""The one step of a stage that was kept from beginning: how declarative pipelines skip it (recorded)."""
TIMEOUT: Final = "Timeout has been exceeded"
"""The message of what the step `timeout` stopped (recorded)."""
NO_STAGE: Final = "no stage has begun"
_CELL: Final = re.compile(r" - (\w+ = '[^']*'(?:, \w+ = '[^']*')*)$")
_EXIT: Final = re.compile(r"script returned exit code (-?\d+)")


def matrix(name: str) -> dict[str, JsonValue]:
    """The values of a cell of a declarative matrix, whose name lists them: `Matrix - PY = '3.12'` (recorded)."""
    found = _CELL.search(name)
    return dict(re.findall(r"(\w+) = '([^']*)'", found[1])) if found else {}


def exit_code(message: str) -> int | None:
    """What a script left with, as the message of its failure tells."""
    found = _EXIT.search(message)
    return int(found[1]) if found else None


def _status(statuses: Statuses, kind: str, one: Data, word: str, reason: str) -> Status:
    """The status of a stage or step; what a time limit stopped is told apart by its message."""
    given = "overdue" if TIMEOUT in reason and word in statuses.words("overdue") else kind
    status = statuses.status(given, word, started=moment(one.get("startTimeMillis")), reason=reason)
    return status.model_copy(update={"reason": ""}) if status.good and reason else status


# Pipeline Graph View -----------------------------------------------------------------------------------


def graph(tree: Data, steps: list[Data], statuses: Statuses, errors: Mapping[str, str] | None = None) -> Flow:
    """The stages that `tree` and `allSteps` tell (`openapi.yaml` of the plugin); `errors` by a step's id."""
    of: dict[str, list[Data]] = {}
    for step in steps:
        of.setdefault(str(step.get("stageId")), []).append(step)
    reader = _Graph(statuses, of, errors or {})
    stages = tuple(reader.walk(tree.get("stages") or (), {}, None))
    paused = next((one.status.raw for one in stages if one.status.state is State.WAITING), "")
    held = next((one.status.reason for one in stages if one.status.state is State.QUEUED), "")
    return Flow(stages, paused, held or blame(stages) or ("" if stages else NO_STAGE))


def failed_steps(steps: list[Data], statuses: Statuses) -> Iterator[str]:
    """The ids of the steps whose failure has a message to ask for."""
    for step in steps:
        status = statuses.status("step", str(step.get("state") or ""))
        if status.finished and not status.good:
            yield str(step.get("id"))


class _Graph:
    def __init__(
        self, statuses: Statuses, steps: Mapping[str, list[Data]], errors: Mapping[str, str]
    ) -> None:
        self._statuses = statuses
        self._steps = steps
        self._errors = errors

    def walk(self, nodes: Any, values: dict[str, JsonValue], runner: str | None) -> Iterator[StageInstance]:
        """Each node before its children; cells hand their values down, and stages their machine."""
        for node in nodes:
            own = {**values, **matrix(str(node.get("name")))}
            machine = node.get("agent") or runner
            yield self._stage(node, own, machine)
            yield from self.walk(node.get("children") or (), own, machine)

    def _stage(self, node: Data, values: dict[str, JsonValue], runner: str | None) -> StageInstance:
        steps = tuple(self._step(step) for step in self._steps.get(str(node["id"]), ()))
        reason = node.get("causeOfBlockage") or next((s.status.reason for s in steps if _bad(s)), "")
        status = _status(self._statuses, "stage", node, str(node.get("state") or ""), reason)
        start = node.get("startTimeMillis")
        return StageInstance(
            external_id=str(node["id"]),
            name=str(node.get("name") or ""),
            matrix=values,
            status=status,
            started_at=None if status.state is State.QUEUED else moment(start),
            finished_at=ended(start, node.get("totalDurationMillis")) if status.finished else None,
            runner=runner,
            steps=steps,
        )

    def _step(self, step: Data) -> StepInstance:
        reason = self._errors.get(str(step["id"]), "").strip().partition("\n")[0]
        status = _status(self._statuses, "step", step, str(step.get("state") or ""), reason)
        start = step.get("startTimeMillis")
        return StepInstance(
            external_id=str(step["id"]),
            name=str(step.get("name") or step.get("title") or ""),
            status=status,
            started_at=moment(start),
            finished_at=ended(start, step.get("totalDurationMillis")) if status.finished else None,
            exit_code=exit_code(reason),
        )


# Stage View --------------------------------------------------------------------------------------------


def stage_view(described: Data, statuses: Statuses) -> Flow:
    """The stages that `wfapi/describe?fullStages=true` tells; it knows neither nesting nor what runs beside what.

    A stage that was skipped because an earlier one failed has that one's status and error here (recorded): it is
    known by them, and by having done nothing.
    """
    nodes = described.get("stages") or []
    before: list[Data] = []
    stages = []
    for node in nodes:
        unbegun = _unbegun(node, before)
        stages.append(_view_stage(node, statuses, "unbegun" if unbegun else "stage"))
        before.append(node)
    paused = statuses.status("run", str(described.get("status") or ""))
    word = paused.raw if paused.state is State.WAITING else ""
    return Flow(tuple(stages), word, blame(tuple(stages)) or ("" if stages else NO_STAGE))


def _unbegun(node: Data, before: list[Data]) -> bool:
    error, steps = node.get("error"), node.get("stageFlowNodes") or []
    idle = bool(steps) and all(step.get("name") == CONTEXT for step in steps)
    return idle and bool(error) and any(one.get("error") == error for one in before)


def _view_stage(node: Data, statuses: Statuses, kind: str) -> StageInstance:
    steps = tuple(_view_step(step, statuses) for step in node.get("stageFlowNodes") or ())
    message = str((node.get("error") or {}).get("message") or "") if kind == "stage" else ""
    reason = message or next((step.status.reason for step in steps if _bad(step)), "")
    status = _status(statuses, kind, node, str(node.get("status") or ""), reason)
    start = node.get("startTimeMillis")
    return StageInstance(
        external_id=str(node["id"]),
        name=str(node.get("name") or ""),
        matrix=matrix(str(node.get("name"))),
        status=status,
        started_at=moment(start),
        finished_at=ended(start, node.get("durationMillis")) if status.finished else None,
        runner=node.get("execNode") or None,
        steps=steps,
    )


def _view_step(node: Data, statuses: Statuses) -> StepInstance:
    message = str((node.get("error") or {}).get("message") or "")
    status = _status(statuses, "step", node, str(node.get("status") or ""), message)
    start = node.get("startTimeMillis")
    return StepInstance(
        external_id=str(node["id"]),
        name=str(node.get("parameterDescription") or node.get("name") or ""),
        status=status,
        started_at=moment(start),
        finished_at=ended(start, node.get("durationMillis")) if status.finished else None,
        exit_code=exit_code(message),
    )


def _bad(part: StageInstance | StepInstance) -> bool:
    return part.status.finished and not part.status.good


def blame(stages: tuple[StageInstance, ...]) -> str:
    """Whose fault it is: the first stage that did not end well, rather one in which a step failed."""
    bad = [stage for stage in stages if _bad(stage) and stage.status.reason]
    for stage in sorted(bad, key=lambda one: not any(map(_bad, one.steps))):
        return f"{stage.name}: {stage.status.reason}"
    return ""
