"""Places: where stages run, as far as the words that name it are computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pipemgr.model.definitions import Container, Definition, Pipeline, Runner
from pipemgr.model.expressions import Expression, Opaque

from .tree import expressions

Place = Runner | Container


def unplaced(value: Definition, strange: Callable[[Expression], bool]) -> Iterator[tuple[str, Place]]:
    """The fields of a stage or a pipeline that say where it runs, in words that nobody can work out there."""
    for field in ("runner", "container"):
        match getattr(value, field, None):
            case Runner() | Container() as place if any(map(strange, _asked(place))):
                yield field, place


def place_words(place: Place) -> str:
    """A place as its author wrote it."""
    words = [str(node.text) if isinstance(node, Opaque) else str(node) for node in _asked(place)]
    return ", ".join(" ".join(word.split()) for word in words)


def _asked(place: Place) -> tuple[Expression, ...]:
    texts = (place.image,) if isinstance(place, Container) else (place.name, place.group, *place.labels)
    holder = Pipeline(name="x", build_name=" ".join(text for text in texts if text))
    return tuple(one for _, one in expressions(holder))
