"""Logs: what the steps of a job print, byte by byte, from API v3 while they print it, or from API v1.1 afterwards."""

from __future__ import annotations

import codecs
from typing import NamedTuple

from pipemgr.adapter import LogChunk, NotFound, Refused

from .builds import Job
from .client import LARGEST
from .depth import Depth
from .steps import Data, actions_of, identity, text


class Place(NamedTuple):
    """Where a log comes from, as its name says: `build#7/0.101` is the step 101 of the execution 0 of job 7."""

    number: int
    execution: int
    step: int

    @classmethod
    def of(cls, log: str) -> Place:
        """Take a name apart; raises `NotFound` for one that no log can have."""
        title, _, place = log.rpartition("/")
        number, (execution, _, step) = title.rpartition("#")[2], place.partition(".")
        if not (number.isdecimal() and execution.isdecimal() and step.isdecimal()):
            raise NotFound(
                f"there is no log {log!r}", remedy="a log is called <job>#<number>/<execution>.<step>"
            )
        return cls(int(number), int(execution), int(step))


def live(depth: Depth, slug: str, job: Job, place: Place, offset: int) -> LogChunk:
    """A piece of a log by API v3. A finished step that never printed has no output at all: its log is empty."""
    try:
        output = depth.client.stdout(job.id, place.execution, place.step, offset)
    except NotFound:
        name = f"{place.execution}.{place.step}"
        known = next((one for one in depth.detail(slug, job).steps if one.external_id == name), None)
        if known is None:
            raise
        return LogChunk(text="", offset=offset, complete=known.status.finished)
    return _chunk(output.content, offset, complete=output.complete)


def stored(depth: Depth, slug: str, place: Place, offset: int) -> LogChunk:
    """A piece of a log by API v1.1: it lies whole at an address that is signed anew each time it is asked for."""
    name = f"{place.execution}.{place.step}"
    for action in actions_of(depth.build(slug, place.number)):
        if identity(action) == name:
            content = _content(depth, action)
            over = depth.statuses.status("step", action.get("status")).finished
            piece = content[offset : offset + LARGEST]
            return _chunk(piece, offset, complete=over and offset + len(piece) >= len(content))
    raise NotFound(f"job {place.number} of {slug} has no step {name}")


def _content(depth: Depth, action: Data) -> bytes:
    url = action.get("output_url")
    if not action.get("has_output") or not url:
        return b""
    try:
        return text(depth.client.outside(str(url))).encode()
    except NotFound:
        raise
    except Refused as error:
        raise NotFound(f"the output of a step is there no longer: {error.message}") from None


def _chunk(content: bytes, offset: int, *, complete: bool) -> LogChunk:
    """A piece as text; a character that is not whole yet is left for the next piece."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    found = decoder.decode(content, final=complete)
    waiting = 0 if complete else len(decoder.getstate()[0])
    return LogChunk(text=found, offset=offset + len(content) - waiting, complete=complete)
