"""Opening: what can go wrong is said in words, with a remedy, and never with a password."""

import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipemgr.errors import Busy, ConfigurationError, LedgerError, SchemaTooOld
from pipemgr.ledger import open_ledger
from pipemgr.ledger.engine import open_engine
from pipemgr.model.events import HubEvent


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ledger.db", "malformed"),
        ("postgresql://ann:hunter2@host:port/db", "malformed"),
        ("mysql://ann:hunter2@host/db", "can't be kept in 'mysql'"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
    ],
)
def test_an_address_that_is_none_is_refused(address, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        open_ledger(address)
    assert "hunter2" not in str(caught.value)
    assert "sqlite:///FILE" in caught.value.remedy


def test_an_option_that_is_none_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="option in the ledger's address"):
        open_ledger(f"sqlite:///{tmp_path}/ledger.db?timeout=abc")


def test_a_server_that_is_not_there_is_said_without_the_password():
    with pytest.raises(LedgerError, match="can't be reached") as caught:
        open_ledger("postgresql://ann:hunter2@127.0.0.1:1/builds?application_name=hunter2")
    assert "hunter2" not in f"{caught.value}{caught.value.remedy}{caught.value.__cause__}"
    assert "127.0.0.1:1/builds" in str(caught.value)


def test_a_missing_driver_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LedgerError) as caught:
        open_engine("postgresql://host/db")
    assert caught.value.remedy == "pip install 'pipemgr[postgres]'"


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, and a lot of them\n" * 100)
    with pytest.raises(LedgerError, match="no ledger") as caught:
        open_ledger(f"sqlite:///{path}")
    assert str(path) in str(caught.value)
    assert path.read_text().startswith("these are notes")


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(LedgerError, match="can't be opened"):
        open_ledger(f"sqlite:///{tmp_path / 'no' / 'such' / 'ledger.db'}")


def test_without_create_nothing_is_created(databases, tmp_path):
    with pytest.raises(LedgerError, match="no ledger") as caught:
        open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", create=False)
    assert "init" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LedgerError, match="no ledger"):
        open_ledger(databases.empty(), create=False)


def test_a_schema_of_another_version_is_refused(ledger, url):
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE pipemgr_version SET version_num = 'm999'")
    address = ledger.engine.url.render_as_string(hide_password=False)
    with pytest.raises(SchemaTooOld, match="m999"):
        open_ledger(address, create=False)
    with pytest.raises(SchemaTooOld) as caught:
        open_ledger(address)
    assert caught.value.remedy == "upgrade pipemgr"


def test_many_may_create_the_same_ledger_at_once(url):
    with ThreadPoolExecutor(6) as pool:
        ledgers = list(pool.map(lambda _: open_ledger(url), range(6)))
    for number, one in enumerate(ledgers):
        with one.store.transaction() as transaction:
            transaction.event(HubEvent.PLAN_APPLIED, "web", {"number": number})
    assert [event.data["number"] for event in ledgers[0].queries.events()] == list(range(6))
    for one in ledgers:
        one.close()


def test_a_full_disk_leaves_nothing_half_written(tmp_path, snapshot):
    from pipemgr.ingest.recorder import Recorder

    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    with ledger.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(LedgerError, match="the disk is full"):
        Recorder(ledger).record("ci", [snapshot(number) for number in range(200)])
    assert ledger.queries.counts().events == 0
    ledger.close()


def test_a_read_only_ledger_can_be_read_and_says_so_when_written(tmp_path):
    path = tmp_path / "ledger.db"
    open_ledger(f"sqlite:///{path}").close()
    ledger = open_ledger(f"sqlite:///file:{path}?mode=ro&uri=true", create=False)
    assert ledger.queries.counts().entries == 0
    with pytest.raises(LedgerError, match="read-only"), ledger.store.transaction() as transaction:
        transaction.event(HubEvent.PLAN_APPLIED, "web", {})
    ledger.close()


def test_a_ledger_that_another_process_keeps_locked_is_busy(tmp_path, monkeypatch):
    monkeypatch.setattr("pipemgr.ledger.engine.BUSY_SECONDS", 0.05)
    path = tmp_path / "ledger.db"
    ledger = open_ledger(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy), ledger.store.transaction():
        pytest.fail("it is locked")
    assert ledger.queries.counts().entries == 0
    other.execute("ROLLBACK")
    other.close()
    with ledger.store.transaction() as transaction:
        transaction.event(HubEvent.PLAN_APPLIED, "web", {})
    ledger.close()


def test_readers_see_one_moment(ledger):
    from pipemgr.ledger.engine import reading

    with reading(ledger.engine) as database:
        count = "SELECT count(*) FROM outbox"
        before = database.exec_driver_sql(count).scalar()
        with ledger.store.transaction() as transaction:
            transaction.event(HubEvent.PLAN_APPLIED, "web", {})
        assert database.exec_driver_sql(count).scalar() == before == 0
    assert ledger.queries.last_event() == 1


def test_a_durable_transaction_waits_for_the_disk(tmp_path):
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    for durable, expected in ((False, 1), (True, 2), (False, 1)):
        with ledger.store.transaction(durable=durable) as transaction:
            assert transaction.database.exec_driver_sql("PRAGMA synchronous").scalar() == expected
    ledger.close()


def test_as_many_threads_read_at_once_as_there_may_be_workers(ledger):
    from pipemgr.ledger.engine import reading

    together = threading.Barrier(64, timeout=20)

    def read(_):
        with reading(ledger.engine) as database:
            together.wait()
            return database.exec_driver_sql("SELECT count(*) FROM outbox").scalar()

    with ThreadPoolExecutor(64) as pool:
        assert set(pool.map(read, range(64))) == {0}
