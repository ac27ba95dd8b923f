"""Graphs out: what stages need becomes sequences and parallel branches, in the blocks that a vendor drew around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipemgr.model.definitions import Stage

MAX_DEPTH: Final = 40
"""Deeper nests of sequences in branches in sequences are written level by level."""


@dataclass(frozen=True)
class Leaf:
    """One stage."""

    stage: Stage


@dataclass(frozen=True)
class Sequential:
    """One after another; `name` is the path of the block that a vendor drew around them."""

    parts: tuple[Tree, ...]
    name: str = ""


@dataclass(frozen=True)
class Parallel:
    """Side by side; `name` as above."""

    parts: tuple[Tree, ...]
    name: str = ""


Tree = Leaf | Sequential | Parallel


@dataclass
class _Member:
    """A stage, or a block of them, among others at one level."""

    tree: Tree
    first: int
    """Where its first stage stands in the definition."""
    ids: frozenset[str]


def planned(stages: Sequence[Stage]) -> Tree:
    """All stages in sequences and branches; no branch has branches of its own, for Jenkins knows none.

    Source: https://www.jenkins.io/doc/book/pipeline/syntax/#parallel
    """
    places = {one.id: at for at, one in enumerate(stages)}
    return flat(_alone(_one_deep(arranged(stages), closure(stages), places))) if stages else Sequential(())


def arranged(stages: Sequence[Stage]) -> Tree:
    """All stages in sequences and branches, also of branches."""
    places = {one.id: at for at, one in enumerate(stages)}
    return _blocks(list(stages), "", closure(stages), places) if stages else Sequential(())


def leaves(tree: Tree) -> Iterator[Stage]:
    """The stages of a tree, in order."""
    if isinstance(tree, Leaf):
        yield tree.stage
        return
    for part in tree.parts:
        yield from leaves(part)


def flat(tree: Tree) -> Tree:
    """A tree without sequences in sequences and branches in branches that have no name of their own."""
    if isinstance(tree, Leaf):
        return tree
    parts: list[Tree] = []
    for part in map(flat, tree.parts):
        same = not isinstance(part, Leaf) and type(part) is type(tree) and not part.name
        parts += part.parts if same and not isinstance(part, Leaf) else (part,)
    return type(tree)(tuple(parts), tree.name)


def before(tree: Tree) -> dict[str, frozenset[str]]:
    """For each stage all those that a tree puts before it."""
    found: dict[str, frozenset[str]] = {}

    def visit(one: Tree, earlier: frozenset[str]) -> frozenset[str]:
        match one:
            case Leaf(stage):
                found[stage.id] = earlier
                return frozenset({stage.id})
            case Sequential(parts):
                own: frozenset[str] = frozenset()
                for part in parts:
                    own |= visit(part, earlier | own)
                return own
            case Parallel(parts):
                return frozenset[str]().union(*(visit(part, earlier) for part in parts))

    visit(tree, frozenset())
    return found


def closure(stages: Sequence[Stage]) -> dict[str, frozenset[str]]:
    """All stages that must have ended before each."""
    needs = {one.id: one.needs for one in stages}
    found: dict[str, frozenset[str]] = {}
    todo = list(needs)
    while todo:
        name = todo[-1]
        known = [one for one in needs[name] if one in needs]
        missing = [one for one in known if one not in found]
        if missing:
            todo += missing
            continue
        todo.pop()
        found[name] = frozenset(known).union(*(found[one] for one in known))
    return found


# Blocks ------------------------------------------------------------------------------------------------------


def _blocks(
    stages: list[Stage], path: str, after: Mapping[str, frozenset[str]], places: Mapping[str, int]
) -> Tree:
    """The tree of the stages below a path of blocks; blocks that stand in each other's way are taken apart."""
    found: dict[str, list[Stage]] = {}
    for stage in stages:
        found.setdefault(_below(stage, path), []).append(stage)
    whole = {name for name, inner in found.items() if name and _whole(inner, stages, after)}
    while True:
        members: list[_Member] = []
        for name, inner in found.items():
            below = f"{path}/{name}".lstrip("/")
            if name in whole:
                members.append(_Member(Leaf(inner[0]), min(places[one.id] for one in inner), _ids(inner)))
                members[-1].tree = _named(_blocks(inner, below, after, places), below)
            else:
                members += [_Member(Leaf(one), places[one.id], frozenset({one.id})) for one in inner]
        members.sort(key=lambda one: one.first)
        order = _order(members, after)
        if not any(bits >> at & 1 for at, bits in enumerate(order)):
            return _decomposed(members, order, 0)
        whole.clear()


def _ids(stages: Sequence[Stage]) -> frozenset[str]:
    return frozenset(one.id for one in stages)


def _named(tree: Tree, name: str) -> Tree:
    """The tree as a block of its own name."""
    return Sequential((tree,), name) if isinstance(tree, Leaf) or tree.name else type(tree)(tree.parts, name)


def _below(stage: Stage, path: str) -> str:
    """The block below a path that a stage is in; empty where it is in none."""
    group = stage.group or ""
    if path and group != path and not group.startswith(f"{path}/"):
        return ""
    return group[len(path) :].lstrip("/").partition("/")[0]


