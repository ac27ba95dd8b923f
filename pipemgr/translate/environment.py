"""Environment: the variables that one vendor gives to every script, named where another vendor does not give them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from pipemgr.mapping.variables import EnvironmentRow
from pipemgr.model.definitions import Container, Pipeline, Stage, Step
from pipemgr.model.expressions import Access, Expression, ExpressionError, Literal, Name
from pipemgr.model.templates import template, untemplate

from .base import Dialect
from .report import Fidelity, Finding
from .scripts import handed_on, taken
from .tree import change_stages

_RUN: Final = "run"
_UPPER: Final = re.compile(r"[A-Z][A-Z0-9_]+")
SYSTEM: Final = frozenset(
    """BASH BASHOPTS BASHPID BROWSER CI COLUMNS COMP_WORDS DEBIAN_FRONTEND DIRSTACK DISPLAY EDITOR EPOCHREALTIME
    EPOCHSECONDS EUID FUNCNAME GLOBIGNORE GROUPS HISTFILE HOME HOSTNAME HOSTTYPE IFS LANG LANGUAGE LD_LIBRARY_PATH
    LINENO LINES LOGNAME MACHTYPE MAIL MANPATH OLDPWD OPTARG OPTERR OPTIND OSTYPE PATH PIPESTATUS PKG_CONFIG_PATH
    POSIXLY_CORRECT PPID PS1 PS2 PS3 PS4 PWD RANDOM REPLY SECONDS SHELL SHELLOPTS SHLVL SRANDOM TEMP TERM TMP TMPDIR
    TZ UID USER USERNAME USERPROFILE APPDATA LOCALAPPDATA PROGRAMFILES SYSTEMROOT WINDIR XDG_CACHE_HOME
    XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR ANDROID_HOME ANDROID_NDK_HOME ANDROID_SDK_ROOT CARGO_HOME
    CONDA_PREFIX GEM_HOME GOBIN GOPATH GOROOT GRADLE_HOME JAVA_HOME M2_HOME NVM_DIR PYENV_ROOT RUSTUP_HOME
    VIRTUAL_ENV""".split()  # noqa: SIM905 - a list of ninety quoted words is no better to read
)
"""Upper-case variables of shells, systems and tools (bash(1), environ(7)): no secrets."""
_SYSTEM_PREFIXES: Final = ("BASH_", "LC_", "COMP_")
_ON_MACHINE: Final = "runner"
"""What lies below this context is known on the machine only, so that only steps can ask for it."""
_SECRETS: Final = Name("secrets")
_PARAMETERS: Final = Name("parameters")
_OUTPUTS: Final = "files.outputs"
_ASKED: Final = re.compile(r"\bsteps\.([\w-]+)\.outputs\b")


@dataclass(frozen=True)
class Named:
    """The pipeline with its variables named, the findings, and which scripts need each variable's value."""

    pipeline: Pipeline
    findings: tuple[Finding, ...] = ()
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By the model path of an added variable: the paths of the scripts that use it."""


def named(pipeline: Pipeline, source: Dialect, target: Dialect) -> Named:
    """The pipeline with what `source` gives to scripts by itself said in variables, less what `target` gives too."""
    if source.name == target.name or source.tables is None or not source.tables.has("variables"):
        return Named(pipeline)
    naming = _Naming(pipeline, source, target)
    stages = tuple(map(naming.stage, pipeline.stages))
    changed = pipeline.model_copy(update={"stages": stages}) if naming.findings else pipeline
    return Named(changed, tuple(naming.findings), naming.places)


class _Naming:
    def __init__(self, pipeline: Pipeline, source: Dialect, target: Dialect) -> None:
        self.pipeline = pipeline
        self.source = source
        self.target = target
        self.findings: list[Finding] = []
        self.places: dict[str, tuple[str, ...]] = {}

    @cached_property
    def _given(self) -> Mapping[str, EnvironmentRow]:
        return self.source.tables.variables.given if self.source.tables else {}

    @cached_property
    def _prefixes(self) -> tuple[str, ...]:
        """What the source's own variables begin with, as its table says or by those that hold what it alone would call so."""
        own = self.source.tables.variables.own if self.source.tables else None
        if own is not None:
            return own
        return tuple(
            {f"{name.split('_')[0]}_" for name, row in self._given.items() if row.name and "_" in name}
        )

    @cached_property
    def _there(self) -> Mapping[str, str]:
        tables = self.target.tables
        return {name: row.template for name, row in tables.variables.given.items()} if tables else {}

    def stage(self, stage: Stage) -> Stage:
        known = {*self.pipeline.variables, *stage.variables}
        known |= stage.container.variables.keys() if isinstance(stage.container, Container) else set()
        values: dict[str, str] = {}
        users: dict[str, list[str]] = {}
        steps = []
        asked = set(_ASKED.findall(str(stage.data())))
        for at, step in enumerate(stage.steps):
            own: dict[str, str] = {}
            path = f"stages.{stage.id}.steps[{at}].inputs.script"
            there = known | step.variables.keys()
            found = self._values(step, self._shell(stage, step), there, wanted=step.id in asked)
            self._tell(path, found)
            for name, value in found.items():
                if value is None:
                    continue
                (own if _on_machine(value) else values)[name] = value
                users.setdefault(name, []).append(path)
            known |= handed_on(_script(step))
            steps.append(step.model_copy(update={"variables": {**own, **step.variables}}) if own else step)
        self.places |= {f"stages.{stage.id}.variables.{name}": tuple(users[name]) for name in values}
        return stage.model_copy(update={"steps": tuple(steps), "variables": {**values, **stage.variables}})

    def _shell(self, stage: Stage, step: Step) -> str | None:
        defaults = [one.shell for one in (stage.defaults, self.pipeline.defaults) if one and one.shell]
        given = step.inputs.get("shell")
        return str(given) if given else defaults[0] if defaults else None

    def _values(
        self, step: Step, shell: str | None, known: set[str], *, wanted: bool
    ) -> dict[str, str | None]:
        """The variables that the target must be told, each with its value; None where it has none.

        Where a script's outputs are wanted, a program that it calls may write them: it needs the file's name.
        """
        outputs = (name for name, row in self._given.items() if row.name == _OUTPUTS)
        names = (*taken(_script(step), shell), *(outputs if wanted and _script(step) else ()))
        found = {name: self._value(name) for name in names if name not in known}
        return {name: value for name, value in found.items() if value != ""}

    def _value(self, name: str) -> str | None:
        """A template for the variable's value; None where only the source knows it, '' where it needs no naming."""
        if name in self._given:
            value = self._given[name].template
            return "" if self._there.get(name) == value else value
        if name in self.pipeline.parameters and _gives_parameters(self.source):
            return "" if _gives_parameters(self.target) else _parameter(name)
        if name.startswith(self._prefixes):
            return "" if name in self._there else None
        ambient = self.source.tables is not None and self.source.tables.variables.ambient
        if not ambient or not _UPPER.fullmatch(name) or name in SYSTEM or name.startswith(_SYSTEM_PREFIXES):
            return ""
        there = self.target.tables is not None and self.target.tables.variables.ambient
        return "" if there else f"${{{{ secrets.{name} }}}}"

    def _tell(self, path: str, found: Mapping[str, str | None]) -> None:
        lost = [name for name, value in found.items() if value is None]
        notes = {name: row.note for name in found if (row := self._given.get(name)) is not None and row.note}
        said = [name for name in found if name not in lost and (name not in notes or self.target.foreign)]
        self.findings += [self._nearly(path, name, note) for name, note in notes.items() if name not in said]
        if said:
            self.findings.append(
                _finding(
                    Fidelity.EQUIVALENT,
                    path,
                    f"environment variable{'s' * (len(said) > 1)} {', '.join(said)}",
                    f"given by {self.source.title} to every script; now named in the stage's variables",
                )
            )
        for name in lost:
            self.findings.append(self._unknown(path, name))

    def _nearly(self, path: str, name: str, note: str) -> Finding:
        return _finding(
            Fidelity.APPROXIMATE,
            path,
            f"environment variable {name}",
            f"given by {self.source.title} to every script; now named in the stage's variables: {note}",
            f"look at what uses {name}",
        )

    def _unknown(self, path: str, name: str) -> Finding:
        """Our own format keeps the script for whichever vendor it goes to; another vendor has no such variable."""
        kept = self.target.foreign
        there = "another vendor will not have it" if kept else f"it is empty in {self.target.title}"
        return _finding(
            Fidelity.EQUIVALENT if kept else Fidelity.MANUAL,
            path,
            f"environment variable {name}",
            f"only {self.source.title} gives it to scripts; {there}",
            f"rewrite what uses {name}, or set it in the stage's variables",
        ).model_copy(update={"kind": "environment variable"})


