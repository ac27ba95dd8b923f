"""Post out: steps that are executed whatever came before, at the end of a stage, a block or the pipeline.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#post
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipemgr.adapter import Fidelity
from pipemgr.model.definitions import Step

from .layout import Block, Item, block
from .status_writer import POST, Asked, asked, joined
from .step_writer import StepWriter

Numbered = tuple[Step, str]
"""A step and its path."""


def split(steps: Sequence[Numbered], path: str) -> tuple[list[Numbered], dict[str, list[Numbered]]]:
    """The steps of a stage, and those at its end that go by how it has ended, by the section of `post`."""
    del path
    answers = [asked(step.when) for step, _ in steps]
    first = len(steps)
    while first and answers[first - 1].section is not None:
        first -= 1
    found: dict[str, list[Numbered]] = {}
    place = 0
    for (step, at), answer in zip(steps[first:], answers[first:], strict=True):
        word = section(str(answer.section), place)
        place = max(place, POST.index(word))
        found.setdefault(word, []).append((plain(step, answer), at))
    return [
        (plain(step, answer), at) for (step, at), answer in zip(steps[:first], answers[:first], strict=True)
    ], found


def section(word: str, place: int) -> str:
    """The section for a condition that follows one at `place`: `cleanup` is `always` behind all others."""
    return "cleanup" if word == "always" and place > 0 else word


def plain(step: Step, answer: Asked) -> Step:
    """A step with what its condition asks apart from how anything has ended."""
    return step.model_copy(update={"when": joined(answer.rest)})


def post(found: Mapping[str, Sequence[Numbered]], writer: StepWriter) -> tuple[Item, ...]:
    """The section `post`."""
    ordered = sorted(found.items(), key=lambda pair: POST.index(pair[0]))
    return block("post", (Block(word, items) for word, steps in ordered if (items := writer.write(steps))))


__all__ = ["Fidelity", "plain", "post", "section", "split"]
