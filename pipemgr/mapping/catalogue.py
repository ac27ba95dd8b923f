"""The catalogue: the neutral names that all vendors are mapped to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .loader import load, shipped
from .rows import (
    Action,
    ActionsFile,
    Input,
    RunnerKind,
    RunnerKindsFile,
    TriggerKind,
    TriggerKindsFile,
    WordsFile,
)

FOLDER = "catalogue"


@dataclass(frozen=True)
class Catalogue:
    """Every neutral action, trigger, runner, context and function, by name."""

    actions: Mapping[str, Action]
    triggers: Mapping[str, TriggerKind]
    runners: Mapping[str, RunnerKind]
    contexts: Mapping[str, str]
    """Descriptions by name."""
    functions: Mapping[str, str]

    def inputs(self) -> dict[str, dict[str, Input]]:
        """The inputs of each action."""
        return {name: dict(action.inputs) for name, action in self.actions.items()}

    def shorts(self) -> dict[str, str]:
        """The input that a bare value sets, for the actions that have one."""
        return {name: action.short for name, action in self.actions.items() if action.short}


@cache
def catalogue(overlay: Path | None = None) -> Catalogue:
    """The catalogue that comes with pipemgr, and a team's own actions in `overlay`/catalogue/actions.yaml.

    Raises `MappingError` where a table is not what its schema says.
    """
    folder = shipped(FOLDER)
    actions = load(folder / "actions.yaml", ActionsFile).rows
    if overlay is not None and (own := overlay / FOLDER / "actions.yaml").is_file():
        actions = (*actions, *load(own, ActionsFile).rows)
    words = load(folder / "expressions.yaml", WordsFile)
    return Catalogue(
        actions={row.name: row for row in actions},
        triggers={row.name: row for row in load(folder / "triggers.yaml", TriggerKindsFile).rows},
        runners={row.name: row for row in load(folder / "runners.yaml", RunnerKindsFile).rows},
        contexts={row.name: row.description for row in words.contexts},
        functions={row.name: row.description for row in words.functions},
    )
