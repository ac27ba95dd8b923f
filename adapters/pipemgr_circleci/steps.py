"""Steps: what API v3 and API v1.1 tell of the inside of a job, as steps and logs. Pure functions on their answers.

Both number steps alike, by parallel execution and step: such a pair, `0.101`, names a step whichever API told of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipemgr.adapter import Statuses
from pipemgr.model.runs import StepInstance

Data = dict[str, Any]


@dataclass(frozen=True)
class Detail:
    """What the list of a workflow's jobs does not tell of a job."""

    steps: tuple[StepInstance, ...] = ()
    printed: frozenset[str] = frozenset()
    """The ids of the steps that have printed something, or may have."""
    runner: str | None = None
    queued_at: datetime | None = None
    sources: tuple[Data, ...] = field(default=(), repr=False)
    """The answers it was read from."""


def moment(text: object) -> datetime | None:
    """A time as CircleCI writes it; None for none, and for the year 1970, which stands for none in its answers."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if found is None or found.tzinfo is None or found.year <= 1970 else found  # noqa: PLR2004 - the epoch


def modern(answer: Data, statuses: Statuses) -> Detail:
    """The steps of `GET /api/v3/jobs/{id}`: `parallel_executions[].steps[]` with phase, outcome and exit code."""
    executions = (inner(answer, "data", "attributes")).get("parallel_executions") or []
    several = len(executions) > 1
    steps = tuple(
        _step(
            statuses,
            (index, step.get("num"), several),
            step,
            (step.get("phase"), step.get("outcome")),
            ("started_at", "ended_at"),
        )
        for index, execution in enumerate(executions)
        for step in execution.get("steps") or []
    )
    begun = frozenset(one.external_id for one in steps if one.started_at)
    return Detail(steps=steps, printed=begun, sources=(answer,))


def classic(answer: Data, statuses: Statuses) -> Detail:
    """The steps of `GET /api/v1.1/project/{slug}/{number}`: `steps[].actions[]`, one action a parallel execution.

    A step that was killed for printing nothing says `timedout`, `failed` true and no exit code.
    """
    actions = list(actions_of(answer))
    several = len({one.get("index") for one in actions}) > 1
    steps = tuple(
        _step(
            statuses,
            (action.get("index") or 0, action.get("step"), several and bool(action.get("parallel"))),
            action,
            (action.get("status"),),
            ("start_time", "end_time"),
        )
        for action in actions
    )
    printed = frozenset(identity(one) for one in actions if one.get("has_output"))
    return Detail(steps, printed, _picard(answer), moment(answer.get("queued_at")), (answer,))


def actions_of(answer: Data) -> Iterator[Data]:
    """Every action of a job as API v1.1 tells it, in order."""
    for step in answer.get("steps") or []:
        yield from step.get("actions") or []


def identity(action: Data) -> str:
    """What names the step of an action."""
    return f"{action.get('index') or 0}.{action.get('step')}"


def executor(answer: Data) -> tuple[str | None, datetime | None]:
    """The runner of a job and when it was queued, as `GET /api/v2/project/{slug}/job/{number}` tells."""
    said = answer.get("executor") or {}
    words = [said.get("type"), said.get("resource_class")]
    return " ".join(word for word in words if word) or None, moment(answer.get("queued_at"))


def text(messages: Any) -> str:
    """What a step printed, from the list of messages that lies at API v1.1's `output_url`."""
    if not isinstance(messages, list):
        return json.dumps(messages)
    return "".join(str(one.get("message") or "") for one in messages if isinstance(one, dict))


def _step(
    statuses: Statuses,
    place: tuple[int, object, bool],
    said: Data,
    words: Iterable[str | None],
    times: tuple[str, str],
) -> StepInstance:
    index, number, several = place
    started, finished = (moment(said.get(name)) for name in times)
    code = said.get("exit_code")
    status = statuses.status(
        "step",
        *words,
        started=started,
        finished=finished,
        reason=f"exit code {code}" if code else "",
    )
    name = str(said.get("name") or f"step {number}")
    return StepInstance(
        external_id=f"{index}.{number}",
        name=f"{name} ({index})" if several else name,
        status=status,
        started_at=started,
        finished_at=finished if status.finished else None,
        exit_code=code if isinstance(code, int) else None,
    )


def _picard(answer: Data) -> str | None:
    """The runner as API v1.1 tells it; absent for builds from before there were executors."""
    picard = answer.get("picard") or {}
    words = [picard.get("executor"), inner(picard, "resource_class").get("class")]
    return " ".join(word for word in words if word) or None


def inner(value: Any, *names: str) -> Data:
    """The object at the end of these names; an empty one where something else is."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
