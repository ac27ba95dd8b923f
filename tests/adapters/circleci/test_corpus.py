"""Recorded answers: what the adapter makes of them is what they say, row by row, and never what others made of it."""

import csv
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipemgr.adapter import Tables
from pipemgr.model.runs import BuildInstance
from pipemgr.model.status import Result, State
from pipemgr_circleci.builds import Job, Seen, artifacts, instance, ordered
from pipemgr_circleci.depth import case
from pipemgr_circleci.settings import CLOUD
from pipemgr_circleci.steps import actions_of, classic, modern, moment

pytestmark = pytest.mark.corpus

TABLES = Tables.of("circleci")
SLUG, NOW = "gh/coldgust/coldgust.github.io", datetime(2026, 11, 23, tzinfo=UTC)
MEANS = {
    "success": Result.SUCCESS,
    "failed": Result.FAILURE,
    "canceled": Result.CANCELED,
    "infrastructure_fail": Result.ERROR,
    "timedout": Result.TIMED_OUT,
}
Data = dict[str, Any]


@pytest.fixture(scope="module")
def recordings(corpus: Path) -> Path:
    return corpus / "recordings"


@pytest.fixture(scope="module")
def devlake(recordings: Path) -> Path:
    return recordings / "devlake" / "circleci"


def when(text: str) -> datetime | None:
    """A time of a raw row; one recorded row has none."""
    return datetime.fromisoformat(text) if text else None


