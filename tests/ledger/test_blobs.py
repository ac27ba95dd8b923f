"""Blobs: named by content, whole or not there."""

import hashlib

import pytest

from pipemgr.errors import LedgerError, NoSuchObject
from pipemgr.ledger.blobs import Blobs


def test_a_blob_comes_back_by_its_digest(tmp_path):
    blobs = Blobs(tmp_path / "blobs")
    digest, size = blobs.put([b"one ", b"two"])
    assert (digest, size) == (f"sha256:{hashlib.sha256(b'one two').hexdigest()}", 7)
    with blobs.open(digest) as file:
        assert file.read() == b"one two"


def test_the_same_content_is_kept_once(tmp_path):
    blobs = Blobs(tmp_path)
    assert blobs.put([b"x"]) == blobs.put([b"x"])
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 1


def test_a_blob_that_was_never_finished_leaves_nothing(tmp_path):
    def broken():
        yield b"begin"
        raise RuntimeError("the vendor hung up")

    with pytest.raises(RuntimeError):
        Blobs(tmp_path).put(broken())
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    "digest", ["sha256:" + "0" * 64, "sha256:../../etc/passwd", "md5:00", "", "sha256:zz"]
)
def test_what_is_not_there_or_no_digest_is_refused(tmp_path, digest):
    with pytest.raises(NoSuchObject):
        Blobs(tmp_path).open(digest)


def test_a_place_that_can_not_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(LedgerError, match="can't be stored") as caught:
        Blobs(tmp_path / "file").put([b"x"])
    assert str(tmp_path) in str(caught.value)
