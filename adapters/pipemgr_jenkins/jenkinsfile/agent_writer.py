"""Agents out: where stages run, as `agent` sections.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#agent
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, Final

from pipemgr.adapter import Fidelity
from pipemgr.model.definitions import Container, Data, Runner, Stage
from pipemgr_jenkins.groovy.quoting import quoted

from .call_writer import statement
from .credentials import split
from .layout import Block, Item, Statement
from .text_writer import Texts, secret_of

ANY: Final = "any"
_WINDOWS: Final = "windows"


class AgentWriter:
    """Writes agents."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts
        self.losses = texts.losses

    def write(self, stage: Stage, own: Data, shown: Data, *, reuse: bool = False) -> tuple[Item, ...]:
        """The agent of a stage, or of what is around it; `own` and `shown` is what Jenkins alone knows of it.

        With `reuse` a container runs on the machine, and in the folder, of what is around.
        """
        path = f"stages.{stage.id}"
        if isinstance(kind := own.get("kind"), str):
            rest = {key: value for key, value in own.items() if key != "kind"}
            if set(rest) == {"value"}:
                return (Block("agent", (Statement(statement(kind, self.texts.value(rest["value"], path))),)),)
            return (Block("agent", (self._block(kind, rest, path),)),) if rest else _single(kind)
        label = own.get("label")
        text = str(label) if isinstance(label, str) else self.label(stage.runner, path)
        more = {key: value for key, value in {**own, **shown}.items() if key not in ("label", "reuseNode")}
        if stage.container is not None and not stage.services:
            return self._docker(stage.container, text if not reuse else "", more, path, reuse=reuse)
        if more:
            return (Block("agent", (self._block("node", {"label": text, **more}, path),)),)
        if not text:
            return _single(ANY)
        return (
            Block("agent", (Statement(statement("label", self.texts.text(text, f"{path}.runner.labels"))),)),
        )

    def label(self, runner: Runner | None, path: str) -> str:
        """The label expression of a machine; empty where any will do."""
        if runner is None:
            return ""
        if runner.group is not None:
            why = "Jenkins has no groups of machines; the group is a label now"
            remedy = "give the group's machines that label, or name another one"
            self.losses.add(Fidelity.MANUAL, f"{path}.runner.group", f"group {runner.group}", why, remedy)
        words = [*runner.labels, *([runner.group] if runner.group else [])]
        if runner.name is not None:
            known = self.texts.words.tables.runners.theirs.get(runner.name)
            if known is None:
                known = runner.name
                why = "Jenkins knows its machines by their labels only"
                remedy = "give an agent that label, or name another one"
                self.losses.add(
                    Fidelity.EQUIVALENT, f"{path}.runner.name", f"runner {runner.name}", why, remedy
                )
            words.insert(0, known)
        return " && ".join(words)

    def _block(self, kind: str, data: Mapping[str, Any], path: str) -> Item:
        """A kind of agent with its options, in blocks where they have some of their own."""
        items: list[Item] = []
        for name, value in data.items():
            if isinstance(value, dict):
                items.append(self._block(name, value, path))
            else:
                items.append(Statement(statement(name, self.texts.value(value, f"{path}.runner"))))
        return Block(kind, tuple(items))

    # Containers ------------------------------------------------------------------------------------------

    def _docker(
        self, container: Container, label: str, more: Data, path: str, *, reuse: bool
    ) -> tuple[Item, ...]:
        at = f"{path}.container"
        given: dict[str, str] = {"image": self.texts.text(container.image, f"{at}.image")}
        if args := arguments(container, self.losses, at):
            given["args"] = self.texts.text(args, f"{at}.options")
        if label:
            given["label"] = self.texts.text(label, f"{path}.runner")
        given |= self._credentials(container, more, at)
        given |= {key: self.texts.value(value, at) for key, value in more.items()}
        if reuse:
            given["reuseNode"] = "true"
        if set(given) == {"image"}:
            return (Block("agent", (Statement(statement("docker", given["image"])),)),)
        items = tuple(Statement(f"{key} {value}") for key, value in given.items())
        return (Block("agent", (Block("docker", items),)),)

    def _credentials(self, container: Container, more: Data, at: str) -> dict[str, str]:
        """What fetches the image: a credential with a user name and a password."""
        if container.password is None:
            return {}
        name = secret_of(container.password)
        identity, part = split(name or "")
        host = container.image.partition("/")[0] if "." in container.image.partition("/")[0] else ""
        if part != "password":
            identity = f"{host or 'docker'}-registry"
            why = "Jenkins fetches images by one credential that has the user name and the password"
            remedy = f"create the credential {identity} of the kind 'Username with password'"
            what = f"credential {identity}"
            self.losses.add(Fidelity.MANUAL, f"{at}.password", what, why, remedy, kind="secret")
            self.losses.add(
                Fidelity.EQUIVALENT,
                f"{at}.username",
                "user name of the registry",
                "it is part of the credential",
            )
        found = {"registryCredentialsId": quoted(identity)}
        if host and "registryUrl" not in more:
            found = {"registryUrl": quoted(f"https://{host}"), **found}
        return found


def arguments(container: Container, losses: Any, path: str) -> str:
    """What `docker run` is given for a container."""
    words = [
        f"-e {shlex.quote(f'{name}={value}') if '${{' not in value else f'{name}={value}'}"
        for name, value in container.variables.items()
    ]
    words += [f"-p {port}" for port in container.ports]
    words += [f"-v {volume}" for volume in container.volumes]
    if container.entrypoint is not None:
        words.append(f"--entrypoint={shlex.quote(container.entrypoint)}")
    if container.options:
        words.append(container.options)
    if container.command is not None and path.endswith(".container"):
        why = "Jenkins keeps the container of a stage alive by a command of its own"
        losses.add(Fidelity.EQUIVALENT, f"{path}.command", f"command {container.command}", why)
    moved = [key for key in ("variables", "ports", "volumes", "entrypoint") if getattr(container, key)]
    if moved:
        why = "written as arguments of docker run"
        losses.add(Fidelity.EQUIVALENT, path, f"{', '.join(moved)} of the container", why)
    return " ".join(words)


def is_windows(runner: Runner | None) -> bool:
    """Whether a machine surely runs Windows."""
    words = (runner.name or "", *runner.labels) if runner else ()
    return any(_WINDOWS in word.lower() for word in words)


def _single(kind: str) -> tuple[Item, ...]:
    return (Statement(f"agent {kind}") if kind in ("any", "none") else Block("agent", (Statement(kind),)),)
