"""Killed at any moment: the next run completes the work, and nothing is lost, doubled or left taken."""

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipemgr.config import find
from pipemgr.ingest.poller import Pace, poll
from pipemgr.ingest.worker import me
from pipemgr.ledger import open_ledger
from pipemgr.ledger.verify import verify
from pipemgr.model.events import Kind
from pipemgr.plan.apply import Fate
from pipemgr.plan.plan import Verb
from pipemgr.service import planning, syncing
from pipemgr.service.runtime import Runtime
from pipemgr.service.workspace import create, create_demo
from pipemgr_local.store import Finish, Request, Store
from pipemgr_local.workflow import Workflow

from .conftest import PIPEMGR, Workspace, environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SEED = 20_240_229
MOMENTS = 50
TALKATIVE = """\
pipeline: hello
triggers: [manual: {}]
stages:
  greet:
    steps:
      - name: Round
        run: echo "round 0"
      - name: Talk
        run: seq 1 20000
"""
OBJECTS = tuple(kind for kind in Kind if kind is not Kind.LEDGER_ENTRY)


@contextlib.contextmanager
def used(root: Path) -> Iterator[Runtime]:
    runtime = Runtime(find(root))
    try:
        yield runtime
    finally:
        runtime.close()


def start(root: Path, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*PIPEMGR, *words],
        cwd=root,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill_after(seconds: float, root: Path, *words: str) -> bool:
    """Kill a command at a moment of its life; whether it still lived."""
    process = start(root, *words)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait() == -signal.SIGKILL


def measured(root: Path, *words: str) -> float:
    began = time.monotonic()
    assert start(root, *words).wait() in (0, 2)
    return time.monotonic() - began


