"""Expressions: what is printed is read back, and nothing a user can type crashes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr.model.definitions import Step
from pipemgr.model.expressions import (
    MAX_LENGTH,
    Access,
    Binary,
    Call,
    Expression,
    ExpressionError,
    Literal,
    Name,
    Not,
    Opaque,
    Star,
    parse,
    transform,
)
from pipemgr.model.templates import rewrite, template, untemplate
from pipemgr.testing.strategies import expressions, texts


@given(expressions)
def test_what_is_printed_is_read_back(tree: Expression) -> None:
    assert parse(str(tree)) == tree


@given(st.lists(st.one_of(texts, expressions), max_size=4))
def test_templates_are_read_back_as_the_same_text(parts: list[str | Expression]) -> None:
    text = untemplate(tuple(parts))
    assert untemplate(template(text)) == text


@given(st.text(alphabet="ab01.'()[]!&|=<>,* -+xeE$", max_size=30))
def test_any_text_is_an_expression_or_an_error_with_its_place(text: str) -> None:
    result = _parsed(text)
    if isinstance(result, int):
        assert 0 <= result <= len(text)
    else:
        assert parse(str(result)) == result


def _parsed(text: str) -> Expression | int:
    try:
        return parse(text)
    except ExpressionError as error:
        return error.offset


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("branch", Name("branch")),
        ("a.b-c", Access(Name("a"), Literal("b-c"))),
        ("a['b c']", Access(Name("a"), Literal("b c"))),
        ("a.*.b", Access(Access(Name("a"), Star()), Literal("b"))),
        ("!a && b", Binary("&&", Not(Name("a")), Name("b"))),
        ("a || b && c", Binary("||", Name("a"), Binary("&&", Name("b"), Name("c")))),
        ("(a || b) && c", Binary("&&", Binary("||", Name("a"), Name("b")), Name("c"))),
        ("f('it''s', 0x10, -1.50)", Call("f", (Literal("it's"), Literal(16), Literal(-1.5)))),
        ("opaque('v', 'x')", Opaque("v", "x")),
        ("1.0", Literal(1)),
        ("1e3", Literal(1000)),
    ],
)
def test_trees(text: str, tree: Expression) -> None:
    assert parse(text) == tree


def test_a_number_is_no_boolean() -> None:
    assert Literal(1) != Literal(True)
    assert len({Literal(1), Literal(True)}) == 2


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("a b", 2),
        ("a.", 2),
        ("f(a,", 4),
        ("'open", 0),
        ("a == ?", 5),
        ("1e999", 0),
        ("(" * 5000, None),
        ("!" * 5000 + "a", None),
        ("a.b" * 5000, None),
        ("a" + ".b" * 5000, None),
        ("a" + "||a" * 5000, None),
        ("a" * (MAX_LENGTH + 1), MAX_LENGTH),
    ],
)
def test_what_is_no_expression_says_where(text: str, offset: int | None) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert offset is None or caught.value.offset == offset


def test_an_open_template_is_refused_at_its_beginning_without_reading_megabytes() -> None:
    with pytest.raises(ExpressionError) as caught:
        template("ab ${{ " + "'" * 3_000_001)
    assert caught.value.offset == 3


def test_a_fault_in_a_template_is_placed_in_the_whole_text() -> None:
    with pytest.raises(ExpressionError) as caught:
        template("run ${{ a b }}")
    assert caught.value.offset == "run ${{ a b }}".index("b")


def test_quotes_hide_the_end_of_a_template() -> None:
    assert template("${{ '}}' }}!") == (Literal("}}"), "!")


def test_rewrite_touches_expressions_only() -> None:
    renamed = rewrite(
        "a ${{ a }} a", lambda tree: transform(tree, lambda one: Name("b") if one == Name("a") else one)
    )
    assert renamed == "a ${{ b }} a"


def test_conditions_are_fields() -> None:
    step = Step(action="run", when="branch == 'main'")  # type: ignore[arg-type]
    assert step.when == Binary("==", Name("branch"), Literal("main"))
    assert step.data() == {"action": "run", "when": "branch == 'main'"}
    assert Step(action="run", when=True).when == Literal(True)  # type: ignore[arg-type]


def test_infinity_is_no_literal() -> None:
    with pytest.raises(ValueError, match="can be written"):
        Literal(float("inf"))
