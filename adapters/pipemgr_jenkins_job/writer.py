"""The writer: a pipeline becomes a configuration, in the byte style in which Jenkins itself writes it."""

from __future__ import annotations

from pipemgr.adapter import Dialects, Fidelity, Losses, Tables, Writer, Writing, single
from pipemgr.model.definitions import Pipeline

from .freestyle_writer import FreestyleWriter
from .rendering import document
from .step_writer import Unfit
from .words import FREESTYLE, OWN, Words, own

PATH = "config.xml"


class JobWriter(Writer):
    """Writes `config.xml`: the kind of job that the pipeline says it is, else a pipeline job."""

    def __init__(self, tables: Tables | None = None, dialects: Dialects | None = None) -> None:
        self.words = Words(tables)
        self.dialects = dialects

    def write(self, pipeline: Pipeline) -> Writing:
        """The configuration that does what `pipeline` says."""
        losses = Losses()
        row = self.words.root_of(FREESTYLE)
        if row is None:
            raise AssertionError("the tables have freestyle jobs")
        try:
            root = FreestyleWriter(self.words, losses, row).write(pipeline)
        except Unfit as reason:
            losses.add(Fidelity.EQUIVALENT, OWN, str(own(pipeline.vendor).get("job")), str(reason))
            raise
        return Writing(single(PATH, document(root)), tuple(dict.fromkeys(losses.findings)))
