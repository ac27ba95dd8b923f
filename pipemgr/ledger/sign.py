"""Signing: checkpoints under an Ed25519 key, so that nobody without it can make others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipemgr.errors import ConfigurationError
from pipemgr.model.identity import canonical
from pipemgr.model.ledger import Checkpoint

_REMEDY = "make one with `openssl genpkey -algorithm ed25519 -out key.pem`"
_REMEDY_PUBLIC = "write it with `openssl pkey -in key.pem -pubout -out public.pem`"


def signed(checkpoint: Checkpoint, private_key: Path) -> Checkpoint:
    """The checkpoint with its signature by the Ed25519 key in a PEM file.

    Raises `ConfigurationError` when the file holds no such key, or the extra `sign` is not installed.
    """
    signer = _signer(private_key)
    named = checkpoint.model_copy(update={"key": signer.public_key.keyid, "signature": None})
    return named.model_copy(update={"signature": signer.sign(canonical(named)).signature})


def genuine(checkpoint: Checkpoint, public_key: Path) -> bool:
    """Whether the holder of the key, whose public half is in the PEM file, signed this checkpoint.

    Raises `ConfigurationError` as `signed` does.
    """
    key = _public(public_key)
    from securesystemslib.exceptions import Error

    signature = _library().Signature(checkpoint.key or "", checkpoint.signature or "")
    try:
        key.verify_signature(signature, canonical(checkpoint.model_copy(update={"signature": None})))
    except Error:
        return False
    return True


def _library() -> Any:
    try:
        import cryptography  # noqa: F401 - securesystemslib itself would only complain later
        from securesystemslib import signer
    except ImportError:
        raise ConfigurationError(
            "signed checkpoints need a library that is not installed", remedy="pip install 'pipemgr[sign]'"
        ) from None
    return signer


def _signer(path: Path) -> Any:
    library = _library()
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
        public = library.SSlibKey.from_crypto(key.public_key())
    except OSError as error:
        raise ConfigurationError(f"the key can't be read: {error.strerror}", where=str(path)) from None
    except (ValueError, TypeError):
        raise _unfit(path) from None
    if public.keytype != library.KEY_TYPE_ED25519:
        raise _unfit(path)
    return library.CryptoSigner(key, public)


def _unfit(path: Path) -> ConfigurationError:
    message = "no private Ed25519 key in PEM without a password"
    return ConfigurationError(message, where=str(path), remedy=_REMEDY)


def _public(path: Path) -> Any:
    library = _library()
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        return library.SSlibKey.from_crypto(load_pem_public_key(path.read_bytes()))
    except OSError as error:
        raise ConfigurationError(f"the key can't be read: {error.strerror}", where=str(path)) from None
    except ValueError:
        raise ConfigurationError("no public key in PEM", where=str(path), remedy=_REMEDY_PUBLIC) from None
