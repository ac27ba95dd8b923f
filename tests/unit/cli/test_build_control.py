"""`pipemgr build start`, `watch`, `cancel`, `rerun` and `approve`: what they say, and what the ledger says of them."""

import getpass
import json

import pytest

from pipemgr.adapter.capabilities import Capability
from pipemgr.errors import NotAllowed, NotFound, Unreachable
from pipemgr.model.status import Result, State

ME = f"user:{getpass.getuser()}"


@pytest.fixture
def seen(cli, toy, toybox):
    """A finished build, which failed, and one that runs."""
    world = toy.world
    failed, running = world.start("web"), world.start("web")
    world.begin(failed)
    world.finish(failed, Result.FAILURE)
    toy.step(running)
    assert cli("poll", at=toybox).code == 0
    toy.asked.clear()
    return failed, running


def remarks(cli, toybox, build):
    """What persons did about a build, as its ledger has it."""
    rows = cli("ledger", "show", build, "--json", at=toybox).json
    assert cli("ledger", "verify", at=toybox).code == 0
    return [row["message"] for row in rows if row["observer"] == ME and row["change"] == "updated"]


# start -----------------------------------------------------------------------------------------------------


def test_start_of_a_pipeline_that_was_seen(cli, toy, toybox, seen):
    said = cli("build", "start", "web", "-p", "who=you", at=toybox)
    assert (said.code, said.out) == (0, "started web#3 at toy\n")
    assert "Next: pipemgr build watch web#3" in said.err
    assert ("start", "web", {"who": "you"}) in toy.asked
    assert remarks(cli, toybox, "web#3") == ["started on request"]
    (row,) = cli("build", "list", "-n", "1", "--json", "title,state", at=toybox).json
    assert row == {"title": "web#3", "state": "queued"}


def test_start_and_wait(cli, toy, toybox, seen, naps):
    toy.happens = [
        lambda: None,
        lambda: toy.world.begin(toy.world.runs[-1]),
        lambda: toy.world.finish(toy.world.runs[-1]),
    ]
    said = cli("build", "start", "web", "--wait", at=toybox)
    assert said.code == 0
    assert said.err == "started web#3 at toy\n"
    assert said.out.startswith("web#3: success  (toy)\n")
    assert len(cli("build", "logs", "web#3", "--json", at=toybox).json) == 4


def test_start_and_follow_what_fails(cli, toy, toybox, seen, naps):
    def work():
        toy.step(toy.world.runs[-1]).text = "oh no\n"

    toy.happens = [lambda: None, work, lambda: toy.world.finish(toy.world.runs[-1], Result.FAILURE)]
    said = cli("build", "start", "web", "-f", "--json", at=toybox)
    assert said.code == 1
    piece, end = map(json.loads, said.out.splitlines())
    assert (piece["step"], piece["text"]) == ("compile", "oh no\n")
    assert (end["build"]["number"], end["status"]["result"]) == (3, "failure")


def test_a_build_that_its_vendor_does_not_show_yet(cli, toy, toybox, seen, naps):
    toy.errors["snapshot"] = [NotFound("no such build", where="toy")] * 2
    toy.happens = [lambda: toy.world.finish(toy.world.runs[-1])]
    said = cli("build", "start", "web", "--wait", at=toybox)
    assert said.code == 0
    assert said.out.startswith("web#3: success")


def test_the_end_is_told_even_if_it_can_not_be_recorded(cli, toy, toybox, seen, naps):
    toy.errors["poll"] = [Unreachable("no answer", where="toy")]
    toy.happens = [lambda: toy.world.finish(toy.world.runs[-1], Result.FAILURE)]
    said = cli("build", "start", "web", "--wait", at=toybox)
    assert said.code == 1
    assert said.out.startswith("web#3: failure  (toy)\n")
    assert "the ledger does not have its end yet: toy: no answer" in said.err


# watch -----------------------------------------------------------------------------------------------------


