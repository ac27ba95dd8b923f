"""The manifest: `adapter.yaml`, what an adapter says of itself, read without importing it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Self

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from pipemgr.errors import ConfigurationError
from pipemgr.model.base import Value
from pipemgr.model.support import Answer, Support
from pipemgr.translate.document import load
from pipemgr.translate.features import FEATURES
from pipemgr.translate.native import NAME as NATIVE
from pipemgr.translate.node import Node
from pipemgr.translate.yaml import compose

from .capabilities import Capability

FILE_NAME = "adapter.yaml"
API_VERSION = 1
"""The version of the author's surface (`pipemgr.adapter`): raised when something in it changes or goes."""


class Manifest(Value):
    """What an adapter says of itself: one answer to each capability and to each language feature.

    In the file an answer is a support level, or `{support: partial, note: ...}`; all but full need the note.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    name: str = Field(min_length=1)
    """The name it is registered under."""
    title: str = Field(min_length=1)
    """What people call the vendor."""
    api_version: int
    """The version of `pipemgr.adapter` it was written for."""
    documents: tuple[str, ...]
    """Globs of the paths its documents live at, for telling languages apart; empty when others claim them."""
    understands: tuple[str, ...] = ()
    """Further vendors whose own things its language takes as they are."""
    words: tuple[str, ...] = ()
    """Further vendors whose tables hold for it too, wherever its own say nothing else."""
    capabilities: dict[Capability, Answer]
    features: dict[str, Answer]

    @field_validator("capabilities", "features", mode="before")
    @classmethod
    def _short_answers(cls, answers: Any) -> Any:
        if not isinstance(answers, Mapping):
            return answers
        return {name: {"support": one} if isinstance(one, str) else one for name, one in answers.items()}

    @field_validator("name")
    @classmethod
    def _free(cls, name: str) -> str:
        if name == NATIVE:
            raise ValueError(f"{name!r} is the name of pipemgr's own language")
        return name

    @field_validator("api_version")
    @classmethod
    def _known_version(cls, version: int) -> int:
        if version != API_VERSION:
            raise ValueError(
                f"written for version {version} of the adapter interface; this pipemgr has {API_VERSION}"
            )
        return version

    @field_validator("capabilities")
    @classmethod
    def _all_capabilities(cls, answers: dict[Capability, Answer]) -> dict[Capability, Answer]:
        _complete(answers, list(Capability))
        return answers

    @field_validator("features")
    @classmethod
    def _all_features(cls, answers: dict[str, Answer]) -> dict[str, Answer]:
        _complete(answers, list(FEATURES))
        return answers

    @model_validator(mode="after")
    def _notes(self) -> Self:
        answers = [*self.capabilities.items(), *self.features.items()]
        bare = [str(name) for name, one in answers if one.support is not Support.FULL and not one.note]
        if bare:
            raise ValueError(f"a note must explain every answer but full: {', '.join(bare)}")
        return self

    def limits(self) -> dict[str, Answer]:
        """The features that are not fully supported, as a dialect tells them."""
        return {name: one for name, one in self.features.items() if one.support is not Support.FULL}


def _complete(answers: Mapping[Any, Answer], wanted: list[Any]) -> None:
    missing = [name for name in wanted if name not in answers]
    unknown = [name for name in answers if name not in wanted]
    if missing:
        raise ValueError(f"no answer for {', '.join(missing)}")
    if unknown:
        raise ValueError(f"there is no {', '.join(unknown)}")


def folder(entry: EntryPoint) -> Path:
    """The folder of the package that an entry point leads to; nothing of it is imported.

    Raises `ConfigurationError` when it is not installed as a folder.
    """
    if not entry.pattern.match(entry.value):
        raise ConfigurationError("names no class", where=entry.value, remedy="write PACKAGE:CLASS")
    top, *below = entry.module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    places = (spec.submodule_search_locations if spec else None) or ()
    candidates = [Path(place, *below) for place in places]
    found = next((one for one in candidates if one.is_dir()), candidates[0].parent if candidates else None)
    if found is None:
        raise ConfigurationError(
            f"the package {entry.module} is registered but not installed", where=entry.value
        )
    return found


def read_manifest(entry: EntryPoint) -> Manifest:
    """The manifest of a registered adapter.

    Raises `ConfigurationError` or `ParseError` with `file:line` for the first thing that is wrong with it.
    """
    path = folder(entry) / FILE_NAME
    if not path.is_file():
        raise ConfigurationError(
            f"has no {FILE_NAME}", where=str(path.parent), remedy="adapters/README.md has one"
        )
    root = compose(load(path).text, str(path))
    try:
        manifest = Manifest.model_validate(root.plain())
    except ValidationError as error:
        raise _told(error, root) from None
    if manifest.name != entry.name:
        raise ConfigurationError(
            f"its name is {manifest.name!r}, but it is registered as {entry.name!r}",
            where=_place(root, ("name",)),
        )
    return manifest


def _told(error: ValidationError, root: Node) -> ConfigurationError:
    first = error.errors(include_url=False, include_input=False)[0]
    path = tuple(part for part in first["loc"] if part != "[key]")
    message = str(first["msg"]).removeprefix("Value error, ")
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    label = f"{'.'.join(map(str, path))}: " if path else ""
    return ConfigurationError(f"{label}{message}{more}", where=_place(root, path))


def _place(root: Node, path: tuple[str | int, ...]) -> str:
    node = root
    for part in path:
        below = node.children
        if isinstance(below, dict) and str(part) in below:
            node = below[str(part)]
        elif isinstance(below, list) and isinstance(part, int):
            node = below[part]
        else:
            break
    return node.where
