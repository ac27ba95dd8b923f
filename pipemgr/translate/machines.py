"""Lowering of what needs several machines or processes at once: shares of a stage, and background steps."""

from __future__ import annotations

import re
from typing import Final

from pipemgr.model.definitions import Matrix, Pipeline, Stage, Step
from pipemgr.model.expressions import Access, Expression, Literal, Name, transform

from .rewriting import rewritten
from .tree import change_stages, change_steps, expressions

INDEX, TOTAL = Access(Name("stage"), Literal("index")), Access(Name("stage"), Literal("total"))
_AXIS: Final = "index"
_SHELLS: Final = frozenset({None, "bash", "sh"})


def one_machine(pipeline: Pipeline) -> Pipeline:
    """The pipeline in which stages on one machine know that: index 0 of 1."""
    if not any(node in (INDEX, TOTAL) for _, one in expressions(pipeline) for node in one.walk()):
        return pipeline
    return change_stages(pipeline, lambda stage: stage if stage.parallelism is not None else _alone(stage))


def _alone(stage: Stage) -> Stage:
    return _counted(stage, Literal(0), 1)


def parallelism(pipeline: Pipeline) -> Pipeline:
    """Each machine of a stage as a combination of its matrix; where only a run knows how many, none is added."""
    return change_stages(pipeline, _spread)


def _spread(stage: Stage) -> Stage:
    many = stage.parallelism
    if not isinstance(many, int):
        return stage
    if many <= 1:
        return _alone(stage.model_copy(update={"parallelism": None}))
    matrix = stage.matrix or Matrix()
    if matrix.expression is not None or matrix.include:
        return stage
    axis = next(name for name in (_AXIS, "machine", "share", "stage-index") if name not in matrix.axes)
    update = {
        "parallelism": None,
        "matrix": matrix.model_copy(update={"axes": {**matrix.axes, axis: tuple(range(many))}}),
        "fail_fast": stage.fail_fast if stage.matrix else False,
    }
    return _counted(stage.model_copy(update=update), Access(Name("matrix"), Literal(axis)), many)


def _counted(stage: Stage, index: Expression, total: int) -> Stage:
    """The stage with what its machine is, and how many there are, filled in."""
    known = {INDEX: index, TOTAL: Literal(total)}

    def change(node: Expression) -> Expression:
        return transform(node, lambda one: known.get(one, one) if isinstance(one, Access) else one)

    return rewritten(stage, change)


def background(pipeline: Pipeline) -> Pipeline:
    """Background scripts of a POSIX shell started by it with `&`; others stay as they are."""
    return change_stages(pipeline, lambda stage: change_steps(stage, lambda step: _behind(stage, step)))


def _behind(stage: Stage, step: Step) -> Step:
    script = step.inputs.get("script")
    shell = step.inputs.get("shell") or (stage.defaults.shell if stage.defaults else None)
    if not (step.background and step.action == "run" and isinstance(script, str) and shell in _SHELLS):
        return step
    name = re.sub(r"[^A-Za-z0-9]+", "-", step.id or step.name or "step").strip("-").lower() or "step"
    log = f'"${{TMPDIR:-/tmp}}/{name}.log"'
    lines = f"(\n{script.rstrip()}\n) > {log} 2>&1 &\n"
    return step.model_copy(update={"inputs": {**step.inputs, "script": lines}, "background": False})
