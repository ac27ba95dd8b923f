"""The adapter: a language without a server; the adapter of the server publishes what it writes."""

from __future__ import annotations

from typing import ClassVar

from pipemgr.adapter import Adapter, AdapterSettings, Dialects, Reader, Tables, Writer

from .reader import JobReader
from .words import VENDOR
from .writer import JobWriter


class JenkinsJobSettings(AdapterSettings):
    """A connection of it needs nothing."""


class JenkinsJobAdapter(Adapter):
    """Reads and writes `config.xml` of jobs; scripts in them are left to the language of Jenkinsfiles."""

    name: ClassVar[str] = VENDOR
    Settings = JenkinsJobSettings

    @classmethod
    def language(cls, dialects: Dialects, tables: Tables) -> tuple[Reader, Writer]:
        """The reader and the writer; scripts are read and written by the language `jenkins`, looked up when needed."""
        return JobReader(tables, dialects), JobWriter(tables, dialects)
