"""Handing on: the files of a folder, between stages that share it and can't be one stage."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from pipemgr.model.definitions import Stage, Step

from .conditions import ALWAYS, asked
from .graph import Graph, Group
from .joining import only_checkout, title
from .report import Fidelity, Finding

_SAVE: Final = "workspace.save"
_RESTORE: Final = "workspace.restore"
_NO_FILES: Final = frozenset({"checkout", "stop", "wait"})
_MESSAGES: Final = ("notify.", "pull_request.")
_ECHO: Final = re.compile(r"\s*echo\b[^`<>|;&$]*")


def needs_files(stage: Stage) -> bool:
    """Whether it does anything but tell people something."""
    return not all(_only_tells(step) for step in stage.steps)


def _only_tells(step: Step) -> bool:
    if step.action in _NO_FILES or step.action.startswith(_MESSAGES):
        return True
    script = step.inputs.get("script") if step.action == "run" else None
    lines = script.splitlines() if isinstance(script, str) else [""]
    return step.action == "run" and all(_ECHO.fullmatch(line) for line in lines if line.strip())


class HandingOn:
    """Which groups of stages save the files of their folder, and which fetch them."""

    def __init__(self, groups: list[Group], graph: Graph) -> None:
        self._groups = groups
        self._graph = graph
        self.findings: list[Finding] = []
        self._fetching: dict[str, Group] = {}
        self._saving: dict[str, bool] = {}
        """By the id of a group that saves: whether it does so after a failure too."""
        for group in groups:
            if group.first.workspace is not None and any(map(needs_files, group.members)):
                self._look_back(group)

    def _look_back(self, group: Group) -> None:
        there = [
            one
            for one in self._groups
            if one.first.workspace == group.first.workspace and self._before(one, group)
        ]
        nearest = self._last(there)
        if not nearest:
            return
        source = nearest[0] if len(nearest) == 1 else self._fork(there, nearest)
        if len(nearest) > 1:
            self._lost(group, nearest)
        if source is None:
            return
        self._fetching[group.id] = source
        late = not asked(group.first.when).usual
        self._saving[source.id] = self._saving.get(source.id, False) or late
        self._handed(group, source)

    def _before(self, one: Group, other: Group) -> bool:
        return self._graph.before(one.members[-1].id, other.first.id)

    def _last(self, groups: list[Group]) -> list[Group]:
        """Those that no other one comes after."""
        ends = self._graph.last((one.first.id, one.members[-1].id) for one in groups)
        return [groups[at] for at in ends]

    def _fork(self, there: list[Group], branches: list[Group]) -> Group | None:
        """The last one that all branches come after."""
        common = [one for one in there if all(self._before(one, branch) for branch in branches)]
        last = self._last(common)
        return last[0] if len(last) == 1 else None

    # The steps --------------------------------------------------------------------------------------------

    def handed(self, group: Group, stage: Stage) -> Stage:
        """The stage of a group, with what fetches the files before, and hands them on at the end."""
        steps = stage.steps
        if group.id in self._fetching:
            steps = (Step(action=_RESTORE, inputs={"path": "."}), *steps)
        if group.id in self._saving:
            when = ALWAYS if self._saving[group.id] else None
            steps = (*steps, Step(action=_SAVE, inputs={"path": "."}, when=when))
        return stage if steps is stage.steps else stage.model_copy(update={"steps": steps})

    def touches(self, group: str) -> bool:
        """Whether a group got steps."""
        return group in self._fetching or group in self._saving

    def places(self, group: str, places: tuple[str, ...], count: int) -> tuple[str, ...]:
        """Where the steps of a group stood; those that were added stand for the folder."""
        folder = f"stages.{group}.workspace"
        front, back = [folder] * (group in self._fetching), [folder] * (group in self._saving)
        own = count - len(front) - len(back)
        return (*front, *(places or (f"stages.{group}.steps[{at}]" for at in range(own))), *back)

    # What is told -----------------------------------------------------------------------------------------

    def _handed(self, group: Group, source: Group) -> None:
        self._tell(
            group,
            Fidelity.APPROXIMATE,
            f"it can't be one stage with {_names([source])}, so all files are saved there and fetched here; "
            "processes and what lies outside of the folder are not",
            f"name the files that it needs in the step {_SAVE} of {source.id}, if these are few",
        )

    def _lost(self, group: Group, branches: list[Group]) -> None:
        changing = [one for one in branches if any(map(needs_files, one.members))]
        if not changing:
            return
        self._tell(
            group,
            Fidelity.MANUAL,
            f"{_names(changing)} ran side by side in it, and run on machines of their own now: what they leave "
            "in the folder is not there any more",
            f"hand on the files that it needs by steps artifact.upload there and artifact.download in {group.id}",
        )

    def _tell(self, group: Group, fidelity: Fidelity, why: str, remedy: str) -> None:
        self.findings.append(
            Finding(
                fidelity=fidelity,
                path=f"stages.{group.first.id}.workspace",
                source="",
                what=f"workspace {group.first.workspace} of {_names([group])}",
                why=why,
                remedy=remedy,
            )
        )


def _names(groups: Iterable[Group]) -> str:
    stages = [one for group in groups for one in group.members]
    return title([one for one in stages if not only_checkout(one)] or stages)
