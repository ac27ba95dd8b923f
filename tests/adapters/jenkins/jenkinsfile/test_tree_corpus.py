"""Real Jenkinsfiles: as Jenkins takes them, refused where Jenkins refuses, and with no statement lost."""

import re
from pathlib import Path

import pytest

from pipemgr_jenkins.groovy.syntax import Catch, Closure
from pipemgr_jenkins.jenkinsfile.tree import Jenkinsfile
from tests.evidence import jenkins_calls, jenkins_syntax
from tests.evidence.jenkins_syntax import UNSEEN, grown, refused, sources, told

pytestmark = pytest.mark.corpus

PLACE = re.compile(r".+:\d+:\d+")
KINDS = (
    "definitions/jenkinsfile",
    "pairs/pmd-groovy-json",
    "pairs/pmd-groovy-only",
    "pairs/opensearch-callstack",
)


@pytest.mark.parametrize("module", [jenkins_syntax, jenkins_calls])
def test_every_goal_is_reached(corpus: Path, module: object) -> None:
    for figure in module.figures():  # type: ignore[attr-defined]
        assert figure.reached is not False, (figure.what, figure.measure, figure.short)


def test_what_is_refused_is_refused_with_places_and_what_is_not_is_known(corpus: Path) -> None:
    files = sources("pairs/pmd-errors")
    assert len(files) >= 50
    for file in files:
        said = told(file)
        assert all(PLACE.fullmatch(place) and message for place, message in said), file.name
        assert bool(said) != (file.name in UNSEEN), file.name


def test_every_character_belongs_to_a_node_or_says_nothing(corpus: Path) -> None:
    files = [file for kind in KINDS for file in sources(kind) if not refused(file)]
    assert len(files) > 200
    for file in files:
        assert lost(grown(file)) == [], file.name


WORDS = {"if", "else", "try", "catch", "finally"}
"""What the shapes of nodes say themselves."""


def lost(tree: Jenkinsfile) -> list[str]:
    """The words of a file that stand in no node, comments and the keys and words of the shapes left out."""
    text = list(tree.script.source)
    known = set(WORDS)
    for node in tree.root.origin.nodes:
        part = tree.syntax(node)
        assert part is not None
        known |= set(re.findall(r"\w+", str(node.key)))
        if isinstance(part, Closure):
            known |= set(re.findall(r"\w+", part.parameters))
        if isinstance(part, Catch):
            known |= set(re.findall(r"\w+", part.parameter))
        if node.children is None and node.key != "name":
            text[part.start : part.end] = " " * (part.end - part.start)
        elif node.children is None:
            known |= set(re.findall(r"\w+", str(node.value)))
    left = re.sub(r"/\*.*?\*/|//[^\n]*|\A#![^\n]*", " ", "".join(text), flags=re.DOTALL)
    return [word for word in re.findall(r"\w+", left) if word not in known | SECTIONS]


SECTIONS = {"pipeline", "stage", "axis", "exclude", "lib"}
"""Words that the place in the tree says."""
