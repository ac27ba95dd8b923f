"""The cluster: resources of controllers listed page by page through the official client, and logs of pods.

Lists as in https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks: `limit`
and `continue`, begun anew when a token is too old (410). Needs the extra `kubernetes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from urllib3.util import Retry

from pipemgr.adapter import (
    AdapterError,
    AuthenticationFailed,
    LogChunk,
    NotAllowed,
    NotFound,
    RateLimited,
    Refused,
    Statuses,
    Unreachable,
)

from . import resources, runs
from .journal import Observation
from .layout import Layout
from .settings import GitOpsSettings, Kubernetes

LIMIT: Final = 250
"""Resources of one page."""
PAGES: Final = 400
SECONDS: Final = (10.0, 30.0)
"""To reach the API server, and between two pieces of its answer."""
PIECE: Final = 1 << 20
"""Bytes of a log that are read at once."""
APIS: Final = {
    "Application": ("argoproj.io", "v1alpha1", "applications"),
    "Workflow": ("argoproj.io", "v1alpha1", "workflows"),
    "Kustomization": ("kustomize.toolkit.fluxcd.io", "v1", "kustomizations"),
    "HelmRelease": ("helm.toolkit.fluxcd.io", "v2", "helmreleases"),
    "GitRepository": ("source.toolkit.fluxcd.io", "v1", "gitrepositories"),
    "PipelineRun": ("tekton.dev", "v1", "pipelineruns"),
    "TaskRun": ("tekton.dev", "v1", "taskruns"),
}
"""Group, version and plural of each kind."""


class Cluster:
    """One cluster, read only. Raises only `AdapterError`s."""

    def __init__(self, settings: Kubernetes, home: Path, where: str) -> None:
        self.settings = settings
        self.home = home
        self.where = where

    @cached_property
    def _client(self) -> Any:
        try:
            from kubernetes import client, config

            load: Any = config  # it has types, but not for these two
        except ImportError:
            raise Refused(
                "the settings name a cluster, but its client is not installed",
                where=self.where,
                remedy="pip install 'pipemgr[kubernetes]'",
            ) from None
        made = client.Configuration()
        made.retries = Retry(total=0, respect_retry_after_header=False)  # workers don't sleep for a server
        try:
            if self.settings.kubeconfig is None:
                load.load_incluster_config(made)
            else:
                path = str(self.home / Path(self.settings.kubeconfig).expanduser())
                load.load_kube_config(path, self.settings.context, made, persist_config=False)
        except config.ConfigException as error:
            raise Refused(
                f"the cluster's configuration can't be used: {error}",
                where=self.where,
                remedy="correct `kubernetes`",
            ) from None
        return client.ApiClient(made)

    def kinds(self) -> tuple[str, ...]:
        """The kinds that the cluster has, of those that the settings name."""
        return tuple(kind for kind in self.settings.kinds if self._listed(kind, 1) is not None)

    def observations(
        self, layout: Layout, settings: GitOpsSettings, words: Statuses
    ) -> Iterator[Observation]:
        """What all resources say."""
        found = {kind: self._listed(kind, LIMIT) or [] for kind in self.settings.kinds}
        sources = {resources.key(one): one for one in found.get("GitRepository", ())}
        for one in found.get("Application", ()):
            yield from resources.application(one, layout, settings, words)
        for one in found.get("Kustomization", ()):
            yield from resources.kustomization(one, sources, layout, settings, words)
        for one in found.get("HelmRelease", ()):
            yield from resources.helm_release(one, layout, words)
        tasks = runs.by_owner(found.get("TaskRun", ()))
        for one in found.get("PipelineRun", ()):
            yield from runs.pipeline_run(one, tasks, layout, words)
        for one in found.get("Workflow", ()):
            yield from runs.workflow(one, layout, words)

    def log(self, name: str, offset: int, *, complete: bool) -> LogChunk:
        """Part of a container's log (`NAMESPACE/POD/CONTAINER`). The API has no offsets: what is before is read too."""
        from kubernetes import client

        namespace, pod, container = name.split("/", 2)
        response = self._ask(
            client.CoreV1Api(self._client).read_namespaced_pod_log,
            pod,
            namespace,
            container=container,
            limit_bytes=offset + PIECE,
            _preload_content=False,
        )
        data = response.data[offset:]
        whole = len(data) < PIECE
        text = data.decode("utf-8", "ignore") if not whole else data.decode("utf-8", "replace")
        return LogChunk(
            text=text,
            offset=offset + (len(data) if whole else len(text.encode())),
            complete=complete and whole,
        )

    def _listed(self, kind: str, limit: int) -> list[dict[str, Any]] | None:
        """All resources of a kind; None when the cluster has no such kind."""
        found: list[dict[str, Any]] = []
        for namespace in self.settings.namespaces or (None,):
            rows = self._pages(kind, namespace, limit)
            if rows is None:
                return None
            found += rows
        return found

    def _pages(self, kind: str, namespace: str | None, limit: int) -> list[dict[str, Any]] | None:
        from kubernetes import client

        api, (group, version, plural) = client.CustomObjectsApi(self._client), APIS[kind]
        verb = api.list_namespaced_custom_object if namespace else api.list_cluster_custom_object
        place = (group, version, namespace, plural) if namespace else (group, version, plural)
        found: list[dict[str, Any]] = []
        following: dict[str, str] = {}
        for _ in range(PAGES):
            try:
                answer = self._ask(verb, *place, limit=limit, **following)
            except NotFound:
                return None
            except _Expired:
                found, following = [], {}
                continue
            if not isinstance(answer, dict):
                raise Unreachable(
                    f"{kind}: the answer is no list", where=self.where, remedy="is it a Kubernetes API?"
                )
            found += [one for one in answer.get("items") or () if isinstance(one, dict)]
            token = (answer.get("metadata") or {}).get("continue")
            if not token or limit == 1:
                break
            following = {"_continue": token}
        return found

    def _ask(self, verb: Any, *place: Any, **more: Any) -> Any:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return verb(*place, **more, _request_timeout=SECONDS)
        except ApiException as error:
            raise self._refusal(error) from None
        except (HTTPError, ValueError) as error:
            raise Unreachable(
                f"the cluster does not answer: {type(error).__name__}",
                where=self.where,
                remedy="check the kubeconfig",
            ) from None

    def _refusal(self, error: Any) -> AdapterError:
        said = f"the cluster answered {error.status} {error.reason or ''}".strip()
        match error.status:
            case 401:
                return AuthenticationFailed(
                    said, where=self.where, remedy="renew the account in the kubeconfig"
                )
            case 403:
                return NotAllowed(said, where=self.where, remedy="let the account list these resources")
            case 404:
                return NotFound(said, where=self.where, remedy="is the controller installed?")
            case 410:
                return _Expired(said, where=self.where)
            case 429:
                after = str((error.headers or {}).get("Retry-After", ""))
                return RateLimited(
                    said, retry_after=float(after) if after.isdecimal() else 10.0, where=self.where
                )
        return Unreachable(said, where=self.where, remedy="it is tried again by itself")


class _Expired(Unreachable):
    """A list's token is too old: begin anew."""
