"""The table of what Jenkins checks in a declarative pipeline (`grammar.yaml`), and what its shapes say."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from pipemgr.adapter import compose

Shape = dict[str, str]
"""Types of arguments by their names; a name that ends with `!` is required."""


@cache
def grammar() -> dict[str, Any]:
    """The table."""
    file = files(__package__).joinpath("grammar.yaml")
    return compose(file.read_text(encoding="utf-8"), file.name).plain()  # type: ignore[no-any-return]


def nearest(word: str, known: list[str]) -> str:
    """What was probably meant by an unknown word, for a message; nothing where no known one is like it."""
    near = get_close_matches(word, known, 1)
    return f" (perhaps {near[0]!r})" if near else ""


def required(shape: Shape) -> list[str]:
    """The arguments that can't be left out."""
    return [name.removesuffix("!") for name in shape if name.endswith("!")]


def types(shape: Shape) -> Shape:
    """The type of each argument by its plain name."""
    return {name.removesuffix("!"): kind for name, kind in shape.items()}
