"""The registry: adapters by name, found by entry points, imported only when used."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from pipemgr.errors import ConfigurationError, PipemgrError, UnknownAdapter
from pipemgr.mapping.tables import Tables
from pipemgr.model.base import Value
from pipemgr.translate.base import Dialect, Reader, Writer

from .base import Adapter, Dialects
from .manifest import Manifest, folder, read_manifest

GROUP = "pipemgr.adapters"
"""The entry point group that adapters register in."""
OWN_TABLES = "tables"
"""The folder of an adapter that may hold tables of its own."""


class Broken(Value):
    """An adapter that is installed and can't be used."""

    name: str
    origin: str
    """Which distribution brings it, and where its class should be."""
    reason: str
    remedy: str = ""


class Registry:
    """All installed adapters. One that is broken is a value in `broken`, and never stops the others.

    `overlay` is a folder of the user's own mapping tables.
    """

    def __init__(self, entries: Iterable[EntryPoint] | None = None, *, overlay: Path | None = None) -> None:
        self._overlay = overlay
        self._given = None if entries is None else tuple(entries)
        self._loaded: dict[str, type[Adapter]] = {}
        self._dialects: dict[str, Dialect] = {}
        self._failed: dict[str, Broken] = {}

    def names(self) -> tuple[str, ...]:
        """The names of the adapters that can be used, sorted. Imports none of them."""
        return tuple(sorted(self._manifests))

    def broken(self) -> tuple[Broken, ...]:
        """The adapters that can't be used, as far as known: an import that fails shows only when it is tried."""
        return tuple(sorted((*self._scan[1], *self._failed.values()), key=lambda one: one.name))

    def try_all(self) -> tuple[Broken, ...]:
        """Import every adapter and say which ones can't be used."""
        for name in self.names():
            try:
                self.load(name)
            except PipemgrError:
                continue  # noted by load
        return self.broken()

    def entry(self, name: str) -> EntryPoint:
        """Where an adapter is registered; raises `UnknownAdapter`."""
        self.manifest(name)
        return self._scan[0][name][0]

    def manifest(self, name: str) -> Manifest:
        """What the adapter says of itself; raises `UnknownAdapter`."""
        if name not in self._manifests:
            raise self._unknown(name)
        return self._manifests[name]

    def load(self, name: str) -> type[Adapter]:
        """The adapter's class, imported now.

        Raises `UnknownAdapter` when there is none, and `ConfigurationError` when it can't be imported or is no
        adapter.
        """
        if name not in self._loaded:
            entry = self.entry(name)
            try:
                self._loaded[name] = _import(entry)
            except ConfigurationError as error:
                self._failed[name] = Broken(
                    name=name, origin=_origin(entry), reason=error.message, remedy=error.remedy or ""
                )
                raise
        return self._loaded[name]

    def tables(self, name: str) -> Tables:
        """The vendor's words: the adapter's own tables (its folder `tables`), pipemgr's, the user's overlay.

        Those of the vendors that its manifest names under `words` come before.
        """
        own = folder(self.entry(name)) / OWN_TABLES
        return Tables.of(name, own if own.is_dir() else None, self._overlay, self.manifest(name).words)

    def dialect(self, name: str) -> Dialect:
        """The adapter's language; needs no connection. Raises what `load` raises."""
        if name not in self._dialects:
            manifest = self.manifest(name)
            tables = self.tables(name)
            reader, writer = _language(self.load(name), self.dialect, tables)
            self._dialects[name] = Dialect(
                name=name,
                title=manifest.title,
                reader=reader,
                writer=writer,
                features=manifest.limits(),
                patterns=manifest.documents,
                understands=manifest.understands,
                tables=tables,
            )
        return self._dialects[name]

    @cached_property
    def _scan(self) -> tuple[dict[str, tuple[EntryPoint, Manifest]], tuple[Broken, ...]]:
        found: dict[str, list[EntryPoint]] = {}
        for entry in entry_points(group=GROUP) if self._given is None else self._given:
            same = found.setdefault(entry.name, [])
            if entry.value not in (one.value for one in same):  # one distribution may be on the path twice
                same.append(entry)
        good: dict[str, tuple[EntryPoint, Manifest]] = {}
        bad: list[Broken] = []
        for name, entries in found.items():
            try:
                good[name] = (entries[0], _only(entries))
            except Exception as cause:  # noqa: BLE001 - files of strangers, wrong in ways that nobody thought of
                error = cause if isinstance(cause, PipemgrError) else PipemgrError(repr(cause))
                origin = ", ".join(map(_origin, entries))
                bad.append(Broken(name=name, origin=origin, reason=str(error), remedy=error.remedy or ""))
        return good, tuple(bad)

    @cached_property
    def _manifests(self) -> dict[str, Manifest]:
        return {name: manifest for name, (_, manifest) in self._scan[0].items()}

    def _unknown(self, name: str) -> UnknownAdapter:
        for one in self._scan[1]:
            if one.name == name:
                return UnknownAdapter(
                    f"the adapter {name!r} ({one.origin}) can't be used: {one.reason}",
                    remedy=one.remedy or None,
                )
        close = difflib.get_close_matches(name, self.names(), 1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        installed = ", ".join(self.names()) or "none"
        return UnknownAdapter(f"no adapter {name!r} is installed", remedy=f"{hint}installed: {installed}")


def _only(entries: list[EntryPoint]) -> Manifest:
    if len(entries) > 1:
        raise ConfigurationError(f"{len(entries)} adapters have this name", remedy="uninstall all but one")
    return read_manifest(entries[0])


def _language(kind: type[Adapter], dialects: Dialects, tables: Tables) -> tuple[Reader, Writer]:
    try:
        reader, writer = kind.language(dialects, tables)
    except PipemgrError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"the language of the adapter {kind.name!r} can't be made: {type(error).__name__}: {error}",
            remedy="report it to the author of the adapter",
        ) from error
    return reader, writer


def _origin(entry: EntryPoint) -> str:
    return f"{entry.dist.name}: {entry.value}" if entry.dist else entry.value


def _import(entry: EntryPoint) -> type[Adapter]:
    where = str(folder(entry))
    try:
        kind = entry.load()
    except (Exception, SystemExit) as error:
        raise ConfigurationError(
            f"the adapter {entry.name!r} can't be imported: {type(error).__name__}: {error}",
            where=where,
            remedy="install what it needs, or uninstall it",
        ) from error
    if not (isinstance(kind, type) and issubclass(kind, Adapter)):
        raise ConfigurationError(f"{entry.value} is no subclass of pipemgr.adapter.Adapter", where=where)
    if getattr(kind, "name", None) != entry.name:
        raise ConfigurationError(
            f"{entry.value}.name must be {entry.name!r}, as it is registered", where=where
        )
    return kind
