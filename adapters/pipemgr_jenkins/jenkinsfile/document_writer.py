"""Documents out: the sections of `pipeline { }`, and the Groovy around it."""

from __future__ import annotations

from typing import Any, Final

from pipemgr.adapter import Fidelity, Losses, cell_by_cell
from pipemgr.model.definitions import Pipeline, Runner, Stage, Step

from .agents import MAIN
from .call_writer import call, statement
from .checkout_writer import is_plain
from .definition_writer import hoisted
from .environment_writer import environment
from .graph_writer import arranged
from .layout import Block, Item, Statement, block
from .matrix_writer import fitted, tell_cells, within_branches
from .option_writer import options
from .parameter_writer import parameters
from .plan_writer import Plan, gather, plan
from .scope import VENDOR, hints, own
from .stage_writer import NOTHING, Around, StageWriter, listed, named_tools, tools
from .text_writer import Texts
from .tree_writer import TreeWriter, plainest, tell_machines
from .trigger_writer import triggers

SKIP: Final = "skipDefaultCheckout()"


def document(pipeline: Pipeline, texts: Texts) -> tuple[Item, ...]:
    """The statements of a Jenkinsfile."""
    pipeline, defined = hoisted(_placed(pipeline, texts), texts.losses)
    pipeline, below = _subfolder(pipeline, texts)
    pipeline = _flattened(fitted(pipeline, texts.losses), texts.losses)
    made = plan(pipeline, texts.losses)
    stages = StageWriter(pipeline, texts, made.conditions)
    kept = own(pipeline.vendor)
    agent, around = _agent(pipeline, made, stages)
    more = _fetching(made, stages, around)
    given = environment(pipeline.variables, texts, "variables")
    writer = TreeWriter(pipeline, made, stages)
    written = writer.write(made.tree, around) or _nothing(texts)
    gather(made, texts.losses)
    body = (
        *agent,
        *options(pipeline, texts, (*below, *more)),
        *parameters(pipeline, texts),
        *triggers(pipeline, texts),
        *tools(named_tools(pipeline.vendor), {}, texts, ""),
        *_libraries(kept.get("libraries"), texts),
        *given.items,
        Block("stages", written),
        *writer.posts("", around),
    )
    shown = hints(pipeline.vendor)
    before, after = (
        map(Statement, map(str, listed(kept.get(key) or shown.get(key)))) for key in ("before", "after")
    )
    return (*before, *map(Statement, defined), Block("pipeline", body), *after)


def _placed(pipeline: Pipeline, texts: Texts) -> Pipeline:
    """The pipeline with a runner for each stage, and a workspace for a stage that is alone."""
    stages = [
        one if one.runner is not None else one.model_copy(update={"runner": pipeline.runner})
        for one in pipeline.stages
    ]
    if pipeline.runner is not None:
        why = "each stage names its own machine"
        texts.losses.add(Fidelity.EQUIVALENT, "runner", "runner of the pipeline", why)
    return pipeline.model_copy(update={"stages": tuple(stages), "runner": None})


def _subfolder(pipeline: Pipeline, texts: Texts) -> tuple[Pipeline, tuple[str, ...]]:
    """The pipeline without the one folder that all source code goes to, and the option that says it."""
    firsts = [stage.steps[0] for stage in pipeline.stages if stage.steps and _is_fetched(stage.steps[0])]
    folders = {str(step.inputs.get("path", ".")) for step in firsts}
    if VENDOR not in pipeline.vendor or len(folders) != 1 or folders == {"."}:
        return pipeline, ()
    stages = [
        one.model_copy(update={"steps": (one.steps[0].model_copy(update={"inputs": {}}), *one.steps[1:])})
        if one.steps and _is_fetched(one.steps[0])
        else one
        for one in pipeline.stages
    ]
    option = call("checkoutToSubdirectory", texts.bare(folders.pop(), "stages"))
    return pipeline.model_copy(update={"stages": tuple(stages)}), (option,)


def _is_fetched(step: Step) -> bool:
    """Whether a step fetches what is being built, into whatever folder."""
    return step.action == "checkout" and step.inputs.keys() <= {"path", "depth"} and not own(step.vendor)


