"""`pipemgr build artifacts` and `tests`: safe on disk, checked, recorded."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.adapter.capabilities import Capability
from pipemgr.cli.build_results import Size
from pipemgr.errors import Unreachable
from pipemgr.model.runs import Artifact, TestCase, TestReport
from pipemgr.model.status import Result
from pipemgr.service.artifacts import safe_name

CONTENT = bytes(range(256))


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture
def made(toy, toybox):
    """A finished build with artifacts whose names want to go elsewhere."""
    run = toy.world.start("web")
    run.artifacts = {"shop.tar": CONTENT, "../../up.txt": b"up", "/etc/x y": b"", "dist/a.txt": b"a"}
    toy.world.begin(run)
    toy.world.finish(run)
    return run


@pytest.fixture
def polled(cli, made, toybox):
    assert cli("poll", at=toybox).code == 0
    return toybox


def files(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_download_stays_in_its_folder(cli, polled, tmp_path):
    before = set(tmp_path.rglob("*"))
    said = cli("build", "artifacts", "web#1", "-d", tmp_path / "out", at=polled)
    assert (said.code, said.err) == (0, "4 digests recorded in the ledger\n")
    assert files(tmp_path / "out") == {
        "shop.tar": CONTENT,
        "__/__/up.txt": b"up",
        "etc/x y": b"",
        "dist/a.txt": b"a",
    }
    outside = {
        one for one in set(tmp_path.rglob("*")) - before if tmp_path / "out" not in (one, *one.parents)
    }
    assert not {one for one in outside if ".pipemgr" not in str(one)}
    assert f"{tmp_path}/out/shop.tar  256 bytes  {digest(CONTENT)}" in said.out


def test_nothing_is_overwritten_without_being_told_to(cli, polled, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "shop.tar").write_text("mine", encoding="utf-8")
    said = cli("build", "artifacts", "web#1", "-d", out, "--name", "shop.tar", at=polled)
    assert said.code == 1
    assert said.err.startswith(f"failed artifact shop.tar: {out}/shop.tar is there already\n  try: --force")
    assert files(out) == {"shop.tar": b"mine"}
    assert cli("build", "artifacts", "web#1", "-d", out, "--name", "shop.tar", "--force", at=polled).code == 0
    assert files(out) == {"shop.tar": CONTENT}


def test_a_dangling_link_is_something_that_is_there(cli, polled, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "shop.tar").symlink_to(tmp_path / "elsewhere")
    said = cli("build", "artifacts", "web#1", "-d", out, "--name", "shop.tar", at=polled)
    assert said.code == 1
    assert not (tmp_path / "elsewhere").exists()


def test_a_download_that_breaks_off_leaves_nothing(cli, toy, polled, tmp_path):
    toy.errors["piece"] = [Unreachable("the line is dead", where="toy")]
    said = cli("build", "artifacts", "web#1", "-d", tmp_path / "out", at=polled)
    assert said.code == 1
    assert "failed artifact shop.tar: the line is dead" in said.err
    assert set(files(tmp_path / "out")) == {"__/__/up.txt", "etc/x y", "dist/a.txt"}


def test_what_is_larger_than_allowed_is_not_kept(cli, polled, tmp_path):
    said = cli("build", "artifacts", "web#1", "-d", tmp_path / "out", "--largest", "100", "--json", at=polled)
    assert said.code == 1
    (large,) = [one for one in said.json if not one["ok"]]
    assert large["error"] == "artifact shop.tar: is larger than 100 bytes"
    assert "shop.tar" not in files(tmp_path / "out")


def test_a_folder_that_can_not_be_made(cli, polled, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    said = cli("build", "artifacts", "web#1", "-d", tmp_path / "file/below", "--name", "shop.tar", at=polled)
    assert said.code == 1
    assert "can't be written" in said.err


def test_digests_are_computed_once_and_recorded(cli, toy, polled):
    rows = cli("build", "artifacts", "web#1", "--json", at=polled).json
    assert {one["digest"] for one in rows} == {None}
    said = cli("build", "artifacts", "web#1", "--digest", "--name", "shop.tar", at=polled)
    assert said.out == f"shop.tar  256 bytes  {digest(CONTENT)}\n"
    rows = cli("build", "artifacts", "web#1", "--json", at=polled).json
    assert {one["name"]: one["digest"] for one in rows}["shop.tar"] == digest(CONTENT)
    assert cli("ledger", "verify", at=polled).code == 0
    toy.asked.clear()
    again = cli("build", "artifacts", "web#1", "--digest", "--name", "shop.tar", at=polled)
    assert (again.code, again.out) == (0, "Nothing to read.\n")
    assert toy.asked == []
    cli("poll", at=polled)
    rows = cli("build", "artifacts", "web#1", "--json", at=polled).json
    assert {one["name"]: one["size"] for one in rows}["shop.tar"] == len(CONTENT)


def test_what_is_not_what_it_was_is_refused(cli, toy, made, polled, tmp_path):
    assert cli("build", "artifacts", "web#1", "--digest", at=polled).code == 0
    made.artifacts["shop.tar"] = b"something else"
    said = cli("build", "artifacts", "web#1", "-d", tmp_path / "out", at=polled)
    assert said.code == 1
    assert f"but the ledger says {digest(CONTENT)}" in said.err
    assert "shop.tar" not in files(tmp_path / "out")


def test_artifacts_that_are_not_there(cli, toy, polled, toybox):
    said = cli("build", "artifacts", "web#1", "--name", "nope", "--digest", at=polled)
    assert said.code == 1
    assert "web#1 has no artifact 'nope'" in said.err
    assert "dist/a.txt" in said.err
    toy.step(toy.world.start("web"))
    cli("poll", at=polled)
    assert cli("build", "artifacts", "web#2", at=polled).out.startswith("The build made no artifacts")


@given(name=st.text(), media_type=st.sampled_from([None, "application/zip", "text/plain; charset=utf-8"]))
def test_a_name_never_leads_elsewhere(name, media_type):
    path = safe_name(Artifact(name=name, media_type=media_type))
    assert not path.is_absolute()
    assert path.parts
    for part in path.parts:
        assert part not in ("", ".", "..")
        assert part.strip(". ")
        assert len(part.encode("utf-8", "replace")) <= 210
        assert not set(part) & {"\x00", "\\", "\n", ":"}


@pytest.mark.parametrize(
    ("name", "media_type", "path"),
    [
        ("logs", "application/zip", "logs.zip"),
        ("logs.tar", "application/zip", "logs.tar"),
        ("a/./b//c", None, "a/b/c"),
        ("...", None, "___"),
        ("C:\\x", None, "C__x"),
        ("", None, "artifact"),
        ("ü" * 300 + ".txt", None, "ü" * 98 + ".txt"),
    ],
)
def test_names(name, media_type, path):
    assert str(safe_name(Artifact(name=name, media_type=media_type))) == path


@pytest.mark.parametrize(
    ("text", "size"), [("7", 7), ("2K", 2048), ("3kb", 3072), ("1GiB", 1 << 30), ("5m", 5 << 20), ("9B", 9)]
)
def test_sizes(text, size):
    assert Size().convert(text, None, None) == size


# tests -----------------------------------------------------------------------------------------------------

REPORT = TestReport(
    cases=(
        TestCase(name="adds", suite="sums", result=Result.SUCCESS),
        TestCase(name="divides", suite="sums", result=Result.FAILURE, message="expected 1\ngot \x1b[2J2"),
    )
)


def test_test_cases(cli, toy, made, toybox):
    toy.reports[str(made.id)] = REPORT
    assert cli("poll", at=toybox).code == 0
    said = cli("build", "tests", "web#1", at=toybox)
    assert said.code == 0
    assert said.out.splitlines() == [
        "1 passed, 1 failed",
        "  failure  sums / divides",
        "      expected 1",
        "      got \\x1b[2J2",
    ]
    told = cli("build", "tests", "web#1", "--all", "--json", at=toybox).json
    assert told["counts"] == {"passed": 1, "failed": 1, "errors": 0, "skipped": 0}
    assert [one["name"] for one in told["cases"]] == ["adds", "divides"]


def test_no_test_cases(cli, toy, polled):
    assert cli("build", "tests", "web#1", at=polled).out == "No tests of web#1 were reported.\n"
    toy.lacking = {Capability.TESTS: "toys have no tests"}
    assert cli("build", "tests", "web#1", at=polled).code == 0
    toy.lacking = {}
    toy.errors["tests"] = [Unreachable("no answer", where="toy")]
    assert cli("build", "tests", "web#1", at=polled).code == 1
