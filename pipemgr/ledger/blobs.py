"""Blobs: files named by their content: the texts of logs, and whatever else does not belong into the database.

They are compressed (gzip, level 1): a log shrinks to about a tenth and costs less time to pack than to fetch.
The digest is that of the content, so a blob can be checked with any tool: `zcat FILE | sha256sum`.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast
from uuid import uuid4

from pipemgr.errors import LedgerError, NoSuchObject
from pipemgr.model.identity import ALGORITHM

DRAFT = "draft-"
"""What the names of files begin with that are not whole yet, or about to be removed."""
_LEVEL, _PACKED, _PIECE = 1, ".gz", 1 << 20


class Blobs:
    """A folder of blobs. A blob is there whole or not at all, and putting it twice changes nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        """Keep the joined chunks; their digest (`sha256:...`) and size in bytes.

        The file gets its name only after its bytes are on the disk. Raises `LedgerError` when it can't be written.
        """
        try:
            return self._put(chunks)
        except OSError as error:
            raise LedgerError(
                f"a log can't be stored: {error.strerror}",
                where=str(self.path),
                remedy="check the disk's space and the folder's rights",
            ) from None

    def _put(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        self.path.mkdir(parents=True, exist_ok=True)
        hashed, size = hashlib.sha256(), 0
        descriptor, draft = tempfile.mkstemp(dir=self.path, prefix=DRAFT)
        try:
            with os.fdopen(descriptor, "wb") as file:
                with gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed:
                    for chunk in chunks:
                        packed.write(chunk)
                        hashed.update(chunk)
                        size += len(chunk)
                digest = f"{ALGORITHM}:{hashed.hexdigest()}"
                if not self._renewed(digest):
                    file.flush()
                    os.fsync(file.fileno())
                    self._publish(Path(draft), self._file(digest))
        finally:
            with contextlib.suppress(FileNotFoundError):
                Path(draft).unlink()
        return digest, size

    def _renewed(self, digest: str) -> bool:
        """Whether the blob is there already; its time is now, so that no clean-up takes it for forgotten."""
        for file in (self._file(digest), self._plain(digest)):
            with contextlib.suppress(FileNotFoundError):
                os.utime(file)
                return True
        return False

    def _publish(self, draft: Path, target: Path) -> None:
        is_new = not target.parent.exists()
        target.parent.mkdir(exist_ok=True)
        draft.replace(target)
        for folder in (target.parent, self.path) if is_new else (target.parent,):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def open(self, digest: str) -> BinaryIO:
        """The blob, for reading; the caller closes it. Raises `NoSuchObject`."""
        try:
            with contextlib.suppress(FileNotFoundError):
                return cast(BinaryIO, gzip.open(self._file(digest), "rb"))
            return self._plain(digest).open("rb")
        except (OSError, ValueError):
            raise NoSuchObject(f"there is no blob {digest}", where=str(self.path)) from None

    def fault(self, digest: str) -> str | None:
        """What is wrong with a blob, if anything: it is missing, or not what its name says."""
        hashed = hashlib.sha256()
        try:
            with self.open(digest) as file:
                while piece := file.read(_PIECE):
                    hashed.update(piece)
        except NoSuchObject:
            return "missing"
        except (OSError, EOFError, zlib.error):  # gzip's own complaints are OSErrors
            return "damaged"
        return None if f"{ALGORITHM}:{hashed.hexdigest()}" == digest else "altered"

    def forgotten(self, before: datetime) -> Iterator[tuple[str, Path]]:
        """The digest and file of each blob that nobody put since `before`; leftovers of dead writers are removed."""
        if not self.path.is_dir():
            return
        for path in self.path.iterdir():
            if path.name.startswith(DRAFT) and _older(path, before):
                path.unlink(missing_ok=True)
            elif path.is_dir():
                yield from (
                    (f"{ALGORITHM}:{one.name.removesuffix(_PACKED)}", one)
                    for one in path.iterdir()
                    if _older(one, before)
                )

    def remove(self, path: Path, before: datetime) -> bool:
        """Remove the file of a blob, unless somebody puts it again right now; whether it was removed.

        It is moved aside before its time is looked at again: from then on a writer makes a new one.
        """
        aside = self.path / f"{DRAFT}{uuid4().hex}"
        try:
            path.rename(aside)
        except FileNotFoundError:
            return False
        if not _older(aside, before):
            aside.replace(path)
            return False
        aside.unlink()
        return True

    def _file(self, digest: str) -> Path:
        """Where a blob lies; refuses whatever is no digest, so that no other file is ever named."""
        plain = self._plain(digest)
        return plain.with_name(plain.name + _PACKED)

    def _plain(self, digest: str) -> Path:
        """Where a blob lies that an earlier version kept as it is."""
        algorithm, _, name = digest.partition(":")
        if algorithm != ALGORITHM or len(bytes.fromhex(name)) != hashlib.sha256().digest_size:
            raise ValueError(digest)
        return self.path / name[:2] / name.lower()


def _older(path: Path, before: datetime) -> bool:
    try:
        return path.stat().st_mtime < before.timestamp()
    except FileNotFoundError:
        return False
