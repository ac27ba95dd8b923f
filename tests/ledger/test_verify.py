"""Tampering: whatever is changed by hand, verification names the right entry. Every table, every column."""

import contextlib
from uuid import UUID

import pytest
import sqlalchemy as sa

from pipemgr.errors import ConfigurationError, SealBroken
from pipemgr.ingest.recorder import Recorder
from pipemgr.ledger import open_ledger, tables
from pipemgr.ledger.verify import verify
from pipemgr.model.definitions import Pipeline, Stage, Step
from pipemgr.model.events import HubEvent, Kind

cryptography = pytest.importorskip("cryptography")

TABLES = [*(table.name for table in tables.OBJECTS.values()), *tables.APPEND_ONLY]


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """A private key and its public half, as PEM files."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    folder, key = tmp_path_factory.mktemp("keys"), Ed25519PrivateKey.generate()
    private, public = folder / "key.pem", folder / "public.pem"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return private, public


@pytest.fixture
def sealed(databases, tmp_path, keys, snapshot):
    """A ledger with two builds, one of them in two steps, a hub event between them, all sealed and signed."""

    def fill(url):
        ledger = open_ledger(url, blobs=tmp_path / "blobs", key=keys[0])
        recorder = Recorder(ledger)
        step = Step(action="run", inputs={"command": "make"})
        stages = tuple(Stage(id=name, steps=(step, step)) for name in ("test", "deploy"))
        recorder.record_definition("ci", Pipeline(name="web", stages=stages))
        recorder.record("ci", [snapshot(1, running=True)])
        ledger.store.seal()
        with ledger.store.transaction() as transaction:
            transaction.event(HubEvent.CONNECTION_LOST, "ci", {})
        recorder.record("ci", [snapshot(1), snapshot(2)])
        ledger.store.seal()
        assert verify(ledger.engine, keys[1]).ok
        ledger.close()

    with contextlib.closing(open_ledger(databases.copy("sealed", fill), key=keys[0])) as ledger:
        yield ledger


def tamper(ledger, statement, **values):
    """Do one statement behind the ledger's back."""
    engine = ledger.engine
    if engine.dialect.name == "sqlite":
        # The pragma has no effect inside a transaction.
        raw = engine.raw_connection()
        raw.execute("PRAGMA foreign_keys=OFF")
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        compiled = statement.compile(engine, compile_kwargs={"literal_binds": True})
        count = raw.execute(str(compiled)).rowcount
        raw.execute("PRAGMA foreign_keys=ON")
        raw.close()
        return count
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        return connection.execute(statement).rowcount


def another(value, column):
    """A value of the column's type that is not `value`."""
    if isinstance(column.type, sa.Uuid):
        return UUID(int=(value or UUID(int=4)).int ^ 1)
    if isinstance(column.type, sa.Boolean):
        return not value
    if isinstance(column.type, tables.UTCDateTime):
        return (value or tables.EPOCH).replace(
            microsecond=((value or tables.EPOCH).microsecond + 1) % 1_000_000
        )
    if isinstance(column.type, sa.Integer):
        return (value or 0) + 1000
    return f"{value or ''}x"


def rows(ledger, table):
    with ledger.engine.connect() as connection:
        return connection.execute(table.select().order_by(*table.primary_key)).all()


def about(ledger, entry):
    """The object that an entry is about."""
    found = [view.entry.subject for view in ledger.queries.entries(limit=10_000) if view.entry.id == entry]
    return found[0] if found else None


def owner_of(ledger, table, row):
    """The entry that verification must name for this row; None where no entry can be named."""
    if table is tables.ledger_entry:
        return row.id
    if table is tables.seal:
        return row.entry
    if table is tables.checkpoint:
        return None
    if table is tables.outbox:
        return UUID(row.subject) if row.name == "ledgerentry.create" else row.id
    entries = [view.entry for view in ledger.queries.entries(limit=10_000)]
    return next(entry.id for entry in reversed(entries) if entry.subject == row.id)


@pytest.mark.parametrize("name", TABLES)
def test_a_changed_column_is_found_and_its_entry_named(sealed, keys, name):
    """Each column in turn is changed, found, and set back."""
    table = tables.metadata.tables[name]
    row = rows(sealed, table)[0]
    expected = owner_of(sealed, table, row)
    missed = [
        column.name
        for column in table.columns
        if not named(sealed, changed(sealed, keys, row, column), expected, row, column)
    ]
    assert missed == []
    assert verify(sealed.engine, keys[1]).ok


