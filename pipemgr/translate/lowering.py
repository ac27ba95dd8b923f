"""Lowering: the same said with fewer features, where the target's language lacks one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pipemgr.model.definitions import (
    Approval,
    Defaults,
    Environment,
    Parameter,
    Pipeline,
    Runner,
    Stage,
    Step,
)
from pipemgr.model.identity import canonical
from pipemgr.model.support import Answer, Support

from .durations import shorter
from .effects import TOLD_BY_NOTE, effect
from .features import FEATURES, used, without
from .latest import latest
from .machines import background, one_machine, parallelism
from .matrix import expand
from .report import Fidelity, Finding
from .tree import Some, change_stages, change_steps, rebuild, walk

RUN: Final = "run"
"""The action that defaults apply to."""


@dataclass(frozen=True)
class Pass:
    """A pure and idempotent rewriting that does without one feature.

    `needs` are the features it may use instead; where the target lacks one of them too, its own pass follows.
    """

    removes: str
    needs: tuple[str, ...]
    says: str
    """What it does, for the report."""
    apply: Callable[[Pipeline], Pipeline]
    fidelity: Fidelity = Fidelity.EQUIVALENT
    remedy: str = ""
    directly: bool = False
    """Whether what takes the feature's place must be there itself, and nothing else instead."""
    tells: Callable[[Pipeline], tuple[Fidelity, str]] | None = None
    """In place of `fidelity` and `says`, where these depend on the pipeline."""

    def about(self, pipeline: Pipeline) -> tuple[Fidelity, str]:
        """How well it keeps what the pipeline says, and what to say of it."""
        return self.tells(pipeline) if self.tells else (self.fidelity, self.says)


# The passes --------------------------------------------------------------------------------------------


def _runner(pipeline: Pipeline) -> Pipeline:
    return _inherit(pipeline, "runner")


def _permissions(pipeline: Pipeline) -> Pipeline:
    return _inherit(pipeline, "permissions")


def _inherit(pipeline: Pipeline, field: str) -> Pipeline:
    """Give the pipeline's value to each stage that has none of its own."""
    value = getattr(pipeline, field)
    moved = change_stages(
        pipeline, lambda stage: stage if getattr(stage, field) is not None else _with(stage, field, value)
    )
    return _with(moved, field, None)


def _with(value: Some, field: str, content: Any) -> Some:
    return value.model_copy(update={field: content})


def _defaults(pipeline: Pipeline) -> Pipeline:
    moved = change_stages(
        pipeline, lambda stage: _with(stage, "defaults", _merged(pipeline.defaults, stage.defaults))
    )
    return _with(moved, "defaults", None)


def _merged(outer: Defaults | None, inner: Defaults | None) -> Defaults | None:
    if outer is None or inner is None:
        return inner or outer
    return Defaults(shell=inner.shell or outer.shell, directory=inner.directory or outer.directory)


def _stage_defaults(pipeline: Pipeline) -> Pipeline:
    def stage(one: Stage) -> Stage:
        inputs = one.defaults.data() if one.defaults else {}
        filled = change_steps(one, lambda step: _fill_inputs(step, inputs))
        return _with(filled, "defaults", None)

    return change_stages(pipeline, stage)


def _fill_inputs(step: Step, inputs: Mapping[str, Any]) -> Step:
    return _with(step, "inputs", {**inputs, **step.inputs}) if step.action == RUN else step


def _timeout(pipeline: Pipeline) -> Pipeline:
    limit = pipeline.timeout
    moved = change_stages(
        pipeline,
        lambda stage: _with(stage, "timeout", shorter(stage.timeout, limit)) if stage.steps else stage,
    )
    return _with(moved, "timeout", None)


def _whole(pipeline: Pipeline) -> tuple[Fidelity, str]:
    """What is different about a time limit that each stage has for itself."""
    if sum(bool(stage.steps) for stage in pipeline.stages) <= 1:
        return Fidelity.EQUIVALENT, "given to the one stage there is"
    return (
        Fidelity.APPROXIMATE,
        "given to each stage, as the longest that it may take: all together may take longer",
    )


def _variables(pipeline: Pipeline) -> Pipeline:
    moved = change_stages(
        pipeline, lambda stage: _with(stage, "variables", {**pipeline.variables, **stage.variables})
    )
    return _with(moved, "variables", {})


