"""Post out: steps that are executed whatever came before, at the end of a stage, a block or the pipeline.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#post
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipemgr.adapter import Fidelity, Losses
from pipemgr.model.definitions import Step

from .layout import Block, Item, Statement, block
from .posts import ORDER
from .status_writer import Asked, asked, joined
from .step_writer import SCRIPT, StepWriter

Numbered = tuple[Step, str]
"""A step and its path."""


def split(steps: Sequence[Numbered], losses: Losses) -> tuple[list[Numbered], dict[str, list[Numbered]]]:
    """The steps of a stage, and those at its end that go by how it has ended, by the section of `post`."""
    answers = [asked(step.when) for step, _ in steps]
    first = len(steps)
    while first and answers[first - 1].section is not None:
        first -= 1
    found: dict[str, list[Numbered]] = {}
    place = 0
    for (step, at), answer in zip(steps[first:], answers[first:], strict=True):
        word = section(str(answer.section), place)
        if ORDER.index(word) < place:
            why = f"Jenkins executes {word} before {ORDER[place]}"
            losses.add(Fidelity.EQUIVALENT, at, "order of the last steps", why)
        place = max(place, ORDER.index(word))
        tell(step, at, answer, losses)
        found.setdefault(word, []).append((plain(step, answer), at))
    return list(steps[:first]), found


def tell(step: Step, path: str, answer: Asked, losses: Losses) -> None:
    """Say what no section of `post` can ask."""
    for one in answer.lost:
        why = "a section of post goes by how the stage has ended, not by how each step has"
        losses.add(Fidelity.APPROXIMATE, f"{path}.when", f"condition {one}", why)
    del step


def guarded(steps: Sequence[Numbered], writer: StepWriter) -> tuple[Item, ...]:
    """Steps of which some are executed after a failure too: `try` around those before them."""
    items: tuple[Item, ...] = ()
    plainly: list[Numbered] = []
    for step, at in steps:
        answer = asked(step.when)
        tell(step, at, answer, writer.losses)
        one = (plain(step, answer), at)
        if answer.is_usual:
            plainly.append(one)
            continue
        items, plainly = (*items, *writer.write(plainly)), []
        items = _after(items, str(answer.section), writer.write([one]))
        if answer.section != "always":
            why = "a script catches the failure of the steps before it"
            writer.losses.add(Fidelity.EQUIVALENT, at, f"step after {answer.section}", why)
    return (*items, *writer.write(plainly))


def _after(items: tuple[Item, ...], section: str, more: tuple[Item, ...]) -> tuple[Item, ...]:
    """Statements, and what is done after them in spite of a failure."""
    if not items or not more:
        return (*items, *more)
    body = (
        items[0].body
        if len(items) == 1 and isinstance(items[0], Block) and items[0].head == SCRIPT
        else items
    )
    if section == "always":
        return (Block(SCRIPT, (Block("try", body, Block("finally", more)),)),)
    caught = Block("catch (error)", (*more, Statement("throw error")))
    return (Block(SCRIPT, (Block("try", body, caught),)),)


def section(word: str, place: int) -> str:
    """The section for a condition that follows one at `place`: `cleanup` is `always` behind all others."""
    return "cleanup" if word == "always" and place > 0 else word


def plain(step: Step, answer: Asked) -> Step:
    """A step with what its condition asks apart from how anything has ended."""
    return step.model_copy(update={"when": joined(answer.rest)})


def post(found: Mapping[str, Sequence[Numbered]], writer: StepWriter) -> tuple[Item, ...]:
    """The section `post`."""
    ordered = sorted(found.items(), key=lambda pair: ORDER.index(pair[0]))
    return block("post", (Block(word, items) for word, steps in ordered if (items := writer.write(steps))))
