"""GitHub Actions as a fake: the REST API's paths, shapes, headers and limits, over a `World`.

A run's pipeline is named `owner/repository:file`. Shapes are those of GitHub's OpenAPI description (npm package
@octokit/openapi, api.github.com) and of recorded answers of hub4j/github-api and octokit.rb; each method names its own.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Response

from pipemgr.model.status import Result, State

from .github_shapes import (
    archive_of,
    artifacts_of,
    job_of,
    number_of,
    pending_of,
    repo_of,
    repository_of,
    run_of,
    user_of,
    workflow_of,
)
from .server import Call, FakeServer, answer, route
from .world import Attempt, Job, Run, World

FILTERS = ("actor", "branch", "check_suite_id", "created", "event", "head_sha", "status")
LISTED = (*FILTERS, "per_page", "page", "exclude_pull_requests")
PAGED = ("per_page", "page")
FILTERED_MOST, UNFILTERED_MOST = 1000, 40_000
RUNS = "/repos/<owner>/<repo>/actions/runs"
ONE = f"{RUNS}/<int:run>"
Data = dict[str, Any]


class GitHub(FakeServer):
    """GitHub, for one account. The knobs are the attributes.

    `expired` signed addresses expire at once; `filters_broken` are statuses whose filter finds nothing;
    `tells_run` is whether a dispatch says which run it made; `reviewers` and `environments` are what a waiting run
    waits for; `digests` is whether artifacts have one; `absent` repositories are 404; `hours` is the hourly limit.
    """

    def __init__(self, world: World, *, token: str = "", login: str = "ada") -> None:
        super().__init__()
        self.world, self.token, self.login = world, token, login
        self.expired = 0
        self.filters_broken: set[str] = set()
        self.tells_run = True
        self.environments: dict[str, int] = {"production": 7}
        self.can_approve = True
        self.digests = True
        self.absent: set[str] = set()
        self.repositories: list[str] = []
        self.hours, self.spent = 5000, 0
        self.enterprise = ""
        self.cancel_refused = False
        self._signed: dict[str, bytes] = {}

    # What every answer has -------------------------------------------------------------------------------

    def allowed(self, call: Call) -> Response | None:
        """401 for a wrong token (docs: authenticating), 403 without a user agent, 404 for what can't be seen."""
        if call.path.startswith("/signed/"):
            return None
        given = call.headers.get("authorization", "").partition(" ")[2]
        if given != self.token:
            return answer({"message": "Bad credentials", "status": "401"}, 401)
        if not call.headers.get("user-agent"):
            call.wrong = "no User-Agent"
            return answer({"message": "Request forbidden by administrative rules."}, 403)
        if any(call.path.startswith(f"/repos/{one}/") for one in self.absent):
            return _missing()
        return None

    def finished(self, call: Call, response: Response) -> Response:
        """An ETag or 304, and the limits, which a 304 does not touch (docs: best practices); the world's clock."""
        response.headers["Date"] = format_datetime(self.world.now, usegmt=True)
        if call.path.startswith("/signed/"):
            return response
        response.headers["X-GitHub-Api-Version-Selected"] = "2022-11-28"
        if self.enterprise:
            response.headers["X-GitHub-Enterprise-Version"] = self.enterprise
        if call.method == "GET" and response.status_code == 200:  # noqa: PLR2004 - OK
            etag = f'W/"{hashlib.sha256(response.get_data()).hexdigest()}"'
            if call.headers.get("if-none-match") == etag:
                response = Response(status=304, headers=dict(response.headers))
            response.headers["ETag"] = etag
        self.spent += response.status_code != 304  # noqa: PLR2004 - not modified
        reset = int((self.world.now + timedelta(hours=1)).timestamp())
        left = max(0, self.hours - self.spent)
        limits = {"Limit": self.hours, "Remaining": left, "Used": self.spent, "Reset": reset}
        response.headers.extend({f"X-RateLimit-{name}": str(value) for name, value in limits.items()})
        return response

    # Accounts and repositories ---------------------------------------------------------------------------

    @route("/rate_limit")
    def limits(self, _call: Call) -> Response:
        """`rate-limit-overview` (a call to it is free at GitHub, counted here)."""
        rate = {"limit": self.hours, "remaining": self.hours - self.spent, "used": self.spent, "reset": 0}
        return answer({"resources": {"core": rate}, "rate": rate})

    @route("/user")
    def user(self, _call: Call) -> Response:
        """`private-user`, as in hub4j's 1-user.json."""
        return answer(user_of(self.login))

    @route("/orgs/<owner>")
    def organisation(self, _call: Call, owner: str) -> Response:
        """`organization-full`; 404 for a user's name."""
        return (
            _missing() if owner == self.login else answer({"login": owner, "id": 1, "type": "Organization"})
        )

    @route("/orgs/<owner>/repos", query=PAGED)
    @route("/users/<owner>/repos", query=PAGED)
    @route("/user/repos", query=("affiliation", *PAGED))
    def owned(self, call: Call, owner: str = "") -> Response:
        """A list of `minimal-repository`."""
        names = [one for one in self._names() if one.startswith(f"{owner or self.login}/")]
        return self._paged(call, [repository_of(one, self.url) for one in names], None)

    @route("/repos/<owner>/<repo>")
    def repository(self, _call: Call, owner: str, repo: str) -> Response:
        """`full-repository`."""
        name = f"{owner}/{repo}"
        return answer(repository_of(name, self.url)) if name in self._names() else _missing()

    @route("/repos/<owner>/<repo>/actions/workflows", query=PAGED)
    def workflows(self, call: Call, owner: str, repo: str) -> Response:
        """A list of `workflow`, as in octokit.rb's cassette of workflows."""
        name = f"{owner}/{repo}"
        files = sorted({run.pipeline.partition(":")[2] for run in self.world.runs if repo_of(run) == name})
        rows = [workflow_of(f"{name}:{one}", self.url, self.world.now) for one in files]
        return self._paged(call, rows, "workflows")

    # Runs ------------------------------------------------------------------------------------------------

    @route(RUNS, query=LISTED)
    @route("/repositories/<int:number>/actions/runs", query=LISTED)
    def runs(self, call: Call, owner: str = "", repo: str = "", number: int = 0) -> Response:
        """A list of `workflow-run`, newest first. Pages are at `/repositories/ID/`, as in octokit.rb's cassettes."""
        name = f"{owner}/{repo}" if owner else self._by_number(number)
        return self._list(call, [run for run in self.world.known() if repo_of(run) == name])

    @route("/repos/<owner>/<repo>/actions/workflows/<which>/runs", query=LISTED)
    def runs_of(self, call: Call, owner: str, repo: str, which: str) -> Response:
        """The same of one workflow, by its file or id."""
        name = self._workflow(owner, repo, which)
        return self._list(call, [run for run in self.world.known() if run.pipeline == name])

    @route(ONE, query=("exclude_pull_requests",))
    @route(f"{ONE}/attempts/<int:attempt>", query=("exclude_pull_requests",))
    def run(self, _call: Call, owner: str, repo: str, run: int, attempt: int = 0) -> Response:
        """`workflow-run`, as in hub4j's 8-r_h_g_actions_runs_686036126.json."""
        return self._with(owner, repo, run, attempt, lambda found, one: answer(run_of(found, one, self.url)))

    @route(f"{ONE}/attempts/<int:attempt>/jobs", query=PAGED)
    def jobs(self, call: Call, owner: str, repo: str, run: int, attempt: int) -> Response:
        """A list of `job`, as in DevLake's raw rows and octokit's webhooks."""
        return self._with(
            owner, repo, run, attempt,
            lambda found, one: self._paged(call, [job_of(found, one, job) for job in one.jobs], "jobs"),
        )  # fmt: skip

    @route("/repos/<owner>/<repo>/actions/jobs/<int:job>")
    def job(self, _call: Call, owner: str, repo: str, job: int) -> Response:
        """One `job`."""
        with self.world.lock:
            found = self._find_job(f"{owner}/{repo}", job)
            return answer(job_of(*found)) if found else _missing()

    # Logs and artifacts ----------------------------------------------------------------------------------

    @route("/repos/<owner>/<repo>/actions/jobs/<int:job>/logs")
    def job_log(self, _call: Call, owner: str, repo: str, job: int) -> Response:
        """302 to the text; 404 while the job runs (no API has it)."""
        with self.world.lock:
            found = self._find_job(f"{owner}/{repo}", job)
            if not found or found[2].state is not State.FINISHED:
                return _missing()
            return self._redirect("".join(step.text for step in found[2].steps).encode())

    @route(f"{ONE}/attempts/<int:attempt>/logs")
    def run_log(self, _call: Call, owner: str, repo: str, run: int, attempt: int) -> Response:
        """302 to an archive, as in hub4j's testLogs; 404 before the end."""
        return self._with(
            owner, repo, run, attempt,
            lambda _found, one: self._redirect(archive_of(one)) if one.state is State.FINISHED else _missing(),
        )  # fmt: skip

    @route(f"{ONE}/artifacts", query=("name", *PAGED))
    def artifacts(self, call: Call, owner: str, repo: str, run: int) -> Response:
        """A list of `artifact`, as in hub4j's testArtifacts, with the later field `digest`."""
        return self._with(
            owner,
            repo,
            run,
            0,
            lambda found, _one: self._paged(
                call, artifacts_of(found, self.url, digests=self.digests), "artifacts"
            ),
        )

    @route("/repos/<owner>/<repo>/actions/artifacts/<int:number>/zip")
    def artifact(self, _call: Call, owner: str, repo: str, number: int) -> Response:
        """302 to an archive."""
        for run in self.world.known():
            for one, content in zip(
                artifacts_of(run, self.url, digests=self.digests), run.artifacts.values(), strict=True
            ):
                if one["id"] == number and repo_of(run) == f"{owner}/{repo}":
                    return self._redirect(content)
        return _missing()

    @route("/signed/<key>", query=("sig",))
    def signed(self, call: Call, key: str) -> Response:
        """What a signed address leads to. The store refuses a second credential, and addresses that are too old."""
        if "authorization" in call.headers:
            call.wrong = "a token was sent to another host"
            return Response("<Error><Code>InvalidAuthenticationInfo</Code></Error>", 400)
        if self.expired > 0:
            self.expired -= 1
            return Response(
                "<Error><Code>AuthenticationFailed</Code></Error>", 403, content_type="application/xml"
            )
        return Response(self._signed[key], content_type="application/zip")

    # Control ---------------------------------------------------------------------------------------------

    @route("/repos/<owner>/<repo>/actions/workflows/<which>/dispatches", method="POST")
    def dispatch(self, call: Call, owner: str, repo: str, which: str) -> Response:
        """200 with the run's id, or 204 on servers that don't know `return_run_details`."""
        body = json.loads(call.body or b"{}")
        if set(body) - {"ref", "inputs", "return_run_details"} or "ref" not in body:
            call.wrong = f"body {sorted(body)}"
            return answer({"message": "Invalid request."}, 422)
        name = self._workflow(owner, repo, which)
        if name is None:
            return _missing()
        run = self.world.start(name, branch=body["ref"], parameters=body.get("inputs"))
        run.trigger, run.actor = "manual", self.login
        if not (self.tells_run and body.get("return_run_details")):
            return Response(status=204)
        place = f"{self.url}/repos/{owner}/{repo}/actions/runs/{run.id}"
        return answer({"workflow_run_id": run.id, "run_url": place, "html_url": place})

    @route(f"{ONE}/cancel", method="POST")
    def cancel(self, _call: Call, owner: str, repo: str, run: int) -> Response:
        """202, as in hub4j's testCancelAndRerun; 409 for a run that is over."""
        return self._stop(owner, repo, run, refused=self.cancel_refused)

    @route(f"{ONE}/force-cancel", method="POST")
    def force(self, _call: Call, owner: str, repo: str, run: int) -> Response:
        """202."""
        return self._stop(owner, repo, run, refused=False)

    @route(f"{ONE}/rerun", method="POST")
    @route(f"{ONE}/rerun-failed-jobs", method="POST")
    def rerun(self, call: Call, owner: str, repo: str, run: int) -> Response:
        """201, as in hub4j's testCancelAndRerun. A re-run of what failed keeps the other jobs with their times."""

        def again(found: Run, old: Attempt) -> Response:
            if old.state is not State.FINISHED:
                return answer({"message": "This workflow run cannot be rerun"}, 403)
            fresh = self.world.rerun(found)
            if call.path.endswith("failed-jobs"):
                for before, after in zip(old.jobs, fresh.jobs, strict=True):
                    if before.result is Result.SUCCESS:
                        after.__dict__.update({**before.__dict__, "id": after.id})
            return answer({}, 201)

        return self._with(owner, repo, run, 0, again)

    @route(f"{ONE}/pending_deployments")
    def pending(self, _call: Call, owner: str, repo: str, run: int) -> Response:
        """A list of `pending-deployment`."""

        def told(_found: Run, one: Attempt) -> Response:
            environments = self.environments if one.state is State.WAITING else {}
            return answer(
                [
                    pending_of(name, number, can_approve=self.can_approve)
                    for name, number in environments.items()
                ]
            )

        return self._with(owner, repo, run, 0, told)

    @route(f"{ONE}/pending_deployments", method="POST")
    def review(self, call: Call, owner: str, repo: str, run: int) -> Response:
        """A list of `deployment`; the run goes on, or fails."""
        body = json.loads(call.body)
        if set(body) != {"environment_ids", "state", "comment"}:
            call.wrong = f"body {sorted(body)}"
            return answer({"message": "Invalid request."}, 422)

        def reviewed(found: Run, _one: Attempt) -> Response:
            accepted = body["state"] == "approved"
            self.world.begin(found) if accepted else self.world.finish(found, Result.FAILURE)
            return answer([])

        return self._with(owner, repo, run, 0, reviewed)

    # Lists -----------------------------------------------------------------------------------------------

    def _list(self, call: Call, runs: Iterable[Run]) -> Response:
        with self.world.lock:
            found = sorted((run for run in runs if self._fits(call.query, run)), key=_age, reverse=True)
            most = FILTERED_MOST if set(call.query) & set(FILTERS) else UNFILTERED_MOST
            page, size = int(call.query.get("page", 1)), int(call.query.get("per_page", 30))
            if page * size > most == UNFILTERED_MOST:
                return answer({"message": "In order to keep the API fast for everyone, ..."}, 422)
            return self._paged(
                call, found[:most], "workflow_runs", len(found), lambda run: run_of(run, run.latest, self.url)
            )

    def _fits(self, query: dict[str, str], run: Run) -> bool:
        told, first, last = run_of(run, run.latest, self.url), *_span(query.get("created", ""))
        status = query.get("status")
        return (
            status in (None, told["status"], told["conclusion"])
            and status not in self.filters_broken
            and query.get("event") in (None, told["event"])
            and query.get("actor") in (None, run.actor)
            and query.get("branch") in (None, run.branch)
            and first <= str(told["created_at"]) <= last
        )

    def _paged(
        self,
        call: Call,
        rows: list[Any],
        key: str | None,
        total: int | None = None,
        shape: Callable[[Any], Any] = lambda row: row,
    ) -> Response:
        size, page = min(100, int(call.query.get("per_page", 30))), int(call.query.get("page", 1))
        shown = [shape(row) for row in rows[(page - 1) * size : page * size]]
        found: Any = {"total_count": len(rows) if total is None else total, key: shown} if key else shown
        response = answer(found)
        if page * size < len(rows):
            path = re.sub(r"^/repos/([^/]+/[^/]+)", lambda m: f"/repositories/{number_of(m[1])}", call.path)
            path = path if path.endswith("/actions/runs") else call.path
            query = urlencode({**call.query, "page": page + 1})
            response.headers["Link"] = f'<{self.url}{path}?{query}>; rel="next"'
        return response

    # Finding ---------------------------------------------------------------------------------------------

    def _with(
        self, owner: str, repo: str, number: int, attempt: int, told: Callable[[Run, Attempt], Response]
    ) -> Response:
        with self.world.lock:
            for run in self.world.known():
                if run.id == number and repo_of(run) == f"{owner}/{repo}" and attempt <= len(run.attempts):
                    return told(run, run.attempts[attempt - 1])
        return _missing()

    def _find_job(self, name: str, number: int) -> tuple[Run, Attempt, Job] | None:
        for run in self.world.known():
            for attempt in run.attempts if repo_of(run) == name else ():
                for job in attempt.jobs:
                    if job.id == number:
                        return run, attempt, job
        return None

    def _stop(self, owner: str, repo: str, number: int, *, refused: bool) -> Response:
        def stopped(run: Run, attempt: Attempt) -> Response:
            if attempt.state is State.FINISHED or refused:
                return answer({"message": "Cannot cancel a workflow run that is completed."}, 409)
            self.world.finish(run, Result.CANCELED)
            return answer({}, 202)

        return self._with(owner, repo, number, 0, stopped)

    def _names(self) -> list[str]:
        return sorted({*self.repositories, *(repo_of(run) for run in self.world.runs)} - self.absent)

    def _by_number(self, number: int) -> str:
        return next((name for name in self._names() if number_of(name) == number), "")

    def _workflow(self, owner: str, repo: str, which: str) -> str | None:
        names = {run.pipeline for run in self.world.runs if repo_of(run) == f"{owner}/{repo}"}
        wanted = (f"{owner}/{repo}:{which}", which)
        return next(
            (one for one in sorted(names) if one == wanted[0] or str(number_of(one)) == wanted[1]), None
        )

    def _redirect(self, content: bytes) -> Response:
        key = hashlib.sha256(content).hexdigest()
        self._signed[key] = content
        return Response(status=302, headers={"Location": f"{self.url}/signed/{key}?sig=secret"})


def _missing() -> Response:
    return answer({"message": "Not Found", "status": "404"}, 404)


def _age(run: Run) -> tuple[datetime, int]:
    return run.created_at, run.id


def _span(created: str) -> tuple[str, str]:
    """The ends of `a..b`, `>=a` or nothing, as texts that sort like times."""
    if created.startswith(">="):
        return created[2:], "9"
    first, dots, last = created.partition("..")
    return (first, last) if dots else ("", "9")
