"""Rules for Groovy that Jenkins' sandbox stops unless an administrator approved it: told, for the file can't say.

By the lists of script-security-plugin (generic-whitelist, jenkins-whitelist, blacklist).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipemgr.adapter import Fidelity, Finding, Node
from pipemgr_jenkins.groovy.syntax import Call, Code, Constant, Name, Part, Property

from .grammar import grammar
from .tree import Jenkinsfile

_STRINGS = re.compile(r"'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)
_MEMBER = re.compile(r"(?<![\w.])([A-Z]\w*)\.(\w+)")


def check_sandbox(tree: Jenkinsfile) -> None:
    """A finding for each class of the controller that the file reaches for, with all places."""
    places: dict[str, list[Node]] = {}
    for node in tree.root.origin.nodes:
        for word in _words(tree, node):
            places.setdefault(word, []).append(node)
    for word, nodes in places.items():
        first = nodes[0]
        finding = Finding(
            fidelity=Fidelity.MANUAL,
            path=first.path,
            source=first.where,
            what=word,
            why="the sandbox that Jenkins runs pipelines in stops it unless an administrator approved it",
            remedy="approve it (Manage Jenkins > In-process Script Approval), or do it in a step instead",
            kind="approval",
            places=tuple(dict.fromkeys(node.where for node in nodes)),
        )
        first.origin.findings.append(finding)


def _words(tree: Jenkinsfile, node: Node) -> Iterator[str]:
    """What one node that holds code reaches for."""
    part = tree.syntax(node)
    if node.children is not None or part is None or isinstance(part, Constant):
        return
    if node.value != tree.script.text(part):
        return
    for one in part.walk():
        for name, member in _members(tree, one):
            if name in grammar()["sandbox"] and member not in grammar()["sandbox"][name]:
                yield f"{name}.{member}"


def _members(tree: Jenkinsfile, part: Part) -> Iterator[tuple[str, str]]:
    match part:
        case Property(target=Name(name=name), name=member) | Call(target=Name(name=name), name=member):
            yield name, member
        case Code():
            code = _STRINGS.sub("''", tree.script.text(part))
            yield from ((found[1], found[2]) for found in _MEMBER.finditer(code))
