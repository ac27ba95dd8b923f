"""Jobs: a job becomes a stage."""

from __future__ import annotations

import re
from typing import Any, Final

from pipemgr.adapter import Fields, Kept, Node
from pipemgr.model.definitions import (
    ID_PATTERN,
    Concurrency,
    Container,
    Data,
    Defaults,
    Environment,
    Matrix,
    Runner,
    Stage,
)

from .local_actions import LocalActions
from .shells import from_github
from .steps import StepReader
from .texts import Texts
from .words import VENDOR, Words

ALL: Final = "*"
"""The scope of a permission for everything."""
WIDE: Final = {"read-all": "read", "write-all": "write"}


class PartReader:
    """Reads what workflows and jobs have in common."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts

    def common(self, fields: Fields) -> dict[str, Any]:
        """The fields env, defaults, permissions and concurrency, by their names in the model."""
        found: dict[str, Any] = {"variables": self.texts.table(fields.inner("env", "variables"))}
        if (defaults := fields.inner("defaults", "defaults")) is not None:
            found["defaults"] = self.defaults(defaults)
        if (node := fields.take("permissions", "permissions")) is not None:
            found["permissions"] = self.permissions(node)
        if (node := fields.take("concurrency", "concurrency")) is not None:
            found["concurrency"] = self.concurrency(node, fields)
        return found

    def defaults(self, fields: Fields) -> Defaults | None:
        """`defaults`, of which GitHub knows `run`."""
        run = fields.inner("run", "")
        fields.rest()
        if run is None:
            return None
        found = self.texts.some(run, {"shell": "shell", "working-directory": "directory"})
        run.rest()
        if "shell" in found:
            found["shell"] = from_github(found["shell"])
        return Defaults(**found)

    def permissions(self, node: Node) -> dict[str, str]:
        """`permissions`: a word for all scopes, or scope by scope."""
        if node.kind in ("mapping", "null"):
            return {scope: one.text() for scope, one in node.items().items()}
        if (word := node.text()) not in WIDE:
            node.problem(f"permissions are {', '.join(WIDE)} or a mapping, not {word!r}")
        return {ALL: WIDE.get(word, word)}

    def concurrency(self, node: Node, around: Fields) -> Concurrency | None:
        """`concurrency`: a group, or a mapping with one."""
        if node.kind != "mapping":
            return Concurrency(group=self.texts.text(node))
        fields = around.below(node, "concurrency", "concurrency")
        group = fields.take("group", "group")
        cancel = fields.take("cancel-in-progress", "cancel-running")
        fields.rest()
        if group is None:
            node.problem("concurrency needs a group")
            return None
        flag = self.texts.flag(cancel) if cancel is not None else False
        return Concurrency(group=self.texts.text(group), cancel_running=flag)


class JobReader(PartReader):
    """Reads jobs."""

    def __init__(self, texts: Texts, words: Words, actions: LocalActions) -> None:
        super().__init__(texts)
        self.words = words
        self.steps = StepReader(texts, words, actions)

    def read(self, name: str, node: Node) -> Stage | None:
        """The stage that a job is; None when it can't be one, which is noted."""
        if not re.fullmatch(ID_PATTERN, name):
            node.take_all()
            node.problem(
                f"{name!r} can't name a job: letters, digits, - and _, not beginning with a digit or -"
            )
            return None
        model = f"stages.{name}"
        kept = Kept(model, VENDOR)
        fields = Fields(node.feeds(model), model, kept)
        found = self.texts.some(fields, {"name": "name"})
        found |= self.common(fields) | self._control(fields) | self._place(fields)
        if (strategy := fields.inner("strategy", "")) is not None:
            found |= self._strategy(strategy)
        if (steps := fields.take("steps", "steps")) is not None:
            found["steps"] = self.steps.read_all(steps.entries(), f"{model}.steps")
        fields.rest()
        self._check(node, kept, found)
        return Stage(id=name, vendor=kept.said(), **found)

    @staticmethod
    def _check(node: Node, kept: Kept, found: dict[str, Any]) -> None:
        if "uses" in kept.data:
            return
        if found.get("runner") in (None, Runner()):
            node.problem(f"job {node.key!r} has no runs-on, and uses no other workflow either")
        if not (found.get("steps") or kept.data):
            node.problem(f"job {node.key!r} has no steps")

    def _control(self, fields: Fields) -> dict[str, Any]:
        """When and how long a job runs, and what it hands on."""
        found: dict[str, Any] = {}
        if (node := fields.take("needs", "needs")) is not None:
            found["needs"] = tuple(one.text() for one in node.one_or_many())
        if (node := fields.take("if", "when")) is not None:
            found["when"] = self.texts.condition(node)
        if (node := fields.take("timeout-minutes", "timeout")) is not None:
            found["timeout"] = self.texts.minutes(node)
        if (node := fields.take("continue-on-error", "allow-failure")) is not None:
            found["allow_failure"] = self.texts.flag(node)
        found["outputs"] = self.texts.table(fields.inner("outputs", "outputs"))
        return found

    def _place(self, fields: Fields) -> dict[str, Any]:
        """Where a job runs, and where to it deploys."""
        found: dict[str, Any] = {}
        if (node := fields.take("runs-on", "runner")) is not None:
            found["runner"] = self._runner(node, fields)
        if (node := fields.take("container", "container")) is not None:
            found["container"] = self._container(node, fields, "container")
        if (services := fields.inner("services", "services")) is not None:
            found["services"] = self._services(services)
        if (node := fields.take("environment", "environment")) is not None:
            found["environment"] = self._environment(node, fields)
        return found

    def _runner(self, node: Node, around: Fields) -> Runner:
        found: dict[str, Any] = {}
        if node.kind == "mapping":
            fields = around.below(node, "runs-on", "runner")
            found = self.texts.some(fields, {"group": "group"})
            labels = fields.take("labels", "labels")
            fields.rest()
        else:
            labels = node
        words = self.texts.texts(labels) if labels is not None else ()
        name = self.words.runners.ours.get(words[0].lower()) if len(words) == 1 and not found else None
        return Runner(name=name) if name else Runner(labels=words, **found)

    def _services(self, fields: Fields) -> dict[str, Container]:
        found = {}
        for name, node in fields.drain():
            node.feeds(f"{fields.model}.{name}")
            container = self._container(node, fields, name) if node.kind == "mapping" else None
            if container is not None:
                found[name] = container
            elif node.kind != "mapping":
                fields.keep(node, name)
        return found

    def _container(self, node: Node, around: Fields, key: str) -> Container | None:
        if node.kind == "null":
            node.take()
            return None
        if node.kind != "mapping":
            return Container(image=self.texts.text(node))
        fields = around.below(node, key, key)
        keys = ("image", "options", "command", "entrypoint")
        found = self.texts.some(fields, dict(zip(keys, keys, strict=True)))
        found["variables"] = self.texts.table(fields.inner("env", "variables"))
        for many in ("ports", "volumes"):
            if (one := fields.take(many, many)) is not None:
                found[many] = self.texts.texts(one)
        if (credentials := fields.inner("credentials", "")) is not None:
            found |= self.texts.some(credentials, {"username": "username", "password": "password"})
            credentials.rest()
        fields.rest()
        if "image" not in found:
            node.problem(f"{node.label} needs an image")
            return None
        return Container(**found)

    def _environment(self, node: Node, around: Fields) -> Environment | None:
        if node.kind != "mapping":
            return Environment(name=self.texts.text(node))
        fields = around.below(node, "environment", "environment")
        found = self.texts.some(fields, {"name": "name", "url": "url"})
        fields.rest()
        if "name" not in found:
            node.problem("environment needs a name")
            return None
        return Environment(**found)

    # Matrices ------------------------------------------------------------------------------------------

    def _strategy(self, fields: Fields) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if (node := fields.take("fail-fast", "fail-fast")) is not None:
            found["fail_fast"] = self.texts.flag(node)
        if (node := fields.take("max-parallel", "max-parallel")) is not None:
            found["max_parallel"] = self.texts.count(node)
        if (node := fields.take("matrix", "matrix")) is not None:
            found["matrix"] = self._matrix(node, fields)
        fields.rest()
        return found

    def _matrix(self, node: Node, around: Fields) -> Matrix:
        if node.kind != "mapping":
            return Matrix(expression=self.texts.template(node, "a mapping of axes"))
        fields = around.below(node, "matrix", "matrix")
        found: dict[str, Any] = {}
        axes: dict[str, tuple[Any, ...] | str] = {}
        for key, one in fields.drain():
            if key in ("include", "exclude"):
                found[key] = self._combinations(one.feeds(f"{fields.model}.{key}"))
            else:
                one.feeds(f"{fields.model}.axes.{key}")
                axes[key] = (
                    tuple(map(self.texts.data, one.entries()))
                    if one.kind == "sequence"
                    else self.texts.template(one, "a list")
                )
        return Matrix(axes=axes, **found)

    def _combinations(self, node: Node) -> tuple[Data, ...] | str:
        if node.kind != "sequence":
            return self.texts.template(node, "a list")
        return tuple(
            {key: self.texts.data(one) for key, one in row.items().items()} for row in node.entries()
        )
