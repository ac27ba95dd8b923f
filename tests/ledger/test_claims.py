"""Claims of what is due: only what was named, the most urgent first, and no more than asked for."""

from datetime import timedelta

import sqlalchemy as sa

from pipemgr.ledger.tables import connection


def due(ledger, name, hours):
    """Make a connection due so many hours ago."""
    with ledger.store.transaction() as transaction:
        moment = transaction.now - timedelta(hours=hours)
        transaction.database.execute(
            sa.update(connection).where(connection.c.name == name).values(due_at=moment)
        )


def claimed(ledger, limit, *names):
    return [lease.name for lease in ledger.store.claim_due("me", limit, 60, names=names)]


def test_only_what_was_named_is_claimed(ledger):
    for name in ("a", "b", "c", 'd"e\\', "é"):
        ledger.store.register(name, "x")
    assert claimed(ledger, 9) == []
    assert sorted(claimed(ledger, 9, 'd"e\\', "nobody", "é")) == ['d"e\\', "é"]
    assert sorted(claimed(ledger, 9, "a", "b", "é")) == ["a", "b"]


def test_the_most_urgent_come_first(ledger):
    for hours, name in enumerate(("a", "b", "c", "d")):
        ledger.store.register(name, "x")
        due(ledger, name, hours)
    assert sorted(claimed(ledger, 2, "a", "b", "c", "d")) == ["c", "d"]
    due(ledger, "b", -1)
    assert claimed(ledger, 2, "a", "b", "c", "d") == ["a"]


def test_ten_thousand_names_are_no_matter(ledger):
    ledger.store.register("a", "x")
    assert claimed(ledger, 1, *(f"n{number}" for number in range(70_000)), "a") == ["a"]
