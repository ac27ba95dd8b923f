"""Filters: which branches and tags a job is for, as a condition or as filters of triggers.

Sources: https://circleci.com/docs/reference/configuration-reference/#jobfilters, #expression-based-job-filters
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pipemgr.adapter import Node, regex_to_globs
from pipemgr.model.expressions import Binary, Call, Expression, Literal, Name, Not

from .conditions import FALSE, TRUE, ConditionReader, joined, simplified, unanchored

BRANCH: Final = Name("branch")
TAG: Final = Name("tag")
NO_TAG: Final = Binary("==", TAG, Literal(""))
ANY_TAG: Final = Binary("!=", TAG, Literal(""))
ALL: Final = ("**",)
_ANY: Final = ".*"
_PLAIN: Final = re.compile(r"[A-Za-z0-9/_-]+")
"""A pattern that fits one text only."""


@dataclass(frozen=True)
class Names:
    """Names of branches or tags, and regular expressions between slashes; `only` counts before `ignore`."""

    only: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None

    def condition(self, subject: Expression) -> Expression:
        """What must hold for a name."""
        if self.only is not None:
            return simplified(joined("||", (_test(subject, one) for one in self.only)))
        return simplified(joined("&&", (_except(subject, one) for one in self.ignore or ())))

    def globs(self) -> tuple[str, tuple[str, ...]] | None:
        """`only` or `ignore` and globs that say the same; None where globs can't."""
        word, names = ("only", self.only) if self.only is not None else ("ignore", self.ignore or ())
        found: list[str] = []
        for name in names or ():
            globs = regex_to_globs(unanchored(name[1:-1])) if _is_regex(name) else (literal_glob(name),)
            if globs is None:
                return None
            found += globs
        return word, tuple(found)


@dataclass(frozen=True)
class Filters:
    """What a job, or a schedule, is for."""

    branches: Names | None = None
    tags: Names | None = None
    expression: Expression | None = None

    @property
    def takes_tags(self) -> bool:
        """Whether it is for any tag."""
        if self.expression is not None:
            return any(node == TAG for node in self.expression.walk())
        return self.tags is not None and self.on_tag() != FALSE

    def on_branch(self) -> Expression:
        """What must hold for a branch; without a filter, nothing."""
        return self.branches.condition(BRANCH) if self.branches is not None else TRUE

    def on_tag(self) -> Expression:
        """What must hold for a tag; without a filter it is for none."""
        return self.tags.condition(TAG) if self.tags is not None else FALSE

    def condition(self, *, tags: bool) -> Expression:
        """What must hold; `tags` says whether anything is done for tags at all."""
        if self.expression is not None:
            return self.expression
        branch, tag = self.on_branch(), self.on_tag() if tags else FALSE
        if not tags or branch == tag:
            return branch
        if branch == FALSE:
            return ANY_TAG if tag == TRUE else tag
        branch = NO_TAG if branch == TRUE else Binary("&&", NO_TAG, branch)
        if tag == TRUE:
            tag = ANY_TAG
        return branch if tag == FALSE else Binary("||", branch, tag)


class FilterReader:
    """Reads filters."""

    def __init__(self, conditions: ConditionReader) -> None:
        self.conditions = conditions

    def read(self, node: Node) -> Filters:
        """`filters` of a job in a workflow, or of a schedule."""
        node.take()
        if node.kind == "string":
            return Filters(expression=self.conditions.read(node, bare=True))
        found: dict[str, Names] = {}
        for key, one in node.items().items():
            if key in ("branches", "tags"):
                found[key] = self.names(one)
            else:
                one.take_all()
                one.problem(f"filters are `branches`, `tags` or an expression, not {key!r}")
        return Filters(found.get("branches"), found.get("tags"))

    @staticmethod
    def names(node: Node) -> Names:
        """`branches` or `tags`."""
        found: dict[str, tuple[str, ...]] = {}
        for key, one in node.items().items():
            if key in ("only", "ignore"):
                if not one.take().is_null:
                    found[key] = tuple(name.text() for name in one.one_or_many())
            else:
                one.take_all()
                one.problem(f"{node.label} takes `only` or `ignore`, not {key!r}")
        return Names(**found)


def shared(filters: Iterable[Filters]) -> dict[str, tuple[str, ...]] | None:
    """The filters of a trigger that all these share; None where they differ or globs can't say it."""
    every = list(filters)
    first = every[0] if every else Filters()
    if first == Filters() or first.expression is not None or any(one != first for one in every):
        return None
    branches = _side(first.branches, "branches") if first.branches is not None else {"branches": ALL}
    tags = _side(first.tags, "tags") if first.tags is not None else {}
    if branches is None or tags is None or not (found := {**branches, **tags}):
        return None
    return found


def _side(names: Names, side: str) -> dict[str, tuple[str, ...]] | None:
    condition = names.condition(BRANCH)
    if isinstance(condition, Literal):
        return {side: ALL} if condition.value else {}
    said = names.globs()
    if said is None:
        return None
    return {side if said[0] == "only" else f"{side}_ignore": said[1]}


def _is_regex(name: str) -> bool:
    return len(name) > 1 and name.startswith("/") and name.endswith("/")


def literal_glob(name: str) -> str:
    """A glob for one name."""
    return "".join(f"\\{one}" if one in "\\*?+[]!" else one for one in name)


def _test(subject: Expression, name: str) -> Expression:
    if not _is_regex(name):
        return Binary("==", subject, Literal(name))
    pattern = unanchored(name[1:-1].replace(r"\/", "/"))
    if _PLAIN.fullmatch(pattern):
        return Binary("==", subject, Literal(pattern))
    return TRUE if pattern == _ANY else Call("matches", (subject, Literal(pattern)))


def _except(subject: Expression, name: str) -> Expression:
    test = _test(subject, name)
    return Binary("!=", test.left, test.right) if isinstance(test, Binary) else simplified(Not(test))
