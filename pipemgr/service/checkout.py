"""Checking out: the small text files of a repository's newest commit in a folder, for as long as they are read."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from pipemgr.adapter.remote import Remote
from pipemgr.adapter.repository import Repository
from pipemgr.errors import NotFound, PipemgrError

BRANCHES: Final = ("main", "master", "trunk", "develop")
"""Branches that are tried where none is named, in this order."""
_WANTED: Final = (".yml", ".yaml")


@contextlib.contextmanager
def tree(place: str, branch: str | None = None) -> Iterator[Path]:
    """The folder that `place` names; for the address of a repository, a folder with what definitions are made of.

    Raises `PipemgrError` where there is neither, and as `Repository` does.
    """
    if Path(place).is_dir() and branch is None and not _bare(Path(place)):
        yield Path(place)
        return
    if Path(place).is_file():
        raise PipemgrError(
            "a file, not a folder",
            where=place,
            remedy="name the folder, or read this one file: pipemgr convert FILE --from VENDOR --to VENDOR",
        )
    if "/" not in place and ":" not in place and not Path(place).exists():
        raise PipemgrError(
            "no such folder", where=place, remedy="name a folder, or the address of a Git repository"
        )
    with tempfile.TemporaryDirectory(prefix="pipemgr-audit-") as folder:
        yield _checked_out(place, branch, Path(folder))


def _bare(path: Path) -> bool:
    return (path / "HEAD").is_file() and (path / "objects").is_dir()


def _checked_out(place: str, branch: str | None, folder: Path) -> Path:
    url = str(Path(place).resolve()) if Path(place).exists() else place
    branches = (branch,) if branch else BRANCHES
    repository = Repository(
        folder / "mirror",
        Remote(url, depth=None if Path(place).exists() else 1),
        branches=branches,
        where=place,
    )
    repository.fetch()
    head = next((head for one in branches if (head := repository.head(one))), None)
    if head is None:
        raise NotFound(
            f"no branch {' or '.join(branches)}", where=place, remedy="name the branch with --branch"
        )
    root = folder / "tree"
    root.mkdir()
    wanted = {path: file for path, file in repository.files(head).items() if path.endswith(_WANTED)}
    for file, data in repository.contents(wanted):
        _put(root, file.path, data)
    return root


def _put(root: Path, name: str, data: bytes) -> None:
    """Write a file below `root`; a path that would lead out of it is nobody's definition."""
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts:
        return
    target = root.joinpath(*parts.parts)
    with contextlib.suppress(OSError):  # a name that this file system does not take
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
