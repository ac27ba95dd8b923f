"""Runs: Tekton's PipelineRuns and Argo's Workflows, with their tasks and steps. Pure functions on their JSON.

https://tekton.dev/docs/pipelines/pipelineruns/#monitoring-execution-status,
https://argo-workflows.readthedocs.io/en/latest/fields/. Controllers remove old runs, and with them their pods' logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pipemgr.adapter import Statuses
from pipemgr.model.runs import BuildLog, Confidence, Evidence, StageInstance, StepInstance
from pipemgr.model.status import Status

from .journal import SHA_LIKE, Observation, moment
from .layout import Layout
from .resources import Resource, condition, key, part, rows
from .stages import lane

SHA_LABELS: Final = (
    "pipelinesascode.tekton.dev/sha",
    "tekton.dev/git-revision",
    "workflows.argoproj.io/revision",
)
"""Labels and annotations that hold the commit that a run is of; the first is Pipelines-as-Code's."""
SHA_PARAMETERS: Final = frozenset({"revision", "git-revision", "git_revision", "commit", "commit-sha", "sha"})
PODS: Final = frozenset({"Pod", "Suspend", "Skipped", "HTTP", "Container", "Plugin"})
"""Nodes of a workflow that do something; the others only hold them."""


def by_owner(tasks: Iterable[Resource]) -> dict[str, Resource]:
    """TaskRuns by their NAMESPACE/NAME, as runs refer to them."""
    return {key(one): one for one in tasks}


def pipeline_run(
    run: Resource, tasks: Mapping[str, Resource], layout: Layout, words: Statuses
) -> Iterator[Observation]:
    """One run: a stage for each task, also for those that were skipped."""
    labels = {**part(run, "metadata", "annotations"), **part(run, "metadata", "labels")}
    named = str(labels.get("tekton.dev/pipeline") or part(run, "metadata").get("name") or "")
    parameters = rows(part(run, "spec").get("params"))
    namespace = str(part(run, "metadata").get("namespace") or "")
    status, source = part(run, "status"), f"pipelinerun {key(run)}"
    found = [
        _task(one, tasks.get(f"{namespace}/{one.get('name')}"), source, words)
        for one in rows(status.get("childReferences"))
    ]
    found += [(_skipped(one, source, words), []) for one in rows(status.get("skippedTasks"))]
    own = condition(run, "Succeeded")
    stages = [one for one, _ in found] or [_whole(run, own, source, words)]
    logs = tuple(log for _, some in found for log in some)
    yield from _run(run, (labels, parameters), named, (tuple(stages), logs), layout)


def _whole(run: Resource, own: Resource, source: str, words: Statuses) -> StageInstance:
    """A run without tasks: it waits, or it could not begin."""
    name = str(part(run, "metadata").get("name"))
    status = part(run, "status")
    times = (moment(status.get("startTime")), moment(status.get("completionTime")))
    return _stage(name, _said(own, words), times, source)


def _task(
    reference: Resource, task: Resource | None, source: str, words: Statuses
) -> tuple[StageInstance, list[BuildLog]]:
    name = str(reference.get("pipelineTaskName") or reference.get("name"))
    identity = str(reference.get("name"))
    if task is None:
        return _stage(name, words.status("git", "waiting"), (None, None), source, identity=identity), []
    status = part(task, "status")
    times = (moment(status.get("startTime")), moment(status.get("completionTime")))
    steps = [_step(one, words) for one in rows(status.get("steps"))]
    made = _stage(
        name, _said(condition(task, "Succeeded"), words), times, source, identity=identity, steps=tuple(steps)
    )
    pod, namespace = status.get("podName"), part(task, "metadata").get("namespace")
    logs = [
        BuildLog(
            name=f"{namespace}/{pod}/{one.get('container')}",
            stage=made.external_id,
            step=str(one.get("name")),
            complete=bool(one.get("terminated")),
        )
        for one in rows(status.get("steps"))
        if pod and one.get("container") and not one.get("waiting")
    ]
    return made, logs


def _step(one: Resource, words: Statuses) -> StepInstance:
    ended, running = part(one, "terminated"), part(one, "running")
    code = ended.get("exitCode")
    if ended:
        word = "Succeeded" if code == 0 else str(ended.get("reason") or "Error")
        status = words.status("tekton", word, reason="" if code == 0 else f"exit code {code}")
    else:
        reason = str(part(one, "waiting").get("reason") or "")
        status = words.status("git", "running" if running else "waiting", reason=reason)
    return StepInstance(
        external_id=str(one.get("name")),
        name=str(one.get("name")),
        step=str(one.get("name")),
        status=status,
        started_at=moment((ended or running).get("startedAt")),
        finished_at=moment(ended.get("finishedAt")),
        exit_code=code if isinstance(code, int) else None,
    )


