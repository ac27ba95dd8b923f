"""Maven projects, both ways: their goals are one step between those before and after."""

from __future__ import annotations

from typing import Final

from pipemgr.model.definitions import HINTS, Data, Step

from .elements import Element
from .words import VENDOR, hints, literal

JOB: Final = "maven"
_POM: Final = "pom.xml"
_MARK: Final = "maven"
_START: Final = "mvn"


def script(goals: str, pom: str) -> str:
    """What the goals are on a command line."""
    file = f"-f {pom} " if pom and pom != _POM else ""
    return f"{_START} {file}{goals}".rstrip()


def read(goals: Element | None, pom: Element | None) -> Step:
    """The step that executes the goals of a project."""
    said: Data = {one.tag: one.text or "" for one in (goals, pom) if one is not None}
    text = script(str(said.get("goals", "")), str(said.get("rootPOM", "")))
    return Step(action="run", inputs={"script": literal(text)}, vendor={VENDOR: {HINTS: {_MARK: said}}})


def is_goals(step: Step) -> bool:
    """Whether a step executes the goals of a project."""
    text = str(step.inputs.get("script", ""))
    return step.action == "run" and _MARK in hints(step.vendor) and text.split(None, 1)[:1] == [_START]


def written(step: Step) -> dict[str, Element]:
    """The fields that say the goals."""
    said = hints(step.vendor).get(_MARK)
    before = {name: str(text) for name, text in said.items()} if isinstance(said, dict) else {}
    text = str(step.inputs["script"])
    if text != literal(script(before.get("goals", ""), before.get("rootPOM", ""))):
        before = {"goals": text.partition(" ")[2]}
    return {name: Element(name, text=one) for name, one in before.items()}
