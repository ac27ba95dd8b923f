"""Statuses out: what conditions ask of what came before, as sections of `post`.

Jenkins skips whatever follows a failure; only `post` is executed then.
Source: https://www.jenkins.io/doc/book/pipeline/syntax/#post
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name, Not, Opaque, chained

from .posts import ORDER, condition

NOT_FAILED: Final = Not(Call("failure"))
NOT_CANCELED: Final = Not(Call("canceled"))
_SECTIONS: Final[dict[Expression, str]] = {
    Not(Call("success")): "unsuccessful",
    **{condition(word): word for word in reversed(ORDER)},
}
"""The section that answers a condition: of several the one that is executed first."""
STATES: Final[Mapping[str, Expression]] = {word: node for node, word in reversed(_SECTIONS.items())}
"""What the state of the build must be for each section."""
_FUNCTIONS: Final = frozenset({"always", "canceled", "failure", "success"})
_RESULTS: Final = frozenset({"result", "outcome", "conclusion"})


@dataclass(frozen=True)
class Asked:
    """What a condition asks: the section of `post` that answers it, if it asks for any, and all the rest."""

    section: str | None = None
    rest: tuple[Expression, ...] = ()
    """What does not depend on how anything ended."""
    lost: tuple[Expression, ...] = ()
    """What no section can say."""
    relaxed: bool = False
    """Whether it goes on where something before it was skipped."""

    @property
    def is_usual(self) -> bool:
        """Whether it is executed as long as nothing has failed, as all that is in no section of `post`."""
        return self.section in (None, "success")


def asked(condition: Expression | None) -> Asked:
    """What a condition of a stage or a step asks."""
    if condition is None:
        return Asked()
    parts = conjuncts(condition)
    about = [one for one in parts if is_status(one)]
    rest = tuple(one for one in parts if one not in about)
    if about == [Call("success")]:
        return Asked("success", rest)
    left = [one for one in about if one not in (NOT_FAILED, NOT_CANCELED, Call("success"))]
    if not left:
        relaxed = NOT_FAILED in about and NOT_CANCELED in about
        if about == [NOT_CANCELED]:
            return Asked("always", rest, (NOT_CANCELED,))
        lost = (NOT_FAILED,) if about == [NOT_FAILED] else ()
        return Asked(None, rest, lost, relaxed or bool(lost))
    if Call("always") in left or NOT_CANCELED in about:
        return _always([one for one in left if one != Call("always")], rest, about)
    if len(left) == 1 and left[0] in _SECTIONS:
        return Asked(_SECTIONS[left[0]], rest)
    if all(map(_is_groovy, left)):
        return Asked("always", (*rest, *left))
    return Asked(_near(left), rest, tuple(left))


def _is_groovy(node: Expression) -> bool:
    """Whether a script can ask it: it is about the build so far, not about single stages or steps."""
    return all(isinstance(one, Call) for one in node.walk() if _is_about(one))


def _always(left: Sequence[Expression], rest: tuple[Expression, ...], about: Sequence[Expression]) -> Asked:
    """What is executed also after a failure, unless it asks how what it needs has ended."""
    if not left:
        return Asked("always", rest, (NOT_CANCELED,) if NOT_CANCELED in about else ())
    if len(left) == 1 and left[0] in _SECTIONS:
        return Asked(_SECTIONS[left[0]], rest)
    if any(_is_good(one) for one in left):
        return Asked(None, rest, tuple(one for one in left if not _is_good(one)), relaxed=True)
    return Asked(_near(left), rest, tuple(left))


def _near(parts: Sequence[Expression]) -> str:
    """The section that comes nearest to parts of a condition."""
    words = {node.value for part in parts for node in part.walk() if isinstance(node, Literal)}
    calls = {node.name for part in parts for node in part.walk() if isinstance(node, Call)}
    failed = "failure" in words | calls
    if failed and ({"cancelled", "canceled"} & (words | calls)):
        return "unsuccessful"
    return "failure" if failed else "always"


def _is_good(node: Expression) -> bool:
    """Whether it asks that something has succeeded."""
    match node:
        case Binary("==", Access(_, Literal(str(key))), Literal("success")):
            return key in _RESULTS
    return False


def is_status(node: Expression) -> bool:
    """Whether a part of a condition is about how something ended."""
    return any(_is_about(one) for one in node.walk())


def _is_about(node: Expression) -> bool:
    match node:
        case Call(name):
            return name in _FUNCTIONS
        case Opaque():
            return node in _SECTIONS
        case Access(Access(Name("needs" | "steps" | "stages"), _), Literal(str(key))):
            return key in _RESULTS
    return False


def conjuncts(node: Expression) -> tuple[Expression, ...]:
    """The parts of a condition that must all hold."""
    return tuple(_parts(node))


def _parts(node: Expression) -> Iterator[Expression]:
    todo = [node]
    while todo:
        match todo.pop():
            case Binary("&&", left, right):
                todo += [right, left]
            case other:
                yield other


def joined(parts: Sequence[Expression]) -> Expression | None:
    """All parts as one condition; None where there are none."""
    return chained("&&", tuple(parts)) if parts else None