def _whole(inner: list[Stage], stages: list[Stage], after: Mapping[str, frozenset[str]]) -> bool:
    """Whether no other stage must stand between those of a block, so that they can stay together."""
    ids = _ids(inner)
    later = {one.id for one in stages if one.id not in ids and after[one.id] & ids}
    needed = frozenset[str]().union(*(after[one] for one in ids)) - ids
    return not later & needed


def _order(members: list[_Member], after: Mapping[str, frozenset[str]]) -> list[int]:
    """For each member a bit for each one that must have ended before it; its own where they wait for each other."""
    owner = {name: at for at, member in enumerate(members) for name in member.ids}
    found = []
    for at, member in enumerate(members):
        direct = {owner[other] for name in member.ids for other in after[name] if other in owner} - {at}
        found.append(sum(1 << one for one in direct))
    while True:  # a block waits for what any of its stages waits for
        wider = [bits | _union(found, bits) for bits in found]
        if wider == found:
            return found
        found = wider


def _union(values: list[int], chosen: int) -> int:
    found = 0
    for at in _bits(chosen):
        found |= values[at]
    return found


def _bits(chosen: int) -> Iterator[int]:
    while chosen:
        low = chosen & -chosen
        yield low.bit_length() - 1
        chosen ^= low


# Sequences and branches --------------------------------------------------------------------------------------


def _decomposed(members: list[_Member], earlier: list[int], depth: int) -> Tree:
    """Members of which `earlier` must have ended before each, as a tree."""
    if len(members) == 1:
        return members[0].tree
    near = _symmetric(earlier)
    if depth < MAX_DEPTH:
        branches = _components(len(members), lambda at: near[at])
        if len(branches) > 1:
            return Parallel(tuple(_part(members, earlier, one, depth) for one in branches))
        everything = (1 << len(members)) - 1
        steps = _components(len(members), lambda at: everything & ~near[at])
        if len(steps) > 1:
            steps.sort(key=lambda one: earlier[one[0]].bit_count())
            return Sequential(tuple(_part(members, earlier, one, depth) for one in steps))
    return _levelled(members, earlier)


def _part(members: list[_Member], earlier: list[int], chosen: list[int], depth: int) -> Tree:
    bits = {old: new for new, old in enumerate(chosen)}
    inner = [sum(1 << bits[other] for other in _bits(earlier[at]) if other in bits) for at in chosen]
    return _decomposed([members[at] for at in chosen], inner, depth + 1)


def _levelled(members: list[_Member], earlier: list[int]) -> Tree:
    """Level by level, where branches can't say the graph: each member waits for all of the level before."""
    level: dict[int, int] = {}
    for at in sorted(range(len(members)), key=lambda one: earlier[one].bit_count()):
        level[at] = max((level[other] + 1 for other in _bits(earlier[at])), default=0)
    rows = [[at for at in sorted(level) if level[at] == row] for row in range(max(level.values()) + 1)]
    return Sequential(tuple(_side_by_side([members[at].tree for at in row]) for row in rows))


def _side_by_side(trees: list[Tree]) -> Tree:
    return trees[0] if len(trees) == 1 else Parallel(tuple(trees))


def _symmetric(earlier: list[int]) -> list[int]:
    found = list(earlier)
    for at, bits in enumerate(earlier):
        for other in _bits(bits):
            found[other] |= 1 << at
    return found


def _components(count: int, near: Callable[[int], int]) -> list[list[int]]:
    """Places in groups that are connected, each group and all groups in order."""
    left = (1 << count) - 1
    found: list[list[int]] = []
    while left:
        group = edge = left & -left
        left &= ~group
        while edge:
            low = edge & -edge
            more = near(low.bit_length() - 1) & left
            edge = (edge ^ low) | more
            group |= more
            left &= ~more
        found.append(list(_bits(group)))
    return found


# Branches without branches -----------------------------------------------------------------------------------


def _one_deep(tree: Tree, after: Mapping[str, frozenset[str]], places: Mapping[str, int]) -> Tree:
    """A tree in which no branch has branches: where one has, the branches go level by level."""
    match tree:
        case Parallel(parts) if any(map(_branches, parts)):
            inner = sorted(leaves(tree), key=lambda one: places[one.id])
            members = [_Member(Leaf(one), places[one.id], frozenset({one.id})) for one in inner]
            levels = _levelled(members, _order(members, after))
            return _named(levels, tree.name) if tree.name else levels
        case Sequential(parts):
            return Sequential(tuple(_one_deep(part, after, places) for part in parts), tree.name)
    return tree


def _alone(tree: Tree) -> Tree:
    """A tree in which no matrix stands in a branch: it follows the other branches."""
    match tree:
        case Parallel(parts) if any(map(_matrices, parts)):
            alone = [part for part in parts if _matrices(part)]
            together = [part for part in parts if part not in alone]
            return Sequential((*([_side_by_side(together)] if together else []), *alone), tree.name)
        case Sequential(parts):
            return Sequential(tuple(map(_alone, parts)), tree.name)
    return tree


def _branches(tree: Tree) -> bool:
    """Whether there are branches anywhere in it."""
    return isinstance(tree, Parallel) or (isinstance(tree, Sequential) and any(map(_branches, tree.parts)))


def _matrices(tree: Tree) -> bool:
    """Whether there is a matrix anywhere in it."""
    return any(stage.matrix is not None for stage in leaves(tree))
