"""Definitions: what a pipeline, a stage and a step say, in no vendor's words.

Every string may hold `${{ }}` templates in pipemgr's names (see `expressions`). Fields that are absent and
fields that are empty differ (`None` and `()` or `{}`) wherever a vendor tells them apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, WithJsonSchema, model_validator

from .base import Value
from .expressions import Condition
from .identity import fingerprint

Text = str
"""A string that may hold templates."""
Template = Annotated[str, Field(pattern=r"\$\{\{")]
"""A string with a template in it, in place of a value that is no string."""
Flag = bool | Template
"""A boolean, or a template that gives one."""
Count = int | Template
"""A whole number, or a template that gives one."""
Data = dict[str, JsonValue]
"""A JSON object."""

LONGEST_WAY = 8
"""Names that a message shows of a circle of stages."""

OPAQUE = "opaque"
"""The action and the trigger that keep what only one vendor understands; options `vendor` and `value`. The action may
have `steps` too, as data: what it does, for all other vendors."""
HINTS = "hints"
"""In a vendor's own data (`vendor`), the key of what only helps that vendor to write the same text again (a pinned
version, a missing name). No other vendor loses anything by ignoring it."""
ID_PATTERN = r"[A-Za-z_][A-Za-z0-9_-]*"

ACTION_PATTERN = r"[a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)*"

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)|(\$\{\{.*\}\}))(s|m|h|d)", re.DOTALL)
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def seconds(duration: str) -> float | None:
    """A duration in seconds, or None where a template decides."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ValueError(f"{duration!r} is no duration; write 90s, 20m, 2h or 1d")
    return float(match[1]) * _SECONDS[match[3]] if match[1] else None


def _normal_duration(duration: str) -> str:
    """The same duration in the largest unit that leaves a whole number, so that 60m and 1h are equal."""
    length = seconds(duration)
    if length is None:
        return duration
    for unit, size in _SECONDS.items():
        if length and length % size == 0:
            return f"{int(length // size)}{unit}"
    return f"{length:g}s"


Duration = Annotated[
    str,
    AfterValidator(_normal_duration),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+(\.\d+)?|\$\{\{.*\}\})[smhd]$"}),
]
"""A span of time: a number, or a template that gives one, and a unit: `90s`, `20m`, `2h`, `1d`."""


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class Definition(Value):
    """Base of all definitions; files and JSON write `paths-ignore` for `paths_ignore`."""

    model_config = ConfigDict(alias_generator=_kebab)

    def data(self) -> Data:
        """The definition as JSON, without what is at its default, in the spelling of files."""
        dumped: Data = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return dumped


class Trigger(Definition):
    """What starts a build. `event` is a name from the catalogue of triggers, or `opaque`."""

    event: str
    """A name from the catalogue of triggers, or `opaque`."""
    branches: tuple[Text, ...] | None = None
    """Globs of branches that it fires for."""
    branches_ignore: tuple[Text, ...] | None = None
    """Globs of branches that it does not fire for."""
    tags: tuple[Text, ...] | None = None
    """Globs of tags that it fires for."""
    tags_ignore: tuple[Text, ...] | None = None
    """Globs of tags that it does not fire for."""
    paths: tuple[Text, ...] | None = None
    """Globs of files of which one must have changed."""
    paths_ignore: tuple[Text, ...] | None = None
    """Globs of files whose changes alone do not count."""
    types: tuple[str, ...] | None = None
    """Which happenings of the event count (opened, synchronize, ...)."""
    cron: str | None = None
    """When a schedule fires: five fields, UTC unless `timezone` is given."""
    timezone: str | None = None
    """The time zone of `cron`, by its IANA name."""
    options: Data = Field(default_factory=dict)
    """Whatever else the event takes."""


class Parameter(Definition):
    """What a person (or a caller) may set when starting a build."""

    type: Literal["string", "boolean", "number", "choice", "environment"] = "string"
    """What kind of value it takes."""
    description: str | None = None
    """What it is for, in a sentence."""
    default: JsonValue = None
    """Its value when nobody sets it."""
    choices: tuple[JsonValue, ...] = ()
    """The values it may have."""
    required: bool = False
    """Whether a build needs it to be set."""


class Runner(Definition):
    """Where work runs: a name from the catalogue of runners, or labels, or a group of runners."""

    name: Text | None = None
    """A kind of machine, from the catalogue of runners."""
    labels: tuple[Text, ...] = ()
    """Labels that the machine must have, all of them."""
    group: Text | None = None
    """The group of machines to take one from."""
    size: Text | None = None
    """How large the machine is, in the vendor's word for it."""


