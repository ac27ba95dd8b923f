"""Resources: what Argo CD's and Flux's say of a commit, as observations. Pure functions on their JSON.

Application: https://argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml and its CRD. `history` holds
the last ten successes only; what failed is in `operationState` until the next sync begins.
Kustomization, HelmRelease, GitRepository: https://fluxcd.io/flux/components/. A status counts only when its
`observedGeneration` is the resource's `generation`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pipemgr.adapter import Statuses, same
from pipemgr.model.runs import Confidence, StageInstance, StepInstance

from .journal import SHA_LIKE, Observation, moment
from .layout import Layout
from .settings import GitOpsSettings
from .stages import HEALTHY, SEEN, SYNCED, lane, stage

Resource = dict[str, Any]
_REVISION: Final = re.compile(r"(?:sha1:|sha256:|/|^)([0-9a-f]{40}(?:[0-9a-f]{24})?)$")


def key(resource: Resource) -> str:
    """A resource's NAMESPACE/NAME."""
    meta = part(resource, "metadata")
    return f"{meta.get('namespace', '')}/{meta.get('name', '')}"


def part(value: object, *names: str) -> dict[str, Any]:
    """The object at a path of names; empty where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[dict[str, Any]]:
    """The objects of a list; empty where there is none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def condition(resource: Resource, kind: str) -> dict[str, Any]:
    """A condition by its type; empty where there is none."""
    return next(
        (one for one in rows(part(resource, "status").get("conditions")) if one.get("type") == kind), {}
    )


# Argo CD -------------------------------------------------------------------------------------------------


def application(
    app: Resource, layout: Layout, settings: GitOpsSettings, words: Statuses
) -> Iterator[Observation]:
    """Its syncs: the last successes, and the operation that runs or ran last, with the health that it led to."""
    namespace, _, name = key(app).partition("/")
    for pipeline in _of_application(app, layout, settings):
        for environment in layout.told_by_resource(namespace, name, pipeline):
            where = lane(environment, f"application {namespace}/{name}")
            yield from _syncs(app, pipeline, where, words)


def _of_application(app: Resource, layout: Layout, settings: GitOpsSettings) -> list[str]:
    spec = part(app, "spec")
    dry = part(spec, "sourceHydrator", "drySource")
    sources = [part(spec, "source"), dry, *rows(spec.get("sources"))]
    folders = [
        str(one.get("path") or "")
        for one in sources
        if same(str(one.get("repoURL") or "-"), settings.repository)
    ]
    return sorted({name for folder in folders for name in layout.below(folder)})


def _syncs(app: Resource, pipeline: str, where: str, words: Statuses) -> Iterator[Observation]:
    status, source = part(app, "status"), f"application {key(app)}"
    for one in rows(status.get("history")):
        began, ended = one.get("deployStartedAt") or one.get("deployedAt"), moment(one.get("deployedAt"))
        made = stage(
            SYNCED, words.status("argo-operation", "Succeeded"), where=where, source=source,
            started=moment(began), finished=ended,
        )  # fmt: skip
        yield from _each(pipeline, _commits(one), where, str(began), (made,))
    operation = part(status, "operationState")
    if operation:
        result = part(operation, "syncResult") or part(operation, "operation", "sync")
        stages = tuple(_operation(operation, status, where, source, words))
        yield from _each(pipeline, _commits(result), where, str(operation.get("startedAt")), stages)
    compared = _commits(part(status, "sync"))
    made = stage(SEEN, words.status("git", SEEN), where=where, source=source)
    yield from _each(pipeline, compared, where, SEEN, (made,))
    yield from _hydrating(status, pipeline, where, source, words)


def _hydrating(
    status: Resource, pipeline: str, where: str, source: str, words: Statuses
) -> Iterator[Observation]:
    hydrating = part(status, "sourceHydrator", "currentOperation")
    if hydrating:
        said = words.status(
            "argo-hydrate", hydrating.get("phase"), reason=str(hydrating.get("message") or "")
        )
        began, ended = moment(hydrating.get("startedAt")), moment(hydrating.get("finishedAt"))
        made = stage(SEEN, said, where=where, source=source, started=began, finished=ended)
        yield from _each(pipeline, [str(hydrating.get("drySHA"))], f"{where} hydrator", SEEN, (made,))


