"""The writer: a pipeline becomes a declarative Jenkinsfile, as a person would write it."""

from __future__ import annotations

from pipemgr.adapter import Losses, Tables, Writer, Writing, single
from pipemgr.model.definitions import Pipeline

from .jenkinsfile.document_writer import document
from .jenkinsfile.layout import printed
from .jenkinsfile.scope import Words
from .jenkinsfile.text_writer import Texts

PATH = "Jenkinsfile"


class JenkinsWriter(Writer):
    """Writes a Jenkinsfile."""

    def __init__(self, tables: Tables | None = None) -> None:
        self.words = Words(tables)

    def write(self, pipeline: Pipeline) -> Writing:
        """The Jenkinsfile that does what `pipeline` says."""
        losses = Losses()
        text = printed(document(pipeline, Texts(self.words, losses)))
        return Writing(single(PATH, text), tuple(dict.fromkeys(losses.findings)))