class Container(Definition):
    """A container that work runs in, or that runs beside it as a service."""

    image: Text
    """The image, as its registry names it."""
    variables: dict[str, Text] = Field(default_factory=dict)
    """Environment variables of the container."""
    ports: tuple[Text, ...] = ()
    """Ports to open, `host:container` or `container`."""
    volumes: tuple[Text, ...] = ()
    """Folders or volumes to mount, `source:target`."""
    options: Text | None = None
    """Further options of the container engine's `create` command."""
    username: Text | None = None
    """Who fetches the image from its registry."""
    password: Text | None = None
    """Always a reference to a secret, never a value."""
    command: Text | None = None
    """What runs in it, in place of the image's own command."""
    entrypoint: Text | None = None
    """The program in front of the command, in place of the image's own."""


class Matrix(Definition):
    """One stage executed for each combination of axis values.

    A combination that matches any row of `exclude` is left out; a row of `include` that fits combinations without
    changing an axis value extends them, any other one is a combination of its own.
    """

    axes: dict[str, tuple[JsonValue, ...] | Text] = Field(default_factory=dict)
    """The values of each axis."""
    include: tuple[Data, ...] | Text = ()
    """Rows to add, or to extend combinations with."""
    exclude: tuple[Data, ...] | Text = ()
    """Combinations to leave out."""
    expression: Text | None = None
    """A template that gives the whole matrix at run time, in place of the three."""

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.expression is not None and (self.axes or self.include or self.exclude):
            raise ValueError("a matrix is given by an expression or by axes, not by both")
        return self


class Concurrency(Definition):
    """At most one build (or stage) of a group at a time."""

    group: Text
    """What shares the one place; others wait."""
    cancel_running: Flag = False
    """Whether a newer one cancels what runs."""


class Defaults(Definition):
    """What `run` steps use unless they say otherwise."""

    shell: Text | None = None
    """The shell that reads scripts."""
    directory: Text | None = None
    """The folder that scripts run in."""


class Environment(Definition):
    """Where a stage deploys to."""

    name: Text
    """Its name."""
    url: Text | None = None
    """Where people find what was deployed."""


class Approval(Definition):
    """A person must agree before the stage begins."""

    message: Text = ""
    """What the person is asked."""


class Step(Definition):
    """One action of a stage; `action` is a name from the catalogue, or `opaque`."""

    action: str = Field(pattern=rf"^{ACTION_PATTERN}$")
    """A name from the catalogue of actions, or `opaque`."""
    inputs: Data = Field(default_factory=dict)
    """What the action is told."""
    id: str | None = None
    """The name that expressions know it by."""
    name: Text | None = None
    """Its name for people."""
    when: Condition | None = None
    """Executed only when this holds."""
    variables: dict[str, Text] = Field(default_factory=dict)
    """Environment variables of this step."""
    timeout: Duration | None = None
    """Stopped after so long."""
    idle_timeout: Duration | None = None
    """Stopped when it has printed nothing for so long."""
    background: bool = False
    """Whether the next steps begin while it runs: it ends when it does, when it is told to, or with the stage."""
    allow_failure: Flag = False
    """Whether the stage goes on when it fails."""
    vendor: dict[str, Data] = Field(default_factory=dict)
    """What only one vendor has, by vendor."""


