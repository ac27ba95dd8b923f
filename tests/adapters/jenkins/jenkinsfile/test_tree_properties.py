"""Whatever Groovy stands in a Jenkinsfile: every word of it is in a node, places are right, and nothing crashes."""

import contextlib
import itertools
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from pipemgr.errors import ParseError
from pipemgr.translate.document import Document
from pipemgr.translate.node import Node
from pipemgr_jenkins.jenkinsfile.rules import check
from pipemgr_jenkins.jenkinsfile.tree import Jenkinsfile, grow

Shape = tuple[str, tuple["Shape", ...]]

LEAVES = (
    "@ '@'",
    '@("a ${@} b")',
    "@ @: '@', @: [@, '@']",
    "@([@: '@', '@': [@: 1]])",
    "@()",
    "def @ = @(@: 1)",
    "@ = @ + '@'",
    "@.@ { @ }",
    "return @",
    "for (@ in @) { @() }",
    "@ @(@: '@')",
    "while (@) { @ = '@' }",
    "@ '''@\n@'''",
)
BLOCKS = (
    "@ { | }",
    "@('@') { | }",
    "@(@: 1) { @ -> | }",
    "if (@) { | }",
    "if (@) { | } else if (@) { | } else { @() }",
    "try { | } catch (@ e) { | } finally { | }",
    "@.@(@) { | }",
    "@(@: { | }, '@ @': { | })",
)

shapes: st.SearchStrategy[Shape] = st.recursive(
    st.sampled_from(LEAVES).map(lambda leaf: (leaf, ())),
    lambda below: st.tuples(st.sampled_from(BLOCKS), st.lists(below, min_size=1, max_size=3).map(tuple)),
    max_leaves=12,
)


def written(shape: Shape, names: Iterator[str]) -> str:
    """The text of a shape; each @ becomes a word that stands nowhere else."""
    text, below = shape
    pieces = []
    for character in text:
        if character == "@":
            pieces.append(next(names))
        elif character == "|":
            pieces.append("\n".join(written(one, names) for one in below))
        else:
            pieces.append(character)
    return "".join(pieces)


def words() -> Iterator[str]:
    return (f"w{number}x" for number in itertools.count())


def tree(text: str) -> Jenkinsfile:
    return grow(Document(path="Jenkinsfile", text=text))


def said(node: Node) -> str:
    """All keys and values of a tree, but for what closures and catches name."""
    return " ".join(f"{one.key} {'' if one.children is not None else one.value}" for one in node.origin.nodes)


@given(st.lists(shapes, min_size=1, max_size=4))
def test_no_word_of_a_script_is_lost(found: list[Shape]) -> None:
    names = words()
    text = "\n".join(written(one, names) for one in found)
    grown = tree(text)
    told = said(grown.root) + " ".join(
        str(getattr(part, "parameters", "")) + str(getattr(part, "parameter", ""))
        for part in grown.parts.values()
    )
    for word in itertools.takewhile(lambda one: one in text, words()):
        assert f"{word}" in told, (word, text)


@given(st.lists(shapes, min_size=1, max_size=3))
def test_steps_are_found_alike_wherever_they_stand(found: list[Shape]) -> None:
    names = words()
    text = "\n".join(written(one, names) for one in found)
    alone = tree(text).root.plain()["script"]
    inside = tree(
        f"pipeline {{ stages {{ stage('s') {{ steps {{ script {{\n{text}\n}} }} }} }} }}"
    ).root.plain()
    assert inside["pipeline"]["stages"][0]["steps"][0]["block"] == alone


@given(st.lists(shapes, min_size=1, max_size=4))
def test_every_node_stands_where_it_says(found: list[Shape]) -> None:
    names = words()
    grown = tree("\n".join(written(one, names) for one in found))
    lines = grown.script.source.split("\n")
    for node in grown.root.origin.nodes[1:]:
        line, column = node.start
        part = grown.syntax(node)
        assert part is not None
        first = grown.script.text(part).split("\n")[0]
        assert lines[line - 1][column - 1 :].startswith(first)


PIECES = (
    "pipeline {", "stages {", "stage('a') {", "steps {", "agent any", "agent {", "when {", "post {", "matrix {",
    "axes {", "axis {", "parallel {", "environment {", "options {", "}", "}", "}", "sh 'x'", "branch 'x'", "A = 'b'",
    "name 'A'", "values 'a', 'b'", "label 'x'", "always {", "x", "'y'", "[a: 1]", "\n", "input {", "tools {", "${x}",
    "not {", "allOf {", "excludes {", "exclude {", "timeout(", ")", "triggers {", "cron('x')", "failFast true",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("\n".join))
def test_any_mixture_of_sections_is_read_or_refused_with_places(text: str) -> None:
    with contextlib.suppress(ParseError):
        grown = tree(text)
        check(grown)
        for where, message in grown.root.origin.problems:
            path, line, column = where.rsplit(":", 2)
            assert (path, int(line) > 0, int(column) > 0) == ("Jenkinsfile", True, True)
            assert message
