"""Settings of a GitOps connection."""

from __future__ import annotations

from pipemgr.adapter import AdapterSettings


class GitOpsSettings(AdapterSettings):
    """Where GitOps is, and as whom to speak to it."""
