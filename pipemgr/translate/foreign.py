"""What only another vendor understands, taken out or put into neutral steps before a writer sees it."""

from __future__ import annotations

from typing import Any

from pipemgr.model.definitions import HINTS, Definition, Pipeline, Step, Trigger

from .base import Dialect
from .expanding import expanded, first_word
from .origins import Origins
from .report import Fidelity, Finding
from .tree import rebuild, walk


def without_foreign(
    pipeline: Pipeline, dialect: Dialect, *, rows: bool = True
) -> tuple[Pipeline, tuple[Finding, ...], Origins]:
    """The pipeline without what only vendors that `dialect` is not know, and a finding for each such thing.

    A step that says what it does is replaced by those steps, another one is taken out; `Origins` leads from what is
    left to where it stood. With `rows`, actions that the target only has steps for in its tables become these.
    Opaque expressions stay where they are, for only the writer knows what to put in their
    place.
    """
    if dialect.foreign:
        return pipeline, (), Origins()
    mine = {dialect.name, *dialect.understands}
    opened, findings, origins = expanded(
        pipeline, lambda step: _is_foreign(step, mine), dialect.tables if rows else None
    )
    told = tuple(origins.placed(one) for one in _gone(opened, mine))
    left = origins.without(opened, lambda step: _is_foreign(step, mine))
    return rebuild(opened, lambda value: _own(value, mine)), (*findings, *told), left


def opaque_vendor(value: Definition) -> str | None:
    """Which vendor an opaque step or trigger belongs to; None for all else."""
    match value:
        case Step(action="opaque", inputs=kept) | Trigger(event="opaque", options=kept):
            return str(kept.get("vendor", ""))
    return None


def _is_foreign(value: Definition, mine: set[str]) -> bool:
    vendor = opaque_vendor(value)
    return vendor is not None and vendor not in mine


def _own(value: Any, mine: set[str]) -> Definition | None:
    if _is_foreign(value, mine):
        return None
    if getattr(value, "vendor", {}).keys() - mine:
        return value.model_copy(update={"vendor": {k: v for k, v in value.vendor.items() if k in mine}})  # type: ignore[no-any-return]
    return value  # type: ignore[no-any-return]


def _gone(pipeline: Pipeline, mine: set[str]) -> list[Finding]:
    """A finding for each thing that is not opened and has to go."""
    findings = []
    for path, value in walk(pipeline):
        if _is_foreign(value, mine):
            findings.append(_finding(path, opaque_vendor(value) or "", _what(value)))
        for other in getattr(value, "vendor", {}).keys() - mine:
            keys = ", ".join(sorted(value.vendor[other].keys() - {HINTS}))  # type: ignore[attr-defined]
            if keys:
                findings.append(_finding(f"{path}.vendor.{other}".lstrip("."), other, keys))
    return findings


def _what(value: Definition) -> str:
    """What to call an opaque step or trigger: its kind, and the vendor's word for what it calls."""
    kind, kept = (
        ("step", value.inputs) if isinstance(value, Step) else ("trigger", getattr(value, "options", {}))
    )
    word = first_word(kept.get("value"))
    return f"{kind} {word}" if word else f"a {kind}"


def _finding(path: str, vendor: str, what: str) -> Finding:
    return Finding(
        fidelity=Fidelity.DROPPED,
        path=path,
        source="",
        what=f"{what} ({vendor} only)",
        why=f"only {vendor} understands it",
        remedy="write what it does in the target's own way",
    )
