"""Axes, both ways: a matrix project executes its steps once for each combination of values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pipemgr.model.definitions import Data, Matrix, Runner, Stage

from .elements import Element
from .kept import Grower, in_order, keep, remember, section
from .parameters import parameter_variable
from .rendering import rendered
from .tree import Tree

SECTION: Final = "axes"
TEXT: Final = "hudson.matrix.TextAxis"
LABEL: Final = "hudson.matrix.LabelAxis"
_KNOWN: Final = (TEXT, LABEL, "hudson.matrix.LabelExpAxis", "hudson.matrix.JDKAxis")
"""Axes of lists of values (https://plugins.jenkins.io/matrix-project/)."""
_MACHINES: Final = _KNOWN[1:3]
STRATEGY: Final = "executionStrategy"
_USUAL: Final = "hudson.matrix.DefaultMatrixExecutionStrategyImpl"


def read(elements: Iterable[Element], tree: Tree, stage: str, kept: Data, hints: Data) -> Data:
    """What axes give a stage: its matrix, its machine, and the variables that scripts find them as."""
    found: dict[str, tuple[str, ...]] = {}
    runner: Runner | None = None
    listed = list(elements)
    remember(hints, SECTION, listed)
    for one in listed:
        values = one.child("values")
        texts = [each.text or "" for each in values.children] if values is not None else []
        name = one.find("name") or ("jdk" if one.tag.endswith("JDKAxis") else "")
        tree.take(one, f"stages.{stage}.matrix.axes.{name}")
        if one.tag not in _KNOWN or not name or not texts or name in found:
            keep(kept, f"{SECTION}/{one.tag}", rendered(one))
            continue
        found[name] = tuple(texts)
        if one.tag in _MACHINES:
            runner = Runner(labels=(f"${{{{ matrix['{name}'] }}}}",)) if "'" not in name else None
        if one.tag != TEXT:
            hints[f"{SECTION}/{name}"] = one.tag
    said: Data = {}
    if found:
        matrix = Matrix(axes=dict(found))
        variables = {name: f"${{{{ matrix['{name}'] }}}}" for name in found if "'" not in name}
        said = {"matrix": matrix, "variables": variables}  # type: ignore[dict-item]
    return {**said, **({"runner": runner} if runner is not None else {})}  # type: ignore[dict-item]


def is_sequential(strategy: Element) -> bool:
    """Whether combinations are executed one after the other, and nothing else is said."""
    names = {one.tag for one in strategy.children}
    return (
        strategy.kind == _USUAL
        and names == {"runSequentially"}
        and strategy.find("runSequentially") == "true"
    )


def as_before(stage: Stage, kept: Data, hints: Data, grower: Grower) -> list[Element]:
    """The axes of a stage, and those that only Jenkins knows."""
    return in_order(_as_before(stage, kept, hints, grower), hints.get(SECTION))


def _as_before(stage: Stage, kept: Data, hints: Data, grower: Grower) -> Iterator[Element]:
    axes = stage.matrix.axes if stage.matrix is not None else {}
    for name, values in axes.items():
        tag = str(hints.get(f"{SECTION}/{name}", TEXT))
        texts = [Element("string", text=_text(value)) for value in values]
        yield Element(tag, children=[Element("name", text=name), Element("values", children=texts)])
    for path, text in section(kept, SECTION):
        if (element := grower.element(text, path)) is not None:
            yield element


def strategy(stage: Stage) -> Element:
    """How combinations are executed: one after the other where only one may be."""
    alone = "true" if stage.max_parallel == 1 else "false"
    return Element(STRATEGY, {"class": _USUAL}, children=[Element("runSequentially", text=alone)])


def own_variables(stage: Stage) -> dict[str, str]:
    """The variables of a stage without those that Jenkins gives by itself: parameters and axes."""
    axes = stage.matrix.axes if stage.matrix is not None else {}
    said = {name: (f"${{{{ matrix['{name}'] }}}}", f"${{{{ matrix.{name} }}}}") for name in axes}
    return {
        name: text
        for name, text in stage.variables.items()
        if text not in said.get(name, ()) and text != parameter_variable(name)
    }


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
