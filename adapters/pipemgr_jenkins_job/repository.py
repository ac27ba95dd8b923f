"""Repositories: which one a job is about, told to people, for definitions of other vendors stand in theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from .elements import Element

REPOSITORY: Final = "repository"
"""The key of what is kept."""
_ADDRESSES: Final = (
    "url",
    "remote",
    "repositoryUrl",
    "projectPath",
    "manifestRepositoryUrl",
    "p4Stream",
    "source",
)
"""Fields of sources that hold an address, in the plugins git, subversion, github-branch-source,
gitlab-branch-source, gerrit-code-review, repo and mercurial."""
_OWNER: Final = "repoOwner"
_NAME: Final = "repository"
"""How plugins of forges name a repository besides; in a Git source there are elements of these names too."""
_NONE: Final = "hudson.scm.NullSCM"


def repository(around: Element) -> tuple[str, Element] | None:
    """The repositories that a source checks out, with branches and credentials, and an element that says so."""
    if around.kind == _NONE:
        return None
    found = _addresses(around)
    if not found:
        return None
    said = [*found]
    said += _worded("branch", dict.fromkeys(_branches(around)))
    said += _worded("credentials", dict.fromkeys(_texts(around, ("credentialsId",))))
    return ", ".join(said), next(iter(found.values()))


def _addresses(around: Element) -> dict[str, Element]:
    found: dict[str, Element] = {}
    for one in around.walk():
        owner, name = one.child(_OWNER), one.child(_NAME)
        if any(below.tag == "repositoryUrl" and below.text for below in one.children):
            owner = None
        if owner is not None and name is not None and owner.text and name.text:
            found[f"{owner.text}/{name.text}"] = name
        elif one.tag in _ADDRESSES and one.text and not one.children:
            found.setdefault(one.text.strip(), one)
    return found


def _branches(around: Element) -> Iterator[str]:
    for one in around.walk():
        if one.tag.endswith(".BranchSpec"):
            yield one.find("name")


def _texts(around: Element, tags: Iterable[str]) -> Iterator[str]:
    return (one.text for one in around.walk() if one.tag in tags and one.text)


def _worded(word: str, names: Iterable[str]) -> list[str]:
    said = [one for one in names if one]
    return [f"{word} {' '.join(said)}"] if said else []
