"""The writer: the borrowed language's own, given steps that people recognise and timeouts that act keeps."""

from __future__ import annotations

from math import ceil
from typing import Final, TypeVar

from pipemgr.adapter import Fidelity, Finding, Writer, Writing
from pipemgr.model.definitions import OPAQUE, Pipeline, Stage, Step, seconds

Timed = TypeVar("Timed", Stage, Step)

_SPEAKING: Final = frozenset({"run", OPAQUE})
"""Actions whose steps are named well enough by what they do."""


class LocalWriter(Writer):
    """Names each step after its action before it becomes a script, of which nobody could tell what it is for."""

    def __init__(self, borrowed: Writer) -> None:
        self.borrowed = borrowed

    def write(self, pipeline: Pipeline) -> Writing:
        """The documents that define `pipeline`, and what they do not say exactly."""
        rounded: list[Finding] = []
        stages = tuple(_spoken(stage, rounded) for stage in pipeline.stages)
        writing = self.borrowed.write(pipeline.model_copy(update={"stages": stages}))
        return Writing(writing.documents, (*writing.findings, *rounded))


def _spoken(stage: Stage, rounded: list[Finding]) -> Stage:
    path = f"stages.{stage.id}"
    steps = (_timed(step, f"{path}.steps[{at}]", rounded) for at, step in enumerate(stage.steps))
    named = tuple(map(_with_name, steps))
    return _timed(stage, path, rounded).model_copy(update={"steps": named})


def _timed(part: Timed, path: str, rounded: list[Finding]) -> Timed:
    """The part with a timeout of whole minutes: act takes a fraction of one for no timeout at all."""
    length = seconds(part.timeout) if part.timeout else None
    if length is None or length % 60 == 0:
        return part
    minutes = f"{ceil(length / 60)}m"
    rounded.append(
        Finding(
            fidelity=Fidelity.APPROXIMATE,
            path=f"{path}.timeout",
            source="",
            what=f"timeout {part.timeout}",
            why=f"act counts whole minutes: it is {minutes} here",
        )
    )
    return part.model_copy(update={"timeout": minutes})


def _with_name(step: Step) -> Step:
    if step.name is not None or step.action in _SPEAKING:
        return step
    return step.model_copy(update={"name": step.action})
