"""Origins: where the steps and triggers of a rewritten pipeline stood in the pipeline that was read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pipemgr.model.definitions import Definition, Pipeline

from .report import Finding

_STEP: Final = re.compile(r"stages\.([^.\[\]]+)\.steps\[(\d+)\]")
_TRIGGER: Final = re.compile(r"triggers\[(\d+)\]")


@dataclass(frozen=True)
class Origins:
    """For each stage whose steps moved: which step of the source each of its steps was; the same for triggers."""

    steps: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    triggers: tuple[int, ...] | None = None

    def path(self, path: str) -> str:
        """The path in the pipeline that was read, for one in the pipeline as it is now."""
        if match := _TRIGGER.match(path):
            return f"triggers[{_at(self.triggers, int(match[1]))}]{path[match.end() :]}"
        match = _STEP.match(path)
        places = self.steps.get(match[1]) if match else None
        if match is None or places is None or int(match[2]) >= len(places):
            return path
        return f"stages.{match[1]}.steps[{places[int(match[2])]}]{path[match.end() :]}"

    def placed(self, finding: Finding) -> Finding:
        """A finding about the pipeline as it is now, by the path where that was read."""
        return finding.model_copy(update={"path": self.path(finding.path)})

    def without(self, pipeline: Pipeline, gone: Callable[[Definition], bool]) -> Origins:
        """The origins once those steps and triggers are taken out of the pipeline."""
        left = (at for at, trigger in enumerate(pipeline.triggers) if not gone(trigger))
        return Origins(
            {
                stage.id: tuple(
                    self.steps[stage.id][at] if stage.id in self.steps else at
                    for at, step in enumerate(stage.steps)
                    if not gone(step)
                )
                for stage in pipeline.stages
                if stage.id in self.steps or any(map(gone, stage.steps))
            },
            tuple(_at(self.triggers, at) for at in left),
        )


def _at(places: tuple[int, ...] | None, now: int) -> int:
    return places[now] if places is not None and now < len(places) else now


@dataclass(frozen=True)
class Moved:
    """Where steps stood before they moved to another stage: paths, by the stage that has them now."""

    steps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def path(self, path: str) -> str:
        """The path before steps moved, for one after."""
        match = _STEP.match(path)
        places = self.steps.get(match[1]) if match else None
        if match is None or places is None or int(match[2]) >= len(places):
            return path
        return f"{places[int(match[2])]}{path[match.end() :]}"

    def placed(self, finding: Finding) -> Finding:
        """A finding about the pipeline as it is now, by the path where that stood before."""
        return finding.model_copy(update={"path": self.path(finding.path)})
