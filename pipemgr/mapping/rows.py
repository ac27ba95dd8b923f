"""Rows: what each kind of table may say. The JSON Schemas in `mappings/` are made from these classes."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, ValidationInfo, model_validator

from pipemgr.model.base import Value
from pipemgr.model.definitions import OPAQUE, Data
from pipemgr.model.status import Result, State


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class Row(Value):
    """Base of all rows; files write `built-in` for `built_in`."""

    model_config = ConfigDict(alias_generator=_kebab)


class TableFile(Row):
    """What every table file says of itself: the vendor's pages it was made from, and when that was checked."""

    source: tuple[str, ...] = Field(min_length=1)
    checked: date
    version: int = 1


# The catalogue -----------------------------------------------------------------------------------------


class Input(Row):
    """One input of a neutral action."""

    type: Literal["string", "boolean", "number", "lines"] = "string"
    description: str
    required: bool = False
    default: JsonValue = None


class Action(Row):
    """A neutral action; `short` names the input that a bare value sets."""

    name: str
    description: str
    built_in: bool = False
    """Part of every language: needs no row in a vendor's steps."""
    short: str | None = None
    inputs: dict[str, Input] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _short_is_an_input(self) -> Self:
        if self.short is not None and self.short not in self.inputs:
            raise ValueError(f"short names {self.short!r}, which is no input of {self.name!r}")
        return self


class TriggerKind(Row):
    """A neutral trigger and the fields of a trigger that mean something for it."""

    name: str
    description: str
    filters: tuple[
        Literal[
            "branches",
            "branches_ignore",
            "cron",
            "paths",
            "paths_ignore",
            "tags",
            "tags_ignore",
            "timezone",
            "types",
        ],
        ...,
    ]


class RunnerKind(Row):
    """A neutral runner."""

    name: str
    description: str
    os: Literal["linux", "macos", "windows"]
    architecture: Literal["x64", "arm64"]


class Word(Row):
    """A neutral name in expressions."""

    name: str
    description: str


class ActionsFile(TableFile):
    """catalogue/actions.yaml."""

    rows: tuple[Action, ...]


class TriggerKindsFile(TableFile):
    """catalogue/triggers.yaml."""

    rows: tuple[TriggerKind, ...]


class RunnerKindsFile(TableFile):
    """catalogue/runners.yaml."""

    rows: tuple[RunnerKind, ...]


class WordsFile(TableFile):
    """catalogue/expressions.yaml."""

    contexts: tuple[Word, ...]
    functions: tuple[Word, ...]


# Names that must be in the catalogue, which validation is given as its context ---------------------------


def _known(kind: str) -> Any:
    """A string that is a name of that kind in the catalogue."""

    def check(name: str, info: ValidationInfo) -> str:
        if info.context is not None and name not in getattr(info.context, kind):
            raise ValueError(f"the catalogue has no {name!r} among its {kind}")
        return name

    return AfterValidator(check)


ActionName = Annotated[str, _known("actions")]
TriggerName = Annotated[str, _known("triggers")]
RunnerName = Annotated[str, _known("runners")]
ContextName = Annotated[str, _known("contexts")]
FunctionName = Annotated[str, _known("functions")]


# A vendor's tables -------------------------------------------------------------------------------------


class StatusRow(Row):
    """A vendor's status word, for the kinds of thing that it is used for."""

    word: str
    kinds: tuple[str, ...] = Field(min_length=1)
    state: State
    result: Result | None = None
    """How it ended; a finished word without one only says how far it is."""
    provisional: Result | None = None
    reason: str = ""


class StatusesFile(TableFile):
    """<vendor>/statuses.yaml."""

    rows: tuple[StatusRow, ...]


Conversion = Literal["same", "not", "yes-no", "lines", "commas", "list", "joined"]
"""How a value changes: not at all; true and false swapped; true is `yes`; our list is their one text, an entry a
line or with commas; our text of lines is their list, or their text with commas."""