def table(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(10**8)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def raw(devlake: Path, name: str) -> list[tuple[str, Data]]:
    """The answers of a raw table: the address that was asked, and the row."""
    return [
        (row["url"], json.loads(row["data"]))
        for row in table(devlake / "raw_tables" / f"_raw_circleci_api_{name}.csv")
    ]


@pytest.fixture(scope="module")
def attempts(devlake: Path) -> list[tuple[Data, Data, list[Data], BuildInstance]]:
    """Every recorded workflow with its pipeline, its jobs, and the snapshot of it."""
    pipelines = {row["id"]: row for _, row in raw(devlake, "pipelines")}
    jobs: dict[str, list[Data]] = {}
    for url, row in raw(devlake, "jobs"):
        jobs.setdefault(url.split("/")[-2], []).append(row)
    by_pipeline: dict[str, list[Data]] = {}
    for _, row in raw(devlake, "workflows"):
        by_pipeline.setdefault(row["pipeline_id"], []).append(row)
    made = []
    for number, workflows in by_pipeline.items():
        pipeline = pipelines.get(number) or {"id": number, "number": workflows[0]["pipeline_number"]}
        for attempt, workflow in enumerate(ordered(workflows), 1):
            rows = jobs.get(workflow["id"], [])
            seen = Seen(SLUG, pipeline, workflow, tuple(map(Job, rows)), attempt)
            made.append((pipeline, workflow, rows, instance(seen, TABLES, CLOUD, NOW)))
    return made


def test_every_recorded_attempt_is_what_its_rows_say(
    attempts: list[tuple[Data, Data, list[Data], BuildInstance]],
) -> None:
    assert len(attempts) == 10
    assert sum(len(rows) for _, _, rows, _ in attempts) == 9
    for pipeline, workflow, rows, seen in attempts:
        assert seen.external_id == workflow["id"]
        assert (seen.status.raw, seen.status.result) == (workflow["status"], MEANS[workflow["status"]])
        assert seen.queued_at == when(workflow["created_at"])
        assert seen.finished_at == when(workflow["stopped_at"])
        assert seen.build.number == workflow["pipeline_number"]
        assert seen.build.commit == pipeline.get("vcs", {}).get("revision")
        assert seen.build.branch == pipeline.get("vcs", {}).get("branch")
        assert seen.build.actor == pipeline.get("trigger", {}).get("actor", {}).get("login")
        assert [stage.external_id for stage in seen.stages] == [row["id"] for row in rows]
        for stage, row in zip(seen.stages, rows, strict=True):
            assert (stage.name, stage.status.raw) == (row["name"], row["status"])
            assert stage.status.result is MEANS[row["status"]]
            assert stage.started_at == datetime.fromisoformat(row["started_at"])
            assert stage.finished_at == datetime.fromisoformat(row["stopped_at"])


def test_every_recorded_pipeline_is_a_build_also_the_one_without_a_workflow(devlake: Path) -> None:
    rows = [row for _, row in raw(devlake, "pipelines")]
    with_workflows = {row["pipeline_id"] for _, row in raw(devlake, "workflows")}
    bare = [row for row in rows if row["id"] not in with_workflows]
    assert (len(rows), len(bare)) == (10, 1)
    for row in bare:
        seen = instance(Seen(SLUG, row), TABLES, CLOUD, NOW)
        assert seen.status.raw == row["state"]
        assert (seen.status.state, seen.status.result) == (State.FINISHED, Result.ERROR)
        assert seen.status.reason == row["errors"][0]["message"]
        assert seen.build.number == row["number"]
        assert seen.build.commit == row["trigger_parameters"]["git"]["checkout_sha"]
        assert seen.queued_at == datetime.fromisoformat(row["created_at"])


def test_where_devlake_is_right_we_agree_with_it(
    devlake: Path, attempts: list[tuple[Data, Data, list[Data], BuildInstance]]
) -> None:
    rows = {
        row["id"].split(":")[-1]: row for row in table(devlake / "snapshot_tables" / "cicd_pipelines.csv")
    }
    agreed = 0
    for _, workflow, _, seen in attempts:
        row = rows.get(workflow["id"])
        if row is not None and seen.queued_at and seen.finished_at:
            assert {"SUCCESS": Result.SUCCESS, "FAILURE": Result.FAILURE}[row["result"]] is seen.status.result
            # One recorded row ends before it began, for which it has 0.
            assert int(row["duration_sec"]) == max(0, (seen.finished_at - seen.queued_at).total_seconds())
            agreed += 1
    assert agreed == 9


@pytest.mark.parametrize(
    ("word", "ended", "state", "result"),
    [
        ("failing", False, State.RUNNING, None),  # there: DONE and FAILURE
        ("running", False, State.RUNNING, None),  # there: OTHER
        ("canceled", True, State.FINISHED, Result.CANCELED),  # there: no result
        ("unauthorized", True, State.FINISHED, Result.ERROR),  # there: OTHER, no result
        ("on_hold", False, State.WAITING, None),
        ("not_run", True, State.FINISHED, Result.SKIPPED),
    ],
)
def test_mistakes_of_devlake_are_not_made(
    attempts: list[tuple[Data, Data, list[Data], BuildInstance]],
    word: str,
    ended: bool,
    state: State,
    result: Result | None,
) -> None:
    """The recorded rows, with each word that it translates wrongly."""
    for pipeline, workflow, rows, _ in attempts:
        stopped = workflow["stopped_at"] if ended else None
        row = workflow | {"status": word, "stopped_at": stopped}
        seen = instance(Seen(SLUG, pipeline, row, tuple(map(Job, rows))), TABLES, CLOUD, NOW)
        assert (seen.status.state, seen.status.result, seen.status.raw) == (state, result, word)
        assert seen.finished_at == (when(workflow["stopped_at"]) if ended else None)


def test_an_incremental_reading_says_the_same(recordings: Path, devlake: Path) -> None:
    """The same workflows, collected later: only the one whose end was corrected is another snapshot."""
    folder = recordings / "devlake" / "circleci-incremental" / "raw_tables"
    later = [json.loads(row["data"]) for row in table(folder / "_raw_circleci_api_workflows_incremental.csv")]
    before = {row["id"]: row for _, row in raw(devlake, "workflows")}
    assert len(later) == 6
    changed = 0
    for row in later:
        pipeline = {"id": row["pipeline_id"], "number": row["pipeline_number"]}
        one, other = (
            instance(Seen(SLUG, pipeline, found), TABLES, CLOUD, NOW) for found in (row, before[row["id"]])
        )
        assert (one == other) is (row == before[row["id"]])
        assert one.model_copy(update={"finished_at": None, "source_digest": None}) == other.model_copy(
            update={"finished_at": None, "source_digest": None}
        )
        changed += one != other
    assert changed == 1


# API v1.1 ------------------------------------------------------------------------------------------------


def cassettes(recordings: Path) -> Iterator[Any]:
    """Every JSON body that the Ruby client recorded."""
    for path in sorted((recordings / "circleci-ruby-vcr-v1.1").glob("*.yml")):
        # Some of its YAML has tags of Ruby's; none is on a body.
        text = re.sub(r"!ruby\S+|!binary", "", path.read_text(encoding="utf-8"))
        for exchange in yaml.safe_load(text)["http_interactions"]:
            try:
                yield json.loads(exchange["response"]["body"]["string"])
            except ValueError:
                continue


def builds(recordings: Path) -> list[Data]:
    found = []
    for body in cassettes(recordings):
        found += [one for one in (body if isinstance(body, list) else [body]) if "build_num" in one]
    folder = recordings / "circleci.py-v1.1"
    names = ("mock_get_build_info_response.json", "mock_cancel_build_response.json")
    return found + [json.loads((folder / name).read_text(encoding="utf-8")) for name in names]


def test_every_recorded_step_is_what_its_action_says(recordings: Path) -> None:
    seen = 0
    for build in builds(recordings):
        detail = classic(build, TABLES.statuses)
        actions = list(actions_of(build))
        assert len(detail.steps) == len(actions)
        for step, action in zip(detail.steps, actions, strict=True):
            assert step.status.raw == action["status"]
            assert step.status.result is MEANS[action["status"]]
            assert step.exit_code == action["exit_code"]
            assert (step.started_at, step.finished_at) == (
                moment(action["start_time"]), moment(action["end_time"]),
            )  # fmt: skip
            assert (step.external_id in detail.printed) is bool(action["has_output"])
            assert step.external_id == f"{action['index']}.{action['step']}"
        seen += len(actions)
    assert seen >= 6


def test_every_word_of_every_recorded_build_has_a_row(recordings: Path) -> None:
    found = builds(recordings)
    words = {one[key] for one in found for key in ("status", "lifecycle", "outcome") if one.get(key)}
    assert len(found) > 100
    assert words - TABLES.statuses.words("job") == set()
    for one in found:
        over = TABLES.statuses.status("job", one["lifecycle"], one.get("outcome"))
        if one["lifecycle"] == "finished" and one.get("outcome") in MEANS:
            assert over.result is MEANS[one["outcome"]]


def test_every_recorded_test_case_is_what_its_row_says(recordings: Path) -> None:
    rows = [row for body in cassettes(recordings) if isinstance(body, dict) for row in body.get("tests", [])]
    assert len(rows) > 100
    for row in rows:
        one = case(row, TABLES.statuses)
        assert (one.name, one.suite, one.seconds) == (row["name"], row["classname"], row["run_time"])
        assert one.result is MEANS[row["result"]]


def test_every_recorded_artifact_has_its_path_and_address(recordings: Path) -> None:
    path = recordings / "circleci.py-v1.1" / "mock_get_latest_artifacts_response.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    job = Job({"id": "j", "name": "docs", "job_number": 4149}, artifacts=tuple(rows))
    made = list(artifacts(job))
    assert len(made) == len(rows) > 100
    for one, row in zip(made, rows, strict=True):
        assert one.name == f"docs#4149/{row['node_index']}/{row['path']}"
        assert one.uri == row["url"]
    assert len({one.name for one in made}) == len(made)


# API v3, as CircleCI's command line program prints it ----------------------------------------------------


def test_the_job_of_the_command_line_program(recordings: Path) -> None:
    """Its output is its own; its steps are those of the answer, with `ended_at` called `stopped_at`."""
    path = recordings / "circleci-cli-golden" / "TestJobGet_JSON.json"
    printed = json.loads(path.read_text(encoding="utf-8"))
    executions = [
        {"steps": [step | {"ended_at": step["stopped_at"]} for step in one["steps"]]}
        for one in printed["executions"]
    ]
    detail = modern({"data": {"attributes": {"parallel_executions": executions}}}, TABLES.statuses)
    told = [(index, step) for index, one in enumerate(executions) for step in one["steps"]]
    assert len(detail.steps) == len(told) == 6
    ends = {"succeeded": Result.SUCCESS, "failed": Result.FAILURE}
    for step, (index, said) in zip(detail.steps, told, strict=True):
        assert step.external_id == f"{index}.{said['num']}"
        assert step.status.result is ends[said["outcome"]]
        assert step.exit_code == said.get("exit_code")
        assert (step.started_at, step.finished_at) == (
            datetime.fromisoformat(said["started_at"]), datetime.fromisoformat(said["stopped_at"]),
        )  # fmt: skip
