"""Plans: which stages become stages of Jenkins, which become `post` sections, and which Jenkins does by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipemgr.adapter import Fidelity, Losses
from pipemgr.model.definitions import Pipeline, Stage
from pipemgr.model.expressions import Binary, Expression, Name

from .begun import asks_begun
from .checkout_writer import is_plain
from .graph_writer import Sequential, Tree, before, closure, planned
from .references import plain
from .slugs import POST
from .stages import CHECKOUT
from .status_writer import STATES, Asked, asked, conjuncts, joined

SHOWN: Final = 3
"""Names that a finding shows of many."""


@dataclass
class Plan:
    """The stages of a pipeline by what becomes of them."""

    stages: tuple[Stage, ...]
    """Those that stay stages, with the needs that they have among themselves."""
    posts: dict[str, list[tuple[str, Stage, Asked]]] = field(default_factory=dict)
    """By the path of a block ('' is the pipeline): sections of `post`, with the stage that each is made of."""
    conditions: dict[str, tuple[Expression, ...]] = field(default_factory=dict)
    """The conditions of each stage, without what Jenkins means by itself."""
    fetched: set[str] = field(default_factory=set)
    """Workspaces that get the source code before their first stage."""
    ended: set[str] = field(default_factory=set)
    """Blocks whose `post` is written."""
    tree: Tree = field(default_factory=lambda: Sequential(()))


def plan(pipeline: Pipeline, losses: Losses) -> Plan:
    """What becomes of the stages of a pipeline."""
    answers = {stage.id: _asked(stage) for stage in pipeline.stages}
    later = _followed(pipeline.stages, answers)
    found = Plan(())
    kept: list[Stage] = []
    for stage in pipeline.stages:
        answer = answers[stage.id]
        if _fetches(stage):
            found.fetched.add(str(stage.workspace))
        elif (
            answer.section is not None and stage.id not in later and (not answer.is_usual or _is_post(stage))
        ):
            found.posts.setdefault(_around(stage), []).append((answer.section, stage, answer))
            _tell_end(stage, answer, losses)
        else:
            kept.append(stage)
            _tell(stage, answer, losses)
    found.stages = _rewired(kept, {stage.id: stage for stage in pipeline.stages})
    found.conditions = _conditions(found.stages, answers)
    _tell_all(found, closure(pipeline.stages), losses)
    found.tree = planned(found.stages)
    _tell_longer(found, losses)
    return found


def gather(found: Plan, losses: Losses) -> None:
    """Give ends of blocks that are none here to the pipeline, so that they are not lost."""
    for path in [one for one in found.posts if one and one not in found.ended]:
        for row in found.posts.pop(path):
            stage = row[1]
            why = f"its block {path} is none of its own here: it is done at the end of the pipeline"
            losses.add(Fidelity.APPROXIMATE, f"stages.{stage.id}.group", f"end of {path}", why)
            found.posts.setdefault("", []).insert(0, row)


def _fetches(stage: Stage) -> bool:
    """Whether a stage is what Jenkins does by itself when it takes a machine."""
    return (
        stage.name == CHECKOUT
        and stage.workspace is not None
        and len(stage.steps) == 1
        and is_plain(stage.steps[0])
    )


def _around(stage: Stage) -> str:
    """The path of the block that a stage ends; '' for the pipeline."""
    group = stage.group or ""
    return group.removesuffix(f"/{POST}") if group.endswith(f"/{POST}") else ""


def _followed(stages: Sequence[Stage], answers: Mapping[str, Asked]) -> set[str]:
    """The stages that others wait for which can't be in `post`."""
    after = closure(stages)
    ends = {stage.id for stage in stages if _is_post(stage)}
    usual = (stage for stage in stages if answers[stage.id].is_usual and stage.id not in ends)
    return set[str]().union(*(after[stage.id] for stage in usual)) - ends


def _asked(stage: Stage) -> Asked:
    """What a stage's condition asks; Jenkins knows by itself that the end of a block is for one that began."""
    if stage.when is None or not _is_post(stage) or stage.group == POST:
        return asked(stage.when)
    return asked(joined([one for one in conjuncts(stage.when) if not asks_begun(one)]))


def _is_post(stage: Stage) -> bool:
    group = stage.group or ""
    return group == POST or group.endswith(f"/{POST}")


