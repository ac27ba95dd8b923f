"""What is built holds exactly the packages, and every way to install it works from a foreign folder."""

import json
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOTS = ("adapters", "mappings", "tests")

# Runs inside a fresh environment, far from the checkout.
PROBE = """
import json, sys
from importlib.metadata import entry_points, version
from importlib.resources import files
from importlib.util import find_spec

names, data = json.loads(sys.argv[1])
specs = {name: find_spec(name) for name in names}
print(json.dumps({
    "found": {name: spec.origin for name, spec in specs.items() if spec},
    "version": version("pipemgr"),
    "loaded": {point.name: point.load().__name__ for point in entry_points(group="pipemgr.adapters")},
    "data": {f"{name}/{path}": len(files(name).joinpath(path).read_bytes()) for name, path in data},
}))
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(source: Path, target: str, folder: Path) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder, cwd=source)
    return next(folder.glob("*.whl" if target == "wheel" else "*.tar.gz"))


def shipped(project: Path, package: str) -> set[str]:
    """The files of a source folder as the wheel should name them."""
    folder = project / package
    files = (path.relative_to(folder.parent) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in files if "__pycache__" not in path.parts}


@pytest.fixture(scope="session")
def wheel(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(project, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An empty environment that borrows the dependencies (but no editable install) of this one."""
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=False)
    site = next(folder.glob("lib/python*/site-packages"))
    site.joinpath("borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder / "bin" / "python"


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as opened:
        return {name for name in opened.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_the_packages_with_their_data_and_nothing_else(
    project: Path, packages: list[str], wheel: Path
) -> None:
    assert contents(wheel) == {file for package in packages for file in shipped(project, package)}
    assert {"pipemgr/py.typed", "pipemgr/__main__.py"} <= contents(wheel)
    assert {name for name in contents(wheel) if name.endswith(".yaml")}


def test_the_source_distribution_builds_the_same_wheel(project: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(build(project, "sdist", tmp_path / "sdist")) as opened:
        opened.extraction_filter = getattr(tarfile, "data_filter", None)  # Debian 12's Python lacks it
        opened.extractall(tmp_path)  # noqa: S202 - an archive of our own
    (unpacked,) = (path for path in tmp_path.glob("pipemgr-*") if path.is_dir())
    assert (unpacked / "LICENSE").is_file()
    assert contents(build(unpacked, "wheel", tmp_path / "again")) == contents(wheel)


@pytest.mark.parametrize("way", ["wheel", "folder", "editable"])
def test_installed_it_works_from_a_foreign_folder(
    way: str, project: Path, packages: list[str], wheel: Path, environment: Path, tmp_path: Path
) -> None:
    ways: dict[str, list[str | Path]] = {
        "wheel": [wheel],
        "folder": [project],
        "editable": ["--editable", project],
    }
    run(
        *(sys.executable, "-m", "pip", "--python", environment, "--disable-pip-version-check", "install"),
        *("--no-deps", "--no-index", "--no-build-isolation", "--force-reinstall", *ways[way]),
        cwd=tmp_path,
    )
    names = [package.rpartition("/")[2] for package in packages]
    data = [
        tuple(file.split("/", 1))
        for package in packages
        for file in sorted(shipped(project, package))
        if not file.endswith((".py", ".typed"))
    ]

    seen = json.loads(run(environment, "-I", "-c", PROBE, json.dumps([[*names, *ROOTS], data]), cwd=tmp_path))

    origins = {name: seen["found"].pop(name) for name in names}
    in_checkout = {name for name, origin in origins.items() if Path(origin).is_relative_to(project)}
    assert in_checkout == (set(names) if way == "editable" else set())
    # An editable install puts the checkout on the path, so its folders show as namespaces: with no origin,
    # they give way to any real package of that name.
    assert seen["found"] == (dict.fromkeys(ROOTS) if way == "editable" else {})
    assert set(seen["loaded"]) >= {"local"}
    assert len(seen["data"]) == len(data) > 0
    assert "demo" in run(environment, "-I", "-m", "pipemgr", "--help", cwd=tmp_path)