class InputRow(Row):
    """A vendor's input: its name and how our value becomes theirs.

    `values` are theirs, as texts, and ours, where words differ; `without` is an input of theirs that takes out again:
    lines of ours with a leading `!`.
    """

    name: str
    convert: Conversion = "same"
    values: dict[str, JsonValue] = Field(default_factory=dict)
    without: str | None = None


_FORMS = ({"call", "action"}, {"call", "steps"}, {"run", "action"}, {"steps", "action"})


def _check_step(step: Data | str, catalogue: Any) -> None:
    """Refuse a step of a row whose action or inputs the catalogue does not have."""
    if isinstance(step, str) or "call" in step:
        return
    action, inputs = str(step.get("action")), step.get("inputs")
    if action not in catalogue.actions:
        raise ValueError(f"the catalogue has no {action!r} among its actions")
    names = set(inputs) if isinstance(inputs, dict) else set()
    strange = names - set(catalogue.actions[action].inputs)
    if strange:
        raise ValueError(f"{action} has no input {', '.join(sorted(strange))} in the catalogue")


class StepRow(Row):
    """What a vendor's call means, or how a vendor does a neutral action. A row has one of four forms.

    - `call` and `action`: the call is the action. `inputs` are our input names and theirs, `version` is what is
      written with the call (a row without it is only read), `defaults` what the vendor needs where our step says
      nothing.
    - `call` and `steps`: the call does these steps (read: an opaque step that says so to other vendors). `defaults`
      has each of the call's parameters with its own default, null where it has none, and `${{ inputs.x }}` is what
      parameter x was given. `expansion.expand` fills them in.
    - `action` and `run`: a script that does the same. It is only written, and finds the inputs in the environment
      as INPUT_<NAME>.
    - `action` and `steps`: the vendor has nothing like the action, and these steps do the same. They are only
      written; `${{ inputs.x }}` is our input x.
    """

    action: ActionName = OPAQUE
    call: str | None = None
    version: str | None = None
    inputs: dict[str, InputRow | str] = Field(default_factory=dict)
    defaults: dict[str, JsonValue] = Field(default_factory=dict)
    steps: tuple[Data | str, ...] = ()
    """Steps in the model's data form; `${{ inputs.x }}` in place of a step stands for all steps that x was given, and
    `{call: ..., inputs: ...}` for what another row says of that call."""
    run: str | None = None
    shell: str | None = None
    reference: str | None = None
    """Our input that the version of the call gives, where it names what is provided (a toolchain, say)."""
    main: str | None = None
    """The call's parameter that a bare value sets: `script` of `sh 'make'`."""
    implied: Data = Field(default_factory=dict)
    """Our inputs that the call has where it says nothing of them, and that are not the catalogue's defaults."""
    note: str = ""
    """What is not quite the same when this row is written (or its steps take the place of the call)."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = (
            ("call", self.call),
            ("run", self.run),
            ("steps", self.steps),
            ("action", self.action != OPAQUE),
        )
        if {name for name, value in given if value} not in _FORMS:
            raise ValueError(
                "a row has either a call or a run: call and action, call and steps, action and run, "
                "or action and steps"
            )
        return self

    @model_validator(mode="after")
    def _steps_are_known(self, info: ValidationInfo) -> Self:
        for step in self.steps if info.context is not None else ():
            _check_step(step, info.context)
        return self

    @model_validator(mode="after")
    def _inputs_are_known(self, info: ValidationInfo) -> Self:
        if info.context is not None:
            strange = self.inputs.keys() - info.context.actions[self.action].inputs.keys()
            if strange:
                raise ValueError(f"{self.action} has no input {', '.join(sorted(strange))} in the catalogue")
        return self

    def input(self, ours: str) -> InputRow | None:
        """How our input called `ours` is given, or None where the vendor has nothing like it."""
        theirs = self.inputs.get(ours)
        return InputRow(name=theirs) if isinstance(theirs, str) else theirs


class StepsFile(TableFile):
    """<vendor>/steps.yaml."""

    rows: tuple[StepRow, ...]


class TriggerRow(Row):
    """A vendor's word for a neutral trigger."""

    trigger: TriggerName
    word: str


