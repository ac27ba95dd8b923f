"""Item 16: conversions from Jenkins to the hosted vendors and from them to Jenkins, and whether what is written is valid."""

from __future__ import annotations

from collections.abc import Iterator

from pipemgr.errors import DefinitionError
from pipemgr.translate.convert import read
from pipemgr.translate.document import single

from . import groovy, validity
from .converting import converted
from .corpus import CONFIGS, JENKINSFILES, WORKFLOWS
from .figures import Figure
from .ways import CIRCLECI, GITHUB, JENKINS, language

ITEM = 16
WAYS = ((JENKINSFILES, GITHUB), (JENKINSFILES, CIRCLECI), (WORKFLOWS, JENKINS), (CONFIGS, JENKINS))


def figures() -> Iterator[Figure]:
    """The rows of the table."""
    for kind, target in WAYS:
        yield from converted(ITEM, f"{kind} to {target}", kind, target)
        yield from written(kind, target)


def written(kind: str, target: str) -> Iterator[Figure]:
    """Whether what is written is what the other vendor takes."""
    texts = validity.texts(kind, target)
    if target == JENKINS:
        checks = {"read again": rereads(kind), "Groovy's own parser": refused(kind)}
    else:
        checks = {check: finds(kind, target) for check, finds in validity.checks(kind, target).items()}
    for check, wrong in checks.items():
        short = tuple(f"{file}: {why}" for file, why in sorted(wrong.items()))
        what = f"{kind} written for {target}: {check}"
        yield Figure(ITEM, what, len(texts) - len(wrong), of=len(texts), goal=1.0, short=short)


def rereads(kind: str) -> dict[str, str]:
    """The Jenkinsfiles that our own reader refuses, with all that Jenkins would refuse of them."""
    found = {}
    for file, text in validity.texts(kind, JENKINS).items():
        try:
            read(single("Jenkinsfile", text), language(JENKINS))
        except DefinitionError as error:
            found[file.name] = " ".join(str(error).split())[:300]
    return found


def refused(kind: str) -> dict[str, str]:
    """The Jenkinsfiles that are no Groovy."""
    return groovy.problems({file.name: text for file, text in validity.texts(kind, JENKINS).items()})