def _operation(
    operation: Resource, status: Resource, where: str, source: str, words: Statuses
) -> Iterator[StageInstance]:
    said = words.status(
        "argo-operation", operation.get("phase"), reason=str(operation.get("message") or "")[:2000]
    )
    began, ended = moment(operation.get("startedAt")), moment(operation.get("finishedAt"))
    steps = [_resource(one, words) for one in rows(part(operation, "syncResult").get("resources"))]
    yield stage(SYNCED, said, where=where, source=source, started=began, finished=ended, steps=steps)
    health = part(status, "health")
    if health.get("status") and said.good:
        reason = str(health.get("message") or "")
        told = words.status("argo-health", health.get("status"), reason=reason)
        at = moment(health.get("lastTransitionTime")) or ended
        yield stage(HEALTHY, told, where=where, source=source, finished=at if told.finished else None)


def _resource(one: Resource, words: Statuses) -> StepInstance:
    name = "/".join(str(one.get(field)) for field in ("kind", "namespace", "name") if one.get(field))
    status = words.status("argo-resource", one.get("status"), reason=str(one.get("message") or "")[:500])
    return StepInstance(external_id=name, name=name, status=status)


def _commits(said: Resource) -> list[str]:
    many = said.get("revisions")
    return [str(one) for one in (many if isinstance(many, list) and many else [said.get("revision")]) if one]


def _each(
    pipeline: str, revisions: Iterable[str], where: str, operation: str, stages: tuple[StageInstance, ...]
) -> Iterator[Observation]:
    for one in revisions:
        if SHA_LIKE.fullmatch(one):
            yield Observation(pipeline, one, where, operation, stages)


# Flux ----------------------------------------------------------------------------------------------------


def kustomization(
    resource: Resource,
    sources: Mapping[str, Resource],
    layout: Layout,
    settings: GitOpsSettings,
    words: Statuses,
) -> Iterator[Observation]:
    """Its readiness: a new reconciliation each time that the condition turned."""
    namespace, _, name = key(resource).partition("/")
    reference = part(resource, "spec", "sourceRef")
    found = sources.get(f"{reference.get('namespace') or namespace}/{reference.get('name')}")
    if found is not None and not same(str(part(found, "spec").get("url") or "-"), settings.repository):
        return
    revision = _flux_revision(resource)
    for pipeline in layout.below(str(part(resource, "spec").get("path") or "")) if revision else ():
        for environment in layout.told_by_resource(namespace, name, pipeline):
            where = lane(environment, f"kustomization {namespace}/{name}")
            if (told := _ready(resource, where, f"kustomization {key(resource)}", words)) is not None:
                operation, stages = told
                yield Observation(pipeline, str(revision), where, operation, stages, goes_on=True)


def helm_release(resource: Resource, layout: Layout, words: Statuses) -> Iterator[Observation]:
    """Its readiness, when its chart comes from a commit: other charts have versions that name none."""
    namespace, _, name = key(resource).partition("/")
    revision = _flux_revision(resource)
    chart = str(part(resource, "spec", "chart", "spec").get("chart") or "")
    for pipeline in layout.below(chart) if revision else ():
        for environment in layout.told_by_resource(namespace, name, pipeline):
            where = lane(environment, f"helmrelease {namespace}/{name}")
            if (told := _ready(resource, where, f"helmrelease {key(resource)}", words)) is not None:
                operation, stages = told
                yield Observation(pipeline, str(revision), where, operation, stages, goes_on=True)


def _flux_revision(resource: Resource) -> str | None:
    """The commit in `main@sha1:<id>`, or in the older `main/<id>`."""
    status = part(resource, "status")
    said = str(status.get("lastAttemptedRevision") or status.get("lastAppliedRevision") or "")
    match = _REVISION.search(said)
    return match[1] if match else None


def _ready(
    resource: Resource, where: str, source: str, words: Statuses
) -> tuple[str, tuple[StageInstance, ...]] | None:
    meta, spec, status = (part(resource, one) for one in ("metadata", "spec", "status"))
    ready, healthy = condition(resource, "Ready"), condition(resource, "Healthy")
    if not ready or spec.get("suspend") or status.get("observedGeneration") != meta.get("generation"):
        return None
    stages = [_conditional(SYNCED, ready, where, source, words)]
    stages += [_conditional(HEALTHY, healthy, where, source, words)] if healthy else []
    return str(ready.get("lastTransitionTime")), tuple(stages)


def _conditional(phase: str, one: Resource, where: str, source: str, words: Statuses) -> StageInstance:
    said = words.status(
        "flux", one.get("status"), one.get("reason"), reason=str(one.get("message") or "")[:2000]
    )
    at = moment(one.get("lastTransitionTime"))
    confidence = Confidence.CERTAIN
    return stage(phase, said, where=where, source=source, confidence=confidence, started=at, finished=at)
