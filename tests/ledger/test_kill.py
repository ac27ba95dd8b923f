"""kill -9: whatever the moment, the ledger verifies, and going on loses nothing and doubles nothing."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from pipemgr.ingest.recorder import Recorder
from pipemgr.ledger import open_ledger
from pipemgr.ledger.verify import verify
from pipemgr.model.events import Kind

# What a worker does: claim, record page by page with the cursor, seal. It never ends by itself.
WORKER = """
import sys, time
from datetime import UTC, datetime, timedelta
from pipemgr.errors import Busy
from pipemgr.ingest.recorder import Recorder
from pipemgr.ledger import open_ledger
from pipemgr.model.runs import Build, BuildInstance, BuildLog, StageInstance, StepInstance
from pipemgr.model.status import Result, State, Status

START = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = Status(state=State.FINISHED, result=Result.SUCCESS, raw="ok")

def build(number):
    steps = tuple(StepInstance(external_id=str(i), name=f"step {i}", status=GOOD) for i in range(5))
    return BuildInstance(
        build=Build(pipeline="web", external_id=str(number), number=number), external_id=str(number), status=GOOD,
        stages=tuple(StageInstance(external_id=f"s{i}", name=f"s{i}", status=GOOD, steps=steps) for i in range(3)),
        logs=(BuildLog(name="out", text="x" * 100, offset=100, complete=True),),
    )

ledger = open_ledger(sys.argv[1])
print("ready", flush=True)
while True:
    lease = ledger.store.claim("ci", "worker", 0.05)
    if lease is None:
        time.sleep(0.01)
        continue
    first = lease.cursor.get("next", 0)
    page = [build(number) for number in range(max(0, first - 2), first + 4)]
    try:
        Recorder(ledger).record("ci", page, lease=lease, cursor={"next": first + 4}, due_at=START)
    except Busy:
        continue
    ledger.store.seal()
"""
BELOW = {
    Kind.STAGE_INSTANCE: 3,
    Kind.STEP_INSTANCE: 15,
    Kind.BUILD_LOG: 1,
    Kind.BUILD_INSTANCE: 1,
    Kind.BUILD: 1,
}


@pytest.mark.slow
def test_killed_at_random_moments(url):
    with_register = open_ledger(url)
    with_register.store.register("ci", "local")
    with_register.close()
    chance = random.Random(7)
    for _ in range(6):
        workers = [start(url) for _ in range(2)]
        time.sleep(chance.uniform(0.02, 0.4))
        for worker in workers:
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
            worker.stdout.close()
        ledger = open_ledger(url)
        found = verify(ledger.engine)
        assert found.ok, found.problems[:3]
        check_builds(ledger)
        ledger.close()
    ledger = open_ledger(url)
    assert ledger.queries.connections()[0].cursor.get("next", 0) > 0
    ledger.store.seal()
    assert verify(ledger.engine).unsealed == 0
    ledger.close()


def start(url):
    worker = subprocess.Popen([sys.executable, "-c", WORKER, url], stdout=subprocess.PIPE, text=True)
    assert worker.stdout.readline() == "ready\n"
    return worker


def check_builds(ledger):
    """Rows and cursor agree: each build that the cursor has passed is there, whole and once."""
    count = ledger.queries.connections()[0].cursor.get("next", 0)
    found = ledger.queries.counts().objects
    assert {kind: found[kind] for kind in BELOW} == {kind: each * count for kind, each in BELOW.items()}


@pytest.mark.slow
def test_killed_in_the_middle_of_a_transaction(url, snapshot):
    """The worker has sent its rows and events, but not committed."""
    open_ledger(url).close()
    code = (
        "import sys, time\n"
        "from pipemgr.ledger import open_ledger\n"
        "from pipemgr.model.events import HubEvent\n"
        "ledger = open_ledger(sys.argv[1])\n"
        "with ledger.store.transaction('ci') as transaction:\n"
        "    transaction.event(HubEvent.PLAN_APPLIED, 'web', {})\n"
        "    transaction.flush()\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, text=True)
    assert worker.stdout.readline() == "ready\n"
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    ledger = open_ledger(url)
    assert ledger.queries.events() == ()
    Recorder(ledger).record("ci", [snapshot()])
    assert ledger.queries.events()[0].sequence == 1
    assert verify(ledger.engine).ok
    ledger.close()


def test_a_lease_of_the_dead_ends_by_itself(ledger):
    ledger.store.register("ci", "local")
    lease = ledger.store.claim("ci", "dead", 0.1)
    assert lease.until < datetime.now(UTC) + timedelta(seconds=1)
    time.sleep(0.15)
    assert ledger.store.claim("ci", "heir", 60).fence == lease.fence + 1
