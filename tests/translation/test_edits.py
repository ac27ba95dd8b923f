"""Random single edits of real workflows: always right, and nothing else in the file changes.

The figures that are printed: how many edits needed a larger unit than the smallest or a fresh document, how many
lines came beyond those that a fresh writing changes, and how many comments stayed.
"""

import difflib
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipemgr.adapter.registry import Registry
from pipemgr.errors import DefinitionError
from pipemgr.model.definitions import Pipeline, Stage, Step
from pipemgr.translate import edit as editing
from pipemgr.translate.base import Dialect, Writing
from pipemgr.translate.convert import read, write
from pipemgr.translate.document import DocumentSet, load
from pipemgr.translate.edit import edit, said, same, strays, with_hints
from pipemgr.translate.merge import Merge

pytestmark = pytest.mark.corpus

EACH = 3
"""Edits of each file."""
PLACES = {"gha": ".github/workflows/{}", "circleci": ".circleci/config.yml"}


# Single edits of a pipeline ------------------------------------------------------------------------------


def stage(pipeline: Pipeline, at: int, **update: Any) -> Pipeline:
    stages = list(pipeline.stages)
    stages[at] = stages[at].model_copy(update=update)
    return pipeline.model_copy(update={"stages": tuple(stages)})


def steps_of(pipeline: Pipeline, chance: random.Random, least: int = 1) -> tuple[int, list[Step]]:
    """The steps of a random stage that has some; raises `IndexError` when none has."""
    at = chance.choice([at for at, one in enumerate(pipeline.stages) if len(one.steps) >= least])
    return at, list(pipeline.stages[at].steps)


def change_a_line(pipeline: Pipeline, chance: random.Random) -> Pipeline:
    places = [
        (at, number)
        for at, one in enumerate(pipeline.stages)
        for number, step in enumerate(one.steps)
        if step.inputs.get("script")
    ]
    at, number = chance.choice(places)
    steps = list(pipeline.stages[at].steps)
    lines = str(steps[number].inputs["script"]).split("\n")
    line = chance.choice([line for line, text in enumerate(lines) if text.strip()])
    lines[line] += chance.choice([" --verbose", " # note", " 'a: b'"])
    inputs = {**steps[number].inputs, "script": "\n".join(lines)}
    steps[number] = steps[number].model_copy(update={"inputs": inputs})
    return stage(pipeline, at, steps=tuple(steps))


def add_a_step(pipeline: Pipeline, chance: random.Random) -> Pipeline:
    at, steps = steps_of(pipeline, chance)
    script = chance.choice(["make check", "make a\nmake b # c\n"])
    new = Step(action="run", name='Check "it" now', inputs={"script": script})
    steps.insert(chance.randint(0, len(steps)), new)
    return stage(pipeline, at, steps=tuple(steps))


def remove_a_step(pipeline: Pipeline, chance: random.Random) -> Pipeline:
    at, steps = steps_of(pipeline, chance, 2)
    del steps[chance.randrange(len(steps))]
    return stage(pipeline, at, steps=tuple(steps))


def move_a_step(pipeline: Pipeline, chance: random.Random) -> Pipeline:
    at, steps = steps_of(pipeline, chance, 2)
    steps.insert(chance.randint(0, len(steps) - 1), steps.pop(chance.randrange(len(steps))))
    return stage(pipeline, at, steps=tuple(steps))


def name_a_step(pipeline: Pipeline, chance: random.Random) -> Pipeline:
    at, steps = steps_of(pipeline, chance)
    number = chance.randrange(len(steps))
    steps[number] = steps[number].model_copy(update={"name": f"{steps[number].name or 'It'} again"})
    return stage(pipeline, at, steps=tuple(steps))


def rename_a_stage(pipeline: Pipeline, chance: random.Random) -> Pipeline:
    old = chance.choice(pipeline.stages).id

    def renamed(name: str) -> str:
        return f"{name}_new" if name == old else name

    stages = (
        one.model_copy(update={"id": renamed(one.id), "needs": tuple(map(renamed, one.needs))})
        for one in pipeline.stages
    )
    return pipeline.model_copy(update={"stages": tuple(stages)})


