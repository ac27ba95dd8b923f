"""Agents in: where a stage runs, as runner, container, services and the workspace that it shares.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#agent
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

from pipemgr.adapter import Node, Tables
from pipemgr.model.definitions import Container, Data, Runner
from pipemgr.model.expressions import Access, Literal, Name
from pipemgr.model.templates import untemplate

from .pods import Pod, pod
from .values import Target, Values

MAIN: Final = "main"
"""The workspace of the pipeline's own agent."""
_NOWHERE: Final = ("none",)
_ONLY_JENKINS: Final = ("dockerfile", "kubernetes")
"""Agents that are kept whole, whatever else is understood of them."""
_HARMLESS: Final = ("alwaysPull", "registryUrl", "reuseNode")
"""Options that are said in the model by other means, or change nothing of what runs."""
_HUB: Final = ("index.docker.io", "docker.io", "registry.hub.docker.com", "hub.docker.com")
_OPERATORS: Final = re.compile(r"\|\||!|\(|\)|->")


@dataclass(frozen=True)
class Place:
    """Where a stage runs. `kept` is what only Jenkins understands of its agent, `hints` what helps to write it again."""

    runner: Runner | None = None
    container: Container | None = None
    services: Mapping[str, Container] = field(default_factory=dict)
    workspace: str | None = None
    kept: Data = field(default_factory=dict)
    hints: Data = field(default_factory=dict)
    nowhere: bool = False
    """Whether there is no machine at all: `agent none`."""

    def shared(self, workspace: str) -> Place:
        """The place as a block hands it down: what else there is to know is kept with the block."""
        return replace(self, workspace=workspace, kept={}, hints={})


NOWHERE: Final = Place(nowhere=True)


class AgentReader:
    """Reads agents."""

    def __init__(self, values: Values, tables: Tables) -> None:
        self.values = values
        self.tables = tables

    def read(self, node: Node, target: Target) -> Place:
        """The place that an agent asks for."""
        items = dict(node.feeds(f"{target.model}.runner").items())
        kind = items.pop("kind").feeds(f"{target.model}.runner").text() if "kind" in items else "any"
        match kind:
            case "none":
                return NOWHERE
            case "any":
                return self._rest(Place(), items, target)
            case "label" | "node":
                return self._rest(
                    self._labelled(items, target, "value" if kind == "label" else "label"), items, target
                )
            case "docker":
                return self._docker(items, target)
        return self._own(kind, items, target)

    def labelled(self, items: dict[str, Node], target: Target) -> Place:
        """The machine that the label `value` asks for."""
        return self._labelled(items, target, "value")

    def _labelled(self, items: dict[str, Node], target: Target, key: str) -> Place:
        """The machine that a label asks for."""
        node = items.pop(key, None) or items.pop("label", None)
        if node is None:
            return Place()
        text = self.values.text(node.feeds(f"{target.model}.runner.labels"))
        if _OPERATORS.search(_plain(text)):
            node.feeds(f"{target.kept}.agent.label")
            return Place(kept={"label": text})
        return Place(runner=self.runner(text))

    def runner(self, label: str) -> Runner | None:
        """The runner that has all labels of a text; None where there is none."""
        labels = tuple(part for one in _conjuncts(label) if (part := one.strip()))
        if len(labels) == 1 and (name := self.tables.runners.ours.get(labels[0].lower())):
            return Runner(name=name)
        return Runner(labels=labels) if labels else None

    # Containers ----------------------------------------------------------------------------------------

    def _docker(self, items: dict[str, Node], target: Target) -> Place:
        place = self._labelled(items, target, "label")
        found: dict[str, Any] = {}
        for theirs, ours in {"image": "image", "value": "image", "args": "options"}.items():
            if (node := items.pop(theirs, None)) is not None:
                found[ours] = self.values.text(node.feeds(f"{target.model}.container.{ours}"))
        if (node := items.get("registryUrl")) is not None:
            found["image"] = within(self.values.text(node), found.get("image", ""))
        if (node := items.pop("registryCredentialsId", None)) is not None:
            name = self.values.text(node.feeds(f"{target.model}.container.password"))
            found |= {"username": _part(name, "username"), "password": _part(name, "password")}
        container = Container(**{"image": "", **found})
        return self._rest(replace(place, container=container), items, target)

    def _own(self, kind: str, items: dict[str, Node], target: Target) -> Place:
        """An agent that only Jenkins has, with what others can do of it."""
        label = items.get("label")
        text = self.values.text(label) if label is not None else ""
        place = Place(runner=self.runner(text) if text and not _OPERATORS.search(_plain(text)) else None)
        found = self._pod(items) if kind == "kubernetes" else Pod()
        kept: Data = {"kind": kind}
        for key, node in items.items():
            kept[key] = self.values.data(node.feeds(f"{target.kept}.agent.{key}"))
        return replace(place, container=found.container, services=found.services, kept=kept)

    def _pod(self, items: Mapping[str, Node]) -> Pod:
        text = items.get("yaml")
        default = items.get("defaultContainer")
        if text is None or not self.values.constant(text):
            return Pod()
        return pod(self.values.text(text), self.values.text(default) if default is not None else None)

    def _rest(self, place: Place, items: dict[str, Node], target: Target) -> Place:
        """What is left of an agent, kept for Jenkins."""
        kept, hints = dict(place.kept), dict(place.hints)
        for key, node in items.items():
            harmless = key in _HARMLESS
            where = target.hints if harmless else target.kept
            value = self.values.data(node.feeds(f"{where}.agent.{key}"))
            (hints if harmless else kept)[key] = value
        return replace(place, kept=kept, hints=hints)


def reuses(place: Place) -> bool:
    """Whether a container runs on the machine and in the folder of what is around it (`reuseNode true`)."""
    return place.container is not None and place.hints.get("reuseNode") is True


def within(registry: str, image: str) -> str:
    """An image in a registry: its host in front, as the plugin docker-workflow pulls it."""
    host = urlsplit(registry if "//" in registry else f"https://{registry}").netloc
    if not host or "${{" in registry or host in _HUB or image.startswith(f"{host}/"):
        return image
    return f"{host}/{image}"


def _part(credentials: str, part: str) -> str:
    """A reference to a part of credentials."""
    return untemplate((Access(Name("secrets"), Literal(f"{credentials}:{part}")),))


def _plain(text: str) -> str:
    """A text without its templates."""
    return re.sub(r"\$\{\{.*?\}\}", "", text, flags=re.DOTALL)


def _conjuncts(text: str) -> Iterator[str]:
    """The parts of a text between `&&` that stand in no template."""
    part = ""
    for piece in re.split(r"(\$\{\{.*?\}\}|&&)", text, flags=re.DOTALL):
        if piece == "&&":
            yield part
            part = ""
        else:
            part += piece
    yield part
