"""Item 11: Jenkinsfiles as Jenkins takes them: the same syntax tree, and refused where Jenkins refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pipemgr.errors import ParseError
from pipemgr.translate.document import Document
from pipemgr_jenkins.jenkinsfile.rules import check
from pipemgr_jenkins.jenkinsfile.tree import Jenkinsfile, grow

from .corpus import folder
from .figures import Figure
from .jenkins_json import AsJenkins, differences

ITEM = 11
UNEQUAL = {
    "when__conditions__changelog__changeset.groovy": (
        "the two files say different things: comparator: 'regexp' stands in the Groovy only"
    ),
}
"""Pairs that are none."""
REFUSED = {
    "matrix__matrixStagesGroupsAndStages.groovy": "a matrix without axes; Jenkins' own test of it is switched off",
    "matrix__matrixStagesNestedInSequential.groovy": "a matrix without axes; Jenkins' own test of it is switched off",
    "matrix__matrixStagesShouldntTriggerNSE.groovy": "a matrix without axes; Jenkins' own test of it is switched off",
    "libraries__libForMultiplePipelinesDefinedInLibrary.groovy": "two pipelines in one method: which one runs, only a run can say",
    "libraries__libForMultiplePipelinesExecutedInLibrary.groovy": "two pipelines in one method, one after the other",
    "when__whenEmpty.groovy": "an empty `when`, which Jenkins' own test expects to be refused",
}
"""Files that Jenkins refuses as well, or that hold more than one pipeline."""
UNSEEN = {
    "emptyPipeline.groovy": "a call of an unknown name and no pipeline: the same as a library's call",
    "postValidatorContributor.groovy": "refused by a plugin that Jenkins' tests bring along; the file itself is right",
}
"""What nobody can see in the file."""


@cache
def told(path: Path) -> tuple[tuple[str, str], ...]:
    """What is wrong with a file, each with its place: problems, and findings of the rules."""
    try:
        tree = grown(path)
    except ParseError as error:
        return ((str(error.where), error.message),)
    source = tree.root.origin
    return (*source.problems, *((one.source, one.what) for one in source.findings))


def grown(path: Path) -> Jenkinsfile:
    """The tree of a file, checked."""
    tree = grow(Document(path=path.name, text=path.read_bytes().decode("utf-8-sig")))
    check(tree)
    return tree


def refused(path: Path) -> tuple[tuple[str, str], ...]:
    """Why a file is refused; empty when it is not."""
    try:
        return tuple(grown(path).root.origin.problems)
    except ParseError as error:
        return ((str(error.where), error.message),)


def sources(kind: str) -> list[Path]:
    """The Jenkinsfiles of a folder of the corpus."""
    root = folder()
    assert root is not None, "PIPEMGR_CORPUS is not set"
    others = (".json", ".txt", ".txt-2", ".txt-3")
    return [one for one in sorted((root / kind).iterdir()) if one.suffix not in others]


def unlike(path: Path) -> list[str]:
    """Where our tree of a file differs from the one of Jenkins beside it."""
    theirs = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return differences(AsJenkins(grown(path)).document(), theirs)


def figures() -> Iterator[Figure]:
    """The rows of the table."""
    pairs = [one for one in sources("pairs/pmd-groovy-json") if one.name not in UNEQUAL]
    unequal = [f"{one.name}: {found}" for one in pairs for found in unlike(one)[:1]]
    yield Figure(
        ITEM,
        "Jenkins' own syntax trees equal",
        len(pairs) - len(unequal),
        of=len(pairs),
        goal=0.98,
        short=tuple(unequal),
    )
    for kind in ("pairs/pmd-groovy-only", "definitions/jenkinsfile"):
        files = [one for one in sources(kind) if one.name not in REFUSED]
        wrong = [f"{one.name}: {refused(one)[0]}" for one in files if refused(one)]
        yield Figure(
            ITEM, f"{kind} taken", len(files) - len(wrong), of=len(files), goal=0.95, short=tuple(wrong)
        )
    files = sources("pairs/pmd-errors")
    missed = [f"{one.name}: {UNSEEN.get(one.name, 'unknown')}" for one in files if not told(one)]
    yield Figure(
        ITEM,
        "what Jenkins refuses is refused or told",
        len(files) - len(missed),
        of=len(files),
        goal=0.95,
        short=tuple(missed),
    )
    left_out = [f"{name}: {why}" for name, why in {**UNEQUAL, **REFUSED}.items()]
    yield Figure(
        ITEM, "files left out above, each for a reason of its own", len(left_out), short=tuple(left_out)
    )
