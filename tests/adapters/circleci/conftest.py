"""A fake CircleCI, the adapter that speaks to it, and a ledger to poll into."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter import Adapter, Connection, Dialect, PollPage, Tables
from pipemgr.adapter.guard import Guarded
from pipemgr.ingest.poller import Pace, Polled, poll
from pipemgr.ledger import Ledger, open_ledger
from pipemgr.ledger.keys import attempt_key
from pipemgr.model.events import Kind
from pipemgr.model.runs import BuildInstance, BuildRef
from pipemgr.model.status import Result
from pipemgr.testing.fakes.circleci import CircleCI
from pipemgr.testing.fakes.circleci_shapes import identity
from pipemgr.testing.fakes.world import Run, World
from pipemgr_circleci import CircleCIAdapter

TOKEN = "CCIPAT_a-made-up-token"
SECRET = "a made-up webhook secret"
SHOP, ZOO = "gh/acme/shop", "gh/acme/zoo"
APIS = ("v3", "v2")

Connect = Callable[..., CircleCIAdapter]


def ref(run: Run, attempt: int = 1) -> BuildRef:
    return BuildRef(pipeline=run.pipeline, build=identity("pipeline", run.id), attempt=attempt)


def ran(world: World, slug: str = SHOP, count: int = 1, seconds: float = 60) -> list[Run]:
    """So many pipelines, one after the other, each with its end."""
    runs = []
    for _ in range(count):
        run = world.start(slug)
        world.tick(5)
        world.begin(run)
        world.tick(seconds)
        world.finish(run)
        runs.append(run)
    world.tick(10)
    return runs


def cycle(adapter: CircleCIAdapter, cursor: Any = None) -> tuple[list[PollPage], Any]:
    """All pages of one poll, and the cursor after it."""
    pages = [adapter.poll(cursor or {})]
    while pages[-1].more:
        pages.append(adapter.poll(pages[-1].cursor))
    return pages, pages[-1].cursor


def found(pages: list[PollPage]) -> set[BuildRef]:
    return {one for page in pages for one in page.seen}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def circle(world: World) -> Iterator[CircleCI]:
    with CircleCI(world, token=TOKEN) as fake:
        yield fake
        assert fake.wrong == []
        assert fake.leaked == 0


def _no_dialect(name: str) -> Dialect:
    raise AssertionError(name)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Connection:
    monkeypatch.setenv("CIRCLE_TOKEN", TOKEN)
    monkeypatch.setenv("CIRCLE_WEBHOOK_SECRET", SECRET)
    return Connection("ci", tmp_path, tmp_path / "state", _no_dialect, Tables.of("circleci"))


def settings(circle: CircleCI, **given: Any) -> Any:
    """Settings that fit the fake."""
    return CircleCIAdapter.Settings.model_validate(
        {
            "url": circle.url,
            "token": "env:CIRCLE_TOKEN",
            "projects": [SHOP],
            "webhook_secret": "env:CIRCLE_WEBHOOK_SECRET",
            "api": "v3",
        }
        | given
    )


@pytest.fixture
def connect(circle: CircleCI, place: Connection) -> Iterator[Connect]:
    """Makes the adapter, with settings over those that fit the fake."""
    made: list[CircleCIAdapter] = []

    def connected(**given: Any) -> CircleCIAdapter:
        made.append(CircleCIAdapter(place, settings(circle, **given)))
        return made[-1]

    yield connected
    for one in made:
        one.client.close()


@pytest.fixture(params=APIS)
def adapter(request: pytest.FixtureRequest, connect: Connect) -> CircleCIAdapter:
    """The adapter on either API."""
    return connect(api=request.param)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.store.register("ci", "circleci")
    yield ledger
    ledger.close()


class Hub:
    """The hub's side: polls through the guard into a ledger, and tells what the ledger has."""

    def __init__(self, adapter: Adapter, ledger: Ledger) -> None:
        self.adapter, self.ledger = adapter, ledger

    def poll(self) -> Polled:
        return poll("ci", self.adapter, self.ledger, Pace())

    def has(self, where: BuildRef) -> BuildInstance | None:
        """An attempt as the ledger has it."""
        found = self.ledger.queries.by_key(Kind.BUILD_INSTANCE, "ci", attempt_key(where))
        return self.ledger.queries.instance(found.id).snapshot() if found else None

    def result(self, where: BuildRef) -> Result | None:
        known = self.has(where)
        return known.status.result if known else None


@pytest.fixture(params=APIS)
def hub(request: pytest.FixtureRequest, circle: CircleCI, place: Connection, ledger: Ledger) -> Iterator[Hub]:
    guarded = Guarded(CircleCIAdapter, place, settings(circle, api=request.param, projects=[SHOP, ZOO]))
    yield Hub(guarded, ledger)
    guarded._inner.client.close()  # type: ignore[attr-defined]  # what the guard holds
