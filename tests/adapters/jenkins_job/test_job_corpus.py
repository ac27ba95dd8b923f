"""Every job of the corpus, and all that jenkins-job-builder makes: read, written and read again, and converted."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.errors import DefinitionError
from pipemgr.service.languages import Languages
from pipemgr.translate.base import Dialect, Reading
from pipemgr.translate.convert import convert, read, write
from pipemgr.translate.document import DocumentSet, single
from pipemgr.translate.report import Outcome
from pipemgr_jenkins_job import normalise

pytestmark = pytest.mark.corpus

PLACE = re.compile(r".+:\d+:\d+")
_DOCUMENT = re.compile(r"<\?xml|<BLANKLINE>")
REFUSED = 0
"""Jobs that may be refused."""


def texts(corpus: Path) -> Iterator[tuple[str, str]]:
    """Each job and its file; tests of jenkins-job-builder hold several jobs in one file."""
    for path in sorted((corpus / "definitions" / "jenkins-xml").glob("*.xml")):
        yield path.name, path.read_text(encoding="utf-8")
    for path in sorted((corpus / "pairs" / "jjb").glob("*/*.xml")):
        text = path.read_text(encoding="utf-8")
        starts = [0, *(one.start() for one in _DOCUMENT.finditer(text) if one.start()), len(text)]
        for at, (start, end) in enumerate(pairwise(starts)):
            part = text[start:end].replace("<BLANKLINE>", "").strip()
            if part:
                yield f"{path.parent.name}/{path.name}#{at}", part


@pytest.fixture(scope="module")
def sources(corpus: Path) -> dict[str, DocumentSet]:
    found = {name: single("jobs/it/config.xml", text) for name, text in texts(corpus)}
    assert len(found) >= 200
    return found


def outermost(documents: DocumentSet) -> str:
    found = re.search(r"<([A-Za-z][\w.-]*)[\s/>]", re.sub(r"<\?.*?\?>", "", documents.documents[0].text))
    return found[1] if found else ""


def read_or_refused(documents: DocumentSet, jobs: Dialect) -> Reading | DefinitionError:
    try:
        return read(documents, jobs)
    except DefinitionError as error:
        return error


def test_every_job_is_read_and_comes_back(jobs: Dialect, sources: dict[str, DocumentSet]) -> None:
    """What is written differs from the source in nothing but what the normal form leaves out, and reads as the same.

    Where a secret was there is a gap, so what is read then lacks its name.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for name, documents in sources.items():
        kind = outermost(documents)
        reading = read_or_refused(documents, jobs)
        if isinstance(reading, DefinitionError):
            counts[kind, "refused"] += 1
            print(f"\n  {name}: {reading}")  # noqa: T201
            assert PLACE.fullmatch(reading.where or ""), name
            continue
        counts[kind, "read"] += 1
        writing = write(reading.pipeline, jobs)
        again = read(writing.documents, jobs).pipeline
        lost = [one for one in writing.findings if one.kind == "secret"]
        assert again.model_copy(update={"name": "it"}) == reading.pipeline or lost, name
        before, after = (one.documents[0].text for one in (documents, writing.documents))
        assert normalise(after) == normalise(before), name
        tally = reading.source.accounting().model_dump()
        assert tally.pop("nodes") == sum(tally.values()), name
        assert not tally["dropped"], name
        assert all(PLACE.fullmatch(one.source) for one in reading.findings), name
    print(f"\njobs: {dict(sorted(counts.items()))}")  # noqa: T201 - the numbers are the point
    assert sum(n for (_, what), n in counts.items() if what == "refused") <= REFUSED
    assert all(what == "read" for name, what in counts if name in ("project", "flow-definition"))


@pytest.mark.parametrize("target", ["github-actions", "circleci", "jenkins", "native"])
def test_every_job_is_converted_with_a_report(
    registry: Registry, jobs: Dialect, sources: dict[str, DocumentSet], target: str
) -> None:
    there = Languages(registry).get(target)
    outcomes: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for name, documents in sources.items():
        found = convert(documents, jobs, there)
        outcomes[str(found.report.outcome)] += 1
        total.update(found.report.accounting.model_dump())
        assert found.report.outcome is not Outcome.FAILED or not found.documents, name
        assert all(PLACE.fullmatch(one.source) and one.why for one in found.report.findings), name
    print(f"\njobs to {target}: {dict(outcomes)}, nodes {dict(total)}")  # noqa: T201
    assert outcomes["failed"] <= REFUSED


def test_jobs_come_back_through_our_own_format(
    registry: Registry, jobs: Dialect, sources: dict[str, DocumentSet]
) -> None:
    native = Languages(registry).get("native")
    changed = []
    for name, documents in sources.items():
        ours = convert(documents, jobs, native).documents
        again = convert(ours, native, jobs).documents
        before, after = (one.documents[0].text for one in (documents, again))
        changed += [name] * (normalise(before) != normalise(after))
    print(f"\nchanged on the way through our format: {changed} of {len(sources)}")  # noqa: T201
    assert len(changed) <= 0.01 * len(sources)
