"""The adapter: each verb in a few lines, on top of the client and the builds."""

from __future__ import annotations

from typing import ClassVar, Final

from pipemgr.adapter import Adapter

from .settings import JenkinsSettings

VENDOR: Final = "jenkins"


class JenkinsAdapter(Adapter):
    """Observes and controls the builds of Jenkins."""

    name: ClassVar[str] = VENDOR
    Settings = JenkinsSettings
    settings: JenkinsSettings
