"""The real files: where they lie, and what conversions make of them, each done once in a process."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipemgr.errors import DefinitionError
from pipemgr.model.definitions import Pipeline
from pipemgr.translate.convert import Conversion, convert, read
from pipemgr.translate.document import DocumentSet, single

from .ways import CIRCLECI, GITHUB, JENKINS, language

WORKFLOWS, ACTIONS, CONFIGS, JENKINSFILES = "workflows", "composite actions", "configs", "Jenkinsfiles"
FOLDERS = {WORKFLOWS: "gha", ACTIONS: "gha-composite", CONFIGS: "circleci"}
"""The files of hosted vendors."""
LANGUAGES = {WORKFLOWS: GITHUB, ACTIONS: GITHUB, CONFIGS: CIRCLECI, JENKINSFILES: JENKINS}


@dataclass(frozen=True)
class File:
    """A real file: what it is, what the corpus calls it, and its text at the path where its vendor wants it."""

    kind: str
    name: str
    origin: Path
    documents: DocumentSet

    @property
    def language(self) -> str:
        """The language that it is in."""
        return LANGUAGES[self.kind]

    @property
    def text(self) -> str:
        """What it says."""
        return self.documents.documents[0].text


def folder() -> Path | None:
    """The corpus, when `PIPEMGR_CORPUS` names one."""
    named = os.environ.get("PIPEMGR_CORPUS")
    return Path(named) if named else None


@cache
def files(kind: str) -> tuple[File, ...]:
    """All real files of a kind."""
    root = folder()
    assert root is not None, "PIPEMGR_CORPUS is not set"
    if kind == JENKINSFILES:
        return of_folder(kind, root / "definitions" / "jenkinsfile")
    found = sorted((root / "definitions" / FOLDERS[kind]).glob("*.y*ml"))
    return tuple(File(kind, path.name, path, _documents(kind, path)) for path in found)


def of_folder(kind: str, place: Path) -> tuple[File, ...]:
    """All files of a kind in a folder that has only such, and what was printed or parsed of them."""
    found = sorted(path for path in place.iterdir() if path.suffix not in (".json", ".txt", ".md"))
    return tuple(File(kind, path.name, path, _documents(kind, path)) for path in found)


def _documents(kind: str, path: Path) -> DocumentSet:
    last = path.name.split("__")[-1]
    places = {
        WORKFLOWS: f".github/workflows/{last}",
        ACTIONS: "action.yml",
        CONFIGS: ".circleci/config.yml",
        JENKINSFILES: "Jenkinsfile",
    }
    return single(places[kind], path.read_bytes().decode("utf-8-sig"))


@dataclass(frozen=True)
class Outcome:
    """What became of a file: read, or refused with the places, or neither (`crash`)."""

    pipeline: Pipeline | None = None
    refusal: DefinitionError | None = None
    crash: str = ""


@cache
def outcome(file: File) -> Outcome:
    """Read one file."""
    try:
        return Outcome(pipeline=read(file.documents, language(file.language)).pipeline)
    except DefinitionError as error:
        return Outcome(refusal=error)
    except Exception:  # noqa: BLE001 - what must never happen is counted
        return Outcome(crash=traceback.format_exc(limit=-3))


@cache
def conversion(file: File, target: str) -> Conversion | str:
    """One file in another language, or its own one written anew; a text where it crashed."""
    try:
        return convert(file.documents, language(file.language), language(target))
    except Exception:  # noqa: BLE001 - what must never happen is counted
        return traceback.format_exc(limit=-3)


def readable(kind: str) -> tuple[File, ...]:
    """The files of a kind that a pipeline was read from."""
    return tuple(file for file in files(kind) if outcome(file).pipeline is not None)


def other(file: File) -> str:
    """The other vendor."""
    return CIRCLECI if file.language == GITHUB else GITHUB
