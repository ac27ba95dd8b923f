"""A fake Jenkins, made from recordings of Jenkins 2.541 with its plugins and from the plugins' own descriptions.

Paths, fields and headers are those of the recordings (the folder that PIPEMGR_RECORDINGS names, `jenkins/`); each
method names its file. What no recording has is from the description that is named there.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import parse_qs, quote

from werkzeug.wrappers import Response

from pipemgr.model.status import Result, State

from .jenkins_shapes import (
    CAUSES,
    FREE,
    KEPT,
    NEWEST,
    NOTE,
    RUN,
    Data,
    Tree,
    counted,
    first,
    milliseconds,
    moved,
    named,
    node_id,
    over,
    page,
    path_of,
    words,
)
from .jenkins_stages import StagesFake
from .server import Call, answer, route
from .world import Run, World


class JenkinsFake(StagesFake):
    """A Jenkins whose jobs are the world's pipelines, named as Jenkins names them: `team/svc`, `mb/feature%2Fx`.

    A run of the world that is queued is an item of the queue; it gets its number when it begins. `plugin` is what
    tells of stages: `stages`, `pipeline-overview` (two releases of Pipeline Graph View), `wfapi` or nothing. Jobs
    named in `freestyle` have no stages. Knobs: `restart`, `reset`, `rename`, `defined`, `words`, `blocked`, `reports`.
    """

    def __init__(
        self, world: World, *, plugin: str = "pipeline-overview", freestyle: tuple[str, ...] = ()
    ) -> None:
        super().__init__()
        self.world = world
        self.plugin, self.freestyle = plugin, freestyle
        self.user, self.token = "pipemgr", "11fake-token"
        self.session = "a6309572"
        self.starting: list[int] = []
        """What the next requests are answered while it starts."""
        self.jobs: set[str] = set()
        self.defined: dict[str, list[Data]] = {}
        """Definitions of parameters, by job."""
        self.words: dict[int, str] = {}
        """Results in words of the test's own, by the run's id."""
        self.blocked: dict[int, str] = {}
        """Why a run waits for an executor, by its id."""
        self.reports: dict[int, list[Data]] = {}
        """Test cases, by the run's id."""
        self.cancelled: set[int] = set()
        self._numbers: dict[int, int] = {}
        self._next: dict[str, int] = {}

    # What a test may do ----------------------------------------------------------------------------------

    def restart(self) -> None:
        """Start anew: 503, a 401 for right credentials in between, 503, then another session (007 to 010 of part 3)."""
        self.session = f"{int(self.session, 16) + 1:08x}"
        self.starting = [503, 401, 503]

    def reset(self, name: str) -> None:
        """Remove all builds of a job and let its numbers begin anew."""
        self._settle()
        for run in self._all(name):
            run.deleted = True
        self._next[name] = 1

    def rename(self, name: str, new: str) -> None:
        """Move a job, with its builds."""
        self._settle()
        for run in self.world.runs:
            if run.pipeline == name:
                run.pipeline = new
        self._next[new] = self._next.pop(name, 1)
        self.jobs.discard(name)

    def number(self, run: Run) -> int | None:
        """The number of a run, once it has begun."""
        self._settle()
        return self._numbers.get(run.id)

    # The world as jobs and builds ------------------------------------------------------------------------

    def _settle(self) -> None:
        """Give numbers to what has begun, in that order."""
        with self.world.lock:
            begun = [run for run in self.world.runs if first(run).state is not State.QUEUED]
            self.jobs |= {run.pipeline for run in self.world.runs}
            for run in sorted(begun, key=lambda run: (milliseconds(first(run).started_at), run.id)):
                if run.id not in self._numbers:
                    self._numbers[run.id] = self._next.get(run.pipeline, 1)
                    self._next[run.pipeline] = self._numbers[run.id] + 1

    def _all(self, name: str) -> list[Run]:
        """The builds of a job, newest first."""
        found = [run for run in self.world.known() if run.pipeline == name and run.id in self._numbers]
        return sorted(found, key=lambda run: -self._numbers[run.id])

    def _item(self, name: str) -> Data:
        """A job or a folder (039_job-free-success, 259_folder, part2/109_mb-api)."""
        inside = {one for one in self.jobs if one.startswith(f"{name}/")}
        url = self.url + "/" + "/".join(f"job/{quote(part, safe='')}" for part in name.split("/")) + "/"
        found: Data = {"fullName": name, "name": name.rpartition("/")[2], "url": url}
        if inside:
            children = sorted({name + "/" + one[len(name) + 1 :].partition("/")[0] for one in inside})
            return found | {
                "_class": "com.cloudbees.hudson.plugins.folder.Folder",
                "jobs": lambda: [self._item(one) for one in children],
            }
        builds = self._all(name)
        free = name in self.freestyle
        return found | {
            "_class": "hudson.model.FreeStyleProject"
            if free
            else "org.jenkinsci.plugins.workflow.job.WorkflowJob",
            "buildable": True,
            "nextBuildNumber": self._next.get(name, 1),
            "property": [{"parameterDefinitions": self.defined[name]}] if name in self.defined else [],
            "lastBuild": self._build(builds[0]) if builds else None,
            "builds": lambda: [self._build(run) for run in builds[:NEWEST]],
            "allBuilds": lambda: [self._build(run) for run in builds],
        }

    def _build(self, run: Run) -> Data:
        """A build (040_build-free-success-1, 096_build-pipe-decl-failure-1, part2/094_build-pipe-scm-1)."""
        attempt, number = first(run), self._numbers[run.id]
        over = attempt.state is State.FINISHED
        took = milliseconds(attempt.finished_at) - milliseconds(attempt.started_at) if over else 0
        return {
            "_class": FREE if run.pipeline in self.freestyle else RUN,
            "number": number,
            "id": str(number),
            "displayName": f"#{number}",
            "url": f"{self.url}/{path_of(run.pipeline)}/{number}/",
            "building": not over,
            "inProgress": not over,
            "result": self.words.get(run.id, words(attempt.result)[0]) if over else None,
            "timestamp": milliseconds(attempt.started_at),
            "duration": took,
            "queueId": run.id,
            "artifacts": [
                {"relativePath": name, "fileName": name.rpartition("/")[2]} for name in run.artifacts
            ],
            "actions": self._actions(run),
        }

    def _actions(self, run: Run) -> list[Data]:
        cause = {
            "_class": CAUSES.get(run.trigger, CAUSES["manual"]),
            "shortDescription": f"Started by {run.actor}",
        }
        if run.trigger not in {"push", "schedule"}:
            cause |= {"userId": run.actor, "userName": run.actor}
        values = [
            {"_class": "hudson.model.StringParameterValue", "name": name, "value": value}
            for name, value in run.parameters.items()
        ]
        revised = {
            "SHA1": run.commit,
            "branch": [{"SHA1": run.commit, "name": f"refs/remotes/origin/{run.branch}"}],
        }
        cases = self.reports.get(run.id)
        return [
            {"_class": "hudson.model.CauseAction", "causes": [cause]},
            {},
            *([{"_class": "hudson.model.ParametersAction", "parameters": values}] if values else []),
            {"_class": "hudson.plugins.git.util.BuildData", "lastBuiltRevision": revised},
            *([{"_class": "hudson.tasks.junit.TestResultAction", **counted(cases)}] if cases else []),
        ]

    def at(self, path: str) -> Run | None:
        """The run at the path of a build."""
        self._settle()
        name, _, number = path.rpartition("/")
        runs = self._all(named(name)) if number.isdecimal() else []
        return next((run for run in runs if self._numbers[run.id] == int(number)), None)

    # Who may ask -----------------------------------------------------------------------------------------

    def allowed(self, call: Call) -> Response | None:
        """No credential is 403 with a page, a wrong one 401 (008_noauth, 009_badauth); while starting see `restart`."""
        if self.starting:
            return page(self.starting.pop(0), "Starting Jenkins")
        if call.path == "/login":
            return None
        given = call.headers.get("authorization", "")
        if not given:
            return page(403, "Authentication required")
        right = base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
        return None if given == f"Basic {right}" else page(401, "Unauthorized")

    def finished(self, call: Call, response: Response) -> Response:
        """Version and session on answers of the API and the login page, not on refusals while starting."""
        told = call.path.endswith("/api/json") or call.path == "/login"
        if told and response.status_code not in {401, 503}:
            response.headers.update({"X-Jenkins": "2.541.2", "X-Jenkins-Session": self.session})
        return response

    @route("/login", method="HEAD")
    def login(self, _call: Call) -> Response:
        """012_login-page-head."""
        return page(200, "Sign in")

    # Jobs, builds, the queue -----------------------------------------------------------------------------

    @route("/api/json", needs=("tree",))
    def root(self, call: Call) -> Response:
        """001_root, 002_root-tree, part4_queue/022_tree-all."""
        self._settle()
        tops = sorted({name.partition("/")[0] for name in self.jobs})
        return self._told(
            call,
            {
                "_class": "hudson.model.Hudson",
                "quietingDown": False,
                "jobs": lambda: [self._item(name) for name in tops],
            },
        )

    @route("/whoAmI/api/json", needs=("tree",))
    def who(self, call: Call) -> Response:
        """004_whoami."""
        return self._told(
            call,
            {
                "_class": "hudson.security.WhoAmI",
                "name": self.user,
                "anonymous": False,
                "authenticated": True,
            },
        )

    @route("/job/<path:path>/api/json", needs=("tree",))
    def item(self, call: Call, path: str) -> Response:
        """A job, folder, build or test report (064_testReport, 067_testReport-404, 267_build-404)."""
        run = self.at(path.removesuffix("/testReport"))
        if path.endswith("/testReport"):
            cases = self.reports.get(run.id) if run else None
            found: Data = {
                "_class": "hudson.tasks.junit.TestResult",
                "suites": [{"name": "s", "cases": cases}],
            }
            return self._told(call, found) if cases else page(404, "Not found")
        if run is not None:
            return self._told(call, self._build(run))
        name = named(path)
        known = any(one == name or one.startswith(f"{name}/") for one in self.jobs)
        return self._told(call, self._item(name)) if known else page(404, "Not found")

    @staticmethod
    def _told(call: Call, value: Data) -> Response:
        try:
            return answer(Tree(call.query["tree"]).of(value))
        except (ValueError, IndexError):
            call.wrong = f"tree can't be read: {call.query['tree']}"
            return page(400, call.wrong)

    @route("/queue/item/<int:item>/api/json", needs=("tree",))
    def queued(self, call: Call, item: int) -> Response:
        """037_queue-item, 038_queue-item-left, 214_queue-item-cancelled; gone five minutes after it left."""
        self._settle()
        run = next((one for one in self.world.runs if one.id == item), None)
        began = first(run).started_at if run else None
        if run is None or (began and (self.world.now - began).total_seconds() > KEPT):
            return page(404, "Not found")
        left = run.id in self._numbers or run.id in self.cancelled
        return self._told(
            call,
            {
                "_class": f"hudson.model.Queue${'LeftItem' if left else 'BuildableItem'}",
                "id": item,
                "why": None if left else self.blocked.get(run.id, "Waiting for next available executor"),
                "cancelled": run.id in self.cancelled,
                "executable": self._build(run) if run.id in self._numbers else None,
            },
        )

    @route("/job/<path:path>/build", method="POST")
    def start(self, call: Call, path: str) -> Response:
        """036_build, 068_build-free-param (400), part4_queue/002 (the same item while one is queued)."""
        name = named(path)
        return page(400, "Nothing is submitted") if name in self.defined else self._queue(name, {})

    @route("/job/<path:path>/buildWithParameters", method="POST")
    def start_with(self, call: Call, path: str) -> Response:
        """069_build-free-param-params, 076_badchoice (500), 077_unknownparam (ignored), 078_notparam (400)."""
        name, form = named(path), {key: values[0] for key, values in parse_qs(call.body.decode()).items()}
        if name not in self.defined:
            return page(400, f"{name} is not parameterized")
        values = {}
        for one in self.defined[name]:
            values[one["name"]] = form.get(one["name"], str(one.get("default", "")))
            if one.get("choices") and values[one["name"]] not in one["choices"]:
                return page(500, "Illegal choice")
        return self._queue(name, values)

    def _queue(self, name: str, parameters: dict[str, str]) -> Response:
        self._settle()
        if name not in self.jobs:
            return page(404, "Not found")
        waiting = [run for run in self.world.known() if run.pipeline == name and self._waits(run)]
        same = [run for run in waiting if run.parameters == parameters]
        run = same[0] if same else self.world.start(name, parameters=parameters)
        run.trigger, run.actor = "manual", self.user
        return Response(status=201, headers={"Location": f"{self.url}/queue/item/{run.id}/"})

    def _waits(self, run: Run) -> bool:
        return run.id not in self._numbers and run.id not in self.cancelled

    @route("/job/<path:path>/stop", method="POST")
    def stop(self, call: Call, path: str) -> Response:
        """215_stop: a redirect, whether or not there was something to stop."""
        run = self.at(path)
        if run is None:
            return page(404, "Not found")
        if first(run).state is not State.FINISHED:
            self.world.finish(run, Result.CANCELED)
        return moved(f"/job/{path}/")

    # What a build left -----------------------------------------------------------------------------------

    @route("/job/<path:path>/logText/progressiveText", needs=("start",))
    def log(self, call: Call, path: str) -> Response:
        """210_progressive-running, 211, 219; of a step under `execution/node/N/log` (workflow-support, `LogAction`).

        Lines end with CR LF whatever the log has, which is what the offsets count. An offset beyond the end is taken for a log that was rolled over: it begins anew (`LargeText.doProgressText`).
        """
        build, _, node = path.removesuffix("/log").partition("/execution/node/")
        run = self.at(build)
        if run is None:
            return page(404, "Not found")
        texts = {
            node_id(job, place): step.text for job in first(run).jobs for place, step in enumerate(job.steps)
        }
        if node and not texts.get(node):
            return page(404, "Not found")
        text = texts[node] if node else f"Started by user {NOTE}{run.actor}\n" + "".join(texts.values())
        data, start = text.encode(), int(call.query["start"])
        more = {} if over(run) else {"X-More-Data": "true"}
        piece = re.sub(rb"(?<!\r)\n", b"\r\n", data[start if start <= len(data) else 0 :])
        headers = {"X-Text-Size": str(len(data)), **more}
        return Response(piece, headers=headers, content_type="text/plain;charset=UTF-8")

    @route("/job/<path:path>/artifact/<path:file>")
    def artifact(self, call: Call, path: str, file: str) -> Response:
        """065_artifact-download, 066_artifact-404."""
        run = self.at(path)
        if run is None or file not in run.artifacts:
            return page(404, "Not found")
        return Response(run.artifacts[file], content_type="application/octet-stream")
