"""Recorded traffic of a real Jenkins: every build, stage, status and time is what the recording says.

The expectations are rules over the recorded answers, written here a second time and in plain words of the vendor, not
values copied from them.
"""

import csv
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from pipemgr.adapter import AdapterError, AuthenticationFailed, Connection, NotAllowed, NotFound, Unreachable
from pipemgr.adapter.registry import Registry
from pipemgr.mapping.tables import Tables
from pipemgr.model.runs import BuildRef
from pipemgr.model.status import Result, State
from pipemgr_jenkins import JenkinsAdapter, jobs
from pipemgr_jenkins.builds import Flow, instance
from pipemgr_jenkins.reading import report
from pipemgr_jenkins.settings import JenkinsSettings
from pipemgr_jenkins.stages import graph, stage_view

pytestmark = pytest.mark.corpus

Exchange = dict[str, Any]
STATUSES = Tables.of("jenkins").statuses
RUN = {
    "SUCCESS": Result.SUCCESS,
    "UNSTABLE": Result.UNSTABLE,
    "FAILURE": Result.FAILURE,
    "ABORTED": Result.CANCELED,
    "NOT_BUILT": Result.SKIPPED,
}
STAGE = {
    "SUCCESS": (State.FINISHED, Result.SUCCESS),
    "UNSTABLE": (State.FINISHED, Result.UNSTABLE),
    "FAILED": (State.FINISHED, Result.FAILURE),
    "ABORTED": (State.FINISHED, Result.CANCELED),
    "NOT_EXECUTED": (State.FINISHED, Result.SKIPPED),
    "IN_PROGRESS": (State.RUNNING, None),
    "PAUSED_PENDING_INPUT": (State.WAITING, None),
}


def at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)


def path(one: Exchange) -> str:
    return str(one["request"]["path"])


def answered(recordings: list[Exchange], pattern: str) -> Iterator[tuple[re.Match[str], Any]]:
    """The JSON of each answer whose path is of that form."""
    for one in recordings:
        found = re.fullmatch(pattern, path(one))
        if found and one["response"]["status"] == 200 and one["response"].get("json") is not None:
            yield found, one["response"]["json"]


BUILD = r"/job/(.+)/(?:\d+|lastBuild)/api/json(?:\?tree=.*)?"


def builds(recordings: list[Exchange]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (unquote(found[1].replace("/job/", "/")), answer)
        for found, answer in answered(recordings, BUILD)
        if "number" in answer
    ]


def test_every_recorded_build_is_told_as_it_is(recordings: list[Exchange]) -> None:
    found = builds(recordings)
    assert len(found) >= 27
    for name, answer in found:
        ref = BuildRef(pipeline=name, build=str(answer["number"]))
        build = instance(ref, answer, Flow(), STATUSES, steps=True)
        assert build.ref == ref
        assert build.build.number == answer["number"]
        assert build.started_at == at(answer["timestamp"])
        if answer["building"]:
            assert (build.status.state, build.finished_at) == (State.RUNNING, None)
        else:
            assert (build.status.state, build.status.result) == (State.FINISHED, RUN[answer["result"]])
            assert build.finished_at == at(answer["timestamp"] + answer["duration"])
            assert build.status.raw == answer["result"]
        assert [one.name for one in build.artifacts] == [one["relativePath"] for one in answer["artifacts"]]
        assert build.build.trigger == ("push" if "BranchIndexing" in json.dumps(answer) else "manual")
        shas = set(re.findall(r'"SHA1": "(\w{40})"', json.dumps(answer)))
        assert build.build.commit in (shas or {None})
        given = [one for action in answer["actions"] for one in action.get("parameters", ())]
        assert build.build.parameters == {one["name"]: one["value"] for one in given}
        assert build.queued_at is None or build.queued_at <= build.started_at
    states = Counter("building" if answer["building"] else answer["result"] for _, answer in found)
    assert set(states) == {"building", *RUN}


