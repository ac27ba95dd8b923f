"""Artifacts: what a build made, brought here safely, with digests for those whose vendor gives none."""

from __future__ import annotations

import hashlib
import mimetypes
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from pipemgr.adapter.capabilities import Capability
from pipemgr.errors import NoSuchObject, PipemgrError
from pipemgr.ingest.attempts import TESTS_TYPE
from pipemgr.ingest.recorder import Recorder
from pipemgr.ledger.views import InstanceView
from pipemgr.model.identity import ALGORITHM
from pipemgr.model.runs import Artifact

from .asking import require
from .builds import title
from .runtime import Runtime

LARGEST = 1 << 30
"""Bytes of an artifact that is read whole, unless more are asked for."""
_LONGEST_NAME = 200
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\\:*?"<>|]')


@dataclass(frozen=True)
class Fetched:
    """An artifact that was read: its size in bytes and digest, and where it is now, if it was kept."""

    artifact: Artifact
    digest: str
    size: int
    path: Path | None = None


def listed(runtime: Runtime, view: InstanceView) -> tuple[Artifact, ...]:
    """The artifacts of an attempt as the ledger has them; while it has none, as the vendor tells."""
    # The cases of its tests are an artifact of ours, which the vendor does not know: `results` has them.
    known = tuple(one for one in view.snapshot().artifacts if one.media_type != TESTS_TYPE)
    connection = view.build.connection
    adapter = runtime.workspace.config.connections.get(connection)
    if known or adapter is None:
        return known
    if not runtime.registry.manifest(adapter.adapter).capabilities[Capability.ARTIFACTS]:
        return ()
    return runtime.adapter(connection).artifacts(view.snapshot().ref)


def choose(artifacts: Iterable[Artifact], names: tuple[str, ...], build: str) -> tuple[Artifact, ...]:
    """The artifacts of these names, or all that the build made. Raises `NoSuchObject`."""
    made = tuple(one for one in artifacts if not one.consumed)
    missing = sorted({*names} - {one.name for one in made})
    if missing:
        there = ", ".join(one.name for one in made) or "none"
        raise NoSuchObject(f"{build} has no artifact {missing[0]!r}", remedy=f"it has: {there}")
    return tuple(one for one in made if not names or one.name in names)


def measure(
    runtime: Runtime, view: InstanceView, artifacts: Iterable[Artifact], *, largest: int = LARGEST
) -> Iterator[Fetched | PipemgrError]:
    """Read artifacts to compute their digests; nothing is kept. One that can't be read stops no other."""
    require(runtime, view.build.connection, Capability.DOWNLOAD)
    for one in artifacts:
        try:
            digest, size = _read(runtime, view, one, largest, lambda _piece: None)
            yield Fetched(one, digest, size)
        except PipemgrError as error:
            yield _about(one, error)


def download(  # noqa: PLR0913 - one for each choice that a user has
    runtime: Runtime,
    view: InstanceView,
    artifacts: Iterable[Artifact],
    folder: Path,
    *,
    force: bool = False,
    largest: int | None = None,
) -> Iterator[Fetched | PipemgrError]:
    """Bring artifacts into a folder. One that fails leaves nothing behind, and stops no other.

    Nothing lies outside of `folder`, whatever an artifact is called, and nothing that was there is replaced unless
    by `force`.
    """
    require(runtime, view.build.connection, Capability.DOWNLOAD)
    taken: set[Path] = set()
    for one in artifacts:
        target = _free(folder / safe_name(one), taken)
        taken.add(target)
        try:
            yield _keep(runtime, view, one, target, force=force, largest=largest)
        except PipemgrError as error:
            yield _about(one, error)


