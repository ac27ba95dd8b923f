"""Signing: without the library or a good key it says what to do."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from pipemgr.errors import ConfigurationError
from pipemgr.ledger.sign import genuine, signed
from pipemgr.model.ledger import Checkpoint

CHECKPOINT = Checkpoint(size=3, root="00" * 32, time=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def pems(tmp_path):
    """Keys made the way the remedy says."""
    private, public = tmp_path / "key.pem", tmp_path / "public.pem"
    for arguments in (
        ["genpkey", "-algorithm", "ed25519", "-out", private],
        ["pkey", "-in", private, "-pubout", "-out", public],
    ):
        try:
            subprocess.run(["openssl", *arguments], check=True, capture_output=True)
        except FileNotFoundError:
            pytest.skip("there is no openssl here")
    return private, public


def test_a_signature_holds_for_what_was_signed_only(pems):
    private, public = pems
    done = signed(CHECKPOINT, private)
    assert done.model_copy(update={"key": None, "signature": None}) == CHECKPOINT
    assert genuine(done, public)
    for field, value in (
        ("size", 4),
        ("root", "01" * 32),
        ("key", "other"),
        ("signature", "00"),
        ("signature", "zz"),
    ):
        assert not genuine(done.model_copy(update={field: value}), public)
    assert not genuine(CHECKPOINT, public)


def test_a_public_key_signs_nothing(pems):
    with pytest.raises(ConfigurationError, match="no private Ed25519 key") as caught:
        signed(CHECKPOINT, pems[1])
    assert "openssl" in caught.value.remedy


def test_another_kind_of_key_is_refused(tmp_path):
    key = tmp_path / "rsa.pem"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    with pytest.raises(ConfigurationError, match="no private Ed25519 key"):
        signed(CHECKPOINT, key)


def test_a_key_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="can't be read") as caught:
        signed(CHECKPOINT, tmp_path / "no.pem")
    assert "no.pem" in str(caught.value)


def test_a_missing_library_names_the_extra(monkeypatch, pems):
    monkeypatch.setitem(sys.modules, "securesystemslib", None)
    with pytest.raises(ConfigurationError) as caught:
        signed(CHECKPOINT, pems[0])
    assert caught.value.remedy == "pip install 'pipemgr[sign]'"
