"""Where the project lies and what it says about itself, for the tests of its shape."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("pipemgr", "adapters", "mappings")


@pytest.fixture(scope="session")
def project() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def packages(pyproject: dict[str, Any]) -> list[str]:
    """The folders that become import packages, as the wheel target lists them."""
    return list(pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


@pytest.fixture(scope="session")
def modules() -> list[Path]:
    """Every Python file that is shipped."""
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
