"""Sizes: those of machines that are no larger than what any vendor hosts, which need no word elsewhere."""

from __future__ import annotations

from pipemgr.model.definitions import Pipeline, Stage

from .base import Dialect
from .report import Fidelity, Finding
from .tree import change_stages


def usual_sizes(pipeline: Pipeline, source: Dialect, target: Dialect) -> tuple[Pipeline, tuple[Finding, ...]]:
    """The pipeline without the source's names of usual sizes, where the target has no sizes, and what was left out."""
    usual = source.tables.usual_sizes if source.tables is not None else frozenset()
    answer = target.features.get("runner.size")
    if not usual or answer is None or answer:
        return pipeline, ()
    findings: list[Finding] = []

    def stage(one: Stage) -> Stage:
        if one.runner is None or one.runner.size not in usual:
            return one
        findings.append(
            Finding(
                fidelity=Fidelity.EQUIVALENT,
                path=f"stages.{one.id}.runner.size",
                source="",
                what=f"runner.size {one.runner.size}",
                why=f"the usual machine of {target.title} is no smaller",
            )
        )
        return one.model_copy(update={"runner": one.runner.model_copy(update={"size": None})})

    changed = change_stages(pipeline, stage)
    return (changed, tuple(findings)) if findings else (pipeline, ())
