"""Machines and containers out: where a stage runs, as an executor of CircleCI."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from pipemgr.adapter import Fidelity, overlaid, said
from pipemgr.model.definitions import Container, Data, Runner, Stage, Step

from .phrases import Phrases
from .words import hints, own

DOCKER: Final = "docker"
DEFAULT_RUNNER: Final = "linux"
ARM: Final = "arm.medium"
"""The smallest machine with ARM processors: https://circleci.com/docs/guides/execution-managed/using-arm/."""
TEMP: Final = "/tmp"  # noqa: S108 - of the machine that the job runs on, which nobody else uses
XCODE: Final = "setup.xcode"
BASE_IMAGE: Final = "cimg/base:current"
"""What a stage runs in that has services and names no container."""
_USER: Final = re.compile(r"(?:--user|-u)[ =](\S+)")
_LOCAL: Final = "localhost"
_PORTS: Final = re.compile(r"(?:[\d.]+:)?(\d+):(\d+)(?:/\w+)?")
SYSTEMS: Final = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}
ARCHITECTURES: Final = {"x64": "X64", "arm64": "ARM64"}
EXECUTOR_KEYS: Final = (
    "docker",
    "machine",
    "macos",
    "resource_class",
    "shell",
    "working_directory",
    "environment",
)


@dataclass(frozen=True)
class Place:
    """Where a stage runs: the keys that say so, and what is known there."""

    data: Data
    system: str = "linux"
    known: dict[str, str] = field(default_factory=dict)


def _as_before(data: Data, image: JsonValue, steps: tuple[Step, ...]) -> Data:
    """The machine with the image that its definition named, and the Xcode that its first step asks for."""
    machine = data.get("machine")
    if isinstance(image, str) and machine is not None:
        return {**data, "machine": {"image": image}}
    version = steps[0].inputs.get("version") if steps and steps[0].action == XCODE else None
    if isinstance(version, str) and "macos" in data:
        return {"macos": {"xcode": version}}
    return data


def _more(image: Data, kept: JsonValue) -> Data:
    """An image with what else its definition said of it, for CircleCI only."""
    return overlaid(image, kept) if isinstance(kept, dict) else image


