"""Real engines, killed, paused and cut off: no build is lost or doubled, and no two polls of a connection overlap.

Every poll of `pulse` makes one build, numbered by the cursor it came with. So a lost poll is a missing number, a
doubled one an event too many, and two polls at once are two builds whose times overlap.
"""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from pipemgr.config import load
from pipemgr.ingest.engines import Setup
from pipemgr.ingest.engines.celery import TASK, application
from pipemgr.ledger import Ledger, open_ledger
from pipemgr.ledger.verify import verify
from pipemgr.model.events import Kind

from .conftest import environment
from .pulse import command, configure, install
from .servers import PostgreSQL, Redis, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
NAMES = tuple(f"c{number}" for number in range(6))
POLL, PAUSE, LEASE, TICKET = 0.8, 0.2, 3.0, 3.0


@dataclass(frozen=True)
class Beat:
    """One committed poll."""

    connection: str
    number: int
    process: int
    began: datetime
    ended: datetime


@dataclass
class Fleet:
    """A workspace, and the processes that poll it."""

    root: Path
    url: str
    site: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *words: str, foreign: bool = True) -> subprocess.Popen[bytes]:
        """Start the program in a process group of its own; `foreign` ones can't be told dead by others."""
        extra = {"PULSE_LEASE": str(LEASE), "PULSE_TICKET": str(TICKET), "PIPEMGR_LEDGER_URL": self.url}
        extra |= {"PYTHONPATH": str(self.site)} | ({"PULSE_FOREIGN": "1"} if foreign else {})
        with (self.root / f"{words[0]}-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                command(*words),
                cwd=self.root,
                env={**environment(), **extra},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def signal(self, process: subprocess.Popen[bytes], number: int) -> None:
        """Send a signal to a process and to those that it forked."""
        os.killpg(process.pid, number)

    def end(self) -> None:
        """End all in good order."""
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            process.wait(40)

    def kill(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                self.signal(process, signal.SIGKILL)
            process.wait()

    def said(self) -> str:
        return "\n".join(path.read_text(encoding="utf-8") for path in sorted(self.root.glob("*.log")))

    @contextlib.contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with contextlib.closing(open_ledger(self.url, blobs=self.root / "blobs")) as opened:
            yield opened

    def beats(self) -> list[Beat]:
        """All committed polls, in the order in which they were recorded."""
        with self.ledger() as ledger:
            found = ledger.queries.objects(Kind.BUILD_INSTANCE, limit=100_000)
        return [
            Beat(
                one.connection,
                int(number),
                int(process),
                moment(one.data["started_at"]),
                moment(one.data["finished_at"]),
            )
            for one in found
            for number, process in [one.data["external_id"].split(":")]
        ]

    def polled_since(self, moment: datetime) -> set[str]:
        """The connections with a committed poll that began after a moment."""
        return {one.connection for one in self.beats() if one.began > moment}

    def wait_for_all(self, since: datetime, what: str) -> float:
        """Wait until every connection was polled anew; how long after `since` the last one was done, in seconds."""
        wait_until(lambda: self.polled_since(since) == set(NAMES), f"{what}\n{self.said()}", 40)
        first = {}
        for one in self.beats():
            if one.began > since:
                first.setdefault(one.connection, one.began)
        return (max(first.values()) - since).total_seconds()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def now() -> datetime:
    return datetime.now(UTC)


def assert_nothing_lost_or_doubled(fleet: Fleet) -> None:
    beats = fleet.beats()
    for name in NAMES:
        mine = [one for one in beats if one.connection == name]
        assert [one.number for one in mine] == [*range(1, len(mine) + 1)], name
        assert all(a.ended <= b.began for a, b in itertools.pairwise(mine)), f"{name}: overlapping polls"
    with fleet.ledger() as ledger:
        ledger.store.seal()
        assert verify(ledger.engine).ok
        events = []
        while page := ledger.queries.events(len(events), 10_000):
            events.extend(page)
        cursors = {one.name: one for one in ledger.queries.connections() if one.name in NAMES}
    assert [event.sequence for event in events] == [*range(1, len(events) + 1)]
    created = Counter(event.subject for event in events if event.name == "buildinstance.create")
    assert set(created.values()) == {1}
    assert len(created) == len(beats)
    owners = {one.owner for one in cursors.values() if one.owner is not None}
    # A ticket may lie in the broker still; it is good for nobody else, and for a short time only.
    assert all(owner.startswith("ticket:") for owner in owners), "a lease was not given back"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("site") / "packages")


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    server = PostgreSQL()
    yield server
    server.close()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed: Celery is not tested (apt install redis-server)")
    server = Redis(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str, float], None]:
    """Notes a measurement in the file that PIPEMGR_FIGURES names, if it does."""

    def note(what: str, seconds: float) -> None:
        if named := os.environ.get("PIPEMGR_FIGURES"):
            with Path(named).open("a", encoding="utf-8") as file:
                file.write(
                    json.dumps({"test": request.node.name, "what": what, "seconds": round(seconds, 2)}) + "\n"
                )

    return note


