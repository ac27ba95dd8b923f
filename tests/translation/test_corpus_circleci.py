"""Every CircleCI definition of the corpus is read, or refused with the place of each problem.

Reading is held against plain YAML here: which jobs workflows name, and how many steps they do.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.errors import DefinitionError, InvalidPipeline
from pipemgr.model.definitions import Pipeline, Stage
from pipemgr.translate.base import Dialect, Reading
from pipemgr.translate.convert import read
from pipemgr.translate.document import DocumentSet, load
from pipemgr.translate.report import Fidelity
from pipemgr.translate.yaml import compose

pytestmark = pytest.mark.corpus

PLACE = re.compile(r".+:\d+:\d+")
REFUSED = 9
"""Definitions that CircleCI refuses as well: test data of its language server, mostly, that is broken on purpose."""


@pytest.fixture(scope="module")
def circleci() -> Dialect:
    return Registry().dialect("circleci")


@pytest.fixture(scope="module")
def configs(corpus: Path) -> dict[str, DocumentSet]:
    files = sorted((corpus / "definitions" / "circleci").iterdir())
    assert len(files) >= 50
    return {file.name: DocumentSet(documents=(load(file, ".circleci/config.yml"),)) for file in files}


@pytest.fixture(scope="module")
def outcomes(configs: dict[str, DocumentSet], circleci: Dialect) -> dict[str, Reading | DefinitionError]:
    found: dict[str, Reading | DefinitionError] = {}
    for name, documents in configs.items():
        try:
            found[name] = read(documents, circleci)
        except DefinitionError as error:
            found[name] = error
    return found


@pytest.fixture(scope="module")
def readings(outcomes: dict[str, Reading | DefinitionError]) -> dict[str, Reading]:
    return {name: one for name, one in outcomes.items() if isinstance(one, Reading)}


def test_every_definition_is_read_or_refused_with_its_places(
    outcomes: dict[str, Reading | DefinitionError],
) -> None:
    refused = {name: one for name, one in outcomes.items() if isinstance(one, DefinitionError)}
    counts = Counter(type(one).__name__ for one in outcomes.values())
    print(f"\nCircleCI definitions: {dict(counts)}")  # noqa: T201 - the numbers are the point
    for name, error in refused.items():
        problems = error.problems if isinstance(error, InvalidPipeline) else ((error.where, error.message),)
        print(f"  {name}: {problems[0][0]}: {problems[0][1]}")  # noqa: T201
        assert problems
        assert all(PLACE.fullmatch(str(place)) and message for place, message in problems), name
    assert len(refused) <= REFUSED


def test_every_node_is_accounted_for(readings: dict[str, Reading]) -> None:
    total: Counter[str] = Counter()
    for name, reading in readings.items():
        counts = reading.source.accounting().model_dump()
        assert counts.pop("nodes") == sum(counts.values()), name
        total.update(counts)
        for finding in reading.findings:
            assert PLACE.fullmatch(finding.source), (name, finding)
            assert finding.what, (name, finding)
            assert finding.why, (name, finding)
    print(f"\nnodes: {dict(total)}")  # noqa: T201 - the numbers are the point
    assert total["dropped"] == 0
    assert total["exact"] + total["equivalent"] >= 0.99 * total.total()


def test_nothing_is_left_unread(readings: dict[str, Reading]) -> None:
    dropped = [
        (name, finding.source, finding.what)
        for name, reading in readings.items()
        for finding in reading.findings
        if finding.fidelity is Fidelity.DROPPED
    ]
    assert dropped == []


def test_every_entry_of_every_workflow_is_a_stage(
    configs: dict[str, DocumentSet], readings: dict[str, Reading]
) -> None:
    for name, reading in readings.items():
        (document,) = configs[name]
        wanted = invoked(compose(document.text, name).plain())
        stages = len(reading.pipeline.stages)
        assert stages >= wanted, name
        split = sum("decides where" in one.why for one in reading.findings)
        assert stages == wanted or split, (name, stages, wanted)


def invoked(data: dict[str, Any]) -> int:
    """How many entries the workflows have together; one where there is only a job `build`."""
    workflows = {
        name: one
        for name, one in (data.get("workflows") or {}).items()
        if isinstance(one, dict) and name != "version"
    }
    return sum(len(one["jobs"]) for one in workflows.values()) if workflows else 1


def test_every_script_stands_in_the_definition(
    configs: dict[str, DocumentSet], readings: dict[str, Reading]
) -> None:
    """No script without parameters is changed on the way, and every one comes from the text."""
    scripts = 0
    for name, reading in readings.items():
        (document,) = configs[name]
        texts = set(strings(compose(document.text, name).plain()))
        for step in (
            step for stage in reading.pipeline.stages for step in stage.steps if step.action == "run"
        ):
            script = str(step.inputs["script"])
            if "${{" not in script and "<<" not in document.text:
                assert script in texts, (name, script)
                scripts += 1
    assert scripts >= 100


def strings(value: Any) -> list[str]:
    match value:
        case dict():
            return [text for one in value.values() for text in strings(one)]
        case list():
            return [text for one in value for text in strings(one)]
    return [value] if isinstance(value, str) else []


def test_needs_are_the_jobs_that_are_required(
    configs: dict[str, DocumentSet], readings: dict[str, Reading]
) -> None:
    """Every `requires` without a matrix around is an edge of the graph, and there are no others."""
    edges = 0
    for name, reading in readings.items():
        (document,) = configs[name]
        data = compose(document.text, name).plain()
        if "matrix" in document.text or "job-groups" in data:
            continue
        required = sum(
            len(one) if isinstance(one := arguments.get("requires") or [], list) else 1
            for workflow in (data.get("workflows") or {}).values()
            if isinstance(workflow, dict)
            for entry in workflow["jobs"]
            if isinstance(entry, dict)
            for arguments in entry.values()
            if arguments
        )
        assert sum(len(stage.needs) for stage in reading.pipeline.stages) == required, name
        edges += required
    assert edges >= 50


def test_every_reference_leads_into_the_pipeline(readings: dict[str, Reading]) -> None:
    """What nodes say they became is there: edits rely on it."""
    missing: list[tuple[str, str]] = []
    for name, reading in readings.items():
        stages = {stage.id: stage for stage in reading.pipeline.stages}
        for node in reading.source.nodes:
            match = re.match(r"stages\.([\w-]+)(?:\.steps\[(\d+)\])?", node.model)
            if match and not leads(stages, reading.pipeline, match):
                missing.append((name, node.model))
    assert missing == []


def leads(stages: dict[str, Stage], pipeline: Pipeline, match: re.Match[str]) -> bool:
    stage = stages.get(match[1])
    return stage is not None and (match[2] is None or int(match[2]) < len(stage.steps) or not stage.steps)
