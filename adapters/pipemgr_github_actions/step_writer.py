"""Steps out: actions of the catalogue become `run` and `uses`."""

from __future__ import annotations

import re
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, StepRow, ordered, overlaid, said, to_vendor
from pipemgr.model.definitions import OPAQUE, Data, Step

from .background import PARALLEL, STOP, WAIT, WAIT_ALL, group_size, member, named
from .phrases import Phrases
from .shells import to_github
from .steps import RUN, RUN_INPUTS
from .words import VENDOR, Words, hints, own

RESTORE: Final = "cache.restore"
REPORTS: Final = "tests.publish"
FOLDER: Final = re.compile(r"(?![!-])[\w./~@ -]*(?<!\.xml)", re.IGNORECASE)
"""A path that is no glob, no template and no report."""
STEP_ORDER: Final = (
    "name",
    "id",
    "if",
    "uses",
    "with",
    "run",
    "parallel",
    "wait",
    "wait-all",
    "cancel",
    "background",
    "shell",
    "working-directory",
    "continue-on-error",
    "timeout-minutes",
    "env",
)
_SECRET: Final = re.compile(r"secrets\.(\w+)")


class StepWriter:
    """Writes steps."""

    def __init__(self, phrases: Phrases, words: Words) -> None:
        self.phrases = phrases
        self.words = words

    def write(self, steps: tuple[Step, ...], path: str) -> list[JsonValue]:
        """The steps of a job, without those that GitHub can't do, which are noted."""
        written: list[tuple[Step, Data]] = []
        for at, step in enumerate(steps):
            data = self._step(step, f"{path}[{at}]")
            if data is None:
                continue
            if size := group_size(step, [one for one, _ in written]):
                group: list[JsonValue] = [member(one, of) for of, one in written[-size:]]
                name = {key: value for key, value in data.items() if key == "name"}
                written[-size:] = [(step, {**name, PARALLEL: group})]
            else:
                written += [(step, one) for one in _one_each(data)]
        return [data for _, data in written]

    def _step(self, step: Step, path: str) -> Data | None:
        action = self._action(step, path)
        if action is None:
            return None
        if step.action not in (WAIT, STOP) and step.background:
            action = {**action, "background": True}
        data = action | said(
            {
                "name": self.phrases.text(step.name, f"{path}.name"),
                "id": step.id,
                "if": self.phrases.condition(step.when, f"{path}.when"),
                "continue-on-error": self.phrases.text(step.allow_failure, f"{path}.allow-failure") or None,
                "timeout-minutes": self.phrases.minutes(step.timeout, f"{path}.timeout"),
                "env": {**action.get("env", {}), **self.phrases.table(step.variables, f"{path}.variables")},  # type: ignore[dict-item]
            }
        )
        return ordered(overlaid(data, own(step.vendor)), STEP_ORDER)

    def _action(self, step: Step, path: str) -> Data | None:
        if step.action == RUN:
            return self._run(step, path)
        if step.action == OPAQUE:
            return self._opaque(step, path)
        if step.action in (WAIT, STOP):
            return self._control(step, path)
        uses, row = self._row(step)
        if row is None:
            why = f"no row of the tables says how {self.words.target} does it"
            self.phrases.losses.add(
                Fidelity.DROPPED, path, f"action {step.action}", why, "map it with a row, or run a script"
            )
            return None
        if row.note:
            self.phrases.losses.add(Fidelity.EQUIVALENT, path, f"action {step.action}", row.note)
        return self._script(step, row, path) if row.run is not None else self._call(step, uses, row, path)

    def _row(self, step: Step) -> tuple[str, StepRow | None]:
        """What to call: the author's own pin of the action, or else the row's."""
        pinned = hints(step.vendor).get("uses")
        if isinstance(pinned, str):
            row = self.words.steps.read(pinned.partition("@")[0])
            if row is not None and row.action == step.action:
                return pinned, row
        row = self.words.steps.write(step.action)
        return (f"{row.call}@{row.version}" if row else ""), row

    def _run(self, step: Step, path: str) -> Data:
        known = {ours: theirs for theirs, ours in RUN_INPUTS.items()}
        self._report(step, set(known), path)
        given = {
            known[ours]: self.phrases.text(value, f"{path}.inputs.{ours}")
            for ours, value in step.inputs.items()
            if ours in known
        }
        return {**given, **({"shell": to_github(str(given["shell"]))} if "shell" in given else {})}

    def _control(self, step: Step, path: str) -> Data | None:
        """A step that waits for steps in the background, or stops them."""
        self._report(step, {"steps"}, path)
        given, ids = step.inputs.get("steps"), named(step)
        several: JsonValue = given if isinstance(given, list) or len(ids) == 1 else [*ids]
        if step.action == STOP:
            return {"cancel": several or ""}
        return {WAIT: several} if several else {WAIT_ALL: hints(step.vendor).get(WAIT_ALL)}

    def _opaque(self, step: Step, path: str) -> Data | None:
        value, vendor = step.inputs.get("value"), step.inputs.get("vendor")
        if vendor == VENDOR and isinstance(value, dict):
            return value
        self.phrases.losses.add(Fidelity.DROPPED, path, "an opaque step", f"only {vendor} understands it")
        return None

    def _call(self, step: Step, uses: str, row: StepRow, path: str) -> Data:
        self._report(step, set(row.inputs), path)
        given: Data = {}
        if step.action == RESTORE and "path" not in step.inputs:
            why = "GitHub wants to be told which paths the entry holds"
            remedy = "name the paths that the step which saves it names"
            self.phrases.losses.add(Fidelity.MANUAL, f"{path}.inputs", "path of cache.restore", why, remedy)
        if step.action == REPORTS and "uses" not in hints(step.vendor):
            step = self._report_files(step, path)
        for ours, value in step.inputs.items():
            theirs = row.input(ours)
            if theirs is not None and not (ours == row.reference and uses == f"{row.call}@{value}"):
                written = to_vendor(self.phrases.data(value, f"{path}.inputs.{ours}"), theirs.convert)
                given[theirs.name] = _plain(written) if isinstance(written, list) else written
        needed = {} if hints(step.vendor).get("uses") == uses else row.defaults
        more = {key: value for key, value in needed.items() if key not in given}
        for name in _SECRET.findall(str(more)):
            why, remedy = f"{uses} needs it", f"create the secret {name} in GitHub Actions"
            self.phrases.losses.add(Fidelity.MANUAL, path, f"secret {name}", why, remedy, kind="secret")
        return said({"uses": uses, "with": {**given, **more}})

    def _report_files(self, step: Step, path: str) -> Step:
        """Reports by globs of their files, where the step names folders (or a folder)."""
        given = step.inputs.get("path")
        lines = given.splitlines() if isinstance(given, str) else given if isinstance(given, list) else []
        folders = [line for line in lines if isinstance(line, str) and FOLDER.fullmatch(line)]
        if not folders:
            return step
        why = f"the action wants files: the reports in {', '.join(map(str, folders))}"
        self.phrases.losses.add(Fidelity.EQUIVALENT, f"{path}.inputs.path", "a folder of test reports", why)
        files = "\n".join(
            f"{line}/**/*.xml".replace("//", "/") if line in folders else str(line) for line in lines
        )
        return step.model_copy(update={"inputs": {**step.inputs, "path": files}})

    def _script(self, step: Step, row: StepRow, path: str) -> Data:
        """A script that does what the action does; it finds the inputs in its environment."""
        inputs = {
            f"INPUT_{key.upper().replace('-', '_')}": (key, value) for key, value in step.inputs.items()
        }
        env: Data = {
            name: _plain(self.phrases.data(value, f"{path}.inputs.{key}"))
            for name, (key, value) in inputs.items()
        }
        return said({"run": row.run, "shell": row.shell, "env": env})

    def _report(self, step: Step, known: set[str], path: str) -> None:
        for name in step.inputs:
            if name not in known:
                where = f"{path}.inputs.{name}"
                why = f"the action has no such input in {self.words.target}"
                self.phrases.losses.add(Fidelity.DROPPED, where, f"input {name} of {step.action}", why)


def _one_each(data: Data) -> list[Data]:
    """The step, once for each of the steps that it cancels: GitHub takes one at a time."""
    targets = data.get("cancel")
    return [{**data, "cancel": one} for one in targets] if isinstance(targets, list) else [data]


def _plain(value: JsonValue) -> str:
    """A value as an environment variable holds it; lists one entry a line."""
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return "\n".join(map(_plain, value))
        case None:
            return ""
    return str(value)
