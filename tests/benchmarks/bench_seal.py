"""Sealing and verifying 100,000 entries: against hashing the same bytes, and against reading the same rows."""

import gc
import hashlib
import json
import tempfile
import time
from pathlib import Path

from pipemgr.ledger import open_ledger
from pipemgr.ledger.change import ObjectChange
from pipemgr.ledger.verify import verify
from pipemgr.model.events import Change, Kind
from pipemgr.model.identity import new_id

TABLES = ("ledger_entry", "outbox", "seal", "build_log")


def change(number):
    name = str(new_id())
    fields = {"id": name, "connection": "ci", "key": str(number), "name": f"log {number}", "complete": True}
    text = json.dumps({**fields, "text": "ok\n" * 20, "instance_id": None, "offset": 60})
    return ObjectChange(
        Kind.BUILD_LOG, Change.CREATE, name, "ci", str(number), text, f"log {number}: 60 bytes"
    )


def timed(work):
    gc.collect()
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def run(quick):
    """Each figure is taken once: both are long enough."""
    count = 2_000 if quick else 100_000
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(f"sqlite:///{Path(folder) / 'ledger.db'}")
        with ledger.store.transaction("ci") as transaction:
            transaction.apply([change(number) for number in range(count)], observer="bench")
        sealing, checkpoint = timed(ledger.store.seal)
        reading, texts = timed(lambda: read(ledger))
        hashing, _ = timed(lambda: [hashlib.sha256(text.encode()).digest() for text in texts])
        verifying, found = timed(lambda: verify(ledger.engine))
        assert found.ok
        assert found.size == checkpoint.size == count
        ledger.close()
    return [
        row("seal", sealing, hashing, "sha256 of the same texts", count),
        row("seal", sealing, reading, "reading the same rows", count),
        row("verify", verifying, hashing, "sha256 of the same texts", count),
        row("verify", verifying, reading, "reading the same rows", count),
    ]


def read(ledger):
    """Every row that verification reads, and the texts that it hashes."""
    with ledger.engine.connect() as connection:
        for table in TABLES:
            connection.exec_driver_sql(f"SELECT * FROM {table}").all()
        return connection.exec_driver_sql("SELECT data FROM outbox").scalars().all()


def row(name, seconds, rival, against, count):
    return {
        "name": f"{name} {count:,} entries",
        "value": seconds,
        "unit": "s",
        "ratio": seconds / rival,
        "against": f"{against}, {rival:.2f} s",
    }