def _flattened(pipeline: Pipeline, losses: Losses) -> Pipeline:
    """The pipeline with matrices that would stand in branches as branches of their own."""
    names = within_branches(arranged(plan(pipeline, Losses()).stages))
    expanded = cell_by_cell(pipeline, lambda stage: stage.id in names)
    for stage in pipeline.stages:
        if stage.id in names and not any(one.id == stage.id for one in expanded.stages):
            tell_cells(stage, "Jenkins has no matrix in a branch", losses)
    return expanded


def _agent(pipeline: Pipeline, made: Plan, stages: StageWriter) -> tuple[tuple[Item, ...], Around]:
    """The agent of the pipeline, and the workspace that it gives."""
    kept, shown = _data(own(pipeline.vendor).get("agent")), hints(pipeline.vendor).get("agent")
    sharing = _sharing(pipeline, made, stages)
    if sharing:
        base = plainest(sharing)
        tell_machines(sharing, base, stages.losses)
        data = {
            key: value for key, value in _data(shown).items() if key not in ("runner", "container", "kind")
        }
        items = stages.agents.write(base, kept, data)
        return items, Around(workspace=str(base.workspace), container=base.container)
    if isinstance(shown, dict) and shown.get("kind"):
        runner, container = shown.get("runner"), shown.get("container")
        idle = Stage.model_validate(
            {"id": "agent", "runner": runner or Runner().data(), "container": container}
        )
        return stages.agents.write(idle, kept, {}), Around(workspace=MAIN, container=idle.container)
    return (Statement("agent none"),), Around()


def _sharing(pipeline: Pipeline, made: Plan, stages: StageWriter) -> list[Stage]:
    """The stages that run on the pipeline's own agent."""
    whole = [*made.stages, *(stage for row in made.posts.values() for _, stage, _ in row)]
    names = [one.workspace for one in whole if one.workspace is not None]
    blocks = {one.group for one in pipeline.stages}
    free = [one for one in names if one == MAIN or not any(str(group).startswith(one) for group in blocks)]
    if not free:
        return []
    name = MAIN if MAIN in free else max(dict.fromkeys(free), key=free.count)
    del stages
    return [one for one in whole if one.workspace == name]


def _fetching(made: Plan, stages: StageWriter, around: Around) -> tuple[str, ...]:
    """Find out which stages get the source code by themselves; the options that the pipeline needs for that."""
    taken: set[str] = set()
    holders: list[tuple[Stage, bool]] = []
    for stage in made.stages:
        if hints(stage.vendor).get("agent") == "none":
            continue
        plain = len(stage.steps) > 1 and is_plain(stage.steps[0])
        space = stage.workspace
        if space is None:
            holders.append((stage, plain))
        elif space not in taken:
            taken.add(space)
            holders.append((stage, plain or space in made.fetched))
    if not holders or any(fetches for _, fetches in holders):
        for stage, fetches in holders:
            if fetches and stage.workspace not in made.fetched:
                stages.fetching.add(stage.id)
            elif not fetches and stage.workspace is None:
                stages.skips.add(stage.id)
        return () if not _root_skips(holders, around) else (SKIP,)
    return (SKIP,)


def _root_skips(holders: list[tuple[Stage, bool]], around: Around) -> bool:
    return any(
        stage.workspace == around.workspace and not fetches for stage, fetches in holders if stage.workspace
    )


def _nothing(texts: Texts) -> tuple[Item, ...]:
    """A stage for a pipeline that has none."""
    why = "Jenkins wants a stage: it prints a line"
    texts.losses.add(Fidelity.EQUIVALENT, "stages", "a pipeline without stages", why)
    return (Block("stage('Nothing')", (Block("steps", (Statement(NOTHING),)),)),)


def _libraries(value: Any, texts: Texts) -> tuple[Item, ...]:
    return block(
        "libraries",
        (
            Statement(
                statement("lib", texts.value(one, "vendor.jenkins.libraries")).replace("lib ", "lib(", 1)
                + ")"
            )
            for one in listed(value)
        ),
    )


def _data(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
