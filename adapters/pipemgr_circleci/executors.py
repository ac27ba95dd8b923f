"""Executors: where a job runs, as runner, container and services.

Sources: https://circleci.com/docs/reference/configuration-reference/#docker, #machine, #macos, #resourceclass
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any, Final

from pipemgr.adapter import Fidelity, Fields, Node, expand_stage
from pipemgr.model.definitions import HINTS, Container, Data, Defaults, Runner, Stage, Step
from pipemgr.model.expressions import Access, Expression, Literal, Name
from pipemgr.model.templates import Part, untemplate

from .config import Library
from .echoes import Echo
from .places import FOLDER
from .shell import from_circleci
from .texts import Texts

PLACES: Final = ("docker", "machine", "macos", "windows")
KEYS: Final = (*PLACES, "resource_class", "shell", "working_directory", "environment")
"""What an executor says; a job may say it too, and then its own word counts."""
FASTER: Final = ("docker_layer_caching",)
"""What a machine says only to be faster: no other vendor's result is another without it."""
_ARM: Final = "arm."
_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_MATRIX: Final = re.compile(r"<<\s*matrix\.([\w.-]+)\s*>>")


class UndecidedError(Exception):
    """An axis of a matrix decides what must be known before a job can be read."""

    def __init__(self, axis: str) -> None:
        super().__init__(axis)
        self.axis = axis


def decided(node: Node) -> Node:
    """The node; raises `UndecidedError` where an axis of the matrix decides what it says."""
    if isinstance(node.value, str) and (match := _MATRIX.search(node.value)):
        raise UndecidedError(match[1])
    for child in node.children.values() if isinstance(node.children, dict) else node.children or ():
        decided(child)
    return node


