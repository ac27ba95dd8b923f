"""Reading: logs without a byte lost or doubled, artifacts, test reports, webhooks, the probe."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest

from pipemgr.adapter import AuthenticationFailed, NotFound, Refused, Unreachable, Webhook
from pipemgr.mapping.tables import Tables
from pipemgr.model.status import Result
from pipemgr_jenkins import reading
from pipemgr_jenkins.settings import JenkinsSettings

Make = Callable[..., Any]


def running(ci: Any, pipeline: str = "a") -> Any:
    run = ci.world.start(pipeline)
    ci.world.begin(run)
    return run


def whole(ci: Any, ref: Any, log: str = "build") -> str:
    text, offset = "", 0
    for _ in range(1000):
        chunk = ci.adapter.logs(ref, log, offset)
        text, offset = text + chunk.text, chunk.offset
        if chunk.complete:
            return text
    raise AssertionError("the log does not end")


def test_a_log_is_read_while_it_is_written(jenkins: Make) -> None:
    ci = jenkins()
    run = running(ci)
    (ref,) = ci.poll()
    ci.world.print(run, "one\n")
    first = ci.adapter.logs(ref, "build", 0)
    assert (first.text, first.complete) == ("Started by user ada\none\n", False)
    nothing = ci.adapter.logs(ref, "build", first.offset)
    assert (nothing.text, nothing.offset, nothing.complete) == ("", first.offset, False)
    ci.world.print(run, "zwölf\n")
    ci.world.finish(run)
    last = ci.adapter.logs(ref, "build", first.offset)
    assert (last.text, last.complete) == ("zwölf\n", True)
    assert ci.adapter.logs(ref, "build", last.offset).complete


def test_an_offset_beyond_the_end_does_not_give_the_beginning_again(jenkins: Make) -> None:
    ci = jenkins()
    running(ci)
    (ref,) = ci.poll()
    chunk = ci.adapter.logs(ref, "build", 10_000)
    assert (chunk.text, chunk.offset) == ("", 10_000)


@pytest.mark.parametrize(
    "line",
    [
        "a line of text\n",
        "ü" * 1000 + "\n",
        "x" * 40_000,
        "from Windows\r\n",
        "either\r\nor\n",
        "1234567\n\r\n",
    ],
)
def test_a_long_log_comes_in_pieces_and_whole(
    jenkins: Make, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setattr(reading, "LARGEST", 100_000)
    ci = jenkins()
    run = running(ci)
    (ref,) = ci.poll()
    numbered = "".join(f"{at} {line}" for at in range(400_000 // len(line.encode())))
    ci.world.print(run, numbered)
    ci.world.finish(run)
    assert ci.adapter.logs(ref, "build", 0).complete is False
    printed = run.attempts[0].jobs[0].steps[0].text
    assert whole(ci, ref) == "Started by user ada\n" + printed.replace("\r\n", "\n")


def test_each_step_has_a_log_of_its_own(jenkins: Make) -> None:
    ci = jenkins()
    run = running(ci)
    ci.world.print(run, "one\n")
    ci.world.finish(run)
    build = ci.look()
    steps = [log for log in build.logs if log.step]
    assert len(steps) == 2
    assert whole(ci, build.ref, steps[0].name) == "one\n"
    assert whole(ci, build.ref, steps[1].name) == ""  # printed nothing: 404 there
    assert [log.name for log in ci.make(step_logs=False).snapshot(build.ref).logs] == ["build"]


@pytest.mark.parametrize("name", ["nope", "../../x", "1/log", ""])
def test_a_log_that_is_none(jenkins: Make, name: str) -> None:
    ci = jenkins()
    running(ci)
    (ref,) = ci.poll()
    with pytest.raises(NotFound):
        ci.adapter.logs(ref, name, 0)


def test_a_log_of_a_build_that_is_gone(jenkins: Make) -> None:
    ci = jenkins()
    run = running(ci)
    (ref,) = ci.poll()
    ci.world.delete(run)
    for name in ("build", "12"):
        with pytest.raises(NotFound):
            ci.adapter.logs(ref, name, 0)


def test_a_log_that_breaks_off_is_read_again_from_the_same_place(jenkins: Make) -> None:
    ci = jenkins()
    run = running(ci)
    (ref,) = ci.poll()
    ci.world.print(run, "one\n" * 100)
    ci.adapter.snapshot(ref)
    ci.fake.fail("progressiveText", cut=50)
    with pytest.raises(Unreachable):
        ci.adapter.logs(ref, "build", 0)
    assert ci.adapter.logs(ref, "build", 0).text.endswith("one\n")


def test_artifacts_are_listed_and_read(jenkins: Make) -> None:
    ci = jenkins()
    run = running(ci)
    run.artifacts = {"out/a b.txt": b"x" * 200_000, "ünï.bin": b""}
    ci.world.finish(run)
    build = ci.look()
    assert {one.name for one in build.artifacts} == set(run.artifacts)
    assert all(one.digest is None for one in build.artifacts)
    assert ci.adapter.artifacts(build.ref) == build.artifacts
    for name, content in run.artifacts.items():
        assert b"".join(ci.adapter.download(build.ref, name)) == content


@pytest.mark.parametrize("path", ["../config.xml", "a/../../b", "", "/etc", "a//b"])
def test_no_path_leads_out_of_the_artifacts(jenkins: Make, path: str) -> None:
    ci = jenkins()
    running(ci)
    (ref,) = ci.poll()
    with pytest.raises(NotFound):
        list(ci.adapter.download(ref, path))


CASES = [
    {"className": "c", "name": "ok", "status": "PASSED", "duration": 0.5},
    {"className": "c", "name": "bad", "status": "REGRESSION", "duration": 1, "errorDetails": "boom"},
    {"className": "c", "name": "off", "status": "SKIPPED", "skippedMessage": "not today"},
    {"className": "c", "name": "mended", "status": "FIXED"},
    {"className": "c", "name": "new", "status": "PONDERING"},
]


def test_a_test_report_is_counts_and_cases(jenkins: Make) -> None:
    ci = jenkins()
    run = running(ci)
    ci.fake.reports[run.id] = CASES
    ci.world.finish(run, Result.UNSTABLE)
    build = ci.look()
    report = ci.adapter.tests(build.ref)
    assert [(one.name, one.result) for one in report.cases] == [
        ("ok", Result.SUCCESS),
        ("bad", Result.FAILURE),
        ("off", Result.SKIPPED),
        ("mended", Result.SUCCESS),
        ("new", Result.UNKNOWN),
    ]
    assert (report.cases[1].message, report.cases[2].message) == ("boom", "not today")
    assert (build.tests.failed, build.tests.skipped) == (1, 1)


def test_no_report_is_none(jenkins: Make) -> None:
    ci = jenkins()
    running(ci)
    (ref,) = ci.poll()
    assert ci.adapter.tests(ref) is None


def test_reports_of_modules_are_one() -> None:
    suites = [{"name": "s", "cases": CASES[:1]}]
    answer = {"childReports": [{"result": {"suites": suites}}, {"result": {"suites": suites}}]}
    assert len(reading.report(answer, Tables.of("jenkins").statuses).cases) == 2


# Webhooks ----------------------------------------------------------------------------------------------


def signed(body: bytes, secret: str = "made-up-hook-secret") -> Webhook:  # noqa: S107 - made up
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return Webhook({"x-pipemgr-signature": f"sha256={mac}"}, body)


def test_a_signed_webhook_is_a_hint(jenkins: Make) -> None:
    adapter = jenkins().make(webhook_secret="env:JENKINS_HOOK")
    hints = adapter.receive(signed(json.dumps({"delivery": "d-1", "event": "run.completed"}).encode()))
    assert (hints.delivery, hints.event, hints.builds, hints.relevant) == ("d-1", "run.completed", (), True)


def test_a_delivery_without_an_id_is_known_by_its_content(jenkins: Make) -> None:
    adapter = jenkins().make(webhook_secret="env:JENKINS_HOOK")
    first, same, other = (adapter.receive(signed(body)) for body in (b'{"a":1}', b'{"a":1}', b'{"a":2}'))
    assert first.delivery == same.delivery != other.delivery


@pytest.mark.parametrize(
    "webhook",
    [
        Webhook({}, b"{}"),
        Webhook({"x-pipemgr-signature": "sha256="}, b"{}"),
        Webhook({"x-pipemgr-signature": "sha256=ü"}, b"{}"),
        signed(b"{}", "another secret"),
        Webhook(signed(b"{}").headers, b'{"more": 1}'),
    ],
)
def test_an_unsigned_webhook_is_not_taken(jenkins: Make, webhook: Webhook) -> None:
    with pytest.raises(AuthenticationFailed):
        jenkins().make(webhook_secret="env:JENKINS_HOOK").receive(webhook)


def test_without_a_secret_no_webhook_is_taken(jenkins: Make) -> None:
    with pytest.raises(AuthenticationFailed):
        jenkins().adapter.receive(signed(b"{}", ""))


@pytest.mark.parametrize("body", [b"", b"[]", b"not json", b"\xff"])
def test_a_signed_body_that_is_no_object_is_refused(jenkins: Make, body: bytes) -> None:
    with pytest.raises(Refused):
        jenkins().make(webhook_secret="env:JENKINS_HOOK").receive(signed(body))


# The connection ----------------------------------------------------------------------------------------


def test_the_probe_tells_who_answers_and_who_we_are(jenkins: Make) -> None:
    ci = jenkins()
    info = ci.adapter.probe()
    assert (info.name, info.version, info.identity) == ("Jenkins", "2.541.2", "pipemgr")
    running(ci)
    ci.look()
    assert "stages are told by Pipeline Graph View" in ci.adapter.probe().notes


@pytest.mark.parametrize(
    "url",
    ["ci.example", "ftp://ci.example", "https://me:secret@ci.example", "https://ci.example/?a=b", ""],
)
def test_addresses_that_are_none_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must"):
        JenkinsSettings(url=url)


def test_a_prefix_is_kept(jenkins: Make) -> None:
    adapter = jenkins().make(url="https://ci.example/jenkins/")
    assert adapter.client.job("a/b c") == "https://ci.example/jenkins/job/a/job/b%20c"
    assert adapter.client.job("mb/feature%2Fx").endswith("/job/mb/job/feature%252Fx")
    assert adapter.client.root("queue") == "https://ci.example/jenkins/queue"


def test_a_build_that_says_it_has_no_report_is_not_asked_for_one(jenkins: Make) -> None:
    ci = jenkins()
    ci.world.finish(running(ci))
    build = ci.look()
    before = len(ci.fake.calls)
    assert ci.adapter.tests(build.ref) is None
    assert ci.asked(before) == []
