"""Rewriting: what templates for flags and numbers become when their values are known."""

from __future__ import annotations

import pytest

from pipemgr.model.definitions import Concurrency, Stage
from pipemgr.model.expressions import Expression, Literal, Name
from pipemgr.translate.rewriting import rewritten


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        (True, "${{ branch }}", True),
        (False, "${{ branch }}", False),
        (True, "${{ branch }}x", "${{ branch }}x"),
        ("maybe", "${{ branch }}", "${{ branch }}"),
    ],
)
def test_a_flag_stays_a_flag_or_a_template(value: bool | str, text: str, expected: bool | str) -> None:
    def known(node: Expression) -> Expression:
        return Literal(value) if node == Name("branch") else node

    stage = Stage(id="a", concurrency=Concurrency(group="g", cancel_running=text))
    changed = rewritten(stage, known).concurrency
    assert changed is not None
    assert changed.cancel_running == expected


def test_a_number_stays_a_number() -> None:
    stage = Stage(id="a", max_parallel="${{ parameters.many }}")
    assert rewritten(stage, lambda _: Literal(4)).max_parallel == 4
