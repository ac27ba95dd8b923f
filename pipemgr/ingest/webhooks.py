"""Webhooks: what a vendor sends is a hint where to look. It is verified, told apart, kept, and never recorded itself."""

from __future__ import annotations

import hashlib
from enum import StrEnum

from pipemgr.adapter.base import Adapter, Webhook
from pipemgr.ledger import Ledger
from pipemgr.ledger.pending import Source, can_be_kept
from pipemgr.model.base import Value

LONGEST_ID = 200
"""Characters of a delivery's id that are kept; of a longer one, its digest."""


class Reception(StrEnum):
    """What became of a webhook."""

    TAKEN = "taken"
    """The connection is polled now."""
    DUPLICATE = "duplicate"
    """The same delivery came before."""
    IGNORED = "ignored"
    """It is about nothing that is polled."""


class Received(Value):
    """What a webhook was, and what became of it."""

    status: Reception
    delivery: str
    event: str
    builds: int = 0
    """How many attempts it named that are looked at now."""


def receive(connection: str, adapter: Adapter, ledger: Ledger, webhook: Webhook) -> Received:
    """Take a webhook: the attempts that it names are looked at, and its connection is polled, at once.

    The id of the delivery is kept with them in one transaction, so that none is lost and none is taken twice. What
    fails because a connection is lost or parked stays so: a hint shortens no pause.

    Raises `AuthenticationFailed` unless the signature is right, `UnsupportedCapability` when the adapter takes no
    webhooks, `NoSuchObject` for a connection that was never registered.
    """
    hints = adapter.receive(webhook)
    delivery = _delivery(hints.delivery, webhook)
    refs = [ref for ref in hints.builds if can_be_kept(ref)]
    wanted = bool(refs) or hints.relevant
    with ledger.store.transaction(connection) as transaction:
        if not transaction.receive(connection, delivery, hints.event):
            return Received(status=Reception.DUPLICATE, delivery=delivery, event=hints.event)
        builds = transaction.pend(connection, refs, Source.HINT)
        if wanted:
            transaction.hint(connection)
    status = Reception.TAKEN if wanted else Reception.IGNORED
    return Received(status=status, delivery=delivery, event=hints.event, builds=builds)


def _delivery(said: str, webhook: Webhook) -> str:
    """An id of a delivery as it can be kept. One without is told by its body: twice the same is the same."""
    text = said.strip()
    if not text:
        return f"body:{hashlib.sha256(webhook.body).hexdigest()}"
    if len(text) <= LONGEST_ID and text.isascii() and text.isprintable():
        return text
    return f"id:{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}"
