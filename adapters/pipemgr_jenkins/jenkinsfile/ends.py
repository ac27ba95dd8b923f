"""Ends: a `return` among statements, after which the rest of their block is not executed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pipemgr.adapter import Node
from pipemgr_jenkins.groovy.syntax import Part, Return

from .drafts import Draft, Place, Told, opaque, wrapped
from .expressions import truth
from .known import is_known
from .logic import negated
from .scripted_shapes import cut, leaves

if TYPE_CHECKING:
    from .step_reader import StepReader

MOST: Final = 8
"""So many ends, one after another, are taken apart."""
_WHY: Final = "it may end before its last step, which other vendors can't do"
_REMEDY: Final = "write what it does as a script of the shell"


def ends(part: Part | None) -> bool:
    """Whether a statement decides that those after it are not executed."""
    return not isinstance(part, Return) and leaves(part)


def read_end(reader: StepReader, nodes: Sequence[Node], place: Place, *, alone: bool) -> list[Draft]:
    """Statements of which the first may end their block: `if (x) { ...; return }` makes the others its `else`.

    Without `alone` the first is not the only one that decides, and all stay together as they are.
    """
    condition = reader.file.syntax(nodes[0].items()["if"]) if "if" in nodes[0].items() else None
    if not (alone and condition is not None and cut(reader.file.syntax(nodes[0]))):
        return [
            replace(_whole(reader, nodes, place), told=((nodes[0], Told("code in Groovy", _WHY, _REMEDY)),))
        ]
    if is_known(truth(condition, place.values.scope)):
        flat = _cases(reader, nodes, condition, place)
        if flat and not any(one.is_opaque for one in flat):
            return [flat[0].fed((nodes[0], None)), *flat[1:]]
    return [_whole(reader, nodes, place, _cases(reader, nodes, condition, place.bare))]


def _cases(reader: StepReader, nodes: Sequence[Node], condition: Part, place: Place) -> list[Draft]:
    """The steps before the end, and those that are executed where it is not reached."""
    holds = truth(condition, place.values.scope)
    found: list[Draft] = []
    for statements, case in (
        (nodes[0].items()["then"].entries()[:-1], holds),
        (nodes[1:], negated(holds)),
    ):
        inner = replace(place, when=(*place.when, case), is_alone=False)
        found += reader.statements(statements, inner)
    return found


def _whole(
    reader: StepReader, nodes: Sequence[Node], place: Place, steps: list[Draft] | None = None
) -> Draft:
    """All statements as one step of Groovy."""
    parts = [part for one in nodes if (part := reader.file.syntax(one)) is not None]
    text = reader.file.script.source[parts[0].start : parts[-1].end]
    made = opaque(wrapped(text, ("script",)), place, nodes[0], steps)
    return made.fed(*((node, "") for node in nodes[1:]))
