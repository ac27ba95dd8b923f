"""Graphs of stages become sequences and branches: nothing begins too early, and no branch has branches."""

from hypothesis import given
from hypothesis import strategies as st

from pipemgr.model.definitions import Matrix, Stage
from pipemgr_jenkins.jenkinsfile.graph_writer import (
    Leaf,
    Parallel,
    Sequential,
    Tree,
    before,
    closure,
    leaves,
    planned,
)


def shown(tree: Tree) -> str:
    """`a > (b | c)`: one after another, and side by side."""
    match tree:
        case Leaf(stage):
            return stage.id
        case Sequential(parts, name):
            text = " > ".join(map(shown, parts))
        case Parallel(parts, name):
            text = " | ".join(map(shown, parts))
    return f"{name}({text})"


def stages(text: str) -> list[Stage]:
    """`a b:a c:a,b@group`: stages with their needs and blocks."""
    found = []
    for word in text.split():
        rest, _, group = word.partition("@")
        name, _, needs = rest.partition(":")
        found.append(Stage(id=name, needs=tuple(one for one in needs.split(",") if one), group=group or None))
    return found


def tree(text: str) -> str:
    return shown(planned(stages(text)))


def test_a_chain_is_a_sequence() -> None:
    assert tree("a b:a c:b") == "(a > b > c)"


def test_what_needs_nothing_of_one_another_stands_side_by_side() -> None:
    assert tree("a b:a c:a d:b,c") == "(a > (b | c) > d)"


def test_chains_in_branches_stay_chains() -> None:
    assert tree("a b:a c:b x:a y:x z:c,y") == "(a > ((b > c) | (x > y)) > z)"


def test_needs_that_others_imply_make_no_difference() -> None:
    assert tree("a b:a c:a,b") == "(a > b > c)"


def test_a_graph_that_branches_can_not_say_goes_level_by_level() -> None:
    assert tree("a b c:a d:a,b") == "((a | b) > (c | d))"


def test_branches_in_branches_go_level_by_level() -> None:
    assert tree("lint build t1:build t2:build") == "((lint | build) > (t1 | t2))"


def test_blocks_come_back_with_their_names() -> None:
    assert tree("a b:a@x c:b@x d:c") == "(a > x(b > c) > d)"
    assert tree("a b:a@x c:a@x d:b,c") == "(a > x(b | c) > d)"
    assert tree("a@x/y b@x/y c:a,b@x") == "x(x/y(a | b) > c)"


def test_blocks_that_stand_in_each_others_way_are_taken_apart() -> None:
    assert tree("a@x b:a@y c:b@x") == "(a > y(b) > c)"


def test_a_matrix_that_must_stay_one_stands_in_no_branch() -> None:
    matrix = Matrix(axes={"OS": ("linux", "mac")})
    found = planned([Stage(id="a"), Stage(id="b", matrix=matrix), Stage(id="c")])
    assert shown(found) == "((a | c) > b)"


@st.composite
def graphs(draw: st.DrawFn) -> list[Stage]:
    count = draw(st.integers(1, 12))
    found = []
    for at in range(count):
        needs = draw(st.sets(st.integers(0, at - 1), max_size=3)) if at else set()
        group = draw(st.sampled_from([None, None, None, "x", "x/y", "z"]))
        found.append(Stage(id=f"s{at}", needs=tuple(f"s{one}" for one in sorted(needs)), group=group))
    return draw(st.permutations(found))


def branches_in_branches(tree: Tree, *, inside: bool = False) -> bool:
    if isinstance(tree, Leaf):
        return False
    if isinstance(tree, Parallel) and inside:
        return True
    below = inside or isinstance(tree, Parallel)
    return any(branches_in_branches(part, inside=below) for part in tree.parts)


@given(graph=graphs())
def test_every_stage_stands_once_behind_all_that_it_needs(graph: list[Stage]) -> None:
    found = planned(graph)
    assert sorted(one.id for one in leaves(found)) == sorted(one.id for one in graph)
    earlier = before(found)
    for name, needed in closure(graph).items():
        assert needed <= earlier[name]
    assert not branches_in_branches(found)


def test_long_chains_and_wide_graphs_are_no_trouble() -> None:
    chain = [Stage(id=f"s{at}", needs=(f"s{at - 1}",) if at else ()) for at in range(600)]
    assert len(list(leaves(planned(chain)))) == 600
    wide = [Stage(id="a"), *(Stage(id=f"s{at}", needs=("a",)) for at in range(600))]
    assert len(list(leaves(planned(wide)))) == 601
