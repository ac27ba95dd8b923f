"""Folders, external jobs and what is like them: nothing in them is executed, so they are kept as they are."""

from __future__ import annotations

from typing import Final

from pipemgr.adapter import Fidelity
from pipemgr.model.definitions import Pipeline

from .freestyle_reader import FreestyleReader
from .triggers import TriggerReader

MULTIBRANCH: Final = "multibranch"
KEPT: Final = ("external", "folder", "organization")


class KeptReader(FreestyleReader):
    """Reads one item that has no work of its own."""

    works = False

    def read(self, name: str) -> Pipeline:
        """A pipeline without stages: all is kept for Jenkins."""
        asked = self.properties()
        reader = TriggerReader(self.words, self.tree, self.hints, self.kept)
        triggers = reader.read(self.children("triggers"))[:-1]
        return self.pipeline(name, (), triggers, asked).model_copy(update={"concurrency": None})


__all__ = ["KEPT", "MULTIBRANCH", "Fidelity", "KeptReader"]
