"""Validating and converting definition files."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
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


def check(path: str, languages: Languages, language: str | None = None) -> Checked:
    """Validate one file, in the language given or the one its place suggests."""
    name = language or languages.guess(path)
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


def translate(
    path: str, languages: Languages, source: str, target: str, strictness: Strictness
) -> Conversion:
    """Convert one file from a language to another; see `pipemgr.translate.convert`.

    A file that can't be read at all gives a report too.
    """
    ways = languages.get(source), languages.get(target)
    try:
        found = documents(path, ways[0])
    except ParseError as error:
        return failed(error, path, *ways)
    return convert(found, *ways, strictness)


def save(conversion: Conversion, folder: Path) -> tuple[Path, ...]:
    """Write the documents of a conversion below `folder`; nothing is overwritten half."""
    return tuple(write_text(folder / document.path, document.text) for document in conversion.documents)


def write_text(path: Path, text: str) -> Path:
    """Write a whole file or nothing: to a neighbour of its own first, then by renaming."""
    part = path.with_name(f".part-{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8", newline="")
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise PipemgrError(f"can't be written: {error.strerror}", where=str(path)) from None
    return path