Make = Callable[..., Fleet]


@pytest.fixture
def make(tmp_path: Path, site: Path, request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes a workspace on the database asked for."""
    made: list[Fleet] = []

    def fleet(database: str, **polling: object) -> Fleet:
        root = tmp_path / "workspace"
        marks = str(tmp_path / "marks")
        settings = {"seconds": POLL, "wait": PAUSE, "marks": marks}
        configure(root, dict.fromkeys(NAMES, settings), workers=3, **polling)
        url = f"sqlite:///{root}/ledger.db"
        if database == "postgresql":
            url = request.getfixturevalue("postgresql").database(f"pulse_{uuid4().hex}")
        open_ledger(url).close()
        made.append(Fleet(root, url, site))
        return made[-1]

    yield fleet
    for one in made:
        one.kill()


@dataclass(frozen=True)
class Engine:
    """A fleet, and how its workers are started."""

    fleet: Fleet
    words: tuple[str, ...]

    def worker(self, *, foreign: bool = True) -> subprocess.Popen[bytes]:
        return self.fleet.start(*self.words, foreign=foreign)


@pytest.fixture(
    params=[
        pytest.param("embedded-sqlite", id="embedded-sqlite"),
        pytest.param("embedded-postgresql", id="embedded-postgresql", marks=pytest.mark.postgres),
        pytest.param("celery-postgresql", id="celery-postgresql", marks=pytest.mark.postgres),
    ]
)
def engine(make: Make, request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn, with what it needs besides workers."""
    kind, _, database = request.param.partition("-")
    if kind == "embedded":
        return Engine(make(database), ("poll", "--watch"))
    fleet = make(database, broker=request.getfixturevalue("redis").url)
    fleet.start("beat", foreign=False)
    return Engine(fleet, ("worker",))


def members(process: subprocess.Popen[bytes]) -> set[int]:
    """The processes of a group: the one that was started, and those that it forked."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text("utf-8", "replace").rpartition(")")[2].split()
            if int(fields[2]) == process.pid:
                found.add(int(path.parent.name))
    return found


def in_the_middle(fleet: Fleet, process: subprocess.Popen[bytes]) -> set[str]:
    """The connections that these processes poll right now, by the marks that polls leave when they begin."""
    pids = members(process)
    lines = (fleet.root.parent / "marks").read_text(encoding="utf-8").splitlines()
    latest = {line.split()[0]: line.split() for line in lines}
    return {
        name
        for name, (_, _, pid, began) in latest.items()
        if int(pid) in pids and time.time() - float(began) < POLL * 0.6
    }


def test_a_worker_killed_in_the_middle_of_polls(engine: Engine, figure) -> None:
    fleet = engine.fleet
    first, second = engine.worker(), engine.worker()
    fleet.wait_for_all(datetime.min.replace(tzinfo=UTC), "both workers poll")
    wait_until(lambda: len(in_the_middle(fleet, first)) > 1, "the first worker polls")
    caught = in_the_middle(fleet, first)
    gone = members(first)
    fleet.signal(first, signal.SIGKILL)
    killed = now()
    figure("killed; its leases had to end", fleet.wait_for_all(killed, "after the kill"))
    assert {one.process for one in fleet.beats() if one.began > killed} & gone == set()
    assert caught
    # Where it can be known that a worker is dead, nobody waits for its leases.
    third = engine.worker(foreign=False)
    fleet.start(*engine.words, foreign=False)
    fleet.signal(second, signal.SIGKILL)
    wait_until(lambda: len(in_the_middle(fleet, third)) > 1, "the third worker polls", 40)
    fleet.signal(third, signal.SIGKILL)
    figure("killed; known to be dead", fleet.wait_for_all(now(), "after the second kill"))
    fleet.end()
    assert_nothing_lost_or_doubled(fleet)


def test_a_worker_paused_past_its_leases_commits_nothing(engine: Engine, figure) -> None:
    fleet = engine.fleet
    zombie = engine.worker()
    engine.worker()
    fleet.wait_for_all(datetime.min.replace(tzinfo=UTC), "both workers poll")
    wait_until(lambda: len(in_the_middle(fleet, zombie)) > 1, "the first worker polls")
    fleet.signal(zombie, signal.SIGSTOP)
    paused, pids = now(), members(zombie)
    caught = in_the_middle(fleet, zombie)
    figure("paused; its leases had to end", fleet.wait_for_all(paused, "while one is paused"))
    fleet.signal(zombie, signal.SIGCONT)
    woken = now()
    wait_until(
        lambda: any(one.process in pids and one.began > woken for one in fleet.beats()), "it works again", 40
    )
    fleet.end()
    assert caught
    late = [one for one in fleet.beats() if one.process in pids and one.began < paused and one.ended > woken]
    assert late == []
    assert_nothing_lost_or_doubled(fleet)


def test_stopping_in_good_order_finishes_what_runs(engine: Engine) -> None:
    fleet = engine.fleet
    worker = engine.worker()
    wait_until(fleet.beats, "it polls")
    began = time.monotonic()
    fleet.end()
    assert time.monotonic() - began < 15
    assert worker.returncode == 0, fleet.said()
    assert "Traceback" not in fleet.said()
    assert_nothing_lost_or_doubled(fleet)


@pytest.mark.postgres
@pytest.mark.parametrize("kind", ["embedded", "celery"])
def test_the_database_crashes_under_the_workers(
    make: Make, postgresql: PostgreSQL, request, kind: str, figure
) -> None:
    if kind == "celery":
        fleet = make("postgresql", broker=request.getfixturevalue("redis").url)
        for words in ("beat", "worker", "worker"):
            fleet.start(words)
    else:
        fleet = make("postgresql")
        fleet.start("poll", "--watch")
    fleet.wait_for_all(datetime.min.replace(tzinfo=UTC), "all poll")
    postgresql.crash()
    time.sleep(2)
    postgresql.start()
    figure("database away for 2 s", fleet.wait_for_all(now(), "after the crash of the database"))
    fleet.end()
    assert "Traceback" not in fleet.said()
    assert_nothing_lost_or_doubled(fleet)


@pytest.mark.postgres
def test_the_broker_dies_with_all_it_knew(make: Make, redis: Redis, figure) -> None:
    fleet = make("postgresql", broker=redis.url)
    for words in ("beat", "worker", "worker"):
        fleet.start(words)
    fleet.wait_for_all(datetime.min.replace(tzinfo=UTC), "all poll")
    redis.kill()
    time.sleep(3)
    redis.start()
    figure("broker away for 3 s, its state lost", fleet.wait_for_all(now(), "after the broker's death"))
    fleet.end()
    assert "the broker can't be reached" in fleet.said()
    assert_nothing_lost_or_doubled(fleet)


@pytest.mark.postgres
def test_two_beats_and_one_dies(make: Make, redis: Redis, figure) -> None:
    fleet = make("postgresql", broker=redis.url)
    first, _, _ = (fleet.start(words) for words in ("beat", "beat", "worker"))
    fleet.wait_for_all(datetime.min.replace(tzinfo=UTC), "all poll")
    fleet.wait_for_all(now(), "all poll again")
    fleet.signal(first, signal.SIGKILL)
    figure("one of two beats killed", fleet.wait_for_all(now(), "after one beat's death"))
    fleet.end()
    assert_nothing_lost_or_doubled(fleet)


@pytest.mark.postgres
def test_messages_that_come_twice_or_too_late_or_from_strangers(make: Make, redis: Redis) -> None:
    fleet = make("postgresql", broker=redis.url)
    workspace = load(fleet.root / "pipemgr.toml")
    app = application(Setup(contextlib.nullcontext, workspace.config.polling, workspace.path))
    with fleet.ledger() as ledger:
        for name in NAMES:
            ledger.store.register(name, "pulse")
            assert ledger.store.claim(name, f"ticket:{name}", 60) is not None
    for name in NAMES:
        for ticket in (name, name, name, "another"):
            app.send_task(TASK, (name, f"ticket:{ticket}"), expires=60)
    app.send_task(TASK, ("stranger", "ticket:stranger"))
    fleet.start("worker")
    fleet.wait_for_all(datetime.min.replace(tzinfo=UTC), "all poll")
    with fleet.ledger() as ledger, ledger.store.transaction() as transaction:
        # As if the next polls were far off: what comes too late must not bring them forward.
        transaction.database.execute(sa.text("UPDATE connection SET due_at = due_at + 3600000000"))
    for name in NAMES:
        app.send_task(TASK, (name, f"ticket:{name}"), expires=60)
    time.sleep(POLL * 3)
    fleet.end()
    app.close()
    assert Counter(one.connection for one in fleet.beats()) == dict.fromkeys(NAMES, 1)
    assert fleet.said().count("a beat hands out 'stranger', which is not configured here") == 1
    assert_nothing_lost_or_doubled(fleet)
