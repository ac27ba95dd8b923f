"""Builds: the end of a text in bounded memory, logs in the order of their steps."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from pipemgr.model.runs import Build, BuildInstance, BuildLog, StageInstance, StepInstance
from pipemgr.model.status import Result, State, Status
from pipemgr.service import builds
from pipemgr.service.builds import Started, labelled, tail
from pipemgr.service.following import changes

GOOD = Status(state=State.FINISHED, result=Result.SUCCESS)
BAD = Status(state=State.FINISHED, result=Result.FAILURE)


@given(pieces=st.lists(st.text("ab\n\r ü", max_size=8)), lines=st.integers(1, 5))
def test_a_tail_is_the_end_of_the_text(pieces, lines):
    text = "".join(pieces)
    whole = text.split("\n")
    every = [f"{line}\n" for line in whole[:-1]] + ([whole[-1]] if whole[-1] else [])
    assert tail(pieces, lines) == "".join(every[-lines:])


def test_a_tail_keeps_no_more_than_its_lines():
    pieces = (f"line {number}\n" * 100 for number in range(20_000))
    tracemalloc.start()
    try:
        found = tail(pieces, 3)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == "line 19999\n" * 3
    assert peak < 1_000_000


def test_a_line_without_end_is_cut_at_its_beginning(monkeypatch):
    monkeypatch.setattr(builds, "LONGEST_LINE", 10)
    assert tail(("x" * 7 for _ in range(100)), 2) == "x" * 10


def stage(name, *steps, status=GOOD):
    made = tuple(StepInstance(external_id=str(at), name=one, status=status) for at, one in enumerate(steps))
    return StageInstance(external_id=f"id-{name}", name=name, stage=name, status=status, steps=made)


def attempt(*stages, logs=(), status=GOOD):
    build = Build(pipeline="web", external_id="7")
    return BuildInstance(build=build, external_id="7", status=status, stages=stages, logs=logs)


def test_logs_come_in_the_order_of_their_steps():
    logs = [
        BuildLog(name="late", stage="id-b", step="0"),
        BuildLog(name="second", stage="id-a", step="1"),
        BuildLog(name="first", stage="id-a", step="0"),
        BuildLog(name="stage", stage="id-a"),
        BuildLog(name="whole"),
    ]
    seen = attempt(stage("a", "x", "y"), stage("b", "z", status=BAD), logs=tuple(logs), status=BAD)
    found = list(labelled(seen))
    assert [one.log.name for one in found] == ["whole", "stage", "first", "second", "late"]
    assert [(one.stage, one.step, one.bad) for one in found] == [
        ("build", "whole", False),
        ("a", "stage", False),
        ("a", "x", False),
        ("a", "y", False),
        ("b", "z", True),
    ]
    assert found[-1].of("b", "z")
    assert found[-1].of(None, None)
    assert not found[-1].of("a", None)


def test_a_log_of_a_whole_stage_is_as_bad_as_its_stage():
    (one,) = labelled(attempt(stage("a", status=BAD), logs=(BuildLog(name="l", stage="id-a"),), status=BAD))
    assert one.bad


def test_only_what_has_changed_is_told():
    before, after = (
        attempt(stage("a", "x"), stage("b", "y")),
        attempt(stage("a", "x"), stage("b", "y", status=BAD)),
    )
    assert list(changes(before, before)) == []
    assert list(changes(before, after)) == [(("b",), BAD), (("b", "y"), BAD)]
    assert len(list(changes(None, after))) == 5


def test_what_was_started_has_a_name_even_without_a_number():
    ref = attempt().ref
    assert Started("c", ref).name == "web#7"
    assert Started("c", ref, 3).name == "web#3"
