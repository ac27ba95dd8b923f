"""`pipemgr ledger`: logs that are missing are told, and old ones let go."""

import shutil

import pytest


@pytest.fixture
def workspace(built, tmp_path):
    """A copy of the workspace with a build, whose logs go after no time at all."""
    root = tmp_path / "copy"
    shutil.copytree(built, root, symlinks=True)
    config = root / "pipemgr.toml"
    config.write_text(config.read_text(encoding="utf-8") + '\n[retention]\nlogs = "0s"\n', encoding="utf-8")
    return root


def blobs(root):
    return list((root / ".pipemgr" / "blobs").rglob("*.gz"))


def test_logs_are_compared_with_their_digests_when_asked_for(cli, workspace):
    assert cli("ledger", "verify", "--logs", at=workspace).code == 0
    for blob in blobs(workspace):
        blob.unlink()
    assert cli("ledger", "verify", at=workspace).code == 0
    said = cli("ledger", "verify", "--logs", at=workspace)
    assert said.code == 1
    assert "is missing" in said.out


def test_old_logs_go_and_the_ledger_still_verifies(cli, workspace):
    would = cli("ledger", "retain", "--dry-run", "--json", at=workspace).json
    assert would["logs"] > 0
    assert blobs(workspace)
    gone = cli("ledger", "retain", "--json", at=workspace).json
    assert (gone["logs"], gone["builds"], gone["dry_run"]) == (would["logs"], 0, False)
    assert cli("ledger", "verify", "--logs", at=workspace).code == 0
    assert cli("ledger", "retain", at=workspace).out.startswith("0 builds and 0 logs of others are gone")
