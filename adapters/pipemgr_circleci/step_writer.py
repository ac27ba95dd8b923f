"""Steps out: actions of the catalogue become `run`, CircleCI's own steps and commands of orbs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, StepRow, expand, overlaid, said, to_vendor
from pipemgr.model.definitions import OPAQUE, Data, Step

from .artifact_writer import ArtifactWriter
from .cache_writer import CacheWriter
from .checkout_writer import CheckoutWriter
from .executor_writer import XCODE
from .orb_writer import OrbCalls
from .phrases import Phrases
from .places import restored
from .results_writer import write_results
from .run_writer import RunWriter
from .step_conditions import Asked, asked
from .words import VENDOR, hints, own

RUN: Final = "run"
BUILT_IN: Final = "built-in"
"""The version of rows whose call is a step of CircleCI itself."""
_NAMED: Final = (
    "restore_cache",
    "save_cache",
    "store_artifacts",
    "store_test_results",
    "persist_to_workspace",
    "attach_workspace",
)
"""Steps of CircleCI that take a name."""
_ANYWAY: Final = ("store_artifacts", "store_test_results")
"""Steps that are executed after a failure too."""


class StepWriter:
    """Writes the steps of one job, and collects the orbs that they need."""

    def __init__(self, phrases: Phrases, runs: RunWriter, artifacts: ArtifactWriter, named: OrbCalls) -> None:
        self.phrases = phrases
        self.named = named
        self.losses = phrases.losses
        self.orbs: dict[str, str] = {}
        """The orbs that the steps need, by name."""
        self.runs = runs
        self.caches = CacheWriter(phrases)
        self.special: dict[str, Callable[[Step, str], list[JsonValue]]] = {
            "artifact.download": artifacts.download,
            "artifact.upload": artifacts.upload,
            "cache": self.caches.cache,
            "cache.restore": self.caches.restore,
            "cache.save": self.caches.save,
            "checkout": CheckoutWriter(phrases).write,
            "tests.publish": partial(write_results, phrases),
        }

    def write(self, steps: tuple[Step, ...], path: str) -> list[JsonValue]:
        """The steps of a job; what a `cache` saves comes at the end."""
        found: list[tuple[JsonValue, JsonValue]] = []
        for at, step in enumerate(steps):
            found += self._step(step, f"{path}[{at}]")
        found += [(None, one) for one in self.caches.saved]
        return list(_together(found))

    def _step(self, step: Step, path: str) -> list[tuple[JsonValue, JsonValue]]:
        """What one step becomes, each with the condition that is decided before the job runs."""
        asks = asked(self.phrases, step, f"{path}.when")
        if asks is None:
            return []
        step = restored(step)
        if step.id is not None:
            why = "CircleCI's steps have no ids"
            self.losses.add(Fidelity.EQUIVALENT, f"{path}.id", f"id {step.id}", why)
        self.caches.place = asks.statement
        entries = self._action(step, asks, path)
        return [(asks.statement, one) for one in entries]

    def _action(self, step: Step, asks: Asked, path: str) -> list[JsonValue]:
        if step.action == RUN:
            return [self.runs.write(step, asks, path)]
        if step.action == OPAQUE:
            return self._opaque(step, asks, path)
        if step.action == XCODE and "macos" in self.runs.system:
            return []
        if step.action in self.special:
            entries = self.special[step.action](step, path)
        else:
            entries = self._by_row(step, asks, path)
        return [self._finished(one, step, asks, path) for one in entries]

    def _opaque(self, step: Step, asks: Asked, path: str) -> list[JsonValue]:
        value, vendor = step.inputs.get("value"), step.inputs.get("vendor")
        if vendor == VENDOR and value is not None:
            return [value]
        why = f"only {vendor} understands it"
        self.losses.add(Fidelity.DROPPED, path, "an opaque step", why, "write what it does as a script")
        return []

    def _by_row(self, step: Step, asks: Asked, path: str) -> list[JsonValue]:
        tables = self.phrases.words.tables.steps
        before = hints(step.vendor).get("call")
        known = tables.read(self.named.full(before)) if isinstance(before, str) else None
        if known is not None and known.action == step.action:
            return [self._call(step, known, path, str(before))]
        row = tables.write(step.action)
        if row is None and (lowered := tables.lowered(step.action)) is not None:
            return self._lowered(step, lowered, path)
        if row is None:
            why, remedy = (
                "no row of the tables says how CircleCI does it",
                "map it with a row, or run a script",
            )
            self.losses.add(Fidelity.DROPPED, path, f"action {step.action}", why, remedy)
            return []
        if row.note:
            self.losses.add(Fidelity.EQUIVALENT, path, f"action {step.action}", row.note)
        return (
            [self.runs.scripted(step, row, asks, path)]
            if row.run is not None
            else [self._call(step, row, path)]
        )

    def _lowered(self, step: Step, row: StepRow, path: str) -> list[JsonValue]:
        note = row.note or "written as the steps that do the same"
        self.losses.add(Fidelity.EQUIVALENT, path, f"action {step.action}", note)
        entries: list[JsonValue] = []
        for data in expand(row, step.inputs):
            inner = Step.model_validate(data)
            common = {"variables": {**step.variables, **inner.variables}, "name": inner.name or step.name}
            entries += [one for _, one in self._step(inner.model_copy(update=common), path)]
        return entries

    def _call(self, step: Step, row: StepRow, path: str, before: str | None = None) -> JsonValue:
        """A step of CircleCI, or a command of an orb, by the name it had before if it had one."""
        call = before or str(row.call)
        given: Data = {}
        for ours, value in step.inputs.items():
            theirs = row.input(ours)
            if theirs is None:
                why = f"{call} has no such input"
                self.losses.add(
                    Fidelity.DROPPED, f"{path}.inputs.{ours}", f"input {ours} of {step.action}", why
                )
                continue
            given[theirs.name] = to_vendor(self.phrases.data(value, f"{path}.inputs.{ours}"), theirs.convert)
        given |= {key: value for key, value in row.defaults.items() if key not in given}
        if row.version != BUILT_IN and before is None:
            call = self._orb(call, str(row.version))
        if call in _NAMED and step.name:
            given = {"name": self.phrases.label(step.name, f"{path}.name"), **given}
        return {call: given} if given else call

    def _orb(self, call: str, version: str) -> str:
        """The call of an orb's command by its short name; the orb is declared."""
        namespace, name, command = call.split("/", 2)
        self.orbs[name] = f"{namespace}/{name}@{version}"
        return f"{name}/{command}"

    def _finished(self, entry: JsonValue, step: Step, asks: Asked, path: str) -> JsonValue:
        """An entry with what the step says of when it is executed, and with CircleCI's own keys."""
        self._unsaid(entry, step, asks, path)
        call = next(iter(entry)) if isinstance(entry, dict) else str(entry)
        again = hints(step.vendor).get("method") if call == "checkout" else None
        kept = {**said({"method": again}), **own(step.vendor)}
        is_said = (call in _ANYWAY and asks.status == "always") or (
            call == RUN and step.action not in self.special
        )
        when = None if is_said else asks.status
        more = overlaid(said({"when": when}), kept)
        if not more:
            return entry
        inner = entry[call] if isinstance(entry, dict) else {}
        inner = {"command": inner} if call == RUN and isinstance(inner, str) else inner
        return {call: overlaid(inner, more)} if isinstance(inner, dict) else entry

    def _unsaid(self, entry: JsonValue, step: Step, asks: Asked, path: str) -> None:
        """What only `run` can say."""
        if isinstance(entry, dict) and RUN in entry and step.action not in self.special:
            return
        lost = {
            "variables": (bool(step.variables), "only run steps have environment variables of their own"),
            "timeout": (step.timeout is not None, "only run steps can be stopped"),
            "idle-timeout": (step.idle_timeout is not None, "only run steps can be stopped"),
            "background": (step.background, "only run steps run in the background"),
            "allow-failure": (bool(step.allow_failure), "the job fails when this step of CircleCI does"),
        }
        for key, (is_said, why) in lost.items():
            if is_said:
                self.losses.add(Fidelity.DROPPED, f"{path}.{key}", key, why)
        for test in asks.tests:
            why = "this step of CircleCI can't be left out while the job runs; it is now always executed"
            self.losses.add(
                Fidelity.DROPPED, f"{path}.when", test, why, "do it in a script, or without the condition"
            )


def _together(entries: Iterable[tuple[JsonValue, JsonValue]]) -> Iterable[JsonValue]:
    """The steps; neighbours with the same condition in one `when` step."""
    last: tuple[JsonValue, list[JsonValue]] | None = None
    for condition, entry in entries:
        if condition is None:
            last = None
            yield entry
        elif last is not None and last[0] == condition:
            last[1].append(entry)
        else:
            last = (condition, [entry])
            yield {"when": {"condition": condition, "steps": last[1]}}
