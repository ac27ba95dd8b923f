"""Handing on: values that only a run knows, from script to script and from job to job.

Scripts write them to files; CircleCI's bash reads `$BASH_ENV` before each script, and that makes variables of them. Jobs
hand theirs on as files of the workspace.
Source: https://circleci.com/docs/guides/security/set-environment-variable/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, Losses
from pipemgr.model.definitions import Data, Pipeline, Stage, Step

COMMAND: Final = "hand-values-on"
"""The command that each job begins with that hands values on."""
ENVIRONMENT, OUTPUTS, PATH, SUMMARY = "environment", "outputs", "path", "summary"
FOLDER: Final = "/tmp/handed-on"  # noqa: S108 - of the machine that the job runs on, which nobody else uses
OWN: Final = "/tmp/hand-on"  # noqa: S108 - as above
REPORT: Final = "/tmp/summary.md"  # noqa: S108 - as above
HIDDEN: Final = ".outputs"
"""The folder of the workspace with what jobs hand on; hidden, so that no glob over artifacts takes it for one."""
_FILE: Final = re.compile(r"\$\{\{ files\.(\w+) \}\}")
_OUTPUT: Final = re.compile(r"\bsteps\.([\w-]+)\.outputs\.([\w-]+)")
_ENDED: Final = re.compile(r"\bsteps\.([\w-]+)\.(outcome|conclusion)\b")
_TRAP: Final = re.compile(r"\btrap\b.*\bEXIT\b")
_NEEDED: Final = re.compile(r"\bneeds\.([\w-]+)\.outputs\.([\w-]+)")
_SYSTEM: Final = re.compile(r"windows", re.IGNORECASE)


def command() -> Data:
    """The command that makes each script begin with what earlier ones handed on."""
    program = (files(__package__) / "hand_on.awk").read_text(encoding="utf-8")
    script = f"""\
mkdir -p "$BASH_ENV.d" {FOLDER}/{HIDDEN}
cat > "$BASH_ENV.awk" <<'END'
{program}END
cat >> "$BASH_ENV" <<'END'
if [ -z "${{HANDED_ON-}}" ]; then
  export HANDED_ON=1 # so that what a script starts keeps its variables
  eval "$(find "$BASH_ENV.d" {FOLDER}/{HIDDEN} -type f -exec awk -f "$BASH_ENV.awk" {{}} +)"
fi
END
"""
    step: Data = {"name": "Hand on what scripts say", "command": script.replace("<<", "\\<<")}
    about = "Values that a script writes to files become variables of the scripts after it."
    return {"description": about, "steps": [{"run": step}]}


@dataclass(frozen=True)
class Handing:
    """What scripts of one job hand on, and get."""

    files: Mapping[str, str] = field(default_factory=dict)
    """Variables that name a file to write to, and what it is for."""
    steps: frozenset[str] = frozenset()
    """Steps whose outputs are asked for."""
    values: Mapping[str, str] = field(default_factory=dict)
    """The variables that hold outputs, by what definitions call these."""
    ended: frozenset[str] = frozenset()
    """Steps of which it is asked how they ended."""
    needed: bool = False
    """Whether other jobs hand values on to it."""

    @property
    def active(self) -> bool:
        """Whether there is anything to do."""
        return (
            self.needed
            or bool({ENVIRONMENT, PATH} & set(self.files.values()))
            or bool(self.steps | self.ended)
        )

    def lines(self, step: str | None, script: str, shell: str) -> list[str]:
        """What a script begins with so that it finds the files it writes to."""
        found = []
        for name, purpose in self.files.items():
            if re.search(rf"\b{name}\b", script) or (purpose == OUTPUTS and step in self.steps):
                place = self._place(step, purpose)
                found.append(f'export {name}="{place}"' if shell == "bash" else f'$env:{name} = "{place}"')
        return found if shell == "bash" else [one.replace("$BASH_ENV", "${env:BASH_ENV}") for one in found]

    @property
    def defaults(self) -> dict[str, str]:
        """What variables hold before a script has set them."""
        return {name: "skipped" if _ENDED.fullmatch(text) else "" for text, name in self.values.items()}

    def told(self, step: str | None, *, forgiven: bool) -> str:
        """What a script does at its end to tell how it ended; empty where nobody asks."""
        if step is None or step not in self.ended:
            return ""
        lines = r"outcome=%s\nconclusion=%s\n"
        end = "success" if forgiven else "$end"
        how = "end=$([ $? -eq 0 ] && echo success || echo failure)"
        return f'{how}; printf "{lines}" $end {end} >> "$BASH_ENV.d/{step_name(step)}"'

    def _place(self, step: str | None, purpose: str) -> str:
        if purpose == SUMMARY:
            return REPORT
        if purpose != OUTPUTS:
            return f"$BASH_ENV.d/{purpose}"
        return f"$BASH_ENV.d/{step_name(step)}" if step in self.steps and step else "/dev/null"


def is_file(value: str) -> bool:
    """Whether a variable names a file to write to."""
    return _FILE.fullmatch(value) is not None


def step_name(step: str) -> str:
    """What the variables of a step's outputs begin with."""
    return f"STEP_{_upper(step)}"


def _upper(text: str) -> str:
    return re.sub(r"[^A-Z0-9_]", "_", text.upper())


