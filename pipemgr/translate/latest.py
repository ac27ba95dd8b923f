"""Latest: answers kept for the one thing that was asked about last, for passes that ask the same in turn."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


def latest(work: Callable[[Asked], Answer]) -> Callable[[Asked], Answer]:
    """`work`, done once as long as it is asked about the very same object.

    For objects that are never changed, such as definitions, and that can't be hashed. No more than one answer is
    kept; threads that ask about different objects only make each other work again.
    """
    kept: tuple[Asked, Answer] | None = None

    @wraps(work)
    def answer(asked: Asked) -> Answer:
        nonlocal kept
        known = kept
        if known is None or known[0] is not asked:
            known = kept = (asked, work(asked))
        return known[1]

    return answer