def add_a_variable(pipeline: Pipeline, chance: random.Random) -> Pipeline:
    at = chance.randrange(len(pipeline.stages))
    return stage(pipeline, at, variables={**pipeline.stages[at].variables, "NEW_ONE": "yes: it #is"})


def change_a_filter(pipeline: Pipeline, chance: random.Random) -> Pipeline:
    triggers = list(pipeline.triggers)
    at = chance.choice([at for at, one in enumerate(triggers) if one.branches])
    branches = (*(triggers[at].branches or ()), "release/**")
    triggers[at] = triggers[at].model_copy(update={"branches": branches})
    return pipeline.model_copy(update={"triggers": tuple(triggers)})


def change_an_axis(pipeline: Pipeline, chance: random.Random) -> Pipeline:
    found = [
        (at, name, values)
        for at, one in enumerate(pipeline.stages)
        for name, values in (one.matrix.axes.items() if one.matrix else ())
        if isinstance(values, tuple) and values
    ]
    at, name, values = chance.choice(found)
    number = chance.randrange(len(values) + 1)
    changed = (*values[:number], "3.10", *values[number + 1 :])
    matrix = pipeline.stages[at].matrix
    assert matrix is not None
    return stage(pipeline, at, matrix=matrix.model_copy(update={"axes": {**matrix.axes, name: changed}}))


def remove_a_stage(pipeline: Pipeline, chance: random.Random) -> Pipeline:
    gone = chance.choice(pipeline.stages).id if len(pipeline.stages) > 1 else ""
    stages = (
        one.model_copy(update={"needs": tuple(need for need in one.needs if need != gone)})
        for one in pipeline.stages
        if one.id != gone
    )
    return pipeline.model_copy(update={"stages": tuple(stages)})


def add_a_stage(pipeline: Pipeline, chance: random.Random) -> Pipeline:
    first = pipeline.stages[0]
    steps = (Step(action="checkout"), Step(action="run", inputs={"script": "echo hi\n"}))
    new = Stage(
        id="brand_new", runner=first.runner, container=first.container, group=first.group, steps=steps
    )
    stages = list(pipeline.stages)
    stages.insert(chance.randint(0, len(stages)), new)
    return pipeline.model_copy(update={"stages": tuple(stages)})


def add_needs(pipeline: Pipeline, chance: random.Random) -> Pipeline:
    at = chance.randrange(1, len(pipeline.stages)) if len(pipeline.stages) > 1 else 0
    names = [one.id for one in pipeline.stages[:at] if one.id not in pipeline.stages[at].needs]
    return stage(pipeline, at, needs=(*pipeline.stages[at].needs, chance.choice(names)))


def toggle(pipeline: Pipeline, chance: random.Random) -> Pipeline:
    at = chance.randrange(len(pipeline.stages))
    return stage(pipeline, at, allow_failure=pipeline.stages[at].allow_failure is not True)


CHANGES: tuple[Callable[[Pipeline, random.Random], Pipeline], ...] = (
    change_a_line,
    add_a_step,
    remove_a_step,
    move_a_step,
    name_a_step,
    rename_a_stage,
    add_a_variable,
    change_a_filter,
    change_an_axis,
    remove_a_stage,
    add_a_stage,
    add_needs,
    toggle,
)


# What came of them ---------------------------------------------------------------------------------------


@dataclass
class Figures:
    """What came of many edits."""

    units: Counter[str] = field(default_factory=Counter)
    beyond: Counter[int] = field(default_factory=Counter)
    """Lines that came, beyond those that come in a fresh writing."""
    comments: int = 0
    kept: int = 0
    wrong: list[tuple[str, str]] = field(default_factory=list)

    def share(self, unit: str) -> float:
        return self.units[unit] / self.units.total()

    def __str__(self) -> str:
        within = sum(count for lines, count in self.beyond.items() if lines <= 2)
        return (
            f"{self.units.total()} edits: {dict(self.units)}, comments kept {self.kept} of {self.comments}, "
            f"at most 2 lines beyond the least: {within / self.beyond.total():.1%} "
            f"(most: {max(self.beyond)}), wrong {len(self.wrong)}"
        )


