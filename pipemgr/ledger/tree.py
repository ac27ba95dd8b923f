"""The tree: a Merkle tree over the entries, hashed as in RFC 6962 (Certificate Transparency), and its proofs.

Only the peaks are kept (the roots of the full subtrees, at most one for each bit of the size), so that the tree
grows entry by entry in memory that does not. https://www.rfc-editor.org/rfc/rfc6962#section-2.1
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

EMPTY = hashlib.sha256(b"").digest()
"""The root of a tree without entries."""


def leaf(data: bytes) -> bytes:
    """The hash of an entry; the prefix tells it from a node."""
    return hashlib.sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that can only grow: `size` leaves, of which the `peaks` (largest first) are all that is kept."""

    __slots__ = ("size", "peaks")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)
        if len(self.peaks) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} peaks, not {len(self.peaks)}")

    def append(self, hashed: bytes) -> None:
        """Add a leaf, which is already hashed."""
        size = self.size
        while size & 1:
            hashed = node(self.peaks.pop(), hashed)
            size >>= 1
        self.peaks.append(hashed)
        self.size += 1

    def root(self) -> bytes:
        """The root of all leaves so far."""
        if not self.peaks:
            return EMPTY
        found = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            found = node(peak, found)
        return found


def _root(leaves: Sequence[bytes]) -> bytes:
    tree = Tree()
    for one in leaves:
        tree.append(one)
    return tree.root()


def _split(size: int) -> int:
    """The largest power of two below `size`: how many leaves are on the left."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion(leaves: Sequence[bytes], position: int) -> list[bytes]:
    """The proof that the leaf at `position` is in the tree of `leaves`: its siblings, from the leaf up."""
    if len(leaves) == 1:
        return []
    middle = _split(len(leaves))
    if position < middle:
        return [*inclusion(leaves[:middle], position), _root(leaves[middle:])]
    return [*inclusion(leaves[middle:], position - middle), _root(leaves[:middle])]


def included(hashed: bytes, position: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that the leaf is at `position` in the tree of this size and root."""
    if not 0 <= position < size:
        return False
    last, here, rest = size - 1, position, list(proof)
    while last:
        if here & 1 or here == last:
            if not here & 1:
                # An only child: it rises until it is a right one.
                while not here & 1:
                    here, last = here >> 1, last >> 1
            if not rest:
                return False
            hashed = node(rest.pop(0), hashed)
        else:
            if not rest:
                return False
            hashed = node(hashed, rest.pop(0))
        here, last = here >> 1, last >> 1
    return not rest and hashed == root


def consistency(leaves: Sequence[bytes], size: int) -> list[bytes]:
    """The proof that the tree of the first `size` of `leaves` grew into the tree of all of them."""
    return _subproof(leaves, size, whole=True)


def _subproof(leaves: Sequence[bytes], size: int, *, whole: bool) -> list[bytes]:
    if size == len(leaves):
        return [] if whole else [_root(leaves)]
    middle = _split(len(leaves))
    if size <= middle:
        return [*_subproof(leaves[:middle], size, whole=whole), _root(leaves[middle:])]
    return [*_subproof(leaves[middle:], size - middle, whole=False), _root(leaves[:middle])]


def consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the older tree is the beginning of the newer one."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    rest = iter(proof)
    try:
        seen = _rebuild(old, new, old_root, rest, whole=True)
    except StopIteration:
        return False
    return seen == (old_root, new_root) and next(rest, None) is None


def _rebuild(
    old: int, new: int, old_root: bytes, proof: Iterable[bytes], *, whole: bool
) -> tuple[bytes, bytes]:
    """Both roots as the proof has them, by the same way down that made it."""
    take: Callable[[], bytes] = iter(proof).__next__
    if old == new:
        known = old_root if whole else take()
        return known, known
    middle = _split(new)
    if old <= middle:
        before, after = _rebuild(old, middle, old_root, proof, whole=whole)
        return before, node(after, take())
    before, after = _rebuild(old - middle, new - middle, old_root, proof, whole=False)
    left = take()
    return node(left, before), node(left, after)
