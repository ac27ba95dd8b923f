"""The archive: the logs of an ended run as GitHub packs them, and which of its files belongs to which job.

Members are read into files whose names we choose, up to a size we choose: what a member calls itself, or claims to
hold, does no harm.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from zipfile import BadZipFile, ZipFile, ZipInfo

from pipemgr.adapter import Refused, Retryable

LONGEST: Final = 90
"""UTF-16 units after which GitHub cuts a job's name (seen in archives, and undone in GitHub's own `gh run view`)."""
_FORBIDDEN = re.compile(r'[\\/:*?"<>|\x00-\x1f]')
_JOB_FILE = re.compile(r"-?\d+_(.*)\.txt", re.DOTALL)
_PIECE: Final = 1 << 20


def sanitised(name: str) -> str:
    """A job's name as it can be compared with one in an archive: without what no file name may hold, and cut.

    Half of a character at the cut is dropped; the archive has a replacement sign there.
    """
    units = _FORBIDDEN.sub("", name).encode("utf-16-le")[: 2 * LONGEST]
    return units.decode("utf-16-le", "ignore").rstrip("\N{REPLACEMENT CHARACTER} .")


def member(infos: list[ZipInfo], job: str, others: list[str], step: str = "") -> ZipInfo | None:
    """The file of a job, or of one of its steps by number; None when it is not surely the right one.

    `others` are the names of all jobs of the run. GitHub tells jobs of one name apart by numbers that it does not
    explain: such a job's log has to be asked for by its id.
    """
    wanted = sanitised(job)
    if [sanitised(one) for one in others].count(wanted) != 1:
        return None
    found = [info for info in infos if _is(info.filename, wanted, step)]
    return found[0] if len(found) == 1 else None


def _is(path: str, wanted: str, step: str) -> bool:
    folder, slash, name = path.partition("/")
    if step:
        return bool(slash) and name.startswith(f"{step}_") and sanitised(folder) == wanted
    found = _JOB_FILE.fullmatch(folder)
    return not slash and found is not None and sanitised(found[1]) == wanted


@contextmanager
def opened(path: Path, where: str) -> Iterator[ZipFile]:
    """An archive; raises `Retryable` for what is none, or is broken."""
    try:
        with ZipFile(path) as archive:
            yield archive
    except (BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
        path.unlink(missing_ok=True)
        raise Retryable(f"an archive from GitHub can't be read: {error}", where=where) from None


def pieces(archive: ZipFile, info: ZipInfo, largest: int) -> Iterator[bytes]:
    """What a member holds; raises `Refused` beyond `largest` bytes, whatever it claims."""
    size = 0
    with archive.open(info) as source:
        while piece := source.read(_PIECE):
            size += len(piece)
            if size > largest:
                raise Refused(f"an archive of GitHub has a file of more than {largest:,} bytes")
            yield piece
