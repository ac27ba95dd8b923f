"""Skipping: what becomes of a job when filters leave out the jobs that it requires.

CircleCI ignores a required job that is left out, and leaves out the job that requires it only if nothing else remains.
Everywhere else a stage is skipped with any of its needs, unless its condition says otherwise.
Source: https://circleci.com/docs/reference/configuration-reference/#requires
"""

from __future__ import annotations

from collections.abc import Mapping

from pipemgr.model.definitions import Stage
from pipemgr.model.expressions import Binary, Expression, Not

from .folding import FALSE, TRUE, conjuncts, fold, joined
from .jobs_plan import Plan
from .phrases import Phrases
from .requires_writer import Box, boxes, is_about_results

SKIPPED = "skipped"


class Skipping:
    """When the stages of a workflow are left out, as far as that is known before anything runs."""

    def __init__(
        self, stages: tuple[Stage, ...], conditions: Mapping[str, Expression], plan: Plan, phrases: Phrases
    ) -> None:
        self._stages = {stage.id: stage for stage in stages}
        self._conditions = conditions
        self._plan = plan
        self._phrases = phrases
        self._found: dict[str, Expression] = {}
        self._ignored: set[tuple[str, str]] = set()
        """Needs that a stage does not ask for where they are left out."""

    def when(self, stage: str) -> Expression:
        """The condition on which a stage is there at all: its own, and those of the stages it can't do without."""
        if stage not in self._found:
            self._found[stage] = TRUE  # a circle would be invalid, and is told elsewhere
            parts = [*self._before(stage), *self.added(self._stages[stage])]
            self._found[stage] = FALSE if FALSE in parts else joined(parts) or TRUE
        return self._found[stage]

    def added(self, stage: Stage) -> tuple[Expression, ...]:
        """What the stages say that this one can't do without, beyond what it says itself."""
        own = self._before(stage.id)
        box = self._box(stage)
        found = (
            part
            for need in stage.needs
            if need in self._stages and (box is None or SKIPPED not in box.get(need, ()))
            for part in conjuncts(self.when(need))
        )
        return tuple(part for part in dict.fromkeys(found) if part not in own)

    def alone(self, stage: Stage) -> Expression | None:
        """The condition on which all needs of a stage are left out and it is still executed; None for never."""
        needs = [need for need in stage.needs if need in self._stages and self.when(need) != FALSE]
        box = self._box(stage)
        if not needs or box is None or any(SKIPPED not in box.get(need, ()) for need in needs):
            return None
        if any(self.when(need) == TRUE for need in needs):
            return None
        return joined((*self._before(stage.id), *map(self._gone, needs)))

    def stripped(self, stage: Stage) -> Expression:
        """A stage's condition without `or it is left out`, which CircleCI means by itself."""
        node = self._phrases.conditions.decided(self._conditions[stage.id])
        parts = (self._stripped(stage, one) if is_about_results(one) else one for one in conjuncts(node))
        return joined(parts) or TRUE

    def _stripped(self, stage: Stage, node: Expression) -> Expression:
        left = {str(self._gone(need)): need for need in stage.needs if need in self._stages}
        kept = [one for one in _alternatives(node) if str(one) not in left]
        for one in _alternatives(node):
            if one not in kept:
                self._ignored.add((stage.id, left[str(one)]))
        return joined(kept, "||") or TRUE

    def _gone(self, need: str) -> Expression:
        """The condition on which a stage is left out."""
        return fold(Not(self.when(need)), {})

    def _before(self, stage: str) -> tuple[Expression, ...]:
        """The parts of its own condition that are known before anything runs."""
        node = self._phrases.conditions.decided(self._conditions[stage])
        tests = self._plan[stage].tests
        return tuple(one for one in conjuncts(node) if not is_about_results(one) and one not in tests)

    def _box(self, stage: Stage) -> Box | None:
        """How the needs may have ended; None where it is asked in ways that can't be told apart."""
        asked = [one for one in conjuncts(self.stripped(stage)) if is_about_results(one)]
        found = boxes(asked, stage.needs) if stage.needs else None
        if not found:
            return None
        gone = {need for need in stage.needs if (stage.id, need) in self._ignored}
        return {
            need: frozenset(word for one in found for word in one[need])
            | ({SKIPPED} if need in gone else set())
            for need in stage.needs
        }


def _alternatives(node: Expression) -> tuple[Expression, ...]:
    match node:
        case Binary("||", left, right):
            return (*_alternatives(left), *_alternatives(right))
    return (node,)