def test_a_branch_of_a_multibranch_project(recordings: list[Exchange]) -> None:
    (pair,) = [(name, answer) for name, answer in builds(recordings) if name.startswith("mb/")]
    build = instance(BuildRef(pipeline=pair[0], build="1"), pair[1], Flow(), STATUSES, steps=True)
    assert (build.build.pipeline, build.build.branch) == ("mb/feature%2Fx", "feature/x")


def described(recordings: list[Exchange]) -> list[dict[str, Any]]:
    one = [answer for _, answer in answered(recordings, r".*/\d+/wfapi/describe")]
    many = [answer for _, several in answered(recordings, r".*/wfapi/runs\?.*") for answer in several]
    return [answer for answer in one + many if "stages" in answer]


def test_every_recorded_stage_and_step_is_told_as_it_is(recordings: list[Exchange]) -> None:
    counted: Counter[str] = Counter()
    for answer in described(recordings):
        flow = stage_view(answer, STATUSES)
        assert [one.external_id for one in flow.stages] == [one["id"] for one in answer["stages"]]
        for stage, said in zip(flow.stages, answer["stages"], strict=True):
            counted["stages"] += 1
            state, result = expected(said, answer["stages"])
            assert (stage.status.state, stage.status.result) == (state, result)
            assert (stage.name, stage.status.raw) == (said["name"], said["status"])
            assert stage.started_at == at(said["startTimeMillis"])
            end = at(said["startTimeMillis"] + said["durationMillis"]) if result else None
            assert stage.finished_at == end
            nodes = said.get("stageFlowNodes", [])
            for step, node in zip(stage.steps, nodes, strict=True):
                counted["steps"] += 1
                assert step.external_id == node["id"]
                assert (step.status.state, step.status.result) == expected(node, [])
                assert step.started_at == at(node["startTimeMillis"])
                code = re.search(r"exit code (\d+)", json.dumps(node.get("error")))
                assert step.exit_code == (int(code[1]) if code else None)
        assert (flow.word != "") is (answer["status"] == "PAUSED_PENDING_INPUT")
    assert counted["stages"] >= 80
    assert counted["steps"] >= 40


def expected(said: dict[str, Any], stages: list[dict[str, Any]]) -> tuple[State, Result | None]:
    error = said.get("error") or {}
    if said["status"] == "ABORTED" and error.get("message") == "Timeout has been exceeded":
        return State.FINISHED, Result.TIMED_OUT
    earlier = [one for one in stages if int(one["id"]) < int(said["id"]) and one["status"] == "FAILED"]
    idle = [node["name"] for node in said.get("stageFlowNodes", ())] == [
        "Get contextual object from internal APIs"
    ]
    if said["status"] == "FAILED" and earlier and idle:
        return State.FINISHED, Result.SKIPPED
    return STAGE[said["status"]]


def test_the_recorded_graph_is_told_as_it_is(recordings: list[Exchange]) -> None:
    ((_, tree),) = answered(recordings, r".*/pipeline-overview/tree")
    ((_, steps),) = answered(recordings, r".*/pipeline-overview/allSteps")
    ((_, flat),) = answered(recordings, r"/job/pipe-full/1/wfapi/describe")
    flow = graph(tree["data"], steps["data"]["steps"], STATUSES)
    by_id = {stage.external_id: stage for stage in flow.stages}
    nodes = list(every(tree["data"]["stages"]))
    assert list(by_id) == [node["id"] for node in nodes]
    for node in nodes:
        stage = by_id[node["id"]]
        assert stage.started_at == at(node["startTimeMillis"])
        assert stage.finished_at == at(node["startTimeMillis"] + node["totalDurationMillis"])
        assert (stage.name, stage.status.raw, stage.runner) == (node["name"], node["state"], node["agent"])
        own = [step["id"] for step in steps["data"]["steps"] if step["stageId"] == node["id"]]
        assert [step.external_id for step in stage.steps] == own
    words = {one["id"]: STAGE[one["status"]][1] for one in flat["stages"]}
    assert all(by_id[name].status.result is words[name] for name in by_id.keys() & words.keys())
    assert [one.matrix for one in flow.stages if one.name == "M"] == [{"PY": "3.11"}, {"PY": "3.12"}]


