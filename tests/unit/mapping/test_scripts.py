"""The scripts of the local tables do what the actions do, run by bash for real."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pipemgr.mapping.tables import Tables

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
Do = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def do(tmp_path: Path) -> Do:
    """Run the script of an action in a workspace, with inputs as the writer gives them."""
    (tmp_path / "work").mkdir()

    def run(action: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        row = Tables.of("local").steps.write(action)
        assert row is not None
        assert row.run is not None
        env = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
        env |= {f"PIPEMGR_{name.upper()}": str(tmp_path / name) for name in ("artifacts", "cache", "reports")}
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", row.run]
        return subprocess.run(
            command,
            cwd=tmp_path / "work",
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run


SCRIPTS = [
    pytest.param(row.run, id=f"{vendor}-{row.action}")
    for vendor in ("circleci", "github-actions", "local")
    for row in Tables.of(vendor).steps.rows
    if row.run is not None
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_is_one_that_bash_can_read(script: str) -> None:
    done = subprocess.run(
        ["bash", "-n", "-c", script], capture_output=True, text=True, timeout=10, check=False
    )
    assert done.returncode == 0, done.stderr


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("dist/a.whl", {"a.whl"}),
        ("dist", {"a.whl", "b.txt", "sub/c.whl"}),
        ("dist/", {"a.whl", "b.txt", "sub/c.whl"}),
        ("./dist/*.whl", {"a.whl"}),
        ("dist/**/*.whl", {"a.whl", "sub/c.whl"}),
        ("dist/*.whl\nlogs/x.log\n", {"dist/a.whl", "logs/x.log"}),
        ("dist\n!dist/sub/**\n", {"a.whl", "b.txt"}),
        ("odd name.txt", {"odd name.txt"}),
        (".", {"dist/a.whl", "dist/b.txt", "dist/sub/c.whl", "logs/x.log", "odd name.txt"}),
    ],
)
def test_upload_keeps_what_matches(pattern: str, kept: set[str], do: Do, tmp_path: Path) -> None:
    put(
        tmp_path / "work",
        "dist/a.whl",
        "dist/b.txt",
        "dist/sub/c.whl",
        "dist/.hidden",
        "logs/x.log",
        "odd name.txt",
    )
    done = do("artifact.upload", path=pattern, name="w")
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "artifacts" / "w") == kept
    assert f"{len(kept)} file(s)" in done.stdout


def test_upload_takes_hidden_files_when_asked(do: Do, tmp_path: Path) -> None:
    put(tmp_path / "work", "dist/.hidden")
    assert do("artifact.upload", path="dist", hidden="true").returncode == 0
    assert files(tmp_path / "artifacts" / "artifact") == {".hidden"}


@pytest.mark.parametrize(("missing", "code"), [("warn", 0), ("ignore", 0), ("error", 1)])
def test_upload_of_nothing_fails_when_asked(missing: str, code: int, do: Do, tmp_path: Path) -> None:
    done = do("artifact.upload", path="nowhere/*", if_missing=missing)
    assert done.returncode == code
    assert "No files found" in done.stderr
    assert not (tmp_path / "artifacts").exists()


def test_upload_does_not_replace_unless_asked(do: Do, tmp_path: Path) -> None:
    put(tmp_path / "work", "a", "b")
    assert do("artifact.upload", path="a", name="w").returncode == 0
    again = do("artifact.upload", path="b", name="w")
    assert again.returncode == 1
    assert "already is an artifact 'w'" in again.stderr
    assert do("artifact.upload", path="b", name="w", overwrite="true").returncode == 0
    assert files(tmp_path / "artifacts" / "w") == {"b"}


@pytest.mark.parametrize("name", ["../w", "..", ".", "a/../../b", "/", "a//b", "x/.."])
@pytest.mark.parametrize("overwrite", ["false", "true"])
def test_no_artifact_leaves_its_folder_by_its_name(name: str, overwrite: str, do: Do, tmp_path: Path) -> None:
    put(tmp_path, "work/a", "artifacts/kept/b", "w/kept")
    before = files(tmp_path)
    done = do("artifact.upload", path="a", name=name, overwrite=overwrite)
    assert done.returncode == 1
    assert "No artifact can be called" in done.stderr
    assert files(tmp_path) == before


def test_a_name_is_never_a_command(do: Do, tmp_path: Path) -> None:
    put(tmp_path / "work", "a")
    name = "$(touch pwned) `touch pwned`; touch pwned; '\"\n-rf *"
    assert do("artifact.upload", path="a\n$(touch pwned)\n`touch pwned`\n", name=name).returncode == 0
    assert do("artifact.download", path="into", name=name).returncode == 0
    assert files(tmp_path / "artifacts") == {f"{name}/a"}
    assert files(tmp_path / "work") == {"a", "into/a"}


def test_no_file_leaves_its_artifact_by_its_path(do: Do, tmp_path: Path) -> None:
    put(tmp_path, "work/a/f", "other/g")
    assert do("artifact.upload", path="a/f\n../other/./g\n", name="w").returncode == 0
    assert files(tmp_path / "artifacts") == {"w/work/a/f", "w/other/g"}


@pytest.mark.parametrize("given", [{"name": "../secret"}, {"pattern": "../*"}])
def test_download_takes_artifacts_only(given: dict[str, str], do: Do, tmp_path: Path) -> None:
    put(tmp_path, "artifacts/one/a", "secret/key")
    done = do("artifact.download", path="into", **given)
    assert done.returncode == 1
    assert "No artifact is called" in done.stderr
    assert files(tmp_path / "work") == set()


def test_reports_stay_in_their_folder(do: Do, tmp_path: Path) -> None:
    put(tmp_path, "work/r.xml", "other/r.xml")
    done = do("tests.publish", path="r.xml\n../other/*.xml\n../../*/r.xml\n")
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "reports") == {"r.xml", "_/other/r.xml"}


def test_download_of_one_of_all_and_merged(do: Do, tmp_path: Path) -> None:
    put(tmp_path / "artifacts", "one/a", "two/b", "other/c")
    assert do("artifact.download", name="one", path="into").returncode == 0
    assert files(tmp_path / "work") == {"into/a"}
    assert do("artifact.download", path="all").returncode == 0
    assert files(tmp_path / "work" / "all") == {"one/a", "two/b", "other/c"}
    assert do("artifact.download", path="some", pattern="o*", merge="true").returncode == 0
    assert files(tmp_path / "work" / "some") == {"a", "c"}


def test_download_of_what_is_not_there_fails(do: Do, tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    done = do("artifact.download", name="none")
    assert done.returncode == 1
    assert "no artifact 'none'" in done.stderr


def test_a_cache_is_saved_once_and_restored(do: Do, tmp_path: Path) -> None:
    put(tmp_path / "work", "node_modules/x")
    assert do("cache.save", path="node_modules", key="k-1/a").returncode == 0
    shutil.rmtree(tmp_path / "work" / "node_modules")
    assert "Found cache" in do("cache.restore", path="node_modules", key="k-1/a").stdout
    assert files(tmp_path / "work") == {"node_modules/x"}
    assert "already is a cache" in do("cache.save", path="node_modules", key="k-1/a").stdout


def test_a_cache_is_found_by_the_beginning_of_a_key(do: Do, tmp_path: Path) -> None:
    put(tmp_path / "work", "x")
    do("cache.save", path="x", key="k-1")
    (tmp_path / "work" / "x").unlink()
    assert do("cache", path="x", key="k-2", restore_keys="k-\n").returncode == 0
    assert files(tmp_path / "work") == {"x"}


def test_a_missing_cache_is_fine_unless_required(do: Do) -> None:
    assert do("cache.restore", path="x", key="k").returncode == 0
    assert do("cache.restore", path="x", key="k", required="true").returncode == 1


def test_test_reports_are_kept(do: Do, tmp_path: Path) -> None:
    put(tmp_path / "work", "build/r.xml", "build/deep/s.xml")
    done = do("tests.publish", path="build/**/*.xml")
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "reports") == {"build/r.xml", "build/deep/s.xml"}
    assert do("tests.publish", path="none/*.xml").returncode == 0
    assert do("tests.publish", path="none/*.xml", required="true").returncode == 1


def test_a_tool_on_path_is_found(do: Do) -> None:
    done = do("setup.python")
    assert done.returncode == 0
    assert done.stdout.startswith("Python 3")


def test_a_missing_tool_is_told(do: Do, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bash").symlink_to(shutil.which("bash") or "")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    done = do("setup.go")
    assert done.returncode == 1
    assert "go is not on PATH" in done.stderr


def test_a_workspace_is_handed_on_with_its_paths(do: Do, tmp_path: Path) -> None:
    put(tmp_path / "work", "build/dist/a", "build/lib/b", "build/other")
    assert do("workspace.restore", path="into").returncode == 0, "nothing has been handed on yet"
    assert do("workspace.save", root="build", path="dist\nli*").returncode == 0
    assert do("workspace.restore", path="into").returncode == 0
    assert files(tmp_path / "work" / "into") == {"dist/a", "lib/b"}
    assert do("workspace.save", root="build", path="none").returncode != 0


# Scripts for a hosted vendor, with programs that only say what they were asked for ---------------------------


@pytest.fixture
def asked(tmp_path: Path) -> Callable[..., list[str]]:
    """What the script of an action asks of the programs that it calls."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("docker", "mise", "gh", "codecovcli", "pip", "trivy"):
        (programs / name).write_text(
            f'#!/bin/bash\nprintf "%s\\n" "{name} $*" >> "$ASKED"\n', encoding="utf-8"
        )
        (programs / name).chmod(0o755)

    def run(action: str, **inputs: str) -> list[str]:
        row = Tables.of("circleci").steps.write(action)
        assert row is not None
        assert row.run is not None
        env = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
        env |= {"ASKED": str(tmp_path / "asked"), "BASH_ENV": str(tmp_path / "env"), "HOME": str(tmp_path)}
        env |= {"PATH": f"{programs}:{os.environ['PATH']}", "CIRCLE_TAG": "v1"}
        env |= {"CIRCLE_PROJECT_USERNAME": "acme", "CIRCLE_PROJECT_REPONAME": "shop"}
        (tmp_path / "env").touch()
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", row.run],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return (tmp_path / "asked").read_text(encoding="utf-8").splitlines()

    return run


def test_an_image_is_built_as_asked(asked: Callable[..., list[str]]) -> None:
    (said,) = asked(
        "container.build",
        tags="a/b:1\na/b:2",
        build_args="X=1 2",
        push="true",
        no_cache="true",
        platforms="linux/arm64",
        cache_from="type=gha\ntype=registry,ref=a/c",
        context="app",
    )
    assert said == (
        "docker buildx build --file app/Dockerfile --tag a/b:1 --tag a/b:2 --build-arg X=1 2"
        " --cache-from type=registry,ref=a/c --platform linux/arm64 --no-cache --push app"
    )


def test_the_password_of_a_registry_is_no_argument(asked: Callable[..., list[str]]) -> None:
    said = asked("container.login", username="me", password="hidden", registry="ghcr.io")
    assert said == ["docker login --username me --password-stdin ghcr.io"]


@pytest.mark.parametrize(
    ("tools", "provided"),
    [
        ("node@20.x", ["node@20"]),
        ("node@lts/*", ["node@lts"]),
        ("node@v22.1.0,just", ["node@22.1.0", "just@latest"]),
        ("python@>=3.12", ["python@3.12"]),
        ("java@temurin-21", ["java@temurin-21"]),
        ("go@file:go.mod", ["go@1.24.1"]),
        ("node@file:.nvmrc", ["node@18"]),
        ("go@stable", ["go@latest"]),
    ],
)
def test_tools_are_provided_in_their_versions(
    tools: str, provided: list[str], asked: Callable[..., list[str]], tmp_path: Path
) -> None:
    (tmp_path / "go.mod").write_text("module acme\n\ngo 1.24.1\n", encoding="utf-8")
    (tmp_path / ".nvmrc").write_text("v18\n", encoding="utf-8")
    assert asked("setup.tools", tools=tools) == [f"mise use --global --yes {tool}" for tool in provided]
    assert "mise/shims" in (tmp_path / "env").read_text(encoding="utf-8"), "later steps find them"


def test_a_release_is_published_with_its_files(asked: Callable[..., list[str]], tmp_path: Path) -> None:
    put(tmp_path, "dist/a.whl", "dist/b.tar.gz")
    (said,) = asked("release.publish", files="dist/*\nnone/*", notes="Fixed.", draft="true")
    assert said == "gh release create v1 --repo acme/shop --notes Fixed. --draft dist/a.whl dist/b.tar.gz"
    assert asked("release.publish", name="1.0")[-1].endswith("--title 1.0 --generate-notes")


def test_coverage_is_published_with_its_flags(asked: Callable[..., list[str]]) -> None:
    said = asked("coverage.publish", files="a.xml, b.xml", flags="unit", required="true", token="t")
    assert said[-1] == "codecovcli upload-coverage --file a.xml --file b.xml --flag unit --fail-on-error"
