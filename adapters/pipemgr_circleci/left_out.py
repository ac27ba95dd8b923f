"""Left out: what it means for a job that filters leave out some of those that it requires.

CircleCI ignores a required job that is left out; without any that remains, the job is left out too.
Source: https://circleci.com/docs/reference/configuration-reference/#requires
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pipemgr.model.expressions import Binary, Call, Expression, Not

from .conditions import TRUE, both, joined, simplified
from .started import flat

UNLESS_BROKEN: Final = (Not(Call("failure")), Not(Call("canceled")))
"""What holds where all needs have succeeded or were skipped, and nothing before them has failed."""


@dataclass
class LeftOut:
    """The filters of the jobs of one workflow, by stage, and what each stage requires."""

    filters: Mapping[str, Expression]
    needs: Mapping[str, tuple[str, ...]]
    _found: dict[str, Expression] = field(default_factory=dict)

    def there(self, stage: str) -> Expression:
        """The condition on which a stage is not left out."""
        if stage not in self._found:
            self._found[stage] = TRUE  # jobs that require one another in a circle never begin
            self._found[stage] = both([self.filters.get(stage, TRUE), self.some(stage)])
        return self._found[stage]

    def some(self, stage: str) -> Expression:
        """The condition on which not all that a stage requires is left out."""
        found = [self.there(need) for need in self.needs.get(stage, ())]
        own = set(flat("&&", self.filters.get(stage, TRUE)))
        if not found or any(set(flat("&&", one)) <= {*own, TRUE} for one in found):
            return TRUE
        return joined("||", dict.fromkeys(found))

    def doubtful(self, stage: str) -> tuple[str, ...]:
        """What a stage requires and may be left out while the stage itself is not."""
        own = {*flat("&&", both([self.filters.get(stage, TRUE), self.some(stage)])), TRUE}
        return tuple(
            need for need in self.needs.get(stage, ()) if not set(flat("&&", self.there(need))) <= own
        )

    def ended(self, stage: str, condition: Expression) -> Expression:
        """The condition on how the needs of a stage ended, if those that are left out do not count."""
        doubtful = self.doubtful(stage)
        if not doubtful:
            return condition
        if condition == TRUE:
            return both(UNLESS_BROKEN)
        return both(self._or_left_out(one, doubtful) for one in flat("&&", condition))

    def _or_left_out(self, node: Expression, doubtful: tuple[str, ...]) -> Expression:
        for need in doubtful:
            if f"needs.{need}.result" in str(node):
                return Binary("||", node, simplified(Not(self.there(need))))
        return node
