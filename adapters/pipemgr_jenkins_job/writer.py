"""The writer: a pipeline becomes a configuration, in the byte style in which Jenkins itself writes it."""

from __future__ import annotations

from typing import Final

from pipemgr.adapter import (
    Dialects,
    Document,
    DocumentSet,
    Fidelity,
    Losses,
    RootRow,
    Tables,
    Writer,
    Writing,
)
from pipemgr.model.definitions import Pipeline

from .elements import Element
from .freestyle_writer import FreestyleWriter
from .kept_reader import KEPT, MULTIBRANCH
from .pipeline_writer import PipelineWriter
from .reader import job_path
from .rendering import document
from .step_writer import Unfit
from .tree import MARK
from .words import FREESTYLE, JOB, OWN, PIPELINE, Words, kind, own

_WORK: Final = ("builders", "publishers", "scm")


class JobWriter(Writer):
    """Writes `config.xml`: the kind of job that the pipeline says it is, else a pipeline job."""

    def __init__(self, tables: Tables | None = None, dialects: Dialects | None = None) -> None:
        self.words = Words(tables)
        self.dialects = dialects

    def write(self, pipeline: Pipeline) -> Writing:
        """The configuration that does what `pipeline` says."""
        job = kind(pipeline.vendor)
        losses = Losses()
        try:
            root, more = self._job(pipeline, job, losses)
        except Unfit as reason:
            losses = Losses()
            losses.add(
                Fidelity.EQUIVALENT,
                f"{OWN}.{JOB}",
                f"the kind of job {job}",
                f"written as a pipeline job, for a {job} job can't say {reason}",
            )
            root, more = self._job(pipeline, PIPELINE, losses)
        text = document(root)
        if MARK.search(text):
            _tell_gaps(root, losses)
        documents = (Document(path=job_path(pipeline.name), text=text), *more)
        told = [one for at, one in enumerate(losses.findings) if one not in losses.findings[:at]]
        return Writing(DocumentSet(documents=documents), tuple(told))

    def _job(self, pipeline: Pipeline, job: str, losses: Losses) -> tuple[Element, tuple[Document, ...]]:
        """The outermost element of a job of that kind, and further documents. Raises `Unfit`."""
        row = self.words.root_of(job) or self._unknown(job, works=bool(pipeline.stages))
        if job in (PIPELINE, MULTIBRANCH) or (row.root == job and "factory" in own(pipeline.vendor)):
            return PipelineWriter(self.words, losses, row).job(pipeline, self.dialects)
        writer = FreestyleWriter(self.words, losses, row)
        if job in KEPT or (row.root == job and not pipeline.stages):
            return writer.kept_whole(pipeline), ()
        return writer.write(pipeline), ()

    def _unknown(self, job: str, *, works: bool) -> RootRow:
        """An outermost element that no row knows: its fields are those of most jobs."""
        usual = self.words.root_of(FREESTYLE) if works else None
        return RootRow(root=job, job=job, fields=usual.fields if usual is not None else {})


def _tell_gaps(root: Element, losses: Losses) -> None:
    """A finding for each secret that stood within a longer text, or in an attribute."""
    for one in root.walk():
        for match in MARK.finditer(" ".join((*one.attributes.values(), one.text or ""))):
            losses.add(
                Fidelity.MANUAL,
                "",
                f"secret {match[1]}",
                f"<{one.tag}> holds a secret of Jenkins, which is in no definition: {match[0]} is in its place",
                f"enter the value of {match[1]} in Jenkins, better as a credential",
                kind="secret",
            )


__all__ = ["FREESTYLE", "JobWriter"]
