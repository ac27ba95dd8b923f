"""What a pipeline would do: which stages would run, and how they would end, in made-up situations.

Two pipelines whose graph, triggers and conditions mean the same behave alike in every situation, however each says
it. What a situation does not tell (a parameter, a variable) has any one value, the same for both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from pipemgr.model.definitions import Pipeline, Stage, Trigger
from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name, Not
from pipemgr.translate.patterns import globs_to_regex

STATUS = frozenset({"always", "success", "failure", "canceled"})
NAMES = ("main", "master", "develop", "feature/x", "release/1.0", "gh-pages")
TAGS = ("v1.2.3", "1.2.3", "nightly")
_WORD = re.compile(r"[A-Za-z0-9._/-]+")


@dataclass(frozen=True)
class Situation:
    """Something happens: an event on a branch or tag, and some stages are going to fail."""

    event: str
    branch: str = "main"
    tag: str = ""
    cron: str = ""
    fails: frozenset[str] = frozenset()

    def value(self, path: str) -> Any:
        """What a context holds; raises `KeyError` where the situation does not tell."""
        pull = self.event == "pull_request"
        known: dict[str, Any] = {
            "trigger": self.event,
            "branch": self.tag or self.branch,
            "tag": self.tag,
            "schedule": self.cron,
            "ref": f"refs/tags/{self.tag}" if self.tag else f"refs/heads/{self.branch}",
            "event.payload.ref": f"refs/tags/{self.tag}" if self.tag else f"refs/heads/{self.branch}",
            "ref_type": "tag" if self.tag else "branch",
            "pull_request.number": "1" if pull else "",
            "pull_request.source": "feature/x" if pull else "",
            "pull_request.target": self.branch if pull else "",
        }
        return known[path]


def situations(*pipelines: Pipeline) -> Iterator[Situation]:
    """Situations in which these pipelines may behave differently."""
    branches = sorted({*NAMES, *(name for one in pipelines for name in _compared(one))})
    for event in ("push", "pull_request", "manual"):
        yield from (Situation(event, branch) for branch in branches)
    yield from (Situation("push", tag=tag) for tag in TAGS)
    crons = {one.cron for pipeline in pipelines for one in pipeline.triggers if one.cron}
    yield from (Situation("schedule", cron=cron) for cron in sorted(crons))
    events = {one.event for pipeline in pipelines for one in pipeline.triggers}
    yield from (Situation(event) for event in sorted(events - {"push", "pull_request", "manual", "schedule"}))
    needed = sorted({need for stage in pipelines[0].stages for need in stage.needs})
    yield from (Situation("push", fails=frozenset({need})) for need in needed)


def _compared(pipeline: Pipeline) -> Iterator[str]:
    """Names that a filter or condition speaks of; examples of what its globs take."""
    for trigger in pipeline.triggers:
        globs = (*(trigger.branches or ()), *(trigger.branches_ignore or ()))
        yield from (re.sub(r"\*+", "x", glob.strip("!")) for glob in globs)
    for stage in pipeline.stages:
        for node in stage.when.walk() if stage.when is not None else ():
            if isinstance(node, Literal) and isinstance(node.value, str) and _WORD.fullmatch(node.value):
                yield node.value.removeprefix("refs/heads/")


def fires(pipeline: Pipeline, situation: Situation) -> bool:
    """Whether any trigger of the pipeline counts the situation."""
    return any(_fires(trigger, situation) for trigger in pipeline.triggers)


def _fires(trigger: Trigger, situation: Situation) -> bool:
    if trigger.event != situation.event:
        return False
    if trigger.event == "schedule":
        return trigger.cron == situation.cron
    if trigger.event not in ("push", "pull_request"):
        return True
    name = situation.value("pull_request.target") or situation.branch
    if situation.tag:
        return _passes(
            situation.tag, trigger.tags, trigger.tags_ignore, trigger.branches or trigger.branches_ignore
        )
    return _passes(name, trigger.branches, trigger.branches_ignore, trigger.tags or trigger.tags_ignore)


def _passes(name: str, wanted: Any, ignored: Any, others: Any) -> bool:
    if wanted is not None:
        return re.fullmatch(globs_to_regex(wanted), name) is not None
    if ignored is not None:
        return re.fullmatch(globs_to_regex(ignored), name) is None
    return not others


def behaviour(pipeline: Pipeline, situation: Situation) -> dict[str, str]:
    """How each stage ends, by its id: success, failure or skipped. Empty where nothing fires."""
    if not fires(pipeline, situation):
        return {}
    stages = {stage.id: stage for stage in pipeline.stages}
    usual = {
        f"parameters.{name}": one.default
        for name, one in pipeline.parameters.items()
        if one.default is not None
    }
    results: dict[str, str] = {}

    def result(name: str) -> str:
        if name not in results:
            before = {need: result(need) for need in stages[name].needs if need in stages}
            if (
                _calls(stages[name]) & STATUS
            ):  # what only a failure starts does not count where there was none
                before = {
                    need: end
                    for need, end in before.items()
                    if end != "skipped" or not _calls(stages[need]) & {"failure", "canceled"}
                }
            results[name] = _result(stages[name], _Evaluation(situation, before, usual))
        return results[name]

    return {name: result(name) for name in stages}


def _calls(stage: Stage) -> set[str]:
    """The functions that a stage's condition asks."""
    return {node.name for node in stage.when.walk() if isinstance(node, Call)} if stage.when else set()


