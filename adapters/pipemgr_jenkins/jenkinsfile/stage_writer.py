"""Stages out: one stage of the model becomes one stage of Jenkins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity
from pipemgr.model.definitions import Container, Data, Pipeline, Stage, Step
from pipemgr.model.expressions import Access, Expression, Literal, Name
from pipemgr_jenkins.groovy.quoting import quoted

from .agent_writer import AgentWriter, is_windows
from .call_writer import call
from .checkout_writer import is_plain, tell_plain
from .environment_writer import environment
from .file_writer import Files, FileWriter
from .hand_writer import Handed, is_file
from .layout import Block, Item, Statement, block
from .post_writer import guarded, post, split
from .run_writer import RunWriter
from .scope import VENDOR, hints, own
from .service_writer import beside
from .status_writer import joined
from .step_writer import QUIET, StepWriter, limit
from .text_writer import Texts, parts, shown
from .tools import TOOL

NOTHING: Final = "echo 'Nothing to do'"
_SYSTEMS: Final = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}
"""What a stage does that has no steps: Jenkins wants one."""


@dataclass(frozen=True)
class Around:
    """What blocks around a stage say already."""

    workspace: str | None = None
    container: Container | None = None
    conditions: tuple[Expression, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    tools: Data = field(default_factory=dict)
    timeout: str | None = None
    axes: tuple[str, ...] = ()
    approved: bool = False
    """Whether a block asks for the approval of its first stage."""


class StageWriter:
    """Writes stages."""

    def __init__(
        self, pipeline: Pipeline, texts: Texts, conditions: Mapping[str, tuple[Expression, ...]]
    ) -> None:
        self.pipeline = pipeline
        self.texts = texts
        self.losses = texts.losses
        self.conditions = conditions
        self.native = VENDOR in pipeline.vendor or any(VENDOR in one.vendor for one in pipeline.stages)
        """Whether it comes from Jenkins."""
        self.blocks: dict[str, Any] = own(pipeline.vendor).get("blocks") or {}  # type: ignore[assignment]
        self.files = Files(pipeline)
        self.handed = Handed(pipeline, texts.losses)
        self.agents = AgentWriter(texts)
        self.skips: set[str] = set()
        """Stages whose machine gets no source code by itself."""
        self.fetching: set[str] = set()
        """Stages that begin with a checkout which Jenkins does by itself."""

    def write(self, stage: Stage, around: Around) -> Block:
        """A stage with its sections and steps."""
        if self.texts.axes != frozenset(around.axes):
            return self.within(around.axes).write(stage, around)
        path = f"stages.{stage.id}"
        given = environment(self._variables(stage, around), self.texts, f"{path}.variables", around.axes)
        steps, after = split(self._steps(stage, given.rest), self.losses)
        writer = self.steps(stage)
        last = writer.handing.last(stage, writer.texts)
        items = (
            *self._agent(stage, around),
            *self._when(stage, around),
            *self._options(stage, around),
            *(() if around.approved else self.input(stage)),
            *self._tools(stage, around),
            *given.items,
            Block("steps", self._served(stage, (*guarded(steps, writer), *last) or (Statement(NOTHING),))),
            *post(after, writer),
        )
        if not stage.steps:
            self.losses.add(
                Fidelity.EQUIVALENT,
                f"{path}.steps",
                "a stage without steps",
                "Jenkins wants one: it prints a line",
            )
        return Block(f"stage({quoted(self.name(stage))})", items)

    def within(self, axes: Sequence[str]) -> StageWriter:
        """The same within a matrix."""
        inner = copy(self)
        inner.texts = self.texts.within(axes)
        inner.agents = AgentWriter(inner.texts)
        return inner

    def steps(self, stage: Stage) -> StepWriter:
        """What writes the steps of a stage."""
        handing = self.handed.of(stage)
        texts = self.texts.handing(handing.known).knowing(self._machine(stage))
        runs = RunWriter(texts, windows=is_windows(stage.runner) and not self.native)
        return StepWriter(texts, runs, FileWriter(texts, stage, self.files), handing)

    def _machine(self, stage: Stage) -> dict[str, str]:
        """What is known of a stage's machine before anything runs."""
        known = self.texts.words.tables.catalogue.runners.get(str(stage.runner and stage.runner.name))
        if known is None:
            return {}
        return {"runner.os": _SYSTEMS[known.os], "runner.arch": known.architecture.upper()}

    def name(self, stage: Stage) -> str:
        """The name of a stage: plain text, as Jenkins wants it."""
        text = stage.name or stage.id
        found = [shown(one) if isinstance(one, Literal) else one for one in parts(text)]
        if all(isinstance(one, str) for one in found):
            return "".join(map(str, found)) or stage.id
        why = "names of stages are plain text in a declarative pipeline"
        self.losses.add(Fidelity.APPROXIMATE, f"stages.{stage.id}.name", f"name {text}", why)
        words = "".join(one if isinstance(one, str) else _last(one) for one in found)
        return " ".join(words.split()) or stage.id

    # Sections --------------------------------------------------------------------------------------------

    def _agent(self, stage: Stage, around: Around) -> tuple[Item, ...]:
        shown = hints(stage.vendor).get("agent")
        if shown == "none":
            return () if around.workspace is None else (Statement("agent none"),)
        kept = own(stage.vendor).get("agent")
        kept = kept if isinstance(kept, dict) else {}
        inside = stage.workspace is not None and stage.workspace == around.workspace
        if inside and (stage.container == around.container or (stage.container is None and not kept)):
            return ()
        self._tell_workspace(stage, inside=inside)
        return self.agents.write(stage, kept, shown if isinstance(shown, dict) else {}, reuse=inside)

    def _tell_workspace(self, stage: Stage, *, inside: bool) -> None:
        if stage.workspace is not None and not inside:
            why = "its stages stand in no block of their own here: each gets a folder of its own"
            remedy = "stash what later stages need, or put the stages into one block"
            self.losses.add(
                Fidelity.APPROXIMATE,
                f"stages.{stage.id}.workspace",
                f"workspace {stage.workspace}",
                why,
                remedy,
            )

    def _when(self, stage: Stage, around: Around) -> tuple[Item, ...]:
        left = without(self.conditions.get(stage.id, ()), around.conditions)
        condition = joined(left)
        flags = hints(stage.vendor).get("flags")
        said = flags if isinstance(flags, dict) else {}
        if (
            not self.native
            and not said
            and _before_agent(condition)
            and (stage.workspace is None or stage.workspace != around.workspace)
        ):
            said = {"beforeAgent": True}
        known = self.texts.handing(self.handed.between())
        return self.when(condition, said, f"stages.{stage.id}.when", known)

    def when(
        self, condition: Expression | None, flags: Data, path: str, texts: Texts | None = None
    ) -> tuple[Item, ...]:
        """The section `when`."""
        if condition is None:
            return ()
        said = (Statement(f"{key} {str(value).lower()}") for key, value in flags.items())
        return block("when", (*said, *(texts or self.texts).when(condition, path)))

    def _options(self, stage: Stage, around: Around) -> tuple[Item, ...]:
        path = f"stages.{stage.id}"
        found = ["skipDefaultCheckout()"] if stage.id in self.skips else []
        if stage.timeout is not None and stage.timeout != around.timeout:
            found.append(limit(stage.timeout, self.texts, f"{path}.timeout"))
        if stage.retry:
            found.append(f"retry({stage.retry + 1})")
        if stage.concurrency is not None:
            found.append(call("lock", self.texts.text(stage.concurrency.group, f"{path}.concurrency.group")))
            if stage.concurrency.cancel_running:
                why = "a lock makes others wait, and cancels nothing"
                self.losses.add(
                    Fidelity.APPROXIMATE, f"{path}.concurrency.cancel-running", "cancelling what runs", why
                )
        found += [
            str(one)
            for kept in (own(stage.vendor), hints(stage.vendor))
            for one in listed(kept.get("options"))
        ]
        return block("options", map(Statement, found))

    def input(self, stage: Stage) -> tuple[Item, ...]:
        """The section `input`, for a stage that a person must agree to."""
        if stage.approval is None:
            return ()
        return asking(
            stage.approval.message, own(stage.vendor), hints(stage.vendor), self.texts, f"stages.{stage.id}"
        )

    def _tools(self, stage: Stage, around: Around) -> tuple[Item, ...]:
        return tools(named_tools(stage.vendor), around.tools, self.texts, f"stages.{stage.id}")

    def _variables(self, stage: Stage, around: Around) -> dict[str, str]:
        asked = self._asked(stage)
        own_ones = {
            key: value
            for key, value in stage.variables.items()
            if around.variables.get(key) != value and key not in asked
        }
        return {key: value for key, value in own_ones.items() if not is_file(value)}

    def _asked(self, stage: Stage) -> frozenset[str]:
        """The variables of a stage that inputs give: its own and those of the blocks around it."""
        found = [own(stage.vendor), *(one for path, one in self.blocks.items() if lies_in(stage.group, path))]
        cells = [one["cells"] for one in found if isinstance(one.get("cells"), dict)]
        inputs = [one["input"] for one in (*found, *cells) if isinstance(one.get("input"), dict)]
        return frozenset(name for one in inputs for name in one.get("parameters") or ())

    # Steps -----------------------------------------------------------------------------------------------

    def _steps(self, stage: Stage, rest: Mapping[str, str]) -> list[tuple[Step, str]]:
        """The steps with their paths; without a checkout that Jenkins does by itself."""
        found = self.numbered(stage)
        if stage.id in self.fetching and found and is_plain(found[0][0]):
            tell_plain(found[0][0], self.texts, found[0][1])
            found = found[1:]
        return [
            (step.model_copy(update={"variables": {**rest, **step.variables}}) if rest else step, at)
            for step, at in found
        ]

    def numbered(self, stage: Stage) -> list[tuple[Step, str]]:
        """The steps of a stage with their paths; scripts find its variables there."""
        path = f"stages.{stage.id}.steps"
        return [
            (step, f"{path}[{at}]") for at, step in enumerate(stage.steps) if TOOL not in hints(step.vendor)
        ]

    def _served(self, stage: Stage, items: Sequence[Item]) -> tuple[Item, ...]:
        """The steps beside the services of a stage, and so that its failure is none of the build."""
        found = tuple(items)
        if stage.services and not isinstance(own(stage.vendor).get("agent"), dict):
            found = beside(stage, found, self.texts)
        if stage.allow_failure:
            if stage.allow_failure is not True:
                why = "whether a stage may fail is decided before the build here: it always may"
                self.losses.add(
                    Fidelity.APPROXIMATE, f"stages.{stage.id}.allow-failure", str(stage.allow_failure), why
                )
            found = (Block(QUIET, found),)
        return found


