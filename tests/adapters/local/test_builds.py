"""Builds that act really executes."""

import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipemgr.adapter import NotFound, Refused, UnsupportedCapability
from pipemgr.model.runs import BuildRef
from pipemgr.model.status import Result, State
from pipemgr_local import processes

pytestmark = pytest.mark.slow

SLEEPY = """
jobs:
  sleep:
    runs-on: linux
    steps:
      - run: echo begun; sleep 60
      - run: echo never
  after:
    needs: sleep
    runs-on: linux
    steps: [{run: echo never}]
"""
HELLO = """
jobs:
  hello:
    runs-on: linux
    steps: [{run: echo hello}]
"""


def stage(build, name):
    (found,) = (one for one in build.stages if one.external_id == name)
    return found


def step(build, stage_name, name):
    (found,) = (one for one in stage(build, stage_name).steps if one.external_id == name)
    return found


def test_a_build_succeeds(local):
    build = local.run("""
    jobs:
      test:
        runs-on: [self-hosted, linux]
        steps:
          - uses: actions/checkout@v6
          - {id: read, name: Read it, run: cat hello.txt}
    """)
    assert build.status.result is Result.SUCCESS
    assert (build.build.number, build.build.external_id, build.attempt) == (1, "1", 1)
    assert build.queued_at <= build.started_at <= build.finished_at
    test = stage(build, "test")
    assert test.status.result is Result.SUCCESS
    assert [(one.external_id, one.name, one.exit_code) for one in test.steps] == [
        ("0", "actions/checkout@v6", 0),
        ("read", "Read it", 0),
    ]
    assert build.started_at <= test.steps[1].started_at <= test.steps[1].finished_at <= build.finished_at
    assert local.log(build, "test/read") == "hello\n"
    assert all(log.complete for log in build.logs)
    assert {(log.stage, log.step) for log in build.logs} == {("test", "0"), ("test", "read")}


def test_a_failure_names_the_step_and_its_exit_code(local):
    build = local.run("""
    jobs:
      check:
        runs-on: linux
        steps:
          - run: echo fine
          - {name: Check prices, run: "echo negative price >&2; exit 3"}
          - run: echo never
          - {if: always(), run: echo cleaned up}
      deploy:
        needs: check
        runs-on: linux
        steps: [{run: echo never}]
    """)
    assert build.status.result is Result.FAILURE
    assert build.status.reason == "check: Check prices: exit code 3"
    failed = step(build, "check", "1")
    assert (failed.status.result, failed.exit_code) == (Result.FAILURE, 3)
    assert local.log(build, "check/1") == "negative price\n"
    results = [one.status.result for one in stage(build, "check").steps]
    assert results == [Result.SUCCESS, Result.FAILURE, Result.SKIPPED, Result.SUCCESS]
    assert stage(build, "deploy").status.result is Result.SKIPPED


def test_a_step_that_may_fail_fails_nothing(local):
    build = local.run("""
    jobs:
      test:
        runs-on: linux
        steps:
          - {run: exit 7, continue-on-error: true}
          - run: echo on
    """)
    assert build.status.result is Result.SUCCESS
    assert step(build, "test", "0").status.result is Result.FAILURE


def test_a_step_that_may_fail_is_not_to_blame_for_a_later_one(local):
    build = local.run("""
    jobs:
      test:
        runs-on: linux
        steps:
          - {name: Allowed, run: exit 7, continue-on-error: true}
          - {name: Boom, run: exit 3}
          - {name: Late, if: always(), run: exit 4}
    """)
    assert build.status.result is Result.FAILURE
    assert build.status.reason == "test: Boom: exit code 3"


def test_each_cell_of_a_matrix_is_a_stage(local):
    build = local.run("""
    jobs:
      test:
        runs-on: linux
        strategy: {fail-fast: false, matrix: {version: ["3.11", "3.12"], fast: [true]}}
        steps: [{run: 'echo ${{ matrix.version }}; [ "${{ matrix.version }}" = 3.11 ]'}]
    """)
    assert build.status.result is Result.FAILURE
    cells = {one.external_id: one for one in build.stages}
    results = {one.matrix["version"]: one.status.result for one in build.stages}
    assert results == {"3.11": Result.SUCCESS, "3.12": Result.FAILURE}
    assert len(cells) == 2
    assert all("true" in name for name in cells)
    assert {one.stage for one in build.stages} == {"test"}
    first = next(name for name, one in cells.items() if one.matrix["version"] == "3.11")
    assert local.log(build, f"{first}/0") == "3.11\n"


