"""Shapes of a fake Jenkins' answers: words, nodes of the flow graph, and the `tree` parameter."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from werkzeug.wrappers import Response

from pipemgr.model.status import Result, State

from .world import Attempt, Job, Run, Step

RESULTS: Final = {
    Result.SUCCESS: ("SUCCESS", "SUCCESS", "success"),
    Result.UNSTABLE: ("UNSTABLE", "UNSTABLE", "unstable"),
    Result.CANCELED: ("ABORTED", "ABORTED", "aborted"),
    Result.TIMED_OUT: ("ABORTED", "ABORTED", "aborted"),
    Result.SKIPPED: ("NOT_BUILT", "NOT_EXECUTED", "skipped"),
}
"""Words of a run, of Stage View and of Pipeline Graph View; whatever is not here failed."""
FAILED: Final = ("FAILURE", "FAILED", "failure")
CAUSES: Final = {
    "manual": "hudson.model.Cause$UserIdCause",
    "push": "hudson.triggers.SCMTrigger$SCMTriggerCause",
    "schedule": "hudson.triggers.TimerTrigger$TimerTriggerCause",
}
NOTE: Final = "\x1b[8mha:////4FAKE=\x1b[0m"
"""A console note, as progressive logs have them (210_progressive-running)."""
NEWEST: Final = 100
"""How many builds `builds` has (hudson.model.Job.getNewBuilds)."""
KEPT: Final = 300
"""How long a queue item is kept after it has left, in seconds (hudson.model.Queue)."""
RUN: Final = "org.jenkinsci.plugins.workflow.job.WorkflowRun"
FREE: Final = "hudson.model.FreeStyleBuild"

Data = dict[str, Any]


class Tree:
    """The `tree` parameter: exactly these fields, with ranges `{M,N}` on lists (page: Remote Access API)."""

    def __init__(self, text: str) -> None:
        self._tokens = re.findall(r"[\w*]+|[\[\],]|\{\d*,?\d*\}", text)
        if "".join(self._tokens) != text:
            raise ValueError(text)
        self.fields = self._list()

    def _list(self) -> dict[str, tuple[Any, slice]]:
        found = {}
        while self._tokens and self._tokens[0] != "]":
            name, inner, part = self._tokens.pop(0), None, slice(None)
            if self._tokens[:1] == ["["]:
                self._tokens.pop(0)
                inner = self._list()
                self._tokens.pop(0)
            if self._tokens and self._tokens[0].startswith("{"):
                first, _, last = self._tokens.pop(0)[1:-1].partition(",")
                part = slice(int(first or 0), int(last) if last else None)
            found[name] = (inner, part)
            if self._tokens[:1] == [","]:
                self._tokens.pop(0)
        return found

    def of(self, value: Any) -> Any:
        """What an answer has of `value`."""
        return _project(value, self.fields)


def _project(value: Any, fields: Any) -> Any:
    if isinstance(value, list):
        return [_project(one, fields) for one in value]
    if not isinstance(value, dict) or fields is None:
        return value
    found = {"_class": value["_class"]} if "_class" in value else {}
    for name, (inner, part) in fields.items():
        if name in value:
            one = value[name]() if callable(value[name]) else value[name]
            found[name] = _project(one[part] if isinstance(one, list) else one, inner)
    return found


def milliseconds(moment: datetime | None) -> int:
    """A moment as Jenkins gives it."""
    return round(moment.timestamp() * 1000) if moment else 0


# Words and nodes -----------------------------------------------------------------------------------------


def first(run: Run) -> Attempt:
    """The one attempt that a run has here: executed again it is another build."""
    return run.attempts[0]


def over(run: Run) -> bool:
    """Whether a run has ended."""
    return first(run).state is State.FINISHED


def words(result: Result | None) -> tuple[str, str, str]:
    """The three words of a result."""
    return RESULTS.get(result, FAILED) if result is not None else FAILED


def word(part: Attempt | Job | Step, place: int) -> str:
    """A word of Stage View (1) or Pipeline Graph View (2)."""
    return (
        words(part.result)[place] if part.state is State.FINISHED else ("", "IN_PROGRESS", "running")[place]
    )


def begun(run: Run) -> list[Job]:
    """The stages that there are: one that has not begun does not exist yet."""
    return [job for job in first(run).jobs if job.state is not State.QUEUED]


def paused(run: Run, job: Job) -> bool:
    """Whether a stage waits for an input."""
    return first(run).state is State.WAITING and job.state is State.RUNNING


def node_id(job: Job, place: int) -> str:
    """The id of a step's node in the flow graph."""
    return str(job.id * 100 + place + 1)


def times(part: Job | Step, run: Run) -> tuple[int, int]:
    """When a part began, and how long it took, in milliseconds."""
    start = part.started_at or first(run).started_at
    return milliseconds(start), milliseconds(part.finished_at or start) - milliseconds(start)


def node(part: Job | Step, name: str, run: Run) -> Data:
    """A stage or step of Pipeline Graph View (part2/114_pgv, part2/117_pgv)."""
    start, took = times(part, run)
    found = {"id": name, "name": part.name, "state": word(part, 2), "title": "", "startTimeMillis": start}
    return found | ({"totalDurationMillis": took} if part.state is State.FINISHED else {})


def viewed(part: Job | Step, name: str, run: Run) -> Data:
    """A stage or step of Stage View (100_wf-runs)."""
    start, took = times(part, run)
    found: Data = {"id": name, "name": part.name, "execNode": "", "status": word(part, 1)}
    if part.result is Result.FAILURE:
        code = next((step.exit_code for step in getattr(part, "steps", [part]) if step.exit_code), 1)
        found["error"] = {"message": f"script returned exit code {code}", "type": "hudson.AbortException"}
    return found | {"startTimeMillis": start, "durationMillis": took}


def counted(cases: list[Data]) -> Data:
    """The counts of a test report (061_build-free-artifacts-1)."""
    said = [case["status"] for case in cases]
    failed = sum(word in {"FAILED", "REGRESSION"} for word in said)
    return {"failCount": failed, "skipCount": said.count("SKIPPED"), "totalCount": len(said)}


def named(path: str) -> str:
    """The full name in a path that begins after `/job/`."""
    return "/".join(path.split("/job/"))


def path_of(name: str) -> str:
    """The path of a job by its full name."""
    return "/".join(f"job/{quote(part, safe='')}" for part in name.split("/"))


def page(status: int, text: str) -> Response:
    """A page for people, which is how Jenkins refuses."""
    return Response(f"<html><body>{text}</body></html>", status, content_type="text/html;charset=UTF-8")


def moved(path: str) -> Response:
    """The redirect that a POST is answered with."""
    return Response(status=302, headers={"Location": path})