def _before_agent(condition: Expression | None) -> bool:
    """Whether a condition can be decided before a machine is taken: it asks for no variable of the stage."""
    return condition is not None and not any(one == Name("variables") for one in condition.walk())


def without(conditions: Iterable[Expression], around: Iterable[Expression]) -> list[Expression]:
    """Conditions without those that are said around them already, each taken off once."""
    left = list(conditions)
    for one in around:
        if one in left:
            left.remove(one)
    return left


def _last(node: Expression) -> str:
    """What to show of a value in a name: what it is called."""
    match node:
        case Access(_, Literal(str(key))):
            return key
    return "..."


def lies_in(group: str | None, path: str) -> bool:
    """Whether a group is a block, or lies in it."""
    return f"{group}/".startswith(f"{path}/")


def asking(message: str, kept: Data, shown: Data, texts: Texts, path: str) -> tuple[Item, ...]:
    """The section `input`."""
    more: dict[str, Any] = {}
    for found in (kept.get("input"), shown.get("input")):
        more |= found if isinstance(found, dict) else {}
    rows = (more.pop("parameters", None) or {}).values()
    said = texts.text(message or "Go on?", f"{path}.approval.message")
    if not message:
        texts.losses.add(
            Fidelity.EQUIVALENT,
            f"{path}.approval.message",
            "an approval without a message",
            "Jenkins asks with one",
        )
    lines = [
        f"message {said}",
        *(f"{key} {texts.value(value, f'{path}.approval')}" for key, value in more.items()),
    ]
    return (
        Block("input", (*map(Statement, lines), *block("parameters", (Statement(str(one)) for one in rows)))),
    )


def named_tools(vendor: Mapping[str, Data]) -> Data:
    """All tools that a pipeline or a stage names, also those that steps stand for elsewhere."""
    found = (own(vendor).get("tools"), hints(vendor).get("tools"))
    return {name: value for one in found if isinstance(one, dict) for name, value in one.items()}


def tools(kept: Mapping[str, JsonValue], around: Data, texts: Texts, path: str) -> tuple[Item, ...]:
    """The section `tools`, without what is around."""
    left = {name: value for name, value in kept.items() if around.get(name) != value}
    return block(
        "tools",
        (
            Statement(f"{name} {texts.value(value, f'{path}.vendor.jenkins.tools.{name}')}")
            for name, value in left.items()
        ),
    )


def listed(value: JsonValue) -> list[JsonValue]:
    """A list, or an empty one for what is none."""
    return value if isinstance(value, list) else []


def inside(around: Around, **more: Any) -> Around:
    """What is around the stages of a block."""
    return replace(around, **more)
