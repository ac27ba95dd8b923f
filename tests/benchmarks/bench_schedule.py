"""The schedule: 10,000 connections polled once a minute by each engine, with polls that see nothing.

Against the 167 a second that this takes, and against a bare loop that makes the same claims and commits on the same
database in one thread, without an engine, an adapter or a process between them. Also how long it takes from a webhook
to its event. Every adapter was made before: a service runs for days.
"""

import contextlib
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from pipemgr.ingest.engines.ticking import TICK_SECONDS

TRIPS = Path(__file__).parents[1] / "trips"
sys.path.insert(0, str(TRIPS))

from pulse import command, configure, install  # noqa: E402 - found in the folder above
from servers import PostgreSQL, Redis, wait_until  # noqa: E402

from pipemgr.adapter import Webhook  # noqa: E402
from pipemgr.config import load  # noqa: E402
from pipemgr.ingest.webhooks import Reception, receive  # noqa: E402
from pipemgr.ingest.worker import is_gone, me  # noqa: E402
from pipemgr.ledger import open_ledger  # noqa: E402
from pipemgr.service import operating  # noqa: E402
from pipemgr.service.runtime import Runtime  # noqa: E402

NEEDED = 10_000 / 60
WORKERS = 4
BATCH = 100
PATIENCE = 900


def run(quick):
    """Each figure is taken once: every pass is of thousands of polls."""
    count = 300 if quick else 10_000
    rows = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sys.path.insert(0, str(install(folder / "site")))
        server = PostgreSQL()
        stack.callback(server.close)
        redis = Redis(folder)
        redis.start()
        stack.callback(redis.kill)
        urls = {"SQLite": f"sqlite:///{folder}/ledger.db", "PostgreSQL": server.database("schedule")}
        for name, url in urls.items():
            workspace = prepare(folder / name, url, count, redis)
            bare = bare_loop(url, count)
            rows += told(f"embedded, {name}", embedded(workspace, url, count), bare)
        rows += told("celery, Redis and PostgreSQL", celery(workspace, url, count, folder / "site"), bare)
        rows += latencies(folder, 10 if quick else 100)
    return rows


def told(name, rate, bare):
    value = {"name": f"polls scheduled, {name}", "value": rate, "unit": "connections/s"}
    return [
        {**value, "ratio": rate / NEEDED, "against": f"needed, {NEEDED:.0f}/s"},
        {**value, "ratio": rate / bare, "against": f"the same claims in a bare loop, {bare:,.0f}/s"},
    ]


def prepare(root, url, count, redis):
    """A workspace with so many connections, all registered."""
    names = {f"c{number}": {"quiet": True, "wait": 3600.0} for number in range(count)}
    path = configure(root, names, workers=WORKERS, broker=redis.url)
    os.environ["PIPEMGR_LEDGER_URL"] = url
    runtime = Runtime(load(path))
    assert len(runtime.ledger.queries.connections()) >= count
    runtime.close()
    return load(path)


def make_due(url):
    """Make every connection due, and forget when it was polled."""
    with contextlib.closing(open_ledger(url)) as ledger, ledger.store.transaction() as transaction:
        transaction.database.execute(sa.text("UPDATE connection SET due_at = 0, last_success_at = NULL"))


def polled(ledger):
    """How many connections were polled since they were made due."""
    with ledger.engine.connect() as connection:
        statement = "SELECT count(*) FROM connection WHERE last_success_at IS NOT NULL AND adapter = 'pulse'"
        return connection.exec_driver_sql(statement).scalar_one()


def bare_loop(url, count):
    make_due(url)
    names = tuple(f"c{number}" for number in range(count))
    due = datetime.now(UTC) + timedelta(hours=1)
    with contextlib.closing(open_ledger(url)) as ledger:
        start = time.perf_counter()
        done = 0
        while leases := ledger.store.claim_due(me(), BATCH, 120, names=names, is_gone=is_gone):
            for lease in leases:
                with ledger.store.transaction(lease.name) as transaction:
                    transaction.commit_poll(lease, lease.cursor, due)
            done += len(leases)
        rate = done / (time.perf_counter() - start)
        assert done == count == polled(ledger)
    return rate


def embedded(workspace, url, count):
    engine = operating.engine(workspace, "embedded", lambda _name, _outcome: None)
    with engine.setup.shift() as shift:
        for _turn in range(2):  # adapters are made in the first
            make_due(url)
            start = time.perf_counter()
            engine.tick(shift)
            wait_until(lambda: polled(shift.ledger) == count, "all are polled", PATIENCE)
        rate = count / (time.perf_counter() - start)
        engine.finish(shift)
    return rate


def celery(workspace, url, count, site):
    """One beat and one worker with a child for each poll at once; the second pass, from being due to the last commit."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(site), *sys.path)),
        "PIPEMGR_LEDGER_URL": url,
    }
    processes = [
        subprocess.Popen(command(word), cwd=workspace.root, env=environment, start_new_session=True)
        for word in ("beat", "worker")
    ]
    try:
        with contextlib.closing(open_ledger(url)) as ledger:
            for _turn in range(2):
                make_due(url)
                start = time.perf_counter()
                wait_until(lambda: polled(ledger) == count, "all are polled", PATIENCE)
            return count / (time.perf_counter() - start)
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


def latencies(folder, count):
    """From a webhook that was taken to the event of the build that it announced, on the embedded engine.

    The vendor answers at once. The rest is the next tick, the claim, the poll and the commit.
    """
    url = f"sqlite:///{folder}/latency.db"
    path = configure(folder / "latency", {"hook": {"wait": 3600.0}}, workers=WORKERS)
    os.environ["PIPEMGR_LEDGER_URL"] = url
    engine = operating.engine(load(path), "embedded", lambda _name, _outcome: None)
    thread = threading.Thread(target=engine.run_forever)
    thread.start()
    with contextlib.closing(open_ledger(url)) as ledger:
        wait_until(lambda: builds(ledger) == 1, "the first poll")
        runtime = Runtime(load(path))
        taken = [hooked(ledger, runtime.adapter("hook"), number) for number in range(1, count + 1)]
        runtime.close()
    engine.stop()
    thread.join()
    bare = TICK_SECONDS / 2
    against = f"half a tick, {bare} s"
    p95 = statistics.quantiles(taken, n=20)[-1]
    values = {"median": statistics.median(taken), "95th percentile": p95}
    return [
        {
            "name": f"webhook to event, {name}",
            "value": value,
            "unit": "s",
            "ratio": value / bare,
            "against": against,
        }
        for name, value in values.items()
    ]


def hooked(ledger, adapter, number):
    time.sleep(random.uniform(0, TICK_SECONDS))
    start = time.perf_counter()
    received = receive("hook", adapter, ledger, Webhook({}, str(number).encode()))
    assert received.status is Reception.TAKEN
    while builds(ledger) == number:
        time.sleep(0.002)
    return time.perf_counter() - start


def builds(ledger):
    with ledger.engine.connect() as connection:
        names = "SELECT count(*) FROM outbox WHERE name = 'buildinstance.create'"
        return connection.exec_driver_sql(names).scalar_one()
