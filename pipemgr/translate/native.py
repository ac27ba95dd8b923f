"""pipemgr's own file format: its writer and its dialect."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from pipemgr.errors import InvalidPipeline
from pipemgr.model.definitions import OPAQUE, Pipeline

from .base import Dialect, Writer, Writing
from .document import single
from .emit import emit
from .names import Names
from .native_format import RUN, Actions
from .native_reader import NativeReader

NAME: Final = "native"
FOLDER: Final = "pipelines"
"""Where files are written to."""
LONGEST: Final = 100
"""The longest file name, in bytes, without its ending; most file systems take 255."""

_SHORT: Final = {
    "runner": "name",
    "container": "image",
    "environment": "name",
    "approval": "message",
    "concurrency": "group",
}
"""The key that stands for its whole mapping when it is the only one."""
_MATRIX_KEYS: Final = frozenset({"axes", "include", "exclude"})


class NativeWriter(Writer):
    """Writes pipemgr's own files; what is read back is equal."""

    def write(self, pipeline: Pipeline) -> Writing:
        """One file, named after the pipeline."""
        try:
            text = emit(file_data(pipeline))
        except ValueError as error:
            raise InvalidPipeline(f"{pipeline.name} can't be written: {error}") from None
        return Writing(single(f"{FOLDER}/{_file_name(pipeline.name)}.yaml", text))


def _file_name(name: str) -> str:
    """The name as a file's name: no separators, nothing that a file system minds, and not too long for one."""
    kept = "".join(one if one.isalnum() or one in "-_." else "-" for one in name)
    return kept.encode("utf-8", "replace")[:LONGEST].decode("utf-8", "ignore").strip("-.") or "pipeline"


def file_data(pipeline: Pipeline) -> dict[str, Any]:
    """What the file of a pipeline says, as JSON."""
    data: dict[str, Any] = _shortened(pipeline.data())
    stages = [_stage(stage) for stage in data.pop("stages", ())]
    triggers = [_trigger(trigger) for trigger in data.pop("triggers", ())]
    out: dict[str, Any] = {"pipeline": data.pop("name")}
    if "build-name" in data:
        out["build-name"] = data.pop("build-name")
    return (
        out
        | ({"triggers": triggers} if triggers else {})
        | data
        | ({"stages": dict(stages)} if stages else {})
    )


def _shortened(data: dict[str, Any]) -> dict[str, Any]:
    """`runner: {name: linux}` as `runner: linux`, and its like."""
    for key, short in _SHORT.items():
        match data.get(key):
            case {**only} if only.keys() == {short}:
                data[key] = only[short]
    return data


def _trigger(data: Any) -> Any:
    event = data.pop("event")
    if event == OPAQUE and data.keys() == {"options"} and data["options"].keys() == {"vendor", "value"}:
        data = data["options"]
    if event == "schedule" and data.keys() == {"cron"}:
        data = data["cron"]
    return {event: data}


def _stage(data: Any) -> tuple[str, dict[str, Any]]:
    name, steps = data.pop("id"), data.pop("steps", None)
    _shortened(data)
    if "matrix" in data:
        data["matrix"] = _matrix(data["matrix"])
    if "services" in data:
        data["services"] = {
            key: _shortened({"container": one})["container"] for key, one in data["services"].items()
        }
    return name, data | ({"steps": [_step(step) for step in steps]} if steps else {})


def _matrix(data: dict[str, Any]) -> Any:
    if "expression" in data:
        return data["expression"]
    axes: Any = data.get("axes", {})
    return data if axes.keys() & _MATRIX_KEYS else axes | {key: data[key] for key in data if key != "axes"}


def _step(data: dict[str, Any]) -> Any:
    action, inputs = str(data.pop("action")), data.pop("inputs", {})
    match inputs:
        case {"script": str(script), **rest} if action == RUN and not rest:
            inputs = script
        case {} if not inputs and not data:
            return action
    before = {key: data.pop(key) for key in ("id", "name", "when") if key in data}
    return {**before, action: inputs, **data}


def native_dialect(
    actions: Actions | None = None,
    shorts: Mapping[str, str] | None = None,
    triggers: Collection[str] | None = None,
    names: Names | None = None,
) -> Dialect:
    """Our own format as a dialect.

    `actions` (inputs by action), `shorts` (the input that a bare value sets), `triggers` and `names` (of
    expressions) come from the catalogue; without them every name is accepted.
    """
    return Dialect(
        name=NAME,
        title="pipemgr",
        reader=NativeReader(actions, shorts, triggers, names),
        writer=NativeWriter(),
        foreign=True,
        patterns=("pipelines/*.yaml", "pipelines/*.yml"),
    )
