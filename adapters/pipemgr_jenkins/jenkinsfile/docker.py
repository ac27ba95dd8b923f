"""Docker in: `docker.image('x').inside { }`, `docker.build('x')`, `docker.withRegistry(...) { }`.

Source: https://www.jenkins.io/doc/book/pipeline/docker/
"""

from __future__ import annotations

from pipemgr.model.definitions import Data
from pipemgr.model.expressions import Access, Literal, Name
from pipemgr.model.templates import untemplate
from pipemgr_jenkins.groovy import syntax

from .drafts import Draft, Place, draft
from .texts import text


def read(call: syntax.Call, place: Place, block: list[Draft]) -> tuple[list[Draft], str] | None:
    """The steps that do the same, and what is not the same; None for calls of other things."""
    names, given = _chain(call, place)
    match names:
        case ["withRegistry"]:
            return [*_login(given, place), *block], "the login stays until the end of the stage"
        case ["build"] | ["build", "push"]:
            pushes = [_pushed(given[0], place)] if names[1:] else []
            return [_built(given, place), *pushes], ""
        case ["image", "push"]:
            return [_pushed(":".join(given), place)], ""
        case ["image", "pull"]:
            return [_shell(f'docker pull "{given[0]}"', place)], ""
        case ["image", "inside" | "withRun"]:
            return block, f"they were executed in a container of {given[0]}, and now are where the stage is"
    return None


def _chain(call: syntax.Call, place: Place) -> tuple[list[str], list[str]]:
    """The methods called on `docker`, and the texts that they are given; nothing for calls of other things."""
    names: list[str] = []
    given: list[str] = []
    one: syntax.Part | None = call
    while isinstance(one, syntax.Call):
        plain = [text(argument.value, place.values.scope) for argument in one.plain if argument.key is None]
        names, given = [one.name, *names], [*plain, *given]
        one = one.target
    is_docker = isinstance(one, syntax.Name) and one.name == "docker"
    if not is_docker or (names[:1] != ["withRegistry"] and not given):
        return [], []
    return names, given


def _login(given: list[str], place: Place) -> list[Draft]:
    url, credential = (*given, "", "")[:2]
    if not credential:
        return []
    inputs: Data = {key: _secret(credential, key) for key in ("username", "password")}
    host = url.removeprefix("https://").removeprefix("http://").rstrip("/")
    if host:
        inputs["registry"] = host
    return [draft("container.login", inputs, place.bare)]


def _secret(credential: str, part: str) -> str:
    return untemplate((Access(Name("secrets"), Literal(f"{credential}:{part}")),))


def _built(given: list[str], place: Place) -> Draft:
    """Arguments follow the name in one text, and the folder comes last."""
    arguments = given[1] if given[1:] else "."
    return _shell(f'docker build -t "{given[0]}" {arguments}', place)


def _pushed(image: str, place: Place) -> Draft:
    return _shell(f'docker push "{image}"', place)


def _shell(script: str, place: Place) -> Draft:
    inputs: Data = {"script": script}
    if place.directory:
        inputs["directory"] = place.directory
    return draft("run", inputs, place.bare)
