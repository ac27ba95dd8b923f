"""The writer: the borrowed language's own, given steps that people recognise."""

from __future__ import annotations

from typing import Final

from pipemgr.adapter import Writer, Writing
from pipemgr.model.definitions import OPAQUE, Pipeline, Stage, Step

_SPEAKING: Final = frozenset({"run", OPAQUE})
"""Actions whose steps are named well enough by what they do."""


class LocalWriter(Writer):
    """Names each step after its action before it becomes a script, of which nobody could tell what it is for."""

    def __init__(self, borrowed: Writer) -> None:
        self.borrowed = borrowed

    def write(self, pipeline: Pipeline) -> Writing:
        """The documents that define `pipeline`, and what they do not say exactly."""
        stages = tuple(_named(stage) for stage in pipeline.stages)
        return self.borrowed.write(pipeline.model_copy(update={"stages": stages}))


def _named(stage: Stage) -> Stage:
    return stage.model_copy(update={"steps": tuple(_with_name(step) for step in stage.steps)})


def _with_name(step: Step) -> Step:
    if step.name is not None or step.action in _SPEAKING:
        return step
    return step.model_copy(update={"name": step.action})
