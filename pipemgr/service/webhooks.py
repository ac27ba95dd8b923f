"""Webhooks that were brought here by somebody else: a proxy, a queue, a test."""

from __future__ import annotations

from collections.abc import Mapping

from pipemgr.adapter.base import Webhook
from pipemgr.adapter.capabilities import Capability
from pipemgr.errors import PipemgrError
from pipemgr.ingest.webhooks import Received
from pipemgr.ingest.webhooks import receive as take

from .asking import require
from .runtime import Runtime

LARGEST = 32 << 20
"""Bytes of a body that are taken: more than the largest cap that a vendor documents, which is 25 MB."""


def receive(runtime: Runtime, connection: str, headers: Mapping[str, str], body: bytes) -> Received:
    """Take a webhook for a connection: verified by its adapter, once, and only as a hint where to look.

    Raises `AuthenticationFailed` unless its signature is right, `UnsupportedCapability` when the adapter takes none,
    and `PipemgrError` when it is larger than any vendor sends.
    """
    (name,) = runtime.connections(connection)
    require(runtime, name, Capability.WEBHOOKS)
    if len(body) > LARGEST:
        raise PipemgrError(
            f"the body has more than {LARGEST:,} bytes, which no vendor sends",
            where=name,
            remedy="send the body as it came, and nothing else",
        )
    lower = {header.lower(): value for header, value in headers.items()}
    return take(name, runtime.adapter(name), runtime.ledger, Webhook(lower, body))
