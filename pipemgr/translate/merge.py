"""Merging: what changed between two writings of a pipeline becomes changes of its author's text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

from .align import Identity, pairs, renames
from .layout import Entry, Layout, Place
from .node import Node
from .patch import Come, Fresh, Patch, Splice, Tangled
from .restyle import rebased


class Merge:
    """One attempt: `coarse` names paths of the newer writing at which the text is replaced as a whole.

    The author's text (`base`), the older writing of what it says and the newer one are walked side by side, by
    key and position; where the author says a thing elsewhere (an anchor, a definition that is used by name) and
    `near` is not set, it is found by the path of the model that it feeds.
    """

    def __init__(
        self, layout: Layout, base: Node, *, coarse: Collection[str] = (), near: bool = False
    ) -> None:
        self.patch = Patch(layout)
        self.places = layout.places(base)
        self.coarse = coarse
        self.identity = Identity()
        self.reused: list[tuple[tuple[Splice, ...], Callable[[], None]]] = []
        """What would change a text that others use too, and what to do where they don't change alike."""
        self.feeding = {} if near else _feeding(self.places.values())
        self.strayed = False
        self.root = self.places.get(id(base))

    def text(self, old: Node, new: Node) -> str:
        """The author's text, saying what is new. Raises `Tangled` when it can't be said in it."""
        if self.root is None:
            raise Tangled
        self.value(self.root, old, new)
        direct = set(self.patch.splices)
        for splices, otherwise in self.reused:
            if not direct.issuperset(splices):
                otherwise()
        return self.patch.applied()

    def _same(self, old: Node, new: Node) -> bool:
        return self.identity(old) == self.identity(new) and not any(
            path.startswith(new.path) for path in self.coarse
        )

    def value(self, place: Place, old: Node, new: Node) -> None:
        """Make what changed from `old` to `new` at a place of the text."""
        if self._same(old, new):
            return
        if new.path in self.coarse:
            self.patch.replace(place, _data(new))
            return
        mark = len(self.patch.splices)
        before, reused = list(self.patch.splices), len(self.reused)
        try:
            self._inner(place, old, new)
        except Tangled:
            self.patch.splices[:] = before
            del self.reused[reused:]
            self.patch.replace(place, _data(new))
            return
        if place.alias and not place.shared:
            self.reused.append(
                (tuple(self.patch.splices[mark:]), partial(self.patch.replace, place, _data(new)))
            )
            self.patch.splices[:] = before

    def _inner(self, place: Place, old: Node, new: Node) -> None:
        match place.part.kind, old.children, new.children:
            case "map", dict() as one, dict() as other:
                self._mapping(place, one, other)
            case "seq", list() as before, list() as after:
                self._sequence(place, before, after)
            case "scalar", None, None:
                self._scalar(place, old, new)
            case _:
                self._otherwise(place, old, new)

    def _otherwise(self, place: Place, old: Node, new: Node) -> None:
        """A scalar that the text says longer: as the one entry of a mapping or of a list."""
        children = place.node.children
        inside = list(children.values() if isinstance(children, dict) else children or ())
        inner = self.places.get(id(inside[0])) if len(inside) == 1 else None
        if inner is None or inner.part.kind != "scalar" or old.children or new.children:
            raise Tangled
        self.value(inner, old, new)

    def _scalar(self, place: Place, old: Node, new: Node) -> None:
        there, value = place.node.value, new.value
        if isinstance(there, str) and isinstance(old.value, str) and isinstance(value, str):
            value = rebased(there, old.value, value)
        self.patch.rewrite(place, value)

    # Mappings --------------------------------------------------------------------------------------------

    def _mapping(self, place: Place, old: dict[str, Node], new: dict[str, Node]) -> None:
        was = renames(old, new, self.identity)
        peers = {key: self._peer(place, key, node) for key, node in old.items()}
        moved = _moved([was.get(key, key) for key in new], list(old))
        gone = [key for key in old if key not in new and key not in was.values()]
        leaving = [
            peer.entry for key in (*gone, *moved) if (peer := peers[key]) is not None and _in(peer, place)
        ]
        come: list[Come] = []
        last: Entry | None = None
        for key, node in new.items():
            name = was.get(key, key)
            peer = peers.get(name)
            if name in moved and peer is not None and _in(peer, place):
                come.append((last, self._carried(peer, old[name], node, key if key in was else None)))
                continue
            if name not in old or (peer is None and node.path in self.coarse):
                self._added(place, key, node, last, come)
                continue
            if peer is not None and _merges(peer, place):
                self._merged(place, peer, old[name], node, key)
                continue
            self._kept(peer, old[name], node)
            if peer is not None and _in(peer, place):
                last = peer.entry
                if key in was and last is not None:
                    self.patch.rename(last, key)
            elif key in was:
                raise Tangled
        self._remove(peers[key] for key in gone if (one := peers[key]) is not None and not _in(one, place))
        self._reshape(place, [one for one in leaving if one is not None], come)

    def _merged(self, place: Place, peer: Place, old: Node, new: Node, key: str) -> None:
        """A value that comes through a merge key: it changes where it stands, or is written over here."""
        if self._same(old, new):
            return
        entries = place.part.entries
        override = partial(self.patch.reshape, place, (), [(entries[-1], Fresh(_data(new), key))])
        if any(path.startswith(new.path) for path in self.coarse):
            override()
            return
        before, reused = list(self.patch.splices), len(self.reused)
        try:
            self._inner(peer, old, new)
        except Tangled:
            self.patch.splices[:] = before
            del self.reused[reused:]
            override()
            return
        self.reused.append((tuple(self.patch.splices[len(before) :]), override))
        self.patch.splices[:] = before

    def _kept(self, peer: Place | None, old: Node, new: Node) -> None:
        if peer is not None:
            self.value(peer, old, new)
        elif not self._same(old, new):
            raise Tangled

    def _added(self, place: Place, key: str, node: Node, last: Entry | None, come: list[Come]) -> None:
        """A key that the older writing has not; the text may have it, in a way that said nothing."""
        there = self._child(place, key)
        if there is not None:
            self.patch.replace(there, _data(node))
        else:
            come.append((last, Fresh(_data(node), key)))

    def _carried(self, peer: Place, old: Node, new: Node, renamed: str | None) -> Fresh | Entry:
        """What moves: the author's own lines where they say the same, fresh ones otherwise."""
        if renamed is None and peer.entry is not None and self._same(old, new):
            return peer.entry
        key = renamed or (peer.entry.key.text if peer.entry and peer.entry.key else None)
        return Fresh(_data(new), key)

    def _child(self, place: Place, key: str) -> Place | None:
        children = place.node.children
        return self.places.get(id(children[key])) if isinstance(children, dict) and key in children else None

    def _peer(self, place: Place, key: str, node: Node) -> Place | None:
        child = self._child(place, key)
        return self._elsewhere(node) if child is None and node.children is None else child

    def _elsewhere(self, node: Node) -> Place | None:
        """Where the text says it in another collection: in a definition that is used by name."""
        found = self.feeding.get(node.model)
        self.strayed = self.strayed or found is not None
        return found

    # Lists -----------------------------------------------------------------------------------------------

    def _sequence(self, place: Place, old: list[Node], new: list[Node]) -> None:
        peers = self._elements(place, old)
        matched = list(pairs(old, new, self.identity))
        gone = {i for i, j in matched if j is None and i is not None}
        come: list[Come] = []
        last: Entry | None = None
        carried: set[int] = set()
        for i, j in matched:
            if j is None:
                continue
            if i is None:
                come.append((last, self._arrived(place, new[j], old, gone - carried, peers, carried)))
                continue
            peer = peers[i]
            self._kept(peer, old[i], new[j])
            if peer is not None and _in(peer, place):
                last = peer.entry
        leaving = [peers[i] for i in sorted(gone)]
        if None in leaving:
            raise Tangled
        self._remove(one for one in leaving if one is not None and not _in(one, place))
        self._reshape(
            place, [one.entry for one in leaving if one is not None and one.entry and _in(one, place)], come
        )

    def _arrived(  # noqa: PLR0913 - the two sides of a move
        self,
        place: Place,
        new: Node,
        old: list[Node],
        gone: Collection[int],
        peers: list[Place | None],
        carried: set[int],
    ) -> Fresh | Entry:
        for i in gone:
            peer = peers[i]
            if peer is not None and peer.entry and _in(peer, place) and self._same(old[i], new):
                carried.add(i)
                return peer.entry
        return Fresh(_data(new))

    def _elements(self, place: Place, old: list[Node]) -> list[Place | None]:
        """Where each element of the older writing stands in the text."""
        children = place.node.children
        own = [self.places.get(id(one)) for one in children] if isinstance(children, list) else []
        fed = {one.node.model: one for one in own if one is not None and one.node.model}
        by_model = [fed.get(node.model) or self._elsewhere(node) for node in old]
        if len(fed) == len(own) and any(by_model):
            return by_model
        if len(own) == len(old):
            return own
        found: list[Place | None] = [None] * len(old)
        if isinstance(children, list):
            for i, j in pairs(old, children, self.identity):
                if i is not None and j is not None:
                    found[i] = own[j]
        return found

    # Both ------------------------------------------------------------------------------------------------

    def _reshape(self, place: Place, gone: list[Entry], come: list[Come]) -> None:
        if gone or come:
            self.patch.reshape(place, gone, come)

    def _remove(self, gone: Iterator[Place | None]) -> None:
        """Take out what stands in another collection of the text."""
        for place in gone:
            if place is None or place.entry is None or place.around is None:
                raise Tangled
            self.patch.reshape(place.around, [place.entry], [])


def _merges(peer: Place, place: Place) -> bool:
    """Whether a value comes into a mapping through a merge key."""
    return peer.around is not None and peer.around is not place and peer.around.node is place.node


def _in(peer: Place, place: Place) -> bool:
    return peer.around is place


def _data(node: Node) -> Any:
    match node.children:
        case dict():
            return {key: _data(child) for key, child in node.children.items()}
        case list():
            return [_data(child) for child in node.children]
    return node.value


def _feeding(places: Collection[Place]) -> Mapping[str, Place]:
    """The one place that feeds each path of the model, where it is one."""
    found: dict[str, Place | None] = {}
    for place in places:
        if place.node.fed:
            found[place.node.fed] = None if place.node.fed in found else place
    return {path: place for path, place in found.items() if place is not None}


def _moved(new: list[str], old: list[str]) -> frozenset[str]:
    """The keys of both that have left their order; the fewest."""
    rank = {key: at for at, key in enumerate(old)}
    common = [key for key in new if key in rank]
    best: list[list[str]] = []
    for key in common:
        before: list[str] = max((one for one in best if rank[one[-1]] < rank[key]), key=len, default=[])
        best.append([*before, key])
    stay: list[str] = max(best, key=len, default=[])
    return frozenset(common).difference(stay)