def _result(stage: Stage, evaluation: _Evaluation) -> str:
    when = stage.when
    holds = when is None or bool(evaluation.value(when))
    if not _calls(stage) & STATUS:
        holds = holds and all(result == "success" for result in evaluation.before.values())
    if not holds:
        return "skipped"
    return "failure" if stage.id in evaluation.situation.fails else "success"


class _Evaluation:
    """The value of an expression in a situation; what nobody knows is decided by its text."""

    def __init__(self, situation: Situation, before: dict[str, str], usual: Mapping[str, Any]) -> None:
        self.situation = situation
        self.before = before
        self.usual = usual
        """Parameters that nobody gives, by their paths."""

    def value(self, node: Expression) -> Any:
        match node:
            case Literal(value):
                return value
            case Not(operand):
                return not self.value(operand)
            case Binary("&&", left, right):
                return self.value(left) and self.value(right)
            case Binary("||", left, right):
                return self.value(left) or self.value(right)
            case Binary("==" | "!=" as operator, left, right):
                return (_plain(self.value(left)) == _plain(self.value(right))) == (operator == "==")
            case Call(name, arguments):
                return self._call(name, arguments, node)
            case Name() | Access():
                return self._context(str(node))
        return _anything(str(node))

    def _context(self, path: str) -> Any:
        for need, result in self.before.items():
            if path in (f"needs.{need}.result", f"needs['{need}'].result"):
                return result
        if path in self.usual:
            return self.usual[path]
        try:
            return self.situation.value(path)
        except KeyError:
            return _anything(path)

    def _call(self, name: str, arguments: tuple[Expression, ...], node: Expression) -> Any:
        values = [self.value(one) for one in arguments]
        texts = [_plain(value) for value in values]
        results = self.before.values()
        known: dict[str, Callable[[], bool]] = {
            "always": lambda: True,
            "canceled": lambda: False,
            "success": lambda: all(result == "success" for result in results),
            "failure": lambda: "failure" in results,
            "starts_with": lambda: texts[0].startswith(texts[1]),
            "ends_with": lambda: texts[0].endswith(texts[1]),
            "contains": lambda: texts[1] in texts[0],
            "matches": lambda: re.fullmatch(str(values[1]), str(values[0])) is not None,
        }
        return known[name]() if name in known else _anything(str(node))


def _plain(value: Any) -> str:
    """A value as it is compared: upper and lower case are the same."""
    return "" if value is None else str(value).lower()


def _anything(text: str) -> str:
    """Some value for what is unknown, always the same for a text; every other one counts as false."""
    return text if crc32(text.encode()) % 2 else ""
