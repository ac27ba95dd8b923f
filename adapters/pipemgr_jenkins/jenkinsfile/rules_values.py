"""Rules for names and values: variables of the environment, and values that are no value.

As Jenkins has them (ModelParser.parseEnvironment, parseArgument; Utils.validEnvIdentifier).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pipemgr.adapter import Node
from pipemgr_jenkins.groovy.syntax import Call, Code, Constant, Operation, Part, Text

from .nodes import short
from .tree import Jenkinsfile

_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
LARGEST: Final = 2**63
"""The first number that Jenkins can't hold."""
CREDENTIALS: Final = "credentials"
"""The function that gives a credential to a variable."""


def check_name(node: Node, name: str) -> None:
    """A name that shells and Java take for a variable."""
    if not _NAME.fullmatch(name):
        node.problem(
            f"{name!r} is no name for a variable; use letters, digits and _, and don't begin with a digit"
        )


def check_environment(tree: Jenkinsfile, environment: Node) -> None:
    """The variables of an `environment` block."""
    variables = environment.children if isinstance(environment.children, dict) else {}
    for name, node in variables.items():
        check_name(node, name)
        part = tree.syntax(node)
        if part is not None:
            _check_value(tree, node, part)


def _check_value(tree: Jenkinsfile, node: Node, part: Part) -> None:
    match part:
        case Constant() | Text() | Code():
            pass
        case Call(name=name, target=None, arguments=arguments) if name == CREDENTIALS:
            if not all(isinstance(one.value, Constant | Text) for one in arguments):
                node.problem("'credentials' takes the id as a text in quotes; write it so")
        case Call():
            pass
        case Operation(operator="-" | "+", operands=(Constant(),)):
            pass
        case Operation(operator="+"):
            for one in _joined(part):
                if not isinstance(one, Constant | Text | Code):
                    told = short(tree.script.text(one))
                    node.problem(
                        f"only texts in quotes can be joined by + here, not {told}; put all in one text"
                    )
                    break
        case _:
            told = short(tree.script.text(part))
            node.problem(
                f"a variable's value is a text in quotes or a call, not {told}; write it in double quotes, in ${{ }}"
            )


def _joined(part: Operation) -> Iterator[Part]:
    """What `+` joins, from the right."""
    left: Part = part
    while isinstance(left, Operation) and left.operator == "+" and len(left.operands) == 2:  # noqa: PLR2004
        yield left.operands[1]
        left = left.operands[0]
    yield left


def check_values(tree: Jenkinsfile, node: Node) -> None:
    """Each value below a node: `${...}` without quotes, which Groovy takes for something else, and huge numbers."""
    todo = [node]
    while todo:
        one = todo.pop()
        if isinstance(one.children, dict):
            todo.extend(one.children.values())
        elif one.children is not None:
            todo.extend(one.children)
        elif (
            isinstance(one.value, str)
            and one.value.startswith("${")
            and not isinstance(tree.syntax(one), Constant | Text)
        ):
            one.problem(f"{short(one.value)} is no value; put it in double quotes")
        elif isinstance(one.value, int) and not -LARGEST <= one.value < LARGEST:
            one.problem(f"{one.value} is too large for a number; put it in quotes")
