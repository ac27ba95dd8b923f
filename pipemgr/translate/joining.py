"""Joining: stages that run one after another on one machine become one stage, which does the same steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipemgr.model.definitions import Defaults, Stage, Step
from pipemgr.model.expressions import Access, Binary, Call, Expression, Literal, Name, chained, transform

from .computed import sets
from .conditions import ALWAYS, SUCCESS, Asked, asked, asks_status, both, conjuncts
from .durations import shorter
from .rewriting import rewritten
from .shown import common_variables, in_short, seen

_STEPS: Final = Name("steps")
_RUN: Final = "run"
_POST: Final = "post"
"""The block around stages that are done when all others are."""
CHECKOUT: Final = "checkout"
_NAMES: Final = 3
_TOOLS: Final = "setup."
_STAGE_ID: Final = Access(Name("stage"), Literal("id"))


@dataclass(frozen=True)
class Member:
    """A stage on its way into another one: `gate` is what must hold for its steps, beyond what holds for all."""

    stage: Stage
    gate: tuple[Expression, ...] = ()
    first: bool = False
    """Whether it is certain to begin when the stage that it becomes part of begins."""
    mark: str | None = None
    """The id that its first step must have, because others ask by it whether it began."""
    end: str | None = None
    """The id of a step behind its own, by which others ask whether nothing had failed until then."""

    @property
    def asked(self) -> Asked:
        """What its own condition asks for."""
        return asked(self.stage.when)

    @property
    def path(self) -> str:
        """Where it stood."""
        return f"stages.{self.stage.id}"


@dataclass
class Joined:
    """The stage that took the place of several, where each of its steps stood, and what is not the same."""

    stage: Stage
    places: list[str] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    """The stages whose time limits now hold for each of their steps."""


def title(stages: Sequence[Stage]) -> str:
    """The names of several stages, as one would say them."""
    names = list(dict.fromkeys(stage.name or stage.id for stage in stages))
    if len(names) > _NAMES + 1:
        names = [*names[:_NAMES], f"{len(names) - _NAMES} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def tidies(stage: Stage) -> bool:
    """Whether it is what is done at the end, however the work went."""
    return not asked(stage.when).usual or stage.group == _POST


def joined(
    members: Sequence[Member], lead: Stage, when: Expression | None, given: Mapping[str, str]
) -> Joined:
    """One stage with the steps of all members, in order; `lead` gives it all that holds for the whole.

    `given` are the variables that the pipeline gives to all its stages.
    """
    common = common_variables([one.stage for one in members if not only_checkout(one.stage)], given)
    tools: dict[str, Step | None] = {}
    made = Joined(lead)
    known = {mark for one in members for mark in (one.mark, one.end) if mark}
    steps: list[Step] = []
    outputs: dict[str, str] = {}
    for member in members:
        one = _Inner(member, known, common, tools)
        steps += one.steps()
        made.places += one.places
        made.limits += [member.path] * one.limited
        outputs |= one.stage.outputs
    update = {"steps": tuple(steps), "variables": common, "outputs": outputs, "when": when}
    made.stage = lead.model_copy(update={**update, "timeout": None, "allow_failure": False, "defaults": None})
    return made


def only_checkout(stage: Stage) -> bool:
    """Whether it does nothing but fetch the repository."""
    return all(step.action == CHECKOUT and step.when is None for step in stage.steps)


def outcome(step: str) -> Expression:
    """How a step went."""
    return Access(Access(_STEPS, Literal(step)), Literal("outcome"))


def _is(step: str, word: str) -> Expression:
    return Binary("==", outcome(step), Literal(word))


def is_not(step: str, word: str) -> Expression:
    """Whether a step did not go so."""
    return Binary("!=", outcome(step), Literal(word))


class _Inner:
    """The steps of one member, as they stand in the stage that it became part of."""

    def __init__(
        self, member: Member, known: set[str], common: Mapping[str, str], tools: dict[str, Step | None]
    ) -> None:
        self.member = member
        self.stage = stage = _apart(member.stage, known)
        kept = [at for at, one in enumerate(stage.steps) if self._lacks(one, tools)]
        self.stage = stage.model_copy(update={"steps": tuple(stage.steps[at] for at in kept)})
        self.known = known
        self.common = common
        known.update(step.id for step in self.stage.steps if step.id)
        self.places = [f"{member.path}.steps[{at}]" for at in kept]
        self.limited = self.stage.timeout is not None and len(self.stage.steps) > 1

    def steps(self) -> list[Step]:
        steps = [self._dressed(step) for step in self.stage.steps]
        found = self._chained(steps) if self._alone else self._guarded(steps)
        if self.member.end:
            self.places.append(self.member.path)
            found.append(self._telling().model_copy(update={"id": self.member.end}))
        return found

    @property
    def _alone(self) -> bool:
        """Whether its steps go by how its own went, and not by the whole: others may have failed, or it may."""
        return not self.member.asked.usual or self.stage.allow_failure is not False

    def _lacks(self, step: Step, tools: dict[str, Step | None]) -> bool:
        """Whether a step is needed: it isn't where it provides a tool that was the last one of its kind anyway."""
        kind = step.action if step.action.startswith(_TOOLS) else sets(step)
        if kind is None:
            return True
        plain = step.when is None and step.id is None and not self._alone
        there = plain and tools.get(kind) == step
        if not there:
            tools[kind] = step if plain and not self.member.gate else None
        return not there

    # What was said of the stage --------------------------------------------------------------------------

    def _dressed(self, step: Step) -> Step:
        own = {key: one for key, one in self.stage.variables.items() if self.common.get(key) != one}
        inputs = step.inputs
        if step.action == _RUN and self.stage.defaults is not None:
            inputs = {**_inputs(self.stage.defaults), **inputs}
        return step.model_copy(
            update={
                "name": self._name(step),
                "variables": {**seen(own, step), **step.variables},
                "inputs": inputs,
                "timeout": shorter(step.timeout, self.stage.timeout),
                "allow_failure": step.allow_failure or self.stage.allow_failure,
            }
        )

    def _name(self, step: Step) -> str | None:
        """Its name with that of its stage; what tidies up at the end stands for itself."""
        if tidies(self.stage):
            return step.name
        outer = self.stage.name or self.stage.id
        if step.name:
            return step.name if step.name.startswith(outer) else f"{outer}: {step.name}"
        script = step.inputs.get("script") if step.action == _RUN else None
        if len(self.stage.steps) > 1 and script is None:
            return None
        short = in_short(script) if isinstance(script, str) and len(self.stage.steps) > 1 else ""
        return f"{outer}: {short}" if short else outer

    # When they are executed ------------------------------------------------------------------------------

    def _guarded(self, steps: list[Step]) -> list[Step]:
        """Steps that go by how the whole went: that is how the stage went, if it began at all."""
        late = any(step.when is not None and not asked(step.when).strict for step in steps)
        guard: tuple[Expression, ...] = ()
        if self.member.mark or (late and not self.member.first):
            steps = self._marked(steps)
        if late and not self.member.first:
            guard = (is_not(steps[0].id or "", "skipped"),)
        return [_when(step, guard if _is_late(step) else self.member.gate) for step in steps]

    def _marked(self, steps: list[Step]) -> list[Step]:
        """The steps, of which the first one is executed whenever the stage begins, and has an id."""
        mark = self.member.mark
        if not steps or steps[0].when is not None or (mark and steps[0].id):
            self.places.insert(0, self.member.path)
            steps = [self._telling(), *steps]
        first = steps[0].model_copy(update={"id": mark}) if mark else self._named(steps[0])
        return [first, *steps[1:]]

    def _telling(self) -> Step:
        """A step that does nothing but tell the stage's name."""
        shown = self.stage.name or self.stage.id
        quoted = shown.replace("'", "'\\''")
        return Step(action=_RUN, name=shown, inputs={"script": f"echo '{quoted}'"})

    def _named(self, step: Step) -> Step:
        if step.id:
            return step
        name = fresh(self.stage.id, self.known)
        self.known.add(name)
        return step.model_copy(update={"id": name})

    def _chained(self, steps: list[Step]) -> list[Step]:
        """Steps that go by how the stage's own steps went."""
        begun = self.member.gate or (ALWAYS,)
        strict = [not one.allow_failure and not _is_late(one) for one in self.stage.steps]
        late = not self.member.first and any(map(_is_late, steps))
        if self.member.asked.usual and (late or self.member.mark):
            count = len(steps)
            steps = self._marked(steps)
            strict = [True] * (len(steps) - count) + strict
            begun = (is_not(steps[0].id or "", "skipped"),)
        found: list[Step] = []
        counted: list[tuple[str, bool]] = []
        for at, step in enumerate(steps):
            one = self._named(step) if strict[at] and at < len(steps) - 1 else step
            found.append(self._after(one, counted, begun))
            if strict[at]:
                counted.append((one.id or "", one.when is not None))
        return found

    def _after(self, step: Step, counted: list[tuple[str, bool]], begun: tuple[Expression, ...]) -> Step:
        if not _is_late(step):
            return _when(step, (*self.member.gate, *_well(counted)))
        failed = [_is(name, "failure") for name, _ in counted]
        known = {
            Call("failure"): chained("||", failed) if failed else Literal(False),
            SUCCESS: chained("&&", _well(counted)) if counted else ALWAYS,
        }
        condition = step.when or ALWAYS
        anew = transform(condition, lambda node: known.get(node, node) if isinstance(node, Call) else node)
        return step.model_copy(update={"when": both(begun, conjuncts(anew))})


