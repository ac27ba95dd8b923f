"""Engines drive a shift: what it claims, gives back, keeps apart and tells; and what is missing is said in words."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter import Adapter, PollPage
from pipemgr.config import ConnectionConfig, PollingConfig
from pipemgr.errors import BadSettings, ConfigurationError, LedgerError, PipemgrError, Unreachable
from pipemgr.ingest.engines import Engine, Setup, load
from pipemgr.ingest.engines.celery import MOST_WAITING, CeleryEngine, application
from pipemgr.ingest.engines.embedded import Embedded
from pipemgr.ingest.engines.shift import DAILY, Shift
from pipemgr.ingest.poller import Polled
from pipemgr.ingest.schedule import Pace
from pipemgr.ingest.worker import me
from pipemgr.ledger import Ledger, open_ledger

NAMES = ("one", "two", "three")


class Vendor(Adapter):
    """Answers after some time, or fails; counts how many threads use it at once."""

    name = "vendor"

    def __init__(self, ask: Callable[[], None]) -> None:
        self.ask = ask
        self.inside = self.most = self.polls = 0

    def poll(self, cursor: dict[str, Any]) -> PollPage:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.polls += 1
        try:
            self.ask()
        finally:
            self.inside -= 1
        return PollPage(cursor=cursor)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with contextlib.closing(open_ledger(f"sqlite:///{tmp_path}/ledger.db")) as opened:
        for name in NAMES:
            opened.store.register(name, "vendor")
        yield opened


class Ears:
    """Remembers what was told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Polled | PipemgrError]] = []

    def __call__(self, name: str, outcome: Polled | PipemgrError) -> None:
        self.heard.append((name, outcome))

    def names(self) -> list[str]:
        return sorted(name for name, _ in self.heard)


@pytest.fixture
def ears() -> Ears:
    return Ears()


Make = Callable[..., Shift]


@pytest.fixture
def shift(ledger: Ledger, ears: Ears) -> Make:
    """Makes a shift of which every connection's adapter does the same."""

    def make(ask: Callable[[], None] = lambda: None, **fields: Any) -> Shift:
        vendors = {name: Vendor(ask) for name in NAMES}
        pace = Pace.of(ConnectionConfig(adapter="vendor"))
        made = {
            "ledger": ledger,
            "adapter": vendors.__getitem__,
            "paces": dict.fromkeys(NAMES, pace),
            "tell": ears,
        }
        return Shift(**(made | fields))

    return make


def setup(shift: Shift | None = None, **polling: Any) -> Setup:
    return Setup(
        lambda: contextlib.nullcontext(shift), PollingConfig(**polling), Path("/somewhere/pipemgr.toml")
    )


def due(ledger: Ledger) -> dict[str, bool]:
    return {
        one.name: one.due_at <= datetime.now(UTC) for one in ledger.queries.connections() if one.name in NAMES
    }


def owners(ledger: Ledger) -> set[str]:
    return {one.owner for one in ledger.queries.connections() if one.owner is not None}


def test_once_polls_all_that_is_due_and_nothing_twice(shift, ledger, ears):
    engine = Embedded(setup(shift(), workers=2))
    assert engine.run_once() == 3
    assert ears.names() == sorted(NAMES)
    assert not any(due(ledger).values())
    assert engine.run_once() == 0


def test_as_many_at_once_as_there_are_workers(shift):
    barrier = threading.Barrier(2, timeout=10)
    engine = Embedded(
        setup(shift(barrier.wait, paces={name: shift().paces[name] for name in NAMES[:2]}), workers=2)
    )
    assert engine.run_once() == 2  # neither would go on alone


def test_only_connections_of_this_shift_are_claimed(shift, ledger, ears):
    mine = shift()
    assert Embedded(setup(replace(mine, paces={"two": mine.paces["two"]}))).run_once() == 1
    assert ears.names() == ["two"]
    assert due(ledger) == {"one": True, "two": False, "three": True}


@pytest.mark.parametrize(
    "error",
    [Unreachable("gone fishing"), ZeroDivisionError("oops"), BadSettings("no such key")],
    ids=["vendor", "fault", "settings"],
)
def test_a_poll_that_fails_is_told_and_given_back(shift, ledger, ears, error):
    def fail() -> None:
        raise error

    Embedded(setup(shift(fail))).run_once()
    assert ears.names() == sorted(NAMES)
    assert all(isinstance(outcome, PipemgrError) for _, outcome in ears.heard)
    assert owners(ledger) == set()
    assert not any(due(ledger).values())


