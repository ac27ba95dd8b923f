"""What only another vendor understands, taken out before a writer sees it."""

from __future__ import annotations

from typing import Any

from pipemgr.model.definitions import HINTS, Definition, Pipeline, Step, Trigger

from .base import Dialect
from .report import Fidelity, Finding
from .tree import rebuild, walk


def without_foreign(pipeline: Pipeline, dialect: Dialect) -> tuple[Pipeline, tuple[Finding, ...]]:
    """The pipeline without what only vendors that `dialect` is not know, and a finding for each thing taken out.

    Opaque expressions stay where they are, for only the writer knows what to put in their place.
    """
    if dialect.foreign:
        return pipeline, ()
    mine = {dialect.name, *dialect.understands}
    findings: list[Finding] = []
    for path, value in walk(pipeline):
        vendor = opaque_vendor(value)
        if vendor is not None and vendor not in mine:
            findings.append(_finding(path, vendor, "a step" if isinstance(value, Step) else "a trigger"))
        for other in getattr(value, "vendor", {}).keys() - mine:
            keys = ", ".join(sorted(value.vendor[other].keys() - {HINTS}))  # type: ignore[attr-defined]
            if not keys:
                continue
            findings.append(_finding(f"{path}.vendor.{other}" if path else f"vendor.{other}", other, keys))
    return rebuild(pipeline, lambda value: _own(value, mine)), tuple(findings)


def opaque_vendor(value: Definition) -> str | None:
    """Which vendor an opaque step or trigger belongs to; None for all else."""
    match value:
        case Step(action="opaque", inputs=kept) | Trigger(event="opaque", options=kept):
            return str(kept.get("vendor", ""))
    return None


def _own(value: Any, mine: set[str]) -> Definition | None:
    vendor = opaque_vendor(value)
    if vendor is not None and vendor not in mine:
        return None
    if getattr(value, "vendor", {}).keys() - mine:
        return value.model_copy(update={"vendor": {k: v for k, v in value.vendor.items() if k in mine}})  # type: ignore[no-any-return]
    return value  # type: ignore[no-any-return]


def _finding(path: str, vendor: str, what: str) -> Finding:
    return Finding(
        fidelity=Fidelity.DROPPED,
        path=path,
        source="",
        what=f"{what} ({vendor} only)",
        why=f"only {vendor} understands it",
        remedy="write what it does in the target's own way",
    )
