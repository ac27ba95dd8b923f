"""Options in: what holds for a pipeline, a block or a stage as a whole.

Source: https://www.jenkins.io/doc/book/pipeline/syntax/#options
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pipemgr.adapter import Node
from pipemgr.model.definitions import Concurrency

from .values import Target, Values

GROUP: Final = "${{ pipeline.name }}-${{ branch }}"
"""What shares the one place of `disableConcurrentBuilds`: the builds of a branch, each of which is a job."""
_UNITS: Final = {"SECONDS": "s", "MINUTES": "m", "HOURS": "h", "DAYS": "d"}
_SHOWN: Final = frozenset(
    {
        "ansiColor",
        "buildDiscarder",
        "disableRestartFromStage",
        "disableResume",
        "durabilityHint",
        "preserveStashes",
        "quietPeriod",
        "timestamps",
    }
)
"""How builds look, how long they are kept and how Jenkins survives restarts: nothing of what is done."""


@dataclass
class Options:
    """What options say."""

    fields: dict[str, Any] = field(default_factory=dict)
    """Fields of a stage or a pipeline: `timeout`, `retry`, `concurrency`."""
    kept: list[str] = field(default_factory=list)
    """Those that only Jenkins has, as they are written."""
    hints: list[str] = field(default_factory=list)
    """Those of no meaning for others."""
    fetches: bool | None = None
    folder: str | None = None
    """Where the source code goes, below the workspace."""


class OptionReader:
    """Reads options of a stage or a block, or of the pipeline, which has no path of its own."""

    def __init__(self, values: Values, target: Target) -> None:
        self.values = values
        self.target = target
        self.stage = bool(target.model)
        self.prefix = f"{target.model}." if target.model else ""
        self.found = Options()

    def read(self, node: Node | None) -> Options:
        """All options of a section."""
        if node is not None:
            node.feeds(self.target.model)
            for call in node.entries():
                self._one(call)
        return self.found

    def _one(self, call: Node) -> None:
        name = str(call.items()["name"].value)
        arguments = self.values.named(call)
        said = {
            "checkoutToSubdirectory": self._folder,
            "disableConcurrentBuilds": self._alone,
            "lock": self._lock,
            "retry": self._retry,
            "skipDefaultCheckout": self._skip,
            "timeout": self._timeout,
        }.get(name)
        if said is None or not said(call, arguments):
            shown = name in _SHOWN
            rows = self.found.hints if shown else self.found.kept
            call.feeds(f"{self.target.hints if shown else self.target.kept}.options[{len(rows)}]")
            rows.append(self.values.source(call))

    def _timeout(self, call: Node, arguments: Mapping[str, Node]) -> bool:
        time = arguments.get("time") or arguments.get("")
        unit = arguments.get("unit")
        letter = _UNITS.get(str(unit.value) if unit is not None else "MINUTES")
        if time is None or letter is None or arguments.keys() - {"", "time", "unit"}:
            return False
        text = self.values.text(time)
        if not text.replace(".", "", 1).isdecimal() and not (text.startswith("${{") and text.endswith("}}")):
            return False
        self._take(call, "timeout", f"{text}{letter}")
        return True

    def _retry(self, call: Node, arguments: Mapping[str, Node]) -> bool:
        count = arguments.get("") or arguments.get("count")
        if not self.stage or count is None or len(arguments) > 1 or not isinstance(count.value, int):
            return False
        self._take(call, "retry", max(count.value - 1, 0))
        return True

    def _alone(self, call: Node, arguments: Mapping[str, Node]) -> bool:
        if self.stage or arguments.keys() - {"abortPrevious"}:
            return False
        node = arguments.get("abortPrevious")
        cancel: Any = False
        if node is not None:
            cancel = node.value if isinstance(node.value, bool) else self.values.text(node)
        self._take(call, "concurrency", Concurrency(group=GROUP, cancel_running=cancel))
        return True

    def _lock(self, call: Node, arguments: Mapping[str, Node]) -> bool:
        node = arguments.get("") or arguments.get("resource")
        if not self.stage or node is None or len(arguments) > 1:
            return False
        self._take(call, "concurrency", Concurrency(group=self.values.text(node)))
        return True

    def _skip(self, call: Node, arguments: Mapping[str, Node]) -> bool:
        node = arguments.get("")
        if node is not None and not isinstance(node.value, bool):
            return False
        self.found.fetches = node is not None and node.value is False
        call.take_all().feeds(f"{self.prefix}steps" if self.prefix else "")
        return True

    def _folder(self, call: Node, arguments: Mapping[str, Node]) -> bool:
        node = arguments.get("")
        if node is None:
            return False
        self.found.folder = self.values.text(node)
        call.take_all().feeds("")
        return True

    def _take(self, call: Node, key: str, value: Any) -> None:
        call.take_all().feeds(f"{self.prefix}{key}")
        self.found.fields[key] = value
