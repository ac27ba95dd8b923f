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

LARGEST: Final = 4 << 20
"""How much of a log is read at once, in bytes: the vendor would send all there is."""
PIECE: Final = 1 << 16
SIGN: Final = 1 << 12
"""How many bytes are enough to know a place in a log again."""
_CASE: Final = "className,name,status,duration,errorDetails,skippedMessage"
REPORT: Final = f"suites[name,cases[{_CASE}]],childReports[result[suites[name,cases[{_CASE}]]]]"
_NOTE: Final = re.compile(r"\x1b\[8mha:.*?\x1b\[0m")
"""A console note: markup for the browser in the middle of the text (`hudson.console.ConsoleNote`)."""
_SHOWN: Final = 2_000


def log(client: Client, build: str, name: str, offset: int) -> LogChunk:
    """The log of a build, or of the step whose id is `name`, from `offset` on.

    Jenkins sends all there is from an absolute offset, and says in `X-Text-Size` where it ends, in `X-More-Data`
    whether it will be longer (recorded).
    """
    if name != WHOLE and not name.isdecimal():
        raise NotFound(f"{build} has no log {name!r}", where=client.where)
    place = build if name == WHOLE else f"{build}/execution/node/{name}/log"
    try:
        return _Log(client, f"{place}/logText/progressiveText").chunk(offset)
    except NotFound:
        if name == WHOLE:
            raise
        client.api(build, "number")  # the build is there: this step has just printed nothing
        return LogChunk(text="", offset=offset, complete=True)


class _Log:
    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url

    def chunk(self, offset: int) -> LogChunk:
        """What there is from `offset` on, or as much of it as is read at once."""
        with self._client.stream(self._url, start=str(offset)) as answer:
            size = int(answer.headers.get("X-Text-Size") or 0)
            more = answer.headers.get("X-More-Data") == "true"
            if size <= offset:  # nothing new; beyond the end Jenkins would send the log from its beginning
                return LogChunk(text="", offset=offset, complete=not more)
            data = self._read(answer, LARGEST + PIECE)
        if len(data) <= LARGEST:
            return LogChunk(text=_text(data), offset=size, complete=not more)
        cut = data.rfind(b"\n", 0, LARGEST) + 1 or _boundary(data, LARGEST)  # notes never span lines
        end = self._place(offset, data[:cut], data[cut:])
        return LogChunk(text=_text(data[:cut]), offset=end, complete=False)

    def _place(self, offset: int, read: bytes, following: bytes) -> int:
        """Where in the log `read` ends, of which `following` comes next.

        Jenkins ends every line with CR LF here, and counts the bytes of the log as it was written (recorded): a line
        may be a byte shorter there than here. So the place lies between two bounds, and is looked at if need be.
        """
        place, last = offset + len(_plain(read)), offset + len(read)
        following = following[:SIGN]
        while place < last:
            with self._client.stream(self._url, start=str(place)) as answer:
                there = self._read(answer, 2 * (last - place) + SIGN)
            found = there.find(following)
            if found <= 0:
                break
            place += len(_plain(there[:found]))
        return place

    def _read(self, answer: requests.Response, enough: int) -> bytes:
        data = b""
        try:
            for piece in answer.iter_content(PIECE):
                data += piece
                if len(data) >= enough:
                    break
        except requests.RequestException:
            raise Unreachable(f"{self._url}: the log broke off", where=self._client.where) from None
        return data


def _plain(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


def _text(data: bytes) -> str:
    return _NOTE.sub("", _plain(data).decode("utf-8", "replace"))


def _boundary(data: bytes, end: int) -> int:
    """The last place up to `end` at which no character of UTF-8 is cut."""
    while end > 1 and data[end] & 0xC0 == 0x80:  # noqa: PLR2004 - a continuation byte
        end -= 1
    return end


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