def _stage_variables(pipeline: Pipeline) -> Pipeline:
    def stage(one: Stage) -> Stage:
        filled = change_steps(one, lambda step: _with(step, "variables", {**one.variables, **step.variables}))
        return _with(filled, "variables", {})

    return change_stages(pipeline, stage)


def _approval(pipeline: Pipeline) -> Pipeline:
    def stage(one: Stage) -> Stage:
        if one.approval is None:
            return one
        place = one.environment or Environment(name=one.id)
        return one.model_copy(update={"approval": None, "environment": place})

    return change_stages(pipeline, stage)


def _environment(pipeline: Pipeline) -> Pipeline:
    """A set of secrets with the name of the environment, if that is a plain name."""

    def stage(one: Stage) -> Stage:
        if one.environment is None or "${{" in one.environment.name:
            return one
        names = dict.fromkeys((*one.contexts, one.environment.name))
        return one.model_copy(update={"environment": None, "contexts": tuple(names)})

    return change_stages(pipeline, stage)


def _message(pipeline: Pipeline) -> Pipeline:
    return change_stages(pipeline, lambda stage: _with(stage, "approval", stage.approval and Approval()))


def _text_parameter(kind: str) -> Callable[[Pipeline], Pipeline]:
    def change(value: Any) -> Any:
        if not (isinstance(value, Parameter) and value.type == kind):
            return value
        default = value.default
        if isinstance(default, bool | int | float):
            default = canonical(default).decode()
        return value.model_copy(update={"type": "string", "default": default, "choices": ()})

    return lambda pipeline: rebuild(pipeline, change)


def _matrix_uses(field: str) -> Callable[[Stage], bool]:
    return lambda stage: bool(stage.matrix and getattr(stage.matrix, field))


_AS_TEXT: Final = "the target knows no such type: any text is taken"
_CELLS: Final = "written as one stage a combination; a failed one no longer cancels the others"

PASSES: Final[tuple[Pass, ...]] = (
    Pass("pipeline.runner", ("stage.runner",), "given to each stage", _runner),
    Pass("pipeline.defaults", ("stage.defaults",), "given to each stage", _defaults),
    Pass("pipeline.permissions", ("stage.permissions",), "given to each stage", _permissions),
    Pass("pipeline.variables", ("stage.variables",), "given to each stage", _variables),
    Pass(
        "pipeline.timeout", ("stage.timeout",), "given to each stage", _timeout, directly=True, tells=_whole
    ),
    Pass("stage.defaults", (), "given to each `run` step", _stage_defaults),
    Pass("stage.variables", ("step.variables",), "given to each step", _stage_variables),
    Pass(
        "stage.approval",
        ("stage.environment",),
        "an environment can ask for approval, if it is set up to",
        _approval,
        Fidelity.MANUAL,
        "set up the environment so that it asks for approval",
        directly=True,
    ),
    Pass(
        "stage.environment",
        ("stage.contexts",),
        "a set of secrets of the same name can keep what the environment keeps",
        _environment,
        Fidelity.MANUAL,
        "create a context with its name, with the environment's secrets, and say who may use it",
    ),
    Pass("approval.message", (), "the target asks without a message", _message, Fidelity.APPROXIMATE),
    *(
        Pass(f"parameter.{kind}", (), _AS_TEXT, _text_parameter(kind), Fidelity.APPROXIMATE)
        for kind in ("boolean", "number", "choice", "environment")
    ),
    Pass(
        "step.background",
        (),
        "its shell starts it with `&`; what it prints goes to a file, and nobody sees whether it failed",
        background,
        Fidelity.APPROXIMATE,
        "print that file in a later step if somebody needs it",
    ),
    Pass("stage.parallelism", ("stage.matrix",), "each machine is a combination of a matrix", parallelism),
    Pass("stage.matrix", (), _CELLS, lambda one: expand(one, lambda _: True), Fidelity.APPROXIMATE),
    Pass(
        "matrix.include", (), _CELLS, lambda one: expand(one, _matrix_uses("include")), Fidelity.APPROXIMATE
    ),
    Pass(
        "matrix.exclude", (), _CELLS, lambda one: expand(one, _matrix_uses("exclude")), Fidelity.APPROXIMATE
    ),
)
"""All passes: outer things before inner ones, and matrices last, for they multiply what is there."""

