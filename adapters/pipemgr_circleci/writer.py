"""The writer: a pipeline becomes a configuration that looks as if a person had written it."""

from __future__ import annotations

from typing import Final

from pipemgr.adapter import Fidelity, Losses, Tables, Writer, Writing, emit, ordered, overlaid, said, single
from pipemgr.model.definitions import Data, Parameter, Pipeline

from .artifact_writer import Downloads
from .computed import with_computed
from .filter_writer import TriggerWriter
from .hand_on import COMMAND, Handed, command
from .job_writer import JobWriter
from .jobs_plan import Plan
from .phrases import Phrases, Scope
from .sharing import shared
from .words import Words, hints, own
from .workflow_writer import WorkflowWriter

PATH: Final = ".circleci/config.yml"
VERSION: Final = 2.1
ORDER: Final = ("version", "setup", "orbs", "parameters", "commands", "executors", "jobs", "workflows")
_UNUSED: Final = ("orbs", "commands", "executors", "jobs", "job-groups", "setup")
TYPES: Final = {"boolean": "boolean", "number": "integer", "choice": "enum"}


class CircleCIWriter(Writer):
    """Writes `.circleci/config.yml`, version 2.1."""

    def __init__(self, tables: Tables | None = None) -> None:
        self.words = Words(tables)

    def write(self, pipeline: Pipeline) -> Writing:
        """The configuration that does what `pipeline` says."""
        losses = Losses()
        pipeline = with_computed(pipeline)
        types: dict[str, str] = {name: one.type for name, one in pipeline.parameters.items()}
        phrases = Phrases(self.words, losses, Scope(types=types))
        text = emit(_config(pipeline, phrases))
        return Writing(single(PATH, text), tuple(dict.fromkeys(losses.findings)))


def _config(pipeline: Pipeline, phrases: Phrases) -> Data:
    plan = Plan(pipeline, phrases)
    started = TriggerWriter(phrases.losses).write(pipeline)
    jobs: Data = {}
    orbs: Data = {}
    handed = Handed(pipeline, phrases.losses)
    writer = JobWriter(phrases, Downloads(pipeline), plan.orbs, handed)
    for stage in pipeline.stages:
        planned = plan[stage.id]
        if not planned.invoked_only:
            job = writer.write(stage, planned)
            jobs[planned.key] = job.data
            orbs |= job.orbs
    _tell_version(pipeline, phrases)
    executors, jobs = shared(jobs, plan.executors)
    workflows = WorkflowWriter(phrases, plan, started).write(pipeline)
    data = said(
        {
            "version": VERSION,
            "orbs": dict(sorted(orbs.items())),
            "parameters": {name: _parameter(one, name, phrases) for name, one in pipeline.parameters.items()},
            "commands": {COMMAND: command()} if handed.is_used else None,
            "executors": executors,
            "jobs": jobs,
            "workflows": workflows,
        }
    )
    return ordered(overlaid(_as_before(data, hints(pipeline.vendor)), own(pipeline.vendor)), ORDER)


def _tell_version(pipeline: Pipeline, phrases: Phrases) -> None:
    if version := hints(pipeline.vendor).get("version"):
        why = "written as version 2.1, which means the same"
        phrases.losses.add(Fidelity.EQUIVALENT, "vendor.circleci.hints.version", f"version {version}", why)


def _as_before(data: Data, kept: Data) -> Data:
    """The configuration with what CircleCI ignores, and what no workflow uses, where it stood before."""
    top = kept.get("top")
    found = overlaid(data, {key: kept[key] for key in _UNUSED if key in kept})
    workflows = found.get("workflows")
    if "workflows-version" in kept and isinstance(workflows, dict):
        found["workflows"] = {"version": kept["workflows-version"], **workflows}
    return {**(top if isinstance(top, dict) else {}), **found}


def _parameter(parameter: Parameter, name: str, phrases: Phrases) -> Data:
    """A parameter of the pipeline; CircleCI wants a default, so that a push can start it too."""
    kind = TYPES.get(parameter.type, "string")
    default = parameter.default
    if default is None:
        empty = {"boolean": False, "integer": 0, "enum": parameter.choices[0] if parameter.choices else ""}
        default = empty.get(kind, "")
    if kind in ("string", "enum") and not isinstance(default, str):
        default = str(default).lower() if isinstance(default, bool) else str(default)
    found = {
        "description": parameter.description,
        "enum": [str(one) for one in parameter.choices] if kind == "enum" else None,
    }
    if parameter.required:
        why = "CircleCI's parameters all have defaults, for a push gives none"
        phrases.losses.add(
            Fidelity.APPROXIMATE,
            f"parameters.{name}.required",
            f"required {name}",
            why,
            "check it in a script",
        )
    return {"type": kind, **said(found), "default": default}