def test_an_adapter_that_can_not_be_made_stops_no_other(shift, ledger, ears):
    good = shift().adapter

    def make(name: str) -> Adapter:
        if name == "two":
            raise BadSettings("no such key", where="pipemgr.toml:7")
        return good(name)

    Embedded(setup(shift(adapter=make))).run_once()
    told = dict(ears.heard)
    assert isinstance(told["two"], BadSettings)
    assert isinstance(told["one"], Polled)
    assert isinstance(told["three"], Polled)
    assert owners(ledger) == set()
    (row,) = [one for one in ledger.queries.connections() if one.name == "two"]
    assert "no such key" in (row.last_error or "")


def run(engine: Engine) -> threading.Thread:
    thread = threading.Thread(target=engine.run_forever)
    thread.start()
    return thread


def test_stopping_waits_for_polls_that_run(shift, ledger, ears):
    began = threading.Event()

    def slow() -> None:
        began.set()
        time.sleep(0.5)

    engine = Embedded(setup(shift(slow), workers=3))
    thread = run(engine)
    assert began.wait(10)
    engine.stop()
    thread.join(10)
    assert ears.heard
    assert all(isinstance(outcome, Polled) for _, outcome in ears.heard)
    assert owners(ledger) == set()


def test_stopping_gives_back_what_takes_too_long(shift, ledger):
    began, go_on = threading.Event(), threading.Event()

    def endless() -> None:
        began.set()
        go_on.wait(30)

    engine = Embedded(setup(shift(endless), workers=3), grace=0.2)
    left: list[int] = []
    thread = threading.Thread(target=lambda: left.append(engine.run_forever()))
    thread.start()
    assert began.wait(10)
    time.sleep(0.3)
    engine.stop()
    thread.join(10)
    assert left == [3]
    assert owners(ledger) == set()
    assert all(due(ledger).values())
    go_on.set()


def test_a_poll_that_hangs_past_its_lease_keeps_its_adapter_to_itself(shift, ledger):
    began, go_on = threading.Event(), threading.Event()

    def endless() -> None:
        began.set()
        go_on.wait(30)

    mine = shift(endless)
    first = ledger.store.claim("one", "me", 60)
    thread = threading.Thread(target=mine.work, args=(first,))
    thread.start()
    assert began.wait(10)
    second = ledger.store.claim("one", "me", 60, is_gone=lambda _owner: True)
    assert second is not None
    mine.work(second)  # comes back at once
    assert owners(ledger) == {"me"}  # it runs out, or ends with the process
    Embedded(setup(mine)).finish(mine)
    assert owners(ledger) == set()
    go_on.set()
    thread.join(10)
    assert mine.adapter("one").most == 1


def test_what_can_not_be_given_back_now_is_given_back_later(shift, ledger, ears, monkeypatch):
    mine = shift()
    lease = ledger.store.claim("one", me(), 60)

    def away(*_: object, **__: object) -> None:
        raise LedgerError("the server can't be reached")

    with monkeypatch.context() as broken:
        broken.setattr(type(ledger.store), "transaction", away)
        mine.work(lease)
    assert isinstance(dict(ears.heard)["one"], LedgerError)
    assert owners(ledger) == {me()}
    claimed = [one.name for one in mine.due(10)]
    assert "one" in claimed


def test_a_ticket_is_good_once(shift, ledger):
    mine = shift()
    names = {one.name for one in mine.due(10, owner="ticket:a", seconds=60)}
    assert names == set(NAMES)
    assert mine.due(10) == []
    assert mine.take("one", "ticket:b") is None
    lease = mine.take("one", "ticket:a")
    assert lease is not None
    assert mine.take("one", "ticket:a") is None
    mine.work(lease)
    assert mine.take("one", "ticket:a") is None


def test_chores_are_done_once_a_day_by_one_of_all(shift, ledger):
    done = []
    one, other = shift(daily=lambda: done.append(1)), shift(daily=lambda: done.append(2))
    for each in (one, other, one):
        each.chores()
    assert done == [1]
    lease = ledger.store.claim(DAILY, "me", 60)
    assert lease is not None
    ledger.store.fail_poll(lease, "", datetime.now(UTC) - timedelta(seconds=1))
    other.chores()
    assert done == [1, 2]


def test_a_database_that_is_away_is_told_once_it_is_and_the_ticking_goes_on(shift, ledger, ears, monkeypatch):
    mine = shift()
    away = threading.Event()
    claim = type(mine).due

    def due_or_away(self: Shift, *words: Any, **options: Any) -> Any:
        if not away.is_set():
            away.set()
            raise LedgerError("the server can't be reached")
        return claim(self, *words, **options)

    monkeypatch.setattr(type(mine), "due", due_or_away)
    engine = Embedded(setup(mine))
    thread = run(engine)
    deadline = time.monotonic() + 20
    while len(ears.heard) < 5 and time.monotonic() < deadline:
        time.sleep(0.05)
    engine.stop()
    thread.join(10)
    assert ears.heard[0][0] == "pipemgr"
    assert isinstance(ears.heard[0][1], LedgerError)
    assert ears.names() == sorted([*NAMES, "pipemgr", "pipemgr"])