def every(nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in nodes:
        yield node
        yield from every(node["children"])


def test_the_recorded_test_report(recordings: list[Exchange]) -> None:
    ((_, answer),) = answered(recordings, r".*/testReport/api/json")
    counts = report(answer, STATUSES).counts
    assert (counts.passed, counts.failed, counts.skipped) == (
        answer["passCount"],
        answer["failCount"],
        answer["skipCount"],
    )


def test_recorded_logs_end_where_the_header_says(recordings: list[Exchange]) -> None:
    logs = [
        one
        for one in recordings
        if "/logText/progressiveText" in path(one)
        and not str(one["response"].get("text")).endswith("truncated")  # cut by who recorded them
    ]
    assert len(logs) >= 20
    for one in logs:
        start = int(path(one).rpartition("=")[2])
        size = int(one["response"]["headers"]["X-Text-Size"])
        text = (one["response"].get("text") or "").encode()
        assert start + len(text.replace(b"\r\n", b"\n")) == size  # what is sent has longer ends of lines


def test_recorded_jobs_are_found(recordings: list[Exchange]) -> None:
    ((_, answer),) = answered(recordings, r"/api/json\?tree=jobs\[name,url,color,_class,lastBuild.*\{0,50\}")
    inner = [child for folder in answer["jobs"] for child in folder.get("jobs", ())]
    for item in [*answer["jobs"], *inner]:
        item["fullName"] = unquote(re.sub(r"/job/", "/", item["url"].partition(":8080/job/")[2])).strip("/")
    found = {job.name: job.last for job in jobs.walk(lambda _: answer, ("*",))}
    leaves = re.findall(r'"lastBuild": (?:null|\{)', json.dumps(answer))
    assert len(found) == len(leaves)
    assert "mb/feature%2Fx" in found
    assert found["free-failure"] is None


# The adapter on a server that answers as recorded --------------------------------------------------------


class Replay(BaseHTTPRequestHandler):
    """Answers each path as it was recorded; `tree` and other parameters of ours are taken as read."""

    answers: dict[str, Exchange]

    def do_GET(self) -> None:
        one = self.answers.get(self.path.partition("?")[0])
        body = b"" if one is None else _body(one)
        self.send_response(404 if one is None else one["response"]["status"])
        headers = {} if one is None else one["response"]["headers"]
        for name in ("Content-Type", "X-Jenkins", "X-Jenkins-Session", "X-Text-Size", "X-More-Data"):
            if name in headers:
                self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.command == "GET" else b"")

    do_HEAD = do_GET  # noqa: N815 - the server's name for it

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
        return


def _body(one: Exchange) -> bytes:
    response = one["response"]
    if response.get("json") is not None:
        return json.dumps(response["json"]).encode()
    return str(response.get("text") or "").encode()


@pytest.fixture
def replay(tmp_path: Path, token: None) -> Iterator[Any]:
    """Makes an adapter of a server that gives these answers."""
    servers = []

    def serve(answers: dict[str, Exchange]) -> JenkinsAdapter:
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Replay,), {"answers": answers}))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        servers.append((server, thread))
        place = Connection("ci", tmp_path, tmp_path, Registry().dialect, Registry().tables("jenkins"))
        url = f"http://127.0.0.1:{server.server_port}"
        return JenkinsAdapter(
            place, JenkinsSettings.model_validate({"url": url, "user": "x", "token": "env:JENKINS_TOKEN"})
        )

    yield serve
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


