"""Status in two words: how far a thing is (state) and how it ended (result)."""

from __future__ import annotations

from enum import StrEnum

from .base import Value


class State(StrEnum):
    """How far an execution is."""

    QUEUED = "queued"
    """Known, not begun."""
    WAITING = "waiting"
    """Held back by an approval, an input or a dependency."""
    RUNNING = "running"
    """At work."""
    FINISHED = "finished"
    """Over; only now is there a result."""


class Result(StrEnum):
    """How an execution ended, from the best to the worst (the order that `worst` goes by)."""

    SUCCESS = "success"
    """All well."""
    NEUTRAL = "neutral"
    """Ended with no verdict, by choice."""
    SKIPPED = "skipped"
    """Not executed, by a condition or by an earlier failure."""
    UNSTABLE = "unstable"
    """Worked, with failed tests or warnings."""
    UNKNOWN = "unknown"
    """A word that no table knows; never counted as success."""
    CANCELED = "canceled"
    """Stopped by a person or by a newer build."""
    TIMED_OUT = "timed_out"
    """Stopped by a time limit."""
    FAILURE = "failure"
    """The work itself failed."""
    ERROR = "error"
    """Infrastructure or configuration failed, not the work."""


_RANK = {result: rank for rank, result in enumerate(Result)}
_GOOD = frozenset({Result.SUCCESS, Result.NEUTRAL, Result.SKIPPED})


class Status(Value):
    """A state, with a result exactly when finished, beside the vendor's own words.

    `raw` is the vendor's status word (or words, joined by a blank) as it came; `table` names the mapping
    table and version that translated it; `reason` is a text for people (why queued, why failed);
    `provisional` is what the result will be if nothing more happens, while still running.
    """

    state: State
    result: Result | None = None
    provisional: Result | None = None
    raw: str = ""
    reason: str = ""
    table: str = ""

    def model_post_init(self, context: object, /) -> None:
        """Refuse a result before the end, and an end without a result."""
        if (self.result is not None) != (self.state is State.FINISHED):
            raise ValueError(f"a {self.state} status {'needs a' if self.result is None else 'has no'} result")

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.state is State.FINISHED

    @property
    def good(self) -> bool:
        """Whether it finished without anything to look at; unknown is never good."""
        return self.result in _GOOD


def worst(first: Result, second: Result) -> Result:
    """The worse of two results: the only way results are folded.

    Associative, commutative and idempotent; SUCCESS is its neutral element.
    """
    return max(first, second, key=_RANK.__getitem__)
