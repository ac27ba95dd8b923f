"""Post in: what a stage, a block or the pipeline does at its end, in Jenkins' order of execution.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#post
"""

from __future__ import annotations

from typing import Final

from pipemgr.model.definitions import Step
from pipemgr.model.expressions import Binary, Call, Expression, Opaque

from .scope import VENDOR

TITLE: Final = "Declarative: Post Actions"
"""What Jenkins calls the stage of a pipeline's post actions."""
CLEANUP: Final = "cleanup"
ORDER: Final = (
    "always",
    "changed",
    "fixed",
    "regression",
    "aborted",
    "failure",
    "success",
    "unstable",
    "unsuccessful",
    "notBuilt",
    CLEANUP,
)
"""The conditions in the order that Jenkins goes by (BuildCondition.ordinal)."""
SUCCESS: Final = Call("success")
_KNOWN: Final[dict[str, Expression]] = {
    "always": Call("always"),
    "aborted": Call("canceled"),
    "failure": Call("failure"),
    "success": SUCCESS,
    # Not `!success()`: that also holds where something before was left out.
    "unsuccessful": Binary("||", Call("failure"), Call("canceled")),
    CLEANUP: Call("always"),
}


def condition(word: str) -> Expression:
    """When the steps of a condition are executed; what compares with earlier builds is known to Jenkins only."""
    return _KNOWN.get(word) or Opaque(VENDOR, word)


def place(word: str) -> int:
    """Where a condition stands in the order of execution."""
    return ORDER.index(word) if word in ORDER else ORDER.index(CLEANUP)


def conditioned(step: Step, word: str) -> Step:
    """A step as one of a condition's; what it says itself counts besides."""
    when = condition(word)
    if step.when is not None and step.when != when:
        when = Binary("&&", when, step.when)
    return step.model_copy(update={"when": when})
