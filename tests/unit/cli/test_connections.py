"""`pipemgr connection`, `gaps` and `quarantine`: how polling stands, what is missing, and what somebody can do."""

import pytest

from pipemgr.adapter.base import Gap
from pipemgr.errors import AuthenticationFailed, Unreachable
from pipemgr.service import runtime


@pytest.fixture
def broken(cli, toy, toybox):
    """Two builds, of which the second can't be read."""
    good, bad = toy.world.start("web"), toy.world.start("web")
    toy.world.finish(good)
    toy.reasons[bad.id] = "its answer is cut off"
    cli("poll", at=toybox)
    return bad


def test_show_of_what_is_well(cli, toy, toybox):
    toy.world.begin(toy.world.start("web"))
    assert cli("poll", at=toybox).code == 0
    said = cli("connection", "show", "toy", at=toybox)
    assert said.code == 0
    assert said.out.startswith("toy (toy): ok")
    assert "  open builds: 1\n" in said.out
    assert "last error" not in said.out
    told = cli("connection", "show", "toy", "--json", at=toybox).json
    assert (told["health"], told["open_builds"], told["quarantine"], told["open_gaps"]) == ("ok", 1, 0, 0)
    assert told["last_success_at"][10] == told["due_at"][10] == "T"
    assert told["remedy"] is None
    assert "cursor" not in told


def test_show_before_the_first_poll_and_of_none(cli, toy, toybox):
    said = cli("connection", "show", "toy", at=toybox).out
    assert "  last poll: never\n  next poll: due now\n" in said
    assert cli("connection", "show", "nope", at=toybox).err.startswith(
        "error: no connection 'nope' is configured"
    )


def test_show_says_what_is_wrong_and_what_to_do(cli, toy, toybox):
    toy.errors["poll"] = [AuthenticationFailed("the token is refused", where="toy")] * 3
    for _ in range(3):
        assert cli("poll", at=toybox).code == 1
    said = cli("connection", "show", "toy", at=toybox).out
    assert said.startswith("toy (toy): parked since 20")
    assert "  next poll: not before somebody resumes it\n" in said
    assert "the token is refused (3 failures in a row)" in said
    assert said.endswith("  try: correct its credential, then `pipemgr connection resume toy`\n")
    (row,) = cli("connection", "list", "--json", at=toybox).json
    assert row["health"] == "parked"
    done = cli("connection", "resume", "toy", at=toybox)
    assert (done.code, done.out) == (0, "toy is polled again\n")
    assert cli("connection", "show", "toy", "--json", at=toybox).json["health"] != "parked"
    assert cli("poll", at=toybox).code == 0


def test_resume_with_fast_forward(cli, toy, toybox):
    told = cli("connection", "resume", "toy", "--fast-forward", "--json", at=toybox).json
    assert told == {"connection": "toy", "resumed": True, "fast_forward": True}
    assert cli("connection", "resume", "nope", at=toybox).code == 1


def test_show_tells_the_quota_of_its_own_credentials(cli, toy, toybox, monkeypatch):
    with runtime.opened(toybox) as used:
        used.ledger.budgets("toy:key of ada").learn(limit=5000, remaining=4321)
        used.ledger.budgets("toy:key of bob").learn(limit=7, remaining=1)
    kind = runtime.registry().load("toy")
    init = kind.__init__

    def asking(self, connection, settings):
        init(self, connection, settings)
        connection.budget("key of ada")

    monkeypatch.setattr(kind, "__init__", asking)
    said = cli("connection", "show", "toy", at=toybox).out
    assert "  quota of toy:key of ada: 4,321 of 5,000 left; asked 0 times\n" in said
    assert "bob" not in said


# gaps ------------------------------------------------------------------------------------------------------


def test_no_gaps(cli, toy, toybox):
    said = cli("gaps", at=toybox)
    assert (said.code, said.out) == (0, "No gaps: nothing is known to be missing.\n")
    assert cli("gaps", "--json", at=toybox).json == []
    assert cli("gaps", "--holes", at=toybox).out.startswith("No holes")


