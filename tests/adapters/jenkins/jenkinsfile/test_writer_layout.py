"""Documents are printed with an indent of four; what stands in strings of several lines is never touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipemgr_jenkins.groovy.quoting import quoted
from pipemgr_jenkins.jenkinsfile.layout import Block, Statement, dedented, indented, inside, printed

TEXT = """sh '''
  a
    b
'''
dir('x') {
    echo 'y'
}"""


def test_blocks_are_indented() -> None:
    tree = Block("stage('a')", (Block("steps", (Statement("sh 'x'"),)),))
    assert printed([tree]) == "stage('a') {\n    steps {\n        sh 'x'\n    }\n}\n"


def test_what_follows_a_brace_stands_behind_it() -> None:
    tree = Block("try", (Statement("a()"),), Block("finally", (Statement("b()"),)))
    assert printed([tree]) == "try {\n    a()\n} finally {\n    b()\n}\n"


def test_blocks_name_what_they_are_given() -> None:
    tree = Block("docker.image('db').withRun()", (Statement("a()"),), parameters="db ->")
    assert printed([tree]) == "docker.image('db').withRun() { db ->\n    a()\n}\n"


def test_strings_of_several_lines_stay_as_they_are() -> None:
    text = indented(TEXT, "    ")
    assert "\n  a\n    b\n'''\n" in text
    assert "\n        echo 'y'\n    }" in text


def test_a_text_cut_out_of_a_document_loses_the_indent_of_its_place() -> None:
    assert dedented(indented(TEXT, "        ").lstrip()) == TEXT
    assert dedented("a {\n        b\n    }") == "a {\n    b\n}"


@pytest.mark.parametrize("text", ["// it's\na", "/* ''' */\na", "'\\''\na", "\"a'''\"\na"])
def test_marks_in_comments_and_other_strings_begin_none(text: str) -> None:
    assert inside(text) == frozenset()


LINES = st.text("ab '\"\\\n${}/", max_size=40)


@given(text=LINES, depth=st.integers(0, 3))
def test_a_literal_is_the_same_at_every_depth(text: str, depth: int) -> None:
    literal = quoted(text)
    statement = f"echo {literal}"
    assert literal in indented(statement, "    " * depth)


@given(
    lines=st.lists(st.sampled_from(["a", "  b", "x {", "}", "", "    y('z')"]), max_size=6),
    depth=st.integers(0, 3),
)
def test_indenting_is_undone_by_dedenting(lines: list[str], depth: int) -> None:
    text = dedented("\n".join(["first", *lines]))
    assert dedented(indented(text, "    " * depth).strip(" ")) == text
