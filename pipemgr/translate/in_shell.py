"""In shell: variables made of others that only the machine knows, set by the shell of a script.

A vendor's own expressions may only know variables that a definition sets; a shell knows all, such as HOME and PATH.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pipemgr.model.definitions import Stage, Step
from pipemgr.model.expressions import Expression, ExpressionError
from pipemgr.model.templates import template, untemplate

from .known import variable

_RUN: Final = "run"
_SHELLS: Final = frozenset({None, "bash", "sh"})
_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*")
_SPECIAL: Final = re.compile(r'([\\"$`])')

BEGIN: Final = """\
put() {
  export "$1=$2"
  printf '%s<<END_OF_VALUE\\n%s\\nEND_OF_VALUE\\n' "$1" "$2" >> "$ENVIRONMENT"
}
"""


def handing_step(values: Mapping[str, str]) -> Step:
    """A step that gives variables to all steps that follow."""
    lines: list[str] = []
    inputs: dict[str, str] = {}
    for name, text in values.items():
        said, more = in_quotes(name, text)
        lines.append(f"put {name} {said}\n")
        inputs |= more
    return Step(
        action=_RUN,
        name="Set environment variables",
        inputs={"script": BEGIN + "".join(lines), "shell": "sh"},
        variables={**inputs, "ENVIRONMENT": "${{ files.environment }}"},
    )


def exporting(step: Step, stage: Stage, others: frozenset[str]) -> Step:
    """A step whose script itself sets the variables that are made of `others`."""
    script = step.inputs.get("script") if step.action == _RUN else None
    shell = step.inputs.get("shell") or (stage.defaults.shell if stage.defaults else None)
    own = {name: text for name, text in step.variables.items() if others.intersection(_variables(text))}
    if not isinstance(script, str) or shell not in _SHELLS or not own:
        return step
    variables = {name: text for name, text in step.variables.items() if name not in own}
    lines: list[str] = []
    for name, text in own.items():
        said, more = in_quotes(name, text)
        lines.append(f"export {name}={said}\n")
        variables |= more
    first, end, rest = script.partition("\n") if script.startswith("#!") else ("", "", script)
    inputs = {**step.inputs, "script": "".join((first, end, *lines, rest))}
    return step.model_copy(update={"inputs": inputs, "variables": variables})


def in_quotes(name: str, text: str) -> tuple[str, dict[str, str]]:
    """A template between a shell's quotes, and the variables that it needs for what the shell doesn't know."""
    parts = _parts(text)
    if not any(_known(part) for part in parts):
        return f'"${name}"', {name: text}
    said, more = "", dict[str, str]()
    for part in parts:
        if isinstance(part, str):
            said += _SPECIAL.sub(r"\\\1", part)
            continue
        if not (known := _known(part)):
            known = f"{name}_{len(more) + 1}"
            more[known] = untemplate((part,))
        said += f"${{{known}}}"
    return f'"{_plainer(said)}"', more


def _plainer(text: str) -> str:
    """`$NAME` for `${NAME}` where nothing behind it could be part of the name."""
    return re.sub(r"(?<!\\)\$\{(\w+)\}(?!\w|\[)", r"$\1", text)


def _known(part: str | Expression) -> str | None:
    """The variable that a shell knows by itself, if a part is one."""
    name = None if isinstance(part, str) else variable(part)
    return name if name and _IDENTIFIER.fullmatch(name) else None


def _variables(text: str) -> list[str]:
    return [name for part in _parts(text) if (name := _known(part))]


def _parts(text: str) -> tuple[str | Expression, ...]:
    if "${{" not in text:
        return (text,)
    try:
        return template(text)
    except ExpressionError:
        return (text,)
