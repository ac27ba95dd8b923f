"""The adapter: each verb in a few lines, on top of the client and the builds."""

from __future__ import annotations

from typing import ClassVar, Final

from pipemgr.adapter import Adapter

from .settings import GitOpsSettings

VENDOR: Final = "gitops"


class GitOpsAdapter(Adapter):
    """Observes and controls the builds of GitOps."""

    name: ClassVar[str] = VENDOR
    Settings = GitOpsSettings
    settings: GitOpsSettings
