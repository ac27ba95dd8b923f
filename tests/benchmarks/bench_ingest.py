"""Ingest of build snapshots into SQLite and PostgreSQL: against bare SQLAlchemy Core and the bare driver.

A row is a row of any table: each object has its own, an entry and two events. The rivals write as many small rows
(id, key, text) into one table without triggers or further indexes, in one transaction. Logs come as an adapter's
page has them after polling: their texts are files already, the snapshot has their digests.
"""

import contextlib
import gc
import sqlite3
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import sqlalchemy as sa
import uuid_utils

sys.path.insert(0, str(Path(__file__).parents[1] / "trips"))

from servers import PostgreSQL

from pipemgr.ingest.recorder import Recorder
from pipemgr.ledger import batch, open_ledger
from pipemgr.model.runs import Artifact, Build, BuildInstance, BuildLog, StageInstance, StepInstance
from pipemgr.model.status import Result, State, Status

START = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = Status(state=State.FINISHED, result=Result.SUCCESS, raw="completed success", table="sample 1")
ROWS_PER_OBJECT = 4
REPEATS = 3
CORE = "bare SQLAlchemy Core"


def snapshot(number):
    """A build as most are: four stages of six steps, a log for each stage, an artifact."""
    ended = START + timedelta(seconds=number)

    def steps():
        return tuple(
            StepInstance(
                external_id=str(place),
                name=f"Step number {place}",
                step=str(place),
                status=GOOD,
                started_at=START,
                finished_at=ended,
                exit_code=0,
            )
            for place in range(6)
        )

    names = ("lint", "test", "build", "deploy")
    stages = tuple(
        StageInstance(
            external_id=name, name=name, status=GOOD, started_at=START, finished_at=ended, steps=steps()
        )
        for name in names
    )
    return BuildInstance(
        build=Build(
            pipeline="web",
            external_id=str(number),
            number=number,
            branch="main",
            commit="c0ffee" * 6,
            actor="ann",
        ),
        external_id=str(number),
        status=GOOD,
        started_at=START,
        finished_at=ended,
        stages=stages,
        logs=tuple(
            BuildLog(name=name, stage=name, digest=f"sha256:{number:064x}", offset=60, complete=True)
            for name in names
        ),
        artifacts=(Artifact(name="wheel", digest=f"sha256:{number:064x}", size=4711),),
        source_digest=f"sha256:{number:064x}",
    )


def timed(work):
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ingest(url, folder, snapshots):
    ledger = open_ledger(url, blobs=folder / "blobs")
    recorder = Recorder(ledger)
    first = timed(lambda: recorder.record("ci", snapshots))
    again = timed(lambda: recorder.record("ci", snapshots))
    events = ledger.queries.last_event()
    ledger.close()
    return first, again, events * ROWS_PER_OBJECT // 2


def small_rows(count):
    text = "x" * 200
    return [(uuid_utils.uuid7().hex, f"web/{number}", text) for number in range(count)]


def raw_sqlite(folder, rows):
    connection = sqlite3.connect(folder / f"{uuid_utils.uuid7()}.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("CREATE TABLE bare (id TEXT PRIMARY KEY, key TEXT NOT NULL, data TEXT NOT NULL)")

    def work():
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO bare VALUES (?, ?, ?)", rows)
        connection.execute("COMMIT")

    taken = timed(work)
    connection.close()
    return taken


def bare_core(url, rows):
    """One executemany of one statement, as SQLAlchemy's documentation recommends for many rows."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    columns = (
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text),
        sa.Column("data", sa.Text),
    )
    table = sa.Table("bare", sa.MetaData(), *columns)
    values = [{"id": number, "key": key, "data": data} for number, key, data in rows]
    with engine.connect() as connection:
        if url.startswith("sqlite"):
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
        table.create(connection)
        connection.commit()

        def work():
            connection.execute(table.insert(), values)
            connection.commit()

        taken = timed(work)
    engine.dispose()
    return taken


def without_copy(url, folder, snapshots):
    """The same ingest by executemany alone."""
    with mock.patch.object(batch, "COPY_FROM", len(snapshots) * 1000):
        return ingest(url, folder, snapshots)[0]


def run(quick):
    """The best of several runs, taken in turn so that a busy machine is unfair to all alike."""
    snapshots = [snapshot(number) for number in range(20 if quick else 700)]
    repeats = 1 if quick else REPEATS
    with tempfile.TemporaryDirectory() as name, contextlib.closing(PostgreSQL()) as server:
        folder = Path(name)
        return on_sqlite(folder, snapshots, repeats) + on_postgresql(server, folder, snapshots, repeats)


def on_sqlite(folder, snapshots, repeats):
    firsts, agains, cores, raws = [], [], [], []
    for _ in range(repeats):
        first, again, count = ingest(new_file(folder), folder, snapshots)
        rows = small_rows(count)
        firsts.append(first)
        agains.append(again)
        cores.append(bare_core(new_file(folder), rows))
        raws.append(raw_sqlite(folder, rows))
    core = count / min(cores)
    return [
        row("ingest new builds, SQLite", count / min(firsts), core, CORE),
        row("ingest new builds, SQLite", count / min(firsts), count / min(raws), "raw sqlite3 executemany"),
        row("ingest known builds, SQLite", count / min(agains), core, CORE),
        objects_a_second(count / min(firsts)),
    ]


def on_postgresql(server, folder, snapshots, repeats):
    firsts, agains, cores, manys = [], [], [], []
    names = iter(range(1000))
    for _ in range(repeats):
        first, again, count = ingest(server.database(f"ingest_{next(names)}"), folder, snapshots)
        firsts.append(first)
        agains.append(again)
        manys.append(without_copy(server.database(f"ingest_{next(names)}"), folder, snapshots))
        cores.append(bare_core(server.database(f"ingest_{next(names)}"), small_rows(count)))
    core = count / min(cores)
    return [
        row("ingest new builds, PostgreSQL", count / min(firsts), core, CORE),
        row(
            "ingest new builds, PostgreSQL", count / min(firsts), count / min(manys), "the same without COPY"
        ),
        row("ingest known builds, PostgreSQL", count / min(agains), core, CORE),
    ]


def new_file(folder):
    return f"sqlite:///{folder / f'{uuid_utils.uuid7()}.db'}"


def objects_a_second(rate):
    """How many stages, steps, logs and so on: what a user would count."""
    found = row("ingest new builds, SQLite", rate / ROWS_PER_OBJECT, rate, "rows that they are")
    return {**found, "unit": "objects/s"}


def row(name, rate, rival, against):
    return {
        "name": name,
        "value": rate,
        "unit": "rows/s",
        "ratio": rate / rival,
        "against": f"{against}, {rival:,.0f} rows/s",
    }
