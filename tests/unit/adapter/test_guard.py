"""The guard: whatever an adapter does wrong, the hub hears an error that it can tell."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter import (
    Adapter,
    AdapterSettings,
    Connection,
    DocumentSet,
    PollPage,
    ServerInfo,
    Unreachable,
    Webhook,
)
from pipemgr.adapter.check import VERBS, _overrides
from pipemgr.adapter.guard import Guarded
from pipemgr.adapter.registry import Registry
from pipemgr.errors import AdapterError, UnsupportedCapability
from pipemgr.model.runs import Build, BuildInstance, BuildRef
from pipemgr.model.status import State, Status
from pipemgr.secrets import SecretRef

REF = BuildRef(pipeline="p", build="1")
OTHER = BuildInstance(
    build=Build(pipeline="p", external_id="2"), external_id="2", status=Status(state=State.RUNNING)
)
ASK: dict[str, Callable[[Adapter], Any]] = {
    "probe": lambda one: one.probe(),
    "pipelines": lambda one: one.pipelines(),
    "fetch": lambda one: one.fetch("p"),
    "publish": lambda one: one.publish("p", DocumentSet(), expected=None),
    "delete": lambda one: one.delete("p", expected=None),
    "poll": lambda one: one.poll({}),
    "snapshot": lambda one: one.snapshot(REF),
    "start": lambda one: one.start("p", {}),
    "cancel": lambda one: one.cancel(REF),
    "rerun": lambda one: one.rerun(REF),
    "approve": lambda one: one.approve(REF, "a"),
    "logs": lambda one: one.logs(REF, "l", 0),
    "artifacts": lambda one: one.artifacts(REF),
    "history": lambda one: one.history({}, datetime(2026, 1, 1, tzinfo=UTC)),
    "download": lambda one: list(one.download(REF, "a")),
    "tests": lambda one: one.tests(REF),
    "receive": lambda one: one.receive(Webhook({}, b"")),
}


class Empty(Adapter):
    name = "empty"


@pytest.fixture
def guard(tmp_path: Path) -> Callable[..., Guarded]:
    """An adapter with these verbs, guarded."""
    place = Connection("here", tmp_path, tmp_path, Registry().dialect, Registry().tables("local"))

    def guard(**verbs: Any) -> Guarded:
        return Guarded(type("Told", (Empty,), verbs), place, AdapterSettings())

    return guard


def test_no_verb_goes_past_the_guard():
    verbs = {methods[0] for methods in VERBS.values()} - {"reader", "writer"}
    assert verbs == set(ASK)
    assert all(_overrides(Guarded, verb) for verb in verbs)


@pytest.mark.parametrize("verb", ASK)
@pytest.mark.parametrize("raised", [KeyError("x"), MemoryError(), RecursionError("deep"), SystemExit(0)])
def test_a_fault_names_the_connection_and_the_line(guard, verb, raised):
    def broken(*_args: Any, **_more: Any) -> None:
        raise raised

    with pytest.raises(AdapterError, match=f"{type(raised).__name__}.*test_guard.py:") as caught:
        ASK[verb](guard(**{verb: broken}))
    assert caught.value.where == "here"
    assert caught.value.remedy


@pytest.mark.parametrize("verb", ASK)
def test_a_refusal_stays_one(guard, verb):
    with pytest.raises(UnsupportedCapability, match="empty adapter cannot"):
        ASK[verb](guard())


@pytest.mark.parametrize("verb", sorted(ASK.keys() - {"delete", "cancel", "approve"}))
def test_an_answer_of_another_type_is_refused(guard, verb):
    with pytest.raises(AdapterError, match="answered with int"):
        ASK[verb](guard(**{verb: lambda *_args, **_more: 5}))


def test_the_snapshot_of_another_build_is_refused(guard):
    with pytest.raises(AdapterError, match=r"asked for 'p' '1'.* tells of 'p' '2'"):
        guard(snapshot=lambda _self, _ref: OTHER).snapshot(REF)


def test_a_download_that_breaks_off_is_told_like_a_verb(guard):
    def broken(_self: Any, _ref: BuildRef, _name: str) -> Iterator[bytes]:
        yield b"half"
        raise OSError("the line is dead")

    pieces = guard(download=broken).download(REF, "a")
    assert next(pieces) == b"half"
    with pytest.raises(AdapterError, match="OSError: the line is dead"):
        next(pieces)


def test_a_download_may_have_empty_pieces(guard):
    whole = guard(download=lambda _self, _ref, _name: iter([b"a", b"", b"b"]))
    assert b"".join(whole.download(REF, "a")) == b"ab"


def test_right_answers_pass(guard):
    known, page = ServerInfo(name="x"), PollPage(cursor={"a": 1})
    good = guard(probe=lambda _self: known, poll=lambda _self, _cursor: page)
    assert good.probe() is known
    assert good.poll({}) is page


def test_a_constructor_that_fails_is_told_like_a_verb(guard):
    def init(self: Any, *_args: Any) -> None:
        raise OSError("no such host")

    with pytest.raises(AdapterError, match="OSError: no such host"):
        guard(__init__=init)


def test_secrets_are_masked_in_every_part_of_an_error(guard, monkeypatch):
    monkeypatch.setenv("TOKEN", "s3cret/with/slashes")
    secret = SecretRef("env:TOKEN").resolve()

    def refused(_self: Any) -> None:
        raise Unreachable(
            f"no answer from https://u:{secret}@host",
            where=f"{secret}",
            remedy="GET ?t=s3cret%2Fwith%2Fslashes",
        )

    def broken(_self: Any) -> None:
        raise KeyError(secret)

    with pytest.raises(Unreachable) as caught:
        guard(probe=refused).probe()
    told = caught.value
    assert (told.message, told.where) == ("no answer from https://u:***@host", "***")
    assert told.remedy == "GET ?t=***"
    assert "s3cret" not in str(told)
    with pytest.raises(AdapterError) as caught:
        guard(probe=broken).probe()
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("wait", [float("inf"), float("nan"), -1.0, 1e14])
def test_a_page_has_no_impossible_wait(wait):
    with pytest.raises(ValueError, match="wait"):
        PollPage(wait=wait)
