"""Assignments in: environment variables and the result of the build, set while it runs.

Source: https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#setting-environment-variables-dynamically
"""

from __future__ import annotations

from typing import Final

from pipemgr.model.definitions import Data
from pipemgr_jenkins.groovy import syntax
from pipemgr_jenkins.groovy.syntax import Assignment, Constant, Part

from .drafts import Draft, Place, draft
from .texts import text

NOTE: Final = "the variable is there for the steps that follow in the same stage, not in later ones"
_SHOWN: Final = frozenset({"description", "displayName", "keepLog"})
"""What only the page of a build shows."""
_VALUE: Final = "VALUE"


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
        said = text(value, place.values.scope)
        script = f'printf "%s\\n" "{name}=${_VALUE}" >> "$ENVIRONMENT"'
        return [_run(script, place, {_VALUE: said})], NOTE
    lines = f'{_VALUE}="$(\n{script}\n)"\nprintf "%s\\n" "{name}=${_VALUE}" >> "$ENVIRONMENT"'
    return [_run(lines, place, {})], NOTE


def _run(script: str, place: Place, variables: dict[str, str]) -> Draft:
    files = {"ENVIRONMENT": "${{ files.environment }}"} if "$ENVIRONMENT" in script else {}
    directory: Data = {"directory": place.directory} if place.directory else {}
    one = draft("run", {"script": script, **directory}, place.bare)
    return one.changed(variables={**variables, **files})


def output(value: Part, place: Place) -> str | None:
    """The script whose output `sh(returnStdout: true, script: '...').trim()` gives."""
    match value:
        case syntax.Call(name="trim", target=syntax.Call() as call, arguments=()):
            pass
        case _:
            return None
    given = {one.key: one.value for one in call.plain}
    flag, script = given.pop("returnStdout", None), given.pop("script", None)
    given.pop("label", None)
    if call.name != "sh" or call.target is not None or script is None or given:
        return None
    if not isinstance(flag, Constant) or flag.value is not True:
        return None
    return text(script, place.values.scope)


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
