"""Control: starting pipelines. Projects with opaque slugs have pipeline definitions, and one must be named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Refused

from .client import Client, part
from .settings import canonical
from .steps import Data

BRANCH: Final = "git.branch"
TAG: Final = "git.tag"
DEFINITION: Final = "pipeline.definition"
"""What a pipeline's own parameters can't be called, since their names have no dots."""
OPAQUE: Final = "circleci/"


def start(client: Client, slug: str, parameters: Mapping[str, JsonValue]) -> str:
    """Start a pipeline and give its id; `parameters` are its own, and the three words of this file."""
    place = {"branch": parameters.get(BRANCH), "tag": parameters.get(TAG)}
    where = {name: str(value) for name, value in place.items() if value}
    own = {name: value for name, value in parameters.items() if name not in (BRANCH, TAG, DEFINITION)}
    if slug.startswith(OPAQUE) or DEFINITION in parameters:
        definition = parameters.get(DEFINITION) or _definition(client, slug)
        body: Data = {"definition_id": definition, "config": where, "checkout": where, "parameters": own}
        answer = client.post(f"v2/project/{slug}/pipeline/run", body)
    else:
        answer = client.post(f"v2/project/{slug}/pipeline", {**where, "parameters": own})
    if not answer.get("id"):
        raise Refused(_nothing(answer), where=client.where, remedy="see the project's pipelines at CircleCI")
    return str(answer["id"])


def followed(row: Data) -> str | None:
    """The slug of a project that API v1.1 lists; None for what has no name."""
    host, owner, name = (row.get(key) for key in ("vcs_type", "username", "reponame"))
    if row.get("slug"):
        return _canonical(str(row["slug"]))
    return _canonical(f"{host}/{owner}/{name}") if host and owner and name else None


def _canonical(slug: str) -> str | None:
    try:
        return canonical(slug)
    except ValueError:
        return None


def _definition(client: Client, slug: str) -> str:
    """The only definition of a project. Raises `Refused` when it has several, or none."""
    project = client.one(f"v2/project/{slug}").get("id")
    found = client.all(f"v2/projects/{part(project)}/pipeline-definitions")
    if len(found) == 1:
        return str(found[0]["id"])
    names = ", ".join(f"{one.get('name')} ({one.get('id')})" for one in found) or "none"
    raise Refused(
        f"{slug} has several pipeline definitions, or none: {names}",
        where=client.where,
        remedy=f"say which one to start by the parameter {DEFINITION}",
    )


def _nothing(answer: Data) -> str:
    said = answer.get("message")
    return f"CircleCI started no pipeline{f': {said}' if said else ''}"
