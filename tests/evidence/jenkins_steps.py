"""Item 14: steps of real Jenkinsfiles: how many are actions, how many say what they do, and how many only Jenkins knows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from pipemgr.errors import DefinitionError
from pipemgr.model.definitions import OPAQUE, Step
from pipemgr.translate.convert import read
from pipemgr.translate.document import single

from .corpus import folder
from .figures import Figure
from .ways import language

ITEM = 14
FOLDERS = (
    "definitions/jenkinsfile",
    "pairs/opensearch-callstack",
    "pairs/pmd-groovy-json",
    "pairs/pmd-groovy-only",
)
OTHER = (".txt", ".json", ".md")
"""Files beside the Jenkinsfiles."""
MAPPED, SAID, BARE = "actions", "with steps for others", "Jenkins only"
SHOWN = 25
_WRAPPED = re.compile(r"^(?:(?:script|dir\s*\(.*?\))\s*\{\s*)+")
_CALL = re.compile(r"(?:def\s+\w+\s*=|[\w.]+)?")


def figures() -> list[Figure]:
    """A row for each kind of step in each kind of file."""
    found = []
    for kind in ("declarative", "scripted"):
        counts = Counter(what for one, what, _ in _steps() if one == kind)
        calls = Counter(word for one, what, word in _steps() if (one, what) == (kind, BARE))
        short = tuple(f"{count} x {word}" for word, count in calls.most_common(SHOWN))
        for what in (MAPPED, SAID, BARE):
            said = short if what == BARE else ()
            found.append(
                Figure(ITEM, f"steps of {kind} files: {what}", counts[what], of=counts.total(), short=said)
            )
    return found


@cache
def _steps() -> tuple[tuple[str, str, str], ...]:
    """Kind of file, kind of step and the call for each step; files that can't be read have none."""
    return tuple(_all())


def _all() -> Iterator[tuple[str, str, str]]:
    root = folder()
    assert root is not None, "PIPEMGR_CORPUS is not set"
    jenkins = language("jenkins")
    for place in FOLDERS:
        for path in sorted((root / place).iterdir()):
            if path.suffix in OTHER:
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            try:
                pipeline = read(single("Jenkinsfile", text), jenkins).pipeline
            except DefinitionError:
                continue
            kind = "declarative" if re.search(r"(?m)^\s*pipeline\s*\{", text) else "scripted"
            for step in (step for stage in pipeline.stages for step in stage.steps):
                yield kind, _kind(step), _call(step)


def _kind(step: Step) -> str:
    if step.action != OPAQUE:
        return MAPPED
    return SAID if "steps" in step.inputs else BARE


def _call(step: Step) -> str:
    """What a step calls, or the beginning of the Groovy that it is."""
    text = _WRAPPED.sub("", str(step.inputs.get("value", "")))
    match = _CALL.match(text)
    return (match.group() if match else "") or text[:20]
