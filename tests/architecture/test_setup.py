"""Set-up is reproducible and says what to do where something is missing."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PINNED = {
    "requirements.txt": [],
    "requirements-dev.txt": ["postgres", "sign", "keyring"],
}


def asked_for(pyproject: dict[str, Any], file: str) -> list[Requirement]:
    """What pyproject.toml asks for and `file` has to pin."""
    project, groups = pyproject["project"], pyproject["dependency-groups"]
    extras = [line for extra in PINNED[file] for line in project["optional-dependencies"][extra]]
    group = groups["dev"] if "dev" in file else []
    plain = [line for line in group if isinstance(line, str)]
    return [Requirement(line) for line in (*project["dependencies"], *groups["build"], *extras, *plain)]


PIN = re.compile(r"^([a-z0-9.-]+)==([^ ]+)", re.MULTILINE)


def pins(text: str) -> dict[str, str]:
    return dict(PIN.findall(text))


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=clean, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def checkout(project: Path, tmp_path: Path) -> Path:
    """A folder with a space in its name, as far as set-up needs one."""
    folder = tmp_path / "my checkout"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", *PINNED):
        shutil.copy(project / name, folder)
    return folder


@pytest.mark.parametrize("file", PINNED)
def test_every_requirement_is_pinned_within_its_range(
    file: str, project: Path, pyproject: dict[str, Any]
) -> None:
    pinned = pins((project / file).read_text(encoding="utf-8"))
    wrong = [
        str(wanted)
        for wanted in asked_for(pyproject, file)
        if pinned.get(canonicalize_name(wanted.name), "none") not in wanted.specifier
    ]
    assert wrong == []


@pytest.mark.parametrize("file", PINNED)
def test_every_pin_has_hashes_and_no_address(file: str, project: Path) -> None:
    text = (project / file).read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    # One may be pinned twice, for older and newer versions of Python.
    assert len(blocks) == len(PIN.findall(text))
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert not re.search(r"://|--(extra-)?index|--find-links| @ ", text)


def test_both_files_pin_the_same_versions(project: Path) -> None:
    plain, dev = (pins((project / file).read_text(encoding="utf-8")) for file in PINNED)
    assert plain.items() <= dev.items()


def test_no_python_is_explained(checkout: Path) -> None:
    done = make(checkout, "demo", "PYTHON=python-of-nowhere")
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr
    assert "make PYTHON=" in done.stderr


def test_a_python_without_venv_is_explained(checkout: Path, tmp_path: Path) -> None:
    python = tmp_path / "bare-python"
    python.write_text('#!/bin/sh\ncase "$*" in *ensurepip*) exit 1;; esac\n', encoding="utf-8")
    python.chmod(0o755)
    done = make(checkout, "test", f"PYTHON={python}")
    assert done.returncode != 0
    assert "apt install python3-venv" in done.stderr
    assert not (checkout / ".venv").exists()


def test_help_names_every_target(project: Path, checkout: Path) -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (project / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony
    shown = [line.split()[0] for line in make(checkout, "help").stdout.splitlines()]
    assert sorted(shown) == sorted(phony[1].split())


def test_a_moved_environment_is_made_anew(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    for name in (".run", ".home", "bin/python"):
        (checkout / ".venv" / name).write_text("/where/it/was\n", encoding="utf-8")
    (checkout / ".venv" / "bin" / "python").chmod(0o755)
    planned = make(checkout, "--dry-run", "demo").stdout
    assert "-m venv --clear .venv" in planned
    assert "--require-hashes" in planned
