"""Effects: what it means for the work that a target lacks a feature, for the report.

`dropped` is for what was meant to happen and no longer does; where the same work is done and only its look, its pace or
its limits differ, the loss is `equivalent` or `approximate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .report import Fidelity

_BRANCHES: Final = ("trigger.branches", "trigger.branches-ignore", "trigger.tags", "trigger.tags-ignore")


@dataclass(frozen=True)
class Effect:
    """How much is lost without a feature, and what happens then."""

    fidelity: Fidelity
    says: str


def _dropped(says: str) -> Effect:
    return Effect(Fidelity.DROPPED, says)


def _nearly(says: str) -> Effect:
    return Effect(Fidelity.APPROXIMATE, says)


def _same(says: str) -> Effect:
    return Effect(Fidelity.EQUIVALENT, says)


_EFFECTS: Final[Mapping[str, Effect]] = {
    "pipeline.build-name": _nearly("builds are named as the target names them"),
    "pipeline.triggers": _dropped("nothing in the definition starts builds"),
    "pipeline.parameters": _dropped("nobody can set them any more"),
    "pipeline.concurrency": _dropped("several builds may now run at a time"),
    "pipeline.permissions": _nearly("the build's token keeps the rights that the target gives by default"),
    "stage.permissions": _nearly("the build's token keeps the rights that the target gives by default"),
    **dict.fromkeys(_BRANCHES, _dropped("builds now start for all of them")),
    **dict.fromkeys(
        ("trigger.paths", "trigger.paths-ignore"), _nearly("builds now start whatever file changed")
    ),
    "trigger.types": _nearly("builds now start for other happenings of the event too"),
    "trigger.cron": _dropped("nothing starts builds at these times"),
    "trigger.timezone": _nearly("the times count in the target's own time zone"),
    "parameter.description": _same("it is only shown to people"),
    "parameter.required": _nearly("a build may now begin without it"),
    "parameter.choices": _nearly("any value is taken"),
    "stage.name": _same("the stage is shown by its id"),
    "stage.when": _dropped("the stage is now always executed"),
    "stage.approval": _dropped("the stage now begins without asking anybody"),
    "stage.needs": _dropped("the stage no longer waits for others"),
    "stage.concurrency": _dropped("several may now run at a time"),
    "stage.fail-fast": _nearly("how one failed combination concerns the others is up to the target"),
    "stage.max-parallel": _nearly("as many combinations run at a time as the target likes"),
    "stage.parallelism": _dropped("one machine now does the whole stage"),
    "stage.environment": _dropped("no deployment is recorded, and its secrets and protection don't apply"),
    "environment.url": _nearly("the deployment has no link"),
    "pipeline.timeout": _nearly("only time limits of stages end a build"),
    "stage.workspace": _dropped("the stage no longer finds the files that others left"),
    "stage.container": _dropped("the steps now run on the machine itself, without what is in the image"),
    "stage.services": _dropped("nothing runs beside the steps"),
    "stage.timeout": _nearly("only the target's own time limit ends it"),
    "stage.retry": _nearly("a failed stage waits for somebody to execute it again"),
    "stage.allow-failure": _dropped("a failure now fails the build"),
    "stage.group": _same("the stage is shown without the block around it"),
    "runner.size": _nearly("a machine of the target's usual size is taken"),
    "step.name": _same("the step is shown by what it does"),
    "step.id": _same("what asks for it is told where it asks"),
    "step.when": _dropped("the step is now always executed"),
    "step.timeout": _nearly("only the time limit of the stage, or the target's own, ends it"),
    "step.idle-timeout": _nearly("a step that prints nothing goes on until a time limit ends it"),
    "step.background": _dropped("the next steps now wait until it ends"),
    "step.allow-failure": _dropped("a failure now ends the stage"),
}
_CANCELS: Final = _nearly("what is out of date is no longer canceled, and several may run at a time")
_NO_TOKEN: Final = _same("the target's builds have no token whose rights could be set")


TOLD_BY_NOTE: Final = frozenset(
    {"stage.fail-fast", "stage.group", "stage.max-parallel", "stage.permissions", "pipeline.permissions"}
)
"""Where an adapter's own note on what it lacks says all that there is to say."""


def effect(name: str, value: Any, *, tokens: bool = True) -> Effect:
    """What is lost where a feature is taken out of `value`; `tokens` says whether the target's builds have one."""
    if name.endswith("concurrency") and value.concurrency.cancel_running:
        return _CANCELS
    if name.endswith("permissions") and not tokens:
        return _NO_TOKEN
    return _EFFECTS.get(name, _dropped(""))
