"""Environments in: variables of a pipeline, a block or a stage.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#environment
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipemgr.adapter import Node
from pipemgr.model.templates import untemplate

from .credentials import credential, secret
from .surroundings import Block
from .tree import Jenkinsfile
from .values import Values


def read(node: Node, block: Block, file: Jenkinsfile, model: str) -> Mapping[str, str]:
    """The variables of an `environment` section, by their names; `model` is the path of what has them."""
    entries = node.feeds(f"{model}.variables".lstrip(".")).items()
    values = Values(file, block.scope.inner(variables=entries))
    found: dict[str, str] = {}
    for name, one in entries.items():
        part = file.syntax(one)
        kept = credential(part) if part is not None else None
        if kept is None:
            found[name] = values.text(one)
        else:
            one.take_all()
            found |= _parts(name, kept, file.script.source)
    return found


def _parts(name: str, kept: str, source: str) -> dict[str, str]:
    """What `credentials('id')` defines: a name and a password are two more variables, where the file uses them."""
    parts = {f"{name}_USR": "username", f"{name}_PSW": "password"}
    used = {one: what for one, what in parts.items() if re.search(rf"\b{one}\b", source)}
    given = {name: "userpass" if used else "", **(parts if used else {})}
    return {one: untemplate((secret(kept, what),)) for one, what in given.items()}
