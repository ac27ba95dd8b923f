"""Pods: what the YAML of a Kubernetes agent says of containers.

Source: https://plugins.jenkins.io/kubernetes/ (Declarative Pipeline, default container, tool containers)
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pipemgr.adapter import ParseError, compose
from pipemgr.model.definitions import Container

AGENT: Final = "jnlp"
"""The container that talks to Jenkins; every pod has it, said or not."""
_IDLE: Final = ("cat", "sleep", "tail")
"""What a container runs that only waits for steps (`container('x') { ... }`): it serves nothing."""


@dataclass(frozen=True)
class Pod:
    """The container that steps run in, and those that serve beside it."""

    container: Container | None = None
    services: Mapping[str, Container] = field(default_factory=dict)


def pod(text: str, default: str | None) -> Pod:
    """What a pod's YAML gives a stage; nothing where it is no such YAML, which Jenkins finds out when it runs."""
    try:
        data = compose(text, "pod").plain()
    except ParseError:
        return Pod()
    spec = data.get("spec") if isinstance(data, dict) else None
    listed = spec.get("containers") if isinstance(spec, dict) else None
    rows = [one for one in listed or () if isinstance(one, dict) and one.get("name") and one.get("image")]
    found = {str(row["name"]): row for row in rows}
    mine = found.get(default or AGENT)
    services = {
        name: _container(row)
        for name, row in found.items()
        if name not in (default, AGENT) and not _idle(row)
    }
    return Pod(_container(mine, steps=True) if mine else None, services)


def _idle(row: Mapping[str, Any]) -> bool:
    """Whether a container only waits for steps."""
    words = [*_words(row.get("command")), *_words(row.get("args"))]
    return row.get("tty") is True or any(word.rpartition("/")[2] in _IDLE for word in words)


def _words(value: Any) -> list[str]:
    if isinstance(value, list):
        return [word for one in value for word in str(one).split()]
    return str(value).split() if value is not None else []


def _container(row: Mapping[str, Any], *, steps: bool = False) -> Container:
    """A container; what one for steps runs is only there to keep it alive."""
    said: dict[str, Any] = {
        "entrypoint": shlex.join(map(str, row["command"])) if isinstance(row.get("command"), list) else None,
        "command": shlex.join(map(str, row["args"])) if isinstance(row.get("args"), list) else None,
    }
    return Container(
        image=str(row["image"]),
        variables={str(one["name"]): str(one["value"]) for one in _dicts(row.get("env")) if "value" in one},
        ports=tuple(str(one["containerPort"]) for one in _dicts(row.get("ports")) if "containerPort" in one),
        **({} if steps else {key: value for key, value in said.items() if value}),
    )


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
