"""Languages and the ways of a document through them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from pipemgr.adapter.registry import Registry
from pipemgr.service.languages import NATIVE, Languages
from pipemgr.translate.base import Dialect
from pipemgr.translate.convert import Conversion, convert
from pipemgr.translate.document import DocumentSet, load
from pipemgr.translate.report import Finding

GITHUB, CIRCLECI, JENKINS = "github-actions", "circleci", "jenkins"


@cache
def language(name: str) -> Dialect:
    """A language by its name, `native` being our own."""
    return Languages(Registry()).get(name)


@dataclass(frozen=True)
class Way:
    """A document brought from language to language, back to the first one."""

    documents: DocumentSet
    findings: tuple[Finding, ...]


def way(documents: DocumentSet, *names: str) -> Way:
    """The document after conversions from each language to the next, with what was found on the way.

    Raises `AssertionError` when a conversion fails.
    """
    findings: tuple[Finding, ...] = ()
    for here, there in pairwise(names):
        made = convert(documents, language(here), language(there))
        findings += made.report.findings
        assert made.documents, made.report.to_markdown()
        documents = made.documents
    return Way(documents, findings)


def with_wanted(documents: DocumentSet, name: str, root: Path) -> DocumentSet:
    """The documents, and those below `root` that the reader asks for besides."""
    wants = getattr(language(name).reader, "wants", lambda _: ())
    known = {one.path for one in documents}
    more = [path for path in wants(documents) if path not in known and (root / path).is_file()]
    found = tuple(load(root / path, path) for path in more)
    return DocumentSet(documents=(*documents.documents, *found))


def converted(documents: DocumentSet, here: str, there: str) -> Conversion:
    """One conversion."""
    return convert(documents, language(here), language(there))


__all__ = ["CIRCLECI", "GITHUB", "JENKINS", "NATIVE", "Way", "converted", "language", "way", "with_wanted"]
