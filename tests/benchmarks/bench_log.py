"""A log of 1 GB from an adapter into the ledger and back, in pieces of 64 KiB: against hashing the same bytes.

The lines differ, as those of real logs do. Memory is that of the process, before and at its peak.
"""

import contextlib
import hashlib
import resource
import tempfile
import time
from pathlib import Path

from pipemgr.adapter import Adapter, AdapterSettings, Connection, LogChunk, PollPage
from pipemgr.adapter.guard import Guarded
from pipemgr.adapter.registry import Registry
from pipemgr.ingest.poller import Pace, poll
from pipemgr.ledger import open_ledger
from pipemgr.model.runs import Build, BuildInstance, BuildLog
from pipemgr.model.status import Result, State, Status

PIECE = 64 * 1024


def piece(number):
    """As much as one request brings, different from any other."""
    first = number * 700
    lines = (
        f"2026-01-01T{line // 3600 % 24:02}:{line // 60 % 60:02}:{line % 60:02}.{line * 7919 % 10**7:07}Z "
        f"[{line % 97}/97] compiling module_{line * 31 % 10007}.c -O2 -Wall\n"
        for line in range(first, first + 1000)
    )
    return "".join(lines)[:PIECE]


PIECES = [piece(number) for number in range(64)]


def adapter(count):
    class Talkative(Adapter):
        name = "talkative"

        def poll(self, cursor):
            log = BuildLog(name="all", complete=True)
            status = Status(state=State.FINISHED, result=Result.SUCCESS)
            known = Build(pipeline="p", external_id="1", number=1)
            seen = BuildInstance(build=known, external_id="1", status=status, logs=(log,))
            return PollPage(builds=(seen,), cursor={"n": 1}, more=False)

        def logs(self, ref, log, offset):
            number = offset // PIECE
            return LogChunk(
                text=PIECES[number % 64], offset=offset + PIECE, complete=offset + PIECE >= count * PIECE
            )

    return Talkative


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def read_back(ledger, digest):
    hashed = hashlib.sha256()
    with ledger.blobs.open(digest) as file:
        while some := file.read(PIECE):
            hashed.update(some)
    return hashed.hexdigest()


def hashed(count):
    """What nobody who names things by their content can do without."""
    found = hashlib.sha256()
    for number in range(count):
        found.update(PIECES[number % 64].encode())


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def run(quick):
    count = 160 if quick else 16_384
    size = count * PIECE / 1e6
    hashing, _ = timed(lambda: hashed(count))
    with (
        tempfile.TemporaryDirectory() as name,
        contextlib.closing(open_ledger(f"sqlite:///{name}/l.db")) as ledger,
    ):
        ledger.store.register("here", "talkative")
        place = Connection("here", Path(name), Path(name), Registry().dialect, Registry().tables("local"))
        guarded = Guarded(adapter(count), place, AdapterSettings())
        before = peak()
        writing, polled = timed(lambda: poll("here", guarded, ledger, Pace()))
        assert polled.problems == ()
        (log,) = ledger.queries.build("p#1").instances[0].snapshot().logs
        assert log.offset == count * PIECE
        reading, found = timed(lambda: read_back(ledger, log.digest))
        assert log.digest == f"sha256:{found}"
        after = peak()
        stored = sum(path.stat().st_size for path in ledger.blobs.path.rglob("*.gz")) / 1e6
    return [
        row("log of 1 GB, stored", size / writing, size / hashing, "MB/s", "sha256 alone"),
        row("log of 1 GB, read back", size / reading, size / hashing, "MB/s", "sha256 alone"),
        row("log of 1 GB, peak memory", after, before, "MB", "before"),
        row("log of 1 GB, on the disk", stored, size, "MB", "its text"),
    ]


def row(name, value, rival, unit, against):
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "ratio": value / rival,
        "against": f"{against}, {rival:,.0f} {unit}",
    }
