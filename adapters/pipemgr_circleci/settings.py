"""Settings of a CircleCI connection."""

from __future__ import annotations

from pipemgr.adapter import AdapterSettings


class CircleCISettings(AdapterSettings):
    """Where CircleCI is, and as whom to speak to it."""
