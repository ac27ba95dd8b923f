"""The adapter: each verb in a few lines, on top of the client and the builds."""

from __future__ import annotations

from typing import ClassVar, Final

from pipemgr.adapter import Adapter

from .settings import CircleCISettings

VENDOR: Final = "circleci"


class CircleCIAdapter(Adapter):
    """Observes and controls the builds of CircleCI."""

    name: ClassVar[str] = VENDOR
    Settings = CircleCISettings
    settings: CircleCISettings
