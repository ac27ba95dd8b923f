"""Validating and converting definition files."""

from __future__ import annotations

import contextlib
import os
from codecs import BOM_UTF8
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from uuid import uuid4

from pipemgr.errors import DefinitionError, InvalidPipeline, ParseError, PipemgrError
from pipemgr.model.definitions import Pipeline
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import Conversion, convert, failed, placed, read
from pipemgr.translate.document import Document, DocumentSet, load
from pipemgr.translate.report import Finding, Strictness

from .languages import Languages


@dataclass(frozen=True)
class Checked:
    """What validation found in one file: problems make it invalid, findings are worth knowing."""

    path: str
    language: str
    pipeline: Pipeline | None
    problems: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether the file defines a pipeline."""
        return not self.problems


BEGINNING = 4096
"""Bytes of a file by which its language may be recognised."""
MAX_ROUNDS = 10
"""How far files that ask for further files are followed."""


def documents(path: str, language: Dialect) -> DocumentSet:
    """The documents of a definition file: itself, and files of its repository that help to read it.

    Raises `ParseError` with the file's name when it can't be read itself; what else can't be is left out.
    """
    found = [load(Path(path))]
    root = _root(Path(path), language)
    asked: set[str] = set()
    for _ in range(MAX_ROUNDS if root else 0):
        wanted = sorted(set(language.reader.wants(DocumentSet(documents=tuple(found)))) - asked)
        asked.update(wanted)
        more = [one for name in wanted if (one := _beside(root, name)) is not None]
        found += more
        if not more:
            break
    return DocumentSet(documents=tuple(found))


def _root(path: Path, language: Dialect) -> Path | None:
    """The root of the repository that a file lies in: where its language's files have their place, or Git its own."""
    full = Path(os.path.abspath(path))  # noqa: PTH100 - a link lies where it lies
    for parent in full.parents:
        inside = PurePosixPath(full.relative_to(parent).as_posix())
        placed = any(
            inside.match(one) and len(inside.parts) == one.count("/") + 1 for one in language.patterns
        )
        if placed or (parent / ".git").exists():
            return parent
    return None


def _beside(root: Path | None, name: str) -> Document | None:
    """A file of the repository, or None where there is none that can be read."""
    if root is None or not (root / name).resolve().is_relative_to(root.resolve()):
        return None
    try:
        return load(root / name, name)
    except ParseError:
        return None


def _beginning(path: str) -> str:
    """The first characters of a file; none where it can't be read, which is told where that matters."""
    if not Path(path).is_file():
        return ""
    try:
        with Path(path).open("rb") as file:
            return file.read(BEGINNING).decode(errors="replace")
    except OSError:
        return ""


def check(path: str, languages: Languages, language: str | None = None) -> Checked:
    """Validate one file, in the language given or the one its place suggests."""
    name = language or languages.guess(path, _beginning(path))
    try:
        dialect = languages.get(name)
        reading = read(documents(path, dialect), dialect)
    except DefinitionError as error:
        return Checked(path, name, None, problems(error, path))
    return Checked(path, name, reading.pipeline, (), reading.findings)


def problems(error: DefinitionError, path: str) -> tuple[tuple[str, str], ...]:
    """Everything that is wrong with the file at `path`: where (`file:line:column`) and what, with the remedy."""
    several = error.problems if isinstance(error, InvalidPipeline) else ()
    remedy = f"; {error.remedy}" if error.remedy else ""
    return several or ((placed(error.where or path), error.message + remedy),)


def translate(  # noqa: PLR0913 - what a user may say of one conversion
    path: str,
    languages: Languages,
    source: str,
    target: str,
    strictness: Strictness,
    *,
    onto: str | None = None,
    fresh: bool = False,
) -> Conversion:
    """Convert one file from a language to another; see `pipemgr.translate.convert`.

    What is written keeps comments and layout of the file `onto` or, within one language, of the file itself,
    unless `fresh`. A file that can't be read at all gives a report too; raises `ParseError` for such an `onto`.
    """
    ways = languages.get(source), languages.get(target)
    try:
        found = _marked(documents(path, ways[0]))
    except ParseError as error:
        return failed(error, path, *ways)
    if fresh:
        return convert(found, *ways, strictness)
    base = _marked(documents(onto, ways[1])) if onto else found if source == target else None
    made = convert(found, *ways, strictness, onto=base)
    return made if base is None else replace(made, documents=_placed(made.documents, base, ways[1]))


def _marked(documents: DocumentSet) -> DocumentSet:
    """Documents of files, the first with the byte order mark that its file has: what is kept is kept whole."""
    first, *others = documents.documents
    with Path(first.path).open("rb") as file:
        mark = "\ufeff" if file.read(len(BOM_UTF8)) == BOM_UTF8 else ""
    return DocumentSet(documents=(first.model_copy(update={"text": mark + first.text}), *others))


def _placed(made: DocumentSet, base: DocumentSet, language: Dialect) -> DocumentSet:
    """What was made of files, at their places in their repository; files that only helped to read are left out."""
    kept = [one for at, one in enumerate(made) if not at or one not in base.documents]
    return DocumentSet(
        documents=tuple(one.model_copy(update={"path": _place(one.path, language)}) for one in kept)
    )


def _place(path: str, language: Dialect) -> str:
    """Where a file belongs, relative to the root of its repository; without one, where the language's files lie."""
    root = _root(Path(path), language)
    if root is not None:
        return PurePosixPath(os.path.relpath(path, root)).as_posix()
    folders = [str(PurePosixPath(pattern).parent) for pattern in language.patterns]
    folder = next((one for one in folders if "*" not in one), "")
    return (PurePosixPath(folder) / PurePosixPath(path).name).as_posix()


def save(conversion: Conversion, folder: Path) -> tuple[Path, ...]:
    """Write the documents of a conversion below `folder`; nothing is overwritten half."""
    return tuple(write_text(folder / document.path, document.text) for document in conversion.documents)


def write_text(path: Path, text: str) -> Path:
    """Write a whole file or nothing: to a neighbour of its own first, then by renaming.

    What is there and is no file, such as a pipe or a device, is written to as it is: never put another in its place.
    """
    part = path.with_name(f".part-{uuid4().hex}")
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", newline="")
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8", newline="")
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise PipemgrError(f"can't be written: {error.strerror}", where=str(path)) from None
    return path
