"""How far something is supported: the four answers that adapters give."""

from __future__ import annotations

from enum import StrEnum

from .base import Value


class Support(StrEnum):
    """An adapter's answer to one capability or one language feature."""

    FULL = "full"
    """Done, all of it."""
    PARTIAL = "partial"
    """Done, but for what the note says."""
    NOT_IMPLEMENTED = "not_implemented"
    """The vendor can, this adapter can't yet."""
    UNSUPPORTED = "unsupported"
    """The vendor can't."""


class Answer(Value):
    """A support level and, for all but full, the note that explains it."""

    support: Support
    note: str = ""

    def __bool__(self) -> bool:
        """Whether it can be used at all."""
        return self.support in (Support.FULL, Support.PARTIAL)
