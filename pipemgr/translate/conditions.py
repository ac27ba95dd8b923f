"""Conditions in parts: what they ask of the work before, and what they ask of the build."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pipemgr.model.expressions import Binary, Call, Expression, Literal, Not, chained

STATUS: Final = frozenset({"always", "canceled", "failure", "success"})
"""Functions that ask how the work before went; a condition without any also asks for success."""
SUCCESS: Final = Call("success")
ALWAYS: Final = Call("always")
TOLERANT: Final = (Not(Call("failure")), Not(Call("canceled")))
"""What lets a stage begin also where one that it needs was left out."""


@dataclass(frozen=True)
class Asked:
    """A condition: `status` is what it asks of the work before, `own` the rest; all of it must hold."""

    status: tuple[Expression, ...]
    own: tuple[Expression, ...]

    @property
    def strict(self) -> bool:
        """Whether everything before must have been done, and gone well."""
        return set(self.status) <= {SUCCESS}

    @property
    def tolerant(self) -> bool:
        """Whether something before may have been left out, as long as nothing failed."""
        return not self.strict and set(self.status) <= {SUCCESS, *TOLERANT}

    @property
    def usual(self) -> bool:
        """Whether it only goes on where nothing has failed."""
        return self.strict or (self.tolerant and TOLERANT[0] in self.status)


def asked(condition: Expression | None) -> Asked:
    """The parts of a condition; None asks for success and nothing else."""
    parts = conjuncts(condition) if condition is not None else ()
    status = tuple(one for one in parts if asks_status(one))
    return Asked(status, tuple(one for one in parts if one not in status))


def asks_status(condition: Expression) -> bool:
    """Whether it asks anywhere how the work before went."""
    return any(isinstance(node, Call) and node.name in STATUS for node in condition.walk())


def conjuncts(node: Expression) -> tuple[Expression, ...]:
    """The parts that must all hold."""
    found: list[Expression] = []
    todo = [node]
    while todo:
        match todo.pop():
            case Binary("&&", left, right):
                todo += [right, left]
            case Not(Binary("||", left, right)):
                todo += [Not(right), Not(left)]
            case Literal(True):
                pass
            case other:
                found.append(other)
    return tuple(dict.fromkeys(found))


def both(*parts: Iterable[Expression]) -> Expression | None:
    """One condition in which all parts hold; None where there are none."""
    every = tuple(dict.fromkeys(part for several in parts for one in several for part in conjuncts(one)))
    return chained("&&", every) if every else None
