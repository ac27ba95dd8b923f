"""Triggers out: what starts a pipeline becomes the conditions and schedules of its workflows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from pipemgr.adapter import Fidelity, Losses, glob_to_regex, regex_fits
from pipemgr.model.definitions import Pipeline, Trigger
from pipemgr.model.expressions import Binary, Call, Expression, Literal, Name, Not

from .condition_writer import either
from .folding import FALSE, TRUE, fold, joined

BRANCH, TAG, EVENT = Name("branch"), Name("tag"), Name("trigger")
ALL: Final = "**"
CHANGES: Final = frozenset({"opened", "reopened", "synchronize"})
"""What happens to a pull request when there is something new to build."""
_WILD: Final = frozenset("*?[]+!()\\")
_PULLS: Final = (
    "CircleCI builds a branch when commits are pushed to it, with or without a pull request",
    "to build pull requests only, choose it in the project's settings (GitHub OAuth) or in the trigger (GitHub App)",
)


@dataclass(frozen=True)
class Started:
    """What starts the workflows of a pipeline."""

    when: Expression = TRUE
    """The condition that a pipeline's branch, tag and event must meet; false where only schedules start it."""
    tags: bool = False
    """Whether tags start it too."""
    crons: tuple[tuple[str, tuple[str, ...], str], ...] = ()
    """Schedules, each with the branches it builds (none: the default branch) and the model path of its trigger."""


class TriggerWriter:
    """Says what starts a pipeline in CircleCI's way."""

    def __init__(self, losses: Losses) -> None:
        self.losses = losses

    def write(self, pipeline: Pipeline) -> Started:
        """What starts the pipeline."""
        conditions: list[Expression] = []
        crons: list[tuple[str, tuple[str, ...], str]] = []
        tags = False
        by_hand = ""
        for at, trigger in enumerate(pipeline.triggers):
            path = f"triggers[{at}]"
            match trigger.event:
                case "push":
                    conditions.append(pushed(trigger))
                    tags = tags or trigger.tags is not None or trigger.branches is None
                case "schedule" if trigger.cron is not None:
                    crons.append((trigger.cron, trigger.branches or (), path))
                case "manual":
                    by_hand = path
                case _:
                    conditions += self._other(trigger, path)
        when = self._when(pipeline, conditions, by_hand=bool(by_hand), scheduled=bool(crons))
        if by_hand and conditions and _limits(when):
            why = "whoever starts a pipeline by hand chooses a branch, and the condition of the workflow holds for it too"
            remedy = 'to start it for any branch, add `or pipeline.event.name == "api"` to its `when`'
            self.losses.add(Fidelity.APPROXIMATE, by_hand, "trigger manual", why, remedy)
        return Started(when, tags and when != FALSE, tuple(crons))

    def _when(
        self, pipeline: Pipeline, conditions: list[Expression], *, by_hand: bool, scheduled: bool
    ) -> Expression:
        asked = Binary("==", EVENT, Literal("manual"))
        if conditions:
            return fold(either(conditions), {})
        if by_hand:
            return asked
        if scheduled:
            return FALSE
        what = "no trigger" if not pipeline.triggers else "no trigger that CircleCI has"
        why = "CircleCI starts a workflow at every push unless it says otherwise: this one is started by hand"
        self.losses.add(Fidelity.EQUIVALENT, "triggers", what, why)
        return asked

    def _other(self, trigger: Trigger, path: str) -> list[Expression]:
        if trigger.event == "pull_request" and self._is_change(trigger, path):
            self.losses.add(Fidelity.APPROXIMATE, path, "trigger pull_request", *_PULLS)
            return [Binary("!=", BRANCH, Literal(""))]
        if trigger.event in ("pull_request", "pull_request_target", "api"):
            why = "CircleCI has the event with its GitHub App only"
            remedy = "add a trigger for the event in the project's settings"
            self.losses.add(Fidelity.MANUAL, path, f"trigger {trigger.event}", why, remedy)
            event = "api" if trigger.event == "api" else "pull_request"
            return [Binary("==", EVENT, Literal(event))]
        why = "CircleCI has no such event"
        remedy = "start the pipeline by CircleCI's API, or by a custom webhook, when it happens"
        self.losses.add(Fidelity.DROPPED, path, f"trigger {trigger.event}", why, remedy)
        return []

    def _is_change(self, trigger: Trigger, path: str) -> bool:
        types = set(trigger.types or CHANGES)
        for other in sorted(types - CHANGES) if types & CHANGES else ():
            why = "CircleCI builds commits, not what else happens to a pull request"
            self.losses.add(
                Fidelity.DROPPED, f"{path}.types", f"type {other}", why, "use a trigger of the GitHub App"
            )
        return bool(types & CHANGES)


