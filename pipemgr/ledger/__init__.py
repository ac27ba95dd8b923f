"""The ledger: everything that happened, in one database that shows when it was tampered with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa

    from .blobs import Blobs
    from .budgets import SharedBudget
    from .queries import Queries
    from .store import Store


@dataclass(frozen=True, slots=True)
class Ledger:
    """An open ledger: `store` writes, `queries` reads, `blobs` keeps what is too long for the database."""

    engine: sa.Engine
    store: Store
    queries: Queries
    blobs: Blobs

    def budgets(self, credential: str) -> SharedBudget:
        """What a credential, by any name for it that is no secret, may still ask; every process sees the same."""
        from .budgets import SharedBudget

        return SharedBudget(self.engine, credential)

    def close(self) -> None:
        """Give back every connection to the database."""
        self.engine.dispose()


def open_ledger(
    url: str, *, create: bool = True, key: Path | None = None, blobs: Path | None = None
) -> Ledger:
    """Open the ledger at `sqlite:///FILE` or `postgresql://USER@HOST/DATABASE`.

    With `create` a missing or older schema is brought up to date; without, it raises `LedgerError` or
    `SchemaTooOld`. `key` is the PEM file of the Ed25519 key that signs checkpoints. `blobs` is the folder of
    long logs: unless told otherwise beside the file of a SQLite ledger, else in the user's own data folder.
    """
    from .blobs import Blobs
    from .engine import open_engine
    from .queries import Queries
    from .store import Store

    engine = open_engine(url)
    try:
        _ready(engine, create=create)
    except BaseException:
        engine.dispose()
        raise
    return Ledger(engine, Store(engine, key=key), Queries(engine), Blobs(blobs or _blobs(engine)))


def _no_file(engine: sa.Engine) -> bool:
    """Whether SQLite would have to make the file first."""
    path = engine.url.database or ""
    return engine.dialect.name == "sqlite" and not path.startswith("file:") and not Path(path).is_file()


def _blobs(engine: sa.Engine) -> Path:
    if engine.dialect.name == "sqlite":
        return Path(f"{engine.url.database}-blobs")
    from platformdirs import user_data_path

    return user_data_path("pipemgr") / "blobs"


def _ready(engine: sa.Engine, *, create: bool) -> None:
    from pipemgr.errors import LedgerError, SchemaTooOld

    from .engine import shown
    from .migrations import HEAD, migrate, revision

    where, remedy = shown(engine.url), "run `pipemgr init`"
    if not create and _no_file(engine):
        raise LedgerError("there is no ledger", where=where, remedy=remedy)
    found = revision(engine)
    if found == HEAD:
        return
    if create:
        migrate(engine)
    elif found is None:
        raise LedgerError("the database holds no ledger", where=where, remedy=remedy)
    else:
        raise SchemaTooOld(
            f"the ledger's schema is {found}, this pipemgr needs {HEAD}", where=where, remedy=remedy
        )
