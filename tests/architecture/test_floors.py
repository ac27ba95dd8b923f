"""The floors of the house hold, and the contracts would notice if they did not."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

# Which room alone may import a library; names that nothing imports yet are already kept out elsewhere.
ONLY_IN = {
    "sqlalchemy": "pipemgr/ledger",
    "alembic": "pipemgr/ledger",
    "psycopg": "pipemgr/ledger",
    "click": "pipemgr/cli",
    "rich_click": "pipemgr/cli",
    "fastapi": "pipemgr/web",
    "starlette": "pipemgr/web",
    "celery": "pipemgr/ingest/engines",
    "apscheduler": "pipemgr/ingest/engines",
}

# One import that breaks each contract of pyproject.toml: file, line to add, words of the complaint.
TRESPASSES = {
    "a lower floor imports a higher one": ("pipemgr/errors.py", "import pipemgr.model", "floors"),
    "a package has no floor": ("pipemgr/attic.py", "", "floors"),
    "the hub imports an adapter": ("pipemgr/errors.py", "import pipemgr_local", "hub"),
    "an adapter imports the ledger": ("adapters/pipemgr_local/x.py", "import pipemgr.ledger", "adapters"),
    "adapters import one another": (
        "adapters/pipemgr_github_actions/x.py",
        "import pipemgr_local",
        "siblings",
    ),
    "SQL outside the ledger": ("adapters/pipemgr_local/x.py", "import sqlalchemy", "sql"),
    "click outside the command line": ("pipemgr/errors.py", "import click", "click"),
}


def lint_imports(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the contracts of `folder`, with its own packages first on the path."""
    path = os.pathsep.join(str(folder / room) for room in (".", "adapters", "mappings"))
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def imported(path: Path) -> set[str]:
    """The top-level names that a file imports, in functions as well."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}


def test_every_contract_holds(project: Path) -> None:
    done = lint_imports(project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("trespass", TRESPASSES)
def test_a_trespass_is_noticed(trespass: str, project: Path, tmp_path: Path) -> None:
    file, line, contract = TRESPASSES[trespass]
    for room in ("pipemgr", "adapters", "mappings"):
        shutil.copytree(project / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(project / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a", encoding="utf-8") as opened:
        opened.write(f"\n{line}\n")

    done = lint_imports(tmp_path, "--contract", contract)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_stays_in_its_room(library: str, project: Path, modules: list[Path]) -> None:
    room = project / ONLY_IN[library]
    strays = [path for path in modules if not path.is_relative_to(room) and library in imported(path)]
    assert strays == []


def test_importing_the_hub_loads_next_to_nothing(tmp_path: Path) -> None:
    code = "import sys, pipemgr; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = set(done.stdout.split())
    assert "pipemgr" in loaded
    heavy = {"sqlalchemy", "pydantic", "click", "requests", "rich", "yaml", "ruamel"}
    assert not loaded & heavy
    assert not {name for name in loaded if name.startswith("pipemgr_")}
