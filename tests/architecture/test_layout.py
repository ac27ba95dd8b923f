"""Folders, `packages` and entry points agree, names say what a thing is, and nothing grows too long."""

import ast
import re
import statistics
from pathlib import Path
from typing import Any

import pytest

import pipemgr

BANNED = re.compile(r"manager|helper|util|handler|processor", re.IGNORECASE)
LONGEST_FILE = 450
FUNCTION_MEDIAN, FUNCTION_95TH = 8, 40


def import_packages(folder: Path) -> set[str]:
    """The folders below `folder` that hold Python code."""
    return {path.name for path in folder.iterdir() if path.is_dir() and any(path.glob("*.py"))}


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [node for node in tree if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function from `def` to its end, without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is None:
        return lines
    return lines - ((first.end_lineno or first.lineno) - first.lineno + 1)


@pytest.mark.parametrize("root", ["adapters", "mappings"])
def test_source_roots_are_no_packages_and_list_all_they_hold(
    root: str, project: Path, packages: list[str]
) -> None:
    assert not (project / root / "__init__.py").exists()
    listed = {name for room, _, name in (package.partition("/") for package in packages) if room == root}
    assert listed == import_packages(project / root)


def test_every_adapter_has_an_entry_point_and_a_manifest(project: Path, pyproject: dict[str, Any]) -> None:
    entry_points = pyproject["project"]["entry-points"]["pipemgr.adapters"]
    folders = import_packages(project / "adapters")
    assert {value.partition(":")[0] for value in entry_points.values()} == folders
    assert [
        name for name in sorted(folders) if not (project / "adapters" / name / "adapter.yaml").is_file()
    ] == []


def test_the_checks_know_every_package(pyproject: dict[str, Any], packages: list[str]) -> None:
    names = {package.rpartition("/")[2] for package in packages}
    tool = pyproject["tool"]
    assert set(tool["importlinter"]["root_packages"]) == names
    assert set(tool["coverage"]["run"]["source_pkgs"]) == names
    assert set(tool["mypy"]["packages"]) >= names - {"pipemgr_mappings"}
    adapters = names - {"pipemgr", "pipemgr_mappings"}
    contracts = {contract["id"]: contract for contract in tool["importlinter"]["contracts"]}
    assert set(contracts["hub"]["forbidden_modules"]) == adapters
    assert set(contracts["adapters"]["source_modules"]) == adapters
    assert set(contracts["siblings"]["modules"]) == adapters


def test_type_checkers_see_types(project: Path) -> None:
    assert (project / "pipemgr" / "py.typed").is_file()


def test_one_version(pyproject: dict[str, Any]) -> None:
    assert pyproject["tool"]["hatch"]["version"]["path"] == "pipemgr/__init__.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+", pipemgr.__version__)


def test_no_name_hides_what_a_thing_is(project: Path, modules: list[Path]) -> None:
    files = [*modules, *(project / "tests").rglob("*.py")]
    classes = [
        f"{path}:{node.lineno} {node.name}"
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and BANNED.search(node.name)
    ]
    assert classes == []
    assert [path for path in files if BANNED.search(path.stem)] == []


def test_every_file_begins_with_its_purpose(modules: list[Path]) -> None:
    silent = [path for path in modules if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []


def test_files_stay_readable(modules: list[Path]) -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_functions_stay_short(modules: list[Path]) -> None:
    measured = sorted(
        ((length(function), f"{path}:{function.lineno}") for path in modules for function in functions(path)),
        reverse=True,
    )
    lengths = [lines for lines, _ in measured]
    assert statistics.median(lengths) <= FUNCTION_MEDIAN
    assert statistics.quantiles(lengths, n=20)[-1] <= FUNCTION_95TH, measured[: len(measured) // 20]