def _well(counted: list[tuple[str, bool]]) -> list[Expression]:
    """What says that all those steps went well: the last one that had to be executed did, and none failed since."""
    found: list[Expression] = []
    for name, conditional in reversed(counted):
        found.insert(0, is_not(name, "failure") if conditional else _is(name, "success"))
        if not conditional:
            break
    return found


def _is_late(step: Step) -> bool:
    """Whether it may be executed after a failure."""
    return step.when is not None and any(one != SUCCESS for one in asked(step.when).status)


def _when(step: Step, gate: tuple[Expression, ...]) -> Step:
    parts = conjuncts(step.when) if step.when is not None else ()
    if any(asks_status(one) for one in gate):
        parts = tuple(one for one in parts if one != SUCCESS)
    return step.model_copy(update={"when": both(gate, parts)})


def _inputs(defaults: Defaults) -> dict[str, str]:
    return {key: one for key, one in (("shell", defaults.shell), ("directory", defaults.directory)) if one}


def fresh(wish: str, known: set[str]) -> str:
    """A name that nobody has."""
    return next(one for one in _wishes(wish) if one not in known)


def _wishes(wish: str) -> Iterator[str]:
    yield wish
    for count in range(2, 10_000):
        yield f"{wish}-{count}"


def _apart(stage: Stage, known: set[str]) -> Stage:
    """The stage with ids of steps that nobody before has, and with what it is called by its own name."""
    names = {
        step.id: fresh(f"{stage.id}-{step.id}", known) for step in stage.steps if step.id and step.id in known
    }

    def change(node: Expression) -> Expression:
        match node:
            case Access(target, Literal(str(name))) if target == _STEPS and name in names:
                return Access(target, Literal(names[name]))
        return Literal(stage.id) if node == _STAGE_ID else node

    steps = tuple(
        step.model_copy(update={"id": names.get(step.id, step.id)}) if step.id else step
        for step in stage.steps
    )
    return rewritten(stage.model_copy(update={"steps": steps}), lambda one: transform(one, change))
