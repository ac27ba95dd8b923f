"""Workspaces: a folder with pipemgr.toml, pipelines and, once used, a ledger."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pipemgr.config import FILE_NAME
from pipemgr.errors import ConfigurationError

from .translation import write_text

SAMPLES = "samples"
_FIRST = (FILE_NAME, "gitignore", "pipelines/hello.yaml")


def create(folder: Path) -> tuple[Path, ...]:
    """Make a workspace with one small pipeline in `folder`; returns what was written.

    Raises `ConfigurationError` when there is one already: nothing is ever overwritten.
    """
    if (folder / FILE_NAME).exists():
        raise ConfigurationError("there is a workspace already", where=str(folder / FILE_NAME))
    return tuple(_copy(folder, ((name, text) for name, text in _samples() if name in _FIRST)))


def create_demo(folder: Path) -> tuple[Path, ...]:
    """Make the demonstration's workspace in `folder`, or add what is missing; returns what was written."""
    if (folder / FILE_NAME).exists() and not (folder / "pipelines" / "broken.yaml").exists():
        raise ConfigurationError(
            "this workspace was not made by the demonstration",
            where=str(folder),
            remedy="name another folder: pipemgr demo NEW-FOLDER",
        )
    return tuple(_copy(folder, _samples()))


def _samples() -> Iterator[tuple[str, str]]:
    """Each sample file: its path in the workspace, and its text."""
    return _walk(files(__package__).joinpath(SAMPLES), "")


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for item in sorted(folder.iterdir(), key=lambda one: one.name):
        if item.is_dir():
            if item.name != "__pycache__":
                yield from _walk(item, f"{prefix}{item.name}/")
        else:
            yield prefix + item.name, item.read_text(encoding="utf-8")


def _copy(folder: Path, samples: Iterator[tuple[str, str]]) -> Iterator[Path]:
    for name, text in samples:
        # Version control and package builders obey any file of the real name, so the sample has another.
        target = folder / (".gitignore" if name == "gitignore" else name)
        if not target.exists():
            yield write_text(target, text)
