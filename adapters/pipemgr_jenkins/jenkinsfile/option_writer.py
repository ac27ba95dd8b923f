"""Options out: what holds for a pipeline as a whole.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#options
"""

from __future__ import annotations

from typing import Final

from pipemgr.adapter import Fidelity
from pipemgr.model.definitions import Concurrency, Flag, Pipeline
from pipemgr.model.expressions import Expression

from .call_writer import call
from .layout import Item, Statement, block
from .options import GROUP
from .scope import hints, own
from .step_writer import limit
from .text_writer import Texts, parts

_BRANCH: Final = ("branch", "ref", "pull_request")
"""What a group of builds names that goes by branches, as Jenkins' jobs do."""


def options(pipeline: Pipeline, texts: Texts, more: tuple[str, ...] = ()) -> tuple[Item, ...]:
    """The section `options`; `more` are those that the stages ask for."""
    found = [str(one) for kept in (hints, own) for one in _listed(kept(pipeline.vendor).get("options"))]
    if pipeline.timeout is not None:
        found.append(limit(pipeline.timeout, texts, "timeout"))
    if pipeline.concurrency is not None:
        found.append(_alone(pipeline.concurrency, texts))
    return block("options", map(Statement, dict.fromkeys((*found, *more))))


def _alone(concurrency: Concurrency, texts: Texts) -> str:
    """At most one build at a time."""
    if concurrency.group != GROUP:
        by_branch = any(f"{{{{ {one}" in concurrency.group for one in _BRANCH)
        why = "Jenkins lets one build of a branch go on at a time, whatever the group is called"
        fidelity = Fidelity.EQUIVALENT if by_branch else Fidelity.APPROXIMATE
        remedy = (
            ""
            if by_branch
            else "use the option lock of the plugin Lockable Resources for what branches share"
        )
        texts.losses.add(fidelity, "concurrency.group", f"group {concurrency.group}", why, remedy)
    cancel = concurrency.cancel_running
    return call("disableConcurrentBuilds", None, {"abortPrevious": _flag(cancel, texts)} if cancel else {})


def _flag(value: Flag, texts: Texts) -> str:
    """A boolean, or Groovy that gives one."""
    match parts(value) if isinstance(value, str) else ():
        case (Expression() as only,):
            return texts.condition(only, "concurrency.cancel-running")
    return "true" if value is True else "false"


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []
