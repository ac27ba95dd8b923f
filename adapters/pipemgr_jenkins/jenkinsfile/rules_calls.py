"""Rules for calls: the arguments that conditions, options, triggers, parameters and well-known steps take.

As Jenkins' validator has them (ModelValidatorImpl.validateDescribable, validateParameterType): a constant of a wrong
type is refused, what is computed is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipemgr.adapter import Fidelity, Finding, Node
from pipemgr_jenkins.groovy.syntax import Call, Closure, Constant, Part

from .grammar import Shape, grammar, nearest, required, types
from .tree import Jenkinsfile

_WANTED = {"text": "a text in quotes", "int": "a whole number without quotes"}


class CallRules:
    """Rules for the calls of one file."""

    def __init__(self, tree: Jenkinsfile) -> None:
        self.tree = tree

    def told(self, node: Node, what: str, known: list[str]) -> None:
        """A finding: only a plugin could bring this."""
        finding = Finding(
            fidelity=Fidelity.MANUAL,
            path=node.path,
            source=node.where,
            what=what,
            why="Jenkins refuses it unless a plugin brings it, and none is known that does",
            remedy=f"check the spelling{nearest(_quoted(what), known)}, or make sure that the plugin is installed",
            kind="plugin",
        )
        node.origin.findings.append(finding)

    def arguments(self, call: Node, shape: Shape, *, more: bool = False) -> None:
        """The arguments of a call, held against a shape; with `more`, unknown ones are told, not refused."""
        name = named(call)
        given = _child(call, "arguments")
        needed = required(shape)
        if given is None:
            if needed and types(shape)[needed[0]] != "flag":
                call.problem(f"{name!r} lacks {_listed(needed)}; write {_usage(name, shape)}")
        elif isinstance(given.children, list):
            self._positional(call, given.children, shape, more=more)
        elif isinstance(given.children, dict):
            self._named(call, given, shape, more=more)

    def _positional(self, call: Node, given: list[Node], shape: Shape, *, more: bool) -> None:
        name = named(call)
        needed = required(shape)
        if len(given) > 1:
            call.problem(f"the arguments of {name!r} need names; write {_usage(name, shape)}")
        elif len(needed) == 1:
            self.type(given[0], types(shape)[needed[0]], needed[0])
        elif not more or needed:
            takes = f"write {_usage(name, shape)}" if shape else "remove the value"
            given[0].problem(f"{name!r} takes no value without a name; {takes}")

    def _named(self, call: Node, given: Node, shape: Shape, *, more: bool) -> None:
        name = named(call)
        known = types(shape)
        children = given.children if isinstance(given.children, dict) else {}
        for key, value in children.items():
            if key in known:
                self.type(value, known[key], key)
            elif more:
                self.told(value, f"argument {key!r} of {name!r}", list(known))
            else:
                near = nearest(key, list(known))
                value.problem(f"{name!r} has no argument {key!r}; check the spelling{near}, or remove it")
        lacking = [one for one in required(shape) if one not in children]
        if lacking and not _hidden(children):
            call.problem(f"{name!r} lacks {_listed(lacking)}; write {_usage(name, shape)}")

    def type(self, node: Node, wanted: str, key: str) -> None:
        """A constant, held against the type of its argument."""
        part = self.tree.syntax(node)
        if not isinstance(part, Constant) or part.value is None:
            return
        value = part.value
        is_int = isinstance(value, int) and not isinstance(value, bool)
        units = grammar()["units"]
        if wanted == "unit" and isinstance(value, str) and value not in units:
            node.problem(f"{value!r} is no unit of time; write one of {', '.join(units)}")
        elif (wanted == "text" and (is_int or isinstance(value, bool))) or (
            wanted == "int" and isinstance(value, str | bool)
        ):
            node.problem(f"{key!r} must be {_WANTED[wanted]}, not {self.tree.script.text(part)}")

    # Calls in sections ---------------------------------------------------------------------------------

    def blocked(self, call: Node, section: str) -> None:
        """Blocks and steps where only values may stand."""
        part = self.tree.syntax(call)
        if any(isinstance(one.value, Closure) for inner in _calls(part) for one in inner.arguments):
            call.problem(f"{named(call)!r} in {section!r} takes no block; remove the block")
        for one in _calls(part):
            if one.name in grammar()["blocked_arguments"] and one.target is None and one is not part:
                line, column = self.tree.script.place(one.start)
                where = f"{call.origin.name}:{line}:{column}"
                message = f"the step {one.name!r} can't stand among arguments; remove it"
                call.origin.problems.append((where, message))

    def known(self, call: Node, section: str, word: str) -> None:
        """A call of a section, held against the table of that section's words."""
        self.blocked(call, section)
        name, shapes = named(call), grammar()[section]
        known = [*shapes, *grammar()[f"known_{section}"]]
        if name in shapes:
            self.arguments(call, shapes[name])
        elif name not in known:
            self.told(call, f"{word} {name!r}", known)


def named(call: Node) -> str:
    """The name of a call."""
    node = _child(call, "name")
    return node.value if node and isinstance(node.value, str) else ""


def _child(node: Node, key: str) -> Node | None:
    return node.children.get(key) if isinstance(node.children, dict) else None


def _calls(part: Part | None) -> Iterator[Call]:
    """The calls of an expression, closures left out: what stands in them is run later."""
    todo = [part] if part else []
    while todo:
        one = todo.pop()
        if isinstance(one, Call):
            yield one
        if not isinstance(one, Closure):
            todo.extend(one.children())


def _hidden(children: dict[str, Node]) -> bool:
    """Whether a map is spread into the arguments, so that nobody knows which are there."""
    return "*" in children


def _usage(name: str, shape: Shape) -> str:
    needed = required(shape)
    return f"{name}({', '.join(f'{one}: ...' for one in needed or types(shape))})"


def _listed(names: list[str]) -> str:
    return " and ".join(repr(one) for one in names)


def _quoted(what: str) -> str:
    """The word that a message puts in quotes first."""
    return what.split("'")[1] if "'" in what else what
