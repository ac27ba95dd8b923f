"""Documents: the texts a vendor's definition is written in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipemgr.errors import ParseError
from pipemgr.model.base import Value
from pipemgr.model.identity import fingerprint

MAX_BYTES = 5_000_000
"""The largest document that is read, in bytes: far above any real definition, far below a danger."""


class Document(Value):
    """One text and the path it belongs at, relative to the root of its repository or server."""

    path: str
    text: str


class DocumentSet(Value):
    """All documents of one definition; empty when the definition does not exist."""

    documents: tuple[Document, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.documents)

    def __iter__(self) -> Iterator[Document]:  # type: ignore[override]
        """The documents, in order."""
        return iter(self.documents)

    @property
    def fingerprint(self) -> str | None:
        """The identity of the texts and their paths; None when there are none."""
        return fingerprint([one.model_dump() for one in self.documents]) if self.documents else None


def single(path: str, text: str) -> DocumentSet:
    """The set of one document."""
    return DocumentSet(documents=(Document(path=path, text=text),))


def decode(data: bytes, path: str) -> str:
    """The text of a document's bytes: UTF-8, with or without a byte order mark, line ends kept as they are.

    Raises `ParseError` for what is no text: another encoding, or NUL bytes.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise ParseError(
            f"not UTF-8 text (byte 0x{data[error.start]:02x})",
            where=f"{path}:{line}:{column}",
            remedy="save the file as UTF-8",
        ) from None
    if (at := text.find("\0")) >= 0:
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        raise ParseError("a NUL byte: this is a binary file", where=f"{path}:{line}:{column}")
    return text


def load(path: Path, name: str | None = None) -> Document:
    """The document in a file; `name` is the path it is to have in messages and in its set.

    Raises `ParseError` when the file is missing, not readable, too large or not text, and for what is no file:
    a pipe that nobody writes to, or a device without end.
    """
    shown = name or str(path)
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise ParseError("a pipe or a device, not a file", where=shown, remedy="save it to a file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise ParseError("a folder, not a file", where=shown, remedy="name a file in it") from None
    except OSError as error:
        raise ParseError(f"can't be read: {error.strerror}", where=shown) from None
    if len(data) > MAX_BYTES:
        raise ParseError(f"larger than {MAX_BYTES:,} bytes", where=shown, remedy="is this the right file?")
    return Document(path=shown, text=decode(data, shown))
