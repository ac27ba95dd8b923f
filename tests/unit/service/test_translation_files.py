"""Writing texts: whole files, and what is no file stays what it is."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from threading import Thread

from pipemgr.service.translation import write_text


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = Thread(target=lambda: read.append(pipe.read_text("utf-8")))
    reader.start()
    write_text(pipe, "a report\n")
    reader.join(10)
    assert read == ["a report\n"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
