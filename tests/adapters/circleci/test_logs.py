"""Logs while they are written and afterwards, artifacts, and tests; and where the token goes."""

import pytest

from pipemgr.adapter import LogChunk, NotFound, Unreachable
from pipemgr.model.runs import BuildRef
from pipemgr.model.status import Result
from pipemgr.testing.fakes.circleci import CircleCI
from pipemgr.testing.fakes.circleci_shapes import identity
from pipemgr.testing.fakes.world import Run, World
from pipemgr_circleci import CircleCIAdapter, client, logs

from .conftest import SHOP, Connect, ran, ref

TEXT = "collecting …\n\x1b[31m1 failed\x1b[0m 😀\n"


def printed(world: World, text: str = TEXT) -> Run:
    run = world.start(SHOP)
    world.begin(run)
    world.print(run, text)
    return run


def read(adapter: CircleCIAdapter, where: BuildRef, log: str, offset: int = 0) -> tuple[str, int, bool]:
    """All that there is of a log, and whether there will be more."""
    text = ""
    while True:
        chunk = adapter.logs(where, log, offset)
        assert chunk.offset == offset + len(chunk.text.encode())
        text, offset = text + chunk.text, chunk.offset
        if chunk.complete or not chunk.text:
            return text, offset, chunk.complete


def test_a_log_is_named_after_its_job_and_step(world: World, adapter: CircleCIAdapter) -> None:
    run = printed(world)
    seen = adapter.snapshot(ref(run))
    (log,) = seen.logs
    assert log.name == "build#1/0.101"
    assert (log.stage, log.step, log.complete) == (seen.stages[0].external_id, "0.101", False)
    world.finish(run)
    assert next(one for one in adapter.snapshot(ref(run)).logs if one.name == log.name).complete


def test_a_log_is_read_whole_when_its_step_has_ended(world: World, adapter: CircleCIAdapter) -> None:
    run = printed(world)
    world.finish(run)
    adapter.snapshot(ref(run))
    assert read(adapter, ref(run), "build#1/0.101") == (TEXT, len(TEXT.encode()), True)


def test_a_log_is_followed_while_it_is_written(world: World, circle: CircleCI, connect: Connect) -> None:
    adapter = connect(api="v3")
    run = printed(world, "one\n")
    adapter.snapshot(ref(run))
    text, offset, complete = read(adapter, ref(run), "build#1/0.101")
    assert (text, complete) == ("one\n", False)
    assert adapter.logs(ref(run), "build#1/0.101", offset) == LogChunk(text="", offset=offset, complete=False)
    world.print(run, "two\n")
    before = len(circle.calls)
    assert adapter.logs(ref(run), "build#1/0.101", offset).text == "two\n"
    assert len(circle.asked(before)) == 1
    world.finish(run)
    assert read(adapter, ref(run), "build#1/0.101", offset + 4) == ("", offset + 4, True)


def test_a_character_is_never_cut(world: World, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LARGEST", 7)
    monkeypatch.setattr(client, "LARGEST", 7)
    monkeypatch.setattr(client, "PIECE", 3)
    run = printed(world)
    world.finish(run)
    for api in ("v3", "v2"):
        assert read(connect(api=api), ref(run), "build#1/0.101")[0] == TEXT


def test_a_log_is_found_without_a_look_before(world: World, adapter: CircleCIAdapter) -> None:
    run = printed(world)
    world.finish(run)
    assert read(adapter, ref(run), "build#1/0.101")[0] == TEXT


def test_a_step_that_printed_nothing_has_an_empty_log(world: World, adapter: CircleCIAdapter) -> None:
    (run,) = ran(world)
    adapter.snapshot(ref(run))
    assert read(adapter, ref(run), "build#1/0.101") == ("", 0, True)


@pytest.mark.parametrize(
    "name", ["build#1/0.999", "build#99/0.101", "build", "build#x/0.101", "build#1/0", ""]
)
def test_a_log_that_is_not_there_is_not_found(world: World, adapter: CircleCIAdapter, name: str) -> None:
    run = printed(world)
    world.finish(run)
    with pytest.raises(NotFound):
        adapter.logs(ref(run), name, 0)


def test_log_redirect_expired(world: World, circle: CircleCI, connect: Connect) -> None:
    """The signed address of an output is asked for anew with each piece; one that is refused is not found."""
    adapter = connect(api="v2")
    run = printed(world)
    world.finish(run)
    circle.fail("/storage/output/", status=403, body="expired", times=1)
    with pytest.raises(NotFound):
        adapter.logs(ref(run), "build#1/0.101", 0)
    assert read(adapter, ref(run), "build#1/0.101")[0] == TEXT


def test_a_log_that_breaks_off_is_tried_again(world: World, circle: CircleCI, connect: Connect) -> None:
    adapter = connect(api="v3")
    run = printed(world)
    world.finish(run)
    adapter.snapshot(ref(run))
    circle.fail("/stdout", cut=5, times=1)
    with pytest.raises(Unreachable):
        adapter.logs(ref(run), "build#1/0.101", 0)
    assert read(adapter, ref(run), "build#1/0.101")[0] == TEXT


def test_artifacts_are_listed_with_the_snapshot_and_read_without_leaking(
    world: World, circle: CircleCI, adapter: CircleCIAdapter
) -> None:
    circle.size = 1
    run = world.start(SHOP)
    run.artifacts = {"dist/app.whl": b"\x00\x01" * 50_000, "report.html": b"<p>"}
    world.begin(run)
    assert adapter.snapshot(ref(run)).artifacts == ()
    world.tick(1)
    world.finish(run)
    seen = adapter.snapshot(ref(run)).artifacts
    assert [one.name for one in seen] == ["test#2/0/dist/app.whl", "test#2/0/report.html"]
    assert seen == adapter.artifacts(ref(run))
    assert {one.stage for one in seen} == {identity("job", run.latest.jobs[-1].id)}
    assert run.latest.finished_at is not None
    assert {(one.expires_at - run.latest.finished_at).days for one in seen if one.expires_at} == {30}
    assert b"".join(adapter.download(ref(run), "test#2/0/dist/app.whl")) == b"\x00\x01" * 50_000
    host = [call for call in circle.calls if call.path.startswith("/artifact/")]
    assert {call.headers.get("circle-token") is not None for call in host} == {True}
    stored = [call for call in circle.calls if call.path.startswith("/storage/")]
    assert stored
    assert circle.leaked == 0
    with pytest.raises(NotFound) as told:
        adapter.download(ref(run), "test#2/0/nothing")
    assert "30 days" in str(told.value.remedy)


def test_the_cases_of_all_jobs_are_one_report(
    world: World, circle: CircleCI, adapter: CircleCIAdapter
) -> None:
    (run,) = ran(world)
    assert adapter.tests(ref(run)) is None
    case = {"classname": "shop.cart", "file": "t.py", "run_time": 0.5, "message": "", "source": "pytest"}
    circle.tests = {
        "build": [{**case, "name": "a", "result": "success"}, {**case, "name": "b", "result": "skipped"}],
        "test": [
            {**case, "name": "c", "result": "failure", "message": "1 != 2"},
            {**case, "name": "d", "result": "error"},
            {**case, "name": "e", "result": "evaporated", "run_time": None},
        ],
    }
    report = adapter.tests(ref(run))
    assert report is not None
    assert report.counts.model_dump() == {"passed": 1, "skipped": 1, "failed": 2, "errors": 1}
    third = report.cases[2]
    assert (third.name, third.suite, third.seconds, third.message) == ("c", "shop.cart", 0.5, "1 != 2")
    assert report.cases[4].result is Result.UNKNOWN
