"""Assignments in: environment variables and the result of the build, set while it runs.

Source: https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#setting-environment-variables-dynamically
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pipemgr.model.definitions import Data
from pipemgr_jenkins.groovy import syntax
from pipemgr_jenkins.groovy.parser import parse
from pipemgr_jenkins.groovy.syntax import Assignment, Constant, Part

from .drafts import Draft, Place, draft
from .scope import Scope, Words
from .texts import text

NOTE: Final = "the variable is there for the steps that follow in the same stage, not in later ones"
_SHOWN: Final = frozenset({"description", "displayName", "keepLog"})
"""What only the page of a build shows."""
_VALUE: Final = "VALUE"
_BEGIN: Final = f'{_VALUE}="$(\n'
_END: Final = '\n)"'


def read(part: Assignment, place: Place) -> tuple[list[Draft], str] | None:
    """The steps that do the same elsewhere, and what is not the same; None where nothing does."""
    match part.target:
        case syntax.Property(target=syntax.Name(name="env"), name=name) if part.operator == "=":
            return _variable(name, part.value, place)
        case syntax.Property(target=syntax.Name(name="currentBuild"), name=name):
            return _build(name, part.value, place)
    return None


def _variable(name: str, value: Part, place: Place) -> tuple[list[Draft], str]:
    script = output(value, place)
    if script is None:
        script = Output("", "", {_VALUE: text(value, place.values.scope)})
    lines = f'{script.lines}\nprintf "%s\\n" "{name}=${_VALUE}" >> "$ENVIRONMENT"'
    return [_run(lines.lstrip(), place, script.variables)], NOTE


def _run(script: str, place: Place, variables: dict[str, str]) -> Draft:
    files = {"ENVIRONMENT": "${{ files.environment }}"} if "$ENVIRONMENT" in script else {}
    directory: Data = {"directory": place.directory} if place.directory else {}
    one = draft("run", {"script": script, **directory}, place.bare)
    return one.changed(variables={**variables, **files})


@dataclass(frozen=True)
class Output:
    """A script whose variable VALUE holds what Groovy gets from a step, and the environment variables that it needs."""

    lines: str
    title: str
    variables: dict[str, str] = field(default_factory=dict)


def output(value: Part, place: Place) -> Output | None:
    """What `sh(returnStdout: true, script: '...').trim()` prints, or how `sh(returnStatus: true, ...)` ends."""
    return of_command(value, place.values.scope)


def of_command(value: Part, scope: Scope) -> Output | None:
    """What `output` is, in a scope."""
    trimmed = isinstance(value, syntax.Call) and value.name == "trim" and not value.arguments
    call = value.target if isinstance(value, syntax.Call) and trimmed else value
    if not isinstance(call, syntax.Call) or call.name != "sh" or call.target is not None:
        return None
    given = {one.key: one.value for one in call.plain}
    script, label = given.pop("script", None), given.pop("label", None)
    word, flag = given.popitem() if len(given) == 1 else (None, None)
    if script is None or not isinstance(flag, Constant) or flag.value is not True:
        return None
    said = text(script, scope)
    title = text(label or script, scope).strip().partition("\n")[0]
    if word == "returnStdout" and trimmed:
        return Output(f"{_BEGIN}{said}{_END}", title)
    if word == "returnStatus" and not trimmed:
        return Output(f'{_VALUE}=0\nsh -xe -c "$SCRIPT" || {_VALUE}=$?', title, {"SCRIPT": said})
    return None


def printed(groovy: str, words: Words) -> str | None:
    """The script whose output a Groovy expression is, as far as the expression alone tells; None for all others."""
    script = parse(groovy, "expression")
    match script.statements:
        case (syntax.Call() as call,):
            found = of_command(call, Scope(words=words, script=script))
            lines = found.lines if found is not None and not found.variables else ""
            return lines.removeprefix(_BEGIN).removesuffix(_END) if lines.startswith(_BEGIN) else None
    return None


def _build(name: str, value: Part, place: Place) -> tuple[list[Draft], str] | None:
    word = value.value if isinstance(value, Constant) else None
    if name in _SHOWN:
        return [], "only Jenkins shows it with the build"
    if name == "result" and word in ("SUCCESS", None) and isinstance(value, Constant):
        return [], "builds elsewhere succeed unless something fails"
    if name == "result" and word == "UNSTABLE":
        return [], "the build stays a success; only Jenkins knows unstable ones"
    if name == "result" and word in ("ABORTED", "NOT_BUILT"):
        return [], "a build that ends after it counts as failed elsewhere, and one that goes on as a success"
    if name == "result" and word == "FAILURE":
        return [_run("exit 1", place, {})], "the stage ends here, and on Jenkins it goes on"
    return None