def test_gaps_are_listed_and_closed(cli, toy, toybox):
    toy.gaps = (Gap(pipeline="web", expected=1200, found=1000, reason="no more than 1,000 are told"),)
    cli("poll", at=toybox)
    said = cli("gaps", at=toybox)
    assert said.code == 1
    assert "web" in said.out
    assert "no more than 1,000 are told" in said.out
    (gap,) = cli("gaps", "--json", at=toybox).json
    assert (gap["expected"], gap["found"], gap["connection"]) == (1200, 1000, "toy")
    assert cli("gaps", "-c", "toy", at=toybox).code == 1
    assert cli("gaps", "-c", "nope", at=toybox).err.startswith("error: no connection 'nope'")
    assert cli("gaps", "--close", "ffff", at=toybox).code == 1
    assert cli("gaps", "--close", gap["id"][:30], at=toybox).out.startswith("closed the gap of web at toy")
    assert cli("gaps", at=toybox).code == 0
    assert "(closed)" in cli("gaps", "--all", at=toybox).out


def test_holes(cli, toy, toybox):
    for _ in range(4):
        toy.world.finish(toy.world.start("web"))
    toy.world.delete(toy.world.runs[1])
    toy.world.delete(toy.world.runs[2])
    cli("poll", at=toybox)
    (hole,) = cli("gaps", "--holes", "--json", at=toybox).json
    assert (hole["first"], hole["last"], hole["numbers"]) == (2, 3, 2)
    assert cli("gaps", "--holes", at=toybox).out.splitlines()[1].split() == ["toy", "web", "2", "3", "2"]


# the quarantine --------------------------------------------------------------------------------------------


def test_an_empty_quarantine(cli, toy, toybox):
    for words in (("quarantine",), ("quarantine", "list")):
        said = cli(*words, at=toybox)
        assert (said.code, said.out.startswith("Nothing is in quarantine")) == (0, True)
    assert cli("quarantine", "retry", at=toybox).out == "0 attempts will be looked at with the next poll\n"


def test_what_can_not_be_read_waits_and_is_read_later(cli, toy, toybox, broken):
    said = cli("quarantine", at=toybox)
    assert said.code == 1
    assert f"web#{broken.id}" in said.out
    assert "its answer is cut off" in said.out
    (row,) = cli("quarantine", "list", "--json", at=toybox).json
    assert (row["build"], row["tries"]) == (f"web#{broken.id}", 1)
    assert "T" in row["next_try"]
    assert (
        "  in quarantine: 1 (`pipemgr quarantine` lists it)\n"
        in cli("connection", "show", "toy", at=toybox).out
    )
    toy.reasons.clear()
    done = cli("quarantine", "retry", f"web#{broken.id}", at=toybox)
    assert done.out == "1 attempt will be looked at with the next poll\n"
    cli("poll", at=toybox)
    assert cli("quarantine", at=toybox).code == 0
    assert len(cli("build", "list", "--json", at=toybox).json) == 2


def test_what_is_dropped_leaves_a_trace(cli, toy, toybox, broken):
    assert cli("quarantine", "drop", at=toybox).code == 2
    assert cli("quarantine", "drop", "web#1", "--all", at=toybox).code == 2
    assert "nothing in quarantine is called 'web#77'" in cli("quarantine", "drop", "web#77", at=toybox).err
    said = cli("quarantine", "drop", "--all", "-c", "toy", at=toybox)
    assert (said.code, said.out) == (0, "1 attempt given up\n")
    assert cli("quarantine", at=toybox).code == cli("gaps", at=toybox).code == 0
    (gap,) = cli("gaps", "--all", "--json", at=toybox).json
    assert f"web#{broken.id} given up by user:" in gap["reason"]
    assert "its answer is cut off" in gap["reason"]


def test_a_vendor_that_is_away_is_lost_and_found(cli, toy, toybox):
    toy.errors["poll"] = [Unreachable("no answer", where="toy")] * 3
    for _ in range(3):
        cli("poll", at=toybox)
    assert cli("connection", "show", "toy", "--json", at=toybox).json["health"] == "lost"
    assert cli("poll", at=toybox).code == 0
    assert cli("connection", "show", "toy", "--json", at=toybox).json["health"] == "ok"


# the doctor ------------------------------------------------------------------------------------------------


def test_the_doctor_names_a_connection_once(cli, toy, toybox):
    toy.errors["probe"] = [Unreachable("no answer", where="toy")]
    said = cli("doctor", at=toybox).out
    assert "WRONG  connection toy: no answer\n" in said
    assert "1 pipeline is valid" in said


def test_the_doctor_tells_of_what_is_not_polled(cli, toy, toybox):
    toy.errors["poll"] = [AuthenticationFailed("the token is refused", where="toy")] * 3
    for _ in range(3):
        cli("poll", at=toybox)
    said = cli("doctor", at=toybox)
    assert said.code == 1
    assert "WRONG  polling toy: parked: " in said.out
    assert "pipemgr connection resume toy" in said.out
