"""Stages out: a stage becomes a job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, ordered, overlaid, said
from pipemgr.model.definitions import Data, Stage, Step
from pipemgr.model.expressions import Expression

from .artifact_writer import ArtifactWriter, Downloads
from .executor_writer import DOCKER, ExecutorWriter
from .hand_on import COMMAND, Handed, attached, handed, is_file, summary
from .jobs_plan import Planned
from .orb_writer import OrbCalls
from .phrases import Phrases
from .run_writer import RunWriter
from .step_conditions import test
from .step_writer import StepWriter
from .words import hints, own

ORDER: Final = (
    "description",
    "parameters",
    "docker",
    "machine",
    "macos",
    "executor",
    "resource_class",
    "parallelism",
    "working_directory",
    "shell",
    "environment",
    "steps",
)
INVOKED: Final = (
    "name",
    "requires",
    "context",
    "filters",
    "matrix",
    "pre-steps",
    "post-steps",
    "serial-group",
    "override-with",
)
"""Keys of a job's invocation in a workflow."""
_ORB_JOB: Final = ("job", "parameters")
WORKLESS: Final = ("no-op", "release", "lock", "unlock")
"""Types of jobs without steps."""
OTHER_HINTS: Final = ("unnamed-services", "image", "job", "parameters", "executor", "filters", "job-group")
"""Hints that are no keys of a job."""
NOTHING: Final = "true"
"""The script of a step that does nothing."""


@dataclass(frozen=True)
class Job:
    """A job as `jobs` declares it, and the orbs that it needs."""

    data: Data
    orbs: dict[str, str] = field(default_factory=dict)


class JobWriter:
    """Writes jobs."""

    def __init__(self, phrases: Phrases, downloads: Downloads, named: OrbCalls, between: Handed) -> None:
        self.phrases = phrases
        self.between = between
        self.named = named
        self.losses = phrases.losses
        self.downloads = downloads

    def write(self, stage: Stage, planned: Planned) -> Job:
        """The job that does what a stage says, with the parameters that a matrix gives it."""
        path = f"stages.{stage.id}."
        kept = {
            key: value for key, value in own(stage.vendor).items() if key not in (*INVOKED, *_ORB_JOB, DOCKER)
        }
        if kept.get("type") in WORKLESS:
            return Job(ordered(kept, ORDER))
        phrases = self.phrases.of_matrix(planned.parameters, closed=planned.closed, filled=planned.filled)
        place = planned.place or ExecutorWriter(phrases).place(stage, path, planned.executor)
        handing = self.between.of(stage, place.system)
        phrases = phrases.within(place.known).given(stage.variables).handing(handing.values)
        runs = RunWriter(phrases, place.system, stage.defaults, handing)
        stage = _without_files(stage)
        if stage.defaults is not None and stage.defaults.directory:
            why = "CircleCI's folder of a job is the one it checks out into: each script says its own"
            self.losses.add(Fidelity.EQUIVALENT, f"{path}defaults.directory", "the scripts' folder", why)
        steps = StepWriter(phrases, runs, ArtifactWriter(phrases, place.system, self.downloads), self.named)
        known, variables = self._variables(stage, phrases, f"{path}variables", place.system)
        first: list[JsonValue] = [{COMMAND: {}}] if handing.active else []
        written: list[JsonValue] = [
            *(attached() if handing.needed else []),
            *first,
            *self._halting(phrases, planned.tests, place.system, f"{path}when"),
            *variables,
            *steps.write(self._given(stage, phrases, place.system), f"{path}steps"),
            *self._outputs(stage, phrases),
            *summary(stage, handing, self.losses),
        ]
        known |= handing.defaults
        data = said(
            {
                "parameters": planned.declared,
                **place.data,
                "parallelism": phrases.field(stage.parallelism, f"{path}parallelism"),
                "shell": runs.shell(stage.defaults and stage.defaults.shell, f"{path}defaults.shell")[0],
                "environment": known,
            }
        )
        before = {key: value for key, value in hints(stage.vendor).items() if key not in OTHER_HINTS}
        data = overlaid(data, {**before, **kept})
        if "steps" not in data:
            data["steps"] = written or self._nothing(f"{path}steps")
        return Job(ordered(data, ORDER), steps.orbs)

    def _outputs(self, stage: Stage, phrases: Phrases) -> list[JsonValue]:
        path = f"stages.{stage.id}.outputs"
        names = self.between.taken(stage)
        return (
            handed(stage, {name: phrases.assigned(stage.outputs[name], f"{path}.{name}") for name in names})
            if names
            else []
        )

    def _nothing(self, path: str) -> list[JsonValue]:
        self.losses.add(
            Fidelity.EQUIVALENT, path, "a stage without steps", "CircleCI wants one: it does nothing"
        )
        return [{"run": NOTHING}]

    def _variables(
        self, stage: Stage, phrases: Phrases, path: str, system: str
    ) -> tuple[Data, list[JsonValue]]:
        """What is known as `environment`, and the step that gives scripts the rest."""
        known: Data = {}
        lines: list[str] = []
        for name, value in stage.variables.items():
            if phrases.is_known(value):
                known[name] = phrases.field(value, f"{path}.{name}")
            elif system != "windows" and (text := phrases.assigned(value, f"{path}.{name}")) not in (
                f'"${name}"',
                f'"${{{name}}}"',
            ):
                assignment = f"export {name}={text}".replace("'", "'\\''")
                lines.append(f"echo '{assignment}' >> \"$BASH_ENV\"")
        if not lines:
            return known, []
        return known, [{"run": {"name": "Set environment variables", "command": "\n".join(lines)}}]

    def _given(self, stage: Stage, phrases: Phrases, system: str) -> tuple[Step, ...]:
        """The steps; on Windows, whose shells read no $BASH_ENV, with what only a run can tell."""
        rest = {name: value for name, value in stage.variables.items() if not phrases.is_known(value)}
        if system != "windows" or not rest:
            return stage.steps
        return tuple(
            step.model_copy(update={"variables": {**rest, **step.variables}})
            if step.action == "run"
            else step
            for step in stage.steps
        )

    def _halting(
        self, phrases: Phrases, tests: tuple[Expression, ...], system: str, path: str
    ) -> list[JsonValue]:
        """A first step that ends the job where only a run can tell whether it is wanted."""
        found: list[str] = []
        for node in tests:
            text = test(phrases, node)
            if text is None:
                why = "CircleCI decides before a job runs, and knows nothing of it then; it is now always executed"
                remedy = "decide in a script: circleci-agent step halt ends a job early"
                self.losses.add(Fidelity.DROPPED, path, f"condition {node}", why, remedy)
                continue
            why = "only a run can tell: the first step ends the job where it is not wanted, and it counts as successful"
            remedy = "look at the jobs that require it: they go on then"
            self.losses.add(Fidelity.APPROXIMATE, path, f"condition {node}", why, remedy)
            found.append(f"{text} || circleci-agent step halt")
        if not found:
            return []
        shell: dict[str, Any] = {"shell": "bash.exe -eo pipefail"} if system == "windows" else {}
        return [{"run": {"name": "Find out whether the job is wanted", **shell, "command": "\n".join(found)}}]


def _without_files(stage: Stage) -> Stage:
    """A stage without the variables that name files to write to: each script is told of its own."""
    rest = {name: value for name, value in stage.variables.items() if not is_file(value)}
    return stage.model_copy(update={"variables": rest})