def _tell(stage: Stage, answer: Asked, losses: Losses) -> None:
    lost = [str(one) for one in answer.lost]
    lost += [] if answer.is_usual else [str(answer.section)]
    if lost:
        why = "Jenkins executes a stage only if all before it have succeeded, were skipped or are unstable"
        remedy = "move what has to be done anyway to a post section"
        losses.add(Fidelity.APPROXIMATE, f"stages.{stage.id}.when", f"condition {stage.when}", why, remedy)


def _tell_end(stage: Stage, answer: Asked, losses: Losses) -> None:
    """Say that a stage becomes a section of `post`, and what such a section can't ask."""
    if not _is_post(stage):
        why = f"it is done at the end, as the section {answer.section} of post, which has no name of its own"
        losses.add(Fidelity.EQUIVALENT, f"stages.{stage.id}", f"stage {stage.name or stage.id}", why)
    for one in answer.lost:
        why = (
            f"a section of post ({answer.section}) goes by how the build has ended, not by how each stage has"
        )
        losses.add(Fidelity.APPROXIMATE, f"stages.{stage.id}.when", f"condition {one}", why)


def _tell_all(found: Plan, needed: Mapping[str, frozenset[str]], losses: Losses) -> None:
    """Say of stages in the pipeline's `post` that it goes by stages, too, which they do not need."""
    for _, stage, _ in found.posts.get("", ()):
        more = [one.id for one in found.stages if one.id not in needed[stage.id]]
        if more and not _is_post(stage):
            why = f"the pipeline's post follows all stages, and goes by how they end: also by {_few(more)}"
            losses.add(Fidelity.APPROXIMATE, f"stages.{stage.id}.needs", f"needs of {stage.id}", why)


def _few(names: Sequence[str]) -> str:
    """The first names of many."""
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"


def _rewired(kept: Sequence[Stage], stages: Mapping[str, Stage]) -> tuple[Stage, ...]:
    """Stages whose needs are stages that are left."""
    left = {stage.id for stage in kept}

    def needs(names: Iterable[str]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        todo = list(reversed(list(names)))
        seen: set[str] = set()
        while todo:
            name = todo.pop()
            if name in left:
                found[name] = None
            elif name not in seen and name in stages:
                seen.add(name)
                todo += reversed(stages[name].needs)
        return tuple(found)

    return tuple(stage.model_copy(update={"needs": needs(stage.needs)}) for stage in kept)


def _conditions(stages: Sequence[Stage], answers: Mapping[str, Asked]) -> dict[str, tuple[Expression, ...]]:
    """The conditions of stages: their own, and those of what they can't do without, for Jenkins goes on there."""
    found: dict[str, tuple[Expression, ...]] = {}
    by_id = {stage.id: stage for stage in stages}
    earlier = closure(stages)
    for name in sorted(by_id, key=lambda one: len(earlier[one])):
        own = (*answers[name].rest, *_state(answers[name]))
        more: tuple[Expression, ...] = ()
        if not answers[name].relaxed and answers[name].is_usual:
            more = tuple(one for need in by_id[name].needs for one in found.get(need, ()) if _is_common(one))
        found[name] = (*own, *dict.fromkeys(one for one in more if not _is_said(one, own)))
    return found


def _state(answer: Asked) -> tuple[Expression, ...]:
    """What a stage that is none of `post` has to ask of the build so far, not to be executed after a success."""
    return () if answer.is_usual or answer.section == "always" else (STATES[str(answer.section)],)


def _is_said(node: Expression, own: Iterable[Expression]) -> bool:
    """Whether a condition holds wherever all of `own` do: it is one of them, or only asks for one of several."""
    known = set(map(plain, own))
    todo = [plain(node)]
    while todo:
        match todo.pop():
            case Binary("||", left, right) as either if either not in known:
                todo += [left, right]
            case one:
                if one in known:
                    return True
    return False


def _is_common(node: Expression) -> bool:
    """Whether a condition is the same for all stages: not about a matrix."""
    return not any(one == Name("matrix") for one in node.walk())


def _tell_longer(found: Plan, losses: Losses) -> None:
    """Say of stages that now wait for others which they do not need."""
    needed = closure(found.stages)
    for name, earlier in before(found.tree).items():
        more = sorted(earlier - needed[name])
        if more:
            why = f"it waits for {_few(more)} too: parallel branches of Jenkins can't have branches or wait for one another"
            losses.add(Fidelity.APPROXIMATE, f"stages.{name}.needs", f"needs of {name}", why)
