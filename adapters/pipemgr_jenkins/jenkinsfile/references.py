"""References: conditions on full names of branches and tags and on events, in terms of what Jenkins knows of them.

Builds of branches and of pull requests have the same cause; only the number of a pull request tells them apart. So a push
is what no pull request, no schedule, no person and no other job has started.
"""

from __future__ import annotations

from typing import Final

from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name, Not, chained, transform

from .logic import EMPTY, negated
from .scope import NUMBER, TRIGGER

BRANCH, TAG = Name("branch"), Name("tag")
IS_DEFAULT: Final = Binary("==", Access(Name("variables"), Literal("BRANCH_IS_PRIMARY")), Literal("true"))
"""Jenkins tells it where the branch source knows: branch-api-plugin, BranchNameContributor."""
_DEFAULT: Final = {"branch", "repository.default_branch"}
OTHERS: Final = ("schedule", "manual", "upstream")
CHANGE: Final = Binary("!=", NUMBER, EMPTY)
_NOT_PUSHED: Final = chained("||", [CHANGE, *(Binary("==", TRIGGER, Literal(one)) for one in OTHERS)])
_HEADS, _TAGS = "refs/heads/", "refs/tags/"
_SUBJECTS: Final = ((_HEADS, BRANCH), (_TAGS, TAG))


def plain(node: Expression) -> Expression:
    """The same condition in terms of branch and tag."""
    return transform(node, _plain)


def pushed(node: Expression) -> Expression:
    """The other way round: what is none of all others was a push."""
    return Binary("!=", TRIGGER, Literal("push")) if node == _NOT_PUSHED else node


def _plain(node: Expression) -> Expression:
    match node:
        case Binary(("==" | "!=") as operator, left, right):
            found = _compared(left, right)
            return node if found is None else found if operator == "==" else negated(found)
        case Call("starts_with" | "contains" as name, (Name("ref"), Literal(str(text)))):
            return _begun(text, name) or node
        case Access(Access(Name("event"), Literal("parameters")), key):
            return Access(Name("parameters"), key)
    return node


def _compared(left: Expression, right: Expression) -> Expression | None:
    """What it means that a name of a reference is a text."""
    if {str(left), str(right)} == _DEFAULT:
        return IS_DEFAULT
    match left, right:
        case Name("trigger"), Literal("push"):
            return Not(_NOT_PUSHED)
        case Name("trigger"), Literal("pull_request" | "pull_request_target"):
            return CHANGE
        case (Literal(str(text)), other) | (other, Literal(str(text))):
            return _is(str(other), text)
    return None


def _is(subject: str, text: str) -> Expression | None:
    if subject == "ref_type" and text in ("tag", "branch"):
        return Binary("!=" if text == "tag" else "==", TAG, EMPTY)
    for start, name in _SUBJECTS if subject == "ref" else ():
        if text.startswith(start):
            return Binary("==", name, Literal(text.removeprefix(start)))
    return None


def _begun(text: str, name: str) -> Expression | None:
    for start, subject in _SUBJECTS:
        rest = text.removeprefix(start)
        if rest != text and rest:
            return Call(name, (subject, Literal(rest)))
        if text == start:
            on_tag = Binary("!=", TAG, EMPTY)
            return on_tag if subject == TAG else negated(on_tag)
    return None