def test_every_recorded_pipeline_is_looked_at_whole(recordings: list[Exchange], replay: Any) -> None:
    """Build and stages as they were asked for one after the other, through client, probing and snapshot."""
    answers = {path(one).partition("?")[0]: one for one in recordings if one["request"]["method"] == "GET"}
    answers = {key: one for key, one in answers.items() if "pipeline-overview" not in key}
    adapter = replay(answers)
    looked = 0
    for key, one in answers.items():
        found = re.fullmatch(r"/job/(.+)/(\d+)/api/json", key)
        stages = answers.get(key.replace("/api/json", "/wfapi/describe"))
        if (
            not found
            or one["response"]["status"] != 200
            or "_class" not in one["response"]["json"]
            or not stages
        ):
            continue
        name = found[1].replace("/job/", "/").replace("%252F", "%2F")
        build = adapter.snapshot(BuildRef(pipeline=name, build=found[2]))
        assert [stage.external_id for stage in build.stages] == [
            s["id"] for s in stages["response"]["json"]["stages"]
        ]
        looked += 1
    assert looked >= 14
    assert adapter.client.memory.stages == "wfapi"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("008_noauth.json", NotAllowed),
        ("009_badauth.json", AuthenticationFailed),
        ("001_startup-503.json", Unreachable),
        ("007_restart-503.json", Unreachable),
        ("267_build-404.json", NotFound),
        ("010_job-404.json", NotFound),
    ],
)
def test_recorded_refusals_are_what_they_are(
    recordings: list[Exchange], replay: Any, name: str, error: type[AdapterError]
) -> None:
    (refusal,) = [one for one in recordings if one["file"] == name]
    (login,) = [one for one in recordings if one["file"] == "012_login-page-head.json"]
    adapter = replay({"/api/json": refusal, "/login": login})
    adapter.client.memory.started(login["response"]["headers"]["X-Jenkins-Session"])
    with pytest.raises(error):
        adapter.poll({})


def test_the_recorded_401_of_a_restart_is_not_final(recordings: list[Exchange], replay: Any) -> None:
    named = {one["file"]: one for one in recordings}
    before = named["006_before-wf.json"]
    adapter = replay({"/api/json": named["008_restart-401.json"], "/login": named["009_restart-503.json"]})
    assert before["response"]["status"] == 200
    with pytest.raises(Unreachable):
        adapter.poll({})


# Other people's recordings ------------------------------------------------------------------------------


def test_rows_that_another_tool_recorded_are_not_misjudged_as_it_does(corpus: Path) -> None:
    """DevLake's raw builds: each result has its own meaning, also where that tool leaves it empty or says failure."""
    table = corpus / "recordings" / "devlake" / "jenkins" / "raw_tables" / "_raw_jenkins_api_builds.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = [json.loads(row["data"]) for row in csv.DictReader(file)]
    assert rows
    for answer in rows:
        build = instance(
            BuildRef(pipeline="x", build=str(answer["number"])), answer, Flow(), STATUSES, steps=True
        )
        going = bool(answer.get("building"))
        known = RUN.get(answer["result"], None if going else Result.UNKNOWN)
        assert (build.status.provisional if going else build.status.result) is known
        assert build.status.finished is not going
        assert build.started_at == at(answer["timestamp"])
        assert build.finished_at == (None if going else at(answer["timestamp"] + answer["duration"]))


def test_stages_that_another_tool_recorded(corpus: Path) -> None:
    table = corpus / "recordings" / "devlake" / "jenkins" / "raw_tables" / "_raw_jenkins_api_stages.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = [json.loads(row["data"]) for row in csv.DictReader(file)]
    flow = stage_view({"status": "SUCCESS", "stages": rows}, STATUSES)
    assert len(flow.stages) == len(rows) > 0
    for stage, said in zip(flow.stages, rows, strict=True):
        if said["status"] in STAGE:
            assert (stage.status.state, stage.status.result) == STAGE[said["status"]]
        else:  # words that no Jenkins has, made up for that tool's tests
            assert stage.status.result in {None, Result.UNKNOWN}


def test_builds_that_a_client_library_recorded(corpus: Path) -> None:
    folder = corpus / "recordings" / "api4jenkins"
    for file in ("run__workflowrun.json", "run__freestylebuild.json"):
        answer = json.loads((folder / file).read_text(encoding="utf-8"))
        build = instance(
            BuildRef(pipeline="x", build=str(answer["number"])), answer, Flow(), STATUSES, steps=True
        )
        going = answer["building"]
        assert build.status.result is (None if going else RUN[answer["result"]])
    answer = json.loads((folder / "report__test_report.json").read_text(encoding="utf-8"))
    assert len(report(answer, STATUSES).cases) == sum(len(one["cases"]) for one in answer["suites"])
