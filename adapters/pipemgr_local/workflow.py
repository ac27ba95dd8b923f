"""What must be known of a workflow to run it and to tell what was skipped.

The text is GitHub's workflow syntax
(https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax), as `act` reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import Field, JsonValue

from pipemgr.adapter import DocumentSet, ParseError, Refused, compose
from pipemgr.model.base import Value

MANUAL: Final = "workflow_dispatch"
"""The event of a workflow that a person starts; the only one that takes inputs."""
_TRUTH: Final = {"true": True, "false": False}


class Step(Value):
    """A step as defined; its key is what `act` calls it: the id, or else the position."""

    key: str
    name: str


class Job(Value):
    """A job as defined."""

    id: str
    name: str
    needs: tuple[str, ...] = ()
    matrix: bool = False
    steps: tuple[Step, ...] = ()


class Input(Value):
    """A parameter that the workflow takes."""

    type: str = "string"
    required: bool = False
    default: JsonValue = None
    options: tuple[JsonValue, ...] = ()


class Workflow(Value):
    """A workflow: the event to run it by, its inputs, jobs and the labels of runners that it asks for."""

    event: str
    inputs: dict[str, Input] = Field(default_factory=dict)
    jobs: tuple[Job, ...] = ()
    labels: tuple[str, ...] = ()

    @staticmethod
    def of(documents: DocumentSet, pipeline: str) -> Workflow:
        """The workflow in the published documents; raises `Refused` when they are none."""
        text = "".join(document.text for document in documents)
        try:
            data = compose(text, pipeline).plain()
        except ParseError as error:
            raise Refused(f"the live definition of {pipeline!r} is broken: {error}") from None
        jobs = _mapping(_mapping(data).get("jobs"))
        if not jobs:
            raise Refused(f"the live definition of {pipeline!r} has no jobs")
        events = _events(data.get("on"))
        event = MANUAL if MANUAL in events else next(iter(events), MANUAL)
        return Workflow(
            event=event,
            inputs={
                name: _input(one) for name, one in _mapping(events.get(MANUAL, {}).get("inputs")).items()
            },
            jobs=tuple(_job(name, _mapping(job)) for name, job in jobs.items()),
            labels=tuple(sorted({label for job in jobs.values() for label in _labels(_mapping(job))})),
        )

    def arguments(self, parameters: Mapping[str, JsonValue]) -> dict[str, str]:
        """The inputs as texts, defaults included; raises `Refused` for one that does not fit."""
        unknown = sorted(parameters.keys() - self.inputs.keys())
        if unknown:
            known = ", ".join(self.inputs) or "none"
            raise Refused(f"there is no parameter {unknown[0]!r}", remedy=f"the pipeline takes: {known}")
        found: dict[str, str] = {}
        for name, one in self.inputs.items():
            value = parameters.get(name, one.default)
            if value is None and one.required:
                raise Refused(f"the parameter {name!r} is required", remedy=f"give it: {name}=VALUE")
            if value is not None:
                found[name] = _argument(name, one, value)
        return found


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _events(on: Any) -> dict[str, dict[str, Any]]:
    if isinstance(on, dict):
        return {name: _mapping(event) for name, event in on.items()}
    return {str(name): {} for name in (on if isinstance(on, list) else [on]) if name}


def _input(one: Any) -> Input:
    data = _mapping(one)
    kind, options = data.get("type", "string"), data.get("options") or ()
    return Input(
        type=kind, required=bool(data.get("required")), default=data.get("default"), options=tuple(options)
    )


def _job(name: str, job: dict[str, Any]) -> Job:
    needs = job.get("needs") or ()
    return Job(
        id=name,
        name=str(job.get("name") or name),
        needs=(needs,) if isinstance(needs, str) else tuple(needs),
        matrix="matrix" in _mapping(job.get("strategy")),
        steps=tuple(_step(at, _mapping(step)) for at, step in enumerate(job.get("steps") or ())),
    )


def _step(at: int, step: dict[str, Any]) -> Step:
    said = step.get("name") or step.get("uses") or str(step.get("run", "")).strip().partition("\n")[0]
    return Step(key=str(step.get("id") or at), name=str(said))


def _labels(job: dict[str, Any]) -> Iterator[str]:
    """Every text that may turn out to be a label: those of `runs-on`, and of the matrix it may come from."""
    yield from _texts(job.get("runs-on"))
    yield from _texts(_mapping(job.get("strategy")).get("matrix"))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value and "=" not in value and "${{" not in value:
        yield value
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(below)


def _argument(name: str, one: Input, value: JsonValue) -> str:
    text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else f"{value}"
    if one.type == "boolean" and text not in _TRUTH:
        raise Refused(f"the parameter {name!r} must be true or false, not {text!r}")
    if one.type == "number" and not _is_number(text):
        raise Refused(f"the parameter {name!r} must be a number, not {text!r}")
    choices = [str(option) for option in one.options]
    if one.type == "choice" and text not in choices:
        raise Refused(f"the parameter {name!r} can't be {text!r}", remedy=f"one of {', '.join(choices)}")
    return text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
