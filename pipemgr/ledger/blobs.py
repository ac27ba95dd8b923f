"""Blobs: files named by their content, for logs that are too long for the database."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from pipemgr.errors import LedgerError, NoSuchObject
from pipemgr.model.identity import ALGORITHM


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
        descriptor, draft = tempfile.mkstemp(dir=self.path, prefix="draft-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                for chunk in chunks:
                    file.write(chunk)
                    hashed.update(chunk)
                    size += len(chunk)
                file.flush()
                os.fsync(file.fileno())
            digest = f"{ALGORITHM}:{hashed.hexdigest()}"
            self._publish(Path(draft), self._file(digest))
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(draft).unlink()
            raise
        return digest, size

    def _publish(self, draft: Path, target: Path) -> None:
        target.parent.mkdir(exist_ok=True)
        draft.replace(target)
        for folder in (target.parent, self.path):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def open(self, digest: str) -> BinaryIO:
        """The blob, for reading; the caller closes it. Raises `NoSuchObject`."""
        try:
            return self._file(digest).open("rb")
        except (OSError, ValueError):
            raise NoSuchObject(f"there is no blob {digest}", where=str(self.path)) from None

    def _file(self, digest: str) -> Path:
        """Where a blob lies; refuses whatever is no digest, so that no other file is ever named."""
        algorithm, _, name = digest.partition(":")
        if algorithm != ALGORITHM or len(bytes.fromhex(name)) != hashlib.sha256().digest_size:
            raise ValueError(digest)
        return self.path / name[:2] / name.lower()
