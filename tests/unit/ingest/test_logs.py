"""Long logs pass through in pieces: neither writing nor reading one back holds it whole."""

import tracemalloc
from contextlib import closing

import pytest

from pipemgr.adapter import Adapter, AdapterSettings, Connection, LogChunk, PollPage
from pipemgr.adapter.guard import Guarded
from pipemgr.adapter.registry import Registry
from pipemgr.ingest.poller import Pace, poll
from pipemgr.ledger import open_ledger
from pipemgr.model.runs import Build, BuildInstance, BuildLog
from pipemgr.model.status import Result, State, Status
from pipemgr.service import builds

CHUNK = ("a line of some build, with an é in it\n" * 2000).encode()[: 64 * 1024 - 1].decode("utf-8", "ignore")
SIZE = len(CHUNK.encode())
CHUNKS = 500
"""About 32 MB."""
MOST = 8_000_000


class Talkative(Adapter):
    name = "talkative"

    @staticmethod
    def poll(_cursor):
        log = BuildLog(name="all", complete=True)
        status = Status(state=State.FINISHED, result=Result.SUCCESS)
        known = Build(pipeline="p", external_id="1", number=1)
        seen = BuildInstance(build=known, external_id="1", status=status, logs=(log,))
        return PollPage(builds=(seen,), cursor={"n": 1}, more=False)

    @staticmethod
    def logs(_ref, _name, offset):
        return LogChunk(text=CHUNK, offset=offset + SIZE, complete=offset + SIZE >= CHUNKS * SIZE)


class Opened:
    """As much of a runtime as reading a log takes."""

    def __init__(self, ledger):
        self.ledger = ledger


@pytest.fixture
def ledger(tmp_path):
    with closing(open_ledger(f"sqlite:///{tmp_path}/ledger.db")) as opened:
        opened.store.register("here", "talkative")
        yield opened


def test_a_long_log_is_written_and_read_back_in_bounded_memory(tmp_path, ledger):
    place = Connection("here", tmp_path, tmp_path, Registry().dialect, Registry().tables("local"))
    tracemalloc.start()
    try:
        polled = poll("here", Guarded(Talkative, place, AdapterSettings()), ledger, Pace())
        assert polled.problems == ()
        view = ledger.queries.build("p#1").instances[0]
        (log,) = view.snapshot().logs
        assert log.offset == CHUNKS * SIZE
        length, letters = 0, 0
        for piece in builds.read_log(Opened(ledger), view, log):
            length, letters = length + len(piece.encode()), letters + piece.count("é")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (length, letters) == (CHUNKS * SIZE, CHUNKS * CHUNK.count("é"))
    assert peak < MOST
    stored = sum(path.stat().st_size for path in ledger.blobs.path.rglob("*.gz"))
    assert stored < CHUNKS * SIZE / 5