def _parameter(name: str) -> str:
    return untemplate((Access(_PARAMETERS, Literal(name)),))


def _gives_parameters(dialect: Dialect) -> bool:
    """Whether parameters are environment variables of every script there."""
    return dialect.tables is not None and dialect.tables.variables.parameters


def _finding(fidelity: Fidelity, path: str, what: str, why: str, remedy: str = "") -> Finding:
    return Finding(fidelity=fidelity, path=path, source="", what=what, why=why, remedy=remedy)


def _script(step: Step) -> str:
    script = step.inputs.get("script") if step.action == _RUN else None
    return script if isinstance(script, str) else ""


def _on_machine(value: str) -> bool:
    return value.startswith(f"${{{{ {_ON_MACHINE}.")


# What the target gives by itself ------------------------------------------------------------------------


def left_out(pipeline: Pipeline, target: Dialect) -> tuple[Pipeline, tuple[Finding, ...]]:
    """The pipeline without variables that every script of the target has by itself, with the same value."""
    tables = target.tables
    if tables is None or not tables.has("variables"):
        return pipeline, ()
    given = {name: row.template for name, row in tables.variables.given.items()}
    if _gives_parameters(target):
        given |= {name: _parameter(name) for name in pipeline.parameters}
    leaving = _Leaving(target.title, given, ambient=tables.variables.ambient)

    def stage(one: Stage) -> Stage:
        path = f"stages.{one.id}"
        steps = [
            _with(step, leaving.rest(step.variables, f"{path}.steps[{at}].variables"))
            for at, step in enumerate(one.steps)
        ]
        rest = leaving.rest(one.variables, f"{path}.variables")
        left: Stage = _with(one, rest).model_copy(update={"steps": tuple(steps)})
        return left

    changed = _with(pipeline, leaving.rest(pipeline.variables, "variables"))
    changed = change_stages(changed, stage)
    return (changed, tuple(leaving.findings)) if leaving.findings else (pipeline, ())


def _with(value: Any, variables: Mapping[str, str]) -> Any:
    return value.model_copy(update={"variables": dict(variables)})


class _Leaving:
    def __init__(self, title: str, given: Mapping[str, str], *, ambient: bool) -> None:
        self.title = title
        self.given = given
        self.ambient = ambient
        self.findings: list[Finding] = []

    def rest(self, variables: Mapping[str, str], path: str) -> Mapping[str, str]:
        gone = [name for name, value in variables.items() if self._has(name, value)]
        for name in gone:
            why = f"every script in {self.title} has it by itself"
            self.findings.append(
                _finding(Fidelity.EQUIVALENT, f"{path}.{name}", f"environment variable {name}", why)
            )
        return {name: value for name, value in variables.items() if name not in gone}

    def _has(self, name: str, value: str) -> bool:
        match _parts(value):
            case (Access(target, Literal(str(secret))),) if self.ambient and target == _SECRETS:
                return secret == name
        return name in self.given and _parts(value) == _parts(self.given[name])


def _parts(value: str) -> tuple[str | Expression, ...]:
    try:
        return template(value)
    except ExpressionError:
        return (value,)
