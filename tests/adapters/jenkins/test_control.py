"""Control: what a start, a rerun or an answer became, exactly; and what is refused before Jenkins misunderstands it."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from pipemgr.adapter import AdapterError, NotFound, Refused, UnsupportedCapability
from pipemgr.model.status import Result, State

Make = Callable[..., Any]
CHOICES = [
    {"name": "ENV", "type": "ChoiceParameterDefinition", "choices": ["prod", "test"], "default": "prod"},
    {"name": "DRY", "type": "BooleanParameterDefinition", "default": "false"},
]


def known(ci: Any, name: str = "a") -> None:
    ci.fake.jobs.add(name)


def begin_soon(ci: Any, count: int = 1) -> threading.Thread:
    """Lets what is queued begin, a little later."""

    def work() -> None:
        deadline = time.monotonic() + 10
        left = count
        while left and time.monotonic() < deadline:
            time.sleep(0.1)
            for run in ci.world.known():
                if run.attempts[0].state is State.QUEUED and run.id not in ci.fake.cancelled:
                    ci.world.tick()
                    ci.world.begin(run)
                    left -= 1

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_start_is_followed_through_the_queue_to_its_number(jenkins: Make) -> None:
    ci = jenkins()
    known(ci)
    helper = begin_soon(ci)
    ref = ci.adapter.start("a", {})
    helper.join()
    build = ci.adapter.snapshot(ref)
    assert (build.build.number, build.build.trigger, build.build.actor) == (1, "manual", "pipemgr")
    assert ci.poll() == [ref]


def test_parameters_arrive(jenkins: Make) -> None:
    ci = jenkins()
    known(ci)
    ci.fake.defined["a"] = CHOICES
    helper = begin_soon(ci)
    ref = ci.adapter.start("a", {"ENV": "test", "DRY": True})
    helper.join()
    assert ci.adapter.snapshot(ref).build.parameters == {"ENV": "test", "DRY": "true"}


def test_a_job_with_parameters_is_started_with_their_defaults(jenkins: Make) -> None:
    ci = jenkins()
    known(ci)
    ci.fake.defined["a"] = CHOICES
    helper = begin_soon(ci)
    ref = ci.adapter.start("a", {})
    helper.join()
    assert ci.adapter.snapshot(ref).build.parameters == {"ENV": "prod", "DRY": "false"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"NOPE": "1"}, "has no parameter NOPE"),
        ({"ENV": "moon"}, "is no choice"),
        ({"ENV": ["a"]}, "must be a text"),
    ],
)
def test_what_jenkins_would_ignore_or_choke_on_is_refused(
    jenkins: Make, given: dict[str, Any], said: str
) -> None:
    ci = jenkins()
    known(ci)
    ci.fake.defined["a"] = CHOICES
    with pytest.raises(Refused, match=said):
        ci.adapter.start("a", given)
    assert ci.world.runs == []


def test_two_starts_that_meet_in_the_queue_are_one_build(jenkins: Make) -> None:
    ci = jenkins()
    known(ci)
    waiting = ci.world.start("a")
    helper = begin_soon(ci)
    ref = ci.adapter.start("a", {})
    helper.join()
    assert len(ci.world.runs) == 1
    assert ci.adapter.snapshot(ref).build.commit == waiting.commit


def test_a_start_does_not_wait_for_ever_and_says_why_it_waits(jenkins: Make) -> None:
    ci = jenkins()
    known(ci)
    ci.adapter = ci.make(start_wait=0.3)
    began = time.monotonic()
    with pytest.raises(AdapterError, match="Waiting for next available executor") as told:
        ci.adapter.start("a", {})
    assert time.monotonic() - began < 3
    assert "don't start it again" in (told.value.remedy or "")
    ci.world.begin(ci.world.runs[0])
    assert ci.numbers() == [1]


def test_queue_item_gone_after_5_min(jenkins: Make) -> None:
    ci = jenkins()
    known(ci)
    run = ci.world.start("a")
    ci.world.begin(run)
    ci.world.tick(301)
    ref = ci.adapter.control._follow("a", run.id)
    assert ci.adapter.snapshot(ref).build.commit == run.commit
    with pytest.raises(AdapterError, match="is gone"):
        ci.adapter.control._follow("a", 999_999)


def test_a_start_that_was_cancelled_in_the_queue(jenkins: Make) -> None:
    ci = jenkins()
    known(ci)
    run = ci.world.start("a")
    ci.fake.cancelled.add(run.id)
    with pytest.raises(Refused, match="was cancelled"):
        ci.adapter.control._follow("a", run.id)


def test_a_job_that_is_not_there(jenkins: Make) -> None:
    with pytest.raises(NotFound):
        jenkins().adapter.start("nope", {})


def test_a_disabled_job_is_told_as_such(jenkins: Make) -> None:
    ci = jenkins()
    known(ci)
    ci.fake.fail("/job/a/api/json", status=200, body='{"buildable": false, "property": []}')
    with pytest.raises(Refused, match="disabled"):
        ci.adapter.start("a", {})


def test_a_running_build_is_stopped(jenkins: Make) -> None:
    ci = jenkins()
    run = ci.world.start("a")
    ci.world.begin(run)
    build = ci.look()
    ci.adapter.cancel(build.ref)
    assert ci.adapter.snapshot(build.ref).status.result is Result.CANCELED
    ci.adapter.cancel(build.ref)


@pytest.mark.parametrize("plugin", ["stages", "pipeline-overview", "wfapi", ""])
def test_a_rerun_is_a_new_build_with_the_same_parameters(jenkins: Make, plugin: str) -> None:
    ci = jenkins(plugin=plugin)
    known(ci)
    ci.fake.defined["a"] = CHOICES
    helper = begin_soon(ci)
    first = ci.adapter.start("a", {"ENV": "test"})
    helper.join()
    ci.world.finish(ci.world.runs[0])
    ci.adapter.snapshot(first)
    helper = begin_soon(ci)
    again = ci.adapter.rerun(first)
    helper.join()
    build = ci.adapter.snapshot(again)
    assert (build.build.number, build.build.parameters["ENV"]) == (2, "test")


def test_only_what_failed_can_not_be_executed_again(jenkins: Make) -> None:
    ci = jenkins()
    run = ci.world.start("a")
    ci.world.begin(run)
    with pytest.raises(UnsupportedCapability):
        ci.adapter.rerun(ci.poll()[0], failed_only=True)


def test_a_build_with_a_hidden_parameter_is_not_repeated_with_a_wrong_one(jenkins: Make) -> None:
    ci = jenkins(plugin="")
    run = ci.world.start("a")
    ci.world.begin(run)
    (ref,) = ci.poll()
    ci.adapter.snapshot(ref)
    hidden = (
        '{"actions": [{"parameters": [{"_class": "hudson.model.PasswordParameterValue", "name": "PASS"}]}]}'
    )
    ci.fake.fail("/job/a/1/api/json", status=200, body=hidden)
    with pytest.raises(Refused, match="PASS"):
        ci.adapter.rerun(ref)


@pytest.mark.parametrize("plugin", ["stages", "wfapi"])
@pytest.mark.parametrize("accept", [True, False])
def test_an_input_is_answered(jenkins: Make, plugin: str, accept: bool) -> None:
    ci = jenkins(plugin=plugin)
    run = ci.world.start("a")
    ci.world.begin(run)
    ci.world.wait(run)
    build = ci.look()
    (stage,) = [one for one in build.stages if one.status.state is State.WAITING]
    ci.adapter.approve(build.ref, stage.external_id, accept=accept)
    after = ci.adapter.snapshot(build.ref).status
    assert (after.state, after.result) == (
        (State.RUNNING, None) if accept else (State.FINISHED, Result.CANCELED)
    )


@pytest.mark.parametrize("plugin", ["stages", "wfapi"])
def test_a_stage_that_does_not_wait_is_not_answered(jenkins: Make, plugin: str) -> None:
    ci = jenkins(plugin=plugin)
    run = ci.world.start("a")
    ci.world.begin(run)
    build = ci.look()
    with pytest.raises(Refused, match="waits for no input"):
        ci.adapter.approve(build.ref, build.stages[0].external_id)


def pending(ci: Any, *inputs: dict[str, Any]) -> None:
    import json

    ci.fake.fail("pendingInputActions", status=200, body=json.dumps(list(inputs)), times=1)


def test_an_input_that_asks_for_values_gets_their_defaults(jenkins: Make) -> None:
    ci = jenkins(plugin="wfapi")
    run = ci.world.start("a")
    ci.world.begin(run)
    ci.world.wait(run)
    build = ci.look()
    asked = {"name": "WHO", "type": "StringParameterDefinition", "definition": {"defaultVal": "me"}}
    pending(ci, {"id": "X1", "message": "?", "inputs": [asked]})
    ci.fake.fail("/wfapi/inputSubmit", method="POST", status=200, body="{}")
    before = len(ci.fake.calls)
    ci.adapter.approve(build.ref, build.stages[0].external_id)
    sent = ci.fake.calls[-1]
    assert sent.query == {"inputId": "X1"}
    assert b"WHO" in sent.body
    assert len(ci.fake.asked(before)) == 2
    pending(ci, {"id": "X1", "message": "?", "inputs": [asked | {"definition": {}}]})
    with pytest.raises(Refused, match="has no default"):
        ci.adapter.approve(build.ref, build.stages[0].external_id)


def test_of_several_inputs_one_must_be_named(jenkins: Make) -> None:
    ci = jenkins(plugin="wfapi")
    run = ci.world.start("a")
    ci.world.begin(run)
    build = ci.look()
    two = [{"id": "One", "message": "1?", "inputs": []}, {"id": "Two", "message": "2?", "inputs": []}]
    pending(ci, *two)
    with pytest.raises(Refused, match="One"):
        ci.adapter.approve(build.ref, build.stages[0].external_id)
    pending(ci, *two)
    ci.fake.fail("/input/Two/proceedEmpty", method="POST", status=302)
    ci.adapter.approve(build.ref, "Two")
    assert ci.fake.calls[-1].path.endswith("/input/Two/proceedEmpty")