def moments(rng: random.Random, count: int, length: float) -> list[float]:
    """Moments over a whole life, and as many again over its second half, where it works and does not load code."""
    whole = [rng.uniform(0, length) for _ in range(count // 2)]
    return whole + [rng.uniform(length / 2, length * 1.1) for _ in range(count - len(whole))]


def sync_well(runtime: Runtime) -> list[syncing.Step]:
    steps = list(syncing.sync(runtime))
    for step in steps:
        assert not isinstance(step, syncing.Failure), step
        assert getattr(step, "fate", None) is not Fate.FAILED, step
    return steps


def assert_sound(runtime: Runtime) -> None:
    found = verify(runtime.ledger.engine)
    assert found.ok, found.problems
    assert not planning.plan(runtime).pending
    adapter = runtime.adapter("local")
    for publication in runtime.ledger.queries.publications():
        live = adapter.fetch(publication.pipeline)
        assert publication.fingerprint == live.fingerprint
        assert publication.documents == live.model_dump(mode="json")


def wait_until_quiet(runtime: Runtime) -> None:
    deadline = time.monotonic() + 300
    while runtime.ledger.queries.open_instances("local"):
        assert time.monotonic() < deadline, "builds do not end"
        time.sleep(0.3)
        sync_well(runtime)


def shape(runtime: Runtime, ledger) -> Counter[tuple[str, ...]]:
    """What the ledger has of builds, without what depends on when it was looked at."""
    found: Counter[tuple[str, ...]] = Counter()
    for kind in OBJECTS:
        for one in ledger.queries.objects(kind, limit=1_000_000):
            parts = ("status", "digest", "complete", "exit_code", "text", "parameters")
            if kind not in (Kind.PIPELINE, Kind.STAGE, Kind.STEP):
                found[kind, one.key, *(str(one.data.get(part)) for part in parts)] += 1
    return found


def assert_nothing_lost_or_doubled(runtime: Runtime, other: Path) -> None:
    """The same as in a ledger that saw all builds at once, after their end, and was never killed."""
    fresh = open_ledger(f"sqlite:///{other}")
    fresh.store.register("local", "local")
    poll("local", runtime.adapter("local"), fresh, Pace())
    assert shape(runtime, runtime.ledger) == shape(runtime, fresh)
    fresh.close()
    events = []
    while page := runtime.ledger.queries.events(len(events), 10_000):
        events.extend(page)
    assert [event.sequence for event in events] == [*range(1, len(events) + 1)]
    last: dict[str, object] = {}
    entries = 0
    for event in events:
        kind, _, change = event.name.rpartition(".")
        if kind == Kind.LEDGER_ENTRY:
            entries += 1
        elif kind in OBJECTS:
            assert (change == "create") == (event.subject not in last), event
            # Only that somebody asked for something is told without a change.
            asked = event.name == "buildinstance.updated" and not event.changed
            assert asked or last.get(event.subject) != event.data, f"twice the same: {event}"
            last[event.subject] = event.data
    assert entries == runtime.ledger.queries.counts().entries
    assert runtime.ledger.queries.unsealed() == 0


def test_sync_killed_at_many_moments_loses_and_doubles_nothing(tmp_path):
    rng = random.Random(SEED)
    root = tmp_path / "workspace"
    create(root)
    workspace = Workspace(root)
    (root / "pipelines/hello.yaml").write_text(TALKATIVE, encoding="utf-8")
    workspace.well("sync")
    length = measured(root, "sync")
    killed, rounds = 0, 0
    while killed < MOMENTS:
        with used(root) as runtime:
            runtime.adapter("local").start("hello", {})
        workspace.edit("hello", f'"round {rounds}"', f'"round {rounds + 1}"')
        rounds += 1
        assert rounds < 4 * MOMENTS, f"only {killed} of {rounds} were still alive when they were to be killed"
        # Every second one in the later half of its life, where it works and does not load code.
        began = time.monotonic()
        if kill_after(rng.uniform(length / 2 if rounds % 2 else 0, length), root, "sync"):
            killed += 1
        else:
            length = time.monotonic() - began
        with used(root) as runtime:
            sync_well(runtime)
            assert_sound(runtime)
    with used(root) as runtime:
        wait_until_quiet(runtime)
        assert_sound(runtime)
        assert_nothing_lost_or_doubled(runtime, tmp_path / "fresh.db")
        updates = [one for one in all_events(runtime) if one.name == "step.updated"]
        seen = [re.findall(r"round (\d+)", str(one.data["definition"])) for one in updates]
        assert seen == [[str(number)] for number in range(1, rounds + 1)]
        assert len(runtime.ledger.queries.builds(limit=1000)) == rounds


def killed_at(root: Path, point: int) -> bool:
    """Sync in a process that kills itself at a point of its work: before a statement or a change of a file.

    Returns whether it came that far.
    """
    child = os.fork()
    if child == 0:
        left = [point]

        def reached(*_: object) -> None:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        def audited(name: str, words: tuple[object, ...]) -> None:
            if name in ("os.rename", "os.mkdir", "os.remove") or (name == "open" and words[1] == "w"):
                reached()

        sys.addaudithook(audited)
        sa.event.listen(sa.Engine, "connect", lambda one, _: one.set_trace_callback(reached))
        with used(root) as runtime:
            code = int(any(isinstance(step, syncing.Failure) for step in syncing.sync(runtime)))
        os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0


def add_finished_build(runtime: Runtime, number: int) -> None:
    """A build as the local adapter keeps it, without the time to execute one; its log is a long one."""
    store = Store(runtime.workspace.state / "connections/local")
    documents = store.fetch("hello")
    request = Request(
        number=0,
        pipeline="hello",
        directory=str(runtime.workspace.root),
        workflow=Workflow.of(documents, "hello"),
        timeout=60,
        requested_at=datetime.now(UTC),
        mark=f"none-{number}",
    )
    build, lock = store.add(request, next(iter(documents)).text)
    build.logs.mkdir()
    (build.logs / "act.log").write_text(f"round {number}\n" * 10_000, encoding="utf-8")
    build.end(Finish(word="success", finished_at=datetime.now(UTC)))
    os.close(lock)


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_sync_killed_before_every_single_write_loses_and_doubles_nothing(tmp_path):
    root = tmp_path / "workspace"
    create(root)
    workspace = Workspace(root)
    (root / "pipelines/hello.yaml").write_text(TALKATIVE, encoding="utf-8")
    workspace.well("sync")
    left_behind: Counter[str] = Counter()
    point = 0
    while True:
        with used(root) as runtime:
            add_finished_build(runtime, point)
        workspace.edit("hello", f'"round {point}"', f'"round {point + 1}"')
        point += 1
        if not killed_at(root, point):
            break
        with used(root) as runtime:
            left_behind["lease"] += runtime.ledger.queries.connections()[0].owner is not None
            left_behind["unsealed"] += runtime.ledger.queries.unsealed() > 0
            left_behind.update(one.verb for one in planning.plan(runtime).pending)
            sync_well(runtime)
            assert_sound(runtime)
    assert point > 50
    # Each of the states that a crash can leave was there, or this test proves nothing.
    assert min(left_behind[one] for one in ("lease", "unsealed", Verb.UPDATE, Verb.ADOPT)) > 0, left_behind
    with used(root) as runtime:
        assert_sound(runtime)
        assert_nothing_lost_or_doubled(runtime, tmp_path / "fresh.db")
        assert len(runtime.ledger.queries.builds(limit=1000)) == point


def all_events(runtime: Runtime):
    after = 0
    while page := runtime.ledger.queries.events(after, 10_000):
        yield from page
        after = page[-1].sequence


def test_the_very_first_sync_killed_while_it_makes_the_ledger(tmp_path):
    rng = random.Random(SEED)
    create(tmp_path / "measured")
    length = measured(tmp_path / "measured", "sync")
    for number, moment in enumerate(moments(rng, 12, length)):
        root = tmp_path / f"workspace-{number}"
        create(root)
        kill_after(moment, root, "sync")
        with used(root) as runtime:
            sync_well(runtime)
            assert_sound(runtime)
            assert [one.pipeline for one in runtime.ledger.queries.publications()] == ["hello"]
            names = Counter(one.name for one in all_events(runtime))
            assert (names["pipeline.create"], names["stage.create"], names["step.create"]) == (1, 1, 2)


def test_apply_killed_at_many_moments(tmp_path):
    rng = random.Random(SEED)
    root = tmp_path / "workspace"
    create(root)
    text = (root / "pipelines/hello.yaml").read_text(encoding="utf-8")
    names = [f"copy-{number}" for number in range(12)]
    length = 0.0
    for turn, share in enumerate([1.0, *moments(rng, 15, 1.0)]):
        for name in names:
            changed = text.replace("pipeline: hello", f"pipeline: {name}").replace("world", f"world {turn}")
            (root / f"pipelines/{name}.yaml").write_text(changed, encoding="utf-8")
        if not turn:
            length = measured(root, "apply")
            continue
        kill_after(share * length, root, "apply")
        with used(root) as runtime:
            for done in planning.carry_out(runtime, planning.plan(runtime)):
                assert done.fate is not Fate.FAILED, done
            assert_sound(runtime)
    with used(root) as runtime:
        updates = Counter(one.data["name"] for one in all_events(runtime) if one.name == "pipeline.updated")
        assert updates == Counter(dict.fromkeys(names, 15))


def test_the_demonstration_killed_and_told_again(tmp_path):
    rng = random.Random(SEED)
    root = tmp_path / "demo"
    for moment in sorted(rng.uniform(0.5, 8) for _ in range(4)):
        kill_after(moment, root, "demo", str(root)) if root.exists() else kill_after(
            moment, tmp_path, "demo", str(root)
        )
    create_demo(root)
    done = Workspace(root).well("demo", root, "--json").json
    assert [one["status"]["result"] for one in done["builds"]] == ["success"] * 3 + ["failure"]
    with used(root) as runtime:
        sync_well(runtime)
        wait_until_quiet(runtime)
        assert_sound(runtime)
        assert_nothing_lost_or_doubled(runtime, tmp_path / "fresh.db")


def test_a_living_worker_is_respected_and_a_dead_one_is_not(hello):
    workspace = hello()
    workspace.well("sync")
    with used(workspace.root) as runtime:
        lease = runtime.ledger.store.claim("local", me(), 120)
        assert lease is not None
        busy = workspace("sync")
        assert busy.code == 1
        assert f"local: another worker ({me()}) is polling 'local'" in busy.err
        (failure,) = [one for one in workspace("sync", "--json").json if one["step"] == "failure"]
        assert failure["retryable"]
        with runtime.ledger.store.transaction() as transaction:
            transaction.commit_poll(lease)  # it still holds: nobody took over
        dead = me().replace(f":{me().split(':')[1]}:", f":{start_and_end()}:")
        runtime.ledger.store.fail_poll(lease, "", lease.until)
        assert runtime.ledger.store.claim("local", dead, 120) is not None
    began = time.monotonic()
    workspace.well("sync")
    assert time.monotonic() - began < 60


def start_and_end() -> int:
    """The number of a process that lives no longer."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_syncs_at_the_same_time_agree(tmp_path):
    root = tmp_path / "workspace"
    create(root)
    for turn in range(4):
        Workspace(root).edit("hello", "default: world" + "!" * turn, "default: world" + "!" * (turn + 1))
        processes = [
            subprocess.Popen(
                [*PIPEMGR, "sync"],
                cwd=root,
                env=environment(),
                stderr=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for _ in range(3)
        ]
        told = [process.communicate()[1].decode() for process in processes]
        for process, err in zip(processes, told, strict=True):
            assert process.returncode == bool(err), err
            assert not err or "another worker" in err, err
        assert "" in told
        with used(root) as runtime:
            sync_well(runtime)
            assert_sound(runtime)
            runtime.adapter("local").start("hello", {})
    with used(root) as runtime:
        sync_well(runtime)
        wait_until_quiet(runtime)
        assert_nothing_lost_or_doubled(runtime, tmp_path / "fresh.db")


def test_waiting_for_a_build_goes_on_while_somebody_else_polls(workspace):
    waiting = start(workspace.root, "build", "start", "release", "--wait")
    while waiting.poll() is None:
        ran = workspace("poll")
        assert ran.code == 0 or "another worker" in ran.err
    assert waiting.wait() == 0
    with used(workspace.root) as runtime:
        assert_sound(runtime)


def test_an_interrupted_poll_gives_the_connection_back(workspace):
    waiting = start(workspace.root, "build", "start", "release", "--wait")
    time.sleep(2.5)
    waiting.send_signal(signal.SIGINT)
    # -2: the signal came before Python listened, on a busy machine.
    assert waiting.wait(30) in (130, 0, -signal.SIGINT)
    workspace.well("sync")
