"""Handing on: values that scripts write to files become environment variables of the steps and stages that follow.

A script finds the file by a variable of the vendor that it was written for; what it has written there is read by
`readProperties` (https://www.jenkins.io/doc/pipeline/steps/pipeline-utility-steps/).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pipemgr.adapter import Fidelity, Losses
from pipemgr.model.definitions import Pipeline, Stage, Step

from .call_writer import statement
from .layout import Block, Item, Statement
from .text_writer import Texts

ENVIRONMENT, OUTPUTS, PATH, SUMMARY = "environment", "outputs", "path", "summary"
_FILE: Final = re.compile(r"\$\{\{ files\.(\w+) \}\}")
_STEP: Final = re.compile(r"\bsteps\.([\w-]+)\.outputs\.([\w-]+)")
_NEED: Final = re.compile(r"\bneeds\.([\w-]+)\.outputs\.([\w-]+)")
_SEVERAL_LINES: Final = re.compile(r"[\w.-]<<-?[\"'$\w]")
"""`NAME<<END`: a value of several lines begins."""
_LOST: Final = {
    PATH: (
        "what scripts put in front of PATH there is lost",
        "use withEnv(['PATH+NAME=folder']) around the steps",
    ),
    SUMMARY: ("Jenkins shows no page of a stage's own: what scripts write there is not shown", ""),
}


@dataclass(frozen=True)
class Handing:
    """What the scripts of one stage hand on, and what they are given."""

    stage: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    """Variables that name a file to write to, and what it is for."""
    asked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The outputs of each step that somebody asks for."""
    known: Mapping[str, str] = field(default_factory=dict)
    """Groovy for outputs, by what definitions call them."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """The variables that other stages find its outputs in, by their names."""

    def given(self, step: Step) -> Step:
        """A step whose script finds the files that it writes to."""
        used = [name for name in self.files if name in _script(step)]
        found = {name: f"${{{{ runner.temp }}}}/{self._file(step, self.files[name])}" for name in used}
        return step.model_copy(update={"variables": {**found, **step.variables}}) if found else step

    def before(self, step: Step, texts: Texts, path: str) -> tuple[Item, ...]:
        """What makes the file of a step that reads it afterwards, for a script may write nothing."""
        if not self._reads(step):
            return ()
        files = dict.fromkeys(self._file(step, purpose) for purpose in self._purposes(step))
        return tuple(
            Statement(statement("writeFile", None, {"file": _place(one, texts, path), "text": "''"}))
            for one in files
        )

    def after(self, step: Step, texts: Texts, path: str) -> tuple[Item, ...]:
        """What reads a step's file, and makes variables of what is in it."""
        found: list[Item] = []
        for purpose in self._purposes(step) if self._reads(step) else ():
            read = f"readProperties(file: {_place(self._file(step, purpose), texts, path)})"
            if purpose == ENVIRONMENT:
                found.append(Statement(f"{read}.each {{ name, value -> env[name] = value }}"))
            else:
                found.append(Statement(f"def {_local(step)} = {read}"))
                found += [
                    Statement(f"{variable(self.stage, str(step.id), name)} = {_local(step)}['{name}']")
                    for name in self.asked.get(str(step.id), ())
                ]
        return tuple(found)

    def last(self, stage: Stage, texts: Texts) -> tuple[Item, ...]:
        """What makes variables of a stage's outputs, at its end."""
        path = f"stages.{stage.id}.outputs"
        lines = [
            Statement(f"{name} = {texts.value(stage.outputs[key], f'{path}.{key}')}")
            for key, name in self.outputs.items()
        ]
        return (Block("script", tuple(lines)),) if lines else ()

    def _purposes(self, step: Step) -> list[str]:
        """What the files are for that a step writes to and that are read again."""
        used = dict.fromkeys(self.files[name] for name in self.files if name in _script(step))
        return [one for one in used if one == ENVIRONMENT or (one == OUTPUTS and str(step.id) in self.asked)]

    def _reads(self, step: Step) -> bool:
        return step.action == "run" and bool(self._purposes(step))

    def _file(self, step: Step, purpose: str) -> str:
        return f"{purpose}-{step.id}" if purpose == OUTPUTS and step.id else purpose


