"""Overview: asks whichever plugin tells of stages, and remembers which one is there.

Pipeline Graph View answers under `stages/` (its `openapi.yaml`) or, in releases of before, under
`pipeline-overview/` (recorded); Stage View under `wfapi/`. With neither, a build is told as a whole.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from pipemgr.adapter import NotFound, Retryable, Statuses, Unreachable

from .builds import Data, Flow
from .client import Client
from .stages import failed_steps, graph, stage_view

GRAPHS: Final = ("stages", "pipeline-overview")
VIEW: Final = "wfapi"
NONE: Final = ""
ERRORS: Final = 5
"""For how many failed steps of a build the message is asked for: each costs a request."""


class Overview:
    """What one Jenkins tells of the stages of its pipelines."""

    def __init__(self, client: Client, statuses: Statuses) -> None:
        self._client = client
        self._statuses = statuses

    def flow(self, build: str) -> Flow:
        """The stages of the build at an address, of the kind that has them. Raises `NotFound` if it is gone."""
        way = self._client.memory.stages
        if way is not None:
            try:
                return self._ask(way, build)
            except NotFound:
                self._client.memory.learn(None)
        for way in (*GRAPHS, VIEW):
            try:
                found = self._ask(way, build)
            except NotFound:
                continue
            self._client.memory.learn(way)
            return found
        self._client.api(build, "number")  # it may have been removed since: that says nothing of plugins
        self._client.memory.learn(NONE)
        return Flow()

    def _ask(self, way: str, build: str) -> Flow:
        if way == NONE:
            return Flow()
        if way == VIEW:
            return self._view(build)
        try:
            return self._graph(f"{build}/{way}")
        except Unreachable:
            # A build that this plugin can't draw stays so: the other one may know it.
            try:
                return self._view(build)
            except NotFound:
                pass
            raise

    def _view(self, build: str) -> Flow:
        return stage_view(self._client.json(f"{build}/{VIEW}/describe", fullStages="true"), self._statuses)

    def _graph(self, url: str) -> Flow:
        tree = self._data(f"{url}/tree")
        steps: list[Data] = self._data(f"{url}/allSteps").get("steps") or []
        bad = islice(failed_steps(steps, self._statuses), ERRORS)
        errors = {one: self._client.text(f"{url}/exceptionText", nodeId=one) for one in bad}
        return graph(tree, steps, self._statuses, errors)

    def _data(self, url: str) -> Data:
        answer: Any = self._client.json(url)
        found = answer.get("data") if isinstance(answer, dict) and answer.get("status") == "ok" else None
        if not isinstance(found, dict):
            raise Retryable(f"{url}: no answer of Pipeline Graph View", where=self._client.where)
        return found

    def waiting(self, build: str) -> list[Data]:
        """The inputs that a build waits for: `id`, `inputs`, and `stage` where it is known."""
        way = self._client.memory.stages
        if way in GRAPHS:
            steps: list[Data] = self._data(f"{build}/{way}/allSteps").get("steps") or []
            found = [
                {**step["inputStep"], "stage": step.get("stageId")} for step in steps if step.get("inputStep")
            ]
            if found and not any(one.get("parameters") for one in found):
                return found
            stages = {one["id"]: one["stage"] for one in found}
        else:
            stages = {}
        pending = self._client.json(f"{build}/{VIEW}/pendingInputActions")
        return [{**one, "stage": stages.get(one["id"])} for one in pending]