class Stage(Definition):
    """Work done in one environment: a node of the graph that `needs` draws."""

    id: str = Field(pattern=rf"^{ID_PATTERN}$")
    """The name that `needs` and expressions know it by."""
    name: Text | None = None
    """Its name for people."""
    steps: tuple[Step, ...] = ()
    """What is done, in order."""
    needs: tuple[str, ...] = ()
    """The stages that must end before it begins."""
    when: Condition | None = None
    """Executed only when this holds."""
    matrix: Matrix | None = None
    """Executed once for each combination of values."""
    fail_fast: Flag | None = None
    """Whether one failed combination cancels the others."""
    max_parallel: Count | None = None
    """How many combinations run at a time."""
    parallelism: Count | None = None
    """How many machines run it at once, each its own share of the work."""
    runner: Runner | None = None
    """Where it runs."""
    workspace: Text | None = None
    """The machine and the folder that it shares with all other stages of this name, which use them one after another;
    each combination of a matrix has its own. Without it every stage begins in a folder of its own."""
    container: Container | None = None
    """The container that its steps run in."""
    services: dict[str, Container] = Field(default_factory=dict)
    """Containers that run beside it, by host name."""
    environment: Environment | None = None
    """Where it deploys to."""
    approval: Approval | None = None
    """A person must agree before it begins."""
    variables: dict[str, Text] = Field(default_factory=dict)
    """Environment variables of its steps."""
    defaults: Defaults | None = None
    """What its `run` steps use unless they say otherwise."""
    contexts: tuple[Text, ...] = ()
    """Named sets of secrets and values, kept by the vendor, that it may use."""
    permissions: dict[str, str] | None = None
    """Rights of the token in this stage, in place of the pipeline's."""
    concurrency: Concurrency | None = None
    """At most one of a group at a time."""
    outputs: dict[str, Text] = Field(default_factory=dict)
    """Values for the stages that need it."""
    timeout: Duration | None = None
    """Stopped after so long."""
    retry: int = Field(default=0, ge=0)
    """How often it is tried again after a failure."""
    allow_failure: Flag = False
    """Whether the build goes on when it fails."""
    group: str | None = None
    """The nested or parallel block a vendor drew around the stage, as a path: `build/linux`."""
    vendor: dict[str, Data] = Field(default_factory=dict)
    """What only one vendor has, by vendor."""


class Pipeline(Definition):
    """A definition as a whole: the one value that push and convert hand on."""

    name: str = Field(min_length=1)
    """What it is called."""
    build_name: Text | None = None
    """The name of each build."""
    triggers: tuple[Trigger, ...] = ()
    """What starts builds."""
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    """What may be set when a build is started."""
    variables: dict[str, Text] = Field(default_factory=dict)
    """Environment variables of all steps."""
    runner: Runner | None = None
    """Where stages run that do not say otherwise."""
    defaults: Defaults | None = None
    """What `run` steps use unless they or their stage say otherwise."""
    permissions: dict[str, str] | None = None
    """Rights of the build's own token, by scope; `{}` takes all away, None leaves the vendor's default; the
    scope `*` stands for all."""
    concurrency: Concurrency | None = None
    """At most one build of a group at a time."""
    timeout: Duration | None = None
    """Stopped after so long, as a whole."""
    stages: tuple[Stage, ...] = ()
    """The work, as a graph."""
    vendor: dict[str, Data] = Field(default_factory=dict)
    """What only one vendor has, by vendor."""

    @property
    def fingerprint(self) -> str:
        """The identity of what the pipeline says: equal definitions have equal fingerprints."""
        return fingerprint(self.data())

    def problems(self) -> tuple[tuple[str, str], ...]:
        """What makes the graph impossible, as (path, message): the reader adds the line."""
        known = Counter(stage.id for stage in self.stages)
        twice = [(f"stages.{name}", f"stage {name!r} is defined twice") for name in _repeated(known)]
        missing = [
            (f"stages.{stage.id}.needs", f"stage {stage.id!r} needs {need!r}, which does not exist")
            for stage in self.stages
            for need in stage.needs
            if need not in known
        ]
        circles = [
            (f"stages.{name}.needs", f"stage {name!r} needs itself, by way of {_way(path)}")
            for name, path in _circles({stage.id: stage.needs for stage in self.stages}).items()
        ]
        return (*twice, *missing, *circles)


def _repeated(names: Counter[str]) -> list[str]:
    return sorted(name for name, count in names.items() if count > 1)


def _way(names: list[str]) -> str:
    """A way through the graph, without the middle of a long one."""
    return " -> ".join(names if len(names) <= LONGEST_WAY else [*names[:4], "...", *names[-3:]])


def _circles(graph: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """The first circle found in the graph, by the name it starts at; empty when there is none."""
    done: set[str] = set()
    for start in graph:
        path: dict[str, None] = {}
        todo: list[tuple[str, bool]] = [(start, False)]
        while todo:
            name, leaving = todo.pop()
            if leaving:
                path.popitem()
                done.add(name)
            elif name in path:
                way = list(path)
                return {name: [*way[way.index(name) :], name]}
            elif name not in done:
                path[name] = None
                todo.append((name, True))
                todo.extend((need, False) for need in graph.get(name, ()))
    return {}


def as_data(value: Any) -> Any:
    """`value` as plain JSON: definitions by their `data`, tuples as lists."""
    if isinstance(value, Definition):
        return value.data()
    if isinstance(value, Mapping):
        return {key: as_data(one) for key, one in value.items()}
    return [as_data(one) for one in value] if isinstance(value, list | tuple) else value
