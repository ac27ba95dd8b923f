"""Orbs out: the calls of an orb's jobs and executors that a stage came from, where it still is what they mean."""

from __future__ import annotations

from typing import Any

from pydantic import JsonValue

from pipemgr.adapter import expand_stage
from pipemgr.model.definitions import Data, Pipeline, Stage

from .texts import Texts
from .words import Words, hints, own


class OrbCalls:
    """Knows the orbs of a definition by their names in it."""

    def __init__(self, pipeline: Pipeline, words: Words) -> None:
        known = {**_orbs(hints(pipeline.vendor)), **_orbs(own(pipeline.vendor))}
        self.orbs = {name: str(orb).partition("@")[0] for name, orb in known.items()}
        self.jobs = words.tables.jobs
        self.texts = Texts(words)

    def job(self, stage: Stage) -> tuple[str, Data] | None:
        """The orb's job that the stage is, with its arguments."""
        said = {**hints(stage.vendor), **own(stage.vendor)}
        call, given = said.get("job"), said.get("parameters")
        arguments: Data = given if isinstance(given, dict) else {}
        if not isinstance(call, str):
            return None
        if "job" in own(stage.vendor):
            return None if stage.steps else (call, arguments)
        row = self.jobs.jobs.get(self.full(call))
        data = expand_stage(row, self._read(arguments)) if row is not None else None
        return (call, arguments) if _is(stage, data) else None

    def executor(self, stage: Stage) -> JsonValue:
        """The orb's executor that the stage runs in; None where there is none."""
        said = hints(stage.vendor).get("executor")
        given: Data = dict(said) if isinstance(said, dict) else {"name": said}
        call = given.pop("name", None)
        row = self.jobs.executors.get(self.full(call)) if isinstance(call, str) else None
        data = expand_stage(row, self._read(given)) if row is not None else None
        return said if _is(stage, data) else None

    def full(self, call: str) -> str:
        """The call of an orb's thing by the orb's full name."""
        name, _, rest = call.partition("/")
        return f"{self.orbs.get(name, name)}/{rest}"

    def _read(self, value: Data) -> Data:
        return {key: self._text(one) for key, one in value.items()}

    def _text(self, value: JsonValue) -> JsonValue:
        match value:
            case str():
                return self.texts.filled_in(value)
            case list():
                return [self._text(one) for one in value]
            case dict():
                return {key: self._text(one) for key, one in value.items()}
        return value


def _is(stage: Stage, data: Any) -> bool:
    """Whether a stage is what a row says; its size may be another."""
    if data is None:
        return False
    meant = Stage.model_validate({"id": "x", **data})
    return all(_same(getattr(stage, key), getattr(meant, key)) for key in meant.model_fields_set - {"id"})


def _same(said: Any, meant: Any) -> bool:
    if isinstance(meant, dict) and isinstance(said, dict):
        return {**said, **meant} == said
    return said == meant or (hasattr(meant, "size") and said is not None and said.name == meant.name)


def _orbs(said: Data) -> Data:
    found = said.get("orbs")
    return found if isinstance(found, dict) else {}
