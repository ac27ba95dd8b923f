"""Adapters of strangers: packages with an entry point, made on the spot and put on the path."""

import sys
import textwrap
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipemgr.adapter import Capability
from pipemgr.translate.features import FEATURES

NUMBERS = count()
NO = {"support": "not_implemented", "note": "not yet"}
CODE = """
from pydantic import Field
from pipemgr.adapter import Adapter, AdapterSettings, ServerInfo


class Settings(AdapterSettings):
    host: str = Field("x", description="Where it is.")


class TheAdapter(Adapter):
    name = "{name}"
    Settings = Settings

    def probe(self):
        return ServerInfo(name="x")
"""


def answers(**capabilities: Any) -> dict[str, Any]:
    """A complete manifest; capabilities are not implemented unless given."""
    return {
        "title": "Acme",
        "api_version": 1,
        "documents": [],
        "capabilities": {one.value: capabilities.get(one.value, NO) for one in Capability},
        "features": dict.fromkeys(FEATURES, "full"),
    }


class Shelf:
    """A folder on the path that distributions are installed into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packages: list[str] = []

    def install(
        self,
        name: str,
        *,
        code: str = CODE,
        manifest: dict[str, Any] | str | None = None,
        value: str | None = None,
        readme: bool = True,
    ) -> str:
        """Install an adapter called `name`; returns its package."""
        package = f"stranger_{next(NUMBERS)}"
        self.packages.append(package)
        home = self.folder / package
        home.mkdir()
        (home / "__init__.py").write_text(textwrap.dedent(code).replace("{name}", name), encoding="utf-8")
        said = {"name": name, **answers(probe="full")} if manifest is None else manifest
        if said:
            text = said if isinstance(said, str) else yaml.safe_dump(said, sort_keys=False)
            (home / "adapter.yaml").write_text(text, encoding="utf-8")
        if readme:
            (home / "README.md").write_text("# It\n", encoding="utf-8")
        info = self.folder / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8"
        )
        entry = value or f"{package}:TheAdapter"
        (info / "entry_points.txt").write_text(f"[pipemgr.adapters]\n{name} = {entry}\n", encoding="utf-8")
        return package


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.syspath_prepend(str(tmp_path))
    return Shelf(tmp_path)


@pytest.fixture
def complete() -> Callable[..., dict[str, Any]]:
    return answers


@pytest.fixture
def imported() -> Callable[[str], bool]:
    return lambda package: package in sys.modules