def _skipped(one: Resource, source: str, words: Statuses) -> StageInstance:
    status = words.status("tekton", "Skipped", reason=str(one.get("reason") or ""))
    return _stage(str(one.get("name")), status, (None, None), source)


def _said(own: Resource, words: Statuses) -> Status:
    if not own:
        return words.status("git", "waiting")
    return words.status(
        "tekton", own.get("status"), own.get("reason"), reason=str(own.get("message") or "")[:2000]
    )


def workflow(run: Resource, layout: Layout, words: Statuses) -> Iterator[Observation]:
    """One workflow: a stage for each node that does something."""
    status, source = part(run, "status"), f"workflow {key(run)}"
    labels = {**part(run, "metadata", "annotations"), **part(run, "metadata", "labels")}
    named = str(
        labels.get("workflows.argoproj.io/workflow-template")
        or part(run, "metadata").get("generateName")
        or ""
    )
    namespace = part(run, "metadata").get("namespace")
    nodes = [
        one for one in part(status, "nodes").values() if isinstance(one, dict) and one.get("type") in PODS
    ]
    nodes.sort(key=lambda one: (str(one.get("startedAt") or "~"), str(one.get("id"))))
    stages = [_node(one, source, words) for one in nodes]
    if not stages:
        times = (moment(status.get("startedAt")), moment(status.get("finishedAt")))
        said = words.status(
            "argo-workflow", status.get("phase") or "Pending", reason=str(status.get("message") or "")
        )
        stages = [_stage(str(part(run, "metadata").get("name")), said, times, source)]
    logs = [
        BuildLog(
            name=f"{namespace}/{one.get('id')}/main",
            stage=str(one.get("id")),
            complete=bool(one.get("finishedAt")),
        )
        for one in nodes
        if one.get("type") == "Pod"
    ]
    parameters = rows(part(run, "spec", "arguments").get("parameters"))
    yield from _run(run, (labels, parameters), named.rstrip("-"), (tuple(stages), tuple(logs)), layout)


def _node(one: Resource, source: str, words: Statuses) -> StageInstance:
    phase = one.get("phase") or "Pending"
    status = words.status("argo-workflow", phase, reason=str(one.get("message") or "")[:2000])
    times = (moment(one.get("startedAt")), moment(one.get("finishedAt")))
    code = str(part(one, "outputs").get("exitCode") or "")
    step = StepInstance(
        external_id="main",
        name=str(one.get("templateName") or "main"),
        status=status,
        started_at=times[0],
        finished_at=times[1],
        exit_code=int(code) if code.isdecimal() else None,
    )
    made = _stage(
        str(one.get("displayName") or one.get("name")), status, times, source,
        identity=str(one.get("id")), steps=(step,) if one.get("type") == "Pod" else (),
    )  # fmt: skip
    return made.model_copy(update={"runner": one.get("hostNodeName")})


def _stage(  # noqa: PLR0913 - a stage is all of this
    name: str,
    status: Status,
    times: tuple[Any, Any],
    source: str,
    *,
    identity: str = "",
    steps: tuple[StepInstance, ...] = (),
) -> StageInstance:
    return StageInstance(
        external_id=identity or name,
        name=name,
        stage=name,
        status=status,
        started_at=times[0],
        finished_at=times[1] if status.finished else None,
        evidence=Evidence(source=source, confidence=Confidence.CERTAIN),
        steps=steps,
    )


def _run(
    run: Resource,
    facts: tuple[Mapping[str, Any], list[Resource]],
    named: str,
    told: tuple[tuple[StageInstance, ...], tuple[BuildLog, ...]],
    layout: Layout,
) -> Iterator[Observation]:
    """The observation for each pipeline of that name, in each environment that the run is of."""
    meta = part(run, "metadata")
    labels, parameters = facts
    given = [str(one.get("value")) for one in parameters if one.get("name") in SHA_PARAMETERS]
    revision = next(
        (one for one in [*(str(labels.get(name)) for name in SHA_LABELS), *given] if SHA_LIKE.fullmatch(one)),
        "",
    )
    for pipeline in layout.named(named):
        for environment in layout.told_by_resource(
            str(meta.get("namespace")), str(meta.get("name")), pipeline
        ):
            where = lane(environment, f"run of {named}")
            yield Observation(
                pipeline, revision, where, str(meta.get("uid") or key(run)), told[0], told[1],
                at=moment(meta.get("creationTimestamp")), parallel=True,
            )  # fmt: skip
