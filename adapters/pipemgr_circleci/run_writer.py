"""Scripts out: `run` steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, StepRow, ordered, overlaid, said
from pipemgr.model.definitions import Data, Defaults, Step, seconds

from .hand_on import Handing
from .phrases import Phrases, plain
from .shell import BASH, CMD, POWERSHELL, SHELLS, shell_of
from .step_conditions import Asked
from .words import own

ORDER: Final = (
    "name",
    "shell",
    "environment",
    "working_directory",
    "background",
    "no_output_timeout",
    "when",
    "command",
)
DEFAULTS: Final = {"linux": BASH, "macos": BASH, "windows": POWERSHELL}
_INPUTS: Final = {"script", "shell", "directory"}
_PLAIN_SCRIPT: Final = re.compile(r"\s*\{0\}")


class RunWriter:
    """Writes scripts for the machines of one system."""

    def __init__(
        self, phrases: Phrases, system: str, defaults: Defaults | None = None, handing: Handing | None = None
    ) -> None:
        self.phrases = phrases
        self.losses = phrases.losses
        self.system = system
        self.defaults = defaults or Defaults()
        self.handing = handing or Handing()

    def write(self, step: Step, asks: Asked, path: str) -> JsonValue:
        """A `run` step of the model."""
        for name in step.inputs.keys() - _INPUTS:
            why = "a script has no such input"
            self.losses.add(Fidelity.DROPPED, f"{path}.inputs.{name}", f"input {name} of run", why)
        shell, kind = self._shell(step, f"{path}.inputs.shell")
        directory = step.inputs.get("directory") or self.defaults.directory
        script = self.phrases.script(plain(step.inputs.get("script", "")), f"{path}.inputs.script", kind)
        environment, exports = self._environment(step.variables, path, kind)
        lines = [
            *self._begun(step, shell),
            *self._tests(asks, kind, path),
            *self._forgiven(step, script, kind, path),
            *self._files(step, kind, path),
            *exports,
        ]
        if isinstance(directory, str) and kind == BASH and not self.phrases.is_known(directory):
            lines.append(f"cd {self.phrases.assigned(directory, f'{path}.inputs.directory')}")
            directory = None
        data = said(
            {
                "name": self.phrases.label(step.name, f"{path}.name"),
                "shell": shell,
                "environment": environment,
                "working_directory": self.phrases.field(directory, f"{path}.inputs.directory"),
                "background": step.background or None,
                "no_output_timeout": self._idle(step, path),
                "when": asks.status,
            }
        ) | {"command": "\n".join([*lines, script])}
        return _short(ordered(overlaid(data, own(step.vendor)), ORDER))

    def scripted(self, step: Step, row: StepRow, asks: Asked, path: str) -> JsonValue:
        """A script of a row that does what an action does; it finds the inputs in its environment."""
        inputs = {
            f"INPUT_{key.upper().replace('-', '_')}": plain(value) for key, value in step.inputs.items()
        }
        is_usual = row.shell == DEFAULTS[self.system] and self.defaults.shell is None
        script: Data = {"script": row.run, **said({"shell": None if is_usual else row.shell})}
        known = self.phrases.words.tables.catalogue.actions.get(step.action)
        name = step.name or (known.description.rstrip(".") if known else step.action)
        return self.write(
            step.model_copy(
                update={
                    "inputs": script,
                    "name": name,
                    "variables": {**inputs, **step.variables},
                    "vendor": {},
                }
            ),
            asks,
            path,
        )

    def _shell(self, step: Step, path: str) -> tuple[str | None, str]:
        """What to write as `shell` of a step, and the kind it is."""
        if not (shell := step.inputs.get("shell")):
            return None, self.shell(self.defaults.shell, path)[1]
        return self.shell(shell, path)

    def shell(self, shell: Any, path: str) -> tuple[str | None, str]:
        """What to write as `shell`, and the kind it is."""
        if not shell:
            return None, DEFAULTS[self.system]
        text = str(self.phrases.field(_PLAIN_SCRIPT.sub("", str(shell)), path))
        kind = shell_of(text, self.system)
        return text if "{0}" in str(shell) else SHELLS[self.system].get(text, text), kind

    def _environment(self, variables: Mapping[str, str], path: str, kind: str) -> tuple[Data, list[str]]:
        """What is known as a mapping, and the rest as lines of the script."""
        known: Data = {}
        lines: list[str] = []
        for name, value in variables.items():
            where = f"{path}.variables.{name}"
            if self.phrases.is_known(value):
                known[name] = self.phrases.field(value, where)
            elif (line := self.export(name, value, where, kind)) is not None:
                lines.append(line)
        return known, lines

    def export(self, name: str, value: str, path: str, kind: str) -> str | None:
        """The line that gives a variable its value; None where it has it already."""
        text = self.phrases.assigned(value, path, kind)
        match kind:
            case "bash":
                return None if text in (f'"${name}"', f'"${{{name}}}"') else f"export {name}={text}"
            case "powershell":
                return None if text == f'"${{env:{name}}}"' else f"$env:{name} = {text}"
            case _ if kind == CMD:
                return f"set {name}={text[1:-1]}"
        if text not in (f'"${name}"', f'"${{{name}}}"'):
            why = "CircleCI sets variables from others in shells only"
            self.losses.add(Fidelity.DROPPED, path, f"variable {name}", why, f"create {name} in CircleCI")
        return None

    def _begun(self, step: Step, shell: str | None) -> list[str]:
        """The line by which other shells than bash get what earlier scripts handed on."""
        found = shell or str(self.defaults.shell or "bash")
        is_bash = "bash" in found or shell_of(found, self.system) != BASH
        return [] if is_bash or not self.handing.active else ['. "$BASH_ENV"']

    def _files(self, step: Step, kind: str, path: str) -> list[str]:
        """The lines that tell a script which files to hand values on by."""
        found = self.handing.lines(step.id, plain(step.inputs.get("script", "")), kind)
        if not found or kind in (BASH, POWERSHELL):
            return found
        why = "scripts in this language can't be told here where to write what they hand on"
        remedy = "write the values in a script for bash"
        self.losses.add(Fidelity.DROPPED, f"{path}.inputs.script", "values handed on", why, remedy)
        return []

    def _tests(self, asks: Asked, kind: str, path: str) -> list[str]:
        if kind == BASH:
            return [f"{test} || exit 0" for test in asks.tests]
        for test in asks.tests:
            why = "the test is one of bash, and this script is none; the step is now always executed"
            self.losses.add(Fidelity.DROPPED, f"{path}.when", test, why, "test it in the script")
        return []

    def _forgiven(self, step: Step, script: str, kind: str, path: str) -> list[str]:
        """The line that lets a script end well whatever happens."""
        flag = step.allow_failure
        if isinstance(flag, str):
            flag = {"true": True, "false": False}.get(self.phrases.field(flag, f"{path}.allow-failure"), flag)
        told = self.handing.told(step.id, forgiven=flag is True) if kind == BASH else ""
        if flag is False:
            return [f"trap '{told}' EXIT"] if told else []
        if kind != BASH or re.search(r"\btrap\b.*\bEXIT\b", script):
            why = "CircleCI's steps may not fail; the job now fails with this one"
            remedy = "end the script with exit code 0"
            self.losses.add(Fidelity.DROPPED, f"{path}.allow-failure", "allow-failure", why, remedy)
            return []
        why = "CircleCI's steps may not fail: the script ends with exit code 0, so a failure shows in its log only"
        self.losses.add(Fidelity.EQUIVALENT, f"{path}.allow-failure", "allow-failure", why)
        line = f"trap '{told}; exit 0' EXIT" if told else "trap 'exit 0' EXIT"
        if flag is True:
            return [line]
        return [f'if [ "{self.phrases.field(str(flag), path)}" = "true" ]; then {line}; fi']

    def _idle(self, step: Step, path: str) -> str | None:
        """How long it may print nothing: what CircleCI has in place of a limit for the whole step."""
        length = step.idle_timeout or step.timeout
        if step.timeout is not None:
            why = "CircleCI stops a step only when it has printed nothing for so long"
            remedy = "run the command by `timeout` where the limit matters"
            self.losses.add(Fidelity.APPROXIMATE, f"{path}.timeout", f"timeout {step.timeout}", why, remedy)
        if length is None:
            return None
        if (whole := seconds(length)) is not None:
            return length if not length.endswith("d") else f"{int(whole // 3600)}h"
        return str(self.phrases.field(length, f"{path}.timeout"))


def _short(data: Data) -> JsonValue:
    return {"run": data["command"] if data.keys() == {"command"} else data}
