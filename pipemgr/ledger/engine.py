"""The engine: opens SQLite or PostgreSQL by address, and says in words what went wrong.

What a crash leaves behind, in SQLite (WAL, `synchronous=NORMAL`): after `kill -9` every committed transaction is
there and no other; the next opener rolls the rest back. After a power loss the file is whole, but the last
transactions may be gone, cursors and rows together, so that the next poll fetches them again. Transactions that
somebody outside may rely on (checkpoints, publications) ask for `durable` and are on the disk when they return,
and everything before them too. PostgreSQL keeps what it committed in both cases.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, Engine, ExceptionContext, make_url

from pipemgr.errors import Busy, ConfigurationError, LedgerError

BUSY_SECONDS = 30
"""How long a statement waits for another process before it gives up as `Busy`."""

_POSTGRES_REMEDY = "check that the server runs, and the host, port, database and user of the ledger's address"

# What the databases say, what it means for a user, and what to do. The first that fits counts.
_CAUSES: tuple[tuple[str, type[LedgerError], str, str], ...] = (
    ("database is locked", Busy, "another process is writing to the ledger", "try again in a moment"),
    ("lock timeout", Busy, "another process is writing to the ledger", "try again in a moment"),
    ("unique", Busy, "another process wrote the same object", "try again: it is there now"),
    (
        "append-only",
        LedgerError,
        "the ledger is append-only",
        "record a correction instead (amend or withdraw)",
    ),
    ("not a database", LedgerError, "the file is no ledger", "name another file, or move this one away"),
    ("malformed", LedgerError, "the file is damaged", "restore it from a backup"),
    ("disk is full", LedgerError, "the disk is full", "free some space; nothing was half written"),
    ("no space left", LedgerError, "the disk is full", "free some space; nothing was half written"),
    ("readonly", LedgerError, "the ledger is read-only here", "make the file and its folder writable"),
    ("read-only", LedgerError, "the ledger is read-only here", "use a server and user that may write"),
    (
        "unable to open",
        LedgerError,
        "the file can't be opened",
        "check that its folder exists and is writable",
    ),
    (
        "disk i/o error",
        LedgerError,
        "the disk failed, or the folder is read-only",
        "check the disk and its rights",
    ),
    ("authentication failed", LedgerError, "the server refuses the user or password", "check the credential"),
    ("does not exist", LedgerError, "the database or a part of it does not exist", _POSTGRES_REMEDY),
    ("connection", LedgerError, "the server can't be reached", _POSTGRES_REMEDY),
    ("resolve", LedgerError, "the server's name is unknown", _POSTGRES_REMEDY),
)


def open_engine(url: str) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql://USER@HOST/DATABASE`; connects only when used.

    Raises `ConfigurationError` for an address that is none, `LedgerError` when the driver is missing. Whatever
    the database says later comes as `LedgerError` or, when waiting may help, `Busy`.
    """
    parsed = _parse(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    try:
        engine = sa.create_engine(
            parsed,
            pool_pre_ping=not sqlite,
            max_overflow=-1,  # as many as there are threads that poll, which the configuration limits
            hide_parameters=True,
            connect_args=_arguments(sqlite),
        )
        engine.dialect.create_connect_args(
            parsed
        )  # else told only when something connects, and in other words
    except (ValueError, TypeError):
        raise ConfigurationError(
            "an option in the ledger's address has a wrong value",
            where=shown(parsed),
            remedy="correct or leave out what follows the ?",
        ) from None
    except ImportError:
        raise LedgerError(
            "the driver for PostgreSQL is not installed",
            where=shown(parsed),
            remedy="pip install 'pipemgr[postgres]'",
        ) from None
    if sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "handle_error", _explain)
    return engine


def _parse(url: str) -> URL:
    remedy = "write sqlite:///FILE or postgresql://USER@HOST/DATABASE"
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        # Not chained and not quoted: it may hold a password.
        raise ConfigurationError("the ledger's address is malformed", remedy=remedy) from None
    backend = parsed.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise ConfigurationError(f"a ledger can't be kept in {backend!r}", remedy=remedy)
    if parsed.database in (None, "", ":memory:"):
        raise ConfigurationError("a ledger in memory would be forgotten", where=shown(parsed), remedy=remedy)
    return parsed


def _arguments(sqlite: bool) -> dict[str, Any]:
    if sqlite:
        return {"timeout": BUSY_SECONDS, "isolation_level": None}
    return {"connect_timeout": 10, "options": f"-c lock_timeout={BUSY_SECONDS}s -c timezone=UTC"}


def shown(url: URL) -> str:
    """An address as it may be shown: its password as stars, and no options, which may hold one too."""
    return url.set(query={}).render_as_string(hide_password=True)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """WAL lets readers go on while one writes; it stays set in the file, and a reader of a read-only one keeps it.

    Pages of 8 KiB, in a new file, waste less of themselves on rows of our length.
    """
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if mode != "wal":
        connection.execute("PRAGMA page_size=8192")
        connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA cache_size=-32000")


def _begin_sqlite(connection: sa.Connection) -> None:
    """Begin for real (the driver alone would wait for the first write), and take the write lock first if asked.

    A transaction that reads, then writes, fails at once when another wrote in between; one that begins IMMEDIATE
    waits for its turn.
    """
    options = connection.get_execution_options()
    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if options.get('durable') else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("write") else "BEGIN")


def _explain(context: ExceptionContext) -> None:
    """Put the database's error into words; a value that can't be stored is our own mistake and stays as it is."""
    original = context.original_exception
    if not isinstance(original, ImportError) and isinstance(context.sqlalchemy_exception, exc.DBAPIError):
        _put_into_words(original, context.engine.url if context.engine else None)


def _put_into_words(error: BaseException, url: URL | None) -> None:
    said = str(error).lower()
    for words, kind, meaning, remedy in _CAUSES:
        if words in said:
            raise kind(meaning, where=url and shown(url), remedy=remedy) from None


@contextlib.contextmanager
def explaining(database: sa.Connection) -> Iterator[None]:
    """For statements that go to the driver past SQLAlchemy: their errors are told as those of any other."""
    try:
        yield
    except database.dialect.loaded_dbapi.Error as error:
        _put_into_words(error, database.engine.url)
        raise


@contextlib.contextmanager
def reading(engine: Engine) -> Any:
    """A connection whose statements all see one moment of the ledger."""
    options = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection
