"""`pipemgr build logs`: kept, followed, cut at the front, and harmless to a terminal."""

import json

import click
import pytest

from pipemgr.adapter.capabilities import Capability
from pipemgr.cli.logtext import LogText, harmless
from pipemgr.errors import NotAllowed, NotFound, RateLimited, Unreachable
from pipemgr.model.status import Result, State
from pipemgr.service import following


@pytest.fixture
def running(cli, toy, toybox):
    """A build whose first step runs, and is known."""
    run = toy.world.start("web")
    toy.step(run)
    cli("poll", at=toybox)
    toy.asked.clear()
    return run


def said(run, text, *, job=0, step=0):
    run.latest.jobs[job].steps[step].text += text


def beside(toy, run):
    """The second job begins while the first goes on."""
    toy.step(run, job=1)
    return toy.step(run, step=1)


def finish(toy, run, result=Result.SUCCESS):
    toy.world.finish(run, result)


def test_follow_until_the_end(cli, toy, toybox, running, naps):
    toy.happens = [
        lambda: said(running, "one\n"),
        lambda: said(running, "two\nthr"),
        lambda: said(running, "ee\n"),
        lambda: toy.step(running, step=1) and said(running, "checked\n", step=1),
        lambda: beside(toy, running) and said(running, "tested\n", job=1),
        lambda: said(running, "late\n", step=1),
        lambda: finish(toy, running),
    ]
    done = cli("build", "logs", "web#1", "-f", at=toybox)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "==> build / compile",
        "one",
        "two",
        "three",
        "==> build / check",
        "checked",
        "==> test / compile",
        "tested",
        "==> build / check",
        "late",
    ]
    assert 0 < naps[0] <= naps[-1] <= 3


def test_each_byte_is_asked_for_once(cli, toy, toybox, running, naps):
    said(running, "x" * 99 + "\n")
    toy.happens = [lambda: None, lambda: finish(toy, running)]
    done = cli("build", "logs", "web#1", "-f", "--step", "compile", "--stage", "build", at=toybox)
    assert done.out == f"==> build / compile\n{'x' * 99}\n"
    offsets = [one[3] for one in toy.asked if one[0] == "logs"]
    assert offsets == [0, 40, 80, 100, 100]


def test_troubles_that_pass_are_told_once_and_waited_for(cli, toy, toybox, running, naps):
    toy.errors["snapshot"] = [Unreachable("no answer", where="toy")] * 3
    toy.errors["logs"] = [RateLimited("too much", retry_after=77, where="toy")]
    toy.happens = [lambda: said(running, "one\n"), lambda: None, lambda: finish(toy, running)]
    done = cli("build", "logs", "web#1", "-f", at=toybox)
    assert done.code == 0
    assert done.out == "==> build / compile\none\n"
    assert done.err == "toy: no answer; trying again\ntoy: too much; trying again\n"
    assert 77 in naps


def test_troubles_that_do_not_pass_end_it(cli, toy, toybox, running, naps):
    toy.errors["snapshot"] = [Unreachable("no answer", where="toy")] * 99
    done = cli("build", "logs", "web#1", "-f", at=toybox)
    assert done.code == 1
    assert done.err.endswith("error: toy: no answer\n")
    assert len(naps) == following.MOST_FAILURES


def test_a_log_that_can_not_be_read_is_told_and_the_others_go_on(cli, toy, toybox, running, naps):
    said(running, "one\n")
    said(running, "two\n", job=1)
    toy.happens = [lambda: finish(toy, running)]
    toy.errors["logs"] = [NotAllowed("not for you", where="toy")]
    done = cli("build", "logs", "web#1", "-f", at=toybox)
    assert done.code == 0
    assert "==> test / compile\ntwo\n" in done.out
    assert "one" not in done.out
    assert done.err == "the log of build / compile can't be read: not for you\n"


def test_a_log_that_is_not_there_yet_is_asked_for_again(cli, toy, toybox, running, naps):
    said(running, "one\n")
    toy.errors["logs"] = [NotFound("no such log", where="toy")]
    toy.happens = [lambda: None, lambda: finish(toy, running)]
    done = cli("build", "logs", "web#1", "-f", at=toybox)
    assert (done.out, done.err) == ("==> build / compile\none\n", "")


def test_a_log_that_never_ends_does_not_hold_one_for_ever(cli, toy, toybox, running, naps, monkeypatch):
    said(running, "one\n")
    finish(toy, running)
    step = running.latest.jobs[0].steps[0]
    monkeypatch.setattr(following, "LATE", 2)
    step.state, step.result = State.RUNNING, None  # the toy's logs are complete when their step is over
    done = cli("build", "logs", "web#1", "-f", at=toybox)
    assert done.code == 0
    assert done.out == "==> build / compile\none\n"
    assert "the log of build / compile is not complete" in done.err


def test_a_vendor_without_live_logs_prints_what_is_complete(cli, toy, toybox, running, naps):
    toy.lacking = {Capability.LIVE_LOGS: "a log is there when its step is over"}
    said(running, "one\n")
    toy.happens = [lambda: None, lambda: toy.step(running, step=1), lambda: finish(toy, running)]
    done = cli("build", "logs", "web#1", "-f", at=toybox)
    assert done.out == "==> build / compile\none\n"
    assert "toy has no logs that can be read while they are written" in done.err
    assert "a log is there when its step is over" in done.err
    asked = [one[0] for one in toy.asked[:4]]
    assert asked == ["snapshot", "snapshot", "logs", "snapshot"]


def test_a_vendor_without_logs_is_refused_with_its_reason(cli, toy, toybox, running):
    toy.lacking = {Capability.LOGS: "the toy is silent"}
    done = cli("build", "logs", "web#1", "-f", at=toybox)
    assert done.code == 1
    assert done.err.startswith("error: toy: the toy adapter cannot read logs: the toy is silent\n")


def test_only_what_failed_is_followed(cli, toy, toybox, running, naps):
    said(running, "one\n")
    said(running, "two\n", job=1)
    toy.happens = [lambda: toy.step(running, job=1), lambda: finish(toy, running, Result.FAILURE)]
    done = cli("build", "logs", "web#1", "-f", "--failed", at=toybox)
    assert done.out == "==> test / compile\ntwo\n"


def test_the_end_of_what_is_there_and_then_the_rest(cli, toy, toybox, running, naps):
    said(running, "".join(f"line {number}\n" for number in range(50)))
    toy.happens = [lambda: None, lambda: said(running, "more\n"), lambda: finish(toy, running)]
    done = cli("build", "logs", "web#1", "-f", "-n", "2", at=toybox)
    assert done.out == "==> build / compile\nline 48\nline 49\nmore\n"


def test_pieces_as_json(cli, toy, toybox, running, naps):
    said(running, "one\n")
    toy.happens = [lambda: None, lambda: said(running, "two\n"), lambda: finish(toy, running)]
    done = cli("build", "logs", "web#1", "-f", "--json", at=toybox)
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [(one["stage"], one["step"], one["text"]) for one in told] == [
        ("build", "compile", "one\n"),
        ("build", "compile", "two\n"),
    ]


def test_an_interrupt_says_that_the_build_goes_on(cli, toy, toybox, running, naps):
    said(running, "one\n")

    def interrupt():
        raise KeyboardInterrupt

    toy.happens = [lambda: None, interrupt]
    done = cli("build", "logs", "web#1", "-f", at=toybox)
    assert done.code == 130
    assert done.out == "==> build / compile\none\n"
    assert "web#1 goes on; `pipemgr build watch web#1` follows it again" in done.err
    assert "Traceback" not in done.err


def test_what_is_finished_comes_from_the_ledger(cli, toy, toybox, running, naps):
    said(running, "".join(f"line {number}\n" for number in range(50)))
    finish(toy, running)
    cli("poll", at=toybox)
    toy.asked.clear()
    done = cli("build", "logs", "web#1", "-f", "--tail", "1", "--stage", "build", at=toybox)
    assert "==> build / compile\nline 49\n" in done.out
    assert toy.asked == []
    (told, _) = cli("build", "logs", "web#1", "--json", "--stage", "build", "--tail", "2", at=toybox).json
    assert told["text"] == "line 48\nline 49\n"


def test_a_build_that_has_not_begun(cli, toy, toybox):
    toy.world.start("web")
    cli("poll", at=toybox)
    done = cli("build", "logs", "web#1", at=toybox)
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("It has not begun")
    said(toy.world.runs[0], "one\n")
    toy.step(toy.world.runs[0])
    assert cli("build", "logs", "web#1", at=toybox).out == "==> build / compile\none\n"
    toy.errors["snapshot"] = [Unreachable("no answer", where="toy")]
    assert cli("build", "logs", "web#1", at=toybox).err.startswith("It has not begun")


def test_without_follow_a_running_build_is_read_as_it_is(cli, toy, toybox, running):
    said(running, "one\n")
    assert cli("build", "logs", "web#1", at=toybox).out == "==> build / compile\none\n"
    toy.lacking = {Capability.LIVE_LOGS: "later"}
    done = cli("build", "logs", "web#1", at=toybox)
    assert (done.code, done.out) == (0, "")
    assert done.err == "the log of build / compile can be read when it is complete: later\n"


def test_a_log_that_is_gone_stops_no_other(cli, toy, toybox, running):
    beside(toy, running)
    running.latest.jobs[0].steps[0].state = State.RUNNING
    running.latest.jobs[0].steps[0].result = None
    cli("poll", at=toybox)
    said(running, "two\n", step=1)
    toy.errors["logs"] = [NotFound("it has expired", where="toy")]
    done = cli("build", "logs", "web#1", "--stage", "build", at=toybox)
    assert done.code == 1
    assert done.err == "the log of build / compile can't be read: toy: it has expired\n"
    assert done.out == "==> build / compile\n==> build / check\ntwo\n"


# What is harmless --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "plain", "coloured"),
    [
        ("\x1b[31mred\x1b[0m", "red", "\x1b[31mred\x1b[0m"),
        ("\x1b[38;5;1mred", "red", "\x1b[38;5;1mred"),
        ("a\x1b[2Jb\x1b[1;1Hc\x1b[?25l", "abc", "abc"),
        ("\x1b]0;title\x07a\x1b]52;c;Zm9v\x1b\\b", "ab", "ab"),
        ("\x1b]8;;https://x\x07link\x1b]8;;\x07", "link", "link"),
        ("\x1bPq#0\x1b\\a\x1b_x\x1b\\", "a", "a"),
        ("\x1bca\x1b(Bb\x1b", "ab", "ab"),
        ("a\x08b\x00c\x7f\x9b2Jd", "a\\x08b\\x00c\\x7fd", "a\\x08b\\x00c\\x7fd"),
        ("\u202egnp.exe", "\\u202egnp.exe", "\\u202egnp.exe"),
        ("tab\tstays, and so does ü", "tab\tstays, and so does ü", "tab\tstays, and so does ü"),
    ],
)
def test_nothing_in_a_log_steers_a_terminal(text, plain, coloured):
    assert harmless(text, colours=False) == plain
    assert harmless(text, colours=True) == coloured


def written(*pieces, colour=False):
    out: list[str] = []
    with click.Context(click.Command("x"), color=colour).scope():
        text = LogText(out.append)
        for piece in pieces:
            text.feed(piece)
        text.end()
    return "".join(out)


def test_pieces_are_put_together_before_they_are_cleaned():
    assert written("a\x1b[3", "1mred\x1b", "[0m\nb") == "ared\nb\n"
    assert written("a\x1b[3", "1mred\n", colour=True) == "a\x1b[31mred\x1b[0m\n"
    assert written("a\r\nb\r", "c\n") == "a\nb\nc\n"
    assert written("", "\n", "") == "\n"


def test_a_line_without_end_is_not_kept_for_ever(monkeypatch):
    monkeypatch.setattr("pipemgr.cli.logtext.LONGEST_LINE", 10)
    out: list[str] = []
    text = LogText(out.append)
    for _ in range(5):
        text.feed("x" * 6)
        assert sum(map(len, out)) % 13 == 0
    assert len(out) == 2
