"""Emptying: stages that only empty a shared folder at the end, which nobody needs where machines begin afresh."""

from __future__ import annotations

import re
from typing import Final

from pipemgr.model.definitions import Pipeline, Stage, Step

from .graph import Graph
from .handing import needs_files
from .joining import tidies
from .report import Fidelity, Finding

_EMPTIES: Final = re.compile(r"\s*(?:find \. -mindepth 1 -delete|rm -rf (?:\./)?\*)\s*")
_WHY: Final = "it only empties the folder, and each stage begins on a machine, or in a folder, of its own now"


def without_emptying(pipeline: Pipeline, asked: frozenset[str]) -> tuple[Pipeline, tuple[Finding, ...]]:
    """The pipeline without the stages that only empty their folder at the end; `asked` are those that others ask about."""
    graph = Graph(pipeline.stages)
    gone = {one.id: one for one in pipeline.stages if one.id not in asked and _goes(one, graph)}
    if not gone or len(gone) == len(pipeline.stages):
        return pipeline, ()

    needs: dict[str, tuple[str, ...]] = {}
    for stage in graph.order:
        named = (one for need in stage.needs for one in (needs[need] if need in gone else (need,)))
        needs[stage.id] = tuple(dict.fromkeys(named))
    kept = (one for one in pipeline.stages if one.id not in gone)
    stages = tuple(
        one.model_copy(update={"needs": needs[one.id]}) if gone.keys() & {*one.needs} else one for one in kept
    )
    return pipeline.model_copy(update={"stages": stages}), tuple(map(_finding, gone.values()))


def _goes(stage: Stage, graph: Graph) -> bool:
    if stage.workspace is None or not stage.steps or not tidies(stage) or not all(map(_empties, stage.steps)):
        return False
    same = [one for one in graph.order if one.workspace == stage.workspace and one.id != stage.id]
    later = [one for one in same if graph.before(stage.id, one.id)]
    used = any(needs_files(one) and not all(map(_empties, one.steps)) for one in later)
    return len(later) < len(same) and not used


def _empties(step: Step) -> bool:
    script = step.inputs.get("script") if step.action == "run" else None
    return isinstance(script, str) and _EMPTIES.fullmatch(script) is not None


def _finding(stage: Stage) -> Finding:
    return Finding(
        fidelity=Fidelity.EQUIVALENT,
        path=f"stages.{stage.id}",
        source="",
        what=f"stage {stage.name or stage.id}",
        why=_WHY,
        remedy="",
    )
