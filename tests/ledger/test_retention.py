"""Retention: what is old goes, for good; what is open, young or being written stays; the ledger still verifies."""

import os
import threading
from datetime import UTC, datetime, timedelta

import pytest

from pipemgr.ingest.recorder import Recorder
from pipemgr.ledger import retention
from pipemgr.ledger.retention import Policy
from pipemgr.ledger.verify import verify
from pipemgr.model.events import Kind
from pipemgr.model.runs import BuildLog

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=100)


@pytest.fixture
def recorder(ledger):
    return Recorder(ledger)


def old(snapshot, number, **fields):
    log = BuildLog(name=f"log {number}", text=f"text of {number}", offset=9, complete=True)
    return snapshot(number, finished_at=LONG_AGO, started_at=LONG_AGO, **{"logs": (log,), **fields})


def young(snapshot, number, **fields):
    return old(snapshot, number, **fields).model_copy(update={"finished_at": NOW, "started_at": NOW})


def age(ledger):
    """All files are from long ago."""
    for path in ledger.blobs.path.rglob("*"):
        if path.is_file():
            os.utime(path, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))


def files(ledger):
    return [path for path in ledger.blobs.path.rglob("*") if path.is_file()]


def numbers(ledger):
    return sorted(row.build.data["number"] for row in ledger.queries.builds(limit=1000))


def days(count):
    return NOW - timedelta(days=count)


def test_old_builds_go_with_all_below_and_their_entries_stay(ledger, recorder, snapshot, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    recorder.record("ci", [old(snapshot, number) for number in range(5)] + [young(snapshot, 5)])
    age(ledger)
    entries = ledger.queries.counts().entries
    one = ledger.queries.build("web#3").build.id
    told = len(ledger.queries.entries(build=one, limit=1000))
    due = retention.due(ledger.engine, Policy(builds=days(30)))
    done = retention.retain(ledger, Policy(builds=days(30)), NOW)
    assert (due.builds, done.builds, done.files) == (5, 5, 5)
    assert numbers(ledger) == [5]
    left = ledger.queries.counts()
    assert (left.objects[Kind.BUILD], left.objects[Kind.BUILD_INSTANCE], left.objects[Kind.BUILD_LOG]) == (
        1,
        1,
        1,
    )
    assert left.entries > entries
    assert len(ledger.queries.entries(build=one, limit=1000)) == told
    ledger.store.seal()
    assert verify(ledger.engine).ok
    assert list(retention.faults(ledger)) == []
    assert retention.retain(ledger, Policy(builds=days(30)), NOW).builds == 0


def test_logs_go_before_their_builds(ledger, recorder, snapshot):
    recorder.record("ci", [old(snapshot, 1), young(snapshot, 2)])
    age(ledger)
    assert retention.due(ledger.engine, Policy(logs=days(30))).logs == 1
    done = retention.retain(ledger, Policy(logs=days(30)), NOW)
    assert (done.builds, done.logs, done.files) == (0, 1, 1)
    assert numbers(ledger) == [1, 2]
    assert ledger.queries.build("web#1").instances[0].logs == ()
    assert len(files(ledger)) == 1
    assert verify(ledger.engine).ok


def test_what_has_gone_is_not_brought_back_by_the_past(ledger, recorder, snapshot):
    both = [old(snapshot, 1), old(snapshot, 2)]
    recorder.record("ci", both)
    retention.retain(ledger, Policy(builds=days(30)), NOW)
    assert recorder.record("ci", both).changes == 0
    assert numbers(ledger) == []


def test_a_log_that_has_gone_is_not_brought_back_by_its_build(ledger, recorder, snapshot):
    recorder.record("ci", [old(snapshot, 1)])
    retention.retain(ledger, Policy(logs=days(30)), NOW)
    assert recorder.record("ci", [old(snapshot, 1)]).changes == 0
    assert ledger.queries.build("web#1").instances[0].logs == ()


def test_a_new_attempt_of_a_build_that_has_gone_is_recorded(ledger, recorder, snapshot):
    recorder.record("ci", [old(snapshot, 1)])
    retention.retain(ledger, Policy(builds=days(30)), NOW)
    recorder.record("ci", [young(snapshot, 1, attempt=2)])
    assert numbers(ledger) == [1]
    assert [one.instance.data["attempt"] for one in ledger.queries.build("web#1").instances] == [2]
    assert verify(ledger.engine).ok


def test_open_builds_and_their_earlier_attempts_stay(ledger, recorder, snapshot):
    recorder.record("ci", [old(snapshot, 1), snapshot(1, attempt=2, running=True), old(snapshot, 2)])
    assert retention.retain(ledger, Policy(builds=days(30)), NOW).builds == 1
    assert numbers(ledger) == [1]


def test_a_file_that_others_refer_to_or_that_was_just_put_stays(ledger, recorder, snapshot):
    shared = (BuildLog(name="same", text="same text", offset=9, complete=True),)
    recorder.record("ci", [old(snapshot, 1, logs=shared), young(snapshot, 2, logs=shared)])
    age(ledger)
    assert retention.retain(ledger, Policy(builds=days(30)), NOW).files == 0
    assert len(files(ledger)) == 1
    ledger.blobs.put([b"about to be recorded"])
    retention.retain(ledger, Policy(), datetime.now(UTC))
    assert len(files(ledger)) == 2


def test_a_file_that_is_put_again_while_it_is_removed_stays(ledger):
    digest, _ = ledger.blobs.put([b"x"])
    age(ledger)
    ((_, path),) = ledger.blobs.forgotten(NOW)
    ledger.blobs.put([b"x"])
    assert not ledger.blobs.remove(path, NOW)
    assert ledger.blobs.fault(digest) is None


def test_leftovers_of_writers_that_died_are_swept(ledger):
    ledger.blobs.put([b"x"])
    left = ledger.blobs.path / "draft-1234"
    left.write_bytes(b"half")
    retention.retain(ledger, Policy(), NOW + timedelta(days=36500))
    assert not left.exists()


def test_a_log_that_is_missing_or_altered_is_noticed(ledger, recorder, snapshot):
    recorder.record("ci", [old(snapshot, number) for number in (1, 2, 3)])
    paths = {
        row.data["name"]: ledger.blobs.path / row.data["digest"][7:9] / f"{row.data['digest'][7:]}.gz"
        for row in ledger.queries.objects(Kind.BUILD_LOG)
    }
    paths["log 1"].unlink()
    paths["log 2"].write_bytes(paths["log 3"].read_bytes())
    found = {key.rsplit("/", 1)[-1]: fault for key, fault in retention.faults(ledger)}
    assert found == {"log 1": "missing", "log 2": "altered"}
    paths["log 3"].write_bytes(b"no gzip")
    assert dict(retention.faults(ledger))["web/r3/1/log 3"] == "damaged"


def test_retention_beside_polls(ledger, snapshot):
    recorder = Recorder(ledger)
    recorder.record("ci", [old(snapshot, number) for number in range(20)])
    errors = []

    def work(job):
        try:
            job()
        except Exception as error:  # noqa: BLE001 - a thread's error must reach the test
            errors.append(error)

    def poll():
        for number in range(100, 110):
            recorder.record("ci", [young(snapshot, number), old(snapshot, number - 100)])

    jobs = [poll, *[lambda: retention.retain(ledger, Policy(builds=days(30)), NOW)] * 2]
    workers = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    retention.retain(ledger, Policy(builds=days(30)), NOW)
    assert numbers(ledger) == list(range(100, 110))
    ledger.store.seal()
    assert verify(ledger.engine).ok
