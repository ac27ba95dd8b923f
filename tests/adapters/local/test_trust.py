"""What builds get to see, and what their files may do to those who look at them."""

import contextlib
import os
import shutil
from pathlib import Path

import pytest

from pipemgr.adapter import Refused
from pipemgr.model.status import Result
from pipemgr_local.kept import _measured

SECRET = "a-value-that-must-not-be-written-down"


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAMED", SECRET)
    monkeypatch.setenv("UNNAMED", SECRET)


def written(folder: Path) -> str:
    """Everything that the adapter keeps of itself; what steps print is theirs to keep."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "logs")
    return "".join(path.read_text(encoding="utf-8", errors="replace") for path in files)


def test_a_build_sees_the_variables_that_are_named_and_no_disk_does(make, secrets):
    local = make(environment=["NAMED"])
    body = """
    jobs:
      look:
        runs-on: linux
        steps: [{run: 'echo "$NAMED"; test -z "$UNNAMED"'}]
    """
    build = local.run(body)
    assert build.status.result is Result.SUCCESS
    assert local.log(build, "look/0") == f"{SECRET}\n"
    assert SECRET not in written(local.adapter.store.state)
    assert SECRET not in build.model_dump_json()


def test_to_execute_again_takes_the_variables_as_they_are_now(make, monkeypatch):
    local = make(environment=["NAMED"])
    monkeypatch.setenv("NAMED", "before")
    first = local.run("""
    jobs:
      look:
        runs-on: linux
        steps: [{run: 'echo "$NAMED"'}]
    """)
    monkeypatch.setenv("NAMED", "after")
    again = local.wait(local.adapter.rerun(first.ref))
    assert [local.log(one, "look/0") for one in (first, again)] == ["before\n", "after\n"]


def test_the_runner_carries_no_more_than_builds_may_see(make, secrets):
    local = make()
    ref = local.start("""
    jobs:
      wait:
        runs-on: linux
        steps: [{run: sleep 60}]
    """)
    local.wait(ref, lambda build: any(one.started_at for part in build.stages for one in part.steps))
    folder = str(local.adapter.store.build(ref).folder)
    seen = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if folder.encode() in (process / "cmdline").read_bytes():
                seen[process.name] = (process / "environ").read_bytes()
    local.adapter.cancel(ref)
    local.wait(ref)
    assert len(seen) >= 2  # the runner and act
    assert not [number for number, environ in seen.items() if SECRET.encode() in environ]


@pytest.mark.parametrize("event", ["--list", "--help", "--bug-report", "-P", "push; touch pwned"])
def test_an_event_is_never_an_option(local, workspace, event):
    build = local.run(f"""
name: ci
on: {{"{event}": null}}
jobs:
  hello:
    runs-on: linux
    steps: [{{run: echo hello}}]
""")
    assert build.status.result is Result.SUCCESS
    assert local.log(build, "hello/0") == "hello\n"
    assert not (workspace / "pwned").exists()


def test_files_with_odd_names_are_artifacts_like_others(local):
    build = local.run("""
    jobs:
      make:
        runs-on: linux
        steps:
          - run: |
              cd "$PIPEMGR_ARTIFACTS"
              touch "$(printf 'no-text-\\377')" "$(printf 'two\\nlines')" "q\\"uote's" plain
              mkfifo pipe
              ln -s /etc folder
              ln -s /etc/passwd link
    """)
    assert build.status.result is Result.SUCCESS, build.status
    assert {one.name for one in build.artifacts} == {"no-text-\ufffd", "two\nlines", "q\"uote's", "plain"}
    assert type(build).model_validate_json(build.model_dump_json()) == build


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_locked_artifact_is_told_without_a_digest(local):
    build = local.run("""
    jobs:
      make:
        runs-on: linux
        steps: [{run: 'cd "$PIPEMGR_ARTIFACTS"; echo a > locked; echo b > open; chmod 0 locked'}]
    """)
    found = {one.name: (one.size, one.digest is not None) for one in build.artifacts}
    assert found == {"locked": (None, False), "open": (2, True)}


def test_a_damaged_build_says_how_to_get_rid_of_it(local):
    build = local.run("""
    jobs:
      make:
        runs-on: linux
        steps: [{run: echo hello}]
    """)
    folder = local.adapter.store.build(build.ref).folder
    (folder / "request.json").write_bytes(b"")
    with pytest.raises(Refused, match="damaged") as caught:
        local.adapter.snapshot(build.ref)
    assert caught.value.remedy == f"remove the folder {folder}"
    shutil.rmtree(folder)
    assert local.adapter.poll({}).builds == ()


def test_a_file_that_goes_while_it_is_measured_has_no_digest(tmp_path):
    assert _measured(tmp_path / "gone") == (None, None, None)
