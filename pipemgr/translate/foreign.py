"""What only another vendor understands, taken out or put into neutral steps before a writer sees it."""

from __future__ import annotations

from collections.abc import KeysView, Mapping
from typing import Any, Final

from pipemgr.model.definitions import HINTS, Data, Definition, Pipeline, Stage, Step, Trigger
from pipemgr.model.expressions import Expression, ExpressionError, Opaque
from pipemgr.model.templates import template

from .base import Dialect
from .expanding import expanded, first_word
from .origins import Origins
from .report import Fidelity, Finding
from .tree import parts, rebuild
from .vanished import without_vanished

LONGEST_WORD: Final = 60
"""Longer values are not shown in a finding."""
REPOSITORY: Final = "repository"
"""What a vendor calls the repository that a pipeline is about, where definitions stand outside of repositories."""


_UNKNOWN: Final = (
    "no table says what it does, so only {vendor} can execute it",
    "say it in neutral steps by a row of your own tables, or write it by hand in the target's own way",
)
"""Why a step goes, and what to do about it."""
_KEPT: Final = (
    "{vendor} alone has it: there is no neutral word for it",
    "do without it, or write what it does in the target's own way",
)
"""Why a setting goes."""


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
    if not any(_says_foreign(value, mine) for _, value in parts(opened)):
        return opened, findings, origins
    told = tuple(origins.placed(one) for one in _gone(opened, mine))
    left = origins.without(opened, lambda step: _is_foreign(step, mine))
    own = rebuild(opened, lambda value: _own(value, mine))
    return without_vanished(opened, own), (*findings, *told), left


def opaque_vendor(value: Definition) -> str | None:
    """Which vendor an opaque step or trigger belongs to; None for all else."""
    match value:
        case Step(action="opaque", inputs=kept) | Trigger(event="opaque", options=kept):
            return str(kept.get("vendor", ""))
        case Trigger(cron=str(text)) if "${{" in text:
            return _in_template(text)
    return None


def _in_template(text: str) -> str | None:
    """Whose words a time is computed by."""
    try:
        parts = template(text)
    except ExpressionError:
        return None
    nodes = (node for part in parts if isinstance(part, Expression) for node in part.walk())
    return next((node.vendor for node in nodes if isinstance(node, Opaque)), None)


def _is_foreign(value: Definition, mine: set[str]) -> bool:
    vendor = opaque_vendor(value)
    return vendor is not None and vendor not in mine


def _says_foreign(value: Definition, mine: set[str]) -> bool:
    """Whether a definition is, or has anything, that only other vendors understand."""
    return _is_foreign(value, mine) or bool(_vendors(value) - mine)


def _vendors(value: Definition) -> KeysView[str]:
    """The vendors for whom a definition keeps something."""
    kept: Data = vars(value).get("vendor", {})
    return kept.keys()


def _own(value: Any, mine: set[str]) -> Definition | None:
    if _is_foreign(value, mine):
        return None
    if _vendors(value) - mine:
        return value.model_copy(update={"vendor": {k: v for k, v in value.vendor.items() if k in mine}})  # type: ignore[no-any-return]
    return value  # type: ignore[no-any-return]


def _gone(pipeline: Pipeline, mine: set[str]) -> list[Finding]:
    """A finding for each thing that is not opened and has to go."""
    findings = []
    for path, value in parts(pipeline):
        if _is_foreign(value, mine):
            findings.append(_taken_out(path, value))
        for other in _vendors(value) - mine:
            kept = {key: one for key, one in value.vendor[other].items() if key != HINTS}  # type: ignore[attr-defined]
            where = f"{path}.vendor.{other}".lstrip(".")
            if isinstance(value, Pipeline) and (named := kept.pop(REPOSITORY, None)) is not None:
                findings.append(_elsewhere(f"{where}.{REPOSITORY}", str(named)))
            if kept and _does_nothing(value):
                findings.append(_without_work(_finding(where, other, _shown(kept), *_KEPT)))
            else:
                findings += [
                    _finding(f"{where}.{key}", other, _shown({key: kept[key]}), *_KEPT)
                    for key in sorted(kept)
                ]
    return findings


def _taken_out(path: str, value: Definition) -> Finding:
    """The finding for a step or a trigger of another vendor, in its reader's own words where it has any."""
    kept: Data = value.inputs if isinstance(value, Step) else {}
    why, remedy = kept.get("note"), kept.get("remedy")
    vendor = opaque_vendor(value) or ""
    if not isinstance(why, str) or not isinstance(remedy, str):
        return _finding(path, vendor, _what(value), *_UNKNOWN)
    found = _finding(path, vendor, _what(value), "{vendor}", remedy)
    return found.model_copy(update={"why": why, "fidelity": Fidelity.MANUAL})


def _elsewhere(path: str, repository: str) -> Finding:
    """The finding for the repository that a definition names, where definitions stand in the repository itself."""
    return Finding(
        fidelity=Fidelity.MANUAL,
        path=path,
        source="",
        what=f"the repository {repository}",
        why="the definition names it, and what is written checks out the repository that it stands in",
        remedy="put the pipeline into that repository, or name it in the step checkout (`repository:` and `ref:`)",
    )


def _shown(kept: Mapping[str, Any]) -> str:
    """The keys of a vendor's own data, with what they say where that is a word or two."""
    return ", ".join(f"{key} {_words(kept[key])}".rstrip() for key in sorted(kept))


def _words(value: Any) -> str:
    """What a value says, where that is a word or two."""
    match value:
        case dict():
            told = [f"{key} {one}" if isinstance(one, str) else "" for key, one in value.items()]
        case list():
            told = [one if isinstance(one, str) else "" for one in value]
        case _:
            told = [value if isinstance(value, str) else ""]
    said = ", ".join(told)
    return said if all(told) and len(said) <= LONGEST_WORD and "\n" not in said else ""


def _does_nothing(value: Definition) -> bool:
    return isinstance(value, Stage) and not value.steps and value.approval is None


def _without_work(finding: Finding) -> Finding:
    """The finding for a stage whose whole work is what another definition says."""
    why = f"{finding.why}, and the stage has no steps besides: it does nothing now"
    remedy = "convert what it calls as well, and put those stages in the place of this one"
    return finding.model_copy(update={"why": why, "remedy": remedy})


def _what(value: Definition) -> str:
    """What to call an opaque step or trigger: its kind, and the vendor's word for what it calls."""
    kind, kept = (
        ("step", value.inputs) if isinstance(value, Step) else ("trigger", getattr(value, "options", {}))
    )
    word = first_word(kept.get("value")) or first_word(getattr(value, "cron", None))
    return f"{kind} {word}" if word else f"a {kind}"


def _finding(path: str, vendor: str, what: str, why: str, remedy: str) -> Finding:
    return Finding(
        fidelity=Fidelity.DROPPED,
        path=path,
        source="",
        what=f"{what} ({vendor} only)",
        why=why.format(vendor=vendor),
        remedy=remedy,
    )
