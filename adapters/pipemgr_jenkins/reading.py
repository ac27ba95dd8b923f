"""Reading: logs piece by piece, artifacts, test reports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import requests

from pipemgr.adapter import LogChunk, NotFound, Statuses, Unreachable
from pipemgr.model.runs import TestCase, TestReport
from pipemgr.model.status import Result

from .builds import WHOLE, Data
from .client import Client, quoted

LARGEST: Final = 1 << 20
"""How much of a log is read at once, in bytes: the vendor would send all there is."""
PIECE: Final = 1 << 16
_CASE: Final = "className,name,status,duration,errorDetails,skippedMessage"
REPORT: Final = f"suites[name,cases[{_CASE}]],childReports[result[suites[name,cases[{_CASE}]]]]"
_NOTE: Final = re.compile(r"\x1b\[8mha:.*?\x1b\[0m")
"""A console note: markup for the browser in the middle of the text (`hudson.console.ConsoleNote`)."""
_SHOWN: Final = 2_000


def log(client: Client, build: str, name: str, offset: int) -> LogChunk:
    """The log of a build, or of the step whose id is `name`, from `offset` on.

    Jenkins sends what there is from an absolute offset, and says in `X-Text-Size` where it ends, in `X-More-Data`
    whether it will be longer (recorded).
    """
    if name != WHOLE and not name.isdecimal():
        raise NotFound(f"{build} has no log {name!r}", where=client.where)
    place = build if name == WHOLE else f"{build}/execution/node/{name}/log"
    try:
        answer = client.stream(f"{place}/logText/progressiveText", start=str(offset))
    except NotFound:
        if name == WHOLE:
            raise
        client.api(build, "number")  # the build is there: this step has just printed nothing
        return LogChunk(text="", offset=offset, complete=True)
    with answer:
        return _chunk(answer, offset, client.where)


def _chunk(answer: requests.Response, offset: int, where: str) -> LogChunk:
    size = int(answer.headers.get("X-Text-Size") or 0)
    more = answer.headers.get("X-More-Data") == "true"
    if (
        size <= offset
    ):  # nothing new; of an offset beyond its end Jenkins would send the log from the beginning
        return LogChunk(text="", offset=offset, complete=not more)
    data, whole = _read(answer, where)
    end = size if whole else offset + len(data)
    text = _NOTE.sub("", data.decode("utf-8", "replace"))
    return LogChunk(text=text, offset=end, complete=whole and not more)


def _read(answer: requests.Response, where: str) -> tuple[bytes, bool]:
    """What is read at once, cut after a line (notes never span lines), and whether that is all there is."""
    data = b""
    try:
        for piece in answer.iter_content(PIECE):
            data += piece
            if len(data) > LARGEST:
                line = data.rfind(b"\n") + 1
                return data[: line or _boundary(data)], False
    except requests.RequestException:
        raise Unreachable(f"{answer.url}: the log broke off", where=where) from None
    return data, True


def _boundary(data: bytes) -> int:
    """Before the last character of UTF-8, which may not be whole."""
    end = len(data) - 1
    while end > 0 and data[end] & 0xC0 == 0x80:  # noqa: PLR2004 - a continuation byte
        end -= 1
    return end or len(data)


def download(client: Client, build: str, artifact: str) -> Iterator[bytes]:
    """The content of an artifact. The credential does not follow where Jenkins sends on to another host."""
    answer = client.stream(f"{build}/artifact/{quoted(artifact)}")
    try:
        with answer:
            yield from answer.iter_content(PIECE)
    except requests.RequestException:
        raise Unreachable(f"{artifact}: the download broke off", where=client.where) from None


def tests(client: Client, build: str, statuses: Statuses) -> TestReport | None:
    """The cases of the JUnit plugin's report; None when there is no report (404, recorded)."""
    try:
        found = client.api(f"{build}/testReport", REPORT)
    except NotFound:
        return None
    return report(found, statuses)


def report(answer: Data, statuses: Statuses) -> TestReport:
    """The cases of an answer, those of modules (`childReports`) too."""
    several = [answer, *(one.get("result") or {} for one in answer.get("childReports") or ())]
    suites = [suite for one in several for suite in one.get("suites") or ()]
    cases = (_case(suite, case, statuses) for suite in suites for case in suite.get("cases") or ())
    return TestReport(cases=tuple(cases))


def _case(suite: Data, case: Data, statuses: Statuses) -> TestCase:
    status = statuses.status("test", str(case.get("status") or ""))
    message: Any = case.get("errorDetails") or case.get("skippedMessage") or ""
    seconds = case.get("duration")
    return TestCase(
        name=str(case.get("name") or ""),
        suite=str(case.get("className") or suite.get("name") or ""),
        result=status.result or Result.UNKNOWN,
        seconds=seconds if isinstance(seconds, (int, float)) and seconds >= 0 else None,
        message=str(message)[:_SHOWN],
    )
