"""What act prints, sorted as it comes: events of jobs and steps, and a log for each step.

act 0.2.89 with `--json` prints one object a line. Of its keys these are used: `job`, `jobID`, `matrix`, `stage`,
`stepID`, `step`, `msg`, `raw_output`, `command`, `level`, `jobResult`, `stepResult`. The keys `raw`, `arg` and
`kvPairs` may hold secrets that `msg` masks, so they are never kept. The times of act are whole seconds; ours are
taken when a line arrives.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from pydantic import Field, JsonValue

from pipemgr.model.base import Value
from pipemgr.model.runs import Moment

from .store import now

OWN_LOG: Final = "act"
"""The log of what act says that belongs to no step."""
STARTED: Final = "started"
EXITED: Final = "exited"
_BEGINS: Final = "⭐ Run Main "
_NOISE = re.compile(
    r"not located inside a git repository|unable to get git|valid docker connection|^Error: Job '.*' failed$"
)
_TOLERATED: Final = "Failed but continue next step"
_SAID: Final = frozenset({"error", "warning", "notice", "debug"})
_EXIT = re.compile(r"exit status (\d+)")
_UNSUPPORTED: Final = "Skipping unsupported platform"


class Event(Value):
    """Something happened to a job, or with `step` to one of its steps.

    `word` is `started`, `exited` (with the exit code) or how it ended, in the words of the table of statuses.
    """

    at: Moment
    job: str
    """What act calls the job: `workflow/job`, with a number for each cell of a matrix."""
    job_id: str
    matrix: dict[str, JsonValue] = Field(default_factory=dict)
    step: str | None = None
    name: str = ""
    word: str
    exit_code: int | None = None
    log: str | None = None
    """The name of the file that holds the step's log."""


class Transcript:
    """Takes act's lines and keeps what they say; `stopped` is the word for whatever fails once we stop act."""

    def __init__(self, folder: Path, events: Path) -> None:
        self.stopped: str | None = None
        self.failed = False
        self.unsupported = ""
        self.last_error = ""
        self._folder = folder
        self._events = events.open("ab", buffering=0)
        self._own = (folder / f"{OWN_LOG}.log").open("ab", buffering=0)
        self._logs: dict[tuple[str, str], BinaryIO] = {}
        self._jobs: set[str] = set()
        self._guilty: set[str] = set()
        """Jobs with a failed step that may not fail."""
        self._tolerated: set[tuple[str, str]] = set()

    def close(self) -> None:
        """Close all files."""
        for file in (self._events, self._own, *self._logs.values()):
            file.close()

    def feed(self, line: bytes, at: datetime | None = None) -> None:
        """One line of act's standard output."""
        data = _parsed(line)
        if "job" not in data:
            self.complain(str(data.get("msg", "")))
            return
        data["job"] = str(data["job"]).strip()
        moment = at or now()
        if data["job"] not in self._jobs:
            self._jobs.add(data["job"])
            self._event(data, moment, STARTED)
        if data.get("raw_output") or data.get("command") in _SAID:
            self._print(data)
        elif "jobResult" in data:
            self._ended(data, moment, self._verdict(data))
        elif _UNSUPPORTED in str(data.get("msg")):
            self.unsupported = f"no runner for {data['job']}"
            self._ended(data, moment, "unsupported")
        else:
            self._suspect(data)
            if _is_step(data):
                self._step(data, moment)

    def complain(self, text: str) -> None:
        """A line that belongs to no job, or that act wrote to standard error."""
        text = text.strip()
        if not text or _NOISE.search(text):
            return
        self.last_error = text.removeprefix("Error: ")
        self._own.write(f"{text}\n".encode())

    def _suspect(self, data: dict[str, Any]) -> None:
        """Note whose fault a failure is."""
        step = (data["job"], str(data.get("stepID") or data.get("stepid")))
        if data.get("msg") == _TOLERATED:
            self._tolerated.add(step)
        elif data.get("stepResult") == "failure" and step not in self._tolerated:
            self._guilty.add(data["job"])

    def _verdict(self, data: dict[str, Any]) -> str:
        """How a job ended. act blames a whole matrix for one cell: a cell whose steps are all well is well."""
        innocent = data.get("matrix") and data["job"] not in self._guilty
        return "success" if innocent and data["jobResult"] == "failure" else str(data["jobResult"])

    def _step(self, data: dict[str, Any], at: datetime) -> None:
        message = str(data.get("msg", ""))
        if message.startswith(_BEGINS):
            key = (data["job"], data["stepID"][0])
            name = f"{len(self._logs) + 1}.log"
            self._logs[key] = (self._folder / name).open("ab", buffering=0)
            self._event(data, at, STARTED, log=name)
        elif "stepResult" in data:
            self._ended(data, at, str(data["stepResult"]))
        elif exited := _EXIT.fullmatch(message):
            self._event(data, at, EXITED, exit_code=int(exited[1]))

    def _ended(self, data: dict[str, Any], at: datetime, word: str) -> None:
        if word != "success" and self.stopped:
            word = self.stopped
        self.failed = self.failed or ("jobResult" in data and word != "success")
        self._event(data, at, word)

    def _event(self, data: dict[str, Any], at: datetime, word: str, **more: Any) -> None:
        event = Event(
            at=at,
            job=data["job"],
            job_id=str(data.get("jobID", "")),
            matrix=data.get("matrix") or {},
            step=data["stepID"][0] if _is_step(data) else None,
            name=str(data.get("step", "")),
            word=word,
            **more,
        )
        self._events.write(event.model_dump_json(exclude_defaults=True).encode() + b"\n")

    def _print(self, data: dict[str, Any]) -> None:
        """A line of a step's output; an annotation as the step wrote it."""
        text = str(data.get("msg", ""))
        if "command" in data:
            text = text[max(text.find("::"), 0) :].rstrip("\n") + "\n"
        key = (data["job"], str((data.get("stepID") or [""])[0]))
        self._logs.get(key, self._own).write(text.encode("utf-8", "replace"))


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except ValueError:
        return {"msg": line.decode("utf-8", "replace")}
    return data if isinstance(data, dict) else {}


def _is_step(data: dict[str, Any]) -> bool:
    """Whether a line is about the main part of a step of the job itself, not of an action inside a step."""
    return data.get("stage") == "Main" and len(data.get("stepID") or ()) == 1
