"""What is written as a literal is read back as the same value, whatever it holds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr_jenkins.groovy.parser import parse
from pipemgr_jenkins.groovy.quoting import Expression, interpolated, key, quoted, value
from pipemgr_jenkins.groovy.syntax import Assignment, Constant, Entries, Items, Part, Property, Text

# Everything, and often what could go wrong: halves of characters, marks, dollars, backslashes, control characters.
TEXTS = st.text(st.characters() | st.sampled_from("'\"\\$${}/\n\r\t\0\x01\x7f\x85\u2028\ufeff7u\ud83d\ude00"))
PLAIN = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | TEXTS
DATA = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=8)


def joined(text: str) -> str:
    """Two halves of a character side by side are that character, in Java as on disk."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def read(literal: str) -> Part:
    (statement,) = parse(f"x = {literal}", "Jenkinsfile").statements
    assert isinstance(statement, Assignment)
    assert statement.value.end == len(literal) + 4
    return statement.value


def constant(part: Part) -> Any:
    match part:
        case Constant(value=found):
            return found
        case Items(items=items):
            return [constant(one) for one in items]
        case Entries(entries=entries):
            return {constant(one.key): constant(one.value) for one in entries}
    raise AssertionError(part)


@given(TEXTS)
def test_a_quoted_text_is_read_back(text: str) -> None:
    literal = quoted(text)
    assert constant(read(literal)) == joined(text)
    assert literal.encode()  # no half characters, whatever the text: a file can hold it


@given(st.lists(TEXTS | st.sampled_from([Expression("env.A"), Expression('x.collect { "${it}" }')])))
def test_a_text_with_expressions_is_read_back(pieces: list[str | Expression]) -> None:
    part = read(interpolated(pieces))
    parts = part.pieces if isinstance(part, Text) else (part,)
    found = "".join(
        one if isinstance(one, str) else "\1" if not isinstance(one, Constant) else str(one.value)
        for one in parts
    )
    assert found == "".join("\1" if isinstance(one, Expression) else joined(one) for one in _merged(pieces))


def _merged(pieces: list[str | Expression]) -> list[str | Expression]:
    merged: list[str | Expression] = []
    for one in pieces:
        if merged and not isinstance(one, Expression) and not isinstance(merged[-1], Expression):
            merged[-1] += one
        else:
            merged.append(one)
    return merged


@given(DATA)
def test_a_value_is_read_back(data: Any) -> None:
    def united(one: Any) -> Any:
        match one:
            case str():
                return joined(one)
            case list():
                return [united(inner) for inner in one]
            case dict():
                return {united(name): united(inner) for name, inner in one.items()}
        return one

    assert constant(read(value(data))) == united(data)


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("", "''"),
        ("it's", r"'it\'s'"),
        ("a\\b $x", r"'a\\b $x'"),
        ("one line\n", r"'one line\n'"),
        ("make\nmake 'all'\n", "'''make\nmake 'all'\n'''"),
        ("a\n''b''", "'''a\n\\'\\'b\\'\\''''"),
        ("\x1b[0m", r"'\033[0m'"),
    ],
)
def test_literals_are_those_that_a_person_would_write(text: str, literal: str) -> None:
    assert quoted(text) == literal


def test_dollars_of_a_text_stay_dollars() -> None:
    part = read(interpolated(["$HOME/${x} ", Expression("env.A"), "\n$(y)"]))
    assert isinstance(part, Text)
    assert (part.pieces[0], part.pieces[2]) == ("$HOME/${x} ", "\n$(y)")
    assert isinstance(part.pieces[1], Property)


def test_marks_beside_expressions_stay_as_they_are() -> None:
    text = 'if [ "', Expression("env.A"), '" = a ]; then\n  echo "b"'
    assert interpolated(text) == '"""if [ "${env.A}" = a ]; then\n  echo "b\\""""'
    assert interpolated(["a\n", '"', '""', Expression("b")]) == '"""a\n\\"\\"\\"${b}"""'


def test_keys_are_bare_where_they_can_be() -> None:
    assert [key(one) for one in ("a_1", "$class", "if", "a-b", "1a", "true", "")] == [
        "a_1", "$class", "if", "'a-b'", "'1a'", "'true'", "''",
    ]  # fmt: skip


def test_what_has_no_literal_is_refused() -> None:
    with pytest.raises(TypeError, match="no Groovy literal for a object"):
        value([object()])
