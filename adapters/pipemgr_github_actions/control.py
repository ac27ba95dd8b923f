"""Control: start, stop, re-run and approve, each told exactly which attempt it made or met."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import requests
from pydantic import JsonValue

from pipemgr.adapter import Conflict, NotFound, Refused, Retryable, Statuses
from pipemgr.model.runs import BuildRef

from .builds import moment
from .client import Client
from .names import Name, name_of, parse, run_path

REF: Final = "git.ref"
"""The parameter that names the branch or tag to start on. No input of a workflow can be called so."""
RERUNS: Final = timedelta(days=30)
MOST_ATTEMPTS: Final = 51
"""A run can be re-run 50 times (github.blog, changelog of 2026-04-10)."""
MOST_INPUTS: Final = 25
"""Inputs of a `workflow_dispatch` (docs: workflow syntax)."""
TRIES: Final = 8
"""How often a server that does not tell which run it started is asked for it, a second apart."""
_APART: Final = 1.0
_CLOCK: Final = timedelta(seconds=2)
Data = dict[str, Any]


class Control:
    """What can be done to the runs of a connection."""

    def __init__(self, client: Client, statuses: Statuses) -> None:
        self.client = client
        self.statuses = statuses

    # Start -----------------------------------------------------------------------------------------------

    def start(self, pipeline: str, parameters: Mapping[str, JsonValue]) -> BuildRef:
        """Dispatch a workflow and say which run it became.

        Raises `Refused` when the workflow takes no `workflow_dispatch` or not these inputs (GitHub answers 422), and
        `Retryable` when it did start and can't be told apart from others.
        """
        name = parse(pipeline)
        inputs = {key: _input(value) for key, value in parameters.items() if key != REF}
        if len(inputs) > MOST_INPUTS:
            raise Refused(f"{len(inputs)} inputs, and GitHub takes {MOST_INPUTS}", where=self.client.where)
        number = self.workflow(name)
        ref = str(parameters.get(REF) or self.client.one(f"/repos/{name.repository}")["default_branch"])
        body: Data = {"ref": ref, "return_run_details": True} | ({"inputs": inputs} if inputs else {})
        answer = self.client.post(f"/repos/{name.repository}/actions/workflows/{number}/dispatches", body)
        if answer.status == requests.codes.ok and isinstance(answer.data, dict):
            return BuildRef(pipeline=pipeline, build=str(answer.data["workflow_run_id"]))
        return self._started(pipeline, number, answer.headers.get("date"))

    def workflow(self, name: Name) -> str:
        """What the API calls a workflow: its file or its id. Raises `NotFound` when there is none of that path."""
        if name.asked is not None:
            return name.asked
        for one in self.client.all(f"/repos/{name.repository}/actions/workflows", "workflows"):
            if name_of(name.repository, one, "id") == ":".join(name):
                return str(one["id"])
        raise NotFound(f"{name.repository} has no workflow {name.workflow!r}", where=self.client.where)

    def _started(self, pipeline: str, number: str, date: str | None) -> BuildRef:
        """The run that a dispatch of an older server made (GitHub Enterprise Server before 3.21).

        Such a server answers with nothing but its time. The run is known when exactly one dispatch of this workflow,
        by this account, was made since: a mark among the inputs would have to be declared by every workflow.
        """
        began = parsedate_to_datetime(date) if date else self.client.now()
        for _ in range(TRIES):
            found = list(self._dispatched(parse(pipeline), number, began - _CLOCK))
            if len(found) == 1:
                return BuildRef(pipeline=pipeline, build=str(found[0]["id"]))
            if found:
                break
            time.sleep(_APART)
        ids = ", ".join(str(one["id"]) for one in found) or "none yet"
        raise Retryable(
            f"the workflow {pipeline!r} was started; which run it became can't be told: {ids}",
            where=self.client.where,
            remedy="polling will find it; do not start it again",
        )

    def _dispatched(self, name: Name, number: str, began: datetime) -> Iterator[Data]:
        path = f"/repos/{name.repository}/actions/workflows/{number}/runs"
        me = {} if self.client.anonymous else {"actor": self.client.one("/user")["login"]}
        since = began.strftime(">=%Y-%m-%dT%H:%M:%SZ")
        rows = self.client.all(path, "workflow_runs", event="workflow_dispatch", created=since, **me)
        return (one for one in rows if (moment(one.get("created_at")) or began) >= began)

    # Runs that are there ---------------------------------------------------------------------------------

    def cancel(self, ref: BuildRef) -> None:
        """Ask a run to stop; one that is over stays as it is.

        GitHub lets a run that is asked finish its `always()` steps. One that refuses to be asked is forced.
        """
        if self._over(self._newest(ref)):
            return
        try:
            self.client.post(run_path(ref, "/cancel"))
        except Conflict:
            if not self._over(self._newest(ref)):
                self.client.post(run_path(ref, "/force-cancel"))

    def rerun(self, ref: BuildRef, *, failed_only: bool) -> BuildRef:
        """One more attempt of a run; of its failed jobs and what depends on them, if `failed_only`."""
        run = self._newest(ref)
        if not self._over(run):
            raise Conflict(
                f"run {ref.build} has not ended",
                where=self.client.where,
                remedy="cancel it, or wait for its end",
            )
        made = moment(run.get("created_at"))
        if made is not None and self.client.now() - made > RERUNS:
            raise Refused(
                f"run {ref.build} was made on {made:%Y-%m-%d}; GitHub re-runs for 30 days only",
                where=self.client.where,
                remedy="start the workflow anew",
            )
        if ref.attempt >= MOST_ATTEMPTS:
            raise Refused(
                f"run {ref.build} has been re-run {ref.attempt - 1} times, and GitHub allows 50",
                where=self.client.where,
                remedy="start the workflow anew",
            )
        self.client.post(run_path(ref, "/rerun-failed-jobs" if failed_only else "/rerun"))
        return ref.model_copy(update={"attempt": ref.attempt + 1})

    def approve(self, ref: BuildRef, stage: str, *, accept: bool, comment: str) -> None:
        """Let an environment's jobs go on, or refuse them.

        `stage` is the name of the environment, or the id or name of a job that waits: GitHub does not tell which
        environment a job is for, so a job is enough only while one environment is pending.
        """
        self._newest(ref)
        pending = self.client.pending(run_path(ref))
        named = {str(one["environment"]["name"]): one for one in pending}
        chosen = named.get(stage) or (pending[0] if len(pending) == 1 and self._waits(ref, stage) else None)
        if chosen is None:
            waiting = ", ".join(sorted(named)) or "none"
            raise NotFound(
                f"run {ref.build} has no pending environment for {stage!r}; pending: {waiting}",
                where=self.client.where,
                remedy="name the environment",
            )
        if not chosen.get("current_user_can_approve"):
            raise Refused(
                f"this account may not answer for the environment {chosen['environment']['name']!r}",
                where=self.client.where,
                remedy="use the credential of one of its reviewers",
            )
        body = {
            "environment_ids": [chosen["environment"]["id"]],
            "state": "approved" if accept else "rejected",
            "comment": comment,
        }
        self.client.post(run_path(ref, "/pending_deployments"), body)

    def _waits(self, ref: BuildRef, stage: str) -> bool:
        jobs = self.client.all(run_path(ref, f"/attempts/{ref.attempt}/jobs"), "jobs")
        return any(stage in (str(one["id"]), one.get("name")) for one in jobs)

    def _newest(self, ref: BuildRef) -> Data:
        """The run, if `ref` is its newest attempt: GitHub acts on that one whatever is meant."""
        run = self.client.one(run_path(ref), exclude_pull_requests="true")
        newest = int(run.get("run_attempt") or 1)
        if newest != ref.attempt:
            raise Conflict(
                f"attempt {ref.attempt} of run {ref.build} is over, attempt {newest} is the newest",
                where=self.client.where,
                remedy=f"name attempt {newest} if you mean it",
            )
        return run

    def _over(self, run: Data) -> bool:
        return self.statuses.status("run", run.get("status"), run.get("conclusion")).finished


def _input(value: JsonValue) -> str:
    """An input as GitHub takes it: a text, in which a boolean is spelt as in YAML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)