class Handed:
    """What the stages of a pipeline hand on to one another."""

    def __init__(self, pipeline: Pipeline, losses: Losses) -> None:
        self.losses = losses
        self._texts = {stage.id: str(stage.data()) for stage in pipeline.stages}
        self._stages = {stage.id: stage for stage in pipeline.stages}
        self._needed = {
            (need, name)
            for text in self._texts.values()
            for need, name in _NEED.findall(text)
            if need in self._stages and name in self._stages[need].outputs
        }

    def of(self, stage: Stage) -> Handing:
        """What one stage hands on, with what to tell of it."""
        files = {
            name: found[1] for name, value in stage.variables.items() if (found := _FILE.fullmatch(value))
        }
        makers = {one.id for one in stage.steps if one.id and any(name in _script(one) for name in files)}
        asked: dict[str, tuple[str, ...]] = {}
        for step, name in dict.fromkeys(_STEP.findall(self._texts[stage.id])):
            if step in makers:
                asked[step] = (*asked.get(step, ()), name)
        known = {
            f"steps.{step}.outputs.{name}": variable(stage.id, step, name)
            for step, names in asked.items()
            for name in names
        }
        known |= self.between()
        outputs = {
            name: variable(stage.id, name) for name in stage.outputs if (stage.id, name) in self._needed
        }
        self._tell(stage, files, asked)
        return Handing(stage.id, files, asked, known, outputs)

    def between(self) -> dict[str, str]:
        """Groovy for the outputs that stages ask of one another, by what definitions call them."""
        return {f"needs.{need}.outputs.{name}": variable(need, name) for need, name in sorted(self._needed)}

    def _tell(self, stage: Stage, files: Mapping[str, str], asked: Mapping[str, tuple[str, ...]]) -> None:
        path = f"stages.{stage.id}"
        for name, purpose in files.items():
            why, remedy = _LOST.get(
                purpose, ("a file of the stage's own, which is read after each script", "")
            )
            lost = Fidelity.APPROXIMATE if purpose in _LOST else Fidelity.EQUIVALENT
            self.losses.add(lost, f"{path}.variables.{name}", f"environment variable {name}", why, remedy)
        self._tell_lines(stage, files)
        if asked:
            why = "read from a file of lines NAME=value, and variables of the whole build from then on"
            for step in asked:
                self.losses.add(Fidelity.EQUIVALENT, f"{path}.steps", f"outputs of step {step}", why)
        for name in stage.outputs:
            why = (
                "a variable of the whole build once the stage has succeeded"
                if (stage.id, name) in self._needed
                else "no other stage asks for it"
            )
            self.losses.add(Fidelity.EQUIVALENT, f"{path}.outputs.{name}", f"output {name}", why)

    def _tell_lines(self, stage: Stage, files: Mapping[str, str]) -> None:
        """Say of scripts that hand on values of several lines, which are not found in a file of properties."""
        read = [name for name, purpose in files.items() if purpose in (ENVIRONMENT, OUTPUTS)]
        for at, step in enumerate(stage.steps):
            script = _script(step)
            if any(name in script for name in read) and _SEVERAL_LINES.search(script):
                path = f"stages.{stage.id}.steps[{at}].inputs.script"
                why = "what a script hands on is read as lines NAME=value: a value of several lines is not found"
                remedy = "let the script write it to a file of its own, and read that by readFile"
                self.losses.add(Fidelity.APPROXIMATE, path, "a value of several lines", why, remedy)


def variable(*words: str) -> str:
    """The environment variable of the build that holds an output, as Groovy."""
    return "env." + "_".join(re.sub(r"\W", "_", word, flags=re.ASCII).upper() for word in words)


def is_file(value: str) -> bool:
    """Whether a variable names a file to write to."""
    return _FILE.fullmatch(value) is not None


def _local(step: Step) -> str:
    return "outputs" + "".join(one.capitalize() for one in re.split(r"\W+|_", str(step.id)))


def _script(step: Step) -> str:
    return str(step.inputs.get("script", "")) if step.action == "run" else ""


def _place(name: str, texts: Texts, path: str) -> str:
    return texts.text(f"${{{{ runner.temp }}}}/{name}", path)
