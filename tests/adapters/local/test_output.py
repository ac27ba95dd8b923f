"""What act printed once, read again: no act runs here."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.mapping.tables import Tables
from pipemgr.model.status import Result, State
from pipemgr_local.output import Transcript
from pipemgr_local.runs import Snapshot
from pipemgr_local.store import Build, Finish, Request, now, write
from pipemgr_local.workflow import Job, Step, Workflow

RECORDED = Path(__file__).parent / "recorded"
STEPS = tuple(
    Step(key=key, name=name)
    for key, name in (("say", "Say it"), ("1", "exit 4"), ("2", "echo never"), ("3", "x"))
)
SHOP = Workflow(
    event="workflow_dispatch",
    jobs=(
        Job(id="test", name="test", matrix=True, steps=STEPS),
        Job(id="after", name="after", needs=("test",), steps=(Step(key="0", name="echo never"),)),
    ),
)


@pytest.fixture
def build(tmp_path):
    made = Build(tmp_path)
    made.logs.mkdir()
    request = Request(
        number=1,
        pipeline="shop",
        directory="/project",
        workflow=SHOP,
        timeout=60,
        requested_at=now(),
        mark="m",
    )
    write(made.folder / "request.json", request.model_dump_json())
    return made


def lines(name="matrix"):
    return (RECORDED / f"{name}.jsonl").read_bytes().splitlines(keepends=True)


def play(build, recorded, finish=None):
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    transcript = Transcript(build.logs, build.events)
    for at, line in enumerate(recorded):
        transcript.feed(line, begun + timedelta(seconds=at))
    transcript.close()
    if finish:
        build.end(Finish(word=finish, finished_at=begun + timedelta(hours=1)))
    return Snapshot(build, Tables.of("local").statuses).instance()


def test_a_recorded_build_is_told_whole(build):
    instance = play(build, lines(), "failure")
    cells = {one.external_id: one for one in instance.stages}
    assert list(cells) == ["test (fast)", "test (plain)", "after"] or list(cells) == [
        "test (plain)",
        "test (fast)",
        "after",
    ]
    fast = cells["test (fast)"]
    assert [one.status.result for one in fast.steps] == [
        Result.SUCCESS,
        Result.FAILURE,
        Result.SKIPPED,
        Result.FAILURE,
    ]
    assert [one.exit_code for one in fast.steps] == [0, None, None, 3]
    assert cells["after"].status.result is Result.SKIPPED
    assert instance.status.reason.startswith("test (fast)")


def test_act_blames_all_cells_for_one_and_we_do_not(build):
    blamed = [json.loads(line)["jobResult"] for line in lines() if b"jobResult" in line]
    assert blamed == ["failure", "failure"]
    results = {one.external_id: one.status.result for one in play(build, lines(), "failure").stages}
    assert results["test (plain)"] is Result.SUCCESS
    assert results["test (fast)"] is Result.FAILURE


def test_logs_hold_what_steps_printed_and_no_secret(build):
    assert any(b"hunter2" in line for line in lines())
    instance = play(build, lines(), "failure")
    path, done = Snapshot(build, Tables.of("local").statuses).log("test (fast)/say")
    assert done
    assert (
        path.read_text(encoding="utf-8") == "größe of *** ✓\n::warning file=a.py,line=1::take care of ***\n"
    )
    kept = b"".join(path.read_bytes() for path in build.folder.rglob("*") if path.is_file())
    assert b"hunter2" not in kept
    assert b"git repository" not in kept
    assert "act" not in [log.name for log in instance.logs]


@pytest.mark.parametrize("end", range(0, 39, 3))
def test_at_every_moment_the_build_is_running(build, end):
    instance = play(build, lines()[:end])
    assert instance.status.state is (State.RUNNING if end else State.QUEUED)
    assert all(one.started_at for one in instance.stages if one.status.state is State.RUNNING)


def test_ids_stay_the_same_while_a_build_goes_on(tmp_path, build):
    seen = [one.external_id for one in play(build, lines()[:20]).stages]
    assert set(seen) <= {"test (fast)", "test (plain)", "after"}


def test_a_line_that_is_only_half_written_waits(build):
    play(build, lines())
    whole = Snapshot(build, Tables.of("local").statuses).instance()
    with build.events.open("ab") as file:
        file.write(b'{"at": "2026-')
    assert Snapshot(build, Tables.of("local").statuses).instance().stages == whole.stages


def test_a_job_that_no_runner_takes_is_an_error(build):
    line = {
        "job": "shop/after",
        "jobID": "after",
        "matrix": {},
        "msg": "🚧  Skipping unsupported platform -- Try",
    }
    instance = play(build, [json.dumps(line).encode()], "error")
    after = next(one for one in instance.stages if one.external_id == "after")
    assert after.status.result is Result.ERROR


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_no_line_stops_the_transcript(tmp_path_factory, line):
    folder = tmp_path_factory.mktemp("any")
    transcript = Transcript(folder, folder / "events")
    transcript.feed(line)
    transcript.close()
    assert (folder / "events").read_bytes() == b""
