"""Stages out: a stage becomes a job."""

from __future__ import annotations

from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, Losses, ordered, overlaid, said
from pipemgr.model.definitions import (
    Concurrency,
    Container,
    Data,
    Defaults,
    Environment,
    Matrix,
    Pipeline,
    Runner,
    Stage,
)

from .jobs import ALL, WIDE
from .phrases import Phrases
from .shells import to_github
from .step_writer import StepWriter
from .words import Words, own

DEFAULT_RUNNER: Final = "linux"
NOTHING: Final = "true"
"""The script of a step that does nothing."""
JOB_ORDER: Final = (
    "name",
    "needs",
    "if",
    "uses",
    "with",
    "secrets",
    "runs-on",
    "permissions",
    "environment",
    "concurrency",
    "strategy",
    "timeout-minutes",
    "continue-on-error",
    "container",
    "services",
    "outputs",
    "env",
    "defaults",
    "steps",
)


class PartWriter:
    """Writes what workflows and jobs have in common."""

    def __init__(self, phrases: Phrases) -> None:
        self.phrases = phrases

    @property
    def losses(self) -> Losses:
        """Where losses are noted."""
        return self.phrases.losses

    def common(self, part: Pipeline | Stage, path: str) -> Data:
        """Permissions, env, defaults and concurrency."""
        return said(
            {
                "permissions": None,
                "env": self.phrases.table(part.variables, f"{path}variables"),
                "defaults": self._defaults(part.defaults, f"{path}defaults"),
                "concurrency": self._concurrency(part.concurrency, f"{path}concurrency"),
            }
        ) | self._permissions(part.permissions, f"{path}permissions")

    def _permissions(self, scopes: dict[str, str] | None, path: str) -> Data:
        if scopes is None:
            return {}
        words = {ours: theirs for theirs, ours in WIDE.items()}
        if scopes.keys() == {ALL} and scopes[ALL] in words:
            return {"permissions": words[scopes[ALL]]}
        if ALL in scopes and scopes[ALL] != "none":
            self.losses.add(
                Fidelity.DROPPED,
                path,
                "a right for all scopes beside others",
                "GitHub takes one or the other",
            )
        return {"permissions": {scope: right for scope, right in scopes.items() if scope != ALL}}

    def _defaults(self, defaults: Defaults | None, path: str) -> Data | None:
        if defaults is None:
            return None
        shell = self.phrases.text(defaults.shell, f"{path}.shell")
        folder = self.phrases.text(defaults.directory, f"{path}.directory")
        shell = to_github(shell) if shell is not None else None
        return {"run": said({"shell": shell, "working-directory": folder})}

    def _concurrency(self, concurrency: Concurrency | None, path: str) -> Data | None:
        if concurrency is None:
            return None
        cancel = self.phrases.text(concurrency.cancel_running, f"{path}.cancel-running")
        group = self.phrases.text(concurrency.group, f"{path}.group")
        unknown = cancel in (False, "")  # a text of which nothing could be said is told, and cancels nothing
        return {"group": group, **({} if unknown else {"cancel-in-progress": cancel})}


