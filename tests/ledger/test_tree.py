"""The tree: equal to the definition in RFC 6962, to its well-known roots, and its proofs hold only for the truth."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.ledger.tree import (
    EMPTY,
    Tree,
    consistency,
    consistent,
    included,
    inclusion,
    leaf,
    node,
)

# The reference data of the Certificate Transparency project (merkletree tests), and the roots of its trees.
ENTRIES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

leaves_of_any = st.lists(st.binary(max_size=8), max_size=70).map(lambda many: [leaf(one) for one in many])


def by_definition(leaves):
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    left, right = by_definition(leaves[:middle]), by_definition(leaves[middle:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def grow(leaves):
    tree = Tree()
    for one in leaves:
        tree.append(one)
    return tree


def test_the_empty_tree():
    assert Tree().root() == EMPTY
    assert EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("size", range(1, 9))
def test_the_reference_roots(size):
    assert grow(leaf(bytes.fromhex(one)) for one in ENTRIES[:size]).root().hex() == ROOTS[size - 1]


@given(leaves_of_any)
def test_the_root_is_that_of_the_definition(leaves):
    assert grow(leaves).root() == by_definition(leaves)


@given(leaves_of_any, st.data())
def test_a_tree_goes_on_growing_from_its_peaks(leaves, data):
    stop = data.draw(st.integers(0, len(leaves)))
    half = grow(leaves[:stop])
    again = Tree(half.size, half.peaks)
    for one in leaves[stop:]:
        again.append(one)
    assert again.root() == grow(leaves).root()


def test_peaks_that_do_not_fit_the_size_are_refused():
    with pytest.raises(ValueError, match="3 leaves has 2 peaks"):
        Tree(3, [EMPTY])


@given(leaves_of_any.filter(bool), st.data())
def test_inclusion_is_proved_for_the_leaf_at_its_position_only(leaves, data):
    position = data.draw(st.integers(0, len(leaves) - 1))
    proof, root = inclusion(leaves, position), by_definition(leaves)
    assert included(leaves[position], position, len(leaves), proof, root)
    assert not included(leaf(b"another, longer one"), position, len(leaves), proof, root)
    assert not included(leaves[position], position, len(leaves), [*proof, EMPTY], root)
    assert not included(leaves[position], len(leaves), len(leaves), proof, root)
    if proof:
        assert not included(leaves[position], position, len(leaves), proof[:-1], root)
        assert not included(leaves[position], position, len(leaves), [EMPTY, *proof[1:]], root)


@given(leaves_of_any.filter(bool), st.data())
def test_consistency_is_proved_for_the_beginning_only(leaves, data):
    old = data.draw(st.integers(1, len(leaves)))
    before, after = by_definition(leaves[:old]), by_definition(leaves)
    proof = consistency(leaves, old)
    assert consistent(old, before, len(leaves), after, proof)
    assert not consistent(old, EMPTY, len(leaves), after, proof)
    assert not consistent(old, before, len(leaves), EMPTY, proof)
    assert not consistent(old, before, len(leaves), after, [*proof, EMPTY])
    assert not consistent(0, EMPTY, len(leaves), after, proof)
    if proof:
        assert not consistent(old, before, len(leaves), after, proof[:-1])


def test_a_leaf_is_never_taken_for_a_node():
    left, right = leaf(b"a"), leaf(b"b")
    assert node(left, right) != leaf(left + right)
