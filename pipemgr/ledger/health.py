"""Health: whether a connection can be polled, and when that is worth telling somebody."""

from __future__ import annotations

from enum import StrEnum

LOST_AFTER = 3
"""Failures in a row after which a connection counts as lost.

One failure is a restart or a lost packet, and nobody's business. With the pauses between the tries, three in a row
take a minute and a half when a vendor refuses at once, and some minutes when it does not answer at all.
"""
PARKED_AFTER = 3
"""Refusals of the credential in a row after which nothing more is asked.

A server that just started refuses good credentials for a moment; one that was given a bad one too often locks the
account.
"""


class Health(StrEnum):
    """How a connection is. Every way from `ok` to something else, and back, is told by one event."""

    OK = "ok"
    LOST = "lost"
    """It does not answer, or not as it should; it is tried again by itself."""
    PARKED = "parked"
    """Its credential was refused: nothing is asked until somebody says so."""
    HELD = "held"
    """More was new at once than is taken without asking: somebody decides."""
    ACCEPTED = "accepted"
    """It was held, and the next poll takes everything."""
    SKIPPING = "skipping"
    """It was held, and the next poll takes the cursor only."""


STOPPED = (Health.PARKED, Health.HELD)
"""Nobody polls these until somebody says so."""


def after_failure(before: Health, failures: int, refusals: int) -> Health:
    """The health after so many failures in a row, of which so many were refusals of the credential.

    What somebody decided about a flood stays decided while the vendor is away.
    """
    if refusals >= PARKED_AFTER:
        return Health.PARKED
    if failures >= LOST_AFTER and before is Health.OK:
        return Health.LOST
    return before
