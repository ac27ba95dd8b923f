"""The check: is an adapter what its `adapter.yaml` declares? For `pipemgr adapter check`."""

from __future__ import annotations

from collections.abc import Iterator

from pipemgr.errors import PipemgrError
from pipemgr.model.base import Value
from pipemgr.model.support import Support

from .base import Adapter
from .capabilities import Capability
from .manifest import Manifest, folder
from .registry import Registry

README = "README.md"

VERBS: dict[Capability, tuple[str, ...]] = {
    Capability.READ: ("reader", "language"),
    Capability.WRITE: ("writer", "language"),
    Capability.PROBE: ("probe",),
    Capability.LIST: ("pipelines",),
    Capability.FETCH: ("fetch",),
    Capability.PUBLISH: ("publish",),
    Capability.DELETE: ("delete",),
    Capability.POLL: ("poll",),
    Capability.SNAPSHOT: ("snapshot",),
    Capability.HISTORY: ("history",),
    Capability.START: ("start",),
    Capability.CANCEL: ("cancel",),
    Capability.RERUN: ("rerun",),
    Capability.APPROVE: ("approve",),
    Capability.LOGS: ("logs",),
    Capability.ARTIFACTS: ("artifacts",),
    Capability.DOWNLOAD: ("download",),
    Capability.TESTS: ("tests",),
    Capability.WEBHOOKS: ("receive",),
}
"""The methods that do what a capability says; one of them must be there."""

NEEDS: dict[Capability, Capability] = {
    Capability.PUBLISH: Capability.FETCH,
    Capability.POLL: Capability.SNAPSHOT,
    Capability.HISTORY: Capability.POLL,
    Capability.WEBHOOKS: Capability.POLL,
    Capability.STAGES: Capability.SNAPSHOT,
    Capability.STEPS: Capability.STAGES,
    Capability.ATTEMPTS: Capability.SNAPSHOT,
    Capability.LIVE_LOGS: Capability.LOGS,
    Capability.DOWNLOAD: Capability.ARTIFACTS,
}
"""Capabilities that mean nothing without another one."""


class Problem(Value):
    """One thing that is not as declared."""

    subject: str
    """A capability, a setting or a file."""
    message: str
    remedy: str = ""


def check(name: str, registry: Registry | None = None) -> tuple[Problem, ...]:
    """Everything that is wrong with an adapter; empty when it is what it declares to be.

    Raises `UnknownAdapter` when none of that name is installed, or its manifest is wrong.
    """
    registry = registry or Registry()
    manifest = registry.manifest(name)
    try:
        adapter = registry.load(name)
    except PipemgrError as error:
        return (Problem(subject="import", message=str(error), remedy=error.remedy or ""),)
    return (
        *_verbs(adapter, manifest),
        *_needs(manifest),
        *_settings(adapter),
        *_language(registry, name, manifest),
        *_files(registry, name),
    )


def _verbs(adapter: type[Adapter], manifest: Manifest) -> Iterator[Problem]:
    for capability, methods in VERBS.items():
        answer = manifest.capabilities[capability]
        done = any(_overrides(adapter, method) for method in methods)
        if answer and not done:
            message = f"declared {answer.support}, but {methods[0]}() is not there"
            yield Problem(
                subject=capability, message=message, remedy=f"write it, or declare {Support.NOT_IMPLEMENTED}"
            )
        elif done and not answer:
            message = f"declared {answer.support}, but {methods[0]}() is there"
            yield Problem(
                subject=capability, message=message, remedy=f"declare {Support.FULL} or {Support.PARTIAL}"
            )


def _overrides(adapter: type[Adapter], method: str) -> bool:
    return any(method in vars(kind) for kind in adapter.__mro__ if kind not in Adapter.__mro__)


def _needs(manifest: Manifest) -> Iterator[Problem]:
    for capability, needed in NEEDS.items():
        if manifest.capabilities[capability] and not manifest.capabilities[needed]:
            yield Problem(
                subject=capability, message=f"means nothing without {needed}", remedy="declare both"
            )


def _settings(adapter: type[Adapter]) -> Iterator[Problem]:
    for name, field in adapter.Settings.model_fields.items():
        if not field.description:
            yield Problem(
                subject=f"{adapter.Settings.__name__}.{name}",
                message="has no description",
                remedy='Field(..., description="...")',
            )


def _language(registry: Registry, name: str, manifest: Manifest) -> Iterator[Problem]:
    """Reader and writer must be usable without a connection."""
    if not (manifest.capabilities[Capability.READ] and manifest.capabilities[Capability.WRITE]):
        return
    try:
        registry.dialect(name)
    except Exception as error:  # noqa: BLE001 - whatever an author's code raises is what is to be told
        yield Problem(subject="language", message=f"reader and writer can't be made: {error}")


def _files(registry: Registry, name: str) -> Iterator[Problem]:
    if not (folder(registry.entry(name)) / README).is_file():
        yield Problem(
            subject=README, message="is not there", remedy="say what the adapter needs and how it is set up"
        )