def test_watch_tells_every_change_once(cli, toy, toybox, seen, naps):
    running = seen[1]
    toy.happens = [
        lambda: None,
        lambda: None,
        lambda: toy.step(running, step=1),
        lambda: toy.world.finish(running, Result.FAILURE),
    ]
    said = cli("build", "watch", "web#2", at=toybox)
    assert said.code == 0
    lines = [line.split(" ", 1)[1] for line in said.out.splitlines() if line[2:3] == ":"]
    assert lines[:2] == ["web#2: running", "web#2 / build: running"]
    assert lines.count("web#2 / build / check: running") == 1
    assert lines[-6:] == [
        "web#2 / build: failure",
        "web#2 / build / compile: failure",
        "web#2 / build / check: failure",
        "web#2 / test: failure",
        "web#2 / test / compile: failure",
        "web#2 / test / check: failure",
    ]
    assert "web#2: failure  (toy)" in said.out
    assert cli("build", "watch", "web#2", "--exit-status", at=toybox).code == 1


def test_watch_as_json_and_of_what_is_over(cli, toy, toybox, seen, naps):
    toy.happens = [lambda: None, lambda: toy.world.finish(seen[1])]
    said = cli("build", "watch", "web#2", "--json", "--exit-status", at=toybox)
    told = [json.loads(line)["status"]["state"] for line in said.out.splitlines()]
    assert (said.code, told) == (0, ["running", "finished"])
    toy.asked.clear()
    over = cli("build", "watch", "web#2", "--json", at=toybox)
    assert json.loads(over.out)["status"]["result"] == "success"
    assert [one for one in toy.asked if one[0] == "snapshot"] == []


def test_an_interrupted_watch(cli, toy, toybox, seen, naps):
    def interrupt():
        raise KeyboardInterrupt

    toy.happens = [lambda: None, interrupt]
    said = cli("build", "watch", "web#2", at=toybox)
    assert said.code == 130
    assert "web#2 goes on" in said.err


# cancel ----------------------------------------------------------------------------------------------------


def test_cancel(cli, toy, toybox, seen, naps):
    said = cli("build", "cancel", "web#2", at=toybox)
    assert (said.code, said.out) == (0, "toy was asked to stop web#2\n")
    assert remarks(cli, toybox, "web#2") == ["cancellation asked for"]
    cli("poll", at=toybox)
    again = cli("build", "cancel", "web#2", at=toybox)
    assert again.code == 1
    assert again.err.startswith("error: toy: web#2 is over already: canceled\n")


def test_what_ended_unseen_is_over_too(cli, toy, toybox, seen, naps):
    toy.world.finish(seen[1])
    said = cli("build", "cancel", "web#2", at=toybox)
    assert said.code == 1
    assert said.err.startswith("error: toy: web#2 is over already: success\n")
    assert remarks(cli, toybox, "web#2") == []


def test_cancel_and_wait(cli, toy, toybox, seen, naps):
    said = cli("build", "cancel", "web#2", "--wait", "--json", at=toybox)
    assert said.code == 0
    assert said.json["status"]["result"] == "canceled"


def test_a_refused_wish_is_in_the_ledger_too(cli, toy, toybox, seen):
    toy.errors["cancel"] = [NotAllowed("you may not", where="toy")]
    said = cli("build", "cancel", "web#2", "--json", at=toybox)
    assert said.code == 1
    assert said.error["message"] == "you may not"
    assert remarks(cli, toybox, "web#2") == [
        "cancellation asked for",
        "cancellation failed: you may not",
    ]


@pytest.mark.parametrize(
    ("capability", "words"),
    [
        (Capability.START, "start web"),
        (Capability.CANCEL, "cancel web#2"),
        (Capability.RERUN, "rerun web#1"),
        (Capability.APPROVE, "approve web#2 --stage build"),
        (Capability.SNAPSHOT, "watch web#2"),
        (Capability.DOWNLOAD, "artifacts web#1 --digest"),
    ],
)
def test_what_an_adapter_can_not_do_is_refused_in_its_words(cli, toy, toybox, seen, capability, words):
    toy.lacking = {capability: "toys are too small for that"}
    said = cli("build", *words.split(), at=toybox)
    assert said.code == 1
    assert said.err.splitlines() == [
        f"error: toy: the toy adapter cannot {capability.verb}: toys are too small for that",
        "  try: `pipemgr adapter show toy` lists what it can do",
    ]
    assert {one[0] for one in toy.asked} <= {"artifacts"}


# rerun -----------------------------------------------------------------------------------------------------