def record(runtime: Runtime, view: InstanceView, fetched: Iterable[Fetched]) -> int:
    """Write computed digests and sizes into the ledger, where it has none; how many were new.

    Raises `PipemgrError` while the attempt is not over: what it makes may still change.
    """
    snapshot = view.snapshot()
    found = {one.artifact: one for one in fetched if one.artifact.digest is None}
    if not any(one in found for one in snapshot.artifacts):
        return 0
    if not snapshot.status.finished:
        raise PipemgrError(
            f"{title(view.build)} is not over: what it makes may still change",
            remedy=f"`pipemgr build watch {title(view.build)}`, then ask again",
        )
    whole = tuple(
        one.model_copy(update={"digest": found[one].digest, "size": found[one].size}) if one in found else one
        for one in snapshot.artifacts
    )
    seen = snapshot.model_copy(update={"artifacts": whole, "logs": ()})
    recorded = Recorder(runtime.ledger).record(view.build.connection, [seen], observer=runtime.observer)
    runtime.ledger.store.seal()
    return recorded.changes


def safe_name(artifact: Artifact) -> Path:
    """Where an artifact lies below a folder: its name without anything that leads elsewhere or is no name."""
    parts = [_UNSAFE.sub("_", part) for part in artifact.name.split("/") if part not in ("", ".")]
    parts = [_short("_" * len(part) if not part.strip(". ") else part) for part in parts] or ["artifact"]
    *above, name = parts
    if not Path(name).suffix and artifact.media_type:
        name += mimetypes.guess_extension(artifact.media_type.partition(";")[0].strip()) or ""
    return Path(*above, name)


def _short(part: str) -> str:
    """A part of a path that file systems take; its end, which tells what it is, is kept."""
    data = part.encode("utf-8", "replace")
    return part if len(data) <= _LONGEST_NAME else data[-_LONGEST_NAME:].decode("utf-8", "ignore")


def _free(path: Path, taken: set[Path]) -> Path:
    """The path, with a number when another artifact of the same download has it."""
    found, number = path, 1
    while found in taken:
        number += 1
        found = path.with_name(f"{path.stem}~{number}{path.suffix}")
    return found


def _about(artifact: Artifact, error: PipemgrError) -> PipemgrError:
    error.where = f"artifact {artifact.name}"
    return error


def _keep(  # noqa: PLR0913 - as for `download`
    runtime: Runtime,
    view: InstanceView,
    artifact: Artifact,
    target: Path,
    *,
    force: bool,
    largest: int | None,
) -> Fetched:
    if not force and os.path.lexists(target):
        raise _exists(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.parent / f".part-{uuid4().hex}"
        try:
            with draft.open("xb") as file:
                digest, size = _read(runtime, view, artifact, largest, file.write)
            _publish(draft, target, force=force)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise PipemgrError(
            f"{target} can't be written: {error.strerror}",
            remedy="name another folder, or make room in this one",
        ) from None
    return Fetched(artifact, digest, size, target)


def _publish(draft: Path, target: Path, *, force: bool) -> None:
    if force:
        draft.replace(target)
        return
    try:
        os.link(draft, target)  # fails where something is, which a rename does not
    except FileExistsError:
        raise _exists(target) from None
    except OSError:  # a file system without links
        if os.path.lexists(target):
            raise _exists(target) from None
        draft.replace(target)


def _exists(target: Path) -> PipemgrError:
    return PipemgrError(f"{target} is there already", remedy="--force replaces it; or name another folder")


def _read(
    runtime: Runtime,
    view: InstanceView,
    artifact: Artifact,
    largest: int | None,
    keep: Callable[[bytes], object],
) -> tuple[str, int]:
    """Read an artifact to its end; its digest and size. Raises `PipemgrError` when it is not what it should be."""
    hashed, size = hashlib.sha256(), 0
    for piece in runtime.adapter(view.build.connection).download(view.snapshot().ref, artifact.name):
        size += len(piece)
        if largest is not None and size > largest:
            raise PipemgrError(f"is larger than {largest:,} bytes", remedy="allow more with --largest")
        hashed.update(piece)
        keep(piece)
    digest = f"{ALGORITHM}:{hashed.hexdigest()}"
    _check(artifact, digest)
    return digest, size


def _check(artifact: Artifact, digest: str) -> None:
    known = artifact.digest or ""
    if known.startswith(f"{ALGORITHM}:") and known.lower() != digest:
        raise PipemgrError(
            f"what was read has the digest {digest}, but the ledger says {known}",
            remedy="read it again; if it stays so, it was changed after the build",
        )
