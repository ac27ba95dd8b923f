"""The writer: a pipeline becomes a workflow that looks as if a person had written it."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import (
    Fidelity,
    Losses,
    Tables,
    Writer,
    Writing,
    emit,
    ordered,
    overlaid,
    said,
    single,
)
from pipemgr.model.definitions import Data, Pipeline

from .action_writer import FILE, is_action, write_action
from .artifact_names import with_artifact_names
from .job_writer import JobWriter
from .phrases import Phrases
from .trigger_writer import TriggerWriter
from .words import Words, hints, own

FOLDER: Final = ".github/workflows"
LONGEST: Final = 100
"""The longest file name, without its ending; most file systems take 255."""
ORDER: Final = ("name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs")


class GitHubActionsWriter(Writer):
    """Writes a workflow file.

    Another target that executes workflows uses this writer with tables of its own: each kind of table that
    `tables` has (steps, triggers, runners, variables) replaces GitHub's whole table of that kind, so an action
    without a row there becomes a finding instead of a `uses:` that the target can't fetch.
    """

    def __init__(self, tables: Tables | None = None) -> None:
        self.words = Words(tables)

    def with_tables(self, tables: Tables) -> GitHubActionsWriter:
        """A writer of the same language for another target."""
        writer = GitHubActionsWriter()
        writer.words = Words(first=tables)
        return writer

    def write(self, pipeline: Pipeline) -> Writing:
        """The workflow file that does what `pipeline` says."""
        losses = Losses()
        if is_action(pipeline):
            data = write_action(pipeline, self.words, Phrases(self.words.vocabulary, losses))
            return Writing(single(FILE, emit(data)), tuple(losses.findings))
        named = with_artifact_names(pipeline, losses)
        text = emit(_workflow(named, self.words, losses))
        return Writing(single(path_of(pipeline), text), tuple(losses.findings))


def path_of(pipeline: Pipeline) -> str:
    """Where the workflow of a pipeline belongs in its repository."""
    name = unicodedata.normalize("NFKD", pipeline.name).encode("ascii", "ignore").decode()
    if not hints(pipeline.vendor).get("unnamed"):
        name = name.lower()
    kept = re.sub(r"[^A-Za-z0-9._]+", "-", name)[:LONGEST].strip("-.")
    return f"{FOLDER}/{kept or 'pipeline'}.yml"


def _workflow(pipeline: Pipeline, words: Words, losses: Losses) -> Data:
    phrases = Phrases(words.vocabulary, losses)
    jobs = JobWriter(phrases, words)
    unnamed = hints(pipeline.vendor).get("unnamed")
    data = jobs.common(pipeline, "") | said(
        {
            "name": None if unnamed else pipeline.name,
            "run-name": phrases.text(pipeline.build_name, "build-name"),
            "on": TriggerWriter(phrases, words).write(pipeline),
        }
    )
    data = overlaid(data, own(pipeline.vendor))
    data["on"] = _short_events(data.get("on"), losses)
    data["jobs"] = {stage.id: jobs.write(stage) for stage in pipeline.stages}
    concurrency = data.get("concurrency")
    if isinstance(concurrency, dict) and concurrency.keys() == {"group"}:
        data["concurrency"] = concurrency["group"]
    return ordered(data, ORDER)


def _short_events(events: JsonValue, losses: Losses) -> JsonValue:
    """Events that say no more than their names, as a word or a list; what nothing starts, by hand."""
    if not isinstance(events, dict) or not events:
        why = "GitHub needs an event: the workflow can be started by hand"
        losses.add(Fidelity.EQUIVALENT, "triggers", "no trigger", why)
        return "workflow_dispatch"
    if any(value is not None for value in events.values()):
        return events
    names = list(events)
    return names[0] if len(names) == 1 else [*names]
