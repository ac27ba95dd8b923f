"""Recording on both databases: what was seen comes out as it went in, once, whoever else is at work."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from pipemgr.errors import NoSuchObject
from pipemgr.ingest.recorder import Recorder
from pipemgr.ledger.verify import verify
from pipemgr.model.definitions import Pipeline, Stage, Step
from pipemgr.model.events import Kind
from pipemgr.model.identity import digest
from pipemgr.model.runs import BuildLog, BuildRef
from pipemgr.model.status import Result, State

PIPELINE = Pipeline(
    name="web", stages=(Stage(id="test", steps=(Step(action="run", inputs={"command": "make"}),)),)
)


@pytest.fixture
def recorder(ledger):
    return Recorder(ledger)


def shelved(snapshot):
    """The snapshot as it comes back: with the digests of its logs in place of their texts."""
    logs = tuple(
        log
        if log.text is None
        else log.model_copy(update={"text": None, "digest": digest(log.text.encode())})
        for log in snapshot.logs
    )
    return snapshot.model_copy(update={"logs": logs, "source_digest": None})


def test_what_was_recorded_comes_back_as_the_same_snapshot(ledger, recorder, snapshot, objects_of_one):
    seen = snapshot()
    recorded = recorder.record("ci", [seen])
    assert recorded.changes == objects_of_one
    assert recorded.events["stepinstance.create"] == 4
    (view,) = ledger.queries.build("web#1").instances
    assert view.snapshot() == shelved(seen)


def test_recording_again_writes_nothing(ledger, recorder, snapshot):
    many = [snapshot(number) for number in range(5)]
    recorder.record("ci", many)
    before = ledger.queries.counts()
    assert recorder.record("ci", many).changes == 0
    assert recorder.record("ci", [*many, *many]).changes == 0
    assert ledger.queries.counts() == before


def test_two_connections_may_have_the_same_names(ledger, recorder, snapshot):
    first = recorder.record("one", [snapshot()])
    assert recorder.record("two", [snapshot()]) == first
    assert {row.build.connection for row in ledger.queries.builds()} == {"one", "two"}


def test_every_change_has_its_entry_in_the_ledger_of_its_attempt(ledger, recorder, snapshot, objects_of_one):
    recorder.record("ci", [snapshot(1, running=True)])
    recorder.record("ci", [snapshot(1), snapshot(2)], observer="poller")
    build = ledger.queries.build("web#1").build
    entries = [view.entry for view in ledger.queries.entries(build=build.id, limit=1000)]
    (ledger_record,) = [one.ledger for one in ledger.queries.build("web#1").instances]
    assert {entry.ledger for entry in entries} == {ledger_record.id}
    updates = [entry for entry in entries if entry.change == "updated"]
    assert len(entries) == objects_of_one + len(updates)
    assert {entry.kind for entry in updates} == {
        Kind.BUILD_INSTANCE,
        Kind.STAGE_INSTANCE,
        Kind.STEP_INSTANCE,
        Kind.BUILD_LOG,
    }
    assert {entry.observer for entry in updates} == {"poller"}
    made = next(entry for entry in entries if entry.message == "artifact wheel made")
    artifacts = {one.name: one for one in ledger.queries.build("web#1").instances[0].artifacts}
    assert made.outputs == (artifacts["wheel"].id,)
    assert made.step is not None


def test_cursor_and_rows_are_written_together(ledger, recorder, snapshot):
    ledger.store.register("ci", "local")
    lease = ledger.store.claim("ci", "me", 60)
    due = datetime(2030, 1, 1, tzinfo=UTC)
    recorder.record("ci", [snapshot()], lease=lease, cursor={"since": 1}, due_at=due)
    (row,) = ledger.queries.connections()
    assert (row.cursor, row.due_at, row.owner) == ({"since": 1}, due, None)


def test_open_builds_are_listed_until_they_end(ledger, recorder, snapshot):
    recorder.record("ci", [snapshot(1, running=True), snapshot(2, running=True), snapshot(3)])
    assert ledger.queries.open_instances("ci") == tuple(
        BuildRef(pipeline="web", build=f"r{number}", attempt=1) for number in (1, 2)
    )
    recorder.record("ci", [snapshot(1)])
    assert [ref.build for ref in ledger.queries.open_instances("ci")] == ["r2"]
    assert ledger.queries.open_instances("other") == ()


def test_the_texts_of_logs_become_files_and_are_in_no_row_and_no_event(ledger, recorder, snapshot):
    long = "é" * 70_000
    logs = (
        BuildLog(name="long", text=long, offset=len(long.encode()), complete=True),
        BuildLog(name="short", text="secret of the build", offset=19, complete=True),
    )
    recorder.record("ci", [snapshot(logs=logs)])
    kept = ledger.queries.kept_logs("ci", BuildRef(pipeline="web", build="r1"))
    for log in logs:
        assert (kept[log.name].text, kept[log.name].offset) == (None, log.offset)
        with ledger.blobs.open(kept[log.name].digest) as file:
            assert file.read().decode() == log.text
    assert not any("secret of the build" in str(event.data) for event in ledger.queries.events())
    assert recorder.record("ci", [snapshot(logs=logs)]).changes == 0
    assert ledger.queries.kept_logs("ci", BuildRef(pipeline="web", build="r1", attempt=2)) == {}


def test_a_definition_and_what_was_applied(ledger, recorder):
    recorded = recorder.record_definition(
        "ci", PIPELINE, fingerprint="sha256:live", observer="user:ann", url="http://x"
    )
    assert recorded.events == {"pipeline.create": 1, "stage.create": 1, "step.create": 1}
    publication = ledger.queries.publication("ci", "web")
    assert (publication.fingerprint, publication.applied_by, publication.url) == (
        "sha256:live",
        "user:ann",
        "http://x",
    )
    assert publication.model == PIPELINE.data()
    assert ledger.queries.pipeline("ci", "web").data["fingerprint"] == PIPELINE.fingerprint
    assert recorder.record_definition("ci", PIPELINE).changes == 0
    assert ledger.queries.publication("ci", "web") == publication


def test_a_pipeline_seen_first_in_a_build_gets_its_definition_later(ledger, recorder, snapshot):
    recorder.record("ci", [snapshot(1, running=True)])
    before = ledger.queries.pipeline("ci", "web")
    recorder.record_definition("ci", PIPELINE)
    after = ledger.queries.pipeline("ci", "web")
    assert (before.id, before.data["definition"]) == (after.id, None)
    assert after.data["definition"] == {"name": "web"}
    recorder.record("ci", [snapshot(1)])
    stage = ledger.queries.build("web#1").instances[0].stages[0].stage
    (defined,) = ledger.queries.objects(Kind.STAGE)
    assert stage.data["stage_id"] == str(defined.id)
    recorder.record("ci", [snapshot(2)])
    assert ledger.queries.pipeline("ci", "web") == after


def test_forgetting_a_pipeline_keeps_its_builds(ledger, recorder, snapshot):
    recorder.record_definition("ci", PIPELINE, fingerprint="f")
    recorder.record("ci", [snapshot()])
    assert recorder.forget("ci", "web", observer="user:ann").events == {
        "step.destroy": 1,
        "stage.destroy": 1,
        "pipeline.destroy": 1,
    }
    assert ledger.queries.pipeline("ci", "web") is None
    assert ledger.queries.publication("ci", "web") is None
    assert len(ledger.queries.builds()) == 1
    with pytest.raises(NoSuchObject):
        recorder.forget("ci", "web")
    assert recorder.record_definition("ci", PIPELINE).events["pipeline.create"] == 1
    assert verify(ledger.engine).ok


def test_many_that_record_the_same_at_once_write_it_once(ledger, snapshot):
    many = [snapshot(number) for number in range(4)]
    barrier, recorded, errors = threading.Barrier(5), [], []

    def work():
        barrier.wait()
        try:
            recorded.append(Recorder(ledger).record("ci", many).changes)
        except Exception as error:  # noqa: BLE001 - a thread's error must reach the test
            errors.append(error)

    workers = [threading.Thread(target=work) for _ in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    assert sorted(recorded)[:-1] == [0] * 4
    ledger.store.seal()
    assert verify(ledger.engine).ok


def test_readers_that_tail_the_outbox_miss_nothing_while_many_write(ledger, snapshot):
    """Numbers become visible in order, even when transactions overlap."""
    done, seen, errors = threading.Event(), [], []

    def write(name):
        try:
            for number in range(8):
                Recorder(ledger).record(name, [snapshot(number)])
        except Exception as error:  # noqa: BLE001 - a thread's error must reach the test
            errors.append(error)

    def tail():
        while True:
            over = done.is_set()
            page = ledger.queries.events(seen[-1].sequence if seen else 0, 50)
            seen.extend(page)
            if over and not page:
                return

    writers = [threading.Thread(target=write, args=(f"c{number}",)) for number in range(4)]
    reader = threading.Thread(target=tail)
    for worker in (*writers, reader):
        worker.start()
    for worker in writers:
        worker.join()
    done.set()
    reader.join()
    assert errors == []
    assert [event.sequence for event in seen] == list(range(1, ledger.queries.last_event() + 1))


def test_sealing_and_writing_at_once(ledger, snapshot, monkeypatch):
    monkeypatch.setattr("pipemgr.ledger.seal.BATCH", 7)
    errors = []

    def write(name):
        for number in range(5):
            Recorder(ledger).record(name, [snapshot(number)])

    def seal():
        try:
            for _ in range(10):
                ledger.store.seal()
        except Exception as error:  # noqa: BLE001 - a thread's error must reach the test
            errors.append(error)

    workers = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    workers += [threading.Thread(target=seal) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    checkpoint = ledger.store.seal()
    found = verify(ledger.engine, against=checkpoint)
    assert found.ok
    assert (found.size, found.unsealed) == (checkpoint.size, 0)
    assert ledger.store.seal() == checkpoint


def test_builds_are_listed_newest_first_page_by_page(ledger, recorder, snapshot):
    recorder.record("ci", [snapshot(number) for number in (5, 1, 4, 2, 3)])
    first = ledger.queries.builds(limit=2)
    second = ledger.queries.builds(limit=2, before=first[-1].build.id)
    third = ledger.queries.builds(limit=2, before=second[-1].build.id)
    assert [row.build.data["number"] for row in (*first, *second, *third)] == [5, 4, 3, 2, 1]


def test_builds_are_filtered_by_their_newest_attempt(ledger, recorder, snapshot):
    recorder.record("ci", [snapshot(1), snapshot(2), snapshot(1, attempt=2, running=True)])
    running = ledger.queries.builds(state=State.RUNNING)
    assert [(row.build.data["number"], row.instance.data["attempt"]) for row in running] == [(1, 2)]
    good = ledger.queries.builds(result=Result.SUCCESS, connection="ci", pipeline="web", branch="main")
    assert [row.build.data["number"] for row in good] == [2]
    assert ledger.queries.builds(pipeline="other") == ()
    assert len(ledger.queries.build("web#1").instances) == 2


def test_a_build_is_found_by_number_name_and_the_beginning_of_an_id(ledger, recorder, snapshot):
    recorder.record("ci", [snapshot(1), snapshot(2)])
    view = ledger.queries.build("web#2")
    number, instance = str(view.build.id), view.instances[0].instance
    for reference in ("2", number, number.replace("-", ""), str(instance.id), number[:34]):
        assert ledger.queries.build(reference).build.id == view.build.id
    assert ledger.queries.instance(instance.id).instance == instance
    with pytest.raises(NoSuchObject, match="no build"):
        ledger.queries.build("99")
    with pytest.raises(NoSuchObject, match="several builds: web#1 at ci, web#2 at ci"):
        ledger.queries.build(number[:4])
    recorder.record("other", [snapshot(2)])
    with pytest.raises(NoSuchObject, match="several"):
        ledger.queries.build("web#2")
    assert ledger.queries.build("2", connection="other", pipeline="web").build.connection == "other"


def test_hostile_names_and_numbers_are_kept_on_both_databases(ledger, recorder, snapshot):
    seen = snapshot()
    build = seen.build.model_copy(
        update={
            "number": 10**30,
            "branch": "b\x00" * 2000,
            "pipeline": "a/b%" + "x" * 5000,
            "external_id": "\x00",
        }
    )
    seen = seen.model_copy(update={"build": build, "started_at": datetime(1, 1, 1, tzinfo=UTC)})
    recorder.record("ci", [seen])
    assert recorder.record("ci", [seen]).changes == 0
    (row,) = ledger.queries.builds()
    assert ledger.queries.instance(row.instance.id).snapshot() == shelved(seen)
    ledger.store.seal()
    assert verify(ledger.engine).ok


def test_times_keep_their_microseconds(ledger, recorder, snapshot):
    moment = datetime(2026, 1, 1, 0, 0, 0, 123457, tzinfo=UTC)
    recorder.record("ci", [snapshot(started_at=moment, finished_at=moment + timedelta(days=1))])
    (row,) = ledger.queries.builds()
    assert row.instance.data["started_at"] == "2026-01-01T00:00:00.123457Z"
