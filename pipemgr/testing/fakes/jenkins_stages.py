"""The plugins of a fake Jenkins that tell of stages: Pipeline Graph View in two releases, and Stage View."""

from __future__ import annotations

from werkzeug.wrappers import Response

from pipemgr.model.status import Result, State

from .jenkins_shapes import Data, begun, first, moved, node, node_id, over, page, paused, viewed, word
from .server import Call, FakeServer, answer, route
from .world import Job, Run, World


class StagesFake(FakeServer):
    """What these plugins answer; `plugin` says which of them is there."""

    world: World
    plugin: str
    freestyle: tuple[str, ...]
    blocked: dict[int, str]

    def at(self, path: str) -> Run | None:
        """The run at the path of a build."""
        raise NotImplementedError

    # Stages ----------------------------------------------------------------------------------------------

    @route("/job/<path:path>/<any(stages,'pipeline-overview'):way>/tree")
    def tree(self, call: Call, path: str, way: str) -> Response:
        """part2/114_pgv; `causeOfBlockage` and the new path from the plugin's openapi.yaml."""
        run = self._pipeline(path, way)
        if run is None:
            return page(404, "Not found")
        stages = [self._stage(run, job) for job in begun(run)]
        if run.id in self.blocked and stages:
            stages[-1] |= {"state": "queued", "causeOfBlockage": self.blocked[run.id]}
        return answer({"status": "ok", "data": {"complete": over(run), "stages": stages}})

    @route("/job/<path:path>/<any(stages,'pipeline-overview'):way>/allSteps")
    def steps(self, call: Call, path: str, way: str) -> Response:
        """part2/117_pgv; `inputStep` from the plugin's openapi.yaml."""
        run = self._pipeline(path, way)
        if run is None:
            return page(404, "Not found")
        found = [
            node(step, node_id(job, place), run) | {"type": "STEP", "stageId": str(job.id)}
            for job in begun(run)
            for place, step in enumerate(job.steps)
        ]
        if first(run).state is State.WAITING and found:
            asked = {
                "id": f"Input{run.id}",
                "message": "Ship it?",
                "ok": "Yes",
                "cancel": "No",
                "parameters": False,
            }
            found[-1] |= {"state": "paused", "inputStep": asked}
        return answer({"status": "ok", "data": {"steps": found, "runIsComplete": over(run)}})

    @route("/job/<path:path>/<any(stages,'pipeline-overview'):way>/exceptionText", needs=("nodeId",))
    def exception(self, call: Call, path: str, way: str) -> Response:
        """The message of a failed step (openapi.yaml)."""
        run = self._pipeline(path, way)
        codes = {
            node_id(job, place): step.exit_code
            for job in (begun(run) if run else ())
            for place, step in enumerate(job.steps)
        }
        code = codes.get(call.query["nodeId"])
        return Response(f"script returned exit code {code}" if code else "", content_type="text/plain")

    @route("/job/<path:path>/<any(stages,'pipeline-overview'):way>/rerun", method="POST")
    def rerun(self, call: Call, path: str, way: str) -> Response:
        """The plugin's verb, as its code names it; answers with the queue item."""
        run = self._pipeline(path, way)
        if run is None:
            return page(404, "Not found")
        again = self.world.start(run.pipeline, branch=run.branch, parameters=run.parameters)
        again.trigger = "manual"
        return answer({"status": "ok", "data": {"message": "Build scheduled", "queueId": again.id}})

    def _pipeline(self, path: str, way: str) -> Run | None:
        run = self.at(path) if way == self.plugin or (way == "wfapi" and self.plugin) else None
        return run if run is not None and run.pipeline not in self.freestyle else None

    def _stage(self, run: Run, job: Job) -> Data:
        inner = {"children": [], "isSequential": False, "synthetic": False, "placeholder": False}
        found = node(job, str(job.id), run) | inner | {"type": "STAGE", "agent": "built-in"}
        return found | ({"state": "paused"} if paused(run, job) else {})

    @route("/job/<path:path>/wfapi/describe", query=("fullStages",))
    def describe(self, call: Call, path: str) -> Response:
        """101_wf-describe, 195 (paused), 227 (running); with fullStages as 100_wf-runs."""
        run = self._pipeline(path, "wfapi")
        if run is None:
            return page(404, "Not found")
        stages = [self._view(run, job, full="fullStages" in call.query) for job in begun(run)]
        attempt = first(run)
        status = "PAUSED_PENDING_INPUT" if attempt.state is State.WAITING else word(attempt, 1)
        number = path.rpartition("/")[2]
        return answer({"id": number, "name": f"#{number}", "status": status, "stages": stages})

    @staticmethod
    def _view(run: Run, job: Job, *, full: bool) -> Data:
        nodes = [
            viewed(step, node_id(job, place), run) | {"parentNodes": [str(job.id)]}
            for place, step in enumerate(job.steps)
        ]
        found = viewed(job, str(job.id), run) | ({"stageFlowNodes": nodes} if full else {})
        return found | ({"status": "PAUSED_PENDING_INPUT"} if paused(run, job) else {})

    @route("/job/<path:path>/wfapi/pendingInputActions")
    def pending(self, call: Call, path: str) -> Response:
        """201_pendingInput."""
        run = self._pipeline(path, "wfapi")
        waits = run is not None and first(run).state is State.WAITING
        return answer(
            [{"id": f"Input{run.id}", "message": "Ship it?", "inputs": []}] if run and waits else []
        )

    @route("/job/<path:path>/input/<name>/<any(proceedEmpty,abort):verb>", method="POST")
    def submit(self, call: Call, path: str, name: str, verb: str) -> Response:
        """202_input-submit; the verbs without values from the plugin pipeline-input-step (`InputStepExecution`)."""
        run = self.at(path)
        if run is None or first(run).state is not State.WAITING or name != f"Input{run.id}":
            return page(404, "Not found")
        if verb == "abort":
            self.world.finish(run, Result.CANCELED)
        else:
            first(run).state = State.RUNNING
        return moved(f"/job/{path}/console")