def test_rerun_says_what_it_became(cli, toy, toybox, seen):
    said = cli("build", "rerun", "web#1", "--failed", at=toybox)
    assert said.code == 0
    assert said.out == "web#1 is executed again as web#1, attempt 2 at toy\n"
    assert ("rerun", seen[0].id, True) == (toy.asked[0][0], int(toy.asked[0][1].build), toy.asked[0][2])
    assert remarks(cli, toybox, "web#1") == [
        "rerun of what failed asked for",
        "what failed in web#1 executed again on request",
    ]
    shown = cli("build", "show", "web#1", at=toybox).out
    assert shown.startswith("web#1, attempt 2: queued")
    assert [line.split()[:2] for line in shown.splitlines()[-2:]] == [["1", "failure"], ["2", "queued"]]
    attempts = cli("build", "show", "web#1", "--json", at=toybox).json["attempts"]
    assert [one["attempt"] for one in attempts] == [1, 2]


def test_rerun_as_json_and_wait(cli, toy, toybox, seen, naps):
    told = cli("build", "rerun", "web#1", "--json", at=toybox).json
    assert (told["attempt"], told["of"]["attempt"], told["connection"]) == (2, 1, "toy")
    toy.happens = [lambda: None, lambda: toy.world.finish(seen[0])]
    said = cli("build", "rerun", "web#1", "--attempt", "2", "--wait", at=toybox)
    assert said.code == 0
    assert said.out.startswith("web#1, attempt 3: success")


# approve ---------------------------------------------------------------------------------------------------


@pytest.fixture
def held(toy, seen):
    """The stage that waits: the first one of the build that runs."""
    job = seen[1].latest.jobs[0]
    job.state = State.WAITING
    toy.world.wait(seen[1])
    return job


def test_approve_lists_what_waits(cli, toy, toybox, held):
    said = cli("build", "approve", "web#2", at=toybox)
    assert said.code == 0
    assert said.out.splitlines()[1].split()[:2] == ["build", str(held.id)]
    assert "review needed" in said.out
    assert cli("build", "approve", "web#2", "--json", at=toybox).json[0]["id"] == str(held.id)
    assert cli("build", "approve", "web#1", at=toybox).out == "Nothing of web#1 waits.\n"
    assert cli("build", "approve", "web#2", "--reject", at=toybox).code == 2


def test_approve(cli, toy, toybox, held):
    said = cli("build", "approve", "web#2", "--stage", "build", "--comment", "looks good", at=toybox)
    assert (said.code, said.out) == (0, "approved stage build of web#2 at toy\n")
    assert toy.asked[-1][2:] == (str(held.id), True, "looks good")
    assert remarks(cli, toybox, "web#2") == ["approval of stage build (looks good) asked for"]


def test_reject(cli, toy, toybox, held):
    said = cli("build", "approve", "web#2", "--stage", str(held.id), "--reject", "--json", at=toybox)
    assert said.json["accepted"] is False
    assert toy.asked[-1][2:] == (str(held.id), False, "")


def test_approve_by_the_vendors_name_of_what_a_build_waits_for(cli, toy, toybox, held):
    said = cli("build", "approve", "web#2", "--stage", "production", at=toybox)
    assert (said.code, said.out) == (0, "approved stage production of web#2 at toy\n")
    assert toy.asked[-1][2:] == ("production", True, "")


def test_a_stage_that_does_not_wait(cli, toy, toybox, held):
    said = cli("build", "approve", "web#2", "--stage", "test", at=toybox)
    assert said.code == 1
    assert said.err.splitlines() == [
        "error: no stage 'test' of web#2 waits",
        f"  try: these do: 'build' ({held.id})",
    ]


# show ------------------------------------------------------------------------------------------------------


def test_show_with_an_exit_code_and_the_address_alone(cli, toy, toybox, seen):
    assert cli("build", "show", "web#1", at=toybox).code == 0
    assert cli("build", "show", "web#1", "--exit-status", at=toybox).code == 1
    assert cli("build", "show", "web#2", "--exit-status", at=toybox).code == 0
    assert cli("build", "show", "web#1", "--web", at=toybox).out == f"https://toy.example/{seen[0].id}/1\n"
