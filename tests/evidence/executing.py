"""Workflows executed on this machine with act, without network: what became of each job, cell and step.

Scripts say what matters with lines that begin with `MARK`. Actions of the marketplace are stood in for by those in
`tests/translation/executed/_actions`, which act takes in their place. act tells nothing of a skipped step or job:
what is absent was skipped.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pipemgr_local.act import PASSED, find

EXECUTED: Final = Path(__file__).parents[1] / "translation" / "executed"
STAND_INS: Final = {
    "upload-artifact": "upload-artifact",
    "download-artifact": "download-artifact",
    "cache": "cache",
    "setup-python": "setup",
    "setup-node": "setup",
    "setup-go": "setup",
    "setup-java": "setup",
}
MAJORS: Final = range(1, 12)
MARK: Final = "MARK "
SECONDS: Final = 60
_NOTHING: Final = "Could not find any stages to run"
"""No job of the workflow is for the event."""
_SETTINGS: Final = re.compile(r"^# act: (.+)$", re.MULTILINE)


@dataclass
class Ended:
    """How one job, or one cell of its matrix, ended."""

    result: str = "unknown"
    steps: list[tuple[str, str]] = field(default_factory=list)
    """Name and outcome of each step that was executed, in order."""
    marks: list[str] = field(default_factory=list)
    """The marked lines that its scripts printed."""


def workflows() -> list[Path]:
    """The workflows written for this."""
    return sorted(EXECUTED.glob("*.yml"))


def project(folder: Path) -> Path:
    """A small project with a commit on `main`, for workflows to work on."""
    shutil.copytree(EXECUTED / "_project", folder)
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
    for line in (["init", "-q", "-b", "main"], ["add", "."], [*who, "commit", "-q", "-m", "Begin"]):
        subprocess.run(["git", "-C", folder, *line], check=True, timeout=SECONDS, capture_output=True)
    return folder


def execute(text: str, folder: Path, settings: str = "") -> dict[str, Ended]:
    """What becomes of the workflow `text`, by job or `job {axis: value}`.

    `folder` is for this execution alone. `settings` are arguments of act, the event first; without them those of the
    text's own line `# act: EVENT ARGUMENTS...` count, and else a push.
    """
    work, home, store = project(folder / "project"), folder / "home", folder / "store"
    (home / ".config" / "act").mkdir(parents=True)
    store.mkdir()
    for file in (home / ".config" / "act" / "actrc", folder / "empty", folder / "workflow.yml"):
        file.touch()
    (folder / "workflow.yml").write_text(text, encoding="utf-8")
    environment = {name: os.environ[name] for name in PASSED if name in os.environ} | {"HOME": str(home)}
    done = subprocess.run(
        _command(folder, settings or settings_of(text)),
        cwd=work, env=environment, capture_output=True, encoding="utf-8", errors="replace",
        timeout=SECONDS, check=False,
    )  # fmt: skip
    ended = _ended([_parsed(line) for line in done.stdout.splitlines()])
    shutil.rmtree(folder, ignore_errors=True)
    if not ended and done.returncode and _NOTHING not in done.stderr + done.stdout:
        raise AssertionError(f"act executed nothing: {done.stdout[-500:]} {done.stderr[-500:]}")
    return ended


def settings_of(text: str) -> str:
    """How a workflow wants to be executed: its own line says so."""
    found = _SETTINGS.search(text)
    return found[1] if found else "push"


def _command(folder: Path, settings: str) -> list[str]:
    event, *more = shlex.split(settings)
    empty = str(folder / "empty")
    stand_ins = [
        f"actions/{name}@v{major}={EXECUTED / '_actions' / stand_in}"
        for name, stand_in in STAND_INS.items()
        for major in MAJORS
    ]
    return [
        *(str(find()), event, "--workflows", str(folder / "workflow.yml")),
        *("--platform", "ubuntu-latest=-self-hosted", "--no-cache-server", "--json"),
        *("--env-file", empty, "--secret-file", empty, "--var-file", empty, "--input-file", empty),
        *("--action-cache-path", str(folder / "cache"), "--actor", "nobody"),
        *("--env", f"EVIDENCE_STORE={folder / 'store'}"),
        *(part for one in stand_ins for part in ("--local-repository", one)),
        *more,
    ]


def _parsed(line: str) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _ended(lines: list[dict[str, Any]]) -> dict[str, Ended]:
    found: dict[str, Ended] = {}
    for line in lines:
        if "jobID" not in line:
            continue
        ended = found.setdefault(_cell(line), Ended())
        if "jobResult" in line:
            ended.result = line["jobResult"]
        elif line.get("raw_output") and MARK in line["msg"]:
            ended.marks.append(line["msg"].rstrip("\n"))
        elif line.get("stage") == "Main" and "stepResult" in line and len(line["stepID"]) == 1:
            ended.steps.append((line["step"], line["stepResult"]))
    _acquit(lines, found)
    return found


def _cell(line: dict[str, Any]) -> str:
    matrix = line.get("matrix")
    return line["jobID"] + (f" {json.dumps(matrix, sort_keys=True)}" if matrix else "")


def _acquit(lines: list[dict[str, Any]], found: dict[str, Ended]) -> None:
    """act blames all cells of a matrix for one: a cell none of whose steps failed is a success."""
    tolerated = {
        (_cell(line), line.get("step"))
        for line in lines
        if "jobID" in line and line.get("msg") == "Failed but continue next step"
    }
    for name, ended in found.items():
        guilty = any(outcome == "failure" and (name, step) not in tolerated for step, outcome in ended.steps)
        if "{" in name and ended.result == "failure" and not guilty:
            ended.result = "success"
