"""Damaged workflows: read or refused with a place, never another exception; what is read is written back equal."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.adapter import DocumentSet, emit, single
from pipemgr.errors import DefinitionError
from pipemgr.translate.yaml import compose
from pipemgr_github_actions import GitHubActionsReader, GitHubActionsWriter

CASES = Path(__file__).parents[2] / "translation" / "github-actions"
SOURCES = [
    compose(path.read_text(encoding="utf-8"), path.name).plain()
    for path in sorted(CASES.glob("*/source.yml"))
]
READER, WRITER = GitHubActionsReader(), GitHubActionsWriter()

odd = st.sampled_from(
    [None, True, 0, -1, 1.5, 1e300, "", "x", "${{", "${{ }}", "${{ a }}", "a ${{ b", [], [None], [[]], [{}], {}, {"": None},
     {"run": {}}, {"uses": []}, {"x": [1]}, "\t", "é\u2028", "on", "1e3", "read-all"]
)  # fmt: skip


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = data.keys() if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    return [path, *(place for key in keys for place in places(data[key], (*path, key)))]


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    data = deepcopy(draw(st.sampled_from(SOURCES)))
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from([place for place in places(data) if place]))
        inner = data
        for key in above:
            inner = inner[key]
        match draw(st.sampled_from(["replace", "remove", "rename", "swap"])):
            case "replace":
                inner[last] = deepcopy(draw(odd))
            case "remove":
                del inner[last]
            case "rename" if isinstance(inner, dict):
                inner[
                    draw(st.sampled_from(["x", "uses", "run", "with", "if", "on", "needs", "1a", "matrix"]))
                ] = inner.pop(last)
            case _:
                inner[last] = [inner[last]]
        if not places(data)[1:]:
            break
    return data


def refusal(documents: DocumentSet) -> str | None:
    """Where the reader refuses the documents; None when it reads them."""
    try:
        READER.read(documents)
    except DefinitionError as error:
        return error.where or "nowhere"
    return None


def check(documents: DocumentSet) -> None:
    if (where := refusal(documents)) is not None:
        assert where.startswith(".github/workflows/ci.yml:")
        return
    reading = READER.read(documents)
    counts = reading.source.accounting().model_dump()
    assert counts.pop("nodes") == sum(counts.values())
    (written,) = WRITER.write(reading.pipeline).documents
    again = READER.read(single(".github/workflows/ci.yml", written.text))
    assert again.pipeline == reading.pipeline


@given(damaged())
def test_a_damaged_workflow_is_read_or_refused(data: Any) -> None:
    check(single(".github/workflows/ci.yml", emit(data)))


@pytest.mark.parametrize(
    "text",
    [
        "on: push\njobs:\n  a: {runs-on: x, steps: [{run: 'a', uses: 'b/c@v1'}]}\n",
        "on: push\njobs:\n  a: {runs-on: x, uses: ./b.yml}\n",
        "on: [push, push]\njobs: {a: {runs-on: x, steps: [{run: b}]}}\n",
        "on: {push: , schedule: }\njobs: {a: {runs-on: x, steps: [{run: b}]}}\n",
        "on: {schedule: [~]}\njobs: {a: {runs-on: x, steps: [{run: b}]}}\n",
        "on: {workflow_dispatch: {inputs: }}\njobs: {a: {runs-on: x, steps: [{run: b}]}}\n",
        "on: push\njobs: {a: {runs-on: []}}\n",
        "on: push\njobs: {a: {runs-on: {}}}\n",
        "on: push\njobs: {a: {runs-on: x, steps: [{run: b}], strategy: }}\n",
        "on: push\njobs: {a: {runs-on: x, steps: [{run: b}], strategy: '${{ x }}'}}\n",
        "on: push\njobs: {a: {runs-on: x, steps: [{run: b}], strategy: {matrix: {}}}}\n",
        "on: push\njobs: {a: {runs-on: x, steps: [{run: b}], container: , services: }}\n",
        "on: push\njobs: {a: {runs-on: x, steps: [{run: b}], services: {db: '${{ x }}'}}}\n",
        "on: push\njobs: {a: {runs-on: x, steps: [{run: b}], defaults: , env: , outputs: , permissions: }}\n",
        "on: push\njobs: {a: {runs-on: x, steps: [{run: b}], defaults: {run: , other: 1}}}\n",
        "on: push\nname: ''\njobs: {a: {runs-on: x, steps: }}\n",
        "on: push\nname: 1.0\njobs: {a: {runs-on: x, steps: [{run: b}], name: true}}\n",
        "on: push\njobs: {a: {runs-on: x, steps: [{run: b}], concurrency: {group: a, queue: max}}}\n",
        "on: push\njobs: {a: {runs-on: x, steps: [{uses: actions/checkout@v4, with: '${{ x }}'}]}}\n",
        "on: push\njobs: {a: {runs-on: x, steps: [{uses: actions/checkout}]}}\n",
        "on: push\njobs: {a: {runs-on: x, steps: [{uses: 1}]}}\n",
        "on: push\njobs: {a: {runs-on: x, steps: [{run: a, env: '${{ x }}'}]}}\n",
        "on: push\nhints: {a: 1}\njobs: {a: {runs-on: x, steps: [{run: b}], hints: 1}}\n",
    ],
)
def test_odd_but_harmless(text: str) -> None:
    check(single(".github/workflows/ci.yml", text))