_PARALLELISM, _CONTEXTS, _SIZE = "stage.parallelism", "stage.contexts", "runner.size"
_BY_FEATURE: Final = {one.removes: one for one in PASSES}
_FULL: Final = Answer(support=Support.FULL)


def lower(
    pipeline: Pipeline, features: Mapping[str, Answer], *, tokens: bool = True
) -> tuple[Pipeline, tuple[Finding, ...]]:
    """The pipeline in what `features` can say, and a finding for every use of what they can't.

    What no pass can say otherwise is taken out. Features that are not in the table are supported. `tokens` says
    whether the target's builds have a token of their own.
    """
    lacking = _lacking(features)
    if _PARALLELISM in lacking:
        pipeline = one_machine(pipeline)
    now = used(pipeline)
    said = {path for paths in now.values() for path in paths}
    findings: list[Finding] = []
    for name in sorted(lacking, key=_turn):
        if not (uses := now.get(name, ())):
            continue
        left = uses
        if (rewriting := _BY_FEATURE.get(name)) and _possible(rewriting, features):
            fidelity, says = rewriting.about(pipeline)
            pipeline = rewriting.apply(pipeline)
            left = used(pipeline).get(name, ())
            findings += [
                _lowered(rewriting, path, fidelity, says)
                for path in uses
                if path in said and path not in left
            ]
        values = dict(walk(pipeline)) if left else {}
        for path in left:
            findings += _lost(name, path, values, features[name], tokens=tokens)
        pipeline = without(pipeline, name)
        now = used(pipeline)
    for name in filter(
        now.__contains__, lacking
    ):  # what a pass was free to add, such as names of a matrix's stages
        pipeline = without(pipeline, name)
    return pipeline, tuple(findings)


@latest
def _lacking(features: Mapping[str, Answer]) -> tuple[str, ...]:
    """What the target can't say."""
    return tuple(name for name in FEATURES if not features.get(name, _FULL))


_TURNS: Final = {one.removes: turn for turn, one in enumerate(PASSES, 1)}


def _turn(name: str) -> int:
    """What nothing can be done about goes first, so that passes need not carry it along."""
    return _TURNS.get(name, 0)


def _possible(rewriting: Pass, features: Mapping[str, Answer]) -> bool:
    """Whether the target has what the pass needs, or a pass that does without that too."""
    return all(
        bool(features.get(need, _FULL))
        or (not rewriting.directly and need in _BY_FEATURE and _possible(_BY_FEATURE[need], features))
        for need in rewriting.needs
    )


def _lowered(rewriting: Pass, path: str, fidelity: Fidelity, says: str) -> Finding:
    return Finding(
        fidelity=fidelity,
        path=path,
        source="",
        what=rewriting.removes,
        why=says,
        remedy=rewriting.remedy,
    )


def _lost(
    name: str, path: str, values: Mapping[str, Any], answer: Answer, *, tokens: bool
) -> Iterator[Finding]:
    """What to tell of a feature that is taken out at a path; of contexts each by its name."""
    value = values.get(path.rpartition(".")[0])
    why = answer.note or _WHY[answer.support]
    if name == _CONTEXTS and isinstance(value, Stage):
        for at, context in enumerate(value.contexts):
            yield Finding(
                fidelity=Fidelity.MANUAL,
                path=f"{path}[{at}]",
                source="",
                what=f"context {context}",
                why=why,
                remedy="create its secrets and values in the target, under the same names",
                kind="context",
            )
        return
    size = f" {value.size}" if name == _SIZE and isinstance(value, Runner) else ""
    lost = effect(name, value, tokens=tokens)
    better = lost.fidelity is Fidelity.EQUIVALENT
    enough = not lost.says or (answer.note and name in TOLD_BY_NOTE)
    yield Finding(
        fidelity=lost.fidelity,
        path=path,
        source="",
        what=f"{name}{size}",
        why=why if enough else f"{why}; {lost.says}",
        remedy="" if better else f"do without it, or add it by hand ({FEATURES[name].description})",
    )


_WHY: Final = {
    Support.UNSUPPORTED: "the target has nothing like it",
    Support.NOT_IMPLEMENTED: "the target could, its adapter can't yet",
}