def test_unknown_engines_are_named_with_those_that_are_there():
    with pytest.raises(ConfigurationError, match="no engine 'kafka'") as raised:
        load("kafka", setup())
    assert raised.value.remedy == "installed: celery, embedded"


def test_engines_are_registered_by_entry_points():
    assert isinstance(load("embedded", setup()), Embedded)
    assert isinstance(load("celery", setup(broker="redis://127.0.0.1:1/0")), CeleryEngine)


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "celery", None)
    monkeypatch.delitem(sys.modules, "pipemgr.ingest.engines.celery")
    with pytest.raises(ConfigurationError, match="'celery' can't be loaded") as raised:
        load("celery", setup())
    assert "pip install 'pipemgr[celery]'" in str(raised.value.remedy)


def test_the_embedded_engine_has_no_workers(shift):
    with pytest.raises(ConfigurationError, match="no workers") as raised:
        Embedded(setup(shift())).work_forever()
    assert "poll --watch" in str(raised.value.remedy)


@pytest.mark.parametrize(
    ("broker", "message"),
    [
        (None, "no broker is configured"),
        ("redis://user:hunter2@host/0", "holds a password"),
        ("kafka://host", "none that is known"),
        ("redis://[host", "none that is known"),
    ],
)
def test_a_broker_that_can_not_be_used_is_told_without_its_password(broker, message):
    with pytest.raises(ConfigurationError, match=message) as raised:
        application(setup(broker=broker))
    assert "hunter2" not in f"{raised.value} {raised.value.remedy}"
    assert "[polling] broker" in str(raised.value.remedy)
    assert raised.value.where == "/somewhere/pipemgr.toml"


@pytest.mark.parametrize(
    ("broker", "expected"),
    [
        ("redis://host:6380/2", "redis://:s%40crt@host:6380/2"),
        ("amqp://ann@host//", "amqp://ann:s%40crt@host//"),
    ],
)
def test_the_password_of_the_broker_comes_from_its_reference(broker, expected, monkeypatch):
    monkeypatch.setenv("BROKER_PASSWORD", "s@crt")
    app = application(setup(broker=broker, broker_password="env:BROKER_PASSWORD"))
    assert app.conf.broker_url == expected
    assert "s%40crt" not in app.connection_for_write().as_uri()


def test_a_broker_that_is_away_is_told_and_nothing_is_claimed(shift, ledger):
    engine = CeleryEngine(setup(shift(), broker="redis://127.0.0.1:1/0"))
    for _turn in range(2):
        with pytest.raises(Unreachable, match="the broker can't be reached") as raised:
            engine.run_once()
        assert raised.value.where == "redis://127.0.0.1:1/0"
    assert owners(ledger) == set()
    engine.app.close()


def test_what_was_claimed_when_the_broker_went_is_sent_when_it_is_back(shift, ledger, monkeypatch):
    engine = CeleryEngine(setup(shift(), broker="redis://127.0.0.1:1/0"))
    monkeypatch.setattr(engine, "_waiting", lambda: 0)
    with pytest.raises(Unreachable):
        engine.run_once()  # it was there when it was asked, and is not when it is needed
    sent: list[tuple[str, str]] = []
    engine.app.send_task = lambda _task, words, **_options: sent.append(words)  # type: ignore[method-assign]
    assert engine.run_once() == 0
    assert sorted(name for name, _ in sent) == sorted(NAMES)
    assert owners(ledger) == {ticket for _, ticket in sent}
    engine.app.close()


def test_a_beat_hands_out_no_more_than_can_wait(shift, ledger, monkeypatch):
    engine = CeleryEngine(setup(shift(), broker="redis://127.0.0.1:1/0"))
    sent: list[tuple[str, str]] = []
    engine.app.send_task = lambda _task, words, **_options: sent.append(words)  # type: ignore[method-assign]
    for waiting, expected in ((MOST_WAITING, 0), (MOST_WAITING - 2, 2), (0, 1)):
        monkeypatch.setattr(engine, "_waiting", lambda waiting=waiting: waiting)
        assert engine.run_once() == expected
    assert sorted(name for name, _ in sent) == sorted(NAMES)
    engine.app.close()


def test_a_beat_hands_out_what_is_due_once(shift, ledger, monkeypatch):
    engine = CeleryEngine(setup(shift(), broker="redis://127.0.0.1:1/0"))
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(engine, "_waiting", lambda: 0)
    engine.app.send_task = lambda _task, words, **_options: sent.append(words)  # type: ignore[method-assign]
    assert engine.run_once() == 3
    assert engine.run_once() == 0
    assert sorted(name for name, _ in sent) == sorted(NAMES)
    assert owners(ledger) == {ticket for _, ticket in sent}
    engine.app.close()
