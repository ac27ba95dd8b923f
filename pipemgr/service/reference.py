"""docs/format.md made anew: `python -m pipemgr.service.reference docs/format.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from pipemgr.adapter.capabilities import Capability
from pipemgr.adapter.registry import Registry
from pipemgr.mapping.catalogue import catalogue
from pipemgr.translate.reference import Vendor, filled


def vendors(registry: Registry) -> Iterator[Vendor]:
    """The installed adapters that translate, by their names."""
    for name in registry.names():
        manifest = registry.manifest(name)
        if manifest.capabilities[Capability.READ] or manifest.capabilities[Capability.WRITE]:
            yield Vendor(manifest.title, registry.tables(name), manifest.features)


def made(page: str) -> str:
    """The page with every part as the model, the catalogue and the installed adapters have it."""
    return filled(page, catalogue(), vendors(Registry()))


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(made(path.read_text(encoding="utf-8")), encoding="utf-8")