class TriggersFile(TableFile):
    """<vendor>/triggers.yaml; `schedules` says on which branches a schedule starts builds.

    With `spreads` times may have `H`, which the vendor replaces by a number of its choice, the same one for ever; with
    `own-zone` they count in the time zone of the vendor's machine where they name none, and otherwise in UTC. With
    `polls` the vendor may look for pushes at times that the trigger's option `poll` has. What is in `always` starts
    builds whatever a definition says.
    """

    schedules: Literal["default-branch", "branches"] | None = None
    spreads: bool = False
    own_zone: bool = False
    polls: bool = False
    always: tuple[TriggerName, ...] | None = None
    rows: tuple[TriggerRow, ...]


class RunnerRow(Row):
    """A vendor's label for a neutral runner; rows that are not read only say what to write.

    `options` is what a definition says for it, where that is more than a label. A row with `*` or `?` in its label
    or options is a pattern, and never written.
    """

    runner: RunnerName
    label: str
    read: bool = True
    options: Data = Field(default_factory=dict)

    @property
    def pattern(self) -> bool:
        """Whether it stands for many labels."""
        return any(mark in text for text in (self.label, str(self.options)) for mark in "*?")


class ImageRow(Row):
    """Images (`*` and `?` stand for any text) whose containers do a vendor's work only with these options."""

    image: str
    options: str
    note: str
    """Why, for the report."""


class RunnersFile(TableFile):
    """<vendor>/runners.yaml; `shell` reads scripts that name none, on machines other than Windows, in our words.

    `services` says where what runs in a container finds the services beside it: by their names, or at localhost;
    `usual` names sizes that are no larger than the machines which vendors without sizes host (2 processors, 8 GB).
    """

    shell: str | None = None
    services: Literal["name", "localhost"] | None = None
    usual: tuple[str, ...] = ()
    rows: tuple[RunnerRow, ...]
    images: tuple[ImageRow, ...] = ()


class StageRow(Row):
    """A job or an executor of a vendor's package: what it is in the model's data form of a stage.

    `call` is its full name without a version; `defaults` has each of its parameters with its default, null where it
    has none; in `stage`, `${{ inputs.x }}` is what parameter x was given. The stage of an executor only says where
    work runs: `runner`, `container`, `services`, `variables`, `defaults`. `executor` names the parameter of a job
    that gives an executor in place of the one in `stage`. `expansion.expand_stage` fills it in.
    """

    call: str
    defaults: dict[str, JsonValue] = Field(default_factory=dict)
    stage: Data = Field(default_factory=dict)
    executor: str | None = None
    note: str = ""
    """What is not quite the same when the stage takes the place of the call."""

    @model_validator(mode="after")
    def _steps_are_known(self, info: ValidationInfo) -> Self:
        steps: Any = self.stage.get("steps") or ()
        for step in steps if info.context is not None else ():
            _check_step(step, info.context)
        return self


class JobsFile(TableFile):
    """<vendor>/jobs.yaml: `rows` are jobs, `executors` are places to run."""

    rows: tuple[StageRow, ...] = ()
    executors: tuple[StageRow, ...] = ()


class WordRow(Row):
    """A word in scripts and paths, such as a program or a folder, that only means something on a vendor's machines."""

    text: str
    fidelity: Literal["equivalent", "approximate", "manual"] = "manual"
    why: str
    remedy: str = ""


class ScriptsFile(TableFile):
    """<vendor>/scripts.yaml: words that another vendor's machines do not understand."""

    rows: tuple[WordRow, ...]
