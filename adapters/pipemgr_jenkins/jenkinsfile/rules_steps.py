"""Rules for steps: what may stand in `steps` and `post` outside of `script`, and what well-known steps take.

As Jenkins has them (ModelParser.parseStep, BlockedStepsAndMethodCalls, ModelValidatorImpl.validateStep).
"""

from __future__ import annotations

from typing import Final

from pipemgr.adapter import Node
from pipemgr_jenkins.groovy.syntax import Call, Constant, Name

from .grammar import grammar, types
from .nodes import short
from .rules_calls import CallRules, named
from .rules_values import check_values
from .statements import META
from .tree import Jenkinsfile

FREE: Final = "script"
"""The step in whose block any Groovy may stand."""
PARALLEL: Final = "parallel"


class StepRules:
    """Rules for the steps of one file."""

    def __init__(self, tree: Jenkinsfile) -> None:
        self.tree = tree
        self.calls = CallRules(tree)

    def section(self, node: Node | None, *, inside: bool) -> None:
        """The statements of `steps` or of a condition of `post`; `inside` of parallel stages."""
        if node is None or not isinstance(node.children, list):
            return
        statements = node.children
        if not statements:
            node.problem(f"{node.label} is empty; write a step in it, or remove it")
        if len(statements) == 1 and named(statements[0]) == PARALLEL and node.key == "steps":
            self._parallel(statements[0], inside=inside)
            return
        for one in statements:
            self._step(one)

    def _parallel(self, node: Node, *, inside: bool) -> None:
        """`parallel` as the only step of a stage."""
        arguments = node.children.get("arguments") if isinstance(node.children, dict) else None
        if arguments is None or not isinstance(arguments.children, dict):
            node.problem(
                "'parallel' names no branches here; write parallel(a: { ... }), or use a 'script' block"
            )
            return
        branches = 0
        for name, branch in arguments.children.items():
            block = branch.children.get("block") if isinstance(branch.children, dict) else None
            if block is not None:
                branches += 1
                self.section(block, inside=inside)
            elif name != "failFast":
                branch.problem(f"the branch {name!r} needs a block; write {name}: {{ ... }}")
            else:
                self._fail_fast(branch)
        if inside and branches > 1:
            node.problem("'parallel' can't stand within a 'parallel' or 'matrix'; write its steps one by one")

    def _fail_fast(self, node: Node) -> None:
        part = self.tree.syntax(node)
        if not (isinstance(part, Constant) and isinstance(part.value, bool)):
            node.problem(f"'failFast' takes true or false, not {self.tree.text(node)}")

    def _step(self, node: Node) -> None:
        part = self.tree.syntax(node)
        if not isinstance(part, Call):
            told = short(self.tree.text(node))
            node.problem(f"{told} is no step; put it in a 'script' block{_call_it(part)}")
        elif part.target is not None:
            told = short(self.tree.text(node))
            node.problem(f"{told} calls something on an object; put it in a 'script' block")
        else:
            self._call(node, part)

    def _call(self, node: Node, part: Call) -> None:
        name = part.name
        blocked = grammar()["blocked_steps"]
        if name in blocked:
            node.problem(f"the step {name!r} can't stand here; {blocked[name]}")
            return
        block = node.children.get("block") if isinstance(node.children, dict) else None
        if name == FREE:
            if block is None:
                node.problem("'script' needs a block; write script { ... }")
            return
        shape = grammar()["steps"].get(name)
        if shape is not None:
            self.calls.arguments(node, shape, more=True)
        arguments = node.children.get("arguments") if isinstance(node.children, dict) else None
        if arguments is not None:
            check_values(self.tree, arguments)
            self._class(name, arguments)
        for one in block.children if block is not None and isinstance(block.children, list) else ():
            self._step(one)

    def _class(self, name: str, arguments: Node) -> None:
        """What `step([$class: 'Name', ...])` gives to a known class."""
        given = arguments.children[0] if isinstance(arguments.children, list) and arguments.children else None
        children = given.children if given is not None and isinstance(given.children, dict) else {}
        known = grammar()["classes"].get(children[META].value) if META in children else None
        if given is None or known is None or name != "step":
            return
        shape = types(grammar()["steps"][known])
        for key, value in children.items():
            if key in shape:
                self.calls.type(value, shape[key], key)
            elif key != META:
                self.calls.told(value, f"argument {key!r} of {children[META].value!r}", list(shape))


def _call_it(part: object) -> str:
    return f", or write {part.name}() if it is one" if isinstance(part, Name) else ""