class Watched(Merge):
    """Merging that tells how large its units were."""

    last: Any = None

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        Watched.last = self


def pipelines(folder: Path, dialect: Dialect) -> Iterator[tuple[str, DocumentSet, Pipeline]]:
    for file in sorted(folder.glob("*.y*ml")):
        path = PLACES[folder.name].format(file.name.rpartition("__")[2])
        documents = DocumentSet(documents=(load(file, path),))
        try:
            yield file.name, documents, read(documents, dialect).pipeline
        except DefinitionError:
            continue


def measured(folder: Path, dialect: Dialect) -> Figures:
    figures = Figures()
    for name, base, pipeline in pipelines(folder, dialect):
        assert edit(pipeline, dialect, base).documents == base, name
        before = text(write(pipeline, dialect))
        for change in random.Random(name).sample(CHANGES, EACH):
            try:
                wanted = change(pipeline, random.Random(f"{name} {change.__name__}"))
            except IndexError:
                continue  # nothing of the kind in this one
            if wanted != pipeline:
                one_edit(figures, dialect, base, wanted, before, f"{name} {change.__name__}")
    return figures


def one_edit(
    figures: Figures, dialect: Dialect, base: DocumentSet, wanted: Pipeline, before: str, name: str
) -> None:
    Watched.last = None
    writing = edit(wanted, dialect, base)
    old, new = base.documents[0].text, text(writing)
    if not right(dialect, base, wanted, writing):
        figures.wrong.append((name, new))
    fresh = any(finding.what.startswith("comments and layout") for finding in writing.findings)
    coarse = Watched.last is not None and Watched.last.coarse
    figures.units["fresh" if fresh else "coarser" if coarse else "finest"] += 1
    least = text(write(with_hints(wanted, read(base, dialect).pipeline), dialect))
    figures.beyond[max(came(old, new) - came(before, least), 0)] += 1
    if "remove" not in name:
        figures.comments += comments(old).total()
        figures.kept += (comments(old) & comments(new)).total()


def right(dialect: Dialect, base: DocumentSet, wanted: Pipeline, writing: Writing) -> bool:
    """Whether a text says what is wanted or, where the language can't, what a fresh writing says."""
    found = said(read(writing.documents, dialect).pipeline)
    if same(found, said(wanted)):
        return True
    document = base.documents[0].model_copy(update={"text": text(write(wanted, dialect))})
    least = read(DocumentSet(documents=(document,)), dialect).pipeline
    return not list(strays(found, said(wanted), said(least)))


def text(writing: Writing) -> str:
    return writing.documents.documents[0].text


def came(old: str, new: str) -> int:
    """How many lines of the new text the old one has not."""
    matcher = difflib.SequenceMatcher(None, old.split("\n"), new.split("\n"), autojunk=False)
    return len(new.split("\n")) - sum(block.size for block in matcher.get_matching_blocks())


def comments(document: str) -> Counter[str]:
    lines = (line.strip() for line in document.split("\n"))
    return Counter(line for line in lines if line.startswith("#"))


@pytest.mark.parametrize(
    ("folder", "language", "finest"), [("gha", "github-actions", 0.95), ("circleci", "circleci", 0.6)]
)
def test_single_edits(
    corpus: Path, folder: str, language: str, finest: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editing, "Merge", Watched)
    figures = measured(corpus / "definitions" / folder, Registry().dialect(language))
    print(f"\n{language}: {figures}")  # noqa: T201 - the numbers are the point
    assert [name for name, _ in figures.wrong] == []
    assert figures.units.total() > 100
    assert figures.share("finest") >= finest
    assert figures.kept >= (0.99 if finest > 0.9 else 0.6) * figures.comments
