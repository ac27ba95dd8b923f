"""Begun: how the end of a block asks whether the block began; Jenkins executes no `post` of one that did not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from pipemgr.model.expressions import Access, Binary, Expression, Literal, Name

from .surroundings import Block

_SHAPES: Final = frozenset({("!=", "skipped"), ("!=", "failure"), ("==", "success")})


class Waiting(Protocol):
    """A stage, as far as it says when it begins."""

    id: str
    needs: tuple[str, ...]
    when: tuple[Expression, ...]
    fields: dict[str, Any]
    fetches: bool


def begun(drafts: Sequence[Waiting], block: Block, before: tuple[str, ...]) -> dict[str, Expression]:
    """What must hold so that a block behind `before` began, by the stage that is asked.

    The first stage inside began, where it has no condition of its own; otherwise nothing before the block failed.
    """
    if not before:
        return {}
    first = [one for one in drafts if one.needs == before and one.when == block.when and _within(one, block)]
    first.sort(key=lambda one: one.fetches)
    if first:
        return {first[0].id: went(first[0].id, "!=", "skipped")}
    return dict(_unbroken({one.id: one for one in drafts}, before))


def _within(one: Waiting, block: Block) -> bool:
    return f"{one.fields.get('group', '')}/".startswith(f"{block.path}/")


def _unbroken(drafts: Mapping[str, Waiting], names: Sequence[str]) -> Iterator[tuple[str, Expression]]:
    """That none of these stages failed, nor any before them; one without conditions went well only behind such."""
    todo, seen = list(names), set(names)
    while todo:
        one = drafts[todo.pop()]
        yield one.id, went(one.id, "!=", "failure") if one.when else went(one.id, "==", "success")
        more = [name for name in one.needs if one.when and name not in seen]
        seen.update(more)
        todo += more


def went(name: str, sign: str, word: str) -> Expression:
    """Whether a stage ended so, or did not."""
    return Binary(sign, Access(Access(Name("needs"), Literal(name)), Literal("result")), Literal(word))


def asks_begun(condition: Expression) -> bool:
    """Whether it has the shape of what the end of a block asks of other stages."""
    match condition:
        case Binary(sign, Access(Access(Name("needs"), Literal(_)), Literal("result")), Literal(str(word))):
            return (sign, word) in _SHAPES
    return False
