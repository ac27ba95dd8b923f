"""The rows of tables on names in expressions: contexts, functions, environment variables and secrets."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from .rows import ContextName, FunctionName, Row, TableFile


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
    """An environment variable that a vendor gives to every script, and the neutral context that it holds.

    `value` stands in place of `name` where it holds something else: a plain text, or a template in neutral names.
    """

    variable: str
    name: ContextName | None = None
    value: str | None = None
    note: str = ""
    """What is not quite the same about it where another vendor gives scripts the neutral value."""

    @model_validator(mode="after")
    def _holds_one_thing(self) -> Self:
        if (self.name is None) is (self.value is None):
            raise ValueError(f"{self.variable} needs either a `name` or a `value`")
        return self

    @property
    def template(self) -> str:
        """What it holds, as a text of ours."""
        return f"${{{{ {self.name} }}}}" if self.value is None else self.value


class SecretNames(Row):
    """What secrets may be called, for a vendor whose secrets are texts and nothing more.

    A name fits `pattern` as a whole, and does not begin with one of `reserved`, in any case. `folder` is where a step
    can keep a file that only later steps of its stage need.
    """

    pattern: str
    reserved: tuple[str, ...] = ()
    folder: str


class VariablesFile(TableFile):
    """<vendor>/variables.yaml; `secrets` are those that every build has without anybody creating them.

    With `ambient` the secrets that a vendor keeps reach scripts as environment variables of the same name, and no
    definition has to name them. `late` are contexts that only steps can ask for: there is no machine yet when conditions
    of stages are. With `asked-only` parameters are empty in builds for which nobody was asked, whatever
    their defaults. `own` is what names of variables begin with that only this vendor gives to scripts; without it, what
    the names of its contexts' variables begin with. With `parameters` those of a build are environment variables of
    every script, by their names. A person can be asked for `most-parameters` of them, if there is a limit.
    """

    secrets: tuple[str, ...] = ()
    own: tuple[str, ...] | None = None
    secret_names: SecretNames | None = None
    ambient: bool = False
    late: tuple[ContextName, ...] = ()
    asked_only: bool = False
    plain_defaults: bool = False
    most_parameters: int | None = None
    parameters: bool = False
    contexts: tuple[ContextRow, ...] = ()
    functions: tuple[FunctionRow, ...] = ()
    environment: tuple[EnvironmentRow, ...] = ()