class ExecutorWriter:
    """Writes executors."""

    def __init__(self, phrases: Phrases) -> None:
        self.phrases = phrases
        self.losses = phrases.losses
        self.tables = phrases.words.tables

    def place(self, stage: Stage, path: str, executor: JsonValue = None) -> Place:
        """Where a stage runs; `executor` is one of an orb that says it all."""
        runner = stage.runner or Runner()
        if (named := executor or own(stage.vendor).get("executor")) is not None:
            size = self.phrases.field(runner.size if executor is None else None, f"{path}runner.size")
            kind = self.tables.catalogue.runners.get(runner.name or DEFAULT_RUNNER)
            return Place(said({"executor": named, "resource_class": size}), kind.os if kind else "linux")
        name = self._machine(runner, f"{path}runner")
        kind = self.tables.catalogue.runners.get(name or DEFAULT_RUNNER)
        known = (
            {"runner.os": SYSTEMS[kind.os], "runner.arch": ARCHITECTURES[kind.architecture]} if kind else {}
        )
        system = kind.os if kind else "linux"
        known |= {"runner.temp": TEMP} if system != "windows" else {}
        if stage.container is not None or stage.services:
            data = self._docker(stage, path) | self._beneath(runner, name, path)
        else:
            data = self._options(runner, name, path)
            data = _as_before(data, hints(stage.vendor).get("image"), stage.steps)
        boxed = stage.container is not None or bool(stage.services)
        own_class = next((one for one in runner.labels if boxed and "/" in one), None)
        size = self.phrases.field(runner.size or own_class, f"{path}runner.size")
        return Place({**data, **said({"resource_class": size})}, system, known)

    def _machine(self, runner: Runner, path: str) -> str | None:
        """The neutral machine that a runner names, by itself or by a label."""
        if runner.name is not None:
            return str(self.phrases.field(runner.name, path))
        if len(runner.labels) == 1 and runner.group is None:
            label = str(self.phrases.field(runner.labels[0], f"{path}.labels[0]"))
            return self.tables.runners.ours.get(label.lower()) or self._family(label, path)
        return None

    def _family(self, label: str, path: str) -> str | None:
        """The machine that a label of another vendor means: `ubuntu-latest` is the newest of its family."""
        known = self.tables.catalogue.runners
        family = label.lower().partition("-")[0]
        several = [name for name in known if name.partition("-")[0] == family]
        exact = label.lower() if label.lower() in known else None
        found = exact or (family if family in known else "linux" if several else None)
        if found and not exact:
            why = f"taken for the machine {found}"
            self.losses.add(Fidelity.EQUIVALENT, path, f"label {label}", why)
        return found

    def _options(self, runner: Runner, name: str | None, path: str) -> Data:
        if name is None and (runner.labels or runner.group):
            return self._own_machine(runner, path)
        if name is None:
            name = DEFAULT_RUNNER
            why = "CircleCI has no machine of its own choice: a current Linux machine is named"
            self.losses.add(Fidelity.EQUIVALENT, f"{path}runner", "no runner is named", why)
        if options := self.tables.runners.options(name):
            return dict(options)
        why, remedy = (
            "CircleCI hosts no such machine",
            "name another one, or a resource class of your own runners",
        )
        self.losses.add(Fidelity.MANUAL, f"{path}runner", f"runner {name}", why, remedy)
        kind = self.tables.catalogue.runners.get(name)
        return dict(self.tables.runners.options(kind.os if kind else DEFAULT_RUNNER))

    def _own_machine(self, runner: Runner, path: str) -> Data:
        """A machine that is registered by its owner: CircleCI knows these by a resource class."""
        words = [
            str(self.phrases.field(one, f"{path}runner.labels[{at}]")) for at, one in enumerate(runner.labels)
        ]
        words += [str(self.phrases.field(runner.group, f"{path}runner.group"))] if runner.group else []
        named = next((word for word in words if "/" in word), None)
        if named is None:
            named = "your-namespace/" + "-".join(
                re.sub(r"[^A-Za-z0-9_-]+", "-", word).strip("-") for word in words
            )
            why = "CircleCI knows machines of your own by a resource class, namespace/name"
            remedy = f"register a runner with the resource class {named}, with your own namespace"
            self.losses.add(Fidelity.MANUAL, f"{path}runner", f"runner {', '.join(words)}", why, remedy)
        return {"machine": True, "resource_class": named}

    def _beneath(self, runner: Runner, name: str | None, path: str) -> Data:
        """The machine that containers run on: what is said of it, and what CircleCI does with that."""
        if name is None:
            own_machine = runner.labels or runner.group
            return (
                {"resource_class": self._own_machine(runner, path)["resource_class"]} if own_machine else {}
            )
        kind = self.tables.catalogue.runners.get(name)
        if kind is None or kind.os != "linux":
            why, remedy = (
                "containers of CircleCI run on Linux",
                "use a machine of that kind, without a container",
            )
            self.losses.add(Fidelity.MANUAL, f"{path}runner", f"runner {name}", why, remedy)
        elif name not in (DEFAULT_RUNNER, f"{DEFAULT_RUNNER}-arm"):
            why = "containers run on Linux machines of CircleCI's choice"
            self.losses.add(Fidelity.EQUIVALENT, f"{path}runner", f"runner {name}", why)
        is_arm = kind is not None and kind.os == "linux" and kind.architecture == "arm64"
        return {"resource_class": ARM} if is_arm else {}

    # Containers ----------------------------------------------------------------------------------------

    def _docker(self, stage: Stage, path: str) -> Data:
        if stage.container is None:
            why = "CircleCI runs services beside a container only, so the stage runs in one too"
            remedy = f"choose an image with the tools that its steps need, in place of {BASE_IMAGE}"
            self.losses.add(Fidelity.APPROXIMATE, f"{path}services", "services beside a machine", why, remedy)
        primary = stage.container or Container(image=BASE_IMAGE)
        unnamed = hints(stage.vendor).get("unnamed-services")
        without = unnamed if isinstance(unnamed, list) else []
        images = [self._container(primary, f"{path}container")]
        for name, service in stage.services.items():
            image = self._container(service, f"{path}services.{name}")
            named = stage.container is not None and name not in without and name != _LOCAL
            images.append({"image": image.pop("image"), **({"name": name} if named else {}), **image})
        more = own(stage.vendor).get(DOCKER)
        if isinstance(more, dict):
            images = [_more(image, more.get(str(at))) for at, image in enumerate(images)]
        return {DOCKER: images}  # type: ignore[dict-item]

    def _container(self, container: Container, path: str) -> Data:
        interpolated = self.phrases.interpolated
        auth = {
            key: interpolated(getattr(container, key), f"{path}.{key}") for key in ("username", "password")
        }
        variables = {
            key: self.phrases.field(value, f"{path}.variables.{key}")
            for key, value in container.variables.items()
        }
        self._ports(container, path)
        return said(
            {
                "image": self.phrases.field(container.image, f"{path}.image"),
                "auth": said(auth),
                "user": self._user(container, path),
                "entrypoint": self.phrases.field(container.entrypoint, f"{path}.entrypoint"),
                "command": self.phrases.field(container.command, f"{path}.command"),
                "environment": variables,
            }
        )

    def _user(self, container: Container, path: str) -> JsonValue:
        """Who runs commands in the container: all that CircleCI takes of an engine's options."""
        if container.options is None:
            return None
        match = _USER.fullmatch(container.options.strip())
        if match is None:
            why = "CircleCI starts the containers itself, and takes no options but the user"
            remedy = "build an image that needs none"
            self.losses.add(Fidelity.DROPPED, f"{path}.options", f"options {container.options}", why, remedy)
            return None
        user: JsonValue = self.phrases.field(match[1], f"{path}.options")
        return user

    def _ports(self, container: Container, path: str) -> None:
        """Every port of a container is open to the others: only one that changes its number is lost."""
        for at, port in enumerate(container.ports):
            match = _PORTS.fullmatch(port)
            if match and match[1] != match[2]:
                why = "containers of a CircleCI job share one network, so a port can't get another number"
                remedy = f"let the steps use port {match[2]}"
                self.losses.add(Fidelity.DROPPED, f"{path}.ports[{at}]", f"port {port}", why, remedy)
