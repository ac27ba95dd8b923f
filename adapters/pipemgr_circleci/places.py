"""Places: paths below the folder that a job works in, said from there on, as every other vendor can take them.

Jobs work in `working_directory`, which is `~/project` where they do not say; `~` is `/home/circleci` in CircleCI's own
images (https://circleci.com/docs/reference/configuration-reference/#jobname).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.model.definitions import HINTS, OPAQUE, Data, Step

from .words import VENDOR, hints

FOLDER: Final = "~/project"
HOME: Final = "/home/circleci"
PATHS: Final = ("path", "root", "directory")
"""Inputs that are paths, or lines of them."""
_HINT: Final = "paths"


def settled(step: Step, folder: str) -> Step:
    """The step with its paths below `folder` said from there; CircleCI gets them back as they were."""
    if step.action == OPAQUE:
        return step.model_copy(update={"inputs": {**step.inputs, **_opened(step.inputs, folder)}})
    before = {key: value for key in PATHS if (value := step.inputs.get(key)) is not None}
    after = {key: _below(value, folder) for key, value in before.items()}
    changed = {key: value for key, value in before.items() if after[key] != value}
    if not changed:
        return step
    own = step.vendor.get(VENDOR, {})
    kept: Data = {**own, HINTS: {**hints(step.vendor), _HINT: {**changed, "folder": folder}}}
    return step.model_copy(
        update={"inputs": {**step.inputs, **after}, "vendor": {**step.vendor, VENDOR: kept}}
    )


def _opened(inputs: Data, folder: str) -> Data:
    """The steps that say what an opaque one does, for other vendors, with their paths from the folder on."""
    steps: Any = inputs.get("steps")
    if not isinstance(steps, list):
        return {}
    said: list[Any] = [step.get("inputs") or {} for step in steps]
    found = [{key: _below(given[key], folder) for key in PATHS if key in given} for given in said]
    return {
        "steps": [
            {**step, "inputs": {**given, **paths}} if paths else step
            for step, given, paths in zip(steps, said, found, strict=True)
        ]
    }


def restored(step: Step) -> Step:
    """The step with the paths that it had, where they still mean the same."""
    kept: Any = hints(step.vendor).get(_HINT)
    if not isinstance(kept, Mapping) or not isinstance(folder := kept.get("folder"), str):
        return step
    same = {
        key: value
        for key in PATHS
        if (value := kept.get(key)) and _below(value, folder) == step.inputs.get(key)
    }
    return step.model_copy(update={"inputs": {**step.inputs, **same}})


def _below(value: JsonValue, folder: str) -> JsonValue:
    if isinstance(value, list):
        return [_below(one, folder) for one in value]
    if not isinstance(value, str) or "${{" in folder:
        return value
    return "\n".join(_line(line, folder) for line in value.split("\n"))


def _line(line: str, folder: str) -> str:
    """A path from the folder on; what does not lie in it stays."""
    path, around = _full(line), _full(folder)
    if not line.startswith(("~", "/")) or not path.is_relative_to(around) or ".." in path.parts:
        return line
    return f"{path.relative_to(around)}{'/' * (line.endswith('/') and path != around)}"


def _full(path: str) -> PurePosixPath:
    return PurePosixPath(HOME + path[1:] if path == "~" or path.startswith("~/") else path)
