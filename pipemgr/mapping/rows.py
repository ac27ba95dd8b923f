"""Rows: what each kind of table may say. The JSON Schemas in `mappings/` are made from these classes."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, ValidationInfo, model_validator

from pipemgr.model.base import Value
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


Conversion = Literal["same", "not", "yes-no", "lines", "commas"]
"""How a value changes: not at all; true and false swapped; true is `yes`; a list is one text."""


class InputRow(Row):
    """A vendor's input: its name and how our value becomes theirs."""

    name: str
    convert: Conversion = "same"


class StepRow(Row):
    """A neutral action as a vendor does it: by a call of its own, or by a script.

    `call` is the vendor's word for it, `version` what is written with the call (a row without it is only read),
    `inputs` our input names to theirs, `defaults` what the vendor needs where our step says nothing. `run` is a
    script that does the same; it is only written, and finds the inputs in the environment as INPUT_<NAME>.
    """

    action: ActionName
    call: str | None = None
    version: str | None = None
    inputs: dict[str, InputRow | str] = Field(default_factory=dict)
    defaults: dict[str, JsonValue] = Field(default_factory=dict)
    run: str | None = None
    shell: str | None = None
    note: str = ""
    """What is not quite the same when this row is written."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.call is None) == (self.run is None):
            raise ValueError("a row has either a call or a run")
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
    """<vendor>/triggers.yaml."""

    rows: tuple[TriggerRow, ...]


class RunnerRow(Row):
    """A vendor's label for a neutral runner; rows that are not read only say what to write."""

    runner: RunnerName
    label: str
    read: bool = True


class RunnersFile(TableFile):
    """<vendor>/runners.yaml."""

    rows: tuple[RunnerRow, ...]


class ContextRow(Row):
    """A neutral context and the vendor's expression for it.

    With `values: triggers` what it gives are the vendor's words for triggers.
    """

    name: ContextName
    expression: str
    values: Literal["triggers"] | None = None


class FunctionRow(Row):
    """A neutral function and the vendor's word for it."""

    name: FunctionName
    word: str


class EnvironmentRow(Row):
    """A neutral context and the environment variable that a vendor gives it in."""

    name: ContextName
    variable: str


class VariablesFile(TableFile):
    """<vendor>/variables.yaml; `secrets` are those that every build has without anybody creating them.

    With `ambient` the secrets that a vendor keeps reach scripts as environment variables of the same name, and no
    definition has to name them.
    """

    secrets: tuple[str, ...] = ()
    ambient: bool = False
    contexts: tuple[ContextRow, ...] = ()
    functions: tuple[FunctionRow, ...] = ()
    environment: tuple[EnvironmentRow, ...] = ()
