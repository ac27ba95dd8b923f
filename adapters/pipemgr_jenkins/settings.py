"""Settings of a Jenkins connection."""

from __future__ import annotations

from pipemgr.adapter import AdapterSettings


class JenkinsSettings(AdapterSettings):
    """Where Jenkins is, and as whom to speak to it."""
