"""The runner: a process of its own that executes one build, whatever becomes of those who started it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Final

from . import act, processes
from .output import Transcript
from .store import Build, Finish, Request, now

LOOK_EVERY: Final = 0.2
"""How often to look whether the build is to be cancelled, in seconds."""
GRACE: Final = 5.0
"""How long act may take to end its steps before everything is killed, in seconds."""
_START_WITHIN: Final = 30.0
_CODE: Final = """import os, sys
os.fork() and os._exit(0)
sys.path[:0] = sys.argv[2:]
from {} import main
main(sys.argv[1])"""
"""The first process forks and leaves at once, so nobody has to wait for the second one, which does the work."""


def start(build: Build, lock: int) -> None:
    """Start the runner of a build; it holds `lock` for as long as it lives. Raises `OSError`.

    Its environment is all that steps can get to see, for they may look at the processes above them.
    """
    paths = (path for path in sys.path if path)
    try:
        subprocess.run(
            [sys.executable, "-P", "-c", _CODE.format(__name__), str(build.folder), *paths],
            env=act.passed((*build.request.environment, *act.LOADING), os.environ),
            cwd=build.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(lock,),
            timeout=_START_WITHIN,
            check=True,
        )
    except subprocess.SubprocessError as error:
        raise OSError(f"the runner did not start: {error}") from None
    finally:
        os.close(lock)


def main(folder: str) -> None:
    """Execute the build in `folder`; however that ends, it is written down."""
    build = Build(Path(folder))
    try:
        finish = execute(build, build.request)
    except Exception as error:  # noqa: BLE001 - nobody is there to see a traceback
        act.clean(build, build.request)
        finish = Finish(word="error", finished_at=now(), reason=f"the runner failed: {error}")
    build.end(finish)


def execute(build: Build, request: Request) -> Finish:
    """Run act, keep what it prints, and stop it when time is up or somebody cancels."""
    act.prepare(build, request)
    transcript = Transcript(build.logs, build.events)
    process = subprocess.Popen(
        act.command(build, request),
        env=act.environment(build, request),
        cwd=build.work,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )
    watching = (
        threading.Thread(target=_watch, args=(build, request, process, transcript), daemon=True),
        threading.Thread(target=_listen, args=(process.stderr, transcript), daemon=True),
    )
    for thread in watching:
        thread.start()
    for line in process.stdout or ():
        transcript.feed(line)
    code = process.wait()
    act.clean(build, request)  # steps may have left something in the background
    for thread in watching:
        thread.join(GRACE)
    transcript.close()
    return _finish(code, transcript)


def _listen(stream: IO[bytes] | None, transcript: Transcript) -> None:
    for line in stream or ():
        if not line.startswith(b"{"):
            transcript.complain(line.decode("utf-8", "replace"))


def _watch(build: Build, request: Request, process: subprocess.Popen[bytes], transcript: Transcript) -> None:
    deadline = time.monotonic() + request.timeout
    while process.poll() is None:
        if build.cancelled.exists():
            transcript.stopped = "cancelled"
        elif time.monotonic() > deadline:
            transcript.stopped = "timed_out"
        if transcript.stopped:
            return _stop(process, request)
        time.sleep(LOOK_EVERY)
    return None


def _stop(process: subprocess.Popen[bytes], request: Request) -> None:
    """Ask act to end its steps; kill what is left."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    processes.end(request.mark)


def _finish(code: int, transcript: Transcript) -> Finish:
    if transcript.unsupported:
        return Finish(word="error", finished_at=now(), reason=transcript.unsupported)
    if code == 0:
        return Finish(word="success", finished_at=now())
    if transcript.stopped:
        return Finish(word=transcript.stopped, finished_at=now())
    if transcript.failed:
        return Finish(word="failure", finished_at=now())
    return Finish(word="error", finished_at=now(), reason=transcript.last_error or f"act exited with {code}")
