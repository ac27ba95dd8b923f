"""Comparisons out: what Jenkins does not tell as a text, but by calls of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pipemgr.adapter import Fidelity
from pipemgr.model.expressions import Access, Expression, Literal, Name
from pipemgr_jenkins.groovy.quoting import quoted, value

from .terms import Terms

_STATUS: Final = Access(Name("stage"), Literal("status"))
_NUMBER: Final = Access(Name("build"), Literal("number"))
_OS: Final = Access(Name("runner"), Literal("os"))
_RESULTS: Final = ("result", "outcome", "conclusion")
_WORDS: Final = {"canceled": "canceled", "cancelled": "canceled", "failure": "failure", "success": "success"}


@dataclass(frozen=True)
class Compared:
    """A comparison in Groovy; `missing` is what it is about where Jenkins has nothing like it."""

    text: str
    missing: str = ""
    why: str = ""


def compared(operator: str, left: Expression, right: Expression, terms: Terms) -> Compared | None:
    """A comparison that Jenkins says in its own way; None for any other."""
    if isinstance(left, Literal) and not isinstance(right, Literal):
        left, right = right, left
    if not isinstance(right, Literal):
        return None
    if left == _NUMBER and isinstance(right.value, int):
        return Compared(f"currentBuild.number {operator} {value(right.value)}")
    if operator not in ("==", "!=") or not isinstance(right.value, str):
        return None
    holds = operator == "=="
    if left == _OS:
        windows = right.value.lower() == "windows"
        return Compared("!isUnix()" if windows is holds else "isUnix()")
    if left == _STATUS or _is_result(left):
        return _status(left, right.value, operator, terms)
    if left == Name("trigger"):
        return triggered(right.value, terms, holds=holds)
    return None


def _is_result(node: Expression) -> bool:
    match node:
        case Access(Access(Name("needs" | "steps" | "stages"), _), Literal(key)):
            return key in _RESULTS
    return False


def _status(left: Expression, word: str, operator: str, terms: Terms) -> Compared:
    name = _WORDS.get(word)
    if name is None:
        return Compared("", f"{left} {operator} '{word}'", "Jenkins tells only how the build went so far")
    if left != _STATUS:
        why = "Jenkins knows how the build went so far, not each stage"
        terms.lost(Fidelity.APPROXIMATE, str(left), why)
    return Compared(f"currentBuild.currentResult {operator} {quoted(terms.words.functions[name].upper())}")


def triggered(trigger: str, terms: Terms, *, holds: bool) -> Compared:
    """Whether a trigger started the build."""
    if trigger == "pull_request":
        return Compared(f"{'' if holds else '!'}env.CHANGE_ID")
    cause = terms.words.cause_class(trigger)
    if cause is None:
        return Compared("", f"trigger {trigger}", "nothing starts builds of Jenkins that way")
    return Compared(f"{'' if holds else '!'}currentBuild.getBuildCauses({quoted(cause)})")
