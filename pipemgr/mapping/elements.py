"""Elements: rows of a vendor whose definitions are trees of named elements (XML), where names are classes of plugins."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipemgr.model.definitions import OPAQUE, Data
from pipemgr.model.expressions import Condition

from .rows import ActionName, InputRow, Row, TableFile, TriggerName

Place = Literal[
    "axis", "binding", "builder", "parameter", "property", "publisher", "scm", "trigger", "wrapper"
]
"""What an element is by where it stands."""
Default = str | Annotated[tuple[()], Field(max_length=0)] | None
"""What a field says when nobody has set it: a text, `[]` for a list without entries, null where it is then absent."""
Fields = dict[str, Default]
"""The fields of an element in the vendor's own order: paths of names (`a/b`; `a/@class` is an attribute)."""


class ElementRow(Row):
    """An element of a plugin: what it is in the model, and what is written for it.

    `inputs` are names of ours (inputs of the action, fields of the trigger or parameter) and paths among the fields. A
    field that says anything but its default and is no input is kept for the vendor.
    """

    element: str
    """The class, as definitions spell it."""
    place: Place
    plugin: str = ""
    """The plugin that brings it, as the vendor's index of plugins calls it; empty for the vendor's own."""
    action: ActionName = OPAQUE
    """What a step does."""
    trigger: TriggerName | None = None
    """What starts a build."""
    type: Literal["string", "boolean", "number", "choice"] | None = None
    """The kind of a parameter."""
    inputs: dict[str, InputRow | str] = Field(default_factory=dict)
    implied: Data = Field(default_factory=dict)
    """Inputs of ours that it has by itself."""
    fields: Fields = Field(default_factory=dict)
    when: Condition | None = None
    """When a step of its kind is executed."""
    steps: tuple[Data | str, ...] = ()
    """What it does, for other vendors; `${{ inputs.x }}` is the field x."""
    harmless: bool = False
    """Other vendors lose nothing by not knowing it: it only changes what people see."""
    writes: bool = True
    """Whether it is written for what comes from elsewhere; the last such row of an action or trigger is."""
    added: bool = False
    """The vendor adds it by itself: with all fields at their defaults it says nothing."""
    note: str = ""
    """What is not quite the same in the model's words."""

    def path(self, ours: str) -> str:
        """The field that an input of ours stands in."""
        theirs = self.inputs[ours]
        return theirs if isinstance(theirs, str) else theirs.name

    def convert(self, ours: str) -> str:
        """How its value changes."""
        theirs = self.inputs[ours]
        return "same" if isinstance(theirs, str) else theirs.convert


class RootRow(Row):
    """An outermost element: the kind of job that it is, or what it is instead (`other`)."""

    root: str
    job: str = ""
    """The kind of job: a word of ours."""
    plugin: str = ""
    fields: Fields = Field(default_factory=dict)
    other: str = ""
    """What it is, where it is no job: the end of a sentence."""


class ElementsFile(TableFile):
    """<vendor>/elements.yaml.

    `secrets` are names of fields that hold secrets, whatever they stand in; `harmless` are fields of jobs that only change
    what people see, or what the vendor works out by itself.
    """

    rows: tuple[ElementRow, ...]
    roots: tuple[RootRow, ...] = ()
    secrets: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()