def changed(ledger, keys, row, column):
    """The problems while one column of a row has another value."""
    table, value = column.table, another(getattr(row, column.name), column)
    now = {one.name: value if one is column else getattr(row, one.name) for one in table.primary_key}
    assert tamper(ledger, sa.update(table).where(*same(table, row)).values({column.name: value})) == 1
    found = verify(ledger.engine, keys[1])
    back = sa.update(table).where(*(table.c[key] == value for key, value in now.items()))
    assert tamper(ledger, back.values({column.name: getattr(row, column.name)})) == 1
    with pytest.raises(SealBroken):
        found.check()
    return found.problems


def same(table, row):
    return [one == getattr(row, one.name) for one in table.primary_key]


def named(ledger, problems, expected, row, column):
    """Whether the problems are about the right entry, and the first one at that."""
    if expected is None:
        return "checkpoint" in problems[0].message
    if column.primary_key or (column.table.name, column.name) == ("outbox", "id"):
        # Gone from one place, strange in another: one of the two is the right one.
        entries = {one.entry for one in problems}
        return expected in entries or row.id in {about(ledger, entry) for entry in entries}
    return problems[0].entry == expected


@pytest.mark.parametrize("name", TABLES)
def test_a_deleted_row_is_found(sealed, name):
    table = tables.metadata.tables[name]
    every = rows(sealed, table)
    row = every[len(every) // 2]
    expected = owner_of(sealed, table, row)
    assert tamper(sealed, sa.delete(table).where(*same(table, row))) == 1
    found = verify(sealed.engine)
    assert not found.ok
    if expected is not None and name in tables.APPEND_ONLY:
        assert expected in {one.entry for one in found.problems}
    elif name != "checkpoint":
        assert any(str(row.id) in one.message for one in found.problems)


@pytest.mark.parametrize("name", ["seal", "outbox"])
def test_two_rows_in_each_others_place_are_found(sealed, name):
    table = tables.metadata.tables[name]
    (key,) = table.primary_key
    first, second = (one for one in rows(sealed, table) if getattr(one, key.name) in {3, 7})
    for old, new in ((first, -1), (second, getattr(first, key.name)), (first, getattr(second, key.name))):
        current = -1 if new == getattr(second, key.name) else getattr(old, key.name)
        assert tamper(sealed, sa.update(table).where(key == current).values({key.name: new})) == 1
    found = verify(sealed.engine)
    assert found.problems[0].entry in {owner_of(sealed, table, first), owner_of(sealed, table, second)}


def test_an_inserted_entry_is_found(sealed):
    (row, *_) = rows(sealed, tables.ledger_entry)
    stranger = UUID(int=row.id.int ^ 5)
    tamper(sealed, sa.insert(tables.ledger_entry).values(**{**row._mapping, "id": stranger}))
    assert [one.entry for one in verify(sealed.engine).problems] == [stranger]


def test_an_inserted_object_is_found(sealed):
    (row, *_) = rows(sealed, tables.OBJECTS[Kind.ARTIFACT])
    stranger = UUID(int=row.id.int ^ 5)
    values = {**row._mapping, "id": stranger, "key": "planted"}
    tamper(sealed, sa.insert(tables.OBJECTS[Kind.ARTIFACT]).values(**values))
    assert str(stranger) in verify(sealed.engine).problems[0].message


def test_an_inserted_seal_is_found(sealed):
    last = rows(sealed, tables.seal)[-1]
    stranger = UUID(int=last.entry.int ^ 5)
    values = {
        **last._mapping,
        "position": last.position + 1,
        "sequence": last.sequence + 9,
        "entry": stranger,
    }
    tamper(sealed, sa.insert(tables.seal).values(**values))
    assert verify(sealed.engine).problems[0].entry == stranger


def test_an_object_set_back_to_an_older_truth_is_found(sealed, snapshot):
    """Data, digest and columns are those of an entry, but not of the newest one."""
    build = rows(sealed, tables.OBJECTS[Kind.BUILD_INSTANCE])[0]
    older = next(event for event in sealed.queries.events(0, 10_000) if event.name == "buildinstance.create")
    with sealed.engine.connect() as connection:
        row = connection.execute(
            tables.outbox.select().where(tables.outbox.c.sequence == older.sequence)
        ).one()
    assert str(build.id) == older.subject
    table = tables.OBJECTS[Kind.BUILD_INSTANCE]
    values = {
        "data": row.data,
        "state": "running",
        "result": None,
        "finished_at": None,
        "updated_at": row.time,
    }
    tamper(sealed, sa.update(table).where(table.c.id == build.id).values(**values))
    (problem,) = verify(sealed.engine).problems
    assert str(build.id) in problem.message
    assert problem.entry != row.id


def test_an_entry_rewritten_with_its_event_and_its_seal_breaks_the_checkpoint(sealed):
    from pipemgr.ledger.change import entry_row
    from pipemgr.ledger.tree import leaf

    victim = next(one for one in rows(sealed, tables.ledger_entry) if one.kind == "stepinstance")
    forged = entry_row(victim)._replace(message="nothing happened here")
    table = tables.ledger_entry
    tamper(sealed, sa.update(table).where(table.c.id == victim.id).values(message=forged.message))
    own = sa.and_(tables.outbox.c.subject == str(victim.id), tables.outbox.c.name == "ledgerentry.create")
    tamper(sealed, sa.update(tables.outbox).where(own).values(data=forged.canonical()))
    seal = tables.seal
    hashed = leaf(forged.canonical().encode()).hex()
    tamper(sealed, sa.update(seal).where(seal.c.entry == victim.id).values(leaf=hashed))
    problems = verify(sealed.engine).problems
    assert problems
    assert all("checkpoint" in one.message for one in problems)


def test_a_cut_off_end_is_found_with_a_checkpoint_kept_elsewhere(sealed, keys):
    kept = sealed.queries.checkpoint()
    (first, second) = rows(sealed, tables.checkpoint)
    tamper(sealed, sa.delete(tables.checkpoint).where(tables.checkpoint.c.size == second.size))
    tamper(sealed, sa.delete(tables.seal).where(tables.seal.c.position >= first.size))
    inside = verify(sealed.engine, keys[1])
    assert inside.ok
    assert inside.unsealed == second.size - first.size
    outside = verify(sealed.engine, keys[1], against=kept)
    assert "kept" in outside.problems[0].message


def test_a_ledger_made_anew_is_not_the_one_that_was_kept(sealed, snapshot, tmp_path):
    kept = sealed.queries.checkpoint()
    other = open_ledger(f"sqlite:///{tmp_path / 'other.db'}")
    Recorder(other).record("ci", [snapshot(number) for number in range(1, 5)])
    other.store.seal()
    assert verify(other.engine).ok
    assert not verify(other.engine, against=kept).ok
    other.close()


def test_only_the_holder_of_the_key_can_sign(sealed, keys, tmp_path, snapshot):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    other = tmp_path / "other.pem"
    public = Ed25519PrivateKey.generate().public_key()
    other.write_bytes(
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    assert "signature" in verify(sealed.engine, other).problems[0].message
    table = tables.checkpoint
    tamper(sealed, sa.update(table).values(key=None, signature=None))
    assert verify(sealed.engine).ok
    assert "not signed" in verify(sealed.engine, keys[1]).problems[0].message


def test_what_is_not_yet_sealed_is_compared_with_its_events_all_the_same(ledger, snapshot):
    Recorder(ledger).record("ci", [snapshot(1)])
    found = verify(ledger.engine)
    assert found.ok
    assert (found.size, found.unsealed) == (0, found.entries)
    victim = rows(ledger, tables.ledger_entry)[4]
    table = tables.ledger_entry
    tamper(ledger, sa.update(table).where(table.c.id == victim.id).values(message="other"))
    assert verify(ledger.engine).problems[0].entry == victim.id


def test_an_empty_ledger_verifies(ledger):
    found = verify(ledger.engine)
    assert (found.ok, found.entries, found.size) == (True, 0, 0)
    assert found.root == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_verification_stops_when_everything_is_wrong(sealed):
    tamper(sealed, sa.update(tables.ledger_entry).values(message="all of them"))
    tamper(sealed, sa.update(tables.seal).values(leaf="zz"))
    assert 0 < len(verify(sealed.engine).problems) <= 100


@pytest.mark.parametrize(
    ("table", "column", "rubbish"),
    [
        ("ledger_entry", "time", "noon"),
        ("ledger_entry", "subject", "nobody"),
        ("seal", "sequence", "first"),
        ("seal", "leaf", "leaf"),
        ("checkpoint", "time", "later"),
        ("outbox", "time", "soon"),
    ],
)
def test_rubbish_in_a_column_is_a_finding_and_no_crash(sealed, table, column, rubbish):
    if sealed.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL refuses what is not of the column's type")
    tamper(sealed, sa.text(f"UPDATE {table} SET {column} = '{rubbish}'"))
    assert not verify(sealed.engine).ok


def test_keys_that_are_none_are_refused_with_a_remedy(sealed, tmp_path, keys):
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("no key")
    with pytest.raises(ConfigurationError, match="no public key"):
        verify(sealed.engine, rubbish)
    with pytest.raises(ConfigurationError, match="can't be read"):
        verify(sealed.engine, tmp_path / "missing.pem")


def test_every_table_is_vouched_for_but_the_schedule_and_what_was_applied():
    assert set(tables.metadata.tables) - set(TABLES) == {
        "connection",
        "publication",
        "pending",
        "gap",
        "delivery",
        "budget",
    }
