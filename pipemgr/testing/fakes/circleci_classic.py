"""CircleCI's older APIs as a fake: the paths, shapes, headers and limits of v1.1 and v2, over a `World`.

A run's pipeline is named by its project's slug. Each method names where its shape is from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from email.utils import format_datetime
from typing import Any

from werkzeug.wrappers import Response

from pipemgr.model.status import Result, State

from .circleci_shapes import (
    Data,
    action_of,
    approval_of,
    build_of,
    identity,
    job_of,
    job_word,
    pipeline_of,
    precise,
    whole,
    workflow_of,
    workflow_word,
)
from .server import Call, FakeServer, answer, route
from .world import Attempt, Job, Run, World

FIRST_STEP = 101
PROJECT = "/project/<host>/<owner>/<name>"


class Classic(FakeServer):
    """What APIs v1.1 and v2 answer, for one account. The knobs are the attributes.

    By run: `states` and `errors` of pipelines, `bare` ones without workflows, `broken` ones whose workflows are always
    500, `nameless` ones whose workflows have no id yet. By workflow or job id: `words` that take the place of the
    right ones. `absent` projects are 404; `cloud` is whether there is an API v3; `older_jobs` whether API v1.1 lists
    jobs; `tests` are cases by the job's name; `size` is how many things are on a page of API v2.
    """

    def __init__(self, world: World, *, token: str = "", login: str = "ada") -> None:
        super().__init__()
        self.world, self.token, self.login = world, token, login
        self.states: dict[int, str] = {}
        self.errors: dict[int, list[Data]] = {}
        self.bare: set[int] = set()
        self.broken: set[int] = set()
        self.nameless: set[int] = set()
        self.words: dict[str, str] = {}
        self.absent: set[str] = set()
        self.cloud, self.older_jobs, self.size = True, True, 20
        self.tests: dict[str, list[Data]] = {}
        self.definitions: list[Data] = [{"id": identity("definition", 1), "name": "build"}]
        self.requests_a_minute, self.leaked = 3000, 0
        self._numbers: dict[int, int] = {}
        self._held: set[str] = set()

    # What every answer has -------------------------------------------------------------------------------

    def allowed(self, call: Call) -> Response | None:
        """401 without the token: a bearer's for API v3, in `Circle-Token` for the others. Storage takes none."""
        given = (call.headers.get("authorization", ""), call.headers.get("circle-token", ""))
        if call.path.startswith("/storage/"):
            self.leaked += any(given)
            return None
        right = given[0] == f"Bearer {self.token}" or (given[1] == self.token and "/api/v3/" not in call.path)
        if not right:
            return answer({"message": "You must log in first."}, 401)
        if "/api/v3/" in call.path and not self.cloud:
            return gone()
        return None

    def finished(self, _call: Call, response: Response) -> Response:
        """The world's clock, and the limits in both of CircleCI's ways (docs: "API developer's guide")."""
        left = max(0, self.requests_a_minute - len(self.calls))
        response.headers["Date"] = format_datetime(self.world.now, usegmt=True)
        response.headers["X-RateLimit-Limit-Minute"] = str(self.requests_a_minute)
        response.headers["X-RateLimit-Remaining-Minute"] = str(left)
        response.headers["RateLimit-Limit"], response.headers["RateLimit-Remaining"] = "51", "50"
        response.headers["RateLimit-Reset"] = "1"
        return response

    # Accounts and projects -------------------------------------------------------------------------------

    @route("/api/v2/me")
    def me(self, _call: Call) -> Response:
        """`User` of the OpenAPI description of v2."""
        return answer({"id": identity("user", 1), "login": self.login, "name": "Ada"})

    @route("/api/v1.1/projects")
    def projects(self, _call: Call) -> Response:
        """What the account follows (circleci.py, mock_get_projects_response)."""
        return answer([_project(name) for name in sorted({run.pipeline for run in self.world.runs})])

    @route(f"/api/v2{PROJECT}")
    def project(self, _call: Call, host: str, owner: str, name: str) -> Response:
        """DevLake, _raw_circleci_api_projects."""
        slug = f"{host}/{owner}/{name}"
        if slug in self.absent:
            return gone("Project not found")
        said = {"slug": slug, "name": name, "organization_name": owner, "id": uuid(slug)}
        return answer(said)

    @route("/api/v2/projects/<project>/pipeline-definitions", query=("page-token",))
    def pipeline_definitions(self, _call: Call, project: str) -> Response:
        """`PipelineDefinition` of the OpenAPI description of v2."""
        return answer({"items": self.definitions if project else [], "next_page_token": None})

    # Pipelines and workflows -----------------------------------------------------------------------------

    @route(f"/api/v2{PROJECT}/pipeline", query=("branch", "page-token"))
    def pipelines(self, call: Call, host: str, owner: str, name: str) -> Response:
        """The pipelines of a project, newest first (DevLake, _raw_circleci_api_pipelines)."""
        slug = f"{host}/{owner}/{name}"
        if slug in self.absent:
            return gone("Project not found")
        runs = sorted(self._runs(slug), key=lambda run: -run.number)
        return self._paged(call, [self._pipeline(run) for run in runs])

    @route("/api/v2/pipeline/<pipeline>")
    def pipeline(self, _call: Call, pipeline: str) -> Response:
        """One pipeline."""
        run = self._run(pipeline)
        return answer(self._pipeline(run)) if run else gone("Pipeline not found")

    @route("/api/v2/pipeline/<pipeline>/workflow", query=("page-token",))
    def workflows(self, call: Call, pipeline: str) -> Response:
        """The workflows of a pipeline, newest first (DevLake, _raw_circleci_api_workflows)."""
        run = self._run(pipeline)
        if run is None:
            return gone("Pipeline not found")
        if run.id in self.broken:
            return answer({"message": "Internal server error"}, 500)
        attempts = [] if run.id in self.bare else list(reversed(run.attempts))
        return self._paged(call, [self._workflow(run, one) for one in attempts])

    @route("/api/v2/workflow/<workflow>")
    def workflow(self, _call: Call, workflow: str) -> Response:
        """One workflow."""
        found = self._find(workflow)
        return answer(self._workflow(*found)) if found else gone("Workflow not found")

    @route("/api/v2/workflow/<workflow>/job", query=("page-token",))
    def jobs(self, call: Call, workflow: str) -> Response:
        """The jobs of a workflow (DevLake, _raw_circleci_api_jobs)."""
        found = self._find(workflow)
        if found is None:
            return gone("Workflow not found")
        run, attempt = found
        rows = [self._job(run, attempt, at) for at in range(len(attempt.jobs))]
        if attempt.state is State.WAITING:
            self._held.add(workflow)
        held = [approval_of(run, attempt, uuid(f"approval/{workflow}"))] if workflow in self._held else []
        return self._paged(call, held + rows)

    # Jobs ------------------------------------------------------------------------------------------------

    @route(f"/api/v2{PROJECT}/job/<int:number>")
    def job(self, _call: Call, host: str, owner: str, name: str, number: int) -> Response:
        """`JobDetails` of the OpenAPI description of v2: what says on which executor it ran."""
        found = self._numbered(f"{host}/{owner}/{name}", number)
        if found is None:
            return gone("Job not found")
        run, attempt, job = found
        return answer(
            {
                "web_url": f"https://app.circleci.com/jobs/{number}",
                "name": job.name,
                "number": number,
                "status": job_word(job, []),
                "executor": {"type": "docker", "resource_class": "medium"},
                "parallelism": 1,
                "queued_at": precise(attempt.queued_at),
                "started_at": precise(job.started_at),
                "stopped_at": precise(job.finished_at),
                "pipeline": {"id": identity("pipeline", run.id)},
            }
        )

    @route(f"/api/v2{PROJECT}/<int:number>/artifacts", query=("page-token",))
    def artifacts(self, call: Call, host: str, owner: str, name: str, number: int) -> Response:
        """`Artifact` of the OpenAPI description of v2; the world's artifacts belong to the last job."""
        found = self._numbered(f"{host}/{owner}/{name}", number)
        if found is None:
            return gone("Job not found")
        run, attempt, job = found
        made = run.artifacts if job is attempt.jobs[-1] else {}
        link = f"{self.url}/artifact/{run.id}"
        return self._paged(
            call, [{"path": one, "node_index": 0, "url": f"{link}/{one}"} for one in sorted(made)]
        )

    @route(f"/api/v2{PROJECT}/<int:number>/tests", query=("page-token",))
    def test_cases(self, call: Call, host: str, owner: str, name: str, number: int) -> Response:
        """`tests` as recorded by the Ruby client from v1.1, which v2 took over, in v2's envelope."""
        found = self._numbered(f"{host}/{owner}/{name}", number)
        return self._paged(call, self.tests.get(found[2].name, [])) if found else gone("Job not found")

    @route(f"/api/v1.1{PROJECT}", query=("limit", "offset", "shallow", "filter"))
    def builds(self, call: Call, host: str, owner: str, name: str) -> Response:
        """The newest jobs of a project (the Ruby client's `recent_builds` cassettes)."""
        slug = f"{host}/{owner}/{name}"
        if slug in self.absent or not self.older_jobs:
            return gone()
        rows = [self._build(*one) for one in self._started(slug)]
        rows.sort(key=lambda row: -row["build_num"])
        first, count = int(call.query.get("offset", "0")), min(100, int(call.query.get("limit", "30")))
        return answer(rows[first : first + count])

    @route(f"/api/v1.1{PROJECT}/<int:number>")
    def build(self, _call: Call, host: str, owner: str, name: str, number: int) -> Response:
        """One job with its steps (circleci.py, mock_get_build_info_response)."""
        found = self._numbered(f"{host}/{owner}/{name}", number)
        if found is None:
            return gone("Build not found")
        job = found[2]
        steps = [
            {"name": step.name, "actions": [action_of(step, FIRST_STEP + at, self._stored(job, at))]}
            for at, step in enumerate(job.steps)
            if step.started_at
        ]
        return answer(self._build(*found) | {"steps": steps})

    @route("/storage/output/<int:job>/<int:at>", query=("signature",))
    def output(self, _call: Call, job: int, at: int) -> Response:
        """What lies at an `output_url`: a list of messages. Not CircleCI's host: a token that comes here has leaked."""
        step = next(one for run in self.world.runs for one in _all_jobs(run) if one.id == job).steps[at]
        return answer([{"type": "out", "time": whole(step.started_at), "message": step.text}])

    @route("/artifact/<int:run>/<path:path>")
    def artifact(self, _call: Call, run: int, path: str) -> Response:
        """CircleCI's host for artifacts sends most of them on to storage (docs: "Security")."""
        place = self.url.replace("127.0.0.1", "localhost")
        return Response(status=302, headers={"Location": f"{place}/storage/artifact/{run}/{path}"})

    @route("/storage/artifact/<int:run>/<path:path>")
    def content(self, _call: Call, run: int, path: str) -> Response:
        """The content of an artifact."""
        made = next(one for one in self.world.runs if one.id == run).artifacts
        return Response(made[path], content_type="application/octet-stream")

    # Control ---------------------------------------------------------------------------------------------

    @route(f"/api/v2{PROJECT}/pipeline", method="POST")
    def trigger(self, call: Call, host: str, owner: str, name: str) -> Response:
        """`PipelineCreation` of the OpenAPI description of v2; opaque slugs are refused."""
        body = json.loads(call.body)
        if (
            set(body) - {"branch", "tag", "parameters"}
            or {"branch", "tag"} <= set(body)
            or host == "circleci"
        ):
            return answer({"message": "Bad request"}, 400)
        return self._created(f"{host}/{owner}/{name}", body.get("branch"), body)

    @route(f"/api/v2{PROJECT}/pipeline/run", method="POST")
    def trigger_definition(self, call: Call, host: str, owner: str, name: str) -> Response:
        """The same for a project with pipeline definitions."""
        body = json.loads(call.body)
        if body.get("definition_id") not in [one["id"] for one in self.definitions]:
            return answer({"message": "Bad request"}, 400)
        return self._created(f"{host}/{owner}/{name}", body.get("config", {}).get("branch"), body)

    @route("/api/v2/workflow/<workflow>/cancel", method="POST")
    def cancel(self, _call: Call, workflow: str) -> Response:
        """202, whether or not there was anything to stop."""
        found = self._find(workflow)
        if found is None:
            return gone("Workflow not found")
        if found[1].state is not State.FINISHED:
            self.world.finish(found[0], Result.CANCELED)
        return answer({"message": "Accepted."}, 202)

    @route("/api/v2/workflow/<workflow>/rerun", method="POST")
    def rerun(self, call: Call, workflow: str) -> Response:
        """202 with the id of the new workflow; 400 for one of more than 90 days ago (docs: "Rerun")."""
        found, body = self._find(workflow), json.loads(call.body)
        if found is None:
            return gone("Workflow not found")
        if set(body) - {"from_failed", "jobs", "enable_ssh", "sparse_tree"}:
            return answer({"message": "Bad request"}, 400)
        if (self.world.now - found[0].created_at).days > 90:  # noqa: PLR2004 - CircleCI's limit
            return answer({"message": "This workflow is too old to be rerun."}, 400)
        self.world.rerun(found[0])
        return answer({"workflow_id": self.id_of(found[0], found[0].latest)}, 202)

    @route("/api/v2/workflow/<workflow>/approve/<request>", method="POST")
    def approve(self, _call: Call, workflow: str, request: str) -> Response:
        """202; 404 for what does not wait."""
        found = self._find(workflow)
        if found is None or request != uuid(f"approval/{workflow}") or found[1].state is not State.WAITING:
            return gone("Approval not found")
        self.world.begin(found[0])
        return answer({"message": "Accepted."}, 202)

    # The world in CircleCI's words -----------------------------------------------------------------------

    def workflow_id(self, run: Run, attempt: int = 1) -> str:
        """The id of a run's attempt."""
        return self.id_of(run, run.attempts[attempt - 1])

    def _runs(self, slug: str) -> list[Run]:
        return [run for run in self.world.known() if run.pipeline == slug]

    def _run(self, pipeline: str) -> Run | None:
        return next((run for run in self.world.known() if identity("pipeline", run.id) == pipeline), None)

    def _find(self, workflow: str) -> tuple[Run, Attempt] | None:
        found = ((run, one) for run in self.world.known() for one in run.attempts)
        return next((one for one in found if self.id_of(*one) == workflow), None)

    @staticmethod
    def id_of(run: Run, attempt: Attempt) -> str:
        """The id of the workflow that an attempt is."""
        return uuid(f"workflow/{run.id}/{attempt.number}")

    def job_by_id(self, job: str) -> tuple[Run, Attempt, Job] | None:
        """A job by its id, with where it belongs."""
        return self._where(lambda one: identity("job", one.id) == job)

    def _numbered(self, slug: str, number: int) -> tuple[Run, Attempt, Job] | None:
        return next((one for one in self._started(slug) if self._numbers[one[2].id] == number), None)

    def _where(self, fits: Callable[[Job], bool]) -> tuple[Run, Attempt, Job] | None:
        for run in self.world.known():
            for attempt in run.attempts:
                for job in attempt.jobs:
                    if fits(job):
                        return run, attempt, job
        return None

    def _started(self, slug: str) -> list[tuple[Run, Attempt, Job]]:
        """The jobs of a project that have begun, each with a number, given in the order of their beginnings."""
        found = [
            (run, attempt, job)
            for run in self._runs(slug)
            for attempt in run.attempts
            for job in attempt.jobs
            if job.started_at
        ]
        for _, _, job in sorted(found, key=lambda one: (str(one[2].started_at), one[2].id)):
            self._numbers.setdefault(job.id, len(self._numbers) + 1)
        return found

    def _pipeline(self, run: Run) -> Data:
        return pipeline_of(run, self.states.get(run.id, "created"), self.errors_of(run))

    def errors_of(self, run: Run) -> list[Data]:
        """What was wrong with a run's configuration."""
        return self.errors.get(run.id, [])

    def _workflow(self, run: Run, attempt: Attempt) -> Data:
        number = self.id_of(run, attempt)
        word = self.words.get(number) or workflow_word(attempt)
        return workflow_of(run, None if run.id in self.nameless else number, attempt, word)

    def _job(self, run: Run, attempt: Attempt, at: int) -> Data:
        job, earlier = attempt.jobs[at], attempt.jobs[:at]
        self._started(run.pipeline)
        word = self.words.get(identity("job", job.id)) or job_word(job, earlier)
        needs = [identity("job", one.id) for one in earlier[-1:]]
        return job_of(run, job, word, number=self._numbers.get(job.id), needs=needs)

    def _build(self, run: Run, attempt: Attempt, job: Job) -> Data:
        word = self.words.get(identity("job", job.id)) or job_word(job, [])
        return build_of(run, job, self._numbers[job.id], self.id_of(run, attempt), word)

    def _stored(self, job: Job, at: int) -> str:
        return f"{self.url}/storage/output/{job.id}/{at}?signature=abc"

    def run_word(self, run: Run) -> str:
        """How a run is with all its workflows: open while one is, else as its newest is."""
        if run.id in self.bare:
            return "error" if self.errors_of(run) else "queued"
        words = [self.words.get(self.id_of(run, one)) or workflow_word(one) for one in run.attempts]
        return next((one for one in words if one in ("failing", "running", "on_hold", "queued")), words[-1])

    def _created(self, slug: str, branch: str | None, body: Data) -> Response:
        if slug in self.absent:
            return gone("Project not found")
        run = self.world.start(slug, branch=branch or "main", parameters=body.get("parameters"))
        said = {"id": identity("pipeline", run.id), "number": run.number, "state": "pending"}
        return answer(said | {"created_at": precise(run.created_at)}, 201)

    def _paged(self, call: Call, rows: list[Any]) -> Response:
        first = int(call.query.get("page-token", "0"))
        last = first + self.size
        return answer({"items": rows[first:last], "next_page_token": str(last) if last < len(rows) else None})


def _all_jobs(run: Run) -> Iterator[Job]:
    for attempt in run.attempts:
        yield from attempt.jobs


def _project(slug: str) -> Data:
    host, owner, name = slug.split("/")
    return {"vcs_type": {"gh": "github"}.get(host, host), "username": owner, "reponame": name}


def uuid(text: str) -> str:
    """The UUID of something that has a name."""
    return identity(text, 0)


def gone(message: str = "Not found") -> Response:
    """What isn't there."""
    return answer({"message": message}, 404)
