"""Alignment: which parts of an older value live on in a newer one."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final

from .node import Node

ALIKE: Final = 0.3
"""Elements of a list that are less alike than this are different ones, not one that was changed."""
RENAMED: Final = 0.6
"""A value that is so much like one that is gone was renamed."""
_MOST: Final = 2500
"""Comparisons of elements; beyond, they are paired by position."""

Pair = tuple[int | None, int | None]
"""Positions of an element in the older and the newer list; None where it is not in there."""


class Identity:
    """What nodes say, as keys that are equal exactly when they say the same in the same order."""

    def __init__(self) -> None:
        self._known: dict[int, Hashable] = {}

    def __call__(self, node: Node) -> Hashable:
        """The key of a node."""
        found = self._known.get(id(node))
        if found is None:
            found = self._known[id(node)] = self._made(node)
        return found

    def _made(self, node: Node) -> Hashable:
        match node.children:
            case dict():
                return ("{", *((key, self(child)) for key, child in node.children.items()))
            case list():
                return ("[", *map(self, node.children))
        return (node.kind, node.value)


def alike(old: Node, new: Node) -> float:
    """How much of a node lives on in another one, from 0 to 1."""
    match old.children, new.children:
        case dict() as one, dict() as other:
            both = [0.3 + 0.7 * alike(one[key], other[key]) for key in one if key in other]
            return sum(both) / (len({**one, **other}) or 1)
        case list() as one, list() as other:
            return sum(map(alike, one, other)) / (max(len(one), len(other)) or 1)
        case None, None:
            return _alike(str(old.value), str(new.value))
    return 0.0


def _alike(old: str, new: str) -> float:
    if old == new:
        return 1.0
    one, other = old.split(), new.split()
    common = len(set(one) & set(other))
    return 0.9 * common / max(len(set(one)), len(set(other)), 1)


def pairs(old: Sequence[Node], new: Sequence[Node], identity: Identity) -> Iterator[Pair]:
    """The elements of two lists in pairs, in the order of the newer list; those that are gone stand anywhere."""
    matcher = SequenceMatcher(None, [*map(identity, old)], [*map(identity, new)], autojunk=False)
    for _, low, high, first, last in matcher.get_opcodes():
        if high - low == last - first and (old[low:high] and identity(old[low]) == identity(new[first])):
            yield from zip(range(low, high), range(first, last), strict=True)
        else:
            yield from _changed(old, new, (low, high), (first, last))


def _changed(
    old: Sequence[Node], new: Sequence[Node], gone: tuple[int, int], come: tuple[int, int]
) -> Iterator[Pair]:
    rows, columns = range(*gone), range(*come)
    scalars = not any(one.children for one in (*old[slice(*gone)], *new[slice(*come)]))
    if scalars or len(rows) * len(columns) > _MOST:
        chosen = set(zip(rows, columns, strict=False))
    else:
        chosen = _best(old, new, rows, columns)
    partner = {j: i for i, j in chosen}
    yield from ((i, None) for i in rows if i not in partner.values())
    yield from ((partner.get(j), j) for j in columns)


def _best(old: Sequence[Node], new: Sequence[Node], rows: range, columns: range) -> set[tuple[int, int]]:
    """The pairs, in order, that are most alike in sum."""
    table: list[list[tuple[float, tuple[tuple[int, int], ...]]]] = [[(0.0, ())] * (len(columns) + 1)]
    for i in rows:
        row: list[tuple[float, tuple[tuple[int, int], ...]]] = [(0.0, ())]
        for at, j in enumerate(columns):
            best = max(table[-1][at + 1], row[at], key=lambda one: one[0])
            score = alike(old[i], new[j])
            before, chosen = table[-1][at]
            if score >= ALIKE and before + score > best[0]:
                best = (before + score, (*chosen, (i, j)))
            row.append(best)
        table.append(row)
    return set(table[-1][-1][1])


def renames(old: dict[str, Node], new: dict[str, Node], identity: Identity) -> dict[str, str]:
    """The older key of each newer one whose value was there before under a key that is gone."""
    gone = {key: node for key, node in old.items() if key not in new}
    found: dict[str, str] = {}
    for key, node in new.items():
        if key in old or not gone:
            continue
        likeness = {
            name: 1.0 if identity(one) == identity(node) else alike(one, node) * (one.children is not None)
            for name, one in gone.items()
        }
        best = max(likeness, key=likeness.__getitem__)
        if likeness[best] >= RENAMED:
            found[key] = best
            del gone[best]
    return found
