"""Every Jenkinsfile of the corpus is read, or refused with the place of each problem; nothing of it is left out.

Reading is held against the text of the declarative files: which stages, parameters and conditions there are.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.errors import DefinitionError, InvalidPipeline
from pipemgr.model.definitions import Stage
from pipemgr.translate.base import Dialect, Reading
from pipemgr.translate.convert import convert, read
from pipemgr.translate.document import DocumentSet, single
from pipemgr.translate.node import Node
from pipemgr.translate.report import Fidelity, Outcome
from pipemgr.translate.ways import write

pytestmark = pytest.mark.corpus

PLACE = re.compile(r".+:\d+:\d+")
REFUSED = {
    "bwc-test.jenkinsfile.txt-2": "a part of a trace, not a file",
    "perf-test.jenkinsfile.txt-2": "a part of a trace, not a file",
    "Messages_Jenkinsfile": "post among stages, which Jenkins refuses",
    "PostCleanup_Jenkinsfile": "post among stages, which Jenkins refuses",
    "when__whenEmpty.groovy": "Jenkins refuses it",
    "matrix__matrixStagesGroupsAndStages.groovy": "a matrix without axes, which Jenkins refuses",
    "matrix__matrixStagesNestedInSequential.groovy": "a matrix without axes, which Jenkins refuses",
    "matrix__matrixStagesShouldntTriggerNSE.groovy": "a matrix without axes, which Jenkins refuses",
    "libraries__libForMultiplePipelinesDefinedInLibrary.groovy": "several pipelines in a library's method",
    "libraries__libForMultiplePipelinesExecutedInLibrary.groovy": "several pipelines in a library's method",
}
"""Files that define nothing that could be executed alone, and why."""
SAME = 0.97
"""The share of declarative files that mean the same when they are written again."""


@pytest.fixture(scope="module")
def jenkins() -> Dialect:
    return Registry().dialect("jenkins")


@pytest.fixture(scope="module")
def files(corpus: Path) -> dict[str, DocumentSet]:
    paths = [
        *(corpus / "definitions" / "jenkinsfile").iterdir(),
        *(corpus / "pairs" / "pmd-groovy-only").glob("*.groovy"),
        *(one for one in (corpus / "pairs" / "opensearch-callstack").iterdir() if one.suffix != ".txt"),
    ]
    assert len(paths) >= 150
    return {path.name: single("Jenkinsfile", path.read_text(encoding="utf-8")) for path in sorted(paths)}


@pytest.fixture(scope="module")
def outcomes(files: dict[str, DocumentSet], jenkins: Dialect) -> dict[str, Reading | DefinitionError]:
    found: dict[str, Reading | DefinitionError] = {}
    for name, documents in files.items():
        try:
            found[name] = read(documents, jenkins)
        except DefinitionError as error:
            found[name] = error
    return found


@pytest.fixture(scope="module")
def readings(outcomes: dict[str, Reading | DefinitionError]) -> dict[str, Reading]:
    return {name: one for name, one in outcomes.items() if isinstance(one, Reading)}


@pytest.fixture(scope="module")
def declarative(readings: dict[str, Reading]) -> dict[str, Reading]:
    return {name: one for name, one in readings.items() if "pipeline" in one.source.nodes[0].items()}


def test_each_is_read_or_refused_for_a_reason(outcomes: dict[str, Reading | DefinitionError]) -> None:
    refused = {name for name, one in outcomes.items() if isinstance(one, DefinitionError)}
    only_methods = {name for name in refused if "nothing is executed" in str(outcomes[name])}
    assert refused - only_methods <= set(REFUSED)
    assert len(only_methods) <= 6
    for name in refused:
        error = outcomes[name]
        assert isinstance(error, DefinitionError)
        places = (
            [place for place, _ in error.problems] if isinstance(error, InvalidPipeline) else [error.where]
        )
        assert all(PLACE.fullmatch(place or "") for place in places), name


def test_every_node_is_accounted_for(readings: dict[str, Reading]) -> None:
    total: Counter[str] = Counter()
    for name, reading in readings.items():
        accounting = reading.source.accounting().model_dump()
        nodes = accounting.pop("nodes")
        assert nodes == len(reading.source.nodes) == sum(accounting.values()), name
        total.update(accounting)
    assert total["dropped"] == 0
    assert total["exact"] >= 0.95 * sum(total.values())


def test_nothing_is_left_unread(readings: dict[str, Reading]) -> None:
    left = {name: one.source.unread() for name, one in readings.items()}
    assert {name: one for name, one in left.items() if one} == {}


def test_every_reference_leads_into_the_pipeline(readings: dict[str, Reading]) -> None:
    """What nodes say they became is there: edits rely on it."""
    missing = []
    for name, reading in readings.items():
        stages = {stage.id: stage for stage in reading.pipeline.stages}
        for node in reading.source.nodes:
            match = re.match(r"stages\.([\w-]+)(?:\.steps\[(\d+)\])?", node.model)
            if match and not leads(stages.get(match[1]), match[2]):
                missing.append((name, node.path, node.model))
    assert missing == []


def leads(stage: Stage | None, step: str | None) -> bool:
    return stage is not None and (step is None or int(step) < len(stage.steps))


def test_there_is_a_stage_for_each_with_steps(declarative: dict[str, Reading]) -> None:
    """Each stage that has steps is one of the model, by its name; what there is besides says what it is for."""
    stages = 0
    for name, reading in declarative.items():
        wanted = Counter(title for title, _ in leaves(reading.source.nodes[0].items()["pipeline"]))
        found = Counter(stage.name or stage.id for stage in reading.pipeline.stages)
        assert wanted - found == Counter(), name
        assert set(found - wanted) <= {"Declarative: Checkout SCM", "Declarative: Post Actions"}, name
        stages += sum(wanted.values())
    assert stages >= 300


def leaves(node: Node) -> Iterator[tuple[str, Node]]:
    """The stages with steps below a node, by their names."""
    items = node.items() if node.kind == "mapping" else {}
    for key in ("stages", "parallel"):
        for one in items[key].entries() if key in items else ():
            inner = one.items()
            if "steps" in inner or not inner.keys() & {"stages", "parallel", "matrix"}:
                yield inner["name"].text(), one
            yield from leaves(one)
    if "matrix" in items:
        yield from leaves(items["matrix"])


def test_stages_are_in_the_order_of_the_file(declarative: dict[str, Reading]) -> None:
    """No stage needs one that stands behind it, and each but the first ones waits for something."""
    for name, reading in declarative.items():
        before: set[str] = set()
        for stage in reading.pipeline.stages:
            assert set(stage.needs) <= before, (name, stage.id)
            before.add(stage.id)


def test_written_again_they_mean_the_same(declarative: dict[str, Reading], jenkins: Dialect) -> None:
    different = []
    for name, reading in declarative.items():
        (document,) = write(reading.pipeline, jenkins).documents
        again = read(single("Jenkinsfile", document.text), jenkins)
        different += [name] if again.pipeline != reading.pipeline else []
    assert len(different) <= (1 - SAME) * len(declarative), different


@pytest.mark.parametrize("target", ["github-actions", "circleci"])
def test_each_that_is_read_is_converted(
    readings: dict[str, Reading], files: dict[str, DocumentSet], target: str
) -> None:
    """Every node of every file is in one bucket of the report, whatever the other vendor lacks."""
    registry = Registry()
    source, to = registry.dialect("jenkins"), registry.dialect(target)
    total: Counter[str] = Counter()
    for name in readings:
        report = convert(files[name], source, to).report
        assert report.outcome is not Outcome.FAILED, (name, report.findings)
        counts = report.accounting.model_dump()
        assert counts.pop("nodes") == sum(counts.values()), name
        lost = [one for one in report.findings if one.fidelity is Fidelity.DROPPED]
        assert all(one.source and one.why for one in lost), name
        total.update(counts)
    assert total["dropped"] <= 0.35 * sum(total.values())
