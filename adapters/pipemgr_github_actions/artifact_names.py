"""Names for artifacts that have none: GitHub takes each name once in a run, its default name too."""

from __future__ import annotations

from typing import Final

from pipemgr.adapter import Fidelity, Losses
from pipemgr.model.definitions import Pipeline, Stage, Step

from .words import hints

UPLOAD: Final = "artifact.upload"
CELL: Final = "${{ cell.index }}"


def with_artifact_names(pipeline: Pipeline, losses: Losses) -> Pipeline:
    """The pipeline with a name for each artifact that has none, where there are several of those.

    A step that keeps the author's own version of the action stays as it is: older ones put all into one.
    """
    stages = [stage for stage in pipeline.stages for step in stage.steps if _nameless(step)]
    if sum(2 if stage.matrix else 1 for stage in stages) < 2:  # noqa: PLR2004 - several
        return pipeline
    return pipeline.model_copy(update={"stages": tuple(_named(stage, losses) for stage in pipeline.stages)})


def _nameless(step: Step) -> bool:
    return step.action == UPLOAD and "name" not in step.inputs and "uses" not in hints(step.vendor)


def _named(stage: Stage, losses: Losses) -> Stage:
    steps: list[Step] = []
    count = 0
    for at, step in enumerate(stage.steps):
        if not _nameless(step):
            steps.append(step)
            continue
        count += 1
        name = "-".join((stage.id, *([str(count)] if count > 1 else []), *([CELL] if stage.matrix else [])))
        why = f"GitHub takes each name once in a run: it is called {name.replace(CELL, 'N')}"
        losses.add(Fidelity.EQUIVALENT, f"stages.{stage.id}.steps[{at}]", "an artifact without a name", why)
        steps.append(step.model_copy(update={"inputs": {"name": name, **step.inputs}}))
    return stage.model_copy(update={"steps": tuple(steps)})