class JobWriter(PartWriter):
    """Writes jobs."""

    def __init__(self, phrases: Phrases, words: Words) -> None:
        super().__init__(phrases)
        self.words = words
        self.steps = StepWriter(phrases, words)

    def write(self, stage: Stage) -> Data:
        """The job that does what a stage says."""
        path = f"stages.{stage.id}."
        job = self.common(stage, path) | said(
            {
                "name": self.phrases.text(stage.name, f"{path}name"),
                "needs": _one_or_list(list(stage.needs)),
                "if": self.phrases.condition(stage.when, f"{path}when"),
                "environment": self._environment(stage.environment, f"{path}environment"),
                "strategy": self._strategy(stage, path),
                "timeout-minutes": self.phrases.minutes(stage.timeout, f"{path}timeout"),
                "continue-on-error": self.phrases.text(stage.allow_failure, f"{path}allow-failure") or None,
                "services": self._services(stage, f"{path}services"),
                "outputs": self.phrases.table(stage.outputs, f"{path}outputs"),
                "steps": self.steps.write(stage.steps, f"{path}steps"),
            }
        )
        if stage.container is not None:
            job["container"] = self._container(stage.container, f"{path}container", service=False)
        kept = own(stage.vendor)
        if not ("steps" in job or kept):
            job["steps"] = self._nothing(f"{path}steps")
        if stage.runner is not None or "uses" not in kept:
            job["runs-on"] = self._runner(stage, path)
        return ordered(_short(overlaid(job, kept)), JOB_ORDER)

    def _nothing(self, path: str) -> list[JsonValue]:
        self.losses.add(
            Fidelity.EQUIVALENT, path, "a stage without steps", "GitHub wants one: it does nothing"
        )
        return [{"run": NOTHING}]

    def _runner(self, stage: Stage, path: str) -> Data:
        runner = stage.runner
        if runner is None or runner == Runner(size=runner.size):
            why = "GitHub has no machine of its own choice"
            self.losses.add(Fidelity.EQUIVALENT, f"{path}runner", "no runner is named", why)
            runner = Runner(name=DEFAULT_RUNNER)
        labels = self.phrases.texts(runner.labels, f"{path}runner.labels")
        if runner.name is not None:
            labels.insert(0, self._label(runner.name, f"{path}runner"))
        group = self.phrases.text(runner.group, f"{path}runner.group")
        return said({"group": group, "labels": _one_or_list(labels)})

    def _label(self, name: str, path: str) -> str:
        label: str | None = self.words.runners.theirs.get(name)
        if label is None and "${{" not in name:
            why = "GitHub hosts no such machine"
            remedy = f"register a runner with the label {name}, or name another"
            self.losses.add(Fidelity.MANUAL, path, f"runner {name}", why, remedy)
        elif label is not None and self.words.runners.ours.get(label.lower()) != name:
            why = f"GitHub has no label that always means the newest; {label} is it today"
            self.losses.add(Fidelity.EQUIVALENT, path, f"runner {name}", why)
        return label or str(self.phrases.text(name, path))

    def _environment(self, environment: Environment | None, path: str) -> Data | None:
        if environment is None:
            return None
        name = self.phrases.text(environment.name, f"{path}.name")
        return said({"name": name, "url": self.phrases.text(environment.url, f"{path}.url")})

    def _services(self, stage: Stage, path: str) -> Data:
        services = stage.services.items()
        return {name: self._container(one, f"{path}.{name}", service=True) for name, one in services}

    def _container(self, container: Container, path: str, *, service: bool) -> Data:
        texts = ("image", "options", "command", "entrypoint", "username", "password")
        found = {key: self.phrases.text(getattr(container, key), f"{path}.{key}") for key in texts}
        for key in () if service else ("command", "entrypoint"):
            if found.pop(key) is not None:
                self.losses.add(
                    Fidelity.DROPPED, f"{path}.{key}", key, "GitHub starts job containers by itself"
                )
        credentials = said({key: found.pop(key) for key in ("username", "password")})
        return said(
            {
                "image": found.pop("image"),
                "credentials": credentials,
                "env": self.phrases.table(container.variables, f"{path}.variables"),
                "ports": self.phrases.texts(container.ports, f"{path}.ports"),
                "volumes": self.phrases.texts(container.volumes, f"{path}.volumes"),
                **found,
            }
        )

    def _strategy(self, stage: Stage, path: str) -> Data:
        found = {
            "fail-fast": self.phrases.text(stage.fail_fast, f"{path}fail-fast"),
            "max-parallel": self.phrases.text(stage.max_parallel, f"{path}max-parallel"),
            "matrix": self._matrix(stage.matrix, f"{path}matrix"),
        }
        return {key: value for key, value in found.items() if value is not None}

    def _matrix(self, matrix: Matrix | None, path: str) -> Any:
        if matrix is None:
            return None
        if matrix.expression is not None:
            return self.phrases.text(matrix.expression, f"{path}.expression")
        axes = {
            name: self.phrases.data(values, f"{path}.axes.{name}") for name, values in matrix.axes.items()
        }
        rows = {
            key: self.phrases.data(getattr(matrix, key), f"{path}.{key}") for key in ("include", "exclude")
        }
        return axes | said(rows)


def _one_or_list(values: list[str]) -> str | list[str] | None:
    return values[0] if len(values) == 1 else values or None


def _short(job: Data) -> Data:
    """The job with mappings of one entry said in one word, where GitHub takes that."""
    for key, only in (
        ("runs-on", "labels"),
        ("container", "image"),
        ("environment", "name"),
        ("concurrency", "group"),
    ):
        value = job.get(key)
        if isinstance(value, dict) and value.keys() == {only}:
            job = {**job, key: value[only]}
    return job
