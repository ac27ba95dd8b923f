"""The languages that definitions may be written in: pipemgr's own and those of the installed adapters."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

from pipemgr.adapter.capabilities import Capability
from pipemgr.adapter.registry import Registry
from pipemgr.errors import UnknownAdapter
from pipemgr.mapping.catalogue import catalogue
from pipemgr.translate.base import Dialect
from pipemgr.translate.names import Names
from pipemgr.translate.native import native_dialect

NATIVE = "native"
_OURS = frozenset({".yaml", ".yml", ".json"})
"""How files end that are ours unless they lie where a vendor has its own."""


class Languages:
    """Dialects by name; an adapter is imported only when its dialect is asked for."""

    def __init__(self, registry: Registry, overlay: Path | None = None) -> None:
        self._registry = registry
        self._overlay = overlay

    @cached_property
    def native(self) -> Dialect:
        """Our own format."""
        known = catalogue(self._overlay)
        names = Names(known.contexts, known.functions)
        return native_dialect(known.inputs(), known.shorts(), known.triggers, names)

    def names(self) -> tuple[str, ...]:
        """All languages there are, our own first; not every adapter brings one."""
        return (NATIVE, *filter(self._has_one, self._registry.names()))

    def installed(self, name: str) -> bool:
        """Whether there is an adapter of that name, with or without a language."""
        return name == NATIVE or name in self._registry.names()

    def _has_one(self, adapter: str) -> bool:
        answers = self._registry.manifest(adapter).capabilities
        return bool(answers[Capability.READ] or answers[Capability.WRITE])

    def get(self, name: str) -> Dialect:
        """The language called `name`; raises `UnknownAdapter` when no adapter brings it."""
        if name == NATIVE:
            return self.native
        if name not in self._registry.names():
            raise UnknownAdapter(
                f"no language {name!r} is installed",
                remedy=f"use one of {', '.join(self.names())}, or install the adapter that brings it",
            )
        return self._registry.dialect(name)

    def foreign(self, root: Path) -> Iterator[tuple[Path, str]]:
        """Every document below `root` that lies where one of the vendors keeps its own, and that language."""
        for name in self._registry.names():
            for pattern in self._registry.manifest(name).documents:
                yield from ((path, name) for path in sorted(root.glob(pattern)))

    def places(self) -> dict[str, tuple[str, ...]]:
        """Where each vendor that can be read keeps its documents: globs by language."""
        manifests = ((name, self._registry.manifest(name)) for name in self._registry.names())
        return {
            name: tuple(one.documents)
            for name, one in manifests
            if one.documents and one.capabilities[Capability.READ]
        }

    def guess(self, path: str, text: str = "") -> str:
        """The language of the document at `path`, by where such documents live; our own if nobody claims it.

        Where our own files live, nobody else's claim counts. Of a file that lies where nobody has any, and is no YAML,
        `text` tells, its beginning.
        """
        full = PurePosixPath(os.path.abspath(path))  # noqa: PTH100 - a link lies where it lies
        if any(full.match(pattern) for pattern in self.native.patterns):
            return NATIVE
        for name in self._registry.names():
            patterns = self._registry.manifest(name).documents
            if any(full.match(pattern) for pattern in patterns):
                return name
        return NATIVE if full.suffix in _OURS or not text else self._recognised(text)

    def _recognised(self, text: str) -> str:
        """The first language that knows a text by its beginning; our own if none does."""
        known = (name for name in self.places() if self.get(name).reader.recognises(text))
        return next(known, NATIVE)
