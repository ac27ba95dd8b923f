"""The adapter: which reader and writer GitHub Actions has."""

from __future__ import annotations

from typing import ClassVar

from pipemgr.adapter import Adapter, Tables

from .reader import GitHubActionsReader
from .words import VENDOR
from .writer import GitHubActionsWriter


class GitHubActionsAdapter(Adapter):
    """GitHub Actions. For now its documents only: `adapter.yaml` says what is not there yet."""

    name: ClassVar[str] = VENDOR

    @classmethod
    def reader(cls, tables: Tables) -> GitHubActionsReader:
        """Reads workflow files."""
        return GitHubActionsReader(tables)

    @classmethod
    def writer(cls, tables: Tables) -> GitHubActionsWriter:
        """Writes workflow files."""
        return GitHubActionsWriter(tables)
