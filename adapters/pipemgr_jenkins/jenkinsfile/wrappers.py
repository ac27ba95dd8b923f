"""Wrappers in: calls with a block after them, as fields of the steps in it.

Source: https://www.jenkins.io/doc/pipeline/steps/workflow-basic-steps/
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pydantic import JsonValue

from pipemgr.adapter import Node, StepRow
from pipemgr.model.definitions import HINTS
from pipemgr_jenkins.groovy.syntax import Call, Items

from .calls import BLOCK, Given
from .credentials import bindings
from .drafts import Draft, Place, draft
from .layout import dedented

if TYPE_CHECKING:
    from .step_reader import StepReader

UNITS: Final = {"SECONDS": "s", "MINUTES": "m", "HOURS": "h", "DAYS": "d"}
"""Units of `timeout`, which counts minutes where it names none."""
_PLAIN: Final = {"buildResult": "SUCCESS", "stageResult": "UNSTABLE"}
"""What `catchError` is told where a failure is only shown; it need not be said again."""


class Wrappers:
    """Reads wrappers."""

    def __init__(self, reader: StepReader) -> None:
        self.reader = reader
        self._known: dict[str, Callable[[Given, Node, Place], list[Draft] | None]] = {
            "catchError": self._caught,
            "dir": self._directory,
            "node": self._node,
            "retry": self._retry,
            "script": self._script,
            "stage": self._stage,
            "timeout": self._timeout,
            "warnError": self._caught,
            "withCredentials": self._credentials,
            "withEnv": self._variables,
        }

    def read(self, call: Given, node: Node, place: Place) -> list[Draft]:
        """The steps of a wrapper that `WRAPPERS` names."""
        known = self._known[call.name](call, node, place)
        if known is not None:
            return _feeding(known, node, None)
        inner = self.reader.inside(node, place)
        return [self.reader.verbatim(node, place, inner, lost(call.name))]

    def head(self, node: Node) -> str:
        """The words of a call before its block."""
        part = self.reader.file.syntax(node)
        if not isinstance(part, Call) or part.block is None:
            return ""
        return dedented(self.reader.file.script.source[part.start : part.block.start].rstrip())

    def _block(self, node: Node, place: Place) -> list[Draft]:
        return self.reader.statements(node.items()["block"].entries(), place)

    # What changes nothing --------------------------------------------------------------------------------

    @staticmethod
    def changes_nothing(row: StepRow) -> bool:
        """Whether the steps in a block are all that a row says of the call, with nothing to note."""
        return row.steps == (f"${{{{ inputs.{BLOCK} }}}}",) and not row.note

    def transparent(self, node: Node, place: Place) -> list[Draft]:
        """The steps in a block, with a hint of what stood around them."""
        drafts = self._block(node, replace(place, within=(*place.within, self.head(node))))
        return _feeding(drafts, node, None)

    def _stage(self, call: Given, node: Node, place: Place) -> list[Draft] | None:
        within = (*place.within, "script", self.head(node))
        return self._block(node, replace(place, within=within)) if call.positional else None

    def _script(self, call: Given, node: Node, place: Place) -> list[Draft] | None:
        del call
        return self._block(node, replace(place, is_groovy=True))

    def _node(self, call: Given, node: Node, place: Place) -> list[Draft] | None:
        del call
        note = "they were executed on a machine of their own, and now are on the stage's"
        return [self.reader.verbatim(node, place, self.reader.inside(node, place), note)]

    # What is a field of steps --------------------------------------------------------------------------------

    def _directory(self, call: Given, node: Node, place: Place) -> list[Draft] | None:
        path = call.get("path", main=True)
        if path is None:
            return None
        drafts = self._block(node, place.inside(place.values.text(path), self.head(node)))
        return _feeding(drafts, path, "inputs.directory")

    def _variables(self, call: Given, node: Node, place: Place) -> list[Draft] | None:
        entries = call.get("overrides", main=True)
        part = self.reader.file.syntax(entries) if entries is not None else None
        if entries is None or not isinstance(part, Items):
            return None
        pairs = [(one, *place.values.text(one).partition("=")) for one in entries.entries()]
        if not all(sign for _, _, sign, _ in pairs):
            return None
        if any("+" in name or "${{" in name for _, name, _, _ in pairs):
            return self._paths([(name, value) for _, name, _, value in pairs], node, place)
        found = {name: value for _, name, _, value in pairs}
        drafts = self._block(node, place.with_variables(found))
        for entry, name, _, _ in pairs:
            drafts = _feeding(drafts, entry, f"variables.{name}")
        return drafts

    def _paths(self, pairs: list[tuple[str, str]], node: Node, place: Place) -> list[Draft] | None:
        """`PATH+NAME=folder` puts a folder before the others.

        Source: https://www.jenkins.io/doc/pipeline/steps/workflow-basic-steps/#withenv-set-environment-variables
        """
        plain = {name: value for name, value in pairs if "+" not in name}
        folders = [value for name, value in pairs if name.startswith("PATH+")]
        if len(plain) + len(folders) < len(pairs):
            return None
        script = 'printf "%s\\n" "$FOLDER" >> "$FOLDERS"'
        said = [
            draft(
                "run",
                {"script": script},
                replace(place.bare, variables={"FOLDER": folder, "FOLDERS": "${{ files.path }}"}),
                name="Extend PATH",
            )
            for folder in reversed(folders)
        ]
        inner = place.bare.with_variables(plain)
        steps = [*said, *self._block(node, inner)]
        note = "the folder stays in PATH of the steps that follow"
        return [self.reader.verbatim(node, place, steps, note)]

    def _credentials(self, call: Given, node: Node, place: Place) -> list[Draft] | None:
        entries = call.get("bindings", main=True)
        found = bindings(entries, place.values.scope) if entries is not None else None
        if found is None or entries is None:
            return None
        drafts = self._block(node, place.with_variables(found))
        return _feeding(drafts, entries, "variables")

    def _timeout(self, call: Given, node: Node, place: Place) -> list[Draft] | None:
        time = call.get("time", main=True)
        unit = call.get("unit")
        letter = UNITS.get(place.values.text(unit) if unit is not None else "MINUTES")
        activity = call.get("activity")
        if time is None or letter is None or (activity is not None and not isinstance(activity.value, bool)):
            return None
        drafts = self._block(node, place)
        field = "idle_timeout" if activity is not None and activity.value else "timeout"
        if len(drafts) != 1 or getattr(drafts[0].step, field):
            return [self.reader.verbatim(node, place, self.reader.inside(node, place), lost("timeout"))]
        length = f"{place.values.text(time)}{letter}"
        limited = drafts[0].step.data() | {field.replace("_", "-"): length}
        one = replace(drafts[0], step=type(drafts[0].step).model_validate(limited))
        return [one.fed((time, field.replace("_", "-")))]

    def _retry(self, call: Given, node: Node, place: Place) -> list[Draft] | None:
        """Tries again: a script by a loop in the shell, and other steps only on Jenkins."""
        count = call.get("count", main=True)
        inner = self.reader.inside(node, place)
        if count is None or not _one_loop(inner):
            return [self.reader.verbatim(node, place, inner, lost("retry"))]
        return [self.reader.verbatim(node, place, [_looped(inner, place.values.text(count))])]

    def _caught(self, call: Given, node: Node, place: Place) -> list[Draft] | None:
        drafts = self._block(node, place)
        if len(drafts) != 1 or drafts[0].step.allow_failure or drafts[0].is_opaque:
            inner = self.reader.inside(node, place)
            steps = [one.changed(allow_failure=True) for one in inner]
            note = "after a failure the rest of the block is executed too, and the build's result stays a success"
            return [self.reader.verbatim(node, place, steps, note)]
        one = drafts[0].changed(allow_failure=True)
        results = {key: found.value for key, found in call.named.items()}
        if results == _PLAIN:
            return [one]
        path = (HINTS, "catch") if results.get("buildResult") == "SUCCESS" else ("catch",)
        return [one.kept(self.head(node), *path)]


def lost(name: str) -> str:
    """What is said of steps that were in a block which others do not have."""
    return _LOST.get(name, f"what {name} does around them is lost")


_LOST: Final = {
    "retry": "nothing is tried again after a failure",
    "timeout": "the time limit for all of them together is lost",
}


def _one_loop(drafts: list[Draft]) -> bool:
    """Whether these are scripts that one loop of a shell can execute again, one after another."""
    steps = [one.step for one in drafts]
    alike = {(one.inputs.get("directory"), str(one.when), one.allow_failure) for one in steps}
    if len(alike) != 1 or any(one.action != "run" or one.vendor for one in steps):
        return False
    plain = all(set(one.inputs) <= {"script", "shell", "directory"} for one in steps)
    return len(steps) == 1 or (plain and all(one.variables == steps[0].variables for one in steps))


def _looped(drafts: list[Draft], count: str) -> Draft:
    """Scripts that are executed again after a failure; each in a shell of its own, for failures to end it."""
    variables: dict[str, str] = {}
    calls: list[str] = []
    for at, one in enumerate(drafts, 1):
        name = "SCRIPT" if len(drafts) == 1 else f"SCRIPT_{at}"
        shell = str(one.step.inputs.get("shell") or "sh -xe {0}").removesuffix(" {0}")
        variables |= {**one.step.variables, name: str(one.step.inputs.get("script"))}
        calls.append(f'{shell} -c "${name}" && ')
    script = f"for attempt in $(seq {count}); do\n  {''.join(calls)}exit 0\ndone\nexit 1"
    first = drafts[0]
    inputs: dict[str, JsonValue] = {**first.step.inputs, "script": script}
    inputs.pop("shell", None)
    title = first.step.name or str(first.step.inputs.get("script")).strip().partition("\n")[0]
    more = "" if len(drafts) == 1 else " and more"
    return first.changed(inputs=inputs, variables=variables, name=f"{title}{more} (up to {count} times)")


def _feeding(drafts: list[Draft], node: Node, field: str | None) -> list[Draft]:
    """The same, where the first step says that a node became its field."""
    return [drafts[0].fed((node, field)), *drafts[1:]] if drafts else drafts


WRAPPERS: Final = frozenset(
    {
        "catchError",
        "dir",
        "node",
        "retry",
        "script",
        "stage",
        "timeout",
        "warnError",
        "withCredentials",
        "withEnv",
    }
)
"""Wrappers whose meaning is more than steps around other steps."""