class Handed:
    """What the jobs of a pipeline hand on to one another."""

    def __init__(self, pipeline: Pipeline, losses: Losses) -> None:
        self.losses = losses
        stages = {stage.id: stage for stage in pipeline.stages}
        self.asked: set[tuple[str, str]] = set()
        for stage in pipeline.stages if any(one.outputs for one in pipeline.stages) else ():
            for need, name in _NEEDED.findall(str(stage.data())):
                if need in stage.needs and need in stages and name in stages[need].outputs:
                    self.asked.add((need, name))
        self._able = {one.id for one in pipeline.stages if not _SYSTEM.search(str(one.runner))}
        self.is_used = False
        """Whether any job needs the command."""

    def of(self, stage: Stage, system: str) -> Handing:
        """What one job hands on; what it can't is told."""
        named = {
            name: match[1] for name, value in stage.variables.items() if (match := _FILE.fullmatch(value))
        }
        if system == "windows":
            self._tell_windows(stage, named)
            return Handing()
        values: dict[str, str] = {}
        makers = {step.id for step in stage.steps if step.action == "run" and step.id}
        asked = _OUTPUT.findall(str(stage.data())) if OUTPUTS in named.values() else []
        for step, name in asked:
            if step in makers:
                values[f"steps.{step}.outputs.{name}"] = f"{step_name(step)}_{_upper(name)}"
        needed = [
            one for one in _NEEDED.findall(str(stage.data())) if one in self.asked and one[0] in self._able
        ]
        values |= {
            f"needs.{need}.outputs.{name}": f"NEEDS_{_upper(need)}_{_upper(name)}" for need, name in needed
        }
        steps = frozenset(step for step, _ in asked if step in makers)
        ended = _ENDED.findall(str(stage.data()))
        able = {step.id for step in stage.steps if step.id in makers and _ends_in_bash(step)}
        values |= {
            f"steps.{one}.{what}": f"{step_name(one)}_{_upper(what)}" for one, what in ended if one in able
        }
        told = frozenset(one for one, _ in ended if one in able)
        found = Handing(named, steps, dict(sorted(values.items())), told, bool(needed))
        self.is_used |= found.active
        return found

    def _tell_windows(self, stage: Stage, named: Iterable[str]) -> None:
        for name in named:
            why = "CircleCI's PowerShell reads no variables from a file before a script: nothing is handed on"
            remedy = "write the values to a file, and read that where they are needed"
            path = f"stages.{stage.id}.variables.{name}"
            self.losses.add(Fidelity.DROPPED, path, f"environment variable {name}", why, remedy)

    def taken(self, stage: Stage) -> list[str]:
        """The names of a stage's outputs that other stages ask for."""
        path = f"stages.{stage.id}.outputs"
        for name in stage.outputs:
            is_asked = (stage.id, name) in self.asked
            if is_asked and stage.id not in self._able:
                why = "a job on Windows hands no values on here"
                self.losses.add(Fidelity.DROPPED, f"{path}.{name}", f"output {name}", why, "hand on a file")
            elif is_asked:
                why = "handed on as a file of the workspace, once the job has succeeded"
                self.losses.add(Fidelity.EQUIVALENT, f"{path}.{name}", f"output {name}", why)
            else:
                why = "no other job asks for it"
                self.losses.add(Fidelity.EQUIVALENT, f"{path}.{name}", f"output {name}", why)
        return [one for one in stage.outputs if (stage.id, one) in self.asked and stage.id in self._able]


def _ends_in_bash(step: Step) -> bool:
    """Whether a script can be made to tell how it ended."""
    shell = str(step.inputs.get("shell") or "bash").split(" ")[0]
    return shell in ("bash", "sh") and not _TRAP.search(str(step.inputs.get("script", "")))


def attached() -> list[JsonValue]:
    """The step that fetches what other jobs hand on."""
    return [{"attach_workspace": {"at": FOLDER}}]


def handed(stage: Stage, values: Mapping[str, str]) -> list[JsonValue]:
    """The steps at the end of a job that hand its outputs on: each a text as a shell assigns it."""
    several = stage.matrix is not None or stage.parallelism is not None
    more = ".$CIRCLE_WORKFLOW_JOB_ID.$CIRCLE_NODE_INDEX" if several else ""
    root = f"{OWN}-{stage.id}"
    file = f"{root}/{HIDDEN}/NEEDS_{_upper(stage.id)}{more}"
    lines = [
        f'mkdir -p "{root}/{HIDDEN}"',
        "end=end-$RANDOM-$RANDOM",
        "{",
        *(f"  printf '{name}<<%s\\n%s\\n%s\\n' $end {text} $end" for name, text in values.items()),
        f'}} > "{file}"',
    ]
    script = "\n".join(lines).replace("<<%s", "\\<<%s")
    return [
        {"run": {"name": "Hand on the job's outputs", "command": script}},
        {"persist_to_workspace": {"root": root, "paths": [HIDDEN]}},
    ]


def summary(stage: Stage, handing: Handing, losses: Losses) -> list[JsonValue]:
    """The step that keeps what the job's scripts tell people."""
    name = next((one for one, purpose in handing.files.items() if purpose == SUMMARY), None)
    if name is None:
        return []
    why = "CircleCI shows no page of a job's own: kept as the artifact summary.md"
    path = f"stages.{stage.id}.variables.{name}"
    losses.add(Fidelity.APPROXIMATE, path, f"environment variable {name}", why)
    return [{"store_artifacts": {"path": REPORT, "destination": "summary.md"}}]
