"""Losses: what the writer could not say exactly, by the path of the model."""

from __future__ import annotations

from collections.abc import Callable

from .report import Fidelity, Finding


class Losses:
    """Collects the findings of one document."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def add(  # noqa: PLR0913 - one for each part of a finding
        self, fidelity: Fidelity, path: str, what: str, why: str, remedy: str = "", *, kind: str = ""
    ) -> None:
        """Something at a model path is kept only that well; `kind` is what a person must provide, such as a secret."""
        self.findings.append(
            Finding(fidelity=fidelity, path=path, source="", what=what, why=why, remedy=remedy, kind=kind)
        )

    def at(self, path: str) -> Callable[[Fidelity, str, str], None]:
        """Collect what a translation tells of one path."""
        return lambda fidelity, what, why: self.add(fidelity, path, what, why)
