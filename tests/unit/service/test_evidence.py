"""Evidence: looking at the ledger changes nothing in it."""

import sqlite3
from contextlib import closing

from pipemgr.service import evidence, planning
from pipemgr.service.runtime import Runtime


def test_verifying_seals_nothing(runtime):
    list(planning.carry_out(runtime, planning.plan(runtime)))
    with closing(sqlite3.connect(runtime.workspace.state / "ledger.db")) as database, database:
        triggers = [
            name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ]
        for name in triggers:
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("DELETE FROM seal")
        database.execute("DELETE FROM checkpoint")
    found = evidence.verified(runtime)
    assert found.size == 0
    assert found.unsealed == found.entries > 0


def test_opening_again_waits_for_no_writer(runtime):
    assert runtime.ledger.queries.connections()
    again = Runtime(runtime.workspace)
    with closing(sqlite3.connect(runtime.workspace.state / "ledger.db", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        assert len(again.ledger.queries.connections()) == 1
        assert evidence.verified(again).ok
    again.close()