class ExecutorReader:
    """Reads where jobs run."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts
        self.tables = texts.words.tables

    def merge(self, job: Echo) -> Data | None:
        """Put what the job's `executor` says beside what the job says; the call of an orb's executor is returned."""
        named = job.items().get("executor")
        if named is None or not isinstance(job.children, dict):
            return None
        library = named.library if isinstance(named, Echo) else job.library
        name, given = self._call(decided(named))
        found = library.find("executors", name) if isinstance(library, Library) else None
        if isinstance(found, str):
            return {"call": found, "inputs": {key: self.texts.data(one) for key, one in given.items()}}
        if found is None:
            named.problem(f"there is no executor {name!r}: define it under `executors`, or correct its name")
            return None
        self._lay(job, found.library.use(found, given, named, job))
        return None

    def _call(self, node: Node) -> tuple[str, dict[str, Node]]:
        node.take()
        if node.kind != "mapping":
            return node.text(), {}
        entries = dict(node.items())
        name = entries.pop("name", None)
        if name is None:
            node.problem("an executor with parameters needs its `name`")
        return (name.text() if name else ""), entries

    @staticmethod
    def _lay(job: Echo, body: Echo) -> None:
        """The executor's keys beside those of the job, whose own word counts."""
        mine = job.items()
        for key, node in body.items().items():
            own = mine.setdefault(key, node)
            if key == "environment" and isinstance(own.children, dict) and node.kind == "mapping":
                own.children = {**node.items(), **own.children}
            if own is not node:
                node.take_all()
        for key in ("parameters", "description"):
            if (one := body.items().get(key)) is not None:
                one.take_all()

    # Machines ------------------------------------------------------------------------------------------

    def read(self, fields: Fields, executor: Data | None) -> tuple[dict[str, Any], list[Step]]:
        """Runner, container, services, variables and defaults of a job, and the steps that prepare its machine."""
        found, steps = self._place(fields, executor)
        if (node := fields.take("shell", "defaults.shell")) is not None:
            found["defaults"] = Defaults(shell=from_circleci(self.texts.text(node)))
        if (
            node := fields.take("working_directory", f"vendor.{fields.kept.vendor}.{HINTS}.working_directory")
        ) is not None:
            folder = self.texts.text(node)
            fields.kept.put(folder, HINTS, "working_directory")
            if folder not in (FOLDER, "."):
                why = "the folder that CircleCI checks out into; other vendors have a folder of their own for that"
                remedy = "look for the name of this folder in scripts and tools that count on it"
                node.finding(Fidelity.EQUIVALENT, f"working_directory {folder}", why, remedy)
        variables = self.texts.table(fields.take("environment", "variables"))
        found["variables"] = {**found.get("variables", {}), **variables}
        return found, steps

    def _place(self, fields: Fields, executor: Data | None) -> tuple[dict[str, Any], list[Step]]:
        size = fields.take("resource_class", "runner.size")
        text = self.texts.text(size) if size is not None else None
        for key, read in {"docker": self._docker, "machine": self._machine, "macos": self._macos}.items():
            if (
                key in fields
                and (node := fields.take(key, "" if key == "docker" else "runner.name")) is not None
            ):
                if (named := fields.take("executor", "runner")) is not None:
                    named.take_all()
                return read(fields, node, text)
        named = fields.take("executor", "container")
        if executor is not None and named is not None:
            return self._package(fields, named, executor, text), []
        return ({"runner": Runner(size=text)} if text else {}), []

    def _package(self, fields: Fields, named: Node, executor: Data, size: str | None) -> dict[str, Any]:
        """An executor of an orb of the registry."""
        row = self.tables.jobs.executors.get(str(executor["call"]))
        inputs: Any = executor["inputs"]
        fields.kept.put(named.plain(), *([HINTS] if row else []), "executor")
        if row is None:
            named.feeds(f"{fields.model}.vendor.{fields.kept.vendor}.executor")
        data = expand_stage(row, inputs) if row is not None else {}
        stage = Stage.model_validate({"id": "x", **data})
        found = {key: getattr(stage, key) for key in data}
        if size is not None:
            found["runner"] = Runner(name=stage.runner.name if stage.runner else None, size=size)
        return found

    def _docker(self, fields: Fields, node: Node, size: str | None) -> tuple[dict[str, Any], list[Step]]:
        entries = node.entries()
        machine = "linux-arm" if size is not None and size.startswith(_ARM) else "linux"
        found: dict[str, Any] = {"runner": self._own(size) or Runner(name=machine, size=size)}
        services: dict[str, Container] = {}
        unnamed: list[Any] = []
        for at, entry in enumerate(entries):
            if at == 0:
                found["container"] = self._container(entry, fields, "container", at)
                continue
            name, said = self._host(entry, services)
            services[name] = self._container(entry, fields, f"services.{name}", at)
            unnamed += [] if said else [name]
        if not entries:
            node.problem("docker needs at least one image")
        if unnamed:
            fields.kept.put(unnamed, HINTS, "unnamed-services")
        return {**found, "services": services}, []

    def _host(self, entry: Node, known: Mapping[str, Container]) -> tuple[str, bool]:
        """The host name of a service, and whether the definition says it: by default it is on localhost."""
        entries = entry.items()
        if (name := entries.get("name")) is not None:
            return self.texts.text(name), True
        image = entries.get("image")
        text = str(image.value) if image is not None else ""
        last = text.partition("@")[0].rpartition("/")[2].partition(":")[0]
        bare = re.sub(r"[^A-Za-z0-9_-]+", "-", last).strip("-").lower() or "service"
        return next(
            one for one in (bare, *(f"{bare}-{at}" for at in range(2, 100))) if one not in known
        ), False

    def _container(self, entry: Node, around: Fields, feeds: str, at: int) -> Container:
        fields = around.below(entry.feeds(f"{around.model}.{feeds}"), "docker", feeds)
        fields.path = (*around.path, "docker", str(at))
        found = self.texts.some(fields, {"image": "image"})
        if "image" not in found:
            entry.problem("a container needs an `image`")
        if (name := fields.take("name", "")) is not None:
            name.take()
        for key in ("entrypoint", "command"):
            if (node := fields.take(key, key)) is not None:
                found[key] = self._command(node)
        if (node := fields.take("user", "options")) is not None:
            found["options"] = f"--user {self.texts.text(node)}"
        found["variables"] = self.texts.table(fields.take("environment", "variables"))
        if (auth := fields.inner("auth", "")) is not None:
            for key in ("username", "password"):
                if (node := auth.take(key, key)) is not None:
                    found[key] = self.reference(self.texts.text(node))
            auth.rest()
        fields.rest()
        return Container(**{"image": "", **found})

    def _command(self, node: Node) -> str:
        if node.kind == "sequence":
            return shlex.join(self.texts.text(one) for one in node.entries())
        return self.texts.text(node)

    @staticmethod
    def reference(text: str) -> str:
        """A text in which environment variables are named: they come from contexts and the project."""
        parts: list[Part] = []
        at = 0
        for match in _VARIABLE.finditer(text) if "${{" not in text else ():
            secret: Expression = Access(Name("secrets"), Literal(match[1] or match[2]))
            parts += [text[at : match.start()]] if match.start() > at else []
            parts.append(secret)
            at = match.end()
        return untemplate((*parts, text[at:])) if parts else text

    def _machine(self, fields: Fields, node: Node, size: str | None) -> tuple[dict[str, Any], list[Step]]:
        decided(node.take())
        if (own := self._own(size)) is not None:
            self._options(fields, node, ())
            return {"runner": own}, []
        data: Any = node.plain()
        image = data.get("image") if isinstance(data, dict) else data if isinstance(data, str) else None
        wanted: Data = {"machine": {"image": image} if image is not None else True}
        name = self.tables.runners.find({**wanted, **({"resource_class": size} if size else {})})
        self._options(fields, node, ("image", "enabled") if name else ("enabled",))
        kind = name or _system(str(image), size)
        usual: Any = self.tables.runners.options(kind)
        if image is not None and name is not None and usual.get("machine") != {"image": image}:
            fields.kept.put(image, HINTS, "image")
        size = None if size is not None and usual.get("resource_class") == size else size
        return {"runner": Runner(name=kind, size=size)}, []

    @staticmethod
    def _options(fields: Fields, node: Node, known: tuple[str, ...]) -> None:
        """Keep what else a machine says."""
        if node.kind != "mapping":
            return
        for key, one in node.items().items():
            if key in FASTER:
                fields.kept.put(one.plain(), HINTS, "machine", key)
                one.feeds(f"{fields.kept.model}.{HINTS}.machine.{key}")
            elif key not in known:
                fields.kept.keep(one, "machine", key)

    @staticmethod
    def _own(size: str | None) -> Runner | None:
        """A machine that its owner registered: namespace/name."""
        return Runner(labels=(size,)) if size is not None and "/" in size and "${{" not in size else None

    def _macos(self, fields: Fields, node: Node, size: str | None) -> tuple[dict[str, Any], list[Step]]:
        entries = decided(node).items()
        xcode = entries.get("xcode")
        for key, one in entries.items():
            if key != "xcode":
                fields.kept.keep(one, "macos", key)
        if xcode is None:
            node.problem("macos needs the version of `xcode`")
            return {}, []
        version = self.texts.text(xcode.feeds(f"{fields.model}.steps[0].inputs.version"))
        name = self.tables.runners.find(
            {"macos": {"xcode": version}, **({"resource_class": size} if size else {})}
        )
        step = Step(action="setup.xcode", inputs={"version": version})
        return {"runner": Runner(name=name or "macos", size=size)}, [step]


def _system(image: str, size: str | None) -> str:
    """What a machine is whose image no row knows."""
    if "windows" in image:
        return "windows"
    return "linux-arm" if size is not None and size.startswith(_ARM) else "linux"