def test_what_a_condition_forbids_is_skipped(local):
    build = local.run("""
    jobs:
      never:
        if: github.event_name == 'nothing'
        runs-on: linux
        steps: [{run: echo never}]
      always:
        runs-on: linux
        steps:
          - {if: "false", run: echo never}
          - run: echo yes
    """)
    assert build.status.result is Result.SUCCESS
    assert stage(build, "never").status.result is Result.SKIPPED
    assert step(build, "always", "0").status.result is Result.SKIPPED


def test_a_build_of_skipped_stages_is_skipped(local):
    build = local.run("""
    jobs:
      never:
        if: github.event_name == 'nothing'
        runs-on: linux
        steps: [{run: echo never}]
    """)
    assert build.status.result is Result.SKIPPED


PARAMETERS = """
name: ci
on:
  workflow_dispatch:
    inputs:
      who: {type: string, default: world}
      loud: {type: boolean, default: false}
      size: {type: choice, options: [small, large], default: small}
      need: {type: string, required: true}
jobs:
  hello:
    runs-on: linux
    steps:
      - run: echo "${{ inputs.who }} ${{ inputs.loud }} ${{ inputs.size }} $NEED"
        env: {NEED: "${{ inputs.need }}"}
"""


def test_parameters_arrive(local):
    build = local.run(PARAMETERS, need='a "b" = c; $(d) ü', loud=True, size="large")
    assert build.status.result is Result.SUCCESS, build.status
    assert local.log(build, "hello/0") == 'world true large a "b" = c; $(d) ü\n'
    assert build.build.parameters == {
        "who": "world",
        "loud": "true",
        "size": "large",
        "need": 'a "b" = c; $(d) ü',
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "'need' is required"),
        ({"need": "x", "colour": "red"}, "no parameter 'colour'"),
        ({"need": "x", "size": "huge"}, "can't be 'huge'"),
        ({"need": "x", "loud": "loudly"}, "true or false"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(local, given, words):
    with pytest.raises(Refused, match=words):
        local.start(PARAMETERS, **given)
    assert local.adapter.poll({}).builds == ()


def test_artifacts_have_digests(local):
    build = local.run("""
    jobs:
      make:
        runs-on: linux
        steps:
          - run: |
              mkdir -p "$PIPEMGR_ARTIFACTS/shop/sub" "$PIPEMGR_REPORTS"
              printf content > "$PIPEMGR_ARTIFACTS/shop/sub/a b.txt"
              printf packed > "$PIPEMGR_ARTIFACTS/shop/x.tar.gz"
              printf '<testsuites/>' > "$PIPEMGR_REPORTS/junit.xml"
    """)
    found = {one.name: one for one in build.artifacts}
    assert set(found) == {"shop/sub/a b.txt", "shop/x.tar.gz", "reports/junit.xml"}
    text = found["shop/sub/a b.txt"]
    assert text.digest == f"sha256:{hashlib.sha256(b'content').hexdigest()}"
    assert (text.size, text.media_type) == (7, "text/plain")
    assert found["shop/x.tar.gz"].media_type == "application/gzip"
    assert local.adapter.artifacts(build.ref) == build.artifacts


def test_cancelling_ends_everything(local):
    ref = local.start(SLEEPY)
    build = local.wait(ref, lambda one: one.logs != () and one.logs[0].offset > 0)
    assert build.status.state is State.RUNNING
    assert stage(build, "sleep").status.state is State.RUNNING
    assert stage(build, "after").status.state is State.QUEUED
    assert local.adapter.logs(ref, "sleep/0", 0).text == "begun\n"
    assert not local.adapter.logs(ref, "sleep/0", 0).complete
    local.adapter.cancel(ref)
    build = local.wait(ref)
    assert build.status.result is Result.CANCELED
    assert step(build, "sleep", "0").status.result is Result.CANCELED
    assert step(build, "sleep", "1").status.result is Result.SKIPPED
    assert stage(build, "sleep").status.result is Result.CANCELED
    assert stage(build, "after").status.result is Result.SKIPPED
    assert processes.marked(local.mark(ref)) == []
    local.adapter.cancel(ref)
    assert local.adapter.snapshot(ref) == build


def test_time_runs_out(make: Callable):
    local = make(timeout=1)
    build = local.run(SLEEPY)
    assert build.status.result is Result.TIMED_OUT
    assert stage(build, "sleep").status.result is Result.TIMED_OUT


def test_a_killed_runner_is_an_error_and_leaves_nothing_running(local):
    ref = local.start(SLEEPY)
    local.wait(ref, lambda one: one.logs != ())
    folder = str(local.adapter.store.build(ref).folder)
    runners = [
        int(entry.name)
        for entry in Path("/proc").glob("[0-9]*")
        if folder in _command(entry) and "pipemgr_local.runner" in _command(entry)
    ]
    assert len(runners) == 1
    os.kill(runners[0], signal.SIGKILL)
    build = local.wait(ref)
    assert (build.status.result, build.status.raw) == (Result.ERROR, "died")
    assert stage(build, "sleep").status.result is Result.ERROR
    assert stage(build, "after").status.result is Result.SKIPPED
    assert processes.marked(local.mark(ref)) == []
    assert local.adapter.snapshot(ref) == build


def _command(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def test_background_processes_do_not_outlive_the_build(local):
    ref = local.start("""
    jobs:
      leave:
        runs-on: linux
        steps: [{run: nohup sleep 300 > /dev/null 2>&1 &}]
    """)
    local.wait(ref)
    assert processes.marked(local.mark(ref)) == []


def test_builds_run_side_by_side(local):
    body = """
    jobs:
      meet:
        runs-on: linux
        steps: [{run: "touch '%s/'$RANDOM$$; for i in $(seq 100); do [ $(ls '%s' | wc -l) = 2 ] && exit 0; sleep 0.1; done; exit 1"}]
    """
    place = local.adapter.directory / "meeting"
    place.mkdir()
    refs = [local.start(body.replace("%s", str(place)), name) for name in ("one", "two")]
    assert [local.wait(ref).status.result for ref in refs] == [Result.SUCCESS, Result.SUCCESS]


def test_eight_threads_get_eight_numbers(local):
    local.publish(HELLO)
    with ThreadPoolExecutor(8) as threads:
        refs = list(threads.map(lambda _: local.adapter.start("ci", {}), range(8)))
    assert sorted(int(ref.build) for ref in refs) == list(range(1, 9))
    assert {local.wait(ref).status.result for ref in refs} == {Result.SUCCESS}


def test_a_rerun_is_a_new_build_that_points_back(local):
    first = local.run(PARAMETERS, need="this")
    local.publish(HELLO)
    again = local.wait(local.adapter.rerun(first.ref))
    assert (again.build.number, again.build.trigger) == (2, "rerun of #1")
    assert again.build.parameters == first.build.parameters
    assert local.log(again, "hello/0") == "world false small this\n"
    with pytest.raises(UnsupportedCapability):
        local.adapter.rerun(first.ref, failed_only=True)


def test_unicode_arrives_in_any_piece(local):
    build = local.run("""
    jobs:
      say:
        runs-on: linux
        steps: [{run: 'for i in $(seq 1000); do echo "größe ✓ 🎉 $i"; done; printf "no end"'}]
    """)
    expected = "".join(f"größe ✓ 🎉 {i}\n" for i in range(1, 1001)) + "no end\n"
    assert local.log(build, "say/0") == expected


@pytest.mark.parametrize("kind", ["lines", "line"])
def test_ten_megabytes_of_output(local, kind):
    script = "yes 0123456789abcdef | head -c 10000000" + ("" if kind == "lines" else " | tr -d '\\n'")
    build = local.run(f"""
    jobs:
      say:
        runs-on: linux
        steps: [{{run: "{script}"}}]
    """)
    assert build.status.result is Result.SUCCESS, build.status
    text = local.log(build, "say/0")
    assert (
        text.replace("\n", "")
        == "0123456789abcdef" * (len(text.replace("\n", "")) // 16)
        + "0123456789abcdef"[: len(text.replace("\n", "")) % 16]
    )
    assert len(text) >= 9_400_000


def test_secrets_of_the_caller_and_of_the_project_stay_outside(make, workspace, monkeypatch):
    monkeypatch.setenv("DEPLOY_TOKEN", "hunter2")
    monkeypatch.setenv("PLAIN", "wanted")
    for name in (".env", ".secrets", ".vars", ".input"):
        (workspace / name).write_text("PROJECT_SECRET=hunter3\n", encoding="utf-8")
    local = make(environment=("PLAIN",))
    build = local.run("""
    jobs:
      look:
        runs-on: linux
        steps: [{run: env}]
    """)
    seen = local.log(build, "look/0")
    assert "PLAIN=wanted" in seen
    assert "hunter" not in seen
    assert f"HOME={os.environ['HOME']}\n" not in seen


def test_masked_words_are_nowhere_on_disk(local):
    ref = local.start("""
    jobs:
      mask:
        runs-on: linux
        steps: [{run: 'word=hun; word=${word}ter2; echo "::add-mask::$word"; echo "say $word"; echo "::error::bad $word"'}]
    """)
    build = local.wait(ref)
    text = local.log(build, "mask/0")
    assert "say ***\n" in text
    assert "::error::bad" in text
    folder = local.adapter.store.build(ref).folder
    assert [path for path in folder.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()] == []


def test_a_git_repository_tells_commit_and_branch(local, workspace):
    git = ["git", "-C", str(workspace), "-c", "user.name=n", "-c", "user.email=e@example.org"]
    for arguments in (["init", "-q", "-b", "trunk"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True, timeout=30)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True, timeout=30)
    build = local.run(HELLO)
    assert build.build.commit == head.stdout.strip()
    assert build.build.branch == "trunk"


def test_state_inside_the_project_is_not_copied(local):
    build = local.run("""
    jobs:
      look:
        runs-on: linux
        steps:
          - uses: actions/checkout@v6
          - run: find . -type f
    """)
    assert build.build.commit is None
    assert local.log(build, "look/1") == "./hello.txt\n"


def test_a_pipeline_without_a_manual_trigger_runs_all_the_same(local):
    build = local.run("""
    name: ci
    on: {push: {branches: [other]}}
    jobs:
      hello:
        runs-on: ${{ matrix.os }}
        strategy: {matrix: {os: [strange-label]}}
        steps: [{run: echo hello}]
    """)
    assert build.status.result is Result.SUCCESS
    assert build.stages[0].status.result is Result.SUCCESS


def test_a_definition_that_act_refuses_is_an_error_with_a_reason(local):
    build = local.run("""
    jobs:
      hello:
        runs-on: linux
        steps: [{nonsense: true}]
    """)
    assert build.status.result in {Result.ERROR, Result.FAILURE}
    assert build.status.reason


def test_polling_finds_each_build_once_and_says_when_to_come_back(local):
    assert local.adapter.poll({}).builds == ()
    first = local.start(HELLO)
    page = local.adapter.poll({})
    assert [one.ref for one in page.builds] == [first]
    local.wait(first)
    assert local.adapter.poll(page.cursor).builds == ()
    second, third = local.start(HELLO), local.start(HELLO, "other")
    for ref in (second, third):
        local.wait(ref)
    page = local.adapter.poll(page.cursor)
    assert [one.ref for one in page.builds] == [second, third]
    assert page.wait is None
    assert not page.more


def test_what_does_not_exist_is_not_found(local):
    with pytest.raises(NotFound, match="no pipeline 'ci' is published"):
        local.adapter.start("ci", {})
    for ref in (BuildRef(pipeline="ci", build="1"), BuildRef(pipeline="../..", build="..")):
        with pytest.raises(NotFound):
            local.adapter.snapshot(ref)
    build = local.run(HELLO)
    with pytest.raises(NotFound):
        local.adapter.logs(build.ref, "../request.json", 0)


def test_starting_is_quick(local):
    local.publish(HELLO)
    begun = time.monotonic()
    ref = local.adapter.start("ci", {})
    assert time.monotonic() - begun < 5
    local.wait(ref)