def _limits(node: Expression) -> bool:
    """Whether a condition holds for some branches only."""
    match node:
        case Binary("||", left, right):
            return _limits(left) and _limits(right)
    return node != TRUE and str(node) != f"{BRANCH} != ''"


def pushed(trigger: Trigger) -> Expression:
    """Which branches and tags a push trigger means."""
    branches = _named(BRANCH, trigger.branches, trigger.branches_ignore)
    tags = _named(TAG, trigger.tags, trigger.tags_ignore)
    if branches is None and tags is None:
        return TRUE
    if tags is None:
        return branches if branches is not None else TRUE
    if branches is None:
        return tags
    return either([branches, tags])


def _named(
    subject: Expression, globs: tuple[str, ...] | None, ignored: tuple[str, ...] | None
) -> Expression | None:
    """Whether a name fits one of the globs and none of those ignored; None where nothing is said of it."""
    if globs is None and ignored is None:
        return None
    found = _taken(subject, globs) if globs is not None else Binary("!=", subject, Literal(""))
    refused = [Not(_fits(subject, glob)) for glob in ignored or ()]
    return joined((found, *refused))


def _taken(subject: Expression, globs: tuple[str, ...]) -> Expression:
    """Whether a list of globs takes a name: each `!glob` takes back what those before it took."""
    found: Expression = FALSE
    for takes_back, several in groupby(globs, lambda one: one.startswith("!")):
        fitting = [_fits(subject, one.removeprefix("!")) for one in several]
        if not takes_back:
            found = either([found, *fitting])
        elif found != FALSE:
            found = joined((found, *map(Not, fitting))) or TRUE
    return found


def _fits(subject: Expression, glob: str) -> Expression:
    if glob == ALL:
        return Binary("!=", subject, Literal(""))
    if not set(glob) & _WILD:
        return Binary("==", subject, Literal(glob))
    if glob.endswith("**") and not set(glob[:-2]) & _WILD:
        return Call("starts_with", (subject, Literal(glob[:-2])))
    if glob == "*":
        return Call("matches", (subject, Literal("[^/]+")))
    pattern = glob_to_regex(glob)
    fits = Call("matches", (subject, Literal(pattern)))
    # No name is empty, but what a build has no branch or no tag for is.
    is_named = Binary("!=", subject, Literal(""))
    return fits if regex_fits("", pattern) is False else Binary("&&", is_named, fits)


def filters(names: Iterable[str]) -> list[str]:
    """Branches of a schedule: names, and globs as regular expressions between slashes."""
    return [one if _is_regex(one) or not set(one) & _WILD else f"/{glob_to_regex(one)}/" for one in names]


def _is_regex(name: str) -> bool:
    return len(name) > 1 and name.startswith("/") and name.endswith("/")


def branch_names(node: Expression) -> tuple[str, ...] | None:
    """The names of branches, and expressions between slashes, that a condition means; None where it means else."""
    match node:
        case Binary("||", left, right):
            first, second = branch_names(left), branch_names(right)
            return (*first, *second) if first and second else None
        case Binary("==", subject, Literal(str(name))) if subject == BRANCH:
            return (name,)
        case Call("matches", (subject, Literal(str(pattern)))) if subject == BRANCH:
            return (f"/{pattern}/",)
        case Call("starts_with", (subject, Literal(str(text)))) if subject == BRANCH:
            return (f"/{re.escape(text)}.*/",)
    return None
