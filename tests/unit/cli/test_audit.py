"""`pipemgr audit`: what it prints, writes and leaves with."""

from pathlib import Path

import pytest

from .conftest import Cli

CONFIG = "version: 2.1\njobs:\n  build:\n    docker: [{image: 'cimg/base:stable'}]\n    steps: [checkout, {run: make}]\n"
WORKFLOW = ".github/workflows/ci.yml"
GOOD = "on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: make}, {uses: some/thing@v1}]}}\n"


def _put(root: Path, name: str, text: str) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def test_it_sums_up_what_the_files_come_to(cli: Cli, tmp_path: Path) -> None:
    _put(tmp_path, WORKFLOW, GOOD)
    said = cli("audit", ".", "--to", "circleci", "--markdown", "audit.md", "-o", "out", at=tmp_path)
    assert said.code == 0
    assert "1 file to circleci: 0 successful, 1 partial, 0 unsupported, 0 failed" in said.out
    assert "some/thing" in said.out
    assert "some/thing" in (tmp_path / "audit.md").read_text("utf-8")
    assert (tmp_path / "out" / WORKFLOW / ".circleci/config.yml").is_file()


def test_one_broken_file_fails_and_stops_nothing(cli: Cli, tmp_path: Path) -> None:
    _put(tmp_path, WORKFLOW, GOOD)
    _put(tmp_path, ".github/workflows/broken.yml", "on: [")
    said = cli("audit", ".", "--json", at=tmp_path)
    assert said.code == 1
    assert [one["outcome"] for one in said.json["files"]] == ["failed", "successful"]
    said = cli("audit", ".", at=tmp_path)
    assert said.err.startswith(".github/workflows/broken.yml:2:1: not valid YAML")


def test_an_empty_folder_says_where_it_looked(cli: Cli, tmp_path: Path) -> None:
    said = cli("audit", tmp_path)
    assert said.code == 0
    assert ".github/workflows/*.yml" in said.out
    assert ".circleci/config.yml" in said.out
    assert "pipemgr convert FILE" in said.out
    assert cli("audit", tmp_path, "--json").json["files"] == []


def test_what_is_no_place_is_an_error(cli: Cli) -> None:
    said = cli("audit", "nowhere")
    assert said.code == 1
    assert "no such folder" in said.err
    assert cli("audit", ".", "--to", "nobody").code == 2


def test_a_file_is_no_tree_and_says_how_to_read_it(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "ci.yml").write_text("on: push\n", encoding="utf-8")
    said = cli("audit", tmp_path / "ci.yml")
    assert (said.code, said.out) == (1, "")
    assert "a file, not a folder" in said.err
    assert "pipemgr convert FILE" in said.err


def test_a_mistake_in_a_table_of_ones_own_is_told_once_and_where_it_is(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "words" / "github-actions" / "steps.yaml"
    table.parent.mkdir(parents=True)
    rows = "rows:\n  - call: acme/fetch\n    action: chekout\n"
    table.write_text(f"source: [https://acme.example]\nchecked: 2026-11-23\n{rows}", encoding="utf-8")
    (tmp_path / "pipemgr.toml").write_text('[mappings]\noverlay = "words"\n', encoding="utf-8")
    for name in ("a", "b"):
        flow = tmp_path / ".github" / "workflows" / f"{name}.yml"
        flow.parent.mkdir(parents=True, exist_ok=True)
        flow.write_text(
            "on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [run: make]}}\n", encoding="utf-8"
        )
    monkeypatch.chdir(tmp_path)
    said = cli("audit", ".")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(
        "error: github-actions/steps.yaml:5: rows.0.action: the catalogue has no 'chekout'"
    )
    assert "workflows" not in said.err
