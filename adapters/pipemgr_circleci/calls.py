"""Calls: lists of steps with commands, conditions and parameters written out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pipemgr.adapter import Fidelity, Node
from pipemgr.model.expressions import Expression, Literal, Not

from .conditions import ConditionReader, simplified
from .config import Definition, Library
from .echoes import Echo, real

CONDITIONAL: Final = ("when", "unless")
BUILT_IN: Final = frozenset(
    {
        "add_ssh_keys",
        "attach_workspace",
        "checkout",
        "deploy",
        "install_signing_bundle",
        "persist_to_workspace",
        "restore_cache",
        "run",
        "save_cache",
        "setup_remote_docker",
        "store_artifacts",
        "store_test_results",
    }
)
"""Steps of CircleCI itself (https://circleci.com/docs/reference/configuration-reference/#steps)."""
_DEEPEST: Final = 50


@dataclass(frozen=True)
class Item:
    """A step that calls no command of the definition."""

    node: Node
    """The entry of the list."""
    key: str
    """What it calls, as the text says."""
    call: str
    """The same, by its name in the orb registry for commands of orbs."""
    arguments: Node | None
    around: tuple[Node, ...] = ()
    """The calls and conditions that it stands in, outermost first, with what they name."""
    conditions: tuple[Expression, ...] = ()
    """What must hold for it to be executed, as far as that isn't decided yet."""


@dataclass(frozen=True)
class Place:
    """Where a list of steps stands."""

    around: tuple[Node, ...] = ()
    conditions: tuple[Expression, ...] = ()
    depth: int = 0

    def within(self, *nodes: Node, conditions: tuple[Expression, ...] = ()) -> Place:
        """A place further in."""
        return Place((*self.around, *nodes), (*self.conditions, *conditions), self.depth + 1)


class CallReader:
    """Reads lists of steps."""

    def __init__(self, conditions: ConditionReader) -> None:
        self.conditions = conditions
        self.skipped: list[Node] = []
        """Steps whose condition does not hold in one use of what they are written in."""
        self._is_endless = False
        """Whether a command calls itself: nothing more is written out then."""

    def items(self, node: Node, place: Place = Place()) -> Iterator[Item]:
        """The steps of a list, in order."""
        if node.kind == "mapping":
            node.take_all()
            node.problem("steps are a list: begin each one with `- `, with a space behind the dash")
            return
        for entry in node.entries():
            if entry.kind == "sequence":
                yield from self.items(entry, place)
            elif entry.kind != "null" or isinstance(entry.value, str):
                yield from self._entry(entry, place)
            else:
                entry.take()

    def _entry(self, entry: Node, place: Place) -> Iterator[Item]:
        called = self._called(entry)
        if called is None:
            return
        key, arguments = called
        if key in CONDITIONAL and arguments is not None:
            yield from self._conditional(entry, arguments, place)
            return
        if key == "steps" and arguments is not None:
            yield from self.items(arguments.take(), place.within(entry))
            return
        library = entry.library if isinstance(entry, Echo) else None
        found = library.find("commands", key) if isinstance(library, Library) else None
        if isinstance(found, Definition):
            yield from self._command(found, entry, arguments, place)
        elif found is None and key not in BUILT_IN:
            entry.take_all()
            entry.problem(f"there is no step and no command {key!r}{_hint(key)}")
        else:
            yield Item(entry, key, found or key, arguments, place.around, place.conditions)

    @staticmethod
    def _called(entry: Node) -> tuple[str, Node | None] | None:
        entry.take()
        if entry.children is None:
            return entry.text(), None
        entries = entry.items()
        if len(entries) == 1:
            return next(iter(entries.items()))
        entry.take_all()
        names = ", ".join(entries) or "none"
        entry.problem(
            f"a step has one key, the name of what it does; these are {len(entries)}: {names}. "
            "What belongs to the first one must be indented further"
        )
        return None

    def _command(
        self, found: Definition, entry: Node, arguments: Node | None, place: Place
    ) -> Iterator[Item]:
        if self._is_endless or place.depth > _DEEPEST:
            entry.take_all()
            if self._is_endless:
                return
            self._is_endless = True
            entry.problem(f"the command {found.name!r} calls itself")
            return
        given = dict(arguments.items()) if arguments is not None and arguments.kind != "string" else {}
        body = found.library.use(found, given, entry, entry)
        inner = place.within(entry, *([arguments] if arguments is not None else []), body.take())
        for key in ("description", "parameters"):
            if (one := body.items().get(key)) is not None:
                one.take_all()
        steps = body.items().get("steps")
        if steps is None:
            real(body).problem(f"the command {found.name!r} needs `steps`")
            return
        yield from self.items(steps, inner)

    def _conditional(self, entry: Node, arguments: Node, place: Place) -> Iterator[Item]:
        entries = arguments.items()
        condition, steps = entries.get("condition"), entries.get("steps")
        if condition is None or steps is None:
            arguments.take_all()
            arguments.problem(f"{entry.label} needs a `condition` and `steps`")
            return
        holds = self.conditions.read(condition)
        if "unless" in entry.items():
            holds = simplified(Not(holds))
        if not isinstance(holds, Literal):
            yield from self.items(steps, place.within(entry, arguments, condition, conditions=(holds,)))
        elif holds.value:
            yield from self.items(steps, place.within(entry, arguments, condition))
        else:
            self.skipped.append(steps)

    def tell_skipped(self) -> None:
        """A finding for all steps that no use executes; to be called when all is settled."""
        for echo in self.skipped:
            node = real(echo)
            if not node.touched:
                node.finding(
                    Fidelity.EQUIVALENT,
                    "steps that are never executed",
                    "their condition is decided by parameters, and holds in none of the uses",
                    "nothing to do, unless it was meant to hold",
                )


def _hint(key: str) -> str:
    alias, _, inner = key.partition("/")
    if inner:
        return f": import its orb, `orbs: {{{alias}: ...}}`, or correct its name"
    return ": define it under `commands`, or correct its name"
